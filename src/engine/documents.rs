//! Looks into governed files without any key: sealed or not, which keys changed, who can open them.
//!
//! No value and no token leaves this module.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Delta, EntryMode, Oid, RefName, RepoPath, TreeEntry};
use countersign_core::facts::compare::Branches;
use countersign_core::facts::{
    ChangeFacts, DocumentFacts, FileState, KeyChange, KeyChangeKind, PlainCommit, SettingChange,
};
use countersign_core::policy::PathClass;
use sops_file::{CreationRule, CreationRules, Format, LeafState, ParseError, SealedDocument, Selection};

use super::book::Place;
use super::ports::RepoRef;
use super::{Engine, TurnError, revoke};

/// Largest file we look into, in bytes.
pub(super) const LIMIT: usize = 4 * 1024 * 1024;

/// One side of a governed file.
pub(super) enum Side {
    Document(Box<SealedDocument>),
    Other(FileState),
}

impl Engine {
    /// Facts of every governed file of a delta that must be sealed.
    pub(super) async fn documents(
        &self,
        place: &Place,
        base: &RefName,
        base_tip: &Oid,
        delta: &Delta,
    ) -> Result<BTreeMap<RepoPath, DocumentFacts>, TurnError> {
        let (mut documents, mut readers) = (BTreeMap::new(), BTreeSet::new());
        let mut rules = None;
        for entry in delta.entries() {
            if !must_be_sealed(place, base, &entry.path) {
                continue;
            }
            if rules.is_none() {
                rules = Some(self.creation_rules(place, base_tip).await?);
            }
            let demand = rules.as_ref().map_or(Demand::Nothing, |rules| rules.demand(&entry.path));
            let old = self.side(&place.repo, &entry.path, entry.old.as_ref()).await?;
            let new = self.side(&place.repo, &entry.path, entry.new.as_ref()).await?;
            let copied = self.copied(place, (base, &entry.path), (&old, &new)).await?;
            let revoked = revoke::returning(place.state(), &old, &new);
            let facts = facts(&old, &new, &demand);
            let old_recipients = facts.old_recipients.among(&mut readers);
            let new_recipients = facts.new_recipients.among(&mut readers);
            let facts = DocumentFacts { copied, revoked, old_recipients, new_recipients, ..facts };
            documents.insert(entry.path.clone(), facts);
        }
        Ok(documents)
    }

    pub(super) async fn side(
        &self,
        repo: &RepoRef,
        path: &RepoPath,
        entry: Option<&TreeEntry>,
    ) -> Result<Side, TurnError> {
        let Some(entry) = entry else { return Ok(Side::Other(FileState::Absent)) };
        match entry.mode {
            EntryMode::File | EntryMode::Executable => {}
            EntryMode::Link | EntryMode::Submodule => return Ok(Side::Other(FileState::NotAFile)),
        }
        let Some(bytes) = self.repo.blob(repo, &entry.oid, LIMIT).await? else {
            return Ok(Side::Other(FileState::TooLarge));
        };
        Ok(read(path, &bytes))
    }

    /// Commits on the way in which a governed file stood in plain text, in whole or in part (R8). Each blob is read once.
    pub(super) async fn plain_commits(
        &self,
        place: &Place,
        change: &ChangeFacts,
        origin: &Oid,
    ) -> Result<Vec<PlainCommit>, TurnError> {
        let mut plain = Vec::new();
        let mut known: BTreeMap<(Oid, RepoPath), bool> = BTreeMap::new();
        for commit in self.repo.commits(&place.repo, &change.base_tip, &change.head).await? {
            if commit.oid == change.head {
                continue;
            }
            for entry in self.repo.delta(&place.repo, origin, &commit.oid).await?.entries() {
                let Some(new) = entry.new.as_ref().filter(|_| must_be_sealed(place, &change.base, &entry.path)) else {
                    continue;
                };
                let key = (new.oid.clone(), entry.path.clone());
                let is_plain = match known.get(&key) {
                    Some(is_plain) => *is_plain,
                    None => may_be_plain(&self.side(&place.repo, &entry.path, Some(new)).await?),
                };
                known.insert(key, is_plain);
                if is_plain {
                    plain.push(PlainCommit { commit: commit.oid.clone(), path: entry.path.clone() });
                }
            }
        }
        Ok(plain)
    }

