//! A pull request: gather, decide, bring, and merge when the decision proves that it may be.

use countersign_core::decision::{Decision, Verdict, decide, next_expiry, outline};
use countersign_core::domain::{PrNumber, RefName, RepoId, Span, Timestamp};
use countersign_core::effect::{self, Description, Held, Outcome, wanted};
use countersign_core::facts::question::ChangeRead;
use countersign_core::facts::{Known, Quarantine, Question};
use countersign_core::ledger::PutBackEntry;
use tracing::info;

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::gather::{Gathered, pull_ref};
use super::loosened::waits_for_a_word;
use super::merge::Merging;
use super::ports::{Claim, Freshness, Presence};
use super::siblings::Shared;
use super::{Engine, Settled, TurnError, lock};

/// When a merge by a bypass is looked at that GitHub did not tell us of: it may still show the request as open.
const SHOWN_LATE: Span = Span::from_seconds(4);

impl Engine {
    /// One look at a pull request.
    pub(super) async fn look_at_change(
        &self,
        claim: &Claim,
        repo: RepoId,
        number: PrNumber,
    ) -> Result<Option<Timestamp>, TurnError> {
        let repo_id = repo;
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let read = *self.forge.answer(&repo, &Question::Change(number), Freshness::Now).await?.change()?;
        let place = match self.find(claim, &repo, &[pull_ref(number)]).await? {
            Found::Unmanaged => return Ok(None),
            Found::Closed(closed) => {
                self.say_closed(claim, &repo, &read, &closed).await?;
                return Ok(None);
            }
            Found::Managed(place) => place,
        };
        let mut place = place;
        if !place.governs(&read.base) {
            return Ok(None);
        }
        if !read.open {
            self.note_closed(repo_id, number);
            self.look_at_groups(&place, Some(&read.base)).await?;
            return self.finish(claim, &mut place, &read).await;
        }
        let (verdict, again) = self.decide_and_bring(claim, place, read).await?;
        match verdict {
            Verdict::Unknown => Err(TurnError::Unsure),
            Verdict::NotApplicable
            | Verdict::Satisfied
            | Verdict::Bypassed
            | Verdict::Pending
            | Verdict::Unreachable
            | Verdict::Rejected
            | Verdict::StaleBase
            | Verdict::Blocked => Ok(again),
        }
    }

    async fn decide_and_bring(
        &self,
        claim: &Claim,
        place: Place,
        read: ChangeRead,
    ) -> Result<(Verdict, Option<Timestamp>), TurnError> {
        let updated = read.head.clone();
        let mut gathered = self.gather(&place, read, Freshness::Display).await?;
        let mut decision = decide(&place.policy, &gathered.facts);
        let mut place = place;
        here(Point::ChangeJudged);
        let moved = self.note_first_sights(claim, &mut place, (&gathered, &decision)).await?;
        here(Point::ChangeSighted);
        if moved {
            // judged by a ledger that is no longer the newest: neither said nor taken for settled
            return Ok((decision.verdict, Some(self.clock.now())));
        }
        let mut outcome = Outcome::Open;
        if decision.proof.is_some() {
            // authority is read again for the merge, never taken from memory (R42); that nobody spoke meanwhile is seen before it
            gathered = self.gather(&place, gathered.read, Freshness::Now).await?;
            decision = decide(&place.policy, &gathered.facts);
        }
        info!(change = %gathered.facts.change.number, verdict = decision.verdict.word(), reason = decision.reason.code(), "decided");
        self.note_open((place.repo.id, gathered.facts.change.number), &decision);
        let shared = self.shared_head(&place, &gathered, &decision).await?;
        if shared.is_none() && self.bring_base_in(claim, &place, (&gathered, &decision)).await? {
            return Ok((decision.verdict, Some(self.clock.now())));
        }
        if decision.proof.is_some() && decision.waits.is_empty() {
            let twin = shared.as_ref().and_then(|shared| shared.rejected);
            let twin = twin.map(|other| format!("#{other} has the same head, and an approver asked for changes there"));
            outcome = match twin.or_else(|| waits_for_a_word(&place, &gathered.facts, decision.bypass.as_ref())) {
                Some(why) => Outcome::Held(why),
                None => match self.merge(claim, &mut place, (&gathered, &decision), shared.as_ref()).await? {
                    // how the targets stand is said as soon as they were looked at
                    // what is owed is said by the look at what was merged
                    Merging::Merged { .. } if decision.bypass.is_some() => {
                        return Ok((decision.verdict, Some(self.clock.now().plus(SHOWN_LATE))));
                    }
                    Merging::Merged { commit, decision } => {
                        Outcome::Merged { commit, decision, syncs: Vec::new(), owed: None }
                    }
                    Merging::Held(why) => Outcome::Held(why),
                },
            };
        }
        self.say(claim, &place, (&gathered, &decision), &outcome, shared.as_ref()).await?;
        self.tell_of_change(&place, (&gathered, &decision)).await;
        // what is held by rules or conflicts is tried again by the next sweep
        let held = matches!(outcome, Outcome::Held(_));
        let alone = shared.is_none();
        if decision.verdict != Verdict::Unknown && !held && alone && gathered.facts.change.head == updated {
            self.settle(&place, &gathered);
        }
        self.look_at_groups(&place, Some(&gathered.facts.change.base)).await?;
        let now = gathered.facts.now();
        let expiry = next_expiry(&place.policy, &gathered.facts).map(|end| self.clock.now().plus(end.since(now)));
        let idle = match outcome {
            Outcome::Merged { .. } => None,
            Outcome::Open | Outcome::Held(_) => self.close_if_idle(claim, &place, (&gathered, &decision)).await?,
        };
        Ok((decision.verdict, [expiry, idle].into_iter().flatten().min()))
    }

