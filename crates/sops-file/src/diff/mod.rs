//! What changed between two versions of a document, key by key, as data (SOPS reference 22, 23).
//!
//! Never carries a value, sealed or open: the paths, the kinds of change, names of recipients and settings.
//! The MAC protects much less than one would think; everything it leaves out is reported here, too.

mod compare;
mod metadata;
mod shape;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use compare::common;

use serde::{Serialize, Serializer};

pub use self::tokens::{TokenChange, tokens};
pub use crate::ciphertext::{Ciphertext, ciphertexts, sealed_values};
use crate::format::Format;
use crate::opened::OpenedDocument;
use crate::path::KeyPath;
use crate::plain::Plain;
use crate::sealed::SealedDocument;

/// The whole difference between two versions of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentDiff {
    /// The store of the newer version (of the older one when the document was deleted).
    #[serde(serialize_with = "format_name")]
    pub format: Format,
    /// Whether the newer version's MAC was checked. Without a key it never is.
    pub integrity: Integrity,
    /// Whether both versions have the same data key.
    pub data_key: DataKeyChange,
    /// Key by key, in the order of the newer version, removals at the place where they were.
    pub keys: Vec<KeyChange>,
    /// Who could open the older and who can open the newer version.
    pub recipients: RecipientChange,
    /// Settings that decide what is sealed and what the MAC covers.
    pub settings: Vec<SettingChange>,
    /// Everything else: version, comments, key groups, an odd MAC or time, unknown metadata.
    pub other: Vec<OtherChange>,
}

impl DocumentDiff {
    /// Whether nothing at all changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.recipients.added.is_empty()
            && self.recipients.removed.is_empty()
            && self.settings.is_empty()
            && self.other.is_empty()
            && self.data_key != DataKeyChange::Changed
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn format_name<S: Serializer>(format: &Format, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(format.name())
}

/// What is known about the MAC of the newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// Opened and checked.
    Verified,
    /// No key at hand.
    Unverified,
    /// Checked, and wrong.
    Broken,
}

/// Whether the data key is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataKeyChange {
    /// At least one recipient has the same stanza in both, or both keys were compared.
    Same,
    /// Both keys were compared, or no stanza and no sealed value is the same.
    Changed,
    /// Cannot be told without a key.
    Unknown,
}

/// How one key changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Another value. Without a key also a value that was only sealed again: the two look the same.
    Changed,
    /// Another type; the value may look the same (reference 22, item 5).
    TypeChanged,
    /// The same value in another place among its siblings.
    Moved,
    /// The same value sealed anew. Only told with a key.
    Reencrypted,
    /// The same value under another key of the same map.
    Renamed,
    /// Was sealed, stands in the clear now.
    BecamePlain,
    /// Stood in the clear, is sealed now.
    BecameEncrypted,
}

/// One changed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// Where it is in the newer version; for a removed key where it was.
    pub key: KeyPath,
    /// How it changed.
    pub change: ChangeKind,
    /// Where it was, when moved or renamed, or when its list grew or shrank before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<KeyPath>,
    /// Which YAML document of the file, from 0.
    #[serde(skip_serializing_if = "is_first")]
    pub document: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_first(document: &usize) -> bool {
    *document == 0
}

impl KeyChange {
    /// The value before the change, asked for explicitly.
    #[must_use]
    pub fn old_value<'d>(&self, old: &'d OpenedDocument) -> Option<&'d Plain> {
        old.value_in(self.document, self.from.as_ref().unwrap_or(&self.key))
    }

    /// The value after the change, asked for explicitly.
    #[must_use]
    pub fn new_value<'d>(&self, new: &'d OpenedDocument) -> Option<&'d Plain> {
        new.value_in(self.document, &self.key)
    }
}

/// Recipients by label: `age1…`, or `kms:arn:…` for other kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecipientChange {
    /// Can open the newer version only.
    pub added: Vec<String>,
    /// Could open the older version only.
    pub removed: Vec<String>,
}

/// A setting that changed. Texts of settings are public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// The setting's name in the metadata.
    pub name: String,
    /// Its text before; none when it was not set.
    pub old: Option<String>,
    /// Its text now.
    pub new: Option<String>,
}

/// Anything else that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherChange {
    /// What, in words.
    pub what: String,
    /// Before; never a value.
    pub old: Option<String>,
    /// Now; never a value.
    pub new: Option<String>,
}

/// Compares two versions without any key.
///
/// ```
/// # use sops_file::*;
/// # let options = SealOptions::to(Identities::generate().recipients());
/// # let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
/// # let old = SealedDocument::parse(&seal(b"a: 1\n", Format::Yaml, &options, now)?, Format::Yaml)?;
/// # let new = SealedDocument::parse(&seal(b"a: 1\nb: 2\n", Format::Yaml, &options, now)?, Format::Yaml)?;
/// let diff = diff::keyless(Some(&old), Some(&new));
/// let last = diff.keys.last().ok_or("nothing changed")?;
/// assert_eq!((last.key.to_string().as_str(), last.change), ("b", diff::ChangeKind::Added));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A missing version is an empty document, as for an added or deleted
/// file. Two envelopes with different text count as changed, since nobody without the key can know better.
#[must_use]
pub fn keyless(old: Option<&SealedDocument>, new: Option<&SealedDocument>) -> DocumentDiff {
    let shapes = (old.map(shape::keyless), new.map(shape::keyless));
    assemble((old, new), (shapes.0.as_ref(), shapes.1.as_ref()), metadata::data_key(old, new))
}

/// Compares two opened versions by their typed values.
#[must_use]
pub fn opened(old: Option<&OpenedDocument>, new: Option<&OpenedDocument>) -> DocumentDiff {
    let sealed = (old.map(OpenedDocument::sealed), new.map(OpenedDocument::sealed));
    let shapes = (old.map(shape::opened), new.map(shape::opened));
    let data_key = match (old, new) {
        (Some(old), Some(new)) if old.has_same_data_key(new) => DataKeyChange::Same,
        (Some(_), Some(_)) => DataKeyChange::Changed,
        (None, _) | (_, None) => DataKeyChange::Unknown,
    };
    let mut diff = assemble(sealed, (shapes.0.as_ref(), shapes.1.as_ref()), data_key);
    diff.integrity = match new.or(old).map(OpenedDocument::is_verified) {
        Some(true) => Integrity::Verified,
        Some(false) | None => Integrity::Broken,
    };
    diff
}

type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

fn assemble(
    sealed: Pair<'_, SealedDocument>,
    shapes: Pair<'_, shape::DocumentShape>,
    data_key: DataKeyChange,
) -> DocumentDiff {
    let empty = shape::DocumentShape::default();
    let (old, new) = (shapes.0.unwrap_or(&empty), shapes.1.unwrap_or(&empty));
    let keys = compare::documents(old, new);
    let (comments, settings) = (compare::comments(old, new), metadata::settings(sealed));
    let anything = !keys.is_empty() || !comments.is_empty() || !settings.is_empty();
    let again = metadata::SealedAgain { keys: !keys.is_empty(), anything };
    let mut other = metadata::other(sealed, again, data_key);
    other.extend(comments);
    DocumentDiff {
        format: sealed.1.or(sealed.0).map_or(Format::Yaml, SealedDocument::format),
        integrity: Integrity::Unverified,
        data_key,
        keys,
        recipients: metadata::recipients(sealed),
        settings,
        other,
    }
}
