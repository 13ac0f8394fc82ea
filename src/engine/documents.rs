//! Looks into governed files without any key: sealed or not, which keys changed, who can open them.
//!
//! No value and no token leaves this module.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Delta, DeltaEntry, EntryMode, Oid, RefName, RepoPath, TreeEntry};
use countersign_core::facts::compare::Branches;
use countersign_core::facts::{
    ChangeFacts, DocumentFacts, FileState, KeyChange, KeyChangeKind, PlainCommit, SettingChange,
};
use countersign_core::policy::PathClass;
use sops_file::{CreationRules, Format, LeafState, ParseError, SealedDocument};

use super::book::Place;
use super::ports::RepoRef;
use super::{Engine, TurnError};

/// Largest file we look into, in bytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// One side of a governed file.
enum Side {
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
        let mut documents = BTreeMap::new();
        let mut rules = None;
        for entry in delta.entries() {
            if !must_be_sealed(place, base, &entry.path) {
                continue;
            }
            if rules.is_none() {
                rules = Some(self.creation_rules(place, base_tip).await?);
            }
            let demanded = rules.as_ref().and_then(|rules| rules.recipients(&entry.path));
            documents.insert(entry.path.clone(), self.document(&place.repo, entry, demanded).await?);
        }
        Ok(documents)
    }

    async fn document(
        &self,
        repo: &RepoRef,
        entry: &DeltaEntry,
        demanded_recipients: Option<BTreeSet<String>>,
    ) -> Result<DocumentFacts, TurnError> {
        let old = self.side(repo, &entry.path, entry.old.as_ref()).await?;
        let new = self.side(repo, &entry.path, entry.new.as_ref()).await?;
        let diff = sops_file::diff::keyless(old.document(), new.document());
        let keys = diff.keys.iter().map(|key| KeyChange { key: key.key.to_string(), change: kind(key.change) });
        let settings = diff.settings.iter().map(|setting| SettingChange {
            name: setting.name.clone(),
            old: setting.old.clone().unwrap_or_default(),
            new: setting.new.clone().unwrap_or_default(),
        });
        Ok(DocumentFacts {
            old: old.state(),
            new: new.state(),
            keys: keys.collect(),
            exposed: new.document().map(exposed).unwrap_or_default(),
            old_recipients: old.recipients(),
            new_recipients: new.recipients(),
            demanded_recipients,
            settings: settings.collect(),
        })
    }

    async fn side(&self, repo: &RepoRef, path: &RepoPath, entry: Option<&TreeEntry>) -> Result<Side, TurnError> {
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

    /// Commits on the way in which a governed file stood in plain text (R8). Each blob is read once.
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
                    None => {
                        matches!(self.side(&place.repo, &entry.path, Some(new)).await?, Side::Other(FileState::Plain))
                    }
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
            let Some(bytes) = self.repo.blob(&place.repo, &entry.oid, LIMIT).await? else { continue };
            if let Ok(rules) = CreationRules::parse(&bytes) {
                let directory = path.as_bytes()[..path.as_bytes().len() - b".sops.yaml".len()].to_vec();
                files.insert(directory, rules);
            }
        }
        Ok(Rules { files })
    }
}

fn must_be_sealed(place: &Place, base: &RefName, path: &RepoPath) -> bool {
    let branches = Branches { base, default: &place.default_branch };
    match place.policy.classify(path, branches.base, branches.default) {
        PathClass::Governed { plain, .. } => !plain,
        PathClass::Free | PathClass::Control | PathClass::Ambiguous { .. } => false,
    }
}

/// Reads one side: a document, or what it is instead.
fn read(path: &RepoPath, bytes: &[u8]) -> Side {
    let name = path.to_string();
    match SealedDocument::parse(bytes, Format::of_path(&name)) {
        Ok(document) => Side::Document(Box::new(document)),
        Err(ParseError::NotSealed) => Side::Other(FileState::Plain),
        Err(fault) => Side::Other(FileState::Broken(fault.to_string())),
    }
}

impl Side {
    fn document(&self) -> Option<&SealedDocument> {
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

/// Keys that stand in plain although the document's own settings seal them.
fn exposed(document: &SealedDocument) -> Vec<String> {
    let leaves = document.leaves().into_iter();
    let open = leaves.filter(|leaf| leaf.should_be_sealed && matches!(leaf.state, LeafState::Plain(_)));
    open.map(|leaf| leaf.path.to_string()).collect()
}

/// `.sops.yaml` files by directory.
struct Rules {
    files: BTreeMap<Vec<u8>, CreationRules>,
}

impl Rules {
    /// Readers that the nearest `.sops.yaml` above a path demands for it; `None` when no rule speaks of it.
    fn recipients(&self, path: &RepoPath) -> Option<BTreeSet<String>> {
        let above = self.files.iter().filter(|(directory, _)| path.as_bytes().starts_with(directory));
        let (directory, rules) = above.max_by_key(|(directory, _)| directory.len())?;
        let below = std::str::from_utf8(&path.as_bytes()[directory.len()..]).ok()?;
        let rule = rules.rule_for(below).ok().flatten()?;
        let names: BTreeSet<String> = rule.groups().iter().flatten().map(|key| key.name.clone()).collect();
        (!names.is_empty()).then_some(names)
    }
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
