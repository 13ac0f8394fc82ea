//! Changes to an opened document: set, unset, rotate, recipients, seal again (SOPS reference 16.6, 17).
//!
//! Every change edits the sealed text at once and reads it again; what is not named keeps its bytes. Never
//! stores anything: the caller writes the bytes that [`OpenedDocument::reseal`] returns.

use jiff::Timestamp;

use crate::cipher::DataKey;
use crate::dotenv;
use crate::error::SealError;
use crate::format::Format;
use crate::metadata::KeyKind;
use crate::opened::{OpenOptions, OpenedDocument, find, open_values, open_with};
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::seal::{Appended, Draft, Reuse, read_back, seal_mac, seal_value, stanza, time_text};
use crate::setter::{Setter, changed_path, child, copy};
use crate::splice::{Patch, apply};
use crate::tree::{Document, Entry, Node};
use crate::value::Value;
use crate::walk::{Leaf, walk};
use crate::yaml::edit::{Home, append, remove, replace_entry, replace_scalar, step};
use crate::yaml::homes::Homes;

/// How recipients are to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientEdit {
    /// Who is to be able to open the document, too.
    pub add: Vec<String>,
    /// Whose stanza is taken out. Without a rotation they keep what they have seen and can still open old versions.
    pub remove: Vec<String>,
}

impl OpenedDocument {
    /// Stores a value under a path of the first document, making containers on the way; a list position at or
    /// past the end appends. Returns false, and changes nothing, when the value is there already.
    ///
    /// # Errors
    /// [`SealError::WrongContainer`] when the path goes through a scalar.
    pub fn set(&mut self, path: &KeyPath, value: &Value) -> Result<bool, SealError> {
        self.must_have_keys()?;
        self.must_fit(path, value)?;
        let (document, source) = (self.first_document()?, &self.sealed.text);
        if let Some(node) = find(&document.root, path.steps())
            && let (Some(old), Value::Scalar(new)) = (node.scalar(), value)
            && self.value_of(old).is_same(new)
        {
            return Ok(false);
        }
        let patches = Setter { source, document, step: step(&self.sealed.tree) }.patches(path, value)?;
        self.apply_plain(patches, path)?;
        Ok(true)
    }

    /// Removes what stands under a path of the first document.
    ///
    /// # Errors
    /// [`SealError::NoSuchKey`].
    pub fn unset(&mut self, path: &KeyPath) -> Result<(), SealError> {
        self.must_have_keys()?;
        let document = self.first_document()?;
        let missing = || SealError::NoSuchKey(path.clone());
        let (last, above) = path.steps().split_last().ok_or_else(missing)?;
        let container = find(&document.root, above).ok_or_else(missing)?;
        let entry = child(container, last).ok_or_else(missing)?;
        let patches = remove(&self.sealed.text, container, entry, document.sops.as_ref().filter(|_| above.is_empty()));
        let text = apply(&self.sealed.text, patches);
        self.take_text(&text)
    }

    /// Seals again: the MAC, and `now` as `lastmodified`. Returns the bytes of the file; unchanged ones when
    /// nothing was changed. What is returned was opened again and compared.
    ///
    /// # Errors
    /// [`SealError::ReadBack`] when it did not compare equal; nothing may be stored then.
    pub fn reseal(&mut self, now: Timestamp) -> Result<Vec<u8>, SealError> {
        if !self.changed {
            return Ok(self.sealed.as_bytes().to_vec());
        }
        let (_, mac) = open_values(&self.sealed, &self.key).map_err(|_| SealError::ReadBack("it does not open"))?;
        let time = time_text(now);
        let mac = seal_mac(&self.key, &mac.finish(), &time)?;
        let mut patches = Vec::new();
        for document in &self.sealed.tree.documents {
            if let Some(sops) = &document.sops {
                patches.extend(self.metadata_patches(sops, &[("lastmodified", &time), ("mac", &mac)]));
            }
        }
        let text = apply(&self.sealed.text, patches);
        let sealed = read_back(&text, self.sealed.format)?;
        let key = DataKey::from_bytes(self.key.expose()).ok_or(SealError::ReadBack("its key is damaged"))?;
        let opened =
            open_with(&sealed, key, OpenOptions::default()).map_err(|_| SealError::ReadBack("it does not open"))?;
        self.compare(&opened)?;
        *self = opened;
        Ok(self.sealed.as_bytes().to_vec())
    }

