//! Age identities and recipients: who opens, who is sealed to (SOPS reference 8, 9).
//!
//! Never reads a file or the environment; X25519 only, other kinds are named and left out.

use std::io::{Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format as Armor};
use age::secrecy::ExposeSecret as _;
use age::{Decryptor, Encryptor, x25519};
use zeroize::Zeroizing;

use crate::access::Shares;
use crate::cipher::DataKey;
use crate::error::{KeyError, SealError};
use crate::metadata::{KeyKind, Metadata, Recipient};
use crate::shamir;

/// Foreign stanzas that are tried after our own ones: each costs a scalar multiplication.
const MAX_TRIES: usize = 64;
/// A data key has 32 bytes, a share 33.
const MAX_PAYLOAD: u64 = 64;

/// Age identities. Never shown.
#[derive(Default)]
pub struct Identities {
    known: Vec<(String, x25519::Identity)>,
    left_out: Vec<LeftOut>,
}

/// A line that names an identity this version cannot use.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct LeftOut {
    /// Line of the identity file, from 1.
    pub line: usize,
    /// What kind of identity it is.
    pub why: &'static str,
}

/// A line is not an identity at all.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} is not an age identity (help: an identity file has lines that begin with AGE-SECRET-KEY-1)")]
pub struct IdentityError {
    /// Line of the identity file, from 1.
    pub line: usize,
}

impl Identities {
    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the text of an identity file, or of `SOPS_AGE_KEY` (several keys separated by white space).
    ///
    /// # Errors
    /// A line that is no identity. Identities of other kinds are not an error; see [`Identities::left_out`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut identities = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            for word in line.split_whitespace() {
                identities.add(word, number + 1)?;
            }
        }
        Ok(identities)
    }

    fn add(&mut self, word: &str, line: usize) -> Result<(), IdentityError> {
        let other_kinds = [
            ("AGE-SECRET-KEY-PQ-1", "post-quantum identities are not supported yet"),
            ("AGE-PLUGIN-", "plugin identities are not supported"),
            ("-----BEGIN", "SSH keys and encrypted identity files are not supported"),
        ];
        if let Some((_, why)) = other_kinds.iter().find(|(start, _)| word.starts_with(start)) {
            self.left_out.push(LeftOut { line, why });
            return Ok(());
        }
        match word.parse::<x25519::Identity>() {
            Ok(identity) => {
                self.known.push((identity.to_public().to_string(), identity));
                Ok(())
            }
            // The body of a key block that was left out.
            Err(_) if self.left_out.last().is_some_and(|last| last.why.starts_with("SSH")) => Ok(()),
            Err(_) => Err(IdentityError { line }),
        }
    }

    /// A new random identity, for tests and first steps.
    #[must_use]
    pub fn generate() -> Self {
        let identity = x25519::Identity::generate();
        Self { known: vec![(identity.to_public().to_string(), identity)], left_out: Vec::new() }
    }

    /// Adds those of another source; none hides another (reference 19).
    pub fn extend(&mut self, others: Self) {
        self.known.extend(others.known);
        self.left_out.extend(others.left_out);
    }

    /// Whether there is no usable identity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The public recipients of these identities.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|(recipient, _)| recipient.as_str())
    }

    /// Identities of kinds that cannot be used.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The identity file text of these identities, one a line. Handle with care.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for (_, identity) in &self.known {
            text.push_str(identity.to_string().expose_secret());
            text.push('\n');
        }
        text
    }

    /// The data key of a document (reference 9).
    pub(crate) fn data_key(&self, metadata: &Metadata) -> Result<(DataKey, Shares), KeyError> {
        if self.known.is_empty() {
            return Err(KeyError::NoIdentity);
        }
        if !metadata.recipients().any(|recipient| recipient.kind() == KeyKind::Age) {
            return Err(KeyError::NoRecipient);
        }
        let refused = KeyError::NotARecipient { tried: self.known.len() };
        if let [group] = metadata.groups() {
            let bytes = self.open_group(group).ok_or(refused)?;
            return DataKey::from_bytes(&bytes).map(|key| (key, Vec::new())).ok_or(KeyError::BadKey);
        }
        let groups = metadata.groups().iter().enumerate();
        let shares: Shares = groups.filter_map(|(number, group)| Some((number, self.open_group(group)?))).collect();
        let needed = metadata.threshold();
        if shares.len() < needed || shares.len() < 2 {
            return Err(KeyError::Threshold { opened: shares.len(), needed });
        }
        let bytes = shamir::combine(shares.iter().map(|(_, share)| share)).ok_or(KeyError::BadKey)?;
        DataKey::from_bytes(&bytes).map(|key| (key, shares)).ok_or(KeyError::BadKey)
    }

    /// Our own stanzas first, then the others, since a name may be wrong.
    fn open_group(&self, group: &[Recipient]) -> Option<Zeroizing<Vec<u8>>> {
        let age = || group.iter().filter(|recipient| recipient.kind() == KeyKind::Age);
        let own = |recipient: &&Recipient| self.recipients().any(|name| name == recipient.name());
        let others = age().filter(|recipient| !own(recipient)).take(MAX_TRIES);
        age().filter(own).chain(others).find_map(|recipient| self.unwrap(recipient.stanza()))
    }

    fn unwrap(&self, stanza: &str) -> Option<Zeroizing<Vec<u8>>> {
        let armored = ArmoredReader::new(stanza.trim_end().as_bytes());
        let decryptor = Decryptor::new_buffered(armored).ok()?;
        if decryptor.is_scrypt() {
            return None;
        }
        let identities = self.known.iter().map(|(_, identity)| identity as &dyn age::Identity);
        let reader = decryptor.decrypt(identities).ok()?;
        let mut payload = Zeroizing::new(Vec::with_capacity(64));
        reader.take(MAX_PAYLOAD).read_to_end(&mut payload).ok()?;
        Some(payload)
    }
}

