//! Who asked for a change, who pushed it, who wrote it: gathered from deliveries, the activity record and commits.
//!
//! Excludes nobody; that is the decision's work.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Account, Oid, Timestamp};
use countersign_core::facts::question::{ChangeRead, CommitPeopleRead, Movement};
use countersign_core::facts::{
    ChangeFacts, Contributor, ContributorRole, Known, MergeBase, People, Pusher, Question, compare, trailers,
};

use countersign_core::ledger::PutBackEntry;

use super::book::Place;
use super::ports::{CommitRead, Freshness, RepoRef, Sighting};
use super::{Engine, TurnError};

/// The people of a change, and since when its head is the head.
pub(super) struct Made {
    pub people: People,
    pub head_since: Option<Timestamp>,
}

impl Engine {
    /// Gathers the people of a change.
    pub(super) async fn people(
        &self,
        place: &Place,
        change: &ChangeFacts,
        read: &ChangeRead,
    ) -> Result<Made, TurnError> {
        let (repo, author, commits) = (&place.repo, read.author.as_ref(), read.commits.as_slice());
        let written = self.repo.commits(repo, &change.base_tip, &change.head).await?;
        let inside: BTreeSet<&Oid> = written.iter().map(|commit| &commit.oid).collect();
        let moves = self.moves(repo, change, &inside).await?;
        let head_since = moves.iter().find(|movement| movement.after == change.head).map(|movement| movement.at);
        let ours = author.is_some_and(|author| Some(author.id) == self.ourselves.get().map(|us| us.id));
        let held: Vec<&PutBackEntry> = match &change.head_ref {
            Some(branch) => place.state().held_at(branch).map(|(_, entry)| entry).collect(),
            None => Vec::new(),
        };
        let requester = match (author, ours) {
            // we opened it and we pushed its head: the requester is who pushed past everybody (`changes.md` 2)
            (Some(_), true) if !held.is_empty() => held[0].sender.clone(),
            (Some(author), false) => Known::Is(author.clone()),
            (None, _) => Known::Unknown("the account that opened it is gone".to_owned()),
            // as first seen: whoever rewrites the branch later does not take their place
            (Some(_), true) => known(
                place.state().requester(change.number).or(moves.last().and_then(|first| first.actor.as_ref())).cloned(),
                "no delivery says who pushed the branch",
            ),
        };
        let mut unexplained = unexplained(change, &moves, &inside);
        // what the ledger says we hold here was put here by us, also where a crash kept us from noting the push
        unexplained.retain(|commit| !held.iter().any(|entry| entry.kept.as_ref() == Some(commit)));
        let mut pushers = Vec::new();
        for pushed in pushes(place, change, &inside, moves) {
            if !self.only_updates(repo, change, &pushed, &written).await? {
                pushers.push(Pusher { commit: pushed.after, account: pushed.by });
            }
        }
        let nobody = Known::Unknown("no delivery or activity record says who pushed it".to_owned());
        pushers.extend(unexplained.into_iter().map(|commit| Pusher { commit, account: nobody.clone() }));
        let mut contributors = self.contributors(repo, change, &written, commits).await?;
        contributors.extend(held.iter().flat_map(|entry| excluded(entry, &change.head)));
        Ok(Made { head_since, people: People { requester, pushers, contributors } })
    }

    /// Moves of the head branch to commits of the change, newest first; asked for where deliveries leave a gap.
    async fn moves(
        &self,
        repo: &RepoRef,
        change: &ChangeFacts,
        inside: &BTreeSet<&Oid>,
    ) -> Result<Vec<Movement>, TurnError> {
        let branch = &change.head_ref.clone().unwrap_or_else(|| super::gather::pull_ref(change.number));
        let mut moves = self.journal.movements(repo.id, branch).await?;
        if change.head_ref.is_some() && !unexplained(change, &moves, inside).is_empty() {
            match self.forge.answer(repo, &Question::Movements(branch.clone()), Freshness::Now).await {
                Ok(answer) => {
                    for movement in answer.movements()? {
                        if !moves.iter().any(|known| known.before == movement.before && known.after == movement.after) {
                            let sighting =
                                Sighting::Push { repo: repo.id, reference: branch.clone(), movement: movement.clone() };
                            self.journal.sight(&sighting).await?;
                            moves.push(movement);
                        }
                    }
                }
                Err(fault) => tracing::info!(%fault, "the activity record cannot be read; the pusher stays unknown"),
            }
        }
        // what we noted of our own push, and the delivery that tells of it, are one move
        let mut told = BTreeSet::new();
        let mut is_new = |movement: &Movement| {
            let by = movement.actor.as_ref().map(|actor| actor.id);
            told.insert((movement.before.clone(), movement.after.clone(), by))
        };
        moves.retain(|movement| inside.contains(&movement.after) && is_new(movement));
        Ok(newest_first(moves, &change.head))
    }

