//! Judges one change against one policy, and says why.
//!
//! [`decide`] is total and pure: every doubt becomes a verdict with a reason, never an error and never a yes. It asks nothing and
//! does nothing. What a decision allows is carried by [`QuorumMet`], which only this module mints.

mod asked;
mod bypass;
mod case;
mod electorate;
mod explain;
mod lifetime;
mod machine;
mod proof;
pub mod queue;
mod quorum;
mod rehearsal;
mod reason;
mod structure;
mod supposing;
mod votes;
mod waiting;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use asked::{may_unpause, may_waive, paused};
pub use bypass::{Bypass, BypassRefused, is_ratified, refusal_of};
pub use explain::explain;
pub use lifetime::{Idle, idle, next_expiry};
pub use proof::{BypassGranted, Proof, QuorumMet};
pub use reason::Reason;
pub use rehearsal::{Mismatch, rehearse};
pub use supposing::supposing;
pub use waiting::Wait;

use crate::domain::{Account, Delta, DeltaEntry, Digest, Environment, Oid, RefName, RepoPath, ResolvedNames};
use crate::facts::{DocumentFacts, Facts, KeyChanges, Origin, Readers, SettingChange, VoteSource};
use crate::policy::{Binding, Located, Machine, Mode, Policy};

use self::case::Case;
use self::votes::Bound;

/// How a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing protected changes.
    NotApplicable,
    /// Every matching policy is satisfied.
    Satisfied,
    /// What is not satisfied is bypassed.
    Bypassed,
    /// Approvals are missing.
    Pending,
    /// Something could not be read.
    Unknown,
    /// The people left cannot fill the quorum.
    Unreachable,
    /// An eligible person asked for changes.
    Rejected,
    /// The base moved under the change.
    StaleBase,
    /// The change itself is refused, whoever approves.
    Blocked,
}

impl Verdict {
    /// The verdict of two parts together: the worse one. The order of the variants is the order of badness.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Satisfied => "satisfied",
            Self::Bypassed => "bypassed",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::StaleBase => "stale-base",
            Self::Blocked => "blocked",
        }
    }
}

/// The judgement, with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// How the change stands.
    pub verdict: Verdict,
    /// The one reason to name first.
    pub reason: Reason,
    /// Head it was decided for.
    pub head: Oid,
    /// Tip of the base it was decided for.
    pub base_tip: Oid,
    /// Digest of the whole delta; `None` when nothing changes.
    pub delta: Option<Digest>,
    /// Per environment, and for control paths.
    pub scopes: Vec<ScopeDecision>,
    /// What refuses the change whoever approves.
    pub structure: Vec<Refusal>,
    /// Extra seats per group, and why.
    pub extra_seats: Vec<Reason>,
    /// What would turn this green, in words.
    pub next: Vec<String>,
    /// What a satisfied change still waits for before we merge it, others may; and whether it is paused, however it stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// The bypass that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<Bypass>,
    /// Bypasses that were asked for and lift nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bypass_refused: Vec<BypassRefused>,
    /// Proof for a merge; there when satisfied or bypassed.
    #[serde(skip)]
    pub proof: Option<Proof>,
}

/// What a policy protects: an environment, or the control paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One environment.
    Environment(Environment),
    /// Policy, `.sops.yaml` and the like.
    Control,
}

impl Scope {
    /// What people read.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Environment(environment) => environment.as_str(),
            Self::Control => "control",
        }
    }
}

/// The judgement about one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeDecision {
    /// Which.
    pub scope: Scope,
    /// How it stands.
    pub verdict: Verdict,
    /// Its changed paths with the keys that changed in them.
    pub paths: Vec<ChangedPath>,
    /// Every policy that matches a changed path.
    pub policies: Vec<PolicyDecision>,
    /// The rules are shown and not enforced (`mode: observe`).
    pub observed: bool,
    /// Comments approve here as well as reviews (`comment_votes`).
    pub comments: bool,
}

/// A changed path, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedPath {
    /// Where.
    pub path: RepoPath,
    /// Added, removed or changed as a file.
    pub file: FileChange,
    /// Keys that changed in it.
    pub keys: KeyChanges,
    /// Number of people who can open it at the head, when it is sealed.
    pub readers: Option<usize>,
    /// Whether that set changed.
    pub readers_changed: bool,
    /// Who can open it at the head and could not before.
    pub readers_added: Vec<String>,
    /// Who could open it before and cannot at the head.
    pub readers_removed: Vec<String>,
    /// Settings that changed.
    pub settings: Vec<SettingChange>,
    /// Everything else that changed in it: comments, order, data key, integrity code, spelling.
    pub other: Vec<SettingChange>,
    /// It does not change itself: its ciphertext was copied into this file, so its policies are asked too (`copied-ciphertext`).
    pub copied_into: Option<RepoPath>,
    /// The policies that match it, as positions in [`Policy::policies`]; none for control paths.
    pub policies: Vec<usize>,
}

