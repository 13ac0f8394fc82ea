//! What a bypass owes: whether those who should have approved the change have ratified it, and who is called when they are late.
//!
//! The merged request is judged again, at the same head, by the policy that was bypassed, and without whoever bypassed it. Merges
//! nothing and takes nothing back.

use countersign_core::decision::{Decision, decide, is_ratified};
use countersign_core::domain::{Account, AccountKind, Sequence, Span, Timestamp};
use countersign_core::effect::{self, BYPASSED_LABEL, DebtState, Effect, Outcome, Owed, wanted};
use countersign_core::facts::question::ChangeRead;
use countersign_core::facts::{Facts, Ratifying};
use countersign_core::ledger::{DecisionEntry, Entry, KnownBypass, RatificationEntry, RecordedFacts};
use countersign_core::policy::{self, Policy};
use tracing::{info, warn};

use super::book::Place;
use super::crash::{Point, here};
use super::gather::Gathered;
use super::ports::{Claim, Freshness, NoteKey};
use super::record::{approvals_of, bypass_entry};
use super::{Engine, TurnError};

/// A bypassed change, judged for its ratification.
pub(super) struct Judged {
    pub policy: Policy,
    pub gathered: Gathered,
    pub decision: Decision,
}

impl Engine {
    /// A request that was merged by a bypass; when to look again. `None` in the first place: it was not.
    pub(super) async fn look_at_debt(
        &self,
        claim: &Claim,
        place: &mut Place,
        read: &ChangeRead,
    ) -> Result<Option<Option<Timestamp>>, TurnError> {
        let newest = place.state().merge_of_pull(read.number).map(|(_, merge)| merge.decision);
        let Some(decision) = newest.filter(|decision| place.state().bypass(*decision).is_some()) else {
            return Ok(None);
        };
        self.complete(claim, place, decision).await?;
        let mut judged = self.ratifying(place, read, decision, Freshness::Display).await?;
        if is_open(place, decision) {
            self.note_first_sights(claim, place, (&judged.gathered, &judged.decision)).await?;
            if is_ratified(&judged.gathered.facts, &judged.decision) {
                // as for a merge: what they may do is read again (R42)
                judged = self.ratifying(place, read, decision, Freshness::Now).await?;
                self.record_ratification(claim, place, decision, &judged).await?;
            }
        }
        let Some((entry, known)) = self.known_debt(place, decision) else { return Ok(None) };
        let now = judged.gathered.facts.now();
        let owed = owed(&known, now);
        self.show_debt(claim, place, read, (decision, &entry), (&judged, &owed)).await?;
        self.label(claim, place, read).await?;
        if owed.debt == DebtState::Overdue {
            self.call(claim, place, read, decision, (&owed, &judged.decision)).await?;
        }
        let left = known.due().since(now).seconds();
        let again = (owed.debt == DebtState::Open).then(|| self.clock.now().plus(Span::from_seconds(left + 1)));
        Ok(Some(again))
    }

    /// Judges the request once more, from what people say now. What was ratified is judged from the facts of its ratification.
    pub(super) async fn ratifying(
        &self,
        place: &Place,
        read: &ChangeRead,
        decision: Sequence,
        freshness: Freshness,
    ) -> Result<Judged, TurnError> {
        let broken = |what: &str| TurnError::Ledger(format!("the bypass {}: {what}", decision.label()));
        let (entry, known) = self.known_debt(place, decision).ok_or_else(|| broken("is not recorded"))?;
        let text = place.policy_text(entry.policy_digest).ok_or_else(|| broken("its policy is not recorded"))?;
        let policy = policy::parse(&text).map_err(|_| broken("its policy cannot be read"))?;
        let recorded = known.ratified.as_ref().map_or(&entry.facts, |(_, ratification)| &ratification.facts);
        let recorded: Facts = serde_json::from_value(recorded.as_json().clone())
            .map_err(|fault| broken(&format!("its facts cannot be read: {fault}")))?;
        let read = read.clone();
        let facts = match known.ratified {
            Some(_) => recorded,
            None => {
                let then = place.under(policy.clone(), recorded.names.clone());
                self.heard_since(&then, &read, (recorded, &known), freshness).await?
            }
        };
        let judgement = decide(&policy, &facts);
        Ok(Judged { policy, gathered: Gathered { facts, read, joint: None }, decision: judgement })
    }

    /// The recorded facts, with what people say by now and what they may do.
    async fn heard_since(
        &self,
        place: &Place,
        read: &ChangeRead,
        (recorded, known): (Facts, &KnownBypass),
        freshness: Freshness,
    ) -> Result<Facts, TurnError> {
        let bypassed = recorded.bypasses.iter().map(|asked| asked.at).max();
        let (votes, asked) = self.said_of(place, read, (&recorded.change.head, bypassed)).await?;
        let speakers: Vec<Account> = asked.iter().map(|asked| asked.by.clone()).collect();
        let rosters = self.rosters(place).await?;
        let bypassers = known.bypass.by.iter().map(|word| Account {
            id: word.user,
            login: word.login.clone(),
            kind: AccountKind::User,
        });
        Ok(Facts {
            at: self.clock.now(),
            forge_time: read.read_at,
            delta_at: self.deltas_at(&place.repo, &recorded.change, &votes).await?,
            change_at: self.changes_at(place, &recorded.change, &votes).await?,
            authority: self.authority(place, (&votes, &speakers), (&read.reviews, &rosters), freshness).await?,
            names_now: self.names_now(place, (&votes, &speakers), freshness).await?,
            rosters,
            votes,
            asked,
            bypasses: Vec::new(),
            debts: Vec::new(),
            ratifying: Some(Ratifying { bypassers: bypassers.collect(), policies: known.bypass.policies.clone() }),
            ..recorded
        })
    }

