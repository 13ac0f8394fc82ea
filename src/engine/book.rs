//! The repository as a turn sees it: references read now, the verified ledger, the covered policy.
//!
//! Verifies before it believes; a ledger that is missing, shorter or broken closes the repository, it never starts a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::decision::{Decision, QuorumMet};
use countersign_core::domain::{
    Account, Delta, DeltaEntry, Digest, Oid, PrNumber, RefName, RepoPath, ResolvedNames, ReviewId, Sequence, TreeEntry,
};
use countersign_core::effect;
use countersign_core::facts::compare::{self, Branches};
use countersign_core::facts::{Facts, Known, MergeBase, Question, VoteKind, VoteSource};
use countersign_core::ledger::{
    self, AdoptedEntry, AdoptedPath, Adoption, Approval, DecisionEntry, Entry, KeyClass, Ledger, LedgerState,
    MergeEntry, MergeMethod, POLICY_PATH, PolicyEntry, PushEntry, RecordedFacts, RecordedVerdict, RootKey, VoteEntry,
};
use countersign_core::policy::{self, Policy};
use tracing::{error, info, warn};

use super::gather::Gathered;
use super::ports::{Claim, Freshness, NewEntry, RepoError, RepoRef, Sighting, Subject};
use super::{Engine, TurnError, lock};

/// Largest policy file, in bytes.
const POLICY_LIMIT: usize = 1024 * 1024;

/// A ledger, verified up to a tip.
pub(super) struct Book {
    pub tip: Oid,
    pub ledger: Ledger,
}

/// A managed repository, as read for one turn.
pub(super) struct Place {
    pub repo: RepoRef,
    pub default_branch: RefName,
    pub refs: BTreeMap<RefName, Oid>,
    pub policy: Policy,
    pub names: ResolvedNames,
    /// Verified when the turn began; `state` may be further on. None for a ledger begun in this turn.
    book: Option<Arc<Book>>,
    state: LedgerState,
}

/// What a repository is to us.
pub(super) enum Found {
    /// No policy and no ledger: nothing is said there.
    Unmanaged,
    /// Managed, but nothing can be decided.
    Closed(Closed),
    /// Managed and in order.
    Managed(Place),
}

/// Why nothing can be decided in a managed repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub words: String,
    /// The way out.
    pub help: &'static str,
}

/// A vote as first seen, from the ledger.
pub(super) struct FirstSight {
    pub kind: VoteKind,
    pub commit: Option<Oid>,
    pub base: RefName,
}

impl Place {
    /// Whether a branch is governed: some environment names it, or it is the default branch.
    pub(super) fn governs(&self, branch: &RefName) -> bool {
        self.policy.governs(branch, &self.default_branch)
    }

    /// The governed branches.
    pub(super) fn bases(&self) -> Vec<RefName> {
        let named = self.policy.environments().iter().map(|rule| rule.branch_or(&self.default_branch).clone());
        let mut bases: Vec<RefName> = named.chain([self.default_branch.clone()]).collect();
        bases.sort();
        bases.dedup();
        bases
    }

    /// What was last approved on a branch.
    pub(super) fn approved(&self, branch: &RefName) -> &BTreeMap<RepoPath, TreeEntry> {
        self.state.approved(branch)
    }

    /// The newest ledger entry.
    pub(super) fn sequence(&self) -> Sequence {
        self.state.head().map_or(Sequence::new(0), |head| head.sequence)
    }

    /// The ledger.
    pub(super) fn state(&self) -> &LedgerState {
        &self.state
    }

    /// The text of a policy that was in force at some time.
    pub(super) fn policy_text(&self, digest: Digest) -> Option<String> {
        let now =
            self.state.governing_policy().filter(|policy| policy.digest == digest).map(|policy| policy.text.clone());
        now.or_else(|| {
            self.book.as_ref()?.ledger.entries().iter().find_map(|entry| match &entry.entry {
                Entry::Policy(policy) if policy.digest == digest => Some(policy.text.clone()),
                Entry::Policy(_)
                | Entry::Adopted(_)
                | Entry::Key(_)
                | Entry::Push(_)
                | Entry::Vote(_)
                | Entry::Decision(_)
                | Entry::Merge(_) => None,
            })
        })
    }

