//! Hybrid post-quantum age keys: `age1pq1…` recipients and `AGE-SECRET-KEY-PQ-1…` identities (SOPS reference 8.2).
//!
//! The stanza is HPKE over ML-KEM-768 with X25519 (X-Wing), HKDF-SHA256 and ChaCha20-Poly1305, as age 1.3 writes it.
//! Never does arithmetic of its own: the primitives are those that the crate `age` is built on
//! (docs/decisions/0024).

#![expect(clippy::disallowed_types, reason = "the signature is the one of age")]

mod kem;

use std::collections::HashSet;

use age::secrecy::ExposeSecret as _;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, hpke_open, hpke_seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::Hrp;
use hpke::kem::Kem as _;
use hpke::{Deserializable as _, Serializable as _};
use rand_core::OsRng;
use zeroize::Zeroizing;

use self::kem::{EncappedKey, PrivateKey, PublicKey, XWing};
use crate::random;

const TAG: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// What the stanza's body holds beside the file key.
const OVERHEAD: usize = 16;

/// The text is not a key of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHybrid;

/// Who can be sealed to.
pub(crate) struct Recipient(PublicKey);

/// Who can open.
pub(crate) struct Identity {
    seed: Zeroizing<Vec<u8>>,
    key: PrivateKey,
}

fn bytes_of(text: &str, prefix: &str) -> Result<Zeroizing<Vec<u8>>, NotHybrid> {
    let prefix = Hrp::parse(prefix).map_err(|_| NotHybrid)?;
    bech32_decode(
        text,
        |_| NotHybrid,
        |found| if found == prefix { Ok(()) } else { Err(NotHybrid) },
        |_, bytes| Ok(Zeroizing::new(bytes.collect())),
    )
}

fn spelled(prefix: &str, bytes: &[u8]) -> String {
    Hrp::parse(prefix).map(|prefix| bech32_encode(prefix, bytes)).unwrap_or_default()
}

impl Recipient {
    pub(crate) fn parse(text: &str) -> Result<Self, NotHybrid> {
        let bytes = bytes_of(text, "age1pq")?;
        PublicKey::from_bytes(&bytes).map(Self).map_err(|_| NotHybrid)
    }
}

impl Identity {
    pub(crate) fn parse(text: &str) -> Result<Self, NotHybrid> {
        Self::of_seed(bytes_of(text, "AGE-SECRET-KEY-PQ-")?)
    }

    fn of_seed(seed: Zeroizing<Vec<u8>>) -> Result<Self, NotHybrid> {
        let key = PrivateKey::from_bytes(&seed).map_err(|_| NotHybrid)?;
        Ok(Self { seed, key })
    }

    /// A new random identity.
    pub(crate) fn generate() -> Result<Self, random::NoRandomness> {
        let seed = Zeroizing::new(random::data_key()?.to_vec());
        // Any 32 bytes are a seed.
        Self::of_seed(seed).map_err(|_| random::NoRandomness)
    }

    pub(crate) fn recipient(&self) -> String {
        spelled("age1pq", &XWing::sk_to_pk(&self.key).to_bytes())
    }

    pub(crate) fn expose(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(spelled("age-secret-key-pq-", &self.seed));
        Zeroizing::new(lower.to_uppercase())
    }

    fn unwrap(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        let [encapped] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        let encapped = STANDARD_NO_PAD.decode(encapped).ok().and_then(|bytes| EncappedKey::from_bytes(&bytes).ok());
        let Some(encapped) = encapped.filter(|_| stanza.body.len() == FILE_KEY_BYTES + OVERHEAD) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        // Another key cannot be told from a damaged stanza: both are simply not ours.
        let plain = hpke_open::<XWing>(&encapped, &self.key, INFO, &stanza.body);
        let plain = Zeroizing::new(plain.ok()?);
        let file_key: [u8; FILE_KEY_BYTES] = plain.as_slice().try_into().ok()?;
        Some(Ok(FileKey::new(Box::new(file_key))))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag == TAG { self.unwrap(stanza) } else { None }
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        // Asked first, since a failure inside would end the program.
        random::nonce().map_err(std::io::Error::other)?;
        let (encapped, body) = hpke_seal::<XWing, _>(&self.0, INFO, file_key.expose_secret(), &mut OsRng);
        let args = vec![STANDARD_NO_PAD.encode(encapped.to_bytes())];
        let stanza = Stanza { tag: TAG.to_owned(), args, body };
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Identity, Recipient};

    #[test]
    fn an_identity_of_age_is_read_and_spelled_the_same() {
        let file = include_str!("../../tests/fixtures/identities/idpq.txt");
        let secret = file.lines().find(|line| line.starts_with("AGE-SECRET-KEY-PQ-1")).unwrap();
        let public = file.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        let identity = Identity::parse(secret).unwrap();
        assert_eq!(identity.recipient(), public);
        assert_eq!(identity.expose().as_str(), secret);
        assert!(Recipient::parse(public).is_ok());
    }

    #[test]
    fn damaged_and_other_keys_are_refused() {
        let identity = Identity::generate().unwrap();
        let public = identity.recipient();
        assert!(Recipient::parse(&public[..public.len() - 1]).is_err());
        assert!(Recipient::parse(&public.replacen("age1pq1", "age1", 1)).is_err());
        assert!(Identity::parse(&public).is_err());
        assert!(Recipient::parse("age1jayv3uzllh238l9rc3qjmlzvsvj2943pafwulddd0rmcn4dk3dyqkuts8h").is_err());
    }
}