    /// Takes a new data key, seals everything under it, and wraps it for the recipients in the file.
    ///
    /// # Errors
    /// [`SealError::Metadata`] when a recipient is of a kind that cannot be served, or there are key groups.
    pub fn rotate(&mut self) -> Result<(), SealError> {
        self.must_be_editable()?;
        self.must_be_age_only()?;
        let key = DataKey::generate()?;
        let homes = Homes::of(&self.sealed.tree);
        let step = step(&self.sealed.tree);
        let mut patches = Vec::new();
        walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
            match &visit.leaf {
                Leaf::Empty(_) => {}
                Leaf::Scalar(node, scalar) => {
                    if let Some(value) = self.opened_leaf(scalar.leaf) {
                        let token = Plain::text(seal_value(&key, value, visit.aad)?);
                        let home = homes.at(scalar.leaf);
                        patches.extend(replace_scalar(&self.sealed.text, node, scalar, home, &token, step));
                    }
                }
                Leaf::Comment(comment) => {
                    if let Some(value) = self.opened_leaf(comment.leaf) {
                        let token = seal_value(&key, value, visit.aad)?;
                        patches.extend(self.sealed.tree.replace_comment(&self.sealed.text, comment, &token));
                    }
                }
            }
            Ok::<(), SealError>(())
        })?;
        for document in &self.sealed.tree.documents {
            let Some(list) = document.sops.as_ref().and_then(|sops| sops.node.get("age")) else { continue };
            for entry in list.node.entries() {
                let name = text_field(&entry.node, "recipient");
                let enc = crate::identity::wrap(&name, key.expose())?;
                patches.extend(self.field_patch(&entry.node, "enc", &enc));
            }
        }
        let text = apply(&self.sealed.text, patches);
        let old_key = std::mem::replace(&mut self.key, key);
        self.take_text(&text).inspect_err(|_| self.key = old_key)
    }

    /// Adds and removes age recipients under the same data key; values, MAC and time stay as they are, as with
    /// `updatekeys`. Returns whether anything changed.
    ///
    /// # Errors
    /// [`SealError::Metadata`] when there are key groups or nobody would be left.
    pub fn edit_recipients(&mut self, edit: &RecipientEdit) -> Result<bool, SealError> {
        self.must_be_editable()?;
        if self.sealed.format == Format::Dotenv {
            return Err(SealError::Metadata { what: "recipients of a dotenv document cannot be changed yet" });
        }
        if !self.sealed.metadata().is_flat() {
            return Err(SealError::Metadata { what: "recipients of key groups cannot be changed yet" });
        }
        let had_changed = self.changed;
        let mut any = false;
        for recipient in &edit.remove {
            any |= self.remove_recipient(recipient.trim())?;
        }
        for recipient in &edit.add {
            any |= self.add_recipient(recipient.trim())?;
        }
        // The MAC does not cover recipients: nothing has to be sealed again for them.
        self.changed = had_changed;
        Ok(any)
    }

    /// Takes an edited plain document in place of this one: equal values in equal places keep their sealed text,
    /// the metadata stay. The layout becomes that of `plain`.
    ///
    /// # Errors
    /// As for [`crate::seal`].
    pub fn replace_with(&mut self, plain: &[u8]) -> Result<(), SealError> {
        self.must_be_editable()?;
        let draft = Draft::read(plain, self.sealed.format, Some(step(&self.sealed.tree)))?;
        let selection = self.sealed.selection();
        let only_sealed = self.sealed.metadata().mac_only_encrypted();
        let (patches, _) = draft.sealed_leaves(&selection, only_sealed, &self.key, &self.reuse())?;
        let sops = self.first_document()?.sops.as_ref();
        let sops = sops.ok_or(SealError::Metadata { what: "the metadata are missing" })?;
        let metadata = match self.sealed.format {
            Format::Dotenv => dotenv::kept_lines(&self.sealed.text),
            Format::Yaml | Format::Json | Format::Binary | Format::Ini => {
                self.sealed.text[sops.start..entry_text_end(sops)].to_owned()
            }
        };
        let text = draft.with_metadata(patches, &Appended::Kept(&metadata));
        self.take_text(&text)?;
        draft.compare(self)
    }

    /// What is sealed now, to be used again.
    fn reuse(&self) -> Reuse {
        let mut reuse = Reuse::default();
        let outcome: Result<(), std::convert::Infallible> =
            walk(&self.sealed.tree, &self.sealed.selection(), &mut |visit| {
                let (leaf, envelope) = match &visit.leaf {
                    Leaf::Scalar(_, scalar) => (scalar.leaf, &scalar.envelope),
                    Leaf::Comment(comment) => (comment.leaf, &comment.envelope),
                    Leaf::Empty(_) => return Ok(()),
                };
                // A nonce of another length makes sops crash when it seals again (reference 16.2).
                if let (Some(value), Some(envelope)) = (self.opened_leaf(leaf), envelope)
                    && envelope.iv().len() == 32
                    && self.key.open(envelope, visit.aad.as_bytes()).is_ok()
                {
                    let place = (visit.document, visit.key_path());
                    reuse.known.entry(place).or_default().push((value.duplicate(), envelope.to_string()));
                }
                Ok(())
            });
        match outcome {
            Ok(()) => reuse,
            Err(never) => match never {},
        }
    }

    fn must_be_editable(&self) -> Result<(), SealError> {
        match self.sealed.format {
            Format::Yaml if self.sealed.tree.needs_rewriting => Err(SealError::Metadata {
                what: "a sealed document with anchors or in brackets cannot be edited in place",
            }),
            Format::Yaml | Format::Json | Format::Dotenv | Format::Binary | Format::Ini => Ok(()),
        }
    }

    fn must_have_keys(&self) -> Result<(), SealError> {
        match self.sealed.format {
            Format::Binary => Err(SealError::Metadata { what: "a binary document has no keys" }),
            Format::Yaml | Format::Json | Format::Dotenv | Format::Ini => self.must_be_editable(),
        }
    }

    /// A dotenv document holds scalars at its top level, and its keys have no quotes.
    fn must_fit(&self, path: &KeyPath, value: &Value) -> Result<(), SealError> {
        if self.sealed.format != Format::Dotenv {
            return Ok(());
        }
        match (path.steps(), value) {
            ([Step::Key(key)], Value::Scalar(_)) if dotenv::is_key(key) => Ok(()),
            (_, Value::Scalar(_) | Value::Map(_) | Value::List(_)) => Err(SealError::WrongContainer(path.clone())),
        }
    }

    fn must_be_age_only(&self) -> Result<(), SealError> {
        let metadata = self.sealed.metadata();
        if !metadata.is_flat() {
            return Err(SealError::Metadata { what: "a document with key groups cannot be rotated yet" });
        }
        match metadata.recipients().find(|recipient| recipient.kind() != KeyKind::Age) {
            Some(_) => Err(SealError::Metadata { what: "a recipient is not an age recipient and would lose access" }),
            None => Ok(()),
        }
    }

    fn first_document(&self) -> Result<&Document, SealError> {
        self.sealed.tree.documents.first().ok_or(SealError::Empty)
    }

    /// Applies patches that hold plain text below `path`, and seals what the settings want sealed there.
    fn apply_plain(&mut self, patches: Vec<Patch>, path: &KeyPath) -> Result<(), SealError> {
        let text = apply(&self.sealed.text, patches);
        let draft = read_back(&text, self.sealed.format)?;
        let (homes, step) = (Homes::of(&draft.tree), step(&draft.tree));
        let target = changed_path(&draft.tree.documents[0].root, path);
        let mut patches = Vec::new();
        walk(&draft.tree, &draft.selection(), &mut |visit| {
            if let Leaf::Scalar(node, scalar) = &visit.leaf {
                let inside = visit.document == 0 && target.covers(&visit.key_path());
                if inside && visit.seals && !scalar.value.is_empty() {
                    let token = Plain::text(seal_value(&self.key, &scalar.value, visit.aad)?);
                    patches.extend(replace_scalar(&text, node, scalar, homes.at(scalar.leaf), &token, step));
                }
            }
            Ok::<(), SealError>(())
        })?;
        let sealed_text = apply(&text, patches);
        self.take_text(&sealed_text)
    }

    /// Reads changed text and opens it under the data key at hand.
    fn take_text(&mut self, text: &str) -> Result<(), SealError> {
        let sealed = read_back(text, self.sealed.format)?;
        let (values, _) = open_values(&sealed, &self.key).map_err(|_| SealError::ReadBack("it does not open"))?;
        self.sealed = sealed;
        self.values = values;
        self.changed = true;
        Ok(())
    }

    fn compare(&self, other: &Self) -> Result<(), SealError> {
        let (mine, theirs) = (self.values(), other.values());
        let same = mine.len() == theirs.len()
            && mine.iter().zip(&theirs).all(|(a, b)| a.0 == b.0 && a.1 == b.1 && a.2.is_same(b.2));
        if same { Ok(()) } else { Err(SealError::ReadBack("its values differ")) }
    }

    fn metadata_patches(&self, sops: &Entry, fields: &[(&str, &String)]) -> Vec<Patch> {
        let mut patches = Vec::new();
        for (name, text) in fields {
            match sops.node.get(name) {
                Some(_) => patches.extend(self.field_patch(&sops.node, name, text)),
                None => {
                    let value = Value::text(text.as_str());
                    let step = step(&self.sealed.tree);
                    let prefix = if self.sealed.format == Format::Dotenv { "sops_" } else { "" };
                    let name = format!("{prefix}{name}");
                    patches.extend(append(&self.sealed.text, &sops.node, Some(&name), &value, step));
                }
            }
        }
        patches
    }

    fn field_patch(&self, container: &Node, field: &str, text: &str) -> Vec<Patch> {
        let Some(entry) = container.get(field) else { return Vec::new() };
        let (source, step, value) = (&self.sealed.text, step(&self.sealed.tree), Plain::text(text));
        match entry.node.scalar() {
            Some(scalar) => replace_scalar(source, &entry.node, scalar, Home::of(container), &value, step),
            None => replace_entry(source, container, entry, &Value::Scalar(value), step),
        }
    }

    fn remove_recipient(&mut self, recipient: &str) -> Result<bool, SealError> {
        let others = self.sealed.metadata().recipients().filter(|other| other.name() != recipient).count();
        if others == 0 {
            return Err(SealError::Metadata { what: "nobody would be left to open the document" });
        }
        let mut patches = Vec::new();
        for document in &self.sealed.tree.documents {
            let Some(list) = document.sops.as_ref().and_then(|sops| sops.node.get("age")) else { continue };
            for entry in list.node.entries().filter(|entry| text_field(&entry.node, "recipient") == recipient) {
                patches.extend(remove(&self.sealed.text, &list.node, entry, None));
            }
        }
        if patches.is_empty() {
            return Ok(false);
        }
        let text = apply(&self.sealed.text, patches);
        self.take_text(&text).map(|()| true)
    }

    fn add_recipient(&mut self, recipient: &str) -> Result<bool, SealError> {
        if self.sealed.metadata().recipients().any(|other| other.name() == recipient) {
            return Ok(false);
        }
        let value = stanza(recipient, self.key.expose())?;
        let step = step(&self.sealed.tree);
        let mut patches = Vec::new();
        for document in &self.sealed.tree.documents {
            let Some(sops) = &document.sops else { continue };
            let one = || Value::List(vec![copy(&value)]);
            match sops.node.get("age") {
                Some(list) if list.node.entries().next().is_some() => {
                    patches.extend(append(&self.sealed.text, &list.node, None, &value, step));
                }
                Some(list) => patches.extend(replace_entry(&self.sealed.text, &sops.node, list, &one(), step)),
                None => patches.extend(append(&self.sealed.text, &sops.node, Some("age"), &one(), step)),
            }
        }
        let text = apply(&self.sealed.text, patches);
        self.take_text(&text).map(|()| true)
    }
}

fn text_field(node: &Node, field: &str) -> String {
    let text = node.get(field).and_then(|entry| entry.node.scalar()).and_then(|scalar| scalar.value.as_text());
    text.unwrap_or_default().trim().to_owned()
}

fn entry_text_end(entry: &Entry) -> usize {
    let below = entry.node.children().last().map_or(0, crate::yaml::parse::child_end);
    below.max(entry.node.span.end)
}
