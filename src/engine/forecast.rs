//! What delivery would do next, for somebody who only reads: the same plan a turn follows, made from the ledger alone.
//!
//! Sends nothing and remembers nothing. Without the server's memory it cannot know of attempts that are under way: the ledger
//! holds how deliveries ended, not that they have begun.

use std::collections::BTreeMap;

use countersign_core::domain::{
    Environment, Oid, RefName, RepoPath, RunState, SyncReceipt, TargetId, Timestamp, TreeEntry,
};
use countersign_core::ledger::{Coverage, Ledger};
use countersign_core::policy::{self, Policy, Target};
use countersign_core::sync::{Approved, Planned, Run, Situation, Standing, Step, SyncReason, Trouble, plan};

/// A branch as it stands: its tip, and the entries of that commit.
#[derive(Debug, Clone)]
pub struct Tip {
    /// The commit.
    pub commit: Oid,
    /// Its entries.
    pub entries: BTreeMap<RepoPath, TreeEntry>,
}

/// The policy in force and the default branch, if the ledger has both and this version can read them.
#[must_use]
pub fn in_force(ledger: &Ledger) -> Option<(Policy, RefName)> {
    let state = ledger.state();
    let policy = policy::parse(&state.governing_policy()?.text).ok()?;
    Some((policy, state.default_branch()?.clone()))
}

/// Whether what stands at the tip of an environment's branch may leave.
#[must_use]
pub fn standing(coverage: &Coverage, tip: &Oid) -> Standing {
    let withheld = |reason: SyncReason, detail: &str| Standing::Withheld(Trouble::new(reason, detail));
    match coverage {
        Coverage::Covered(covered) if covered.current => {
            Standing::Covered(Approved { generation: covered.entry, commit: tip.clone() })
        }
        Coverage::Covered(covered) => withheld(SyncReason::NotCurrent, &covered.entry.label()),
        Coverage::Uncovered { differs } => match differs.as_slice() {
            [] => withheld(SyncReason::Uncovered, ""),
            [path] => withheld(SyncReason::Uncovered, &format!("`{path}` differs")),
            several => withheld(SyncReason::Uncovered, &format!("{} paths differ", several.len())),
        },
        Coverage::NotAdopted => withheld(SyncReason::NotAdopted, ""),
        Coverage::InvalidLedger => withheld(SyncReason::LedgerInvalid, ""),
    }
}

/// The next step of every target. `tips` are the governed branches, `held` the branches that are targets, both as read now; a
/// branch target that is not in `held` is taken as it was left.
#[must_use]
pub fn targets(
    ledger: &Ledger,
    (policy, default_branch): (&Policy, &RefName),
    tips: &BTreeMap<RefName, Tip>,
    held: &BTreeMap<RefName, Oid>,
    now: Timestamp,
) -> Vec<Planned> {
    let mut standings: BTreeMap<Environment, Standing> = BTreeMap::new();
    for rule in policy.environments() {
        let branch = rule.branch_or(default_branch);
        let standing = match tips.get(branch) {
            Some(tip) => standing(&ledger.covers(branch, &tip.entries, policy, rule.name()), &tip.commit),
            None => Standing::Withheld(Trouble::new(SyncReason::BranchMissing, branch.short())),
        };
        standings.insert(rule.name().clone(), standing);
    }
    let delivered = ledger.state().deliveries();
    let mut runs = BTreeMap::new();
    for (id, sync) in policy.syncs() {
        let ended = ledger.state().syncs().get(&id).and_then(|known| ended_badly(&known.receipt, now));
        let moved = match sync.target() {
            Target::Branch { reference } => delivered
                .get(&id)
                .and_then(|receipt| moved(receipt, standings.get(&id.environment), held.get(reference)?, now)),
            Target::Workflow { .. }
            | Target::Event { .. }
            | Target::Webhook { .. }
            | Target::Flux { .. }
            | Target::ArgoCd { .. }
            | Target::GithubEnvironment { .. }
            | Target::Vault { .. }
            | Target::Kubernetes { .. }
            | Target::ExternalSecrets { .. } => None,
        };
        if let Some(run) = ended.or(moved) {
            runs.insert(id, run);
        }
    }
    plan(&Situation {
        policy,
        default_branch,
        standing: &standings,
        delivered: &delivered,
        runs: &runs,
        asked: &BTreeMap::new(),
        now,
    })
}

/// A receipt that says something other than "delivered", as the run it was the end of.
fn ended_badly(receipt: &SyncReceipt, now: Timestamp) -> Option<Run> {
    if receipt.state.is_delivered() {
        return None;
    }
    let code = receipt.reason.as_deref().unwrap_or_default();
    let known = SyncReason::ALL.iter().find(|reason| reason.code() == code);
    let trouble = known.map_or_else(|| unknown(code), |reason| Trouble::from(*reason));
    Some(run(receipt, receipt.state, trouble, now))
}

fn unknown(code: &str) -> Trouble {
    Trouble {
        code: code.to_owned(),
        words: "the last delivery failed".to_owned(),
        help: SyncReason::AttemptsUsedUp.help().to_owned(),
    }
}

/// A branch target at another commit than the one we left it at, and not where it is to go either.
fn moved(receipt: &SyncReceipt, standing: Option<&Standing>, held: &Oid, now: Timestamp) -> Option<Run> {
    let wanted = match standing {
        Some(Standing::Covered(approved)) => Some(&approved.commit),
        Some(Standing::Withheld(_)) | None => None,
    };
    let ours = *held == receipt.commit || Some(held) == wanted;
    let trouble = || Trouble::new(SyncReason::TargetMoved, &format!("it is at {}", held.short()));
    (!ours).then(|| run(receipt, RunState::Drifted, trouble(), now))
}

fn run(receipt: &SyncReceipt, state: RunState, trouble: Trouble, now: Timestamp) -> Run {
    let approved = Approved { generation: receipt.generation, commit: receipt.commit.clone() };
    let mut run = Run::new(&approved, now);
    run.state = state;
    run.evidence = receipt.evidence.clone();
    run.trouble = Some(trouble);
    run.recorded = true;
    run
}

/// What keeps a target from what it should have, if anything does.
#[must_use]
pub fn trouble(step: &Step) -> Option<&Trouble> {
    match step {
        Step::Withhold(trouble) | Step::Dead(trouble) | Step::Drifted(trouble) => Some(trouble),
        Step::Rest | Step::Wait(_) | Step::At(_) | Step::Look | Step::Record | Step::Deliver { .. } => None,
    }
}

/// A target that is not in the policy in force, as a sentence with its help.
#[must_use]
pub fn missing(policy: &Policy, environment: Option<&str>, target: Option<&str>) -> Option<String> {
    let every: Vec<TargetId> = policy.syncs().map(|(id, _)| id).collect();
    let fits = |id: &TargetId| {
        environment.is_none_or(|name| id.environment.as_str() == name)
            && target.is_none_or(|name| id.target.as_str() == name)
    };
    if every.iter().any(fits) || (environment, target) == (None, None) {
        return None;
    }
    let asked = match (environment, target) {
        (Some(environment), Some(target)) => format!("target `{environment}/{target}`"),
        (Some(environment), None) => format!("target in the environment `{environment}`"),
        (None, target) => format!("target `{}`", target.unwrap_or_default()),
    };
    let names: Vec<_> = every.iter().map(|id| format!("`{id}`")).collect();
    let help = if names.is_empty() {
        "it has none: write `syncs` into the policy".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    };
    Some(format!("the policy in force has no {asked}\nhelp: {help}"))
}
