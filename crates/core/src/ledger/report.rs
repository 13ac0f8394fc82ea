//! What `verify --json` and `ledger show` say: data for the faces, in the shapes `interfaces.md` fixes.
//!
//! No prose is laid out here and nothing is judged; fields may be added, never renamed.

use serde::Serialize;

use super::chain::{Ledger, Verified};
use super::cover::Coverage;
use super::debts::KnownBypass;
use super::entry::{Adoption, Approval, Entry, KeyAction, MergeMethod, PushOutcome, PutBackEntry};
use super::keys::KeyClass;
use super::problem::Problem;
use crate::domain::{Environment, Login, Oid, PrNumber, Sequence, Timestamp, UserId};
use crate::facts::{Known, VoteKind, VoteSource};

/// `verify --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    version: u8,
    commit: Oid,
    trust: &'static str,
    environments: Vec<EnvironmentReport>,
    /// What the ledger says of the commit, when it was pushed past everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    direct_push: Option<DirectPushReport>,
    ledger: LedgerReport,
}

/// A commit that was pushed past everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectPushReport {
    /// The entry that says so, `L-<sequence>`.
    pub entry: String,
    /// What became of it, in a few words.
    pub summary: String,
}

/// One environment of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentReport {
    /// Its name.
    pub name: Environment,
    /// Whether what stands at the commit is approved.
    pub covered: bool,
    /// The entry that approved it, `L-<sequence>`.
    pub entry: Option<String>,
    /// Whether that is what is approved now.
    pub current: bool,
    /// Whose approvals it rests on.
    pub approved_by: Vec<ApprovalReport>,
    /// Bypasses it rests on, or that its environment still owes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bypasses: Vec<BypassReport>,
    /// Why it is not covered: `uncovered`, `not-adopted`, `ledger-invalid`.
    pub reason: Option<&'static str>,
    /// Paths that differ from what is approved.
    pub differs: Vec<String>,
}

/// One bypass of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BypassReport {
    /// The decision, `L-<sequence>`.
    pub decision: String,
    /// The request.
    pub pull: PrNumber,
    /// Whose word it was.
    pub by: Vec<Login>,
    /// Until when it must be ratified.
    pub due: Timestamp,
    /// By whom it was ratified; empty: by nobody.
    pub ratified_by: Vec<Login>,
}

impl BypassReport {
    fn of((decision, known): (Sequence, &KnownBypass)) -> Self {
        let ratified = known.ratified.iter().flat_map(|(_, entry)| &entry.ratified_by);
        Self {
            decision: decision.label(),
            pull: known.pull,
            by: known.bypass.by.iter().map(|word| word.login.clone()).collect(),
            due: known.due(),
            ratified_by: ratified.map(|approval| approval.login.clone()).collect(),
        }
    }

    /// "bypassed by carol in #12, unratified, due 2026-11-27T10:00:00Z".
    #[must_use]
    pub fn words(&self) -> String {
        let join = |names: &[Login]| names.iter().map(Login::as_str).collect::<Vec<_>>().join(", ");
        let bypassed = format!("bypassed by {} in #{} ({})", join(&self.by), self.pull, self.decision);
        match self.ratified_by.as_slice() {
            [] => format!("{bypassed}, unratified, due {}", self.due),
            names => format!("{bypassed}, ratified by {}", join(names)),
        }
    }
}