/// An entry of the delta, what the policy says of its path, and what it is.
struct Placed<'a> {
    entry: &'a DeltaEntry,
    at: Located<'a>,
    document: Option<&'a DocumentFacts>,
    /// Whether the same people can open it as before.
    same_readers: bool,
    /// Where ciphertexts stood before that are new in it, and what the policy says of those places.
    sources: Vec<(&'a Origin, Located<'a>)>,
}

impl Placed<'_> {
    /// Whether rules about it are enforced: it is not free, and not only observed.
    fn is_enforced(&self) -> bool {
        match &self.at {
            Located::Free => false,
            Located::Control => true,
            Located::Governed { environment, .. } => environment.mode() == Mode::Enforce,
            Located::Ambiguous(environments) => environments.iter().any(|rule| rule.mode() == Mode::Enforce),
        }
    }
}

/// Asks the policy about each path once. Delta and documents are both in path order.
fn placed<'a>(
    policy: &'a Policy,
    (base, default_branch): (&RefName, &RefName),
    delta: &'a Delta,
    documents: &'a BTreeMap<RepoPath, DocumentFacts>,
) -> Vec<Placed<'a>> {
    let here = policy.on(base, default_branch);
    let mut documents = documents.iter().peekable();
    let place = |entry: &'a DeltaEntry| {
        let document = loop {
            match documents.peek().map(|(path, found)| (path.as_bytes().cmp(entry.path.as_bytes()), *found)) {
                Some((Ordering::Less, _)) => _ = documents.next(),
                Some((Ordering::Equal, found)) => break Some(found),
                Some((Ordering::Greater, _)) | None => break None,
            }
        };
        let same_readers = document.is_none_or(|document| document.old_recipients == document.new_recipients);
        let origins = document.iter().flat_map(|document| &document.copied);
        let sources = origins.map(|origin| (origin, policy.on(&origin.branch, default_branch).locate(&origin.path)));
        Placed { entry, at: here.locate(&entry.path), document, same_readers, sources: sources.collect() }
    };
    delta.entries().iter().map(place).collect()
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Other content.
    Changed,
}

/// The judgement of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyDecision {
    /// Its name.
    pub name: String,
    /// `hard` or `soft`.
    pub enforcement: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// Its groups.
    pub groups: Vec<GroupDecision>,
    /// The bot whose value changes need no person, where it made the change alone.
    pub machine: Option<Account>,
}

/// The judgement of one group of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupDecision {
    /// Its name.
    pub name: String,
    /// Who may approve, in words: `acme/security, carol`.
    pub approvers: Vec<String>,
    /// Seats to fill, extra seats included.
    pub required: usize,
    /// Who fills them.
    pub counted: Vec<CountedVote>,
    /// Whose approval does not count, and why.
    pub not_counted: Vec<UncountedVote>,
    /// Seats still empty.
    pub missing: usize,
    /// Who could fill them: logins, or a team whose members could not be read.
    pub could: Vec<String>,
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedVote {
    /// Whose.
    pub account: Account,
    /// Where it stands.
    pub source: VoteSource,
    /// For which commit it was given.
    pub commit: Oid,
}

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UncountedVote {
    /// Whose; `None`: a deleted account.
    pub account: Option<Account>,
    /// Why not.
    pub reason: Reason,
    /// For which commit it was given.
    pub commit: Option<Oid>,
}

/// Something that refuses the change whoever approves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// Where, if it is about a path.
    pub path: Option<RepoPath>,
    /// Why.
    pub reason: Reason,
    /// Particulars: a commit, a key, a second path. Never a value.
    pub detail: String,
    /// In an environment whose rules are only observed: it stops nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
}

