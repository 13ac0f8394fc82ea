//! A new data key for a document, wrapped for the recipients it has (SOPS reference 17 `rotate`).
//!
//! Never leaves out a recipient: one that cannot be served is a refusal.

use jiff::Timestamp;

use crate::access::{DISAGREE, Payloads, Shares, payloads, place, unserved};
use crate::cipher::DataKey;
use crate::creation_rules::RuleKey;
use crate::error::SealError;
use crate::metadata::{KeyKind, Metadata, Recipient};
use crate::metadata_edit::{Change, patches};
use crate::opened::OpenedDocument;
use crate::plain::Plain;
use crate::recipient::{check_recipient, wrap};
use crate::seal::seal_value;
use crate::splice::{Patch, apply};
use crate::value::Value;
use crate::walk::{Leaf, walk};
use crate::yaml::edit::{replace_scalar, step};
use crate::yaml::homes::Homes;

/// A new data key, and what it changes in the text.
struct Rotation {
    key: DataKey,
    shares: Shares,
    patches: Vec<Patch>,
}

impl OpenedDocument {
    /// Takes a new data key, seals everything under it, and wraps it (or its shares) for the recipients in the file.
    ///
    /// ```
    /// # use sops_file::*;
    /// # let (me, other) = (Identities::generate(), Identities::generate());
    /// # let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
    /// # let both = me.recipients().chain(other.recipients());
    /// # let sealed = seal(b"a: 1\n", Format::Yaml, &SealOptions::to(both), now)?;
    /// # let document = SealedDocument::parse(&sealed, Format::Yaml)?;
    /// // Somebody leaves: taken out, and a new key, so that what comes is closed to them.
    /// let mut opened = open(&document, &me, OpenOptions::default())?;
    /// let leaver = other.recipients().map(str::to_owned).collect();
    /// opened.edit_recipients(&RecipientEdit { add: vec![], remove: leaver })?;
    /// opened.rotate()?;
    /// let bytes = opened.reseal(now)?;
    /// # assert!(open(&SealedDocument::parse(&bytes, Format::Yaml)?, &other, OpenOptions::default()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError::Recipient`] naming the first recipient that cannot be served: it would lose access.
    pub fn rotate(&mut self) -> Result<(), SealError> {
        self.prepare()?;
        let Rotation { key, shares, patches } = self.rotation()?;
        let text = apply(&self.sealed.text, patches);
        let old_key = std::mem::replace(&mut self.key, key);
        self.take_text(&text).inspect_err(|_| self.key = old_key)?;
        self.shares = shares;
        Ok(())
    }

    /// [`OpenedDocument::rotate`] and [`OpenedDocument::reseal`] at once: the text is changed, read, opened and compared one
    /// time instead of two.
    ///
    /// ```
    /// # use sops_file::*;
    /// # let me = Identities::generate();
    /// # let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
    /// # let sealed = seal(b"a: 1\n", Format::Yaml, &SealOptions::to(me.recipients()), now)?;
    /// let before = open(&SealedDocument::parse(&sealed, Format::Yaml)?, &me, OpenOptions::default())?;
    /// let mut opened = before.open_version(before.sealed(), OpenOptions::default())?;
    /// let bytes = opened.rotate_and_reseal(now)?;
    /// assert!(!opened.has_same_data_key(&before));
    /// # let again = open(&SealedDocument::parse(&bytes, Format::Yaml)?, &me, OpenOptions::default())?;
    /// # assert_eq!(again.to_plain()?.as_slice(), b"a: 1\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for the two; nothing is changed then.
    pub fn rotate_and_reseal(&mut self, now: Timestamp) -> Result<Vec<u8>, SealError> {
        self.prepare()?;
        let Rotation { key, shares, mut patches } = self.rotation()?;
        patches.extend(self.mac_patches(&key, now)?);
        let text = apply(&self.sealed.text, patches);
        self.take_sealed(&text, key, shares)
    }

    /// Refuses before anything is changed; aliases are written out.
    fn prepare(&mut self) -> Result<(), SealError> {
        self.must_agree()?;
        self.sealed.metadata().recipients().try_for_each(must_be_served)?;
        self.write_out()
    }

    fn rotation(&self) -> Result<Rotation, SealError> {
        let metadata = self.sealed.metadata();
        let key = DataKey::generate()?;
        let payloads = payloads(&key, metadata.groups().len(), metadata.shamir_threshold())?;
        let homes = Homes::of(&self.sealed.tree);
        let (step, source) = (step(&self.sealed.tree), &self.sealed.text);
        let mut spliced = Vec::new();
        walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
            match &visit.leaf {
                Leaf::Empty(_) => {}
                Leaf::Scalar(node, scalar) => {
                    if let Some(value) = self.opened_leaf(scalar.leaf) {
                        let token = Plain::text(seal_value(&key, value, visit.aad)?);
                        spliced.extend(replace_scalar(source, node, scalar, homes.at(scalar.leaf), &token, step));
                    }
                }
                Leaf::Comment(comment) => {
                    if let Some(value) = self.opened_leaf(comment.leaf) {
                        let token = seal_value(&key, value, visit.aad)?;
                        spliced.extend(self.sealed.tree.replace_comment(source, comment, &token));
                    }
                }
            }
            Ok::<(), SealError>(())
        })?;
        for change in wrapped_again(metadata, &payloads)? {
            for sops in self.sealed.tree.documents.iter().filter_map(|document| document.sops.as_ref()) {
                spliced.extend(patches(source, &sops.node, &change, step).ok_or(DISAGREE)?);
            }
        }
        Ok(Rotation { key, shares: shares_of(metadata, payloads), patches: spliced })
    }
}

fn must_be_served(recipient: &Recipient) -> Result<(), SealError> {
    if recipient.kind() == KeyKind::Age {
        return check_recipient(recipient.name());
    }
    Err(unserved(&RuleKey { kind: recipient.kind(), name: recipient.name().to_owned() }))
}

fn shares_of(metadata: &Metadata, payloads: Payloads) -> Shares {
    if metadata.groups().len() == 1 { Vec::new() } else { payloads.into_iter().enumerate().collect() }
}

/// The stanza of every recipient, made again.
fn wrapped_again(metadata: &Metadata, payloads: &Payloads) -> Result<Vec<Change>, SealError> {
    let mut changes = Vec::new();
    for (number, (group, payload)) in metadata.groups().iter().zip(payloads).enumerate() {
        for (index, recipient) in group.iter().enumerate() {
            let map = place(metadata, number).key(KeyKind::Age.name()).index(index);
            let value = Value::text(wrap(recipient.name(), payload)?);
            changes.push(Change::Field { map, name: "enc", value });
        }
    }
    Ok(changes)
}
