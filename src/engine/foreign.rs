//! A merge that somebody else carried out: by hand, by another bot, by a merge queue (`changes.md` 2).
//!
//! It is covered only if the decision on facts read now says `satisfied` for that head on that base, and the branch then held exactly
//! what was approved with exactly the approved difference. Anything else is a direct push. Merges nothing.

use std::collections::BTreeSet;

use countersign_core::decision::{Decision, Proof, decide};
use countersign_core::domain::{Delta, Oid, PrNumber, RefName};
use countersign_core::facts::Question;
use countersign_core::facts::compare::{self, Branches};
use countersign_core::facts::question::ChangeSummary;
use countersign_core::ledger::{Entry, MergeEntry, MergeMethod};
use tracing::{info, warn};

use super::book::Place;
use super::crash::{Point, here};
use super::gather::{Gathered, pull_ref};
use super::ports::{Claim, ForgeErrorKind, Freshness, Subject};
use super::putback::Since;
use super::queue::queued_for;
use super::record::{decision_entry, not_yet};
use super::{Engine, TurnError};

/// Most commits that are asked about in one look.
const ASKED: usize = 10;

/// Whether a commit is the head of a merge queue's group for a branch that is still there.
fn is_group(place: &Place, branch: &RefName, commit: &Oid) -> bool {
    place.refs.iter().any(|(name, at)| at == commit && queued_for(name).is_some_and(|base| base == *branch))
}

/// What is known of merges by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// The oldest that is covered was recorded.
    Recorded,
    /// GitHub has moved the branch and does not call the requests merged yet (0045).
    Landing,
    /// None is covered.
    None,
}

impl Engine {
    /// Records the oldest merge by somebody else that is covered.
    pub(super) async fn record_foreign(
        &self,
        claim: &Claim,
        place: &mut Place,
        branch: &RefName,
        since: &Since,
    ) -> Result<Foreign, TurnError> {
        let Some(from) = &since.from else { return Ok(Foreign::None) };
        let group = since.line.iter().any(|(commit, _)| is_group(place, branch, commit));
        let (mut landing, mut told) = (false, false);
        let mut judged: BTreeSet<PrNumber> = BTreeSet::new();
        for (at, (commit, _)) in since.line.iter().enumerate().take(ASKED) {
            for found in self.came_in_with(place, branch, commit).await? {
                (landing, told) = (landing || found.open, told || found.merged);
                if found.merged
                    && judged.insert(found.number)
                    && self.is_recorded(claim, place, (branch, from), (&found, &since.line[at..])).await?
                {
                    return Ok(Foreign::Recorded);
                }
            }
        }
        Ok(if landing || (group && !told) { Foreign::Landing } else { Foreign::None })
    }

    /// Open and merged pull requests a commit came in with. That GitHub will not say is no merge; that it cannot say now ends the turn.
    async fn came_in_with(
        &self,
        place: &Place,
        branch: &RefName,
        commit: &Oid,
    ) -> Result<Vec<ChangeSummary>, TurnError> {
        let question = Question::ChangesOfCommit(commit.clone());
        let found = match self.forge.answer(&place.repo, &question, Freshness::Now).await {
            Ok(answer) => answer.changes()?,
            Err(fault) => match fault.kind {
                ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Refused => {
                    warn!(%fault, "GitHub does not say how a commit came in");
                    Vec::new()
                }
                ForgeErrorKind::Later
                | ForgeErrorKind::Wait(_)
                | ForgeErrorKind::Credentials
                | ForgeErrorKind::Garbled => return Err(fault.into()),
            },
        };
        Ok(found.into_iter().filter(|change| (change.merged || change.open) && change.base == *branch).collect())
    }

    /// Judges one merged pull request as it stood before; records it if it is covered.
    async fn is_recorded(
        &self,
        claim: &Claim,
        place: &mut Place,
        (branch, from): (&RefName, &Oid),
        (merged, line): (&ChangeSummary, &[(Oid, compare::Entries)]),
    ) -> Result<bool, TurnError> {
        let number = merged.number;
        let read = *self.forge.answer(&place.repo, &Question::Change(number), Freshness::Now).await?.change()?;
        if !read.merged || read.base != *branch {
            return Ok(false);
        }
        self.repo.fetch(&place.repo, &[pull_ref(number)]).await?;
        // the branch may be gone, or be used for something else by now: the request itself keeps what was merged
        let before = place.as_of(branch, from, (read.head_ref.as_ref(), &pull_ref(number), &read.head));
        let mut gathered = self.gather(&before, read, Freshness::Now).await?;
        let branches = Branches { base: branch, default: &place.default_branch };
        let delta = compare::protected_delta(&place.policy, branches, &gathered.facts.history.delta);
        let approved = compare::protected(&place.policy, branches, place.approved(branch));
        let wanted = compare::protected(&place.policy, branches, &compare::apply(&approved, &delta));
        let Some((commit, _)) = line.iter().find(|(_, entries)| *entries == wanted) else { return Ok(false) };
        gathered.facts.change.landed = Some(commit.clone());
        let decision = decide(&place.policy, &gathered.facts);
        info!(change = %number, verdict = decision.verdict.word(), reason = decision.reason.code(), "judged a merge by somebody else");
        // a bypass is carried out by ourselves or not at all: only then is its debt recorded with it
        let Some(proof @ Proof::Quorum(_)) = decision.proof.clone() else { return Ok(false) };
        here(Point::ForeignFound);
        let widened = self.widened(&before, &proof, &gathered.facts.history.delta).await?;
        let delta = Delta::new(delta.entries().iter().cloned().chain(widened));
        self.note_first_sights(claim, place, (&gathered, &decision)).await?;
        self.record_as_foreign(claim, place, (&gathered, &decision, &proof), (&delta, commit)).await?;
        Ok(true)
    }

    /// Decision and merge in one: there was no time between them.
    async fn record_as_foreign(
        &self,
        claim: &Claim,
        place: &mut Place,
        (gathered, decision, proof): (&Gathered, &Decision, &Proof),
        (approved, commit): (&Delta, &Oid),
    ) -> Result<(), TurnError> {
        let adopts = self.taken_in(place, proof.base(), approved).await?;
        let adoptions = self.adoptions(place, &adopts, approved).await?;
        let made = decision_entry(&gathered.facts, decision, proof, (approved, MergeMethod::Foreign, adopts))?;
        let policy = self.new_policy(place, approved, commit).await?;
        let number = gathered.facts.change.number;
        self.record(claim, place, |state| {
            if state.merge_of_commit(commit).is_some() {
                return Ok(Vec::new());
            }
            let merge = MergeEntry {
                pull: number,
                decision: state.next_sequence(),
                commit: commit.clone(),
                method: MergeMethod::Foreign,
                approved: approved.clone(),
            };
            let entries = [Entry::Decision(Box::new(made.clone())), Entry::Merge(merge)];
            let entries = entries.into_iter().chain(policy.clone().map(Entry::Policy));
            Ok(entries.chain(not_yet(state, &adoptions)).collect())
        })
        .await?;
        info!(change = %number, %commit, "a merge by somebody else is covered");
        // its page says so, and the other open changes stand on another ground
        self.journal.schedule(&Subject::Change(place.repo.id, number), self.clock.now()).await?;
        self.journal.schedule(&Subject::Repository(place.repo.id), self.clock.now()).await?;
        Ok(())
    }
}