    /// What the ledger says of a review at first sight.
    pub(super) fn vote_seen(&self, review: ReviewId) -> Option<FirstSight> {
        let vote = self.state.vote(VoteSource::Review(review))?;
        // a vote first seen by reading proves nothing about the commit it was given for
        let delivered = vote.first.delivery.is_some();
        let commit = delivered.then(|| vote.first.commit.clone());
        Some(FirstSight { kind: vote.first.kind, commit, base: vote.first.base.clone() })
    }
}

impl Engine {
    /// Reads references and ledger now, adopting the repository where that is allowed.
    pub(super) async fn find(&self, claim: &Claim, repo: &RepoRef, wanted: &[RefName]) -> Result<Found, TurnError> {
        // asked before the references are read: what was seen by then must still be there
        let seen = self.journal.ledger_head(repo.id).await?;
        let mut asked = vec![self.settings.ledger_ref.clone()];
        asked.extend(wanted.iter().cloned());
        let mut refs = self.repo.fetch(repo, &asked).await?;
        let Some(tip) = refs.get(&self.settings.ledger_ref).cloned() else {
            let Some(seen) = seen else { return self.without_ledger(claim, repo, refs).await };
            return match self.restore(claim, repo, &seen, None).await? {
                Some(book) => self.place_of(repo, refs, book).await,
                None => Ok(Found::Closed(missing(&seen))),
            };
        };
        let mut book = self.book(repo, &tip).await?;
        if seen.as_ref().is_some_and(|seen| !holds(&book.ledger, seen)) {
            let Some(seen) = seen else { return Ok(Found::Unmanaged) };
            match self.restore(claim, repo, &seen, Some(&tip)).await? {
                Some(restored) => book = restored,
                None => return Ok(Found::Closed(missing(&seen))),
            }
            refs.insert(self.settings.ledger_ref.clone(), book.tip.clone());
        }
        match invalid(&book.ledger) {
            Some(closed) => Ok(Found::Closed(closed)),
            None => self.place_of(repo, refs, book).await,
        }
    }

    async fn place_of(
        &self,
        repo: &RepoRef,
        refs: BTreeMap<RefName, Oid>,
        book: Arc<Book>,
    ) -> Result<Found, TurnError> {
        if let Some((sequence, Some(commit))) = book.ledger.head().map(|head| (head.sequence, head.commit.clone())) {
            self.journal.remember_ledger(repo.id, sequence, &commit).await?;
        }
        let state = book.ledger.state().clone();
        Ok(place(repo, refs, Some(book), state))
    }

