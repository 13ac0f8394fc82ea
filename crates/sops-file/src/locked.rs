//! Identity files that are themselves age files under a passphrase (SOPS reference 8.3).
//!
//! Never asks for the passphrase, and never keeps it.

use std::io::Read as _;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use crate::identity::Identities;

const BINARY: &[u8] = b"age-encryption.org/v1";
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
/// An identity file has a few lines.
const MAX_TEXT: u64 = 1 << 20;
/// As a power of two, and as the program `age` has it; the crate would try how fast the machine is.
const MAX_WORK: u8 = 22;

/// An identity file that opens with a passphrase.
#[derive(Clone)]
pub struct LockedIdentities {
    file: Vec<u8>,
}

/// The file did not open, or is no identity file.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnlockError {
    /// Another passphrase might do.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// An age file for recipients.
    #[error(
        "it is an age file that no passphrase opens (help: open it with `age -d` and the identity it is sealed to)"
    )]
    NoPassphrase,
    /// Scrypt with so much work that it would take minutes.
    #[error("its passphrase takes more work than a machine should do (help: seal it again with `age -p`)")]
    TooMuchWork,
    /// Neither.
    #[error("it holds no age identities (help: restore the identity file from its backup)")]
    Damaged,
}

impl LockedIdentities {
    /// Looks at the beginning of a file; none when it is no age file.
    #[must_use]
    pub fn recognize(file: &[u8]) -> Option<Self> {
        let text = file.trim_ascii();
        let is_age = file.starts_with(BINARY) || text.starts_with(ARMOR);
        is_age.then(|| Self { file: if file.starts_with(BINARY) { file } else { text }.to_vec() })
    }

    /// Opens the file. This takes as long as its owner wanted it to, about a second.
    ///
    /// # Errors
    /// [`UnlockError::WrongPassphrase`] is the one that is worth another try.
    pub fn unlock(&self, passphrase: &str) -> Result<Identities, UnlockError> {
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(self.file.as_slice()));
        let decryptor = decryptor.map_err(|_| UnlockError::Damaged)?;
        if !decryptor.is_scrypt() {
            return Err(UnlockError::NoPassphrase);
        }
        let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
        identity.set_max_work_factor(MAX_WORK);
        let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|fault| {
            if matches!(fault, DecryptError::ExcessiveWork { .. }) {
                UnlockError::TooMuchWork
            } else if matches!(fault, DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys) {
                UnlockError::WrongPassphrase
            } else {
                UnlockError::Damaged
            }
        })?;
        let mut text = Zeroizing::new(String::with_capacity(4096));
        reader.take(MAX_TEXT).read_to_string(&mut text).map_err(|_| UnlockError::Damaged)?;
        Identities::parse(&text).map_err(|_| UnlockError::Damaged)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use age::Encryptor;
    use age::armor::{ArmoredWriter, Format};
    use age::secrecy::SecretString;

    use super::{LockedIdentities, UnlockError};
    use crate::identity::Identities;

    fn locked(text: &str, armor: Format) -> Vec<u8> {
        let mut recipient = age::scrypt::Recipient::new(SecretString::from("correct horse".to_owned()));
        // Little work: tests do not wait for safety.
        recipient.set_work_factor(2);
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
        let mut file = Vec::new();
        let mut writer = encryptor.wrap_output(ArmoredWriter::wrap_output(&mut file, armor).unwrap()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap().finish().unwrap();
        file
    }

    #[test]
    fn the_right_passphrase_opens_either_spelling() {
        let ours = Identities::generate();
        for armor in [Format::Binary, Format::AsciiArmor] {
            let file = LockedIdentities::recognize(&locked(&ours.expose(), armor)).unwrap();
            assert!(file.unlock("correct horse").unwrap().recipients().eq(ours.recipients()));
            assert_eq!(file.unlock("wrong").err(), Some(UnlockError::WrongPassphrase));
        }
    }

    #[test]
    fn what_is_no_identity_file_under_a_passphrase_is_told_apart() {
        assert!(LockedIdentities::recognize(Identities::generate().expose().as_bytes()).is_none());
        let file = LockedIdentities::recognize(&locked("no identity", Format::AsciiArmor)).unwrap();
        assert_eq!(file.unlock("correct horse").err(), Some(UnlockError::Damaged));
        let stanza = crate::recipient::wrap(Identities::generate().recipients().next().unwrap(), &[7; 32]).unwrap();
        let file = LockedIdentities::recognize(stanza.as_bytes()).unwrap();
        assert_eq!(file.unlock("correct horse").err(), Some(UnlockError::NoPassphrase));
    }
}