    /// Brings check, comment, description and review requests to what the decision says.
    pub(super) async fn say(
        &self,
        claim: &Claim,
        place: &Place,
        (gathered, decision): (&Gathered, &Decision),
        outcome: &Outcome,
        shared: Option<&Shared>,
    ) -> Result<(), TurnError> {
        let (facts, read) = (&gathered.facts, &gathered.read);
        let us = self.ourselves().await?;
        let opened_by_us = read.author.as_ref().is_some_and(|author| author.id == us.id);
        let held = facts.change.head_ref.as_ref().filter(|_| facts.held.is_some());
        let description = match held {
            Some(branch) => self.describe_held(place, branch, facts.held.as_ref().and_then(|held| held.quarantined)),
            None => description(place, gathered),
        };
        let description = description.filter(|_| opened_by_us);
        self.know_who_spoke(place, gathered).await?;
        if description.is_some() {
            self.know_description(place, gathered).await?;
        }
        let mut wanted = wanted(decision, facts, outcome, description);
        if let Some(note) = self.policy_note(place, &place.policy, facts).await? {
            wanted.comment = wanted.comment.map(|comment| format!("{comment}\n{note}"));
        }
        if let Some(note) = self.guard_note(place, &facts.change.base).await? {
            wanted.comment = wanted.comment.map(|comment| format!("{comment}\n{note}"));
        }
        self.share_check(&place.repo, &mut wanted, shared).await?;
        self.bring(claim, &place.repo, &wanted, read.our_comment.as_ref()).await
    }

    /// Title and body of a request that holds a direct push.
    pub(super) fn describe_held(
        &self,
        place: &Place,
        held: &RefName,
        quarantined: Option<Quarantine>,
    ) -> Option<Description> {
        let pushes: Vec<&PutBackEntry> = place.state().held_at(held).map(|(_, entry)| entry).collect();
        let newest = pushes.last()?;
        let needs = effect::needs(&place.policy, (&newest.branch, &place.default_branch), &newest.paths);
        effect::held_description(Held { pushes: &pushes, quarantined, needs: &needs })
    }

    /// A request we opened, and died before we remembered it: its description is what stands there.
    async fn know_description(&self, place: &Place, gathered: &Gathered) -> Result<(), TurnError> {
        let read = &gathered.read;
        let known = self.journal.presence(place.repo.id, read.number).await?;
        if known.as_ref().is_some_and(|presence| presence.description.is_some()) {
            return Ok(());
        }
        let standing = Description { title: read.title.clone(), body: read.body.clone() }.digest();
        let nothing = Presence { check: None, comment: None, description: None, asked: Vec::new() };
        let presence = Presence { description: Some(standing), ..known.unwrap_or(nothing) };
        self.remember(&place.repo, read.number, &presence).await
    }

    /// Whoever gave a review was asked for it, or came without: a process that remembers nothing of the request asks them no more than
    /// one that does.
    async fn know_who_spoke(&self, place: &Place, gathered: &Gathered) -> Result<(), TurnError> {
        let read = &gathered.read;
        let spoke = read.reviews.iter().filter_map(|review| review.author.as_ref());
        let asked: Vec<String> = spoke.map(|author| author.login.to_string()).collect();
        if asked.is_empty() || self.journal.presence(place.repo.id, read.number).await?.is_some() {
            return Ok(());
        }
        let presence = Presence { check: None, comment: None, description: None, asked };
        self.remember(&place.repo, read.number, &presence).await
    }

    /// Remembers what was judged. The `updated` mark stays: it was read before this look, so whatever moves it is news.
    fn settle(&self, place: &Place, gathered: &Gathered) {
        let facts = &gathered.facts;
        let mut settled = lock(&self.memory.settled);
        let known = settled.remove(&(place.repo.id, facts.change.number));
        let now = Settled {
            updated: known.map(|known| known.updated).unwrap_or_default(),
            head: facts.change.head.clone(),
            base_tip: facts.change.base_tip.clone(),
            ledger: place.sequence(),
            judged: facts.at,
        };
        settled.insert((place.repo.id, facts.change.number), now);
    }
}

/// Title and body of a request we opened, for its present head.
fn description(place: &Place, gathered: &Gathered) -> Option<Description> {
    let facts = &gathered.facts;
    let branches = (&facts.change.base, &place.default_branch);
    let touched = outline(&place.policy, branches, &facts.history.delta, &facts.documents);
    let requester = match &facts.people.requester {
        Known::Is(account) => Some(account),
        Known::Unknown(_) => None,
    };
    let branch = facts.change.head_ref.as_ref().map_or("a fork", |head| head.short());
    (!touched.is_empty()).then(|| effect::description(&touched, requester, branch))
}