/// One approval of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalReport {
    login: Login,
    id: UserId,
    via: &'static str,
    commit: Oid,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct LedgerReport {
    entries: usize,
    head: Option<Oid>,
    valid: bool,
    problems: Vec<ProblemReport>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ProblemReport {
    #[serde(flatten)]
    problem: Problem,
    help: &'static str,
}

impl VerifyReport {
    /// Puts the report together.
    #[must_use]
    pub fn new(commit: Oid, ledger: &Ledger, environments: impl IntoIterator<Item = (Environment, Coverage)>) -> Self {
        let help = |problem: &Problem| ProblemReport { problem: problem.clone(), help: problem.code.help() };
        let pushed = ledger.is_valid().then(|| ledger.state().put_back_of(&commit)).flatten();
        let direct_push = pushed.map(|(at, entry)| DirectPushReport { entry: at.label(), summary: put_back(entry) });
        Self {
            version: 1,
            commit,
            direct_push,
            trust: if ledger.is_pinned() { "pinned" } else { "unpinned" },
            environments: environments
                .into_iter()
                .map(|(name, coverage)| environment(ledger, name, &coverage))
                .collect(),
            ledger: LedgerReport {
                entries: ledger.entries().len(),
                head: ledger.head().and_then(|head| head.commit.clone()),
                valid: ledger.is_valid(),
                problems: ledger.problems().iter().map(help).collect(),
            },
        }
    }

    /// What the ledger says of the commit, when it was pushed past everybody.
    #[must_use]
    pub fn direct_push(&self) -> Option<&DirectPushReport> {
        self.direct_push.as_ref()
    }

    /// The environments.
    #[must_use]
    pub fn environments(&self) -> &[EnvironmentReport] {
        &self.environments
    }

    /// Whether everything is covered by a valid ledger.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.ledger.valid && self.environments.iter().all(|environment| environment.covered)
    }

    /// Whether that rests on a pinned root key as well: exit code 0, else 14.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.is_covered() && self.trust == "pinned"
    }
}

fn environment(ledger: &Ledger, name: Environment, coverage: &Coverage) -> EnvironmentReport {
    let covered = coverage.covered();
    let rests_on = covered.and_then(|covered| covered.bypassed);
    let owes = |known: &KnownBypass| known.ratified.is_none() && known.bypass.environments.contains(&name);
    let bypasses = ledger.state().bypasses().filter(|(decision, known)| rests_on == Some(*decision) || owes(known));
    let bypasses = if ledger.is_valid() { bypasses.map(BypassReport::of).collect() } else { Vec::new() };
    let (reason, differs) = match coverage {
        Coverage::Covered(_) => (None, Vec::new()),
        Coverage::Uncovered { differs } => (Some("uncovered"), differs.iter().map(ToString::to_string).collect()),
        Coverage::NotAdopted => (Some("not-adopted"), Vec::new()),
        Coverage::InvalidLedger => (Some("ledger-invalid"), Vec::new()),
    };
    EnvironmentReport {
        name,
        covered: covered.is_some(),
        entry: covered.map(|covered| covered.entry.label()),
        current: covered.is_some_and(|covered| covered.current),
        approved_by: covered.map(|covered| covered.approved_by.iter().map(approval).collect()).unwrap_or_default(),
        bypasses,
        reason,
        differs,
    }
}

fn approval(approval: &Approval) -> ApprovalReport {
    let via = match approval.via {
        VoteSource::Review(_) => "review",
        VoteSource::Comment(_) => "comment",
    };
    ApprovalReport { login: approval.login.clone(), id: approval.user, via, commit: approval.commit.clone() }
}

/// One line of `ledger show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// `L-<sequence>`.
    pub entry: String,
    /// Its kind.
    pub kind: &'static str,
    /// When it was written.
    pub at: Timestamp,
    /// The commit that holds it.
    pub commit: Oid,
    /// Fingerprint of the key that signed it.
    pub key: String,
    /// What holds that key.
    pub class: Option<KeyClass>,
    /// It does not count: its key was revoked.
    pub void: bool,
    /// What it says, in a few words.
    pub summary: String,
}

impl LedgerLine {
    /// The lines of a ledger, oldest first.
    #[must_use]
    pub fn all(ledger: &Ledger) -> Vec<Self> {
        ledger.entries().iter().map(Self::of).collect()
    }

    /// The line of one entry.
    #[must_use]
    pub fn of(entry: &Verified) -> Self {
        Self {
            entry: entry.sequence.label(),
            kind: entry.entry.kind().as_str(),
            at: entry.at,
            commit: entry.commit.clone(),
            key: entry.key.to_string(),
            class: entry.class,
            void: entry.void,
            summary: summary(&entry.entry),
        }
    }
}

