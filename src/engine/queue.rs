//! A merge queue built a group: whether every change in it may be merged is said on the group's own head (R60).
//!
//! Each change is decided on facts read now, as anywhere; what the group holds is compared with them entry by entry. Nothing is
//! merged here: a group that lands is judged as a merge by somebody else.

use std::collections::BTreeMap;

use countersign_core::decision::{Verdict, decide, queue};
use countersign_core::domain::{Delta, Oid, PrNumber, RefName, Timestamp};
use countersign_core::effect::{self, Check, Effect, Queued};
use countersign_core::facts::compare::{self, Branches, Entries};
use countersign_core::facts::{MergeBase, Question};
use tracing::info;

use super::book::Place;
use super::gather::pull_ref;
use super::ports::{Claim, ForgeErrorKind, Freshness, RepoError, Subject};
use super::{Engine, TurnError};

/// Where GitHub builds groups.
const QUEUES: &str = "gh-readonly-queue/";

/// Most commits of a group's own line.
const LINE: usize = 100;

/// The branch a group is to be merged into: `gh-readonly-queue/<base>/pr-<n>-<commit>`.
pub(super) fn queued_for(branch: &RefName) -> Option<RefName> {
    let (base, _) = branch.branch_name()?.strip_prefix(QUEUES)?.rsplit_once("/pr-")?;
    RefName::branch(base).ok()
}

impl Engine {
    /// One look at a group.
    pub(super) async fn look_at_group(
        &self,
        claim: &Claim,
        mut place: Place,
        (branch, base): (&RefName, &RefName),
    ) -> Result<Option<Timestamp>, TurnError> {
        let (Some(head), Some(tip)) = (place.refs.get(branch).cloned(), place.refs.get(base).cloned()) else {
            return Ok(None);
        };
        // one that was built on another tip is built anew by the queue
        let Some(line) = self.own_line(&place, base, (&tip, &head)).await? else { return Ok(None) };
        let changes = self.open_on(&mut place, base, (&tip, &head)).await?;
        let branches = Branches { base, default: &place.default_branch };
        let approved = compare::protected(&place.policy, branches, place.approved(base));
        let members = match queue::members(&approved, &line, &changes) {
            Some(numbers) => {
                let mut members = Vec::new();
                for number in numbers {
                    members.push(self.queued(&place, base, &changes, number).await?);
                }
                Some(members)
            }
            None => None,
        };
        let check = effect::queue_check(&head, members.as_deref());
        info!(branch = branch.short(), title = check.title, "judged a merge queue's group");
        self.say_on(claim, &place, &head, check).await?;
        let unsure = members.iter().flatten().any(|member| member.verdict == Verdict::Unknown);
        if unsure { Err(TurnError::Unsure) } else { Ok(None) }
    }

