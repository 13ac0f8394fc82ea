//! Age identities: who opens (SOPS reference 8, 9).
//!
//! Never reads a file or the environment. X25519 and hybrid post-quantum keys, SSH keys with the feature `ssh`; other
//! kinds are named and left out.

use std::io::Read as _;

use age::armor::ArmoredReader;
use age::secrecy::ExposeSecret as _;
use age::{Decryptor, x25519};
use zeroize::Zeroizing;

use crate::access::Shares;
use crate::cipher::DataKey;
use crate::error::KeyError;
use crate::hybrid;
use crate::metadata::{KeyKind, Metadata, Recipient};
use crate::random::NoRandomness;
use crate::shamir;

/// Foreign stanzas that are tried after our own ones: each costs a scalar multiplication.
const MAX_TRIES: usize = 64;
/// A data key has 32 bytes, a share 33.
const MAX_PAYLOAD: u64 = 64;

/// Age identities. Never shown.
#[derive(Default)]
pub struct Identities {
    known: Vec<Identity>,
    left_out: Vec<LeftOut>,
}

struct Identity {
    /// The public name, as a recipient.
    recipient: String,
    secret: Secret,
}

enum Secret {
    X25519(x25519::Identity),
    Hybrid(Box<hybrid::Identity>),
    #[cfg(feature = "ssh")]
    Ssh(Box<age::ssh::Identity>, Zeroizing<String>),
}

impl Secret {
    fn as_age(&self) -> &dyn age::Identity {
        match self {
            Self::X25519(identity) => identity,
            Self::Hybrid(identity) => identity.as_ref(),
            #[cfg(feature = "ssh")]
            Self::Ssh(identity, _) => identity.as_ref(),
        }
    }

    fn expose(&self) -> Zeroizing<String> {
        match self {
            Self::X25519(identity) => Zeroizing::new(identity.to_string().expose_secret().to_owned()),
            Self::Hybrid(identity) => identity.expose(),
            #[cfg(feature = "ssh")]
            Self::Ssh(_, text) => text.clone(),
        }
    }
}

impl From<x25519::Identity> for Identity {
    fn from(identity: x25519::Identity) -> Self {
        Self { recipient: identity.to_public().to_string(), secret: Secret::X25519(identity) }
    }
}

impl From<hybrid::Identity> for Identity {
    fn from(identity: hybrid::Identity) -> Self {
        Self { recipient: identity.recipient(), secret: Secret::Hybrid(Box::new(identity)) }
    }
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

    /// Reads the text of an identity file, or of `SOPS_AGE_KEY` (several keys separated by white space). SSH private
    /// keys may stand in it as they stand in their own files.
    ///
    /// ```
    /// use sops_file::Identities;
    ///
    /// let file = format!("# mine\n{}", Identities::generate().expose().as_str());
    /// let identities = Identities::parse(&file)?;
    /// assert!(identities.recipients().all(|recipient| recipient.starts_with("age1")));
    /// # Ok::<(), sops_file::IdentityError>(())
    /// ```
    ///
    /// # Errors
    /// A line that is no identity. Identities of kinds that cannot be used are not an error; see
    /// [`Identities::left_out`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut identities = Self::default();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let line = line.trim();
            if let Some(kind) = line.strip_prefix("-----BEGIN ") {
                let mut block = Zeroizing::new(format!("{line}\n"));
                for (_, line) in lines.by_ref() {
                    block.push_str(line);
                    block.push('\n');
                    if line.trim().starts_with("-----END ") {
                        break;
                    }
                }
                identities.add_block(kind, block, number + 1);
            } else if !line.starts_with('#') {
                for word in line.split_whitespace() {
                    identities.add(word, number + 1)?;
                }
            }
        }
        Ok(identities)
    }

    fn add(&mut self, word: &str, line: usize) -> Result<(), IdentityError> {
        if word.starts_with("AGE-PLUGIN-") {
            self.left_out.push(LeftOut { line, why: "plugin identities are not supported" });
            return Ok(());
        }
        let identity = if word.starts_with("AGE-SECRET-KEY-PQ-1") {
            hybrid::Identity::parse(word).map(Identity::from).ok()
        } else {
            word.parse::<x25519::Identity>().map(Identity::from).ok()
        };
        self.known.push(identity.ok_or(IdentityError { line })?);
        Ok(())
    }

    /// Text in armor: an SSH key, or an identity file that is itself sealed.
    fn add_block(&mut self, kind: &str, block: Zeroizing<String>, line: usize) {
        let added = if kind.starts_with("AGE ENCRYPTED FILE") {
            Err("an identity under a passphrase stands in a file of its own")
        } else {
            ssh_identity(block)
        };
        match added {
            Ok(identity) => self.known.push(identity),
            Err(why) => self.left_out.push(LeftOut { line, why }),
        }
    }

    /// A new random identity, for tests and first steps.
    #[must_use]
    pub fn generate() -> Self {
        Self { known: vec![x25519::Identity::generate().into()], left_out: Vec::new() }
    }

    /// A new random post-quantum identity.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate_hybrid() -> Result<Self, NoRandomness> {
        Ok(Self { known: vec![hybrid::Identity::generate()?.into()], left_out: Vec::new() })
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
        self.known.iter().map(|identity| identity.recipient.as_str())
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
        for identity in &self.known {
            text.push_str(identity.secret.expose().trim_end());
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
        let own = |recipient: &&Recipient| self.recipients().any(|name| is_same_key(name, recipient.name()));
        let others = age().filter(|recipient| !own(recipient)).take(MAX_TRIES);
        age().filter(own).chain(others).find_map(|recipient| self.unwrap(recipient.stanza()))
    }

    fn unwrap(&self, stanza: &str) -> Option<Zeroizing<Vec<u8>>> {
        let armored = ArmoredReader::new(stanza.trim_end().as_bytes());
        let decryptor = Decryptor::new_buffered(armored).ok()?;
        if decryptor.is_scrypt() {
            return None;
        }
        let identities = self.known.iter().map(|identity| identity.secret.as_age());
        let reader = decryptor.decrypt(identities).ok()?;
        let mut payload = Zeroizing::new(Vec::with_capacity(64));
        reader.take(MAX_PAYLOAD).read_to_end(&mut payload).ok()?;
        Some(payload)
    }
}

