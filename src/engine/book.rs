//! The repository as a turn sees it: references read now, the verified ledger, the covered policy.
//!
//! Verifies before it believes; a ledger that is missing, shorter or broken closes the repository, it never starts a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::domain::{
    Digest, Oid, RefName, RepoPath, ResolvedNames, ReviewId, Sequence, TargetId, Timestamp, TreeEntry,
};
use countersign_core::facts::{VoteKind, VoteSource};
use countersign_core::ledger::{self, Entry, Ledger, LedgerState, PolicyEntry, Replayed, Verified};
use countersign_core::policy::{self, Policy, Target};
use tracing::{error, warn};

use super::crash::{Point, here};
use super::ports::{Claim, RepoError, RepoRef};
use super::{Engine, TurnError, lock};

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
    pub(super) state: LedgerState,
}

/// What a repository is to us.
#[expect(clippy::large_enum_variant, reason = "one per turn, taken apart at once")]
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
    pub stood: bool,
}

impl Place {
    /// Whether a branch is governed: some environment names it, or it is the default branch.
    pub(super) fn governs(&self, branch: &RefName) -> bool {
        self.policy.governs(branch, &self.default_branch)
    }

    /// The target that a branch is, if it is one.
    pub(super) fn target_at(&self, branch: &RefName) -> Option<TargetId> {
        let mut targets = self.policy.syncs();
        targets
            .find(|(_, rule)| matches!(rule.target(), Target::Branch { reference } if reference == branch))
            .map(|(id, _)| id)
    }

    /// The governed branches.
    pub(super) fn bases(&self) -> Vec<RefName> {
        let named = self.policy.environments().iter().map(|rule| rule.branch_or(&self.default_branch).clone());
        let mut bases: Vec<RefName> = named.chain([self.default_branch.clone()]).collect();
        bases.sort();
        bases.dedup();
        bases
    }

    /// The place as it stood when a branch was at a commit, and a pull request at a head.
    pub(super) fn as_of(
        &self,
        branch: &RefName,
        tip: &Oid,
        (head_ref, pull_ref, head): (Option<&RefName>, &RefName, &Oid),
    ) -> Self {
        let mut refs = self.refs.clone();
        refs.insert(branch.clone(), tip.clone());
        refs.insert(pull_ref.clone(), head.clone());
        if let Some(head_ref) = head_ref.filter(|head_ref| *head_ref != branch) {
            refs.remove(head_ref);
        }
        Self {
            repo: self.repo.clone(),
            default_branch: self.default_branch.clone(),
            refs,
            policy: self.policy.clone(),
            names: self.names.clone(),
            book: self.book.clone(),
            state: self.state.clone(),
        }
    }

    /// The same place under another policy: one that was in force when something was decided.
    pub(super) fn under(&self, policy: Policy, names: ResolvedNames) -> Self {
        Self {
            repo: self.repo.clone(),
            default_branch: self.default_branch.clone(),
            refs: self.refs.clone(),
            policy,
            names,
            book: self.book.clone(),
            state: self.state.clone(),
        }
    }

    /// What was last approved on a branch.
    pub(super) fn approved(&self, branch: &RefName) -> &BTreeMap<RepoPath, TreeEntry> {
        self.state.approved(branch)
    }

    /// The newest ledger entry.
    pub(super) fn sequence(&self) -> Sequence {
        self.state.head().map_or(Sequence::new(0), |head| head.sequence)
    }