    /// Groups of a base are looked at again: a change in them may stand otherwise now.
    pub(super) async fn look_at_groups(&self, place: &Place, base: Option<&RefName>) -> Result<(), TurnError> {
        for branch in place.refs.keys() {
            let Some(onto) = queued_for(branch) else { continue };
            if place.governs(&onto) && base.is_none_or(|base| *base == onto) {
                self.journal.schedule(&Subject::Branch(place.repo.id, branch.clone()), self.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// The protected entries of each commit of the group's own line, oldest first; `None`: it does not begin at the tip.
    async fn own_line(
        &self,
        place: &Place,
        base: &RefName,
        (tip, head): (&Oid, &Oid),
    ) -> Result<Option<Vec<Entries>>, TurnError> {
        let written = self.repo.commits(&place.repo, tip, head).await?;
        let parents: BTreeMap<&Oid, Option<&Oid>> =
            written.iter().map(|commit| (&commit.oid, commit.parents.first())).collect();
        let branches = Branches { base, default: &place.default_branch };
        let (mut line, mut next) = (Vec::new(), head);
        while next != tip {
            let Some(Some(parent)) = parents.get(next).filter(|_| line.len() < LINE) else { return Ok(None) };
            let entries = self.repo.entries(&place.repo, next).await?;
            line.push(compare::protected(&place.policy, branches, &entries));
            next = parent;
        }
        line.reverse();
        Ok(Some(line))
    }

    /// Open changes of a base with the protected part of each; those whose commits the group holds come first.
    async fn open_on(
        &self,
        place: &mut Place,
        base: &RefName,
        (tip, group): (&Oid, &Oid),
    ) -> Result<Vec<(PrNumber, Delta)>, TurnError> {
        let open = self.forge.answer(&place.repo, &Question::OpenChanges, Freshness::Now).await?.changes()?;
        let open: Vec<_> = open.into_iter().filter(|change| change.base == *base).collect();
        let heads: Vec<RefName> = open.iter().map(|change| pull_ref(change.number)).collect();
        place.refs = self.repo.fetch(&place.repo, &heads).await?;
        let branches = Branches { base, default: &place.default_branch };
        let (mut inside, mut others) = (Vec::new(), Vec::new());
        for change in &open {
            let Some(head) = place.refs.get(&pull_ref(change.number)) else { continue };
            let origin = match self.repo.merge_base(&place.repo, tip, head).await {
                Ok(MergeBase::One(origin)) => origin,
                Ok(MergeBase::None | MergeBase::Many) | Err(RepoError::Missing(_)) => continue,
                Err(fault) => return Err(fault.into()),
            };
            let delta = self.repo.delta(&place.repo, &origin, head).await?;
            let delta = compare::protected_delta(&place.policy, branches, &delta);
            let held = self.repo.reaches(&place.repo, group, head).await?;
            if held { &mut inside } else { &mut others }.push((change.number, delta));
        }
        inside.extend(others);
        Ok(inside)
    }

    /// What is decided about one change of a group, now and at its own head.
    async fn queued(
        &self,
        place: &Place,
        base: &RefName,
        changes: &[(PrNumber, Delta)],
        number: PrNumber,
    ) -> Result<Queued, TurnError> {
        let read = *self.forge.answer(&place.repo, &Question::Change(number), Freshness::Now).await?.change()?;
        if !read.open || read.base != *base {
            return Err(TurnError::KeptMoving(format!("#{number}")));
        }
        let gathered = self.gather(place, read, Freshness::Now).await?;
        let branches = Branches { base, default: &place.default_branch };
        let delta = compare::protected_delta(&place.policy, branches, &gathered.facts.history.delta);
        if changes.iter().any(|(known, held)| *known == number && *held != delta) {
            return Err(TurnError::KeptMoving(format!("#{number}")));
        }
        let decision = decide(&place.policy, &gathered.facts);
        let shared = self.shared_head(place, &gathered, &decision).await?;
        // what is rejected on the same commit elsewhere is not merged here either (R29)
        let rejected = shared.is_some_and(|shared| shared.rejected.is_some());
        let (verdict, reason) = if rejected && decision.verdict == Verdict::Satisfied {
            (Verdict::Rejected, countersign_core::decision::Reason::Rejected)
        } else {
            (decision.verdict, decision.reason)
        };
        Ok(Queued { change: number, verdict, reason })
    }

    /// Writes a check that belongs to no change request, unless it stands there already.
    async fn say_on(&self, claim: &Claim, place: &Place, head: &Oid, check: Check) -> Result<(), TurnError> {
        let found = match self.forge.answer(&place.repo, &Question::OurCheck(head.clone()), Freshness::Now).await {
            Ok(answer) => answer.check()?,
            Err(fault) if fault.kind == ForgeErrorKind::Forbidden => None,
            Err(fault) => return Err(fault.into()),
        };
        if found.as_ref().is_some_and(|found| found.external_id == check.external_id) {
            return Ok(());
        }
        self.still_ours(claim).await?;
        let id = found.map(|found| found.id);
        self.forge.apply(&place.repo, &Effect::SetCheck { head: head.clone(), id, check }).await?;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_group_says_where_it_goes() {
        let base = |name: &str| queued_for(&RefName::branch(name).unwrap()).map(|base| base.short().to_owned());
        assert_eq!(base("gh-readonly-queue/main/pr-7-0123"), Some("main".to_owned()));
        assert_eq!(base("gh-readonly-queue/release/pr-1/pr-7-0123"), Some("release/pr-1".to_owned()));
        assert_eq!(base("gh-readonly-queue/main"), None);
        assert_eq!(base("main/pr-7-0123"), None);
    }
}