    /// The `.sops.yaml` files at the base, nearest first for each path.
    async fn creation_rules(&self, place: &Place, base_tip: &Oid) -> Result<Rules, TurnError> {
        let mut files = BTreeMap::new();
        for (path, entry) in self.repo.entries(&place.repo, base_tip).await? {
            if path.file_name() != b".sops.yaml" {
                continue;
            }
            let bytes = self.repo.blob(&place.repo, &entry.oid, LIMIT).await?;
            let rules = bytes.and_then(|bytes| CreationRules::parse(&bytes).ok());
            let directory = path.as_bytes()[..path.as_bytes().len() - b".sops.yaml".len()].to_vec();
            files.insert(directory, rules);
        }
        Ok(Rules { files })
    }
}

pub(super) fn must_be_sealed(place: &Place, base: &RefName, path: &RepoPath) -> bool {
    let branches = Branches { base, default: &place.default_branch };
    match place.policy.classify(path, branches.base, branches.default) {
        PathClass::Governed { plain, .. } => !plain,
        PathClass::Free | PathClass::Control | PathClass::Ambiguous { .. } => false,
    }
}

/// What a file is on both sides, and what changed in it, as far as the two sides say.
fn facts(old: &Side, new: &Side, demand: &Demand<'_>) -> DocumentFacts {
    let diff = sops_file::diff::keyless(old.document(), new.document());
    let keys = diff.keys.iter().map(|key| KeyChange { key: key.key.to_string(), change: kind(key.change) });
    let settings = diff.settings.iter().map(|setting| SettingChange {
        name: setting.name.clone(),
        old: setting.old.clone().unwrap_or_default(),
        new: setting.new.clone().unwrap_or_default(),
    });
    DocumentFacts {
        old: old.state(),
        new: new.state(),
        keys: keys.collect(),
        exposed: new.document().map(|new| bare(new, old.document(), demand)).unwrap_or_default(),
        old_recipients: old.recipients().into(),
        new_recipients: new.recipients().into(),
        demanded_recipients: demand.recipients(),
        settings: settings.collect(),
        other: Some(other(&diff)),
        copied: BTreeSet::new(),
        revoked: BTreeSet::new(),
    }
}

/// Reads one side: a document, or what it is instead.
pub(super) fn read(path: &RepoPath, bytes: &[u8]) -> Side {
    let name = path.to_string();
    match SealedDocument::parse(bytes, Format::of_path(&name)) {
        Ok(document) => Side::Document(Box::new(document)),
        Err(ParseError::NotSealed) => Side::Other(FileState::Plain),
        Err(fault) => Side::Other(FileState::Broken(fault.to_string())),
    }
}

impl Side {
    /// The document, if it is one.
    pub(super) fn document(&self) -> Option<&SealedDocument> {
        match self {
            Self::Document(document) => Some(document),
            Self::Other(_) => None,
        }
    }

    fn state(&self) -> FileState {
        match self {
            Self::Document(document) if document.metadata().mac().is_none() => FileState::MacMissing,
            Self::Document(_) => FileState::Sealed,
            Self::Other(state) => state.clone(),
        }
    }

    fn recipients(&self) -> BTreeSet<String> {
        self.document().map(recipients).unwrap_or_default()
    }
}

/// Everybody who can open a document, by public name.
fn recipients(document: &SealedDocument) -> BTreeSet<String> {
    document.metadata().recipients().map(|recipient| recipient.name().to_owned()).collect()
}

/// What is no sound document may be plain text, and counts as such.
fn may_be_plain(side: &Side) -> bool {
    match side {
        Side::Document(document) => !exposed(document).is_empty(),
        Side::Other(FileState::Absent | FileState::NotAFile) => false,
        Side::Other(
            FileState::Plain | FileState::Broken(_) | FileState::TooLarge | FileState::Sealed | FileState::MacMissing,
        ) => true,
    }
}

