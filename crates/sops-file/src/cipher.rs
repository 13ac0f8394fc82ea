//! AES-256-GCM as SOPS uses it: 32-byte nonces, the tag apart, the key path as additional data
//! (SOPS reference 2.3, 3).
//!
//! Never decides what is sealed and never reads text: bytes in, bytes out.

use aes_gcm::aead::consts::{U8, U12, U16, U24, U32};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Key, Nonce, Tag};
use zeroize::Zeroizing;

use crate::envelope::{Envelope, TypeWord};
use crate::random::{self, NoRandomness};

/// The key of one document: 32 bytes, wiped when dropped, never shown.
pub struct DataKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: AesGcm<Aes256, U32>,
}

/// Wrong key, wrong place, or changed bytes; the cipher cannot tell which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

impl DataKey {
    /// A fresh random key.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        Ok(Self::from_array(random::data_key()?))
    }

    /// Takes a recovered key; `None` when it is not 32 bytes long.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self::from_array(Zeroizing::new(bytes)))
    }

    fn from_array(bytes: Zeroizing<[u8; 32]>) -> Self {
        let cipher = AesGcm::new(&Key::<Aes256>::from(*bytes));
        Self { bytes, cipher }
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Opens an envelope for the place that `aad` names. Nonces of 8, 12, 16, 24 and 32 bytes are read.
    pub(crate) fn open(&self, envelope: &Envelope, aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let mut buffer = Zeroizing::new(envelope.data().to_vec());
        let tag = Tag::try_from(envelope.tag()).map_err(|_| NotAuthentic)?;
        let (iv, text) = (envelope.iv(), buffer.as_mut_slice());
        macro_rules! with_nonce {
            ($cipher:expr, $size:ty) => {{
                let nonce = Nonce::<$size>::try_from(iv).map_err(|_| NotAuthentic)?;
                $cipher.decrypt_inout_detached(&nonce, aad, text.into(), &tag)
            }};
        }
        let key = Key::<Aes256>::from(*self.bytes);
        let outcome = match iv.len() {
            32 => with_nonce!(self.cipher, U32),
            8 => with_nonce!(AesGcm::<Aes256, U8>::new(&key), U8),
            12 => with_nonce!(AesGcm::<Aes256, U12>::new(&key), U12),
            16 => with_nonce!(AesGcm::<Aes256, U16>::new(&key), U16),
            24 => with_nonce!(AesGcm::<Aes256, U24>::new(&key), U24),
            _ => return Err(NotAuthentic),
        };
        outcome.map_err(|_| NotAuthentic)?;
        Ok(buffer)
    }

    /// Seals bytes for the place that `aad` names, under a fresh random nonce.
    pub(crate) fn seal(&self, plain: &[u8], aad: &[u8], kind: TypeWord) -> Result<Envelope, NoRandomness> {
        let nonce = random::nonce()?;
        let mut buffer = plain.to_vec();
        let tag = self
            .cipher
            .encrypt_inout_detached(&Nonce::<U32>::from(nonce), aad, buffer.as_mut_slice().into())
            .expect("a value that fits in memory is shorter than the limit of GCM");
        Ok(Envelope::new(buffer, nonce.to_vec(), tag.to_vec(), kind))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{DataKey, NotAuthentic};
    use crate::envelope::TypeWord;

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_in_its_place() {
        let key = DataKey::generate().unwrap();
        let envelope = key.seal(b"hunter2", b"a:b:", TypeWord::Str).unwrap();
        assert_eq!(envelope.iv().len(), 32);
        assert_eq!(key.open(&envelope, b"a:b:").unwrap().as_slice(), b"hunter2");
        assert_eq!(key.open(&envelope, b"a:c:").err(), Some(NotAuthentic));
        let other = DataKey::generate().unwrap();
        assert_eq!(other.open(&envelope, b"a:b:").err(), Some(NotAuthentic));
    }

    #[test]
    fn a_data_key_has_32_bytes() {
        assert!(DataKey::from_bytes(&[0; 31]).is_none());
        assert!(DataKey::from_bytes(&[0; 32]).is_some());
    }
}
