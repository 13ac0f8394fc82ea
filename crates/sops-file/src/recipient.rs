//! Whom a data key can be sealed to, and how that is done: one armored age file per recipient (SOPS reference 8).
//!
//! Never starts a plugin and never repeats a secret that was given in a recipient's place.

use std::io::Write as _;

use age::armor::{ArmoredWriter, Format as Armor};
use age::{Encryptor, x25519};

use crate::error::SealError;
use crate::hybrid;

/// Checks that data keys can be sealed to this recipient.
///
/// # Errors
/// [`SealError::Recipient`] with the reason.
pub fn check_recipient(recipient: &str) -> Result<(), SealError> {
    parse(recipient).map(|_| ())
}

/// The recipient by its prefix (reference 8.2).
fn parse(recipient: &str) -> Result<Box<dyn age::Recipient>, SealError> {
    let name = recipient.trim();
    let refused = |why| SealError::Recipient { recipient: shortened(name), why };
    if name.starts_with("age1pq1") {
        return match hybrid::Recipient::parse(name) {
            Ok(recipient) => Ok(Box::new(recipient)),
            Err(_) => Err(refused("it is not a post-quantum age recipient")),
        };
    }
    if name.starts_with("ssh-") {
        return ssh(name).map_err(refused);
    }
    match name.parse::<x25519::Recipient>() {
        Ok(recipient) => Ok(Box::new(recipient)),
        Err(_) if name.strip_prefix("age1").is_some_and(|rest| rest.contains('1')) => {
            Err(refused("plugin recipients are not supported"))
        }
        Err(_) => Err(refused("it is not an age recipient")),
    }
}

#[cfg(feature = "ssh")]
fn ssh(name: &str) -> Result<Box<dyn age::Recipient>, &'static str> {
    use age::ssh::ParseRecipientKeyError as Fault;
    match name.parse::<age::ssh::Recipient>() {
        Ok(recipient) => Ok(Box::new(recipient)),
        Err(Fault::RsaModulusTooLarge) => Err("its RSA modulus is too large"),
        Err(Fault::RsaModulusTooSmall) => Err("its RSA modulus is too small"),
        Err(_) => Err("it is not an SSH key of kind Ed25519 or RSA"),
    }
}

#[cfg(not(feature = "ssh"))]
fn ssh(_: &str) -> Result<Box<dyn age::Recipient>, &'static str> {
    Err("this build cannot seal to SSH recipients")
}

/// A recipient is public, but somebody may have put an identity in its place.
fn shortened(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    if upper.contains("AGE-SECRET-KEY") || upper.contains("PRIVATE KEY") || upper.contains("AGE-PLUGIN") {
        return "(a secret key)".to_owned();
    }
    name.chars().take(80).collect()
}

/// Seals a data key (or share) for one recipient, as an armored age file.
pub(crate) fn wrap(recipient: &str, payload: &[u8]) -> Result<String, SealError> {
    let parsed = parse(recipient)?;
    let failed = || SealError::Recipient { recipient: shortened(recipient), why: "age could not seal to it" };
    let encryptor = Encryptor::with_recipients(std::iter::once(parsed.as_ref())).map_err(|_| failed())?;
    let armored = ArmoredWriter::wrap_output(Vec::new(), Armor::AsciiArmor).map_err(|_| failed())?;
    let mut writer = encryptor.wrap_output(armored).map_err(|_| failed())?;
    writer.write_all(payload).map_err(|_| failed())?;
    let bytes = writer.finish().and_then(ArmoredWriter::finish).map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|_| failed())
}