/// Checks that data keys can be sealed to this recipient.
///
/// # Errors
/// [`SealError::Recipient`] with the reason.
pub fn check_recipient(recipient: &str) -> Result<(), SealError> {
    parse_recipient(recipient).map(|_| ())
}

fn parse_recipient(recipient: &str) -> Result<x25519::Recipient, SealError> {
    let name = recipient.trim();
    name.parse().map_err(|_| {
        let why = if name.starts_with("age1pq1") {
            "post-quantum recipients are not supported yet"
        } else if name.starts_with("ssh-") {
            "SSH recipients are not supported yet"
        } else if name.starts_with("age1") && name[4..].contains('1') {
            "plugin recipients are not supported"
        } else {
            "it is not an age recipient"
        };
        SealError::Recipient { recipient: shortened(name), why }
    })
}

/// A recipient is public, but somebody may have put an identity in its place.
fn shortened(name: &str) -> String {
    if name.to_ascii_uppercase().starts_with("AGE-SECRET-KEY") {
        return "(a secret key)".to_owned();
    }
    name.chars().take(80).collect()
}

/// Seals a data key (or share) for one recipient, as an armored age file.
pub(crate) fn wrap(recipient: &str, payload: &[u8]) -> Result<String, SealError> {
    let parsed = parse_recipient(recipient)?;
    let failed = || SealError::Recipient { recipient: shortened(recipient), why: "age could not seal to it" };
    let encryptor =
        Encryptor::with_recipients(std::iter::once(&parsed as &dyn age::Recipient)).map_err(|_| failed())?;
    let armored = ArmoredWriter::wrap_output(Vec::new(), Armor::AsciiArmor).map_err(|_| failed())?;
    let mut writer = encryptor.wrap_output(armored).map_err(|_| failed())?;
    writer.write_all(payload).map_err(|_| failed())?;
    let bytes = writer.finish().and_then(ArmoredWriter::finish).map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|_| failed())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Identities, check_recipient, wrap};

    #[test]
    fn what_is_wrapped_is_unwrapped_by_its_identity_only() {
        let ours = Identities::generate();
        let recipient = ours.recipients().next().unwrap().to_owned();
        let stanza = wrap(&recipient, &[7; 32]).unwrap();
        assert!(stanza.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
        assert_eq!(ours.unwrap(&stanza).unwrap().as_slice(), &[7; 32]);
        assert!(Identities::generate().unwrap(&stanza).is_none());
    }

    #[test]
    fn an_identity_file_may_hold_comments_and_other_kinds() {
        let ours = Identities::generate();
        let text = format!("# created: today\n\n{}AGE-PLUGIN-YUBIKEY-1QQ\n", *ours.expose());
        let read = Identities::parse(&text).unwrap();
        assert_eq!(read.recipients().collect::<Vec<_>>(), ours.recipients().collect::<Vec<_>>());
        assert_eq!(read.left_out()[0].line, 4);
        assert_eq!(Identities::parse("\nnonsense").err().unwrap().line, 2);
    }

    #[test]
    fn a_secret_key_given_as_recipient_is_not_repeated() {
        let ours = Identities::generate();
        let secret = ours.expose();
        let fault = check_recipient(secret.trim()).unwrap_err().to_string();
        assert!(!fault.contains(secret.trim()), "{fault}");
    }
}
