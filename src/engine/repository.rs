//! The sweep: which repositories there are, what stands in them, which deliveries were lost.
//!
//! Every look here could be skipped if no delivery were ever lost; it decides nothing a delivery would not lead to.

use countersign_core::domain::{Oid, RefName, RepoId, Span, Timestamp};
use countersign_core::facts::Question;
use countersign_core::facts::question::ChangeSummary;
use tracing::{info, warn};

use super::book::{Found, Place};
use super::ports::{Claim, ForgeErrorKind, Freshness, RepoRef, Sighting, Subject};
use super::{Engine, TurnError, lock};

/// How far back failed deliveries are asked for.
const DELIVERIES_REACH: Span = Span::from_seconds(3 * 86_400);
/// How long a judgement stands that nothing is known to have changed.
const JUDGED_FOR: Span = Span::from_seconds(600);
/// GitHub's marks name seconds, and its clock is not ours.
const SAME_SECOND: Span = Span::from_seconds(5);
/// How long a letter that was sent or given up is kept.
const LETTERS_KEPT: Span = Span::from_seconds(90 * 86_400);
/// How often the installations and failed deliveries are looked at.
const INSTALLATIONS_EVERY: Span = Span::from_seconds(600);

impl Engine {
    /// The repository behind an id, if the App still reaches it.
    pub(super) async fn reach(&self, repo: RepoId) -> Result<Option<RepoRef>, TurnError> {
        Ok(self.journal.repositories().await?.into_iter().find(|known| known.id == repo))
    }

    /// Which repositories there are, and which deliveries GitHub could not bring.
    pub(super) async fn look_at_installations(&self) -> Result<Option<Timestamp>, TurnError> {
        let now = self.clock.now();
        self.ourselves().await?;
        let reachable = self.forge.repositories().await?;
        for known in self.journal.repositories().await? {
            if !reachable.iter().any(|repo| repo.id == known.id) {
                let gone = Sighting::Installed { repo: known.id, name: known.name, installation: None };
                self.journal.sight(&gone).await?;
            }
        }
        for repo in reachable {
            let found =
                Sighting::Installed { repo: repo.id, name: repo.name.clone(), installation: Some(repo.installation) };
            self.journal.sight(&found).await?;
            self.journal.schedule(&Subject::Repository(repo.id), now).await?;
        }
        self.ask_for_failed_deliveries(now).await?;
        let before = Timestamp::from_seconds(now.seconds() - LETTERS_KEPT.seconds().cast_signed());
        let forgotten = self.journal.forget_letters(before).await?;
        if forgotten > 0 {
            info!(letters = forgotten, "threw old letters away");
        }
        Ok(Some(now.plus(INSTALLATIONS_EVERY)))
    }

    async fn ask_for_failed_deliveries(&self, now: Timestamp) -> Result<(), TurnError> {
        let since = Timestamp::from_seconds(now.seconds() - DELIVERIES_REACH.seconds().cast_signed());
        let failed = match self.forge.failed_deliveries(since).await {
            Ok(failed) => failed,
            Err(fault) if matches!(fault.kind, ForgeErrorKind::Wait(_)) => return Err(fault.into()),
            Err(fault) => {
                warn!(%fault, "the list of deliveries cannot be read");
                return Ok(());
            }
        };
        for delivery in failed {
            self.forge.redeliver(&delivery).await?;
            info!(delivery = %delivery.delivery, "asked for a lost delivery again");
        }
        Ok(())
    }