    /// Whether a push added nothing but a trivial merge of the base to what stood there (R35).
    async fn only_updates(
        &self,
        repo: &RepoRef,
        change: &ChangeFacts,
        pushed: &Pushed,
        written: &[CommitRead],
    ) -> Result<bool, TurnError> {
        let inside = |oid: &Oid| written.iter().any(|commit| commit.oid == *oid);
        match written.iter().find(|commit| commit.oid == pushed.after) {
            Some(commit) if commit.parents.contains(&pushed.before) && inside(&pushed.before) => {
                self.is_trivial(repo, change, commit).await
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Everybody the commits of the change name, through all parents (R33), trivial merges of the base left out (R35).
    async fn contributors(
        &self,
        repo: &RepoRef,
        change: &ChangeFacts,
        written: &[CommitRead],
        read: &[CommitPeopleRead],
    ) -> Result<Vec<Contributor>, TurnError> {
        let read: BTreeMap<&Oid, &CommitPeopleRead> = read.iter().map(|commit| (&commit.commit, commit)).collect();
        let mut contributors = Vec::new();
        for commit in written {
            if self.is_trivial(repo, change, commit).await? {
                continue;
            }
            let people = read.get(&commit.oid).copied();
            let authors = people.map(|people| people.authors.as_slice()).unwrap_or_default();
            let mut add = |role, account| {
                contributors.push(Contributor { commit: commit.oid.clone(), role, account });
            };
            // GitHub's own address is nobody's: who wrote it stays open
            let author = &commit.author_email;
            add(ContributorRole::Author, account(authors, author).filter(|_| !trailers::is_web_flow(author)));
            if !trailers::is_web_flow(&commit.committer_email) && commit.committer_email != commit.author_email {
                let committer = people.and_then(|people| people.committer.as_ref());
                let named = committer.filter(|(email, _)| *email == commit.committer_email);
                add(
                    ContributorRole::Committer,
                    named
                        .and_then(|(_, account)| account.clone())
                        .or_else(|| account(authors, &commit.committer_email)),
                );
            }
            for email in trailers::co_authors(&commit.message) {
                add(ContributorRole::CoAuthor, account(authors, &email));
            }
        }
        contributors.dedup();
        Ok(contributors)
    }

    /// Whether a commit only merges the base into the branch, path by path as the changed side has it.
    async fn is_trivial(&self, repo: &RepoRef, change: &ChangeFacts, commit: &CommitRead) -> Result<bool, TurnError> {
        let [first, second] = commit.parents.as_slice() else { return Ok(false) };
        let from_base = self.repo.reaches(repo, &change.base_tip, second).await?
            || self.repo.reaches(repo, &change.base_tip, first).await?;
        if !from_base {
            return Ok(false);
        }
        let MergeBase::One(origin) = self.repo.merge_base(repo, first, second).await? else { return Ok(false) };
        let (one, other) =
            (self.repo.delta(repo, &origin, first).await?, self.repo.delta(repo, &origin, second).await?);
        let merged = self.repo.delta(repo, &origin, &commit.oid).await?;
        Ok(compare::is_trivial_merge(&one, &other, &merged))
    }
}

/// Everybody a direct push excludes: who sent it, and whom the ledger names besides. An unknown sender is one seat more.
fn excluded(entry: &PutBackEntry, head: &Oid) -> Vec<Contributor> {
    let named = entry.excluded.iter().map(Some);
    let sender = entry.sender.answer();
    let unknown = sender.is_none().then_some(None);
    let all = named.chain(sender.map(Some)).chain(unknown);
    let contributor = |account: Option<&Account>| Contributor {
        commit: entry.kept.clone().unwrap_or_else(|| head.clone()),
        role: ContributorRole::CoAuthor,
        account: account.cloned(),
    };
    all.map(contributor).collect()
}

/// One move of the head, by whomever.
struct Pushed {
    before: Oid,
    after: Oid,
    by: Known<Account>,
}

/// Moves as deliveries and activity tell them, and those only the ledger still knows.
fn pushes(place: &Place, change: &ChangeFacts, inside: &BTreeSet<&Oid>, moves: Vec<Movement>) -> Vec<Pushed> {
    let mut pushes: Vec<Pushed> = moves
        .into_iter()
        .map(|movement| Pushed {
            by: known(movement.actor, "the push had no sender"),
            before: movement.before,
            after: movement.after,
        })
        .collect();
    let recorded = change
        .head_ref
        .iter()
        .flat_map(|branch| inside.iter().flat_map(move |commit| place.state().pushes(branch, commit)));
    for push in recorded {
        let told = |known: &Pushed| known.after == push.after && known.by.answer() == push.sender.answer();
        if push.sender.answer().is_some() && !pushes.iter().any(told) {
            pushes.push(Pushed { before: push.before.clone(), after: push.after.clone(), by: push.sender.clone() });
        }
    }
    pushes
}

/// Moves in their order: each ends where the one after it began. Times are of two sources and whole seconds, they only say where
/// a move that nothing links to belongs.
fn newest_first(mut moves: Vec<Movement>, head: &Oid) -> Vec<Movement> {
    moves.sort_by_key(|movement| std::cmp::Reverse(movement.at));
    let mut ordered = Vec::with_capacity(moves.len());
    let mut end = head.clone();
    while let Some(index) = moves.iter().position(|movement| movement.after == end) {
        let movement = moves.remove(index);
        end = movement.before.clone();
        ordered.push(movement);
    }
    ordered.append(&mut moves);
    ordered
}

/// Commits of the change that were the head at some time, and nobody is known to have made them that: the present head, and what
/// a known move started from.
fn unexplained(change: &ChangeFacts, moves: &[Movement], inside: &BTreeSet<&Oid>) -> BTreeSet<Oid> {
    let within = |movement: &&Movement| inside.contains(&movement.after);
    let started = moves.iter().filter(within).map(|movement| &movement.before).filter(|oid| inside.contains(oid));
    let heads = started.chain([&change.head]);
    heads.filter(|head| !moves.iter().any(|movement| movement.after == **head)).cloned().collect()
}

fn known(account: Option<Account>, otherwise: &str) -> Known<Account> {
    account.map_or_else(|| Known::Unknown(otherwise.to_owned()), Known::Is)
}

/// The account of an address: as GitHub maps it, else as a no-reply address names it.
fn account(read: &[(String, Option<Account>)], email: &str) -> Option<Account> {
    let mapped = read.iter().find(|(known, _)| known == email).and_then(|(_, account)| account.clone());
    mapped.or_else(|| trailers::account_of(email))
}
