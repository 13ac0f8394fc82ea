//! What is written into the ledger, and when: first sights, decisions before the merge, merges after it.
//!
//! One writer at a time in this process; across processes the reference's compare-and-swap decides. Nothing is written twice.

use std::collections::BTreeSet;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_core::decision::{Decision, PolicyDecision, Proof, has_say};
use countersign_core::domain::{DeliveryId, Delta, Oid, PrNumber, Sequence, Timestamp, UserId};
use countersign_core::effect;
use countersign_core::facts::{Facts, Known, MergeBase, VoteKind, VoteSource};
use countersign_core::ledger::{
    self, AdoptedBranch, AdoptedEntry, Approval, BypassEntry, Bypassing, DecisionEntry, Entry, KnownVote, LedgerState,
    MergeEntry, MergeMethod, PushEntry, RecordedFacts, RecordedVerdict, RequestSeen, VoteEntry,
};

use countersign_core::notify;
use tracing::debug;

use super::book::{Place, holds, invalid, missing};
use super::crash::{Point, here};
use super::gather::Gathered;
use super::ports::{Claim, CommentTold, NewEntry, RepoError, RepoRef, Sighting, Subject};
use super::{Engine, TurnError, lock};

impl Engine {
    /// Signs entries on top of a state and moves the ledger reference; the state after them.
    pub(super) async fn write_entries(
        &self,
        repo: &RepoRef,
        (mut state, held): (LedgerState, Option<&Oid>),
        entries: &[Entry],
    ) -> Result<(LedgerState, Oid), TurnError> {
        let tip = state.head().and_then(|head| head.commit.clone());
        let mut new = Vec::new();
        for entry in entries {
            let sequence = state.next_sequence();
            let names = (repo.id, repo.name.clone());
            let (envelope, next) = ledger::append(&state, names, entry, &self.signer, self.clock.now())
                .map_err(|fault| TurnError::Ledger(fault.to_string()))?;
            let message = effect::ledger_message(sequence, entry.kind().as_str(), &about(entry));
            new.push(NewEntry { envelope, message, at: self.clock.now() });
            state = next;
        }
        here(Point::LedgerSigned);
        let commit = self.repo.append(repo, &self.settings.ledger_ref, (tip.as_ref(), held), &new).await?;
        here(Point::LedgerMoved);
        let state = state.landed(commit.clone());
        let sequence = state.head().map_or(Sequence::new(0), |head| head.sequence);
        self.journal.remember_ledger(repo.id, sequence, &commit).await?;
        here(Point::LedgerRemembered);
        Ok((state, commit))
    }

