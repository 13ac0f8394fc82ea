//! One thing to tell: facts only, no words yet.

use serde::{Deserialize, Serialize};

use crate::decision::{ChangedPath, FileChange};
use crate::domain::{Account, Environment, Occasion, Oid, PrNumber, RepoName, Sequence, TargetId, Timestamp};
use crate::facts::KeyChangeKind;

/// Most lines about keys in one message.
const KEYS: usize = 30;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub occasion: Occasion,
    /// What it is told once for; unique in its repository.
    pub key: String,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub repository: RepoName,
    /// The change request.
    pub change: Option<PrNumber>,
    /// Where people look at it.
    pub url: String,
    /// The environments it is about; empty: none in particular.
    pub environments: Vec<Environment>,
    /// Whether control paths are changed.
    #[serde(default)]
    pub control: bool,
    /// Who asked for the change.
    pub requester: Option<Account>,
    /// Who did what is told, for people.
    pub actor: Option<String>,
    /// What changes, counted.
    pub counts: Option<Counts>,
    /// What changes, by name. Never leaves GitHub unless a route says so.
    #[serde(default)]
    pub keys: Vec<KeyLine>,
    /// Head or new tip.
    pub commit: Option<Oid>,
    /// The sync target.
    pub target: Option<TargetId>,
    /// The ledger entry that says so.
    pub entry: Option<Sequence>,
    /// Names of the policies that match what changes; empty: those of the environments.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Whose approvals counted.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// What is still missing.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Stable code of the reason.
    pub reason: Option<String>,
    /// Particulars, in words. Untrusted.
    pub detail: Option<String>,
    /// It is the end of an episode of failure.
    #[serde(default)]
    pub recovered: bool,
}

/// Keys that change, counted; files where keys are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New ones.
    pub added: usize,
    /// Changed ones.
    pub changed: usize,
    /// Removed ones.
    pub removed: usize,
}

/// One key that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLine {
    /// File.
    pub path: String,
    /// Key.
    pub key: String,
    /// What happens to it, in words.
    pub change: String,
}

/// Approvals that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// How many.
    pub count: usize,
    /// Who may give them, in words.
    pub of: String,
}

impl Notice {
    /// A notice about nothing but a repository.
    #[must_use]
    pub fn new(occasion: Occasion, about: &str, at: Timestamp, (repository, url): (&RepoName, &str)) -> Self {
        Self {
            occasion,
            key: format!("{}/{about}", occasion.name()),
            at,
            repository: repository.clone(),
            change: None,
            url: url.to_owned(),
            environments: Vec::new(),
            control: false,
            requester: None,
            actor: None,
            counts: None,
            keys: Vec::new(),
            commit: None,
            target: None,
            entry: None,
            policies: Vec::new(),
            approved_by: Vec::new(),
            missing: Vec::new(),
            reason: None,
            detail: None,
            recovered: false,
        }
    }

    /// The same without names of keys.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.keys = Vec::new();
        self
    }

    /// Takes in what changes.
    pub(super) fn about<'a>(&mut self, paths: impl Iterator<Item = &'a ChangedPath>) {
        let mut counts = Counts::default();
        for path in paths.filter(|path| path.copied_into.is_none()) {
            if path.keys.is_empty() {
                match path.file {
                    FileChange::Added => counts.added += 1,
                    FileChange::Removed => counts.removed += 1,
                    FileChange::Changed => counts.changed += 1,
                }
            }
            for key in &path.keys {
                match key.change {
                    KeyChangeKind::Added => counts.added += 1,
                    KeyChangeKind::Removed => counts.removed += 1,
                    KeyChangeKind::Changed
                    | KeyChangeKind::TypeChanged
                    | KeyChangeKind::Moved
                    | KeyChangeKind::Reencrypted
                    | KeyChangeKind::Renamed
                    | KeyChangeKind::BecamePlain
                    | KeyChangeKind::BecameEncrypted => counts.changed += 1,
                }
                if self.keys.len() < KEYS {
                    self.keys.push(KeyLine {
                        path: path.path.to_string(),
                        key: key.key.clone(),
                        change: key.change.words().to_owned(),
                    });
                }
            }
        }
        self.counts = Some(counts);
    }
}

impl Counts {
    /// "1 key added, 2 changed"; nothing for nothing.
    #[must_use]
    pub fn words(&self) -> String {
        let parts = [(self.added, "added"), (self.changed, "changed"), (self.removed, "removed")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        parts.join(", ")
    }
}