    /// Puts the ledger reference back to the newest head we saw, from our own copy of it (`changes.md` 10).
    async fn restore(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        (sequence, commit): &(Sequence, Oid),
        held: Option<&Oid>,
    ) -> Result<Option<Arc<Book>>, TurnError> {
        let book = match self.book(repo, commit).await {
            Ok(book) if invalid(&book.ledger).is_none() => book,
            Ok(_) | Err(TurnError::Repo(RepoError::Missing(_))) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        self.still_ours(claim).await?;
        error!(repository = %repo.name, entry = %sequence.label(), event = "ledger.tampered", "the ledger was moved back; restoring it");
        self.repo.push(repo, &self.settings.ledger_ref, held, commit).await?;
        Ok(Some(book))
    }

    /// The verified ledger at a tip; verified once per tip.
    async fn book(&self, repo: &RepoRef, tip: &Oid) -> Result<Arc<Book>, TurnError> {
        if let Some(book) = lock(&self.memory.books).get(&repo.id).filter(|book| book.tip == *tip) {
            return Ok(book.clone());
        }
        let chain = self.repo.chain(repo, tip, None).await?;
        let links = chain.into_iter().map(|(commit, envelope)| ledger::RawLink { commit, envelope });
        let ledger = ledger::verify(links, Some(repo.id), &self.settings.ledger_ref, &self.settings.trust);
        for problem in ledger.problems() {
            warn!(repository = %repo.name, code = problem.code.as_str(), "{}", problem.message);
        }
        let book = Arc::new(Book { tip: tip.clone(), ledger });
        lock(&self.memory.books).insert(repo.id, book.clone());
        Ok(book)
    }

    /// A repository without a ledger: unmanaged, to be adopted, or closed.
    async fn without_ledger(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        refs: BTreeMap<RefName, Oid>,
    ) -> Result<Found, TurnError> {
        let read = self.forge.answer(repo, &Question::Repository, Freshness::Now).await?.repository()?;
        let Some(tip) = refs.get(&read.default_branch).cloned() else { return Ok(Found::Unmanaged) };
        let entries = self.repo.entries(repo, &tip).await?;
        let Some(file) = entries.get(&RepoPath::new(POLICY_PATH)).cloned() else { return Ok(Found::Unmanaged) };
        if !self.settings.adopt_first_seen {
            return Ok(Found::Closed(Closed {
                code: "not-adopted",
                words: "the repository has a policy, and nobody adopted it".to_owned(),
                help: "run `countersign adopt <full sha>` with the signing key at hand, or set COUNTERSIGN_ADOPT=first-seen",
            }));
        }
        if self.was_managed_before(repo, &tip).await? {
            return Ok(Found::Closed(Closed {
                code: "ledger-missing",
                words: "the history names ledger decisions, but there is no ledger".to_owned(),
                help: "restore the ledger reference from a copy; it is never begun anew by itself",
            }));
        }
        let text = match self.policy_text(repo, &file).await? {
            Ok(text) => text,
            Err(closed) => return Ok(Found::Closed(closed)),
        };
        self.adopt(claim, repo, refs, (read.default_branch, tip), (text, file), Adoption::FirstSeen).await
    }

    /// Whether the default branch already carries decisions of a ledger.
    async fn was_managed_before(&self, repo: &RepoRef, tip: &Oid) -> Result<bool, TurnError> {
        let nothing =
            Oid::parse(&"0".repeat(tip.as_str().len())).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        let history = self.repo.commits(repo, &nothing, tip).await?;
        Ok(history.iter().any(|commit| commit.message.lines().any(|line| line.starts_with("Countersign-Decision: "))))
    }

    /// The policy text at a tree entry, if it is a readable file with a valid policy.
    pub(super) async fn policy_text(
        &self,
        repo: &RepoRef,
        file: &TreeEntry,
    ) -> Result<Result<String, Closed>, TurnError> {
        let closed = |words: String| Closed {
            code: "policy-broken",
            words,
            help: "correct `.countersign/policy.yaml`; `countersign check` names line and column",
        };
        let Some(bytes) = self.repo.blob(repo, &file.oid, POLICY_LIMIT).await? else {
            return Ok(Err(closed("the policy file is larger than 1 MiB".to_owned())));
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Err(closed("the policy file is no text".to_owned())));
        };
        Ok(match policy::parse(&text) {
            Ok(_) => Ok(text),
            Err(faults) => {
                let first = faults.first().map_or_else(String::new, |fault| fault.message.clone());
                Err(closed(format!("the policy file has {} faults: {first}", faults.len())))
            }
        })
    }

