//! A branch was pushed: does it need a pull request, or did a base move?
//!
//! Looks only at trees; whose approval is needed is not asked here.

use countersign_core::decision::outline;
use countersign_core::domain::{RefName, RepoId, Timestamp};
use countersign_core::effect::{self, Effect, Receipt};
use countersign_core::facts::{MergeBase, Question};
use tracing::info;

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::ports::{Claim, Freshness, Presence, Subject};
use super::queue::queued_for;
use super::{Engine, TurnError, lock};

impl Engine {
    /// One look at a branch.
    pub(super) async fn look_at_branch(
        &self,
        claim: &Claim,
        repo: RepoId,
        branch: &RefName,
    ) -> Result<Option<Timestamp>, TurnError> {
        if *branch == self.settings.ledger_ref {
            self.ledger_moved(repo).await?;
        }
        let queued = queued_for(branch);
        if queued.is_none() && self.is_ours(branch) {
            return Ok(None);
        }
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let Found::Managed(place) = self.find(claim, &repo, &[]).await? else {
            self.journal.schedule(&Subject::Repository(repo.id), self.clock.now()).await?;
            return Ok(None);
        };
        if let Some(base) = queued {
            return if place.governs(&base) {
                self.look_at_group(claim, place, (branch, &base)).await
            } else {
                Ok(None)
            };
        }
        if let Some(target) = place.target_at(branch) {
            // a branch target asks nobody for a review: it is looked at, and set back
            self.journal.schedule(&Subject::Sync(repo.id, target), self.clock.now()).await?;
            return Ok(None);
        }
        if place.governs(branch) {
            let mut place = place;
            self.heal(claim, &mut place).await?;
            let again = self.guard(claim, &mut place, std::slice::from_ref(branch)).await?;
            self.base_moved(&place, branch).await?;
            self.look_at_syncs(&place).await?;
            return Ok(again);
        }
        self.open_where_needed(claim, &place, branch).await?;
        Ok(None)
    }

    /// References that are never asked about: our own, the ledger, merge queue branches.
    pub(super) fn is_ours(&self, branch: &RefName) -> bool {
        let name = branch.branch_name().unwrap_or("");
        *branch == self.settings.ledger_ref
            || name.starts_with("countersign/")
            || name.starts_with("gh-readonly-queue/")
    }

    /// The ledger moved: unless it stands at the head we wrote or read ourselves, the repository is looked at.
    async fn ledger_moved(&self, repo: RepoId) -> Result<(), TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(()) };
        let refs = self.repo.fetch(&repo, std::slice::from_ref(&self.settings.ledger_ref)).await?;
        let known = self.journal.ledger_head(repo.id).await?.map(|(_, commit)| commit);
        if refs.get(&self.settings.ledger_ref) != known.as_ref() {
            self.journal.schedule(&Subject::Repository(repo.id), self.clock.now()).await?;
        }
        Ok(())
    }

    /// A governed branch moved: every open change on it is looked at again.
    async fn base_moved(&self, place: &Place, base: &RefName) -> Result<(), TurnError> {
        let open = self.forge.answer(&place.repo, &Question::OpenChanges, Freshness::Now).await?.changes()?;
        for change in open.iter().filter(|change| change.base == *base) {
            self.journal.schedule(&Subject::Change(place.repo.id, change.number), self.clock.now()).await?;
        }
        Ok(())
    }

    /// Opens one pull request per base whose protected paths the branch changes.
    pub(super) async fn open_where_needed(
        &self,
        claim: &Claim,
        place: &Place,
        branch: &RefName,
    ) -> Result<(), TurnError> {
        let Some(head) = place.refs.get(branch) else { return Ok(()) };
        let bases = place.bases();
        let mut tips = Vec::new();
        for base in &bases {
            let Some(tip) = place.refs.get(base) else { continue };
            tips.push(tip.clone());
            let MergeBase::One(origin) = self.repo.merge_base(&place.repo, tip, head).await? else { continue };
            let delta = self.repo.delta(&place.repo, &origin, head).await?;
            let documents = self.documents(place, base, tip, &delta).await?;
            let touched = outline(&place.policy, (base, &place.default_branch), &delta, &documents);
            if touched.is_empty() {
                continue;
            }
            let question = Question::ChangesOfBranch { head: branch.clone(), base: base.clone() };
            let known = self.forge.answer(&place.repo, &question, Freshness::Now).await?.changes()?;
            if let Some(open) = known.iter().find(|change| change.open) {
                self.journal.schedule(&Subject::Change(place.repo.id, open.number), self.clock.now()).await?;
                continue;
            }
            // what a person closed stays closed until the branch moves
            if known.iter().any(|change| change.head == *head) {
                continue;
            }
            let moves = self.journal.movements(place.repo.id, branch).await?;
            let requester =
                moves.iter().find(|movement| movement.after == *head).and_then(|movement| movement.actor.as_ref());
            let description = effect::description(&touched, requester, branch.short());
            self.still_ours(claim).await?;
            let opening = Effect::OpenChange {
                head: branch.clone(),
                base: base.clone(),
                title: description.title.clone(),
                body: description.body.clone(),
            };
            here(Point::RequestMissing);
            if let Receipt::Opened(number) = self.forge.apply(&place.repo, &opening).await? {
                here(Point::RequestOpened);
                info!(change = number.get(), branch = branch.short(), "opened a change request");
                let presence =
                    Presence { check: None, comment: None, description: Some(description.digest()), asked: Vec::new() };
                self.remember(&place.repo, number, &presence).await?;
                here(Point::RequestRemembered);
                self.journal.schedule(&Subject::Change(place.repo.id, number), self.clock.now()).await?;
            }
        }
        lock(&self.memory.branches).insert((place.repo.id, branch.clone()), (head.clone(), tips));
        Ok(())
    }
}
