//! Figures about changes: how many are open, how long approvals take, what was merged, how late the sweep is.
//!
//! Counted where the work is done and forgotten with the process; nothing is decided from a figure.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::decision::{Decision, Scope, Verdict};
use countersign_core::domain::{PrNumber, RepoId, Sequence, Timestamp};
use countersign_core::facts::Facts;
use countersign_core::ledger::RecordedVerdict;
use countersign_core::policy::PathClass;
use metrics::{counter, gauge, histogram};

use super::book::Place;
use super::{Engine, lock};

/// What the figures are made from.
#[derive(Default)]
pub(super) struct Figures {
    open: BTreeMap<(RepoId, PrNumber), BTreeSet<String>>,
    /// Environments that ever had an open change: their gauge goes back to zero.
    named: BTreeSet<String>,
    swept: BTreeMap<RepoId, Timestamp>,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn tell_open(&self) {
        for name in &self.named {
            let count = self.open.values().filter(|names| names.contains(name)).count();
            gauge!("countersign_changes_open", "environment" => name.clone()).set(count as f64);
        }
    }
}

impl Engine {
    /// An open change was judged.
    pub(super) fn note_open(&self, (repo, change): (RepoId, PrNumber), decision: &Decision) {
        let names: BTreeSet<String> = match decision.verdict {
            Verdict::NotApplicable => BTreeSet::new(),
            Verdict::Satisfied
            | Verdict::Bypassed
            | Verdict::Pending
            | Verdict::Unknown
            | Verdict::Unreachable
            | Verdict::Rejected
            | Verdict::StaleBase
            | Verdict::Blocked => {
                let environments = decision.scopes.iter().filter(|scope| scope.scope != Scope::Control);
                environments.map(|scope| scope.scope.name().to_owned()).collect()
            }
        };
        let mut figures = lock(&self.memory.figures);
        figures.named.extend(names.iter().cloned());
        figures.open.insert((repo, change), names);
        figures.tell_open();
    }

    /// A change is no longer open.
    pub(super) fn note_closed(&self, repo: RepoId, change: PrNumber) {
        let mut figures = lock(&self.memory.figures);
        if figures.open.remove(&(repo, change)).is_some() {
            figures.tell_open();
        }
    }

    /// A merge was recorded.
    pub(super) fn note_merge(&self, place: &Place, decision: Sequence) {
        let Some(entry) = place.state().decisions().get(&decision) else { return };
        self.note_closed(place.repo.id, entry.pull);
        let mut names = BTreeSet::new();
        for change in entry.delta.entries() {
            match place.policy.classify(&change.path, &entry.base, &place.default_branch) {
                PathClass::Free | PathClass::Ambiguous { .. } => {}
                PathClass::Control => drop(names.insert("control".to_owned())),
                PathClass::Governed { environment, plain: _ } => drop(names.insert(environment.to_string())),
            }
        }
        let verdict = match entry.verdict {
            RecordedVerdict::Satisfied => "satisfied",
            RecordedVerdict::Bypassed => "bypassed",
        };
        for name in names {
            counter!("countersign_merges_total", "environment" => name, "verdict" => verdict).increment(1);
        }
        let facts = serde_json::from_value::<Facts>(entry.facts.as_json().clone()).ok();
        if let Some((since, at)) = facts.and_then(|facts| Some((facts.change.head_since?, facts.at))) {
            #[expect(clippy::cast_precision_loss, reason = "a histogram of seconds")]
            histogram!("countersign_approval_wait_seconds").record(at.since(since).seconds() as f64);
        }
    }

    /// A repository is being swept: how late, compared with how often it should be.
    pub(super) fn swept(&self, repo: RepoId) {
        let now = self.clock.now();
        let mut figures = lock(&self.memory.figures);
        let late = figures
            .swept
            .insert(repo, now)
            .map_or(0, |before| now.since(before).seconds().saturating_sub(self.settings.reconcile.seconds()));
        #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
        gauge!("countersign_sweep_lag_seconds").set(late as f64);
    }
}