    /// Begins the ledger: what stands on the governed branches now is taken as approved (`changes.md` 10).
    pub(super) async fn adopt(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        refs: BTreeMap<RefName, Oid>,
        (default_branch, tip): (RefName, Oid),
        (text, file): (String, TreeEntry),
        how: Adoption,
    ) -> Result<Found, TurnError> {
        let Ok(policy) = policy::parse(&text) else { return Err(TurnError::Ledger("the policy is broken".to_owned())) };
        let names = self.resolve(repo, &policy).await?;
        let mut branches: Vec<RefName> = vec![default_branch.clone()];
        let named = policy.environments().iter().map(|rule| rule.branch_or(&default_branch).clone());
        for branch in named.filter(|branch| refs.contains_key(branch)) {
            if !branches.contains(&branch) {
                branches.push(branch);
            }
        }
        let mut entries = Vec::new();
        for branch in &branches {
            let Some(commit) = refs.get(branch) else { continue };
            let present = self.repo.entries(repo, commit).await?;
            let taken = compare::protected(&policy, Branches { base: branch, default: &default_branch }, &present);
            entries.push(Entry::Adopted(AdoptedEntry {
                commit: commit.clone(),
                branch: branch.clone(),
                default_branch: default_branch.clone(),
                root_key: RootKey { public_key: self.signer.public(), class: KeyClass::Server },
                paths: taken
                    .into_iter()
                    .map(|(path, entry)| AdoptedPath { path, mode: entry.mode, oid: entry.oid })
                    .collect(),
                how,
            }));
        }
        entries.push(Entry::Policy(PolicyEntry {
            branch: default_branch,
            commit: tip,
            blob: file.oid,
            digest: policy.digest(),
            text,
            names,
            previous_digest: None,
        }));
        self.still_ours(claim).await?;
        let state = LedgerState::empty(Some(repo.id), self.settings.ledger_ref.clone());
        let (state, commit) = self.write_entries(repo, (state, None), &entries).await?;
        info!(repository = %repo.name, %commit, "adopted");
        Ok(place(repo, refs, None, state))
    }

    /// What the names of a policy mean now. A name GitHub does not know is left out: it counts for nobody.
    async fn resolve(&self, repo: &RepoRef, policy: &Policy) -> Result<ResolvedNames, TurnError> {
        let mut names = ResolvedNames::default();
        for login in policy.all_users() {
            let found: Option<Account> =
                self.forge.answer(repo, &Question::User(login.clone()), Freshness::Display).await?.user()?;
            if let Some(account) = found {
                names.users.insert(login, account.id);
            }
        }
        for slug in policy.all_teams() {
            if let Some(team) =
                self.forge.answer(repo, &Question::Team(slug.clone()), Freshness::Display).await?.team()?
            {
                names.teams.insert(slug, team);
            }
        }
        Ok(names)
    }

    /// Signs entries on top of a state and moves the ledger reference; the state after them.
    async fn write_entries(
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
        let commit = self.repo.append(repo, &self.settings.ledger_ref, (tip.as_ref(), held), &new).await?;
        let state = state.landed(commit.clone());
        let sequence = state.head().map_or(Sequence::new(0), |head| head.sequence);
        self.journal.remember_ledger(repo.id, sequence, &commit).await?;
        Ok((state, commit))
    }