    fn known_debt(&self, place: &Place, decision: Sequence) -> Option<(DecisionEntry, KnownBypass)> {
        let entry = place.state().decisions().get(&decision)?;
        Some((entry.as_ref().clone(), place.state().bypass(decision)?.clone()))
    }

    /// The entry of a bypass that was merged by a version, or a moment, that did not write it.
    async fn complete(&self, claim: &Claim, place: &mut Place, decision: Sequence) -> Result<(), TurnError> {
        let now = self.clock.now();
        self.record(claim, place, |state| Ok(bypass_entry(state, decision, None, now).into_iter().collect())).await
    }

    async fn record_ratification(
        &self,
        claim: &Claim,
        place: &mut Place,
        decision: Sequence,
        judged: &Judged,
    ) -> Result<(), TurnError> {
        let facts = &judged.gathered.facts;
        if !is_ratified(facts, &judged.decision) {
            return Ok(());
        }
        let policies = facts.ratifying.as_ref().map(|ratifying| ratifying.policies.clone()).unwrap_or_default();
        let entry = RatificationEntry {
            pull: facts.change.number,
            decision,
            head: facts.change.head.clone(),
            ratified_by: approvals_of(&judged.decision, |policy| policies.contains(&policy.name)),
            facts: RecordedFacts::record(facts).map_err(|fault| TurnError::Ledger(fault.to_string()))?,
            at: self.clock.now(),
        };
        here(Point::RatificationFound);
        self.record(claim, place, |state| {
            let open = state.bypass(decision).is_some_and(|known| known.ratified.is_none());
            Ok(if open { vec![Entry::Ratification(Box::new(entry.clone()))] } else { Vec::new() })
        })
        .await?;
        here(Point::RatificationRecorded);
        info!(change = %entry.pull, decision = %decision.label(), event = "bypass.ratified", "a bypass was ratified");
        Ok(())
    }

    /// Comment and check of the merged request.
    async fn show_debt(
        &self,
        claim: &Claim,
        place: &Place,
        read: &ChangeRead,
        (sequence, entry): (Sequence, &DecisionEntry),
        (judged, owed): (&Judged, &Owed),
    ) -> Result<(), TurnError> {
        let Some((merged, merge)) = place.state().merge_of_pull(read.number) else { return Ok(()) };
        let (commit, approved) = (merge.commit.clone(), merge.approved.clone());
        let syncs = self.sync_lines(place, merged, (&entry.base, &approved)).await?;
        let outcome = Outcome::Merged { commit, decision: sequence, syncs, owed: Some(owed.clone()) };
        let facts = &judged.gathered.facts;
        let mut page = wanted(&judged.decision, facts, &outcome, None);
        page.ask.clear();
        if let Some(note) = self.policy_note(place, &judged.policy, facts).await? {
            page.comment = page.comment.map(|comment| format!("{comment}\n{note}"));
        }
        if let Some(note) = self.unreached_note(place, read.number).await {
            page.comment = page.comment.map(|comment| format!("{comment}\n{note}"));
        }
        self.bring(claim, &place.repo, &page, read.our_comment.as_ref()).await
    }

    /// The label, once: whoever takes it away later has seen it.
    async fn label(&self, claim: &Claim, place: &Place, read: &ChangeRead) -> Result<(), TurnError> {
        let key = NoteKey::Labelled(read.number);
        if self.journal.note(place.repo.id, &key).await?.is_some() {
            return Ok(());
        }
        self.still_ours(claim).await?;
        let label = Effect::Label { change: read.number, name: BYPASSED_LABEL };
        self.courtesy(&place.repo, &label).await?;
        here(Point::BypassLabelled);
        Ok(self.journal.keep_note(place.repo.id, &key, "bypassed").await?)
    }

    /// Calls those who are late, once.
    async fn call(
        &self,
        claim: &Claim,
        place: &Place,
        read: &ChangeRead,
        decision: Sequence,
        (owed, judged): (&Owed, &Decision),
    ) -> Result<(), TurnError> {
        warn!(change = %read.number, decision = %decision.label(), due = %owed.due, event = "bypass.overdue", "a bypass was not ratified in time; nothing more can be bypassed in its environments");
        let key = NoteKey::Called(read.number);
        if self.journal.note(place.repo.id, &key).await?.is_some() {
            return Ok(());
        }
        self.still_ours(claim).await?;
        self.courtesy(&place.repo, &effect::overdue(read.number, decision, owed, judged)).await?;
        here(Point::BypassCalled);
        Ok(self.journal.keep_note(place.repo.id, &key, "called").await?)
    }
}

fn is_open(place: &Place, decision: Sequence) -> bool {
    place.state().bypass(decision).is_some_and(|known| known.ratified.is_none())
}

/// How the debt stands at a time.
fn owed(known: &KnownBypass, now: Timestamp) -> Owed {
    let debt = match &known.ratified {
        Some((entry, ratification)) => DebtState::Ratified {
            by: ratification.ratified_by.iter().map(|approval| approval.login.clone()).collect(),
            entry: *entry,
        },
        None if known.is_overdue(now) => DebtState::Overdue,
        None => DebtState::Open,
    };
    Owed {
        by: known.bypass.by.iter().map(|word| (word.login.clone(), word.reason.clone())).collect(),
        policies: known.bypass.policies.clone(),
        due: known.due(),
        debt,
    }
}
