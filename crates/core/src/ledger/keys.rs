//! Keys that sign the ledger: reading, making, naming and using them.
//!
//! A key is named by its [`KeyFingerprint`]: SHA-256 over the 32 raw bytes of the public key, printed like every digest here,
//! `sha256:<64 hex digits>`. No randomness is drawn here, no file is read, and a private key never leaves [`SigningKey`] but as
//! the PEM text it is asked for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::domain::{Digest, InvalidId};

/// What a key is held by; a sync target may demand `server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyClass {
    /// A server that no committer can reach.
    Server,
    /// A secret of a workflow: whoever may edit workflows may use it.
    Action,
}

impl KeyClass {
    /// The word people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Action => "action",
        }
    }
}

/// The name of a key: SHA-256 of the raw public key, `sha256:<64 hex digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyFingerprint(Digest);

impl KeyFingerprint {
    /// Parses `sha256:<64 hex digits>`.
    ///
    /// # Errors
    /// When the text is anything else; prefixes of a fingerprint are refused.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Digest::parse(text).map(Self).map_err(|_| InvalidId::new(text, "a key fingerprint as `sha256:<64 hex digits>`"))
    }

    /// The digest itself.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyFingerprint {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

/// An Ed25519 public key; printed as base64 of its 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Parses base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is no base64 of 32 bytes, or the bytes are no usable public key (weak ones included).
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let wrong = || InvalidId::new(text, "an Ed25519 public key (base64 of 32 bytes)");
        let bytes: [u8; 32] = STANDARD.decode(text).ok().and_then(|raw| raw.try_into().ok()).ok_or_else(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        if key.is_weak() { Err(wrong()) } else { Ok(Self(key)) }
    }

    /// Its name.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint(Digest::of(self.0.as_bytes()))
    }

    /// Whether these 64 bytes are this key's signature of the message. Malleable and small-order signatures are refused.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// A text that is no signing key. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the signing key is not an Ed25519 private key in PKCS#8 PEM form\nhelp: `countersign keygen -o FILE` makes one; the text starts with `-----BEGIN PRIVATE KEY-----`"
)]
pub struct InvalidKey;

/// A private key that signs ledger entries. Cannot be printed, copied or serialised; its memory is wiped when it is dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes a key from 32 bytes of randomness, which the caller draws from the system and wipes.
    #[must_use]
    pub fn from_randomness(bytes: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(bytes))
    }

    /// Reads PKCS#8 PEM, with or without the public half (as OpenSSL, Go and we write it); white space around it is fine.
    ///
    /// # Errors
    /// When the text is anything else, or its public half belongs to another key.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim()).map(Self).map_err(|_| InvalidKey)
    }

    /// The key as PKCS#8 PEM without the public half: the form every OpenSSL reads.
    ///
    /// # Errors
    /// When the encoder refuses, which it has no reason to.
    pub fn to_pem(&self) -> Result<SecretPem, InvalidKey> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).map(SecretPem).map_err(|_| InvalidKey)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Name of the public half.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.public().fingerprint()
    }

    /// A key for another purpose, which nobody can tell from this one or the other way round. `purpose` is no message that is ever
    /// signed: entries are signed with a context in front.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        *Digest::of(Zeroizing::new(self.sign(purpose)).as_slice()).as_bytes()
    }

    /// Signs a message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// A private key as PEM text, wiped when dropped.
pub struct SecretPem(Zeroizing<String>);

impl SecretPem {
    /// The text, to be written where only its owner reads it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pem() {
        let key = SigningKey::from_randomness(&[7; 32]);
        let pem = key.to_pem().unwrap();
        assert!(pem.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let again = SigningKey::from_pem(&format!("\n{}\n\n", pem.expose())).unwrap();
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert!(key.public().verifies(b"x", &again.sign(b"x")));
    }

    #[test]
    fn a_key_made_by_openssl_is_read() {
        // `openssl genpkey -algorithm ed25519` (3.0), its public half by `openssl pkey -pubout`
        let pem = include_str!("tests/openssl-ed25519.pem");
        let public = include_str!("tests/openssl-ed25519.pub").trim();
        assert_eq!(SigningKey::from_pem(pem).unwrap().public().to_string(), public);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        for text in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"] {
            let error = SigningKey::from_pem(text).err().unwrap();
            assert!(!error.to_string().contains("hunter2"));
        }
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "!"] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_digest_of_the_raw_public_key() {
        let key = SigningKey::from_randomness(&[7; 32]).public();
        let raw = STANDARD.decode(key.to_string()).unwrap();
        assert_eq!(key.fingerprint().to_string(), Digest::of(&raw).to_string());
        assert_eq!(KeyFingerprint::parse(&key.fingerprint().to_string()).unwrap(), key.fingerprint());
        assert!(KeyFingerprint::parse("sha256:abcd").is_err());
    }
}