/// Keys that stand in plain although the document's own settings seal them.
fn exposed(document: &SealedDocument) -> Vec<String> {
    let leaves = document.leaves().into_iter();
    let open = leaves.filter(|leaf| leaf.is_exposed());
    open.map(|leaf| leaf.path.to_string()).collect()
}

/// The same, and every plain key where the document brings settings of its own that the rule at the base does not give it.
fn bare(new: &SealedDocument, old: Option<&SealedDocument>, demand: &Demand<'_>) -> Vec<String> {
    let Demand::Rule(rule) = demand else { return exposed(new) };
    let default = Selection::default_suffix();
    let setting = |selection: Option<&Selection>| {
        let (name, text) = selection.unwrap_or(&default).setting();
        (name, text.to_owned())
    };
    let of_new = setting(new.metadata().selection());
    let as_before = old.is_some_and(|old| setting(old.metadata().selection()) == of_new);
    if as_before || of_new == setting(rule.selection()) {
        return exposed(new);
    }
    let leaves = new.leaves().into_iter();
    leaves.filter(|leaf| matches!(leaf.state, LeafState::Plain(_))).map(|leaf| leaf.path.to_string()).collect()
}

/// `.sops.yaml` files by directory; `None`: one that cannot be read.
struct Rules {
    files: BTreeMap<Vec<u8>, Option<CreationRules>>,
}

/// What the nearest `.sops.yaml` above a path says of it.
enum Demand<'a> {
    /// No rule speaks of it.
    Nothing,
    /// The file cannot be read: nothing satisfies it.
    Unreadable,
    /// This.
    Rule(&'a CreationRule),
}

impl Rules {
    fn demand(&self, path: &RepoPath) -> Demand<'_> {
        let above = self.files.iter().filter(|(directory, _)| path.as_bytes().starts_with(directory));
        let Some((directory, rules)) = above.max_by_key(|(directory, _)| directory.len()) else {
            return Demand::Nothing;
        };
        let Some(rules) = rules else { return Demand::Unreadable };
        let below = std::str::from_utf8(&path.as_bytes()[directory.len()..]).ok();
        let rule = below.and_then(|below| rules.rule_for(below).ok().flatten());
        rule.map_or(Demand::Nothing, Demand::Rule)
    }
}

impl Demand<'_> {
    /// Who must be able to open the file; `None` when nothing says so.
    fn recipients(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Nothing => None,
            Self::Unreadable => Some(BTreeSet::new()),
            Self::Rule(rule) => {
                let names: BTreeSet<String> = rule.groups().iter().flatten().map(|key| key.name.clone()).collect();
                (!names.is_empty()).then_some(names)
            }
        }
    }
}

/// What is neither a key nor a reader nor a setting; a data key that is another one, or may be.
fn other(diff: &sops_file::diff::DocumentDiff) -> Vec<SettingChange> {
    use sops_file::diff::DataKeyChange;
    let data_key = match diff.data_key {
        DataKeyChange::Same => None,
        DataKeyChange::Changed => Some("another one"),
        DataKeyChange::Unknown => Some("perhaps another one"),
    };
    let data_key =
        data_key.map(|now| SettingChange { name: "data key".to_owned(), old: String::new(), new: now.to_owned() });
    let rest = diff.other.iter().map(|change| SettingChange {
        name: change.what.clone(),
        old: change.old.clone().unwrap_or_default(),
        new: change.new.clone().unwrap_or_default(),
    });
    data_key.into_iter().chain(rest).collect()
}

fn kind(change: sops_file::diff::ChangeKind) -> KeyChangeKind {
    use sops_file::diff::ChangeKind as Change;
    match change {
        Change::Added => KeyChangeKind::Added,
        Change::Removed => KeyChangeKind::Removed,
        Change::Changed => KeyChangeKind::Changed,
        Change::TypeChanged => KeyChangeKind::TypeChanged,
        Change::Moved => KeyChangeKind::Moved,
        Change::Reencrypted => KeyChangeKind::Reencrypted,
        Change::Renamed => KeyChangeKind::Renamed,
        Change::BecamePlain => KeyChangeKind::BecamePlain,
        Change::BecameEncrypted => KeyChangeKind::BecameEncrypted,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tampering;
