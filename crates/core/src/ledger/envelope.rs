//! The DSSE v1 envelope around one entry: the bytes of `entry.json`.
//!
//! There is exactly one text for an envelope: compact JSON, fields in the order of the DSSE document, one signature, one newline
//! at the end. Anything else is refused, so that nobody can vary the bytes of an entry without breaking it. The signature is
//! checked over the payload as it was kept; nothing is serialised anew for that.
//!
//! Source: <https://github.com/secure-systems-lab/dsse>, `protocol.md` and `envelope.md`, version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::keys::{KeyFingerprint, PublicKey, SigningKey};
use crate::domain::Digest;

/// Payload type of every entry (in-toto attestation framework, `envelope.md`).
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Largest envelope written or read, in bytes.
pub const MAX_ENVELOPE: usize = 8 << 20;

/// Why some bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Longer than [`MAX_ENVELOPE`].
    #[error("it is larger than {MAX_ENVELOPE} bytes")]
    TooLarge,
    /// No JSON object with exactly the fields of an envelope.
    #[error("it is no DSSE envelope")]
    Shape,
    /// Another payload type.
    #[error("its payload type is not `{PAYLOAD_TYPE}`")]
    PayloadType,
    /// Payload or signature is not base64, or the signature is not 64 bytes.
    #[error("its payload or its signature is not what base64 makes")]
    Base64,
    /// Not exactly one signature.
    #[error("it does not carry exactly one signature")]
    Signatures,
    /// The key id is no fingerprint.
    #[error("its key id is no fingerprint")]
    KeyId,
    /// The same content in another spelling.
    #[error("it is not written the one way an entry is written")]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

/// One signed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    key: KeyFingerprint,
    signature: [u8; 64],
}

impl Envelope {
    /// Signs a payload.
    #[must_use]
    pub fn sign(payload: Vec<u8>, key: &SigningKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload));
        Self { payload, key: key.fingerprint(), signature }
    }

    /// Reads the one text an envelope has.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLarge);
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| EnvelopeError::Shape)?;
        if wire.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType);
        }
        let [one] = wire.signatures.as_slice() else { return Err(EnvelopeError::Signatures) };
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| EnvelopeError::Base64);
        let envelope = Self {
            payload: decode(&wire.payload)?,
            key: KeyFingerprint::parse(&one.keyid).map_err(|_| EnvelopeError::KeyId)?,
            signature: decode(&one.sig)?.try_into().map_err(|_| EnvelopeError::Base64)?,
        };
        if envelope.to_bytes() == bytes { Ok(envelope) } else { Err(EnvelopeError::NotCanonical) }
    }

    /// The text: what stands in `entry.json`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = Wire {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![WireSignature { keyid: self.key.to_string(), sig: STANDARD.encode(self.signature) }],
        };
        let mut bytes = serde_json::to_vec(&wire).expect("strings alone always serialise");
        bytes.push(b'\n');
        bytes
    }

    /// SHA-256 of the text: what the next entry names as its previous one.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The payload, exactly as signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The key the envelope says it was signed with. Not signed itself: the statement repeats it.
    #[must_use]
    pub fn key(&self) -> KeyFingerprint {
        self.key
    }

    /// Whether the signature is by this key, over the payload as kept.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.fingerprint() == self.key
            && key.verifies(&pre_authentication_encoding(PAYLOAD_TYPE, &self.payload), &self.signature)
    }
}

/// `PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`: the bytes that are signed.
pub(super) fn pre_authentication_encoding(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_dsse_document() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_survives_its_text_and_its_signature_holds() {
        let key = SigningKey::from_randomness(&[1; 32]);
        let envelope = Envelope::sign(b"{}".to_vec(), &key);
        let again = Envelope::parse(&envelope.to_bytes()).unwrap();
        assert_eq!(again, envelope);
        assert!(again.is_signed_by(&key.public()));
        let other = SigningKey::from_randomness(&[2; 32]);
        assert!(!again.is_signed_by(&other.public()));
        assert!(
            !Envelope { key: other.fingerprint(), ..again }.is_signed_by(&key.public()),
            "a good signature, misnamed"
        );
    }

    #[test]
    fn another_spelling_of_the_same_envelope_is_refused() {
        let text = String::from_utf8(Envelope::sign(b"{}".to_vec(), &SigningKey::from_randomness(&[1; 32])).to_bytes());
        let text = text.unwrap();
        let signature = &text[text.find("[{").unwrap() + 1..text.find("}]").unwrap() + 1];
        let cases = [
            ("no newline", text.trim_end().to_owned(), EnvelopeError::NotCanonical),
            ("two newlines", format!("{text}\n"), EnvelopeError::NotCanonical),
            ("white space", text.replacen(':', ": ", 1), EnvelopeError::NotCanonical),
            ("an escape", text.replacen("e30=", "\\u00653\\u0030=", 1), EnvelopeError::NotCanonical),
            ("a field twice", text.replacen('{', "{\"payload\":\"e30=\",", 1), EnvelopeError::Shape),
            ("a field more", text.replacen('{', "{\"x\":1,", 1), EnvelopeError::Shape),
            ("text behind", format!("{text}x"), EnvelopeError::Shape),
            ("no padding", text.replacen("e30=", "e30", 1), EnvelopeError::Base64),
            ("loose bits", text.replacen("e30=", "e31=", 1), EnvelopeError::Base64),
            ("another type", text.replacen("in-toto", "in-tato", 1), EnvelopeError::PayloadType),
            ("no signature", text.replacen(signature, "", 1), EnvelopeError::Signatures),
            ("two", text.replacen(signature, &format!("{signature},{signature}"), 1), EnvelopeError::Signatures),
            ("a key id of another kind", text.replacen("sha256:", "SHA256:", 1), EnvelopeError::KeyId),
            ("nothing", String::new(), EnvelopeError::Shape),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Envelope::parse(text.as_bytes()), Err(expected), "{name}: {text}");
        }
    }
}
