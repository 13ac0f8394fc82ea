//! The hash over all values that SOPS seals as `mac` (SOPS reference 6).
//!
//! Never covers keys, comments, empty values or metadata: the diff reports those.

use sha2::{Digest as _, Sha512};

use crate::metadata::Metadata;
use crate::plain::Plain;

/// What the hash begins with when only sealed values are hashed (reference 6.5).
const ONLY_SEALED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Takes the values in file order.
pub(crate) struct Mac {
    hash: Sha512,
    only_sealed: bool,
}

impl Mac {
    pub(crate) fn new(metadata: &Metadata) -> Self {
        Self::with(metadata.mac_only_encrypted())
    }

    pub(crate) fn with(only_sealed: bool) -> Self {
        let mut hash = Sha512::new();
        if only_sealed {
            hash.update(ONLY_SEALED);
        }
        Self { hash, only_sealed }
    }

    /// Takes the next value; `sealed` says what the settings want for it. Comments that stand as list elements
    /// are left out, always: were a hash with them accepted (reference 6.4), a value could be hidden by
    /// changing its type word to `comment`.
    pub(crate) fn take(&mut self, value: &Plain, sealed: bool) {
        let is_comment = match value {
            Plain::Comment(_) => true,
            Plain::Null
            | Plain::Bool(_)
            | Plain::Int(_)
            | Plain::Float(_)
            | Plain::Time(_)
            | Plain::Text(_)
            | Plain::Bytes(_) => false,
        };
        if !is_comment && (sealed || !self.only_sealed) {
            value.with_bytes(|bytes| self.hash.update(bytes));
        }
    }

    /// The text that is sealed: 128 upper-case hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
        self.hash.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{Mac, ONLY_SEALED};
    use crate::plain::Plain;

    #[test]
    fn the_marker_is_the_hash_of_the_word_sops() {
        assert_eq!(Sha256::digest("sops").as_slice(), ONLY_SEALED);
    }

    #[test]
    fn values_are_joined_without_separators_and_comments_left_out() {
        let text = |values: &[Plain]| {
            let mut mac = Mac::with(false);
            values.iter().for_each(|value| mac.take(value, true));
            mac.finish()
        };
        let joined = text(&[Plain::text("ab"), Plain::text("c")]);
        assert_eq!(joined, text(&[Plain::text("a"), Plain::text("bc"), Plain::Null]));
        assert_eq!(joined, text(&[Plain::text("abc"), Plain::Comment("x".to_owned().into())]));
    }
}
