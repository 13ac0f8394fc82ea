//! Sealing again: the MAC and the time of a changed document (SOPS reference 6, 16.6).
//!
//! Never hands out bytes that were not opened again and compared.

use jiff::Timestamp;

use crate::access::Shares;
use crate::cipher::DataKey;
use crate::draft::read_back;
use crate::error::SealError;
use crate::format::Format;
use crate::opened::{OpenOptions, OpenedDocument, open_with};
use crate::plain::Plain;
use crate::seal::{seal_mac, time_text};
use crate::splice::{Patch, apply};
use crate::tree::{Entry, Node};
use crate::value::Value;
use crate::yaml::edit::{Home, append, replace_entry, replace_scalar, step};

impl OpenedDocument {
    /// Seals again: the MAC, and `now` as `lastmodified`. Returns the bytes of the file; unchanged ones when
    /// nothing was changed. What is returned was opened again and compared.
    ///
    /// # Errors
    /// [`SealError::ReadBack`] when it did not compare equal; nothing may be stored then.
    pub fn reseal(&mut self, now: Timestamp) -> Result<Vec<u8>, SealError> {
        if !self.changed {
            return Ok(self.sealed.as_bytes().to_vec());
        }
        let key = DataKey::from_bytes(self.key.expose()).ok_or(SealError::ReadBack("its key is damaged"))?;
        let text = apply(&self.sealed.text, self.mac_patches(&key, now)?);
        self.take_sealed(&text, key, self.shares.clone())
    }

    /// The MAC over the values as they are now, and the time, in every document of the file.
    pub(crate) fn mac_patches(&self, key: &DataKey, now: Timestamp) -> Result<Vec<Patch>, SealError> {
        let time = time_text(now);
        let mac = seal_mac(key, &self.hashed().finish(), &time)?;
        let entries = self.sealed.tree.documents.iter().filter_map(|document| document.sops.as_ref());
        let fields = [("lastmodified", &time), ("mac", &mac)];
        Ok(entries.flat_map(|sops| self.metadata_patches(sops, &fields)).collect())
    }

    /// Takes changed text with its MAC and the key it is sealed under, opened again and compared.
    pub(crate) fn take_sealed(&mut self, text: &str, key: DataKey, shares: Shares) -> Result<Vec<u8>, SealError> {
        let sealed = read_back(text, self.sealed.format)?;
        let opened =
            open_with(&sealed, key, OpenOptions::default()).map_err(|_| SealError::ReadBack("it does not open"))?;
        self.compare(&opened)?;
        *self = OpenedDocument { shares, ..opened };
        Ok(self.sealed.as_bytes().to_vec())
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
}