/// Judges one change against the covered policy. Total: every doubt becomes a reason.
#[must_use]
pub fn decide(policy: &Policy, facts: &Facts) -> Decision {
    let branches = (&facts.change.base, &facts.default_branch);
    let placed = placed(policy, branches, &facts.history.delta, &facts.documents);
    let structure = structure::refusals(policy, facts, &placed);
    let case = Case::new(policy, facts);
    let machine = machine::alone(&case, &placed);
    let extra_seats = electorate::extra_seats(facts);
    let hard_parts = bypass::hard_parts(&placed);
    let delta = facts.history.delta.digest(facts.repository, &facts.change.base);
    let mut scopes: Vec<_> = by_scope(placed)
        .into_iter()
        .map(|(scope, paths)| judge_scope(&case, (extra_seats.len(), delta, machine.as_ref()), scope, paths))
        .collect();
    let (mut verdict, mut reason) = overall(facts, &structure, &scopes);
    let around = bypass::Around {
        hard_parts: &hard_parts,
        structure: structure.iter().find(|refusal| !refusal.observed).map(|refusal| refusal.reason),
        verdict: (verdict, reason),
        extra: !extra_seats.is_empty(),
    };
    let (bypass, bypass_refused) = bypass::judge(&case, &around, &mut scopes);
    if bypass.is_some() {
        (verdict, reason) = overall(facts, &structure, &scopes);
    }
    let allowed = delta.map(|delta| proof::Allowed {
        repository: facts.repository,
        change: facts.change.number,
        head: facts.change.head.clone(),
        base: facts.change.base.clone(),
        base_tip: facts.change.base_tip.clone(),
        delta,
        policy: policy.digest(),
    });
    let proof = match (verdict, allowed, &bypass) {
        (Verdict::Satisfied, Some(allowed), None) => Some(Proof::of_quorum(allowed)),
        (Verdict::Bypassed, Some(allowed), Some(bypass)) => Some(Proof::of_bypass(allowed, bypass.clone())),
        _ => None,
    };
    let mut decision = Decision {
        verdict,
        reason,
        head: facts.change.head.clone(),
        base_tip: facts.change.base_tip.clone(),
        delta,
        scopes,
        structure,
        extra_seats,
        next: Vec::new(),
        waits: Vec::new(),
        bypass,
        bypass_refused,
        proof,
    };
    decision.waits = waiting::waits(policy, facts, &decision);
    decision.next = explain::next_steps(&decision, facts);
    decision
}

/// Whether a change that is satisfied, or bypassed, now would not have been under an earlier policy, with the same facts: it then owes its
/// merge to the change of the policy, and waits for a fresh word (R48). What cannot be told is a yes.
#[must_use]
pub fn owes_to_policy(earlier: &Policy, names: &ResolvedNames, facts: &Facts) -> bool {
    let facts = Facts { policy_digest: earlier.digest(), names: names.clone(), ..facts.clone() };
    decide(earlier, &facts).proof.is_none()
}

/// Whether somebody is an approver of anything the decision is about: their veto stands from then on, whatever becomes of them.
#[must_use]
pub fn has_say(policy: &Policy, facts: &Facts, decision: &Decision, account: &Account) -> bool {
    quorum::has_say(policy, facts, &decision.scopes, account)
}

/// The verdict of the whole: structure first, then the scopes, worst first.
fn overall(facts: &Facts, structure: &[Refusal], scopes: &[ScopeDecision]) -> (Verdict, Reason) {
    let enforced = || scopes.iter().filter(|scope| !scope.observed);
    let verdict = enforced().map(|scope| scope.verdict).fold(Verdict::NotApplicable, Verdict::and);
    let refusals = || structure.iter().filter(|refusal| !refusal.observed);
    if let Some(refusal) = refusals().max_by_key(|refusal| refusal.reason.verdict())
        // what was judged by another policy says nothing
        && (refusal.reason.verdict() >= verdict || refusals().any(|one| one.reason == Reason::PolicyMismatch))
    {
        return (refusal.reason.verdict(), refusal.reason);
    }
    let reason = match verdict {
        Verdict::NotApplicable if !scopes.is_empty() => Reason::Observed,
        Verdict::NotApplicable => Reason::NothingProtected,
        Verdict::Satisfied | Verdict::Bypassed if !facts.change.open && facts.change.landed.is_none() => {
            return (Verdict::Pending, Reason::Closed);
        }
        Verdict::Satisfied | Verdict::Bypassed if facts.change.draft => return (Verdict::Pending, Reason::Draft),
        Verdict::Satisfied => Reason::QuorumMet,
        Verdict::Bypassed => Reason::Bypassed,
        Verdict::Pending => Reason::QuorumMissing,
        Verdict::Unknown => Reason::CannotVerify,
        Verdict::Unreachable => Reason::Unreachable,
        Verdict::Rejected => Reason::Rejected,
        Verdict::StaleBase => Reason::StaleBase,
        Verdict::Blocked => Reason::NoPolicyForPath,
    };
    (verdict, reason)
}

/// What a delta touches: per environment, then control paths, each with its changed paths and keys.
#[must_use]
pub fn outline(
    policy: &Policy,
    (base, default_branch): (&RefName, &RefName),
    delta: &Delta,
    documents: &BTreeMap<RepoPath, DocumentFacts>,
) -> BTreeMap<Scope, Vec<ChangedPath>> {
    by_scope(placed(policy, (base, default_branch), delta, documents))
}