/// What an entry says, in a few words and without names of secrets.
fn summary(entry: &Entry) -> String {
    match entry {
        Entry::Adopted(entry) => {
            let how = match entry.how {
                Adoption::Explicit => "by an operator",
                Adoption::FirstSeen => "as first seen",
                Adoption::Approved => "by an approved change",
            };
            let paths = count(entry.paths.len(), "path");
            format!("{} at {} taken in {how}, {paths}", entry.branch.short(), entry.commit.short())
        }
        Entry::Policy(entry) => {
            format!("policy {} in force on {}", entry.digest.short(), entry.branch.short())
        }
        Entry::Key(entry) => {
            let name = entry.public_key.fingerprint().digest().short();
            let word = entry.class.word();
            match entry.action {
                KeyAction::Add => format!("{word} key {name} may sign"),
                KeyAction::Retire => format!("{word} key {name} retired"),
                KeyAction::Revoke { from_sequence } => {
                    format!("{word} key {name} revoked from {}", from_sequence.label())
                }
            }
        }
        Entry::Push(entry) => {
            let who = match &entry.sender {
                Known::Is(account) => account.login.as_str(),
                Known::Unknown(_) => "somebody unknown",
            };
            let verb = if entry.forced { "force-pushed" } else { "pushed" };
            format!("{who} {verb} {} to {}", entry.after.short(), entry.reference.short())
        }
        Entry::Vote(entry) => {
            let who = entry.user.as_ref().map_or("a deleted account", |account| account.login.as_str());
            let verb = match entry.kind {
                VoteKind::Approve => "approved",
                VoteKind::Reject => "rejected",
                VoteKind::Withdraw => "took back what they said about",
                VoteKind::Ended => "no longer votes on",
                VoteKind::Unrecognised => "said something unknown about",
            };
            format!("{who} {verb} change {} at {}", entry.pull, entry.commit.short())
        }
        Entry::Decision(entry) => {
            let names: Vec<_> = entry.approved_by.iter().map(|approval| approval.login.as_str()).collect();
            let by = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            format!(
                "change {} at {} may go to {}, approved by {by}",
                entry.pull,
                entry.head.short(),
                entry.base.short()
            )
        }
        Entry::Merge(entry) => {
            let paths = count(entry.approved.entries().len(), "path");
            let by_hand = if entry.method == MergeMethod::Foreign { ", by hand" } else { "" };
            let commit = entry.commit.short();
            format!("change {} merged as {commit} by {}, {paths}{by_hand}", entry.pull, entry.decision.label())
        }
        Entry::PutBack(entry) => put_back(entry),
        Entry::Bypass(entry) => {
            let names: Vec<_> = entry.bypass.by.iter().map(|word| word.login.as_str()).collect();
            let (names, policies) = (names.join(", "), entry.bypass.policies.join(", "));
            format!("change {} bypassed {policies} by {names}, to be ratified until {}", entry.pull, entry.due)
        }
        Entry::Revocation(entry) => format!("{} of {} as it was at {}", entry.key, entry.path, entry.commit.short()),
        Entry::Ratification(entry) => {
            let names: Vec<_> = entry.ratified_by.iter().map(|approval| approval.login.as_str()).collect();
            format!("bypass of change {}, {}, ratified by {}", entry.pull, entry.decision.label(), names.join(", "))
        }
        Entry::Sync(entry) => {
            let why = entry.reason.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let (id, commit, generation) = (entry.id(), entry.commit.short(), entry.generation.label());
            format!("{id} {}: {commit} of {generation}{why}", entry.state.word())
        }
    }
}

/// Who pushed what past everybody, and what became of it.
fn put_back(entry: &PutBackEntry) -> String {
    let who = match &entry.sender {
        Known::Is(account) => account.login.as_str(),
        Known::Unknown(_) => "somebody unknown",
    };
    let paths = count(entry.paths.len(), "path");
    let what = format!("{who} pushed {} to {}, {paths}", entry.pushed.short(), entry.branch.short());
    let held = entry.held.as_ref().map(|held| format!(", held at {}", held.short())).unwrap_or_default();
    match (entry.outcome, &entry.restored) {
        (PushOutcome::PutBack, Some(restored)) => format!("{what}: put back by {}{held}", restored.short()),
        (PushOutcome::PutBack, None) => format!("{what}: put back{held}"),
        (PushOutcome::Quarantined(why), _) => format!("{what}: quarantined{held}, because {}", why.words()),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
