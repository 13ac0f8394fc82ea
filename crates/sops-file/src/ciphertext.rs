//! Which ciphertexts a document holds, so that copies of them are found elsewhere: sealed values, sealed comments, sealed data keys.
//!
//! Needs no key and gives out digests alone. The MAC is no content and is left out; so is what stands in the clear, whatever it
//! looks like: nobody opens it there.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::envelope::Envelope;
use crate::path::KeyPath;
use crate::sealed::{LeafState, SealedDocument};

/// Equal for two copies of one ciphertext, however they are spelt.
pub type Ciphertext = [u8; 32];

/// Every ciphertext of a document.
#[must_use]
pub fn ciphertexts(document: &SealedDocument) -> BTreeSet<Ciphertext> {
    let leaves = document.leaves().into_iter().filter(|leaf| leaf.should_be_sealed).map(|leaf| leaf.state);
    let comments = document.comments().into_iter().filter(|line| line.should_be_sealed).map(|line| line.state);
    let values = leaves.chain(comments).filter_map(|state| match state {
        LeafState::Sealed(envelope) => Some(of_envelope(&envelope)),
        LeafState::Damaged | LeafState::Plain(_) | LeafState::Empty(_) => None,
    });
    let keys = document.metadata().recipients().map(|recipient| of_stanza(recipient.stanza()));
    values.chain(keys).collect()
}

/// Every sealed value of a document by its key, with the digest of its ciphertext.
#[must_use]
pub fn sealed_values(document: &SealedDocument) -> BTreeSet<(KeyPath, Ciphertext)> {
    let leaves = document.leaves().into_iter().filter(|leaf| leaf.should_be_sealed);
    let sealed = leaves.filter_map(|leaf| match &leaf.state {
        LeafState::Sealed(envelope) => Some((leaf.path.clone(), of_envelope(envelope))),
        LeafState::Damaged | LeafState::Plain(_) | LeafState::Empty(_) => None,
    });
    sealed.collect()
}

fn of_envelope(envelope: &Envelope) -> Ciphertext {
    let (iv, data, tag) = envelope.ciphertext();
    let mut hash = Sha256::new();
    for part in [iv, data, tag] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Armor may be wrapped in other places and is taken off; what is no base64 counts as it stands.
fn of_stanza(stanza: &str) -> Ciphertext {
    let lines = stanza.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let text: String = lines.flat_map(str::split_whitespace).collect();
    let mut hash = Sha256::new();
    hash.update(b"stanza\0");
    match STANDARD.decode(&text) {
        Ok(bytes) => hash.update(bytes),
        Err(_) => hash.update(text),
    }
    hash.finalize().into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{Format, Identities, SealOptions, seal};

    fn document(text: &str) -> SealedDocument {
        SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap()
    }

    #[test]
    fn a_copy_is_known_however_it_is_spelt_and_a_new_seal_is_not() {
        let me = Identities::generate();
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let sealed = |plain: &str| {
            let options = SealOptions::to(me.recipients());
            String::from_utf8(seal(plain.as_bytes(), Format::Yaml, &options, now).unwrap()).unwrap()
        };
        let (one, again) = (sealed("a: x\nb: y\n"), sealed("a: x\nb: y\n"));
        let prints = ciphertexts(&document(&one));
        assert_eq!(prints.len(), 3, "two values and one data key");
        assert!(prints.is_disjoint(&ciphertexts(&document(&again))), "the same values, sealed anew");
        // another type word, quotes, another line length of the armor: the same ciphertext
        let value = one.lines().next().unwrap().strip_prefix("a: ").unwrap().to_owned();
        let respelt = one.replace(&value, &format!("'{}'", value.replace("type:str", "type:int")));
        assert_ne!(one, respelt);
        assert_eq!(prints, ciphertexts(&document(&respelt)));
        assert_eq!(of_stanza("-----BEGIN AGE-----\nYWJj\nZGVm\n-----END AGE-----\n"), of_stanza("YWJjZGVm"));
        assert_ne!(of_stanza("YWJj"), of_stanza("ZGVm"));
        let plain = one.replace("a: ENC", "a_unencrypted: ENC").replace("b: ENC", "b_unencrypted: ENC");
        assert_eq!(ciphertexts(&document(&plain)).len(), 1, "what stands in the clear is opened by nobody");
    }
}