    /// A whole repository: adoption, intents left open by a crash, open changes, branches without a request.
    pub(super) async fn look_at_repository(&self, claim: &Claim, repo: RepoId) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let again = Some(self.clock.now().plus(self.settings.reconcile));
        self.swept(repo.id);
        match self.find(claim, &repo, &[]).await? {
            Found::Unmanaged => {}
            Found::Closed(closed) => {
                warn!(repository = %repo.name, code = closed.code, "{}", closed.words);
                self.look_at_open_changes(&repo, None).await?;
            }
            Found::Managed(mut place) => {
                let before = place.sequence();
                self.heal(claim, &mut place).await?;
                if place.sequence() != before && !self.read_again(claim, &mut place).await? {
                    return Ok(again);
                }
                let bases = place.bases();
                let guarded = self.guard(claim, &mut place, &bases).await;
                self.look_at_open_changes(&repo, Some(&place)).await?;
                self.look_at_debts(&place).await?;
                self.look_at_branches(&place).await?;
                self.look_at_groups(&place, None).await?;
                self.look_at_syncs(&place).await?;
                self.look_at_jobs(&repo).await?;
                self.ask_for_guard(repo.id).await?;
                self.ask_for_notices(&place).await?;
                if let Some(sooner) = guarded? {
                    return Ok(again.map(|again| again.min(sooner)));
                }
            }
        }
        Ok(again)
    }

    /// Every open change, however it stood: people or rules have changed.
    pub(super) async fn look_at_changes(&self, repo: RepoId) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        self.look_at_open_changes(&repo, None).await?;
        Ok(None)
    }

    /// Asks for a look at every open change that is not known to stand exactly as it stood when it was last judged.
    async fn look_at_open_changes(&self, repo: &RepoRef, place: Option<&Place>) -> Result<(), TurnError> {
        let open = self.forge.answer(repo, &Question::OpenChanges, Freshness::Now).await?.changes()?;
        for change in open.iter().filter(|change| place.is_none_or(|place| place.governs(&change.base))) {
            if !place.is_some_and(|place| self.is_settled(place, change)) {
                self.journal.schedule(&Subject::Change(repo.id, change.number), self.clock.now()).await?;
            }
        }
        Ok(())
    }

    /// Whether nothing about an open change moved since it was judged, not too long ago for what nobody tells (who left a team);
    /// a first look at its `updated` mark is remembered, unless the second it names may not be over yet.
    fn is_settled(&self, place: &Place, change: &ChangeSummary) -> bool {
        let mut settled = lock(&self.memory.settled);
        let Some(known) = settled.get_mut(&(place.repo.id, change.number)) else { return false };
        let same = known.head == change.head
            && place.refs.get(&change.base) == Some(&known.base_tip)
            && place.sequence() == known.ledger;
        let now = self.clock.now();
        let seen = known.updated == change.updated && now.since(known.judged) < JUDGED_FOR;
        let over = Timestamp::parse(&change.updated).is_ok_and(|updated| now.since(updated) > SAME_SECOND);
        known.updated = if over { change.updated.clone() } else { String::new() };
        same && seen
    }

    /// Asks for a look at every merged request whose bypass nobody has ratified: a review there may not have been delivered, and the
    /// time may be over.
    async fn look_at_debts(&self, place: &Place) -> Result<(), TurnError> {
        for debt in place.state().debts() {
            self.journal.schedule(&Subject::Change(place.repo.id, debt.pull), self.clock.now()).await?;
        }
        Ok(())
    }

    /// Asks for a look at branches whose push was not delivered. Only a turn of the branch's own opens a request for it: two turns at
    /// once could open one twice, when a person closes the first in between.
    async fn look_at_branches(&self, place: &Place) -> Result<(), TurnError> {
        let bases: Vec<Oid> = place.bases().iter().filter_map(|base| place.refs.get(base).cloned()).collect();
        let branches: Vec<(RefName, Oid)> = place
            .refs
            .iter()
            .filter(|(branch, _)| branch.branch_name().is_some() && !self.is_ours(branch) && !place.governs(branch))
            .filter(|(branch, _)| place.target_at(branch).is_none())
            .map(|(branch, tip)| (branch.clone(), tip.clone()))
            .collect();
        for (branch, tip) in branches {
            let known = lock(&self.memory.branches).get(&(place.repo.id, branch.clone())).cloned();
            if known.is_none_or(|(head, tips)| head != tip || tips != bases) {
                self.journal.schedule(&Subject::Branch(place.repo.id, branch), self.clock.now()).await?;
            }
        }
        Ok(())
    }
}