    /// Appends to the ledger of a place, whoever else may be appending; `make` sees the state it is appended to.
    pub(super) async fn record(
        &self,
        claim: &Claim,
        place: &mut Place,
        make: impl Fn(&LedgerState) -> Result<Vec<Entry>, TurnError> + Send,
    ) -> Result<(), TurnError> {
        let writer = lock(&self.memory.writers).entry(place.repo.id).or_default().clone();
        let _one_writer = writer.lock().await;
        for _ in 0..5 {
            let seen = self.journal.ledger_head(place.repo.id).await?;
            let refs = self.repo.fetch(&place.repo, std::slice::from_ref(&self.settings.ledger_ref)).await?;
            let tip = refs.get(&self.settings.ledger_ref).ok_or_else(|| TurnError::Ledger("it is gone".to_owned()))?;
            if place.state.head().and_then(|head| head.commit.as_ref()) != Some(tip) {
                let book = self.book(&place.repo, tip).await?;
                if let Some(closed) = invalid(&book.ledger) {
                    return Err(TurnError::Ledger(closed.words));
                }
                if let Some(seen) = seen.filter(|seen| !holds(&book.ledger, seen)) {
                    return Err(TurnError::Ledger(missing(&seen).words));
                }
                place.state = book.ledger.state().clone();
            }
            let entries = make(&place.state)?;
            if entries.is_empty() {
                return Ok(());
            }
            self.still_ours(claim).await?;
            match self.write_entries(&place.repo, (place.state.clone(), Some(tip)), &entries).await {
                Ok((state, commit)) => {
                    place.state = state;
                    place.refs.insert(self.settings.ledger_ref.clone(), commit);
                    if notify::tells(&place.policy) {
                        self.journal.schedule(&Subject::Notices(place.repo.id), self.clock.now()).await?;
                    }
                    return Ok(());
                }
                Err(TurnError::Repo(RepoError::LeaseLost(_))) => {
                    debug!(repository = %place.repo.name, "somebody else wrote into the ledger first; writing after them");
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(TurnError::KeptMoving("the ledger".to_owned()))
    }

    /// Writes down what only deliveries tell, at first sight: who pushed the head, and votes (`changes.md` 1). Whether somebody else
    /// wrote since the facts were gathered: then these are of a ledger that is no longer the newest.
    pub(super) async fn note_first_sights(
        &self,
        claim: &Claim,
        place: &mut Place,
        (gathered, decision): (&Gathered, &Decision),
    ) -> Result<bool, TurnError> {
        let (repo, facts) = (place.repo.id, &gathered.facts);
        let voters = facts.votes.iter().filter_map(|vote| vote.account.as_ref());
        let stand: BTreeSet<UserId> = voters
            .filter(|account| has_say(&place.policy, facts, decision, account))
            .map(|account| account.id)
            .collect();
        let moves = match &facts.change.head_ref {
            Some(branch) => self.journal.movements(repo, branch).await?,
            None => Vec::new(),
        };
        let mut told = self.journal.reviews(repo, facts.change.number).await?;
        told.extend(self.journal.comments(repo, facts.change.number).await?);
        let known = place.sequence();
        let found = AtomicU64::new(known.get());
        self.record(claim, place, |state| {
            found.store(state.head().map_or(0, |head| head.sequence.get()), Ordering::Relaxed);
            let mut entries = Vec::new();
            if let Some(branch) = &facts.change.head_ref
                && let Some(movement) = moves.iter().find(|movement| movement.after == facts.change.head)
                && state.pushes(branch, &movement.after).is_empty()
            {
                entries.push(Entry::Push(PushEntry {
                    reference: branch.clone(),
                    before: movement.before.clone(),
                    after: movement.after.clone(),
                    sender: movement.actor.clone().map_or_else(|| Known::Unknown("no sender".to_owned()), Known::Is),
                    forced: false,
                    delivery: movement.delivery.clone(),
                    request: facts
                        .people
                        .requester
                        .answer()
                        .map(|by| RequestSeen { pull: facts.change.number, by: by.clone() }),
                }));
            }
            for vote in &facts.votes {
                let known = state.vote(vote.source);
                let ended = vote.kind == VoteKind::Ended;
                let over = |known: &KnownVote| known.ended.is_some() || known.first.kind == VoteKind::Ended || !ended;
                if vote.kind == VoteKind::Unrecognised || known.is_some_and(over) {
                    continue;
                }
                let Some(commit) = vote.delivered_commit.clone().or_else(|| vote.commit.clone()) else { continue };
                entries.push(Entry::Vote(VoteEntry {
                    pull: facts.change.number,
                    source: vote.source,
                    user: vote.account.clone(),
                    kind: vote.kind,
                    base: vote.first_base.clone(),
                    at: vote.at,
                    delta_digest: facts.delta_at.get(&commit).copied().flatten(),
                    ended_by: vote.ended_by.clone().filter(|_| ended),
                    delivery: delivery_of(&told, vote.source, ended)
                        .filter(|_| ended || vote.delivered_commit.is_some()),
                    commit,
                    stood: vote.account.as_ref().is_some_and(|account| stand.contains(&account.id)),
                }));
            }
            Ok(entries)
        })
        .await?;
        Ok(found.into_inner() != known.get())
    }

    /// Writes the decision down before anything is merged; a decision already written for the same head, base tip and policy is used.
    pub(super) async fn record_decision(
        &self,
        claim: &Claim,
        place: &mut Place,
        (facts, decision, proof): (&Facts, &Decision, &Proof),
        approved: &Delta,
    ) -> Result<Sequence, TurnError> {
        let adopts = self.taken_in(place, proof.base(), approved).await?;
        let made = decision_entry(facts, decision, proof, (approved, MergeMethod::MoveRef, adopts))?;
        let same = |entry: &DecisionEntry| {
            entry.pull == proof.change()
                && entry.head == *proof.head()
                && entry.base == *proof.base()
                && entry.base_tip == *proof.base_tip()
                && entry.policy_digest == proof.policy()
                && entry.bypass == made.bypass
        };
        self.record(claim, place, |state| {
            if state.open_intents().iter().any(|(_, entry)| same(entry)) {
                return Ok(Vec::new());
            }
            Ok(vec![Entry::Decision(Box::new(made.clone()))])
        })
        .await?;
        let open = place.state.open_intents();
        let written = open.iter().rev().find(|(_, entry)| same(entry)).map(|(sequence, _)| *sequence);
        written.ok_or_else(|| TurnError::Ledger("the decision was not written".to_owned()))
    }

    /// Records a merge that was carried out and verified, and the policy that became effective with it.
    pub(super) async fn record_merge(
        &self,
        claim: &Claim,
        place: &mut Place,
        (pull, decision): (PrNumber, Sequence),
        (method, approved): (MergeMethod, &Delta),
        commit: &Oid,
    ) -> Result<(), TurnError> {
        let merge = MergeEntry { pull, decision, commit: commit.clone(), method, approved: approved.clone() };
        let policy = self.new_policy(place, approved, commit).await?;
        let (news, now) = (AtomicBool::new(false), self.clock.now());
        let adopts = place.state.decisions().get(&decision).map(|entry| entry.adopts.clone()).unwrap_or_default();
        let adoptions = self.adoptions(place, &adopts, approved).await?;
        self.record(claim, place, |state| {
            let mut entries = Vec::new();
            if state.merge_of_commit(commit).is_none_or(|(_, known)| known.decision != decision) {
                entries.push(Entry::Merge(merge.clone()));
                news.store(true, Ordering::Relaxed);
            }
            entries.extend(bypass_entry(state, decision, Some(commit), now));
            if let Some(policy) = &policy
                && state.governing_policy().map(|known| known.digest) != Some(policy.digest)
            {
                entries.push(Entry::Policy(policy.clone()));
            }
            entries.extend(not_yet(state, &adoptions));
            Ok(entries)
        })
        .await?;
        if news.into_inner() {
            self.note_merge(place, decision);
        }
        // the other open changes stand on another ground now, and the targets wait
        self.journal.schedule(&Subject::Repository(place.repo.id), self.clock.now()).await?;
        Ok(())
    }
}

/// The entry of a bypass that is carried out, or about to be by this commit, and has none.
pub(super) fn bypass_entry(
    state: &LedgerState,
    decision: Sequence,
    commit: Option<&Oid>,
    now: Timestamp,
) -> Option<Entry> {
    let known = state.bypass(decision);
    if known.is_some_and(|known| known.entry.is_some()) {
        return None;
    }
    let entry = state.decisions().get(&decision)?;
    let bypass = entry.bypass.clone()?;
    let merged = known.and_then(|known| state.merge_at(known.merged)).map(|merge| &merge.commit);
    let (due, head, pull) = (now.plus(bypass.ratify_within), entry.head.clone(), entry.pull);
    let commit = merged.or(commit)?.clone();
    Some(Entry::Bypass(Box::new(BypassEntry { pull, decision, head, commit, bypass, at: now, due })))
}

/// Adoptions that are not in the ledger.
pub(super) fn not_yet(state: &LedgerState, adoptions: &[AdoptedEntry]) -> impl Iterator<Item = Entry> {
    let new = adoptions.iter().filter(|adoption| !state.is_adopted(&adoption.branch));
    new.cloned().map(Entry::Adopted).collect::<Vec<_>>().into_iter()
}

/// The entry of a decision: everything it was made from, and how it is carried out.
pub(super) fn decision_entry(
    facts: &Facts,
    decision: &Decision,
    proof: &Proof,
    (approved, intent, adopts): (&Delta, MergeMethod, Vec<AdoptedBranch>),
) -> Result<DecisionEntry, TurnError> {
    let MergeBase::One(merge_base) = &facts.history.merge_base else {
        return Err(TurnError::Ledger("a decision without a merge base".to_owned()));
    };
    let recorded = RecordedFacts::record(facts).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
    Ok(DecisionEntry {
        pull: proof.change(),
        head: proof.head().clone(),
        base: proof.base().clone(),
        base_tip: proof.base_tip().clone(),
        merge_base: merge_base.clone(),
        delta_digest: proof.delta(),
        policy_digest: proof.policy(),
        verdict: if proof.bypass().is_some() { RecordedVerdict::Bypassed } else { RecordedVerdict::Satisfied },
        approved_by: approvals_of(decision, |_| true),
        delta: approved.clone(),
        facts: recorded,
        intent,
        adopts,
        bypass: proof.bypass().map(Bypassing::of),
    })
}

/// Whose votes count, in some of the policies.
pub(super) fn approvals_of(decision: &Decision, meant: impl Fn(&PolicyDecision) -> bool) -> Vec<Approval> {
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies);
    let groups = policies.filter(|policy| meant(policy)).flat_map(|policy| &policy.groups);
    let mut approvals: Vec<Approval> = groups
        .flat_map(|group| &group.counted)
        .map(|vote| Approval {
            user: vote.account.id,
            login: vote.account.login.clone(),
            via: vote.source,
            commit: vote.commit.clone(),
        })
        .collect();
    approvals.sort_by_key(|approval| approval.user);
    approvals.dedup_by_key(|approval| approval.user);
    approvals
}

/// The delivery that told of a vote, or of its end.
fn delivery_of(told: &[Sighting], source: VoteSource, ended: bool) -> Option<DeliveryId> {
    told.iter().find_map(|sighting| {
        let (of, ends, delivery) = match sighting {
            Sighting::Review { review, kind, delivery, .. } => {
                (VoteSource::Review(*review), *kind == VoteKind::Ended, delivery)
            }
            Sighting::Comment { comment, told, delivery, .. } => {
                (VoteSource::Comment(*comment), !matches!(told, CommentTold::Written(_)), delivery)
            }
            Sighting::Push { .. } | Sighting::Installed { .. } => return None,
        };
        if (of, ends) == (source, ended) { delivery.clone() } else { None }
    })
}

/// What an entry is about, for the subject line of its commit.
fn about(entry: &Entry) -> String {
    match entry {
        Entry::Adopted(entry) => format!("{} at {}", entry.branch.short(), entry.commit.short()),
        Entry::Policy(entry) => format!("{} at {}", entry.branch.short(), entry.commit.short()),
        Entry::Key(entry) => entry.public_key.fingerprint().to_string(),
        Entry::Push(entry) => format!("{} to {}", entry.reference.short(), entry.after.short()),
        Entry::Vote(entry) => {
            let who = entry.user.as_ref().map_or("somebody", |user| user.login.as_str());
            format!("{who} on #{}", entry.pull)
        }
        Entry::Decision(entry) => format!("#{} at {}", entry.pull, entry.head.short()),
        Entry::Merge(entry) => format!("#{} as {}", entry.pull, entry.commit.short()),
        Entry::PutBack(entry) => format!("{} on {}", entry.pushed.short(), entry.branch.short()),
        Entry::Bypass(entry) => format!("#{} by {}", entry.pull, entry.decision.label()),
        Entry::Revocation(entry) => format!("{} of {} at {}", entry.key, entry.path, entry.commit.short()),
        Entry::Ratification(entry) => format!("#{} of {}", entry.pull, entry.decision.label()),
        Entry::Sync(entry) => format!("{} {}", entry.id(), entry.state.word()),
    }
}
