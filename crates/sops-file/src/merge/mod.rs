//! Two versions of a document that grew from one: merged key by key (SOPS reference 23.3 to 23.6).
//!
//! Text merges of sealed documents conflict on the MAC and the time though two people changed different keys, and
//! now and then succeed and are wrong. Here each key is decided for itself; sealed texts are taken over as they are,
//! only the MAC and the time are new, and the result was opened and compared before it is given out.
//!
//! Never guesses: what both sides changed differently is a conflict, named by its key. Never writes markers, never
//! seals to anybody whom neither side sealed to, never writes readable what all versions keep sealed.

mod block;
mod brackets;
mod check;
mod lines;
mod list;
mod metadata;
mod plan;
mod prints;
mod write;

use std::fmt;

use jiff::Timestamp;

use crate::error::SealError;
use crate::opened::OpenedDocument;
use crate::path::KeyPath;

use metadata::Roles;

/// What a merge may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Values, comments, and also recipients, settings and the data key where the sides do not contradict each other.
    Everything,
    /// Values and comments. When a side changed who can open the document, what is sealed, or the data key, that is a
    /// conflict: for machines that hold an identity and must never decide for whom they seal.
    ValuesOnly,
}

/// What came out.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes of the merged document.
    Merged(Vec<u8>),
    /// What both sides changed differently; never empty. Nothing was merged.
    Conflicts(Vec<Conflict>),
}

/// Something that both sides changed differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Which YAML document of the file, from 0.
    pub document: usize,
    /// The key; the root for what belongs to the document as a whole.
    pub key: KeyPath,
    /// What about it.
    pub kind: ConflictKind,
}

/// In which way two sides contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Both changed it, to different values.
    Changed,
    /// One side removed what the other changed.
    RemovedAndChanged,
    /// Both edited the same stretch of a list.
    Stretch,
    /// Both changed the comments that belong to it.
    Comments,
    /// Both put its keys in another order.
    Order,
    /// The settings of one side want readable what the other side sealed.
    Bared,
    /// The number of YAML documents.
    Documents,
    /// Who can open the document.
    Recipients,
    /// What is sealed, and what the MAC covers.
    Settings,
    /// The data key.
    DataKey,
    /// Another field of the metadata.
    Metadata,
}

impl ConflictKind {
    /// A sentence about the thing that stands before it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Changed => "was changed on both sides",
            Self::RemovedAndChanged => "was removed on one side and changed on the other",
            Self::Stretch => "is in a stretch of a list that both sides edited",
            Self::Comments => "has comments that both sides changed",
            Self::Order => "has keys that both sides put in another order",
            Self::Bared => "is sealed on one side, and the settings of the other want it readable",
            Self::Documents => "the number of documents was changed",
            Self::Recipients => "the recipients were changed",
            Self::Settings => "the settings of what is sealed were changed",
            Self::DataKey => "the data key was changed",
            Self::Metadata => "the metadata were changed",
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document > 0 {
            write!(f, "document {}: ", self.document + 1)?;
        }
        if self.key.is_root() {
            return f.write_str(match self.kind {
                ConflictKind::Changed => "the whole document was changed on both sides",
                ConflictKind::Comments => "comments of the document were changed on both sides",
                ConflictKind::Order => "the keys of the document were put in another order on both sides",
                kind @ (ConflictKind::RemovedAndChanged
                | ConflictKind::Stretch
                | ConflictKind::Bared
                | ConflictKind::Documents
                | ConflictKind::Recipients
                | ConflictKind::Settings
                | ConflictKind::DataKey
                | ConflictKind::Metadata) => kind.sentence(),
            });
        }
        write!(f, "`{}` {}", self.key, self.kind.sentence())
    }
}

/// The merge cannot be made, for a reason that is no conflict.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MergeError {
    /// The three versions are not of one format.
    #[error("the three versions are documents of different formats")]
    Formats,
    /// A version was opened although its MAC is wrong.
    #[error("the MAC of a version does not match")]
    Unverified,
    /// The layout of the versions is too different to join their texts.
    #[error("the texts of the versions cannot be joined at `{0}`")]
    Layout(KeyPath),
    /// Writing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl MergeError {
    /// What to do next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Formats => "merge versions of one file",
            Self::Unverified => "find the last sound version in history",
            Self::Layout(_) => "take one side, and put the changes of the other in with `countersign edit`",
            Self::Seal(fault) => fault.help(),
        }
    }
}

