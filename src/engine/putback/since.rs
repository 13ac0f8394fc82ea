//! What lies between the last approved state of a branch and its tip: which commits, by whom, for how long.
//!
//! The approved state is what the ledger says, never the `before` of a webhook. What is not known stays unknown.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Account, Oid, RefName, Span, Timestamp};
use countersign_core::facts::compare::{self, Branches, Entries};
use countersign_core::facts::question::Movement;
use countersign_core::facts::{Known, Question};
use tracing::info;

use crate::engine::book::Place;
use crate::engine::ports::{CommitRead, Freshness, RepoError, Sighting};
use crate::engine::{Engine, TurnError, lock};

/// Most commits of the branch's own line whose trees are read.
const LINE: usize = 200;

/// Most commits of the ledger that are looked for below the tip.
const KNOWN: usize = 50;

/// What was pushed since the branch was as approved.
pub(in crate::engine) struct Since {
    /// The newest commit of the branch's own line whose protected entries are the approved ones; `None` after a rewritten history.
    pub from: Option<Oid>,
    /// The branch's own line above it, oldest first, each with its protected entries.
    pub line: Vec<(Oid, Entries)>,
    /// Every commit above it, through all parents, newest first.
    pub commits: Vec<CommitRead>,
}

/// Who pushed.
pub(in crate::engine) struct Pushed {
    /// The sender of the push that made the tip.
    pub sender: Known<Account>,
    /// The longest time the tip can have stood there; `None`: nobody knows.
    pub stood: Option<Span>,
    /// Everybody who moved the branch to one of the commits, the sender among them.
    pub accounts: Vec<Account>,
    /// Every commit the branch is known to have been moved to.
    pub moved_to: BTreeSet<Oid>,
}

impl Engine {
    /// What was pushed since the branch was as approved.
    pub(super) async fn since(&self, place: &Place, branch: &RefName, tip: &Oid) -> Result<Since, TurnError> {
        let (floor, commits) = self.above_the_ledger(place, branch, tip).await?;
        let branches = Branches { base: branch, default: &place.default_branch };
        let approved = compare::protected(&place.policy, branches, place.approved(branch));
        let parents: BTreeMap<&Oid, Option<&Oid>> =
            commits.iter().map(|commit| (&commit.oid, commit.parents.first())).collect();
        let (mut line, mut from, mut next) = (Vec::new(), None, Some(tip));
        while let Some(commit) = next.filter(|_| line.len() < LINE) {
            let inside = parents.contains_key(commit);
            if !inside && floor.as_ref() != Some(commit) {
                break;
            }
            let entries = self.repo.entries(&place.repo, commit).await?;
            let entries = compare::protected(&place.policy, branches, &entries);
            if entries == approved {
                from = Some(commit.clone());
                break;
            }
            line.push((commit.clone(), entries));
            next = parents.get(commit).copied().flatten();
        }
        line.reverse();
        let commits = match &from {
            Some(from) if Some(from) != floor.as_ref() => self.repo.commits(&place.repo, from, tip).await?,
            Some(_) | None => commits,
        };
        Ok(Since { from, line, commits })
    }

    /// The newest commit below the tip at which the ledger says the branch stood as approved then, and all commits above it. After a
    /// rewritten history there may be none: then what the newest such commit does not hold, or else the tip alone.
    async fn above_the_ledger(
        &self,
        place: &Place,
        branch: &RefName,
        tip: &Oid,
    ) -> Result<(Option<Oid>, Vec<CommitRead>), TurnError> {
        let mut readable = None;
        for commit in place.state().approved_commits(branch).into_iter().take(KNOWN) {
            match self.repo.reaches(&place.repo, tip, commit).await {
                Ok(true) => {
                    return Ok((Some(commit.clone()), self.repo.commits(&place.repo, commit, tip).await?));
                }
                Ok(false) => {
                    readable.get_or_insert_with(|| commit.clone());
                }
                Err(RepoError::Missing(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        let base = match readable {
            Some(commit) => commit,
            None => {
                Oid::parse(&"0".repeat(tip.as_str().len())).map_err(|fault| TurnError::Ledger(fault.to_string()))?
            }
        };
        let mut commits = self.repo.commits(&place.repo, &base, tip).await?;
        if base.is_null() {
            commits.retain(|commit| commit.oid == *tip);
        }
        Ok((None, commits))
    }

    /// Who moved the branch to what it is now; GitHub's activity is asked where no delivery told.
    pub(super) async fn pushed_by(
        &self,
        place: &Place,
        branch: &RefName,
        tip: &Oid,
        since: &Since,
    ) -> Result<Pushed, TurnError> {
        let repo = &place.repo;
        let mut moves = self.journal.movements(repo.id, branch).await?;
        if !moves.iter().any(|movement| movement.after == *tip && movement.actor.is_some()) {
            match self.forge.answer(repo, &Question::Movements(branch.clone()), Freshness::Now).await {
                Ok(answer) => self.learn(place, branch, &mut moves, answer.movements()?).await?,
                Err(fault) => info!(%fault, "the activity record cannot be read; the pusher stays unknown"),
            }
        }
        moves.sort_by_key(|movement| std::cmp::Reverse(movement.at));
        let newest = moves.iter().find(|movement| movement.after == *tip);
        let sender = newest.and_then(|movement| movement.actor.clone());
        let inside: BTreeSet<&Oid> = since.commits.iter().map(|commit| &commit.oid).chain([tip]).collect();
        let within = moves.iter().filter(|movement| inside.contains(&movement.after));
        let mut accounts: Vec<Account> = within.filter_map(|movement| movement.actor.clone()).collect();
        accounts.sort();
        accounts.dedup_by_key(|account| account.id);
        Ok(Pushed {
            sender: sender
                .map_or_else(|| Known::Unknown("no delivery or activity record says who pushed it".into()), Known::Is),
            stood: self.stood(place, branch, newest.map(|movement| movement.at)),
            accounts,
            moved_to: moves.iter().map(|movement| movement.after.clone()).collect(),
        })
    }

    async fn learn(
        &self,
        place: &Place,
        branch: &RefName,
        moves: &mut Vec<Movement>,
        found: Vec<Movement>,
    ) -> Result<(), TurnError> {
        for movement in found {
            if !moves.iter().any(|known| known.before == movement.before && known.after == movement.after) {
                let reference = branch.clone();
                let sighting = Sighting::Push { repo: place.repo.id, reference, movement: movement.clone() };
                self.journal.sight(&sighting).await?;
                moves.push(movement);
            }
        }
        Ok(())
    }

    /// The longest time the tip can have stood there: since it was pushed, and no longer than since we last saw something else.
    fn stood(&self, place: &Place, branch: &RefName, pushed: Option<Timestamp>) -> Option<Span> {
        let now = self.clock.now();
        let looked = lock(&self.memory.watched).get(&(place.repo.id, branch.clone())).map(|watched| watched.at);
        [pushed, looked].into_iter().flatten().map(|since| now.since(since)).min()
    }
}