/// The public names are the same; an SSH key may have a comment behind it.
fn is_same_key(ours: &str, theirs: &str) -> bool {
    if !ours.starts_with("ssh-") {
        return ours == theirs;
    }
    let key = |name: &str| name.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key(ours) == key(theirs)
}

#[cfg(feature = "ssh")]
fn ssh_identity(block: Zeroizing<String>) -> Result<Identity, &'static str> {
    let identity = age::ssh::Identity::from_buffer(block.as_bytes(), None).map_err(|_| "this is not an SSH key")?;
    match &identity {
        age::ssh::Identity::Unencrypted(_) => {}
        age::ssh::Identity::Encrypted(_) => return Err("an SSH key under a passphrase"),
        age::ssh::Identity::Unsupported(_) => return Err("an SSH key of a kind that age does not support"),
    }
    let recipient = age::ssh::Recipient::try_from(identity.clone());
    let recipient = recipient.map_err(|_| "an SSH key of a kind that age does not support")?.to_string();
    Ok(Identity { recipient, secret: Secret::Ssh(Box::new(identity), block) })
}

#[cfg(not(feature = "ssh"))]
fn ssh_identity(_: Zeroizing<String>) -> Result<Identity, &'static str> {
    Err("this build cannot use SSH keys")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Identities;
    use crate::recipient::{check_recipient, wrap};

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

    #[test]
    fn keys_of_the_future_open_what_was_wrapped_for_them() {
        let (ours, other) = (Identities::generate_hybrid().unwrap(), Identities::generate_hybrid().unwrap());
        let stanza = wrap(ours.recipients().next().unwrap(), &[7; 32]).unwrap();
        assert_eq!(ours.unwrap(&stanza).unwrap().as_slice(), &[7; 32]);
        assert!(other.unwrap(&stanza).is_none() && Identities::generate().unwrap(&stanza).is_none());
        let again = Identities::parse(&ours.expose()).unwrap();
        assert_eq!(again.unwrap(&stanza).unwrap().as_slice(), &[7; 32]);
    }

    const SSH: &str = include_str!("../tests/fixtures/identities/ssh_ed25519.txt");
    const SSH_PUBLIC: &str = include_str!("../tests/fixtures/identities/ssh_ed25519.pub");

    #[cfg(feature = "ssh")]
    #[test]
    fn ssh_keys_open_what_was_wrapped_for_them() {
        let ours = Identities::parse(&format!("# mine\n{SSH}\n{}", *Identities::generate().expose())).unwrap();
        assert_eq!((ours.recipients().count(), ours.left_out().len()), (2, 0));
        let stanza = wrap(SSH_PUBLIC, &[7; 32]).unwrap();
        assert_eq!(ours.unwrap(&stanza).unwrap().as_slice(), &[7; 32]);
        assert!(super::is_same_key(ours.recipients().next().unwrap(), SSH_PUBLIC));
        assert_eq!(Identities::parse(&ours.expose()).unwrap().recipients().count(), 2);
    }

    #[cfg(not(feature = "ssh"))]
    #[test]
    fn ssh_keys_are_left_out_with_the_reason() {
        let ours = Identities::parse(&format!("{SSH}{}", *Identities::generate().expose())).unwrap();
        assert_eq!((ours.recipients().count(), ours.left_out()[0].line), (1, 1));
        assert!(check_recipient(SSH_PUBLIC).unwrap_err().to_string().contains("SSH"));
    }
}