/// Merges what `ours` and `theirs` made of `base`. `now` becomes `lastmodified`.
///
/// The sides play the same part; where both add keys in one place those of `ours` stay where they are and those of
/// `theirs` follow the nearest key that both have. When a side has a new data key, that one is kept, and what the other
/// side changed is sealed under it.
///
/// ```
/// # use sops_file::{*, merge::{merge, Outcome, Scope}};
/// # let me = Identities::generate();
/// # let now: Timestamp = "2026-11-25T12:00:00Z".parse()?;
/// # let read = |bytes: &[u8]| SealedDocument::parse(bytes, Format::Yaml);
/// # let sealed = seal(b"a: 1\nb: 2\n", Format::Yaml, &SealOptions::to(me.recipients()), now)?;
/// let base = open(&read(&sealed)?, &me, OpenOptions::default())?;
/// let mut ours = open(&read(&sealed)?, &me, OpenOptions::default())?;
/// ours.set(&"a".parse()?, &Value::text("one"))?;
/// ours.reseal(now)?;
/// let mut theirs = open(&read(&sealed)?, &me, OpenOptions::default())?;
/// theirs.set(&"b".parse()?, &Value::text("two"))?;
/// theirs.reseal(now)?;
///
/// let Outcome::Merged(bytes) = merge(&base, &ours, &theirs, Scope::Everything, now)? else { panic!("a conflict") };
/// let merged = open(&read(&bytes)?, &me, OpenOptions::default())?;
/// assert_eq!(merged.to_plain()?.as_slice(), b"a: one\nb: two\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MergeError`]; conflicts are no error.
pub fn merge(
    base: &OpenedDocument,
    ours: &OpenedDocument,
    theirs: &OpenedDocument,
    scope: Scope,
    now: Timestamp,
) -> Result<Outcome, MergeError> {
    let all = [base, ours, theirs];
    if all.iter().any(|version| version.sealed.format != base.sealed.format) {
        return Err(MergeError::Formats);
    }
    if all.iter().any(|version| !version.verified || version.is_changed()) {
        return Err(MergeError::Unverified);
    }
    if ours.sealed.text == theirs.sealed.text || theirs.sealed.text == base.sealed.text {
        return Ok(Outcome::Merged(ours.sealed.as_bytes().to_vec()));
    }
    let conflicts = metadata::conflicts(base, ours, theirs, scope);
    if ours.sealed.text == base.sealed.text && conflicts.is_empty() {
        return Ok(Outcome::Merged(theirs.sealed.as_bytes().to_vec()));
    }
    // One token may stand for several values there.
    if all.iter().any(|version| version.sealed.tree.needs_rewriting) {
        return Err(MergeError::Layout(KeyPath::root()));
    }
    let ours_first = Roles { base, target: ours, other: theirs };
    let theirs_first = Roles { base, target: theirs, other: ours };
    let (first, second) = if metadata::weight(base, theirs) > metadata::weight(base, ours) {
        (theirs_first, ours_first)
    } else {
        (ours_first, theirs_first)
    };
    // What one side did may be hard to write into the text of the other, and easy the other way round.
    match attempt(&first, scope, &conflicts, now) {
        Err(MergeError::Layout(_) | MergeError::Seal(SealError::ReadBack(_)))
            if metadata::weight(base, first.target) == metadata::weight(base, second.target) =>
        {
            attempt(&second, scope, &conflicts, now)
        }
        outcome => outcome,
    }
}

/// Writes what `other` changed into the text of `target`.
fn attempt(roles: &Roles<'_>, scope: Scope, conflicts: &[Conflict], now: Timestamp) -> Result<Outcome, MergeError> {
    let rekeyed = metadata::under_key_of(roles.target, roles.other)?;
    let roles = Roles { other: rekeyed.as_ref().unwrap_or(roles.other), ..*roles };
    let (plans, mut found) = plan::documents(&roles);
    found.extend(conflicts.iter().cloned());
    if found.is_empty() {
        let text = write::text(&roles, &plans)?;
        found = check::bared(&roles, &text)?;
        if found.is_empty() {
            let mut merged = metadata::copy(roles.target)?;
            if *text != *roles.target.sealed.text {
                let text = merged.settled(&text, None)?;
                merged.take_text(&text)?;
            }
            check::is_as_planned(&roles, &plans, &merged, scope)?;
            metadata::join(&roles, &mut merged)?;
            return Ok(Outcome::Merged(merged.reseal(now)?));
        }
    }
    found.sort();
    found.dedup();
    Ok(Outcome::Conflicts(found))
}