fn by_scope(placed: Vec<Placed<'_>>) -> BTreeMap<Scope, Vec<ChangedPath>> {
    let mut control = Vec::new();
    // most changes are of one environment
    let most = placed.len();
    let mut environments: BTreeMap<&Environment, Vec<ChangedPath>> = BTreeMap::new();
    for mut one in placed {
        for (origin, at) in &one.sources {
            if let Located::Governed { environment, plain: _, policies } = at {
                let source = copied_path(origin, &one.entry.path, policies.clone());
                environments.entry(environment.name()).or_default().push(source);
            }
        }
        match one.at {
            Located::Free | Located::Ambiguous(_) => {}
            Located::Control => control.push(changed_path(&one, Vec::new())),
            Located::Governed { environment, plain: _, ref mut policies } => {
                let policies = std::mem::take(policies);
                let paths = environments.entry(environment.name()).or_insert_with(|| Vec::with_capacity(most));
                paths.push(changed_path(&one, policies));
            }
        }
    }
    let mut touched: BTreeMap<Scope, Vec<ChangedPath>> =
        environments.into_iter().map(|(name, paths)| (Scope::Environment(name.clone()), paths)).collect();
    if !control.is_empty() {
        touched.insert(Scope::Control, control);
    }
    touched
}

fn judge_scope(
    case: &Case<'_>,
    (extra, now, machine): (usize, Option<Digest>, Option<&(&Machine, Account)>),
    scope: Scope,
    paths: Vec<ChangedPath>,
) -> ScopeDecision {
    let rules = quorum::rules_for(case.policy, &scope, &paths);
    let environment = match &scope {
        Scope::Environment(name) => case.policy.environment(name),
        Scope::Control => None,
    };
    let binding = match &scope {
        Scope::Environment(_) => environment.map_or(Binding::Commit, |rule| rule.binding()),
        Scope::Control => Binding::Delta,
    };
    let lifetime = environment.and_then(|rule| rule.approval_ttl());
    let machine = match &scope {
        Scope::Environment(name) => machine.filter(|(machine, _)| machine.serves(name)).map(|(_, account)| account),
        Scope::Control => None,
    };
    let comments = environment.map_or_else(|| comments_count(case.policy), |rule| rule.comment_votes());
    let ballots = votes::ballots(case, Bound { binding, lifetime, comments, now });
    let policies: Vec<_> = rules.iter().map(|rule| quorum::judge(case, &ballots, rule, (extra, machine))).collect();
    let mut verdict = policies.iter().map(|policy| policy.verdict).fold(Verdict::Satisfied, Verdict::and);
    if policies.is_empty() {
        verdict = Verdict::Blocked;
    }
    let observed = environment.is_some_and(|rule| rule.mode() == Mode::Observe);
    ScopeDecision { scope, verdict, paths, policies, observed, comments }
}

/// For what belongs to no environment, comments count where no environment refuses them.
fn comments_count(policy: &Policy) -> bool {
    policy.environments().iter().all(|rule| rule.comment_votes())
}

/// A file whose ciphertext was copied: it is touched by the change as much as the file it was copied into.
fn copied_path(origin: &Origin, into: &RepoPath, policies: Vec<usize>) -> ChangedPath {
    ChangedPath {
        path: origin.path.clone(),
        file: FileChange::Changed,
        keys: KeyChanges::default(),
        readers: None,
        readers_changed: false,
        readers_added: Vec::new(),
        readers_removed: Vec::new(),
        settings: Vec::new(),
        other: Vec::new(),
        copied_into: Some(into.clone()),
        policies,
    }
}

fn changed_path(one: &Placed<'_>, policies: Vec<usize>) -> ChangedPath {
    let (entry, document) = (one.entry, one.document);
    let file = match (entry.old.is_some(), entry.new.is_some()) {
        (false, true) => FileChange::Added,
        (true, false) => FileChange::Removed,
        (true, true) | (false, false) => FileChange::Changed,
    };
    let readers = document.map(|document| document.new_recipients.len()).filter(|readers| *readers > 0);
    let changed = document.filter(|_| file == FileChange::Changed);
    let other_readers = changed.filter(|_| !one.same_readers);
    let only = |these: fn(&DocumentFacts) -> &Readers, those: fn(&DocumentFacts) -> &Readers| {
        other_readers.map(|document| these(document).difference(those(document)).cloned().collect()).unwrap_or_default()
    };
    ChangedPath {
        path: entry.path.clone(),
        file,
        keys: document.map(|document| document.keys.clone()).unwrap_or_default(),
        readers,
        readers_changed: file == FileChange::Changed && !one.same_readers,
        readers_added: only(|document| &document.new_recipients, |document| &document.old_recipients),
        readers_removed: only(|document| &document.old_recipients, |document| &document.new_recipients),
        settings: changed.map(|document| document.settings.clone()).unwrap_or_default(),
        other: changed.and_then(|document| document.other.clone()).unwrap_or_default(),
        copied_into: None,
        policies,
    }
}