    /// The entries of the ledger as verified when the turn began, oldest first.
    pub(super) fn entries(&self) -> &[Verified] {
        self.book.as_ref().map(|book| book.ledger.entries()).unwrap_or_default()
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
                | Entry::Merge(_)
                | Entry::PutBack(_)
                | Entry::Bypass(_)
                | Entry::Ratification(_)
                | Entry::Revocation(_)
                | Entry::Sync(_) => None,
            })
        })
    }

    /// The policy that was in force at a time, if another one is now; with its ledger entry. What happened in the second of an entry
    /// happened before it.
    pub(super) fn policy_then(&self, at: Timestamp) -> Option<(Sequence, &PolicyEntry)> {
        let entries = self.book.as_ref()?.ledger.entries();
        let mut then: Option<(Sequence, &PolicyEntry)> = None;
        for entry in entries.iter().filter(|entry| !entry.void) {
            if let Entry::Policy(policy) = &entry.entry
                && policy.branch == self.default_branch
                // before the first policy, or in its second, the first one held
                && (entry.at < at || then.is_none())
            {
                then = Some((entry.sequence, policy));
            }
        }
        then.filter(|(_, policy)| policy.digest != self.policy.digest())
    }

    /// Recent merges decided again under another policy.
    pub(super) fn replayed(&self, policy: &Policy, newest: usize) -> Vec<Replayed> {
        self.book.as_ref().map(|book| book.ledger.replayed(policy, newest)).unwrap_or_default()
    }

    /// What the ledger says of a review at first sight.
    pub(super) fn vote_seen(&self, review: ReviewId) -> Option<FirstSight> {
        let vote = self.state.vote(VoteSource::Review(review))?;
        // a vote first seen by reading proves nothing about the commit it was given for
        let delivered = vote.first.delivery.is_some();
        let commit = delivered.then(|| vote.first.commit.clone());
        Some(FirstSight { kind: vote.first.kind, commit, base: vote.first.base.clone(), stood: vote.first.stood })
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
                Some(book) => {
                    let found = self.place_of(repo, refs, book).await?;
                    self.tell_of_tampering(&found, seen.0, "none").await;
                    Ok(found)
                }
                None => Ok(Found::Closed(missing(&seen))),
            };
        };
        let mut book = self.book(repo, &tip).await?;
        let mut restored_from = None;
        if seen.as_ref().is_some_and(|seen| !holds(&book.ledger, seen)) {
            let Some(seen) = seen else { return Ok(Found::Unmanaged) };
            match self.restore(claim, repo, &seen, Some(&tip)).await? {
                Some(restored) => (book, restored_from) = (restored, Some(seen.0)),
                None => return Ok(Found::Closed(missing(&seen))),
            }
            refs.insert(self.settings.ledger_ref.clone(), book.tip.clone());
        }
        match invalid(&book.ledger) {
            Some(closed) => Ok(Found::Closed(closed)),
            None => {
                let found = self.place_of(repo, refs, book).await?;
                if let Some(seen) = restored_from {
                    self.tell_of_tampering(&found, seen, tip.short()).await;
                }
                Ok(found)
            }
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
        here(Point::LedgerMissed);
        self.repo.push(repo, &self.settings.ledger_ref, held, commit).await?;
        here(Point::LedgerRestored);
        Ok(Some(book))
    }

    /// The verified ledger at a tip; verified once per tip.
    pub(super) async fn book(&self, repo: &RepoRef, tip: &Oid) -> Result<Arc<Book>, TurnError> {
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
}

/// Whether a ledger holds an entry that was seen, in the commit it was seen in.
pub(super) fn holds(ledger: &Ledger, (sequence, commit): &(Sequence, Oid)) -> bool {
    ledger.entry(*sequence).map(|entry| &entry.commit) == Some(commit)
}

pub(super) fn missing((sequence, commit): &(Sequence, Oid)) -> Closed {
    Closed {
        code: "ledger-missing",
        words: format!("the ledger no longer holds {}, which was seen at {}", sequence.label(), commit.short()),
        help: "restore the ledger reference from a copy that holds it; it is never begun anew by itself",
    }
}

/// Why a ledger that is there must not be used.
pub(super) fn invalid(ledger: &Ledger) -> Option<Closed> {
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
pub(super) fn place(
    repo: &RepoRef,
    refs: BTreeMap<RefName, Oid>,
    book: Option<Arc<Book>>,
    state: LedgerState,
) -> Found {
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