    /// Appends to the ledger of a place, whoever else may be appending; `make` sees the state it is appended to.
    async fn record(
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
                    return Ok(());
                }
                Err(TurnError::Repo(RepoError::LeaseLost(_))) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(TurnError::KeptMoving("the ledger".to_owned()))
    }

    /// Writes down what only deliveries tell, at first sight: who pushed the head, and votes (`changes.md` 1).
    pub(super) async fn note_first_sights(
        &self,
        claim: &Claim,
        place: &mut Place,
        gathered: &Gathered,
    ) -> Result<(), TurnError> {
        let (repo, facts) = (place.repo.id, &gathered.facts);
        let moves = match &facts.change.head_ref {
            Some(branch) => self.journal.movements(repo, branch).await?,
            None => Vec::new(),
        };
        let reviews = self.journal.reviews(repo, facts.change.number).await?;
        self.record(claim, place, |state| {
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
                }));
            }
            for vote in &facts.votes {
                let known = state.vote(vote.source);
                let ended = vote.kind == VoteKind::Ended;
                if vote.kind == VoteKind::Unrecognised || known.is_some_and(|known| known.ended.is_some() || !ended) {
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
                    delivery: delivery_of(&reviews, vote.source, ended)
                        .filter(|_| ended || vote.delivered_commit.is_some()),
                    commit,
                }));
            }
            Ok(entries)
        })
        .await
    }

    /// Writes the decision down before anything is merged; a decision already written for the same head, base tip and policy is used.
    pub(super) async fn record_decision(
        &self,
        claim: &Claim,
        place: &mut Place,
        (facts, decision, proof): (&Facts, &Decision, &QuorumMet),
        approved: &Delta,
    ) -> Result<Sequence, TurnError> {
        let MergeBase::One(merge_base) = &facts.history.merge_base else {
            return Err(TurnError::Ledger("a decision without a merge base".to_owned()));
        };
        let recorded = RecordedFacts::record(facts).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        let same = |entry: &DecisionEntry| {
            entry.pull == proof.change()
                && entry.head == *proof.head()
                && entry.base == *proof.base()
                && entry.base_tip == *proof.base_tip()
                && entry.policy_digest == proof.policy()
        };
        self.record(claim, place, |state| {
            if state.open_intents().iter().any(|(_, entry)| same(entry)) {
                return Ok(Vec::new());
            }
            Ok(vec![Entry::Decision(Box::new(DecisionEntry {
                pull: proof.change(),
                head: proof.head().clone(),
                base: proof.base().clone(),
                base_tip: proof.base_tip().clone(),
                merge_base: merge_base.clone(),
                delta_digest: proof.delta(),
                policy_digest: proof.policy(),
                verdict: RecordedVerdict::Satisfied,
                approved_by: approvals(decision),
                delta: approved.clone(),
                facts: recorded.clone(),
                intent: MergeMethod::MoveRef,
            }))])
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
        self.record(claim, place, |state| {
            let mut entries = Vec::new();
            if !state.merge_of_commit(commit).is_some_and(|(_, known)| known.decision == decision) {
                entries.push(Entry::Merge(merge.clone()));
            }
            if let Some(policy) = &policy
                && state.governing_policy().map(|known| known.digest) != Some(policy.digest)
            {
                entries.push(Entry::Policy(policy.clone()));
            }
            Ok(entries)
        })
        .await?;
        // the other open changes stand on another ground now
        self.journal.schedule(&Subject::Repository(place.repo.id), self.clock.now()).await?;
        Ok(())
    }

    /// Why a change would leave the default branch without a valid policy, if it does.
    pub(super) async fn policy_fault(
        &self,
        place: &Place,
        base: &RefName,
        delta: &Delta,
    ) -> Result<Option<String>, TurnError> {
        let changed = delta.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(changed) = changed.filter(|_| *base == place.default_branch) else { return Ok(None) };
        let Some(file) = &changed.new else { return Ok(Some("the policy file is removed".to_owned())) };
        Ok(self.policy_text(&place.repo, file).await?.err().map(|closed| closed.words))
    }

    /// The policy a delta of the default branch brings, if it changes the policy file.
    pub(super) async fn policy_after(&self, place: &Place, delta: &Delta) -> Result<Option<Policy>, TurnError> {
        let changed = delta.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(file) = changed.and_then(|entry| entry.new.as_ref()) else { return Ok(None) };
        let text = self.policy_text(&place.repo, file).await?;
        Ok(text.ok().and_then(|text| policy::parse(&text).ok()))
    }

    /// Entries that a new policy begins to govern and that stand on the base already: taken in with the change that brings it.
    pub(super) async fn widened(
        &self,
        place: &Place,
        proof: &QuorumMet,
        delta: &Delta,
    ) -> Result<Vec<DeltaEntry>, TurnError> {
        let after = if *proof.base() == place.default_branch { self.policy_after(place, delta).await? } else { None };
        let Some(after) = after else { return Ok(Vec::new()) };
        let branches = Branches { base: proof.base(), default: &place.default_branch };
        let result = compare::apply(&self.repo.entries(&place.repo, proof.base_tip()).await?, delta);
        let known = place.approved(proof.base());
        // what was governed once and may have changed since is known from then
        let before = compare::protected(&after, branches, known);
        let now = compare::protected(&after, branches, &result);
        let new = compare::differing(&before, &now).into_iter();
        let new = new.filter(|path| !compare::is_protected(&place.policy, branches, path));
        let side = |entries: &compare::Entries, path: &RepoPath| entries.get(path).cloned();
        Ok(new.map(|path| DeltaEntry { old: side(&before, &path), new: side(&now, &path), path }).collect())
    }

    /// The policy entry a merge makes necessary: when it changed the policy file of the default branch.
    async fn new_policy(
        &self,
        place: &Place,
        approved: &Delta,
        commit: &Oid,
    ) -> Result<Option<PolicyEntry>, TurnError> {
        let changed: Option<&DeltaEntry> =
            approved.entries().iter().find(|entry| entry.path == RepoPath::new(POLICY_PATH));
        let Some(file) = changed.and_then(|entry| entry.new.as_ref()) else { return Ok(None) };
        let text = match self.policy_text(&place.repo, file).await? {
            Ok(text) => text,
            Err(closed) => return Err(TurnError::Ledger(closed.words)),
        };
        let Ok(policy) = policy::parse(&text) else { return Err(TurnError::Ledger("the policy is broken".to_owned())) };
        Ok(Some(PolicyEntry {
            branch: place.default_branch.clone(),
            commit: commit.clone(),
            blob: file.oid.clone(),
            digest: policy.digest(),
            names: self.resolve(&place.repo, &policy).await?,
            text,
            previous_digest: place.state.governing_policy().map(|known| known.digest),
        }))
    }
}

/// Whether a ledger holds an entry that was seen, in the commit it was seen in.
fn holds(ledger: &Ledger, (sequence, commit): &(Sequence, Oid)) -> bool {
    ledger.entry(*sequence).map(|entry| &entry.commit) == Some(commit)
}

fn missing((sequence, commit): &(Sequence, Oid)) -> Closed {
    Closed {
        code: "ledger-missing",
        words: format!("the ledger no longer holds {}, which was seen at {}", sequence.label(), commit.short()),
        help: "restore the ledger reference from a copy that holds it; it is never begun anew by itself",
    }
}

/// Why a ledger that is there must not be used.
fn invalid(ledger: &Ledger) -> Option<Closed> {
    if ledger.is_valid() {
        return None;
    }
    let words = ledger.problems().first().map_or_else(String::new, |problem| problem.message.clone());
    Some(Closed {
        code: "ledger-invalid",
        words: format!("the ledger does not hold: {words}"),
        help: "restore the ledger reference from a copy; `countersign verify` names the entry",
    })
}

/// The place of a verified state; closed when the covered policy does not hold any more.
fn place(repo: &RepoRef, refs: BTreeMap<RefName, Oid>, book: Option<Arc<Book>>, state: LedgerState) -> Found {
    let closed = |words: &str| {
        Found::Closed(Closed {
            code: "policy-broken",
            words: words.to_owned(),
            help: "merge a policy that this version understands, or run the version that wrote it",
        })
    };
    let (Some(default_branch), Some(covered)) = (state.default_branch().cloned(), state.governing_policy().cloned())
    else {
        return closed("the ledger names no policy");
    };
    match policy::parse(&covered.text) {
        Ok(policy) => {
            let names = covered.names;
            Found::Managed(Place { repo: repo.clone(), default_branch, refs, policy, names, book, state })
        }
        Err(_) => closed("the covered policy cannot be read by this version"),
    }
}

fn approvals(decision: &Decision) -> Vec<Approval> {
    let groups = decision.scopes.iter().flat_map(|scope| &scope.policies).flat_map(|policy| &policy.groups);
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
fn delivery_of(reviews: &[Sighting], source: VoteSource, ended: bool) -> Option<countersign_core::domain::DeliveryId> {
    let VoteSource::Review(id) = source else { return None };
    reviews.iter().find_map(|sighting| match sighting {
        Sighting::Review { review, kind, delivery, .. } if *review == id && ended == (*kind == VoteKind::Ended) => {
            delivery.clone()
        }
        Sighting::Review { .. } | Sighting::Push { .. } | Sighting::Installed { .. } => None,
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
    }
}
