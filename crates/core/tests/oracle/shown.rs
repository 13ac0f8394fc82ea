//! What the engine is given of a world: facts as gathering makes them from reads, deliveries and the ledger.
//!
//! Order and number of what was told are shuffled here; the verdict must not depend on them. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{
    Account, AccountKind, CommentId, Delta, DeltaEntry, Digest, EntryMode, Login, Oid, Permission, PrNumber, RefName,
    RepoId, RepoName, RepoPath, ResolvedNames, ReviewId, TeamId, Timestamp, TreeEntry, UserId,
};
use countersign_core::facts::{
    Asked, AskedFor, Authority, ChangeFacts, Contributor, ContributorRole, DocumentFacts, Facts, FileState, History,
    KeyChange, KeyChangeKind, Known, MergeBase, People, Pusher, Readers, VoteFacts, VoteKind, VoteSource,
};
use countersign_core::policy::Policy;

use super::chance::Chance;
use super::world::{
    Binding, CONTENTS, NAMES, Person, RENAMED, ROBOT, Review, Told, Waiver, Word, World, at, environment,
};

const TEAM: TeamId = TeamId::new(7);
const REPOSITORY: RepoId = RepoId::new(1);

pub(crate) fn account(world: &World, person: Person) -> Account {
    let kind = if person == ROBOT { AccountKind::Bot } else { AccountKind::User };
    let login = if person == RENAMED && world.taken { "robert" } else { NAMES[person] };
    Account { id: id(person), login: Login::parse(login).expect("a login"), kind }
}

fn id(person: Person) -> UserId {
    UserId::new(person as u64 + 1)
}

fn oid(number: usize) -> Oid {
    Oid::parse(&format!("{:040x}", number + 1)).expect("an object id")
}

fn base(world: &World) -> RefName {
    RefName::branch(["main", "next"][world.base]).expect("a branch")
}

fn branch(number: usize) -> RefName {
    RefName::branch(["main", "next"][number]).expect("a branch")
}

fn delta(world: &World, commit: usize) -> Delta {
    let commit = &world.commits[commit];
    let file = |number| Some(TreeEntry { mode: EntryMode::File, oid: oid(number) });
    Delta::new(CONTENTS[commit.content].iter().map(|path| DeltaEntry {
        path: RepoPath::new(path),
        old: file(1_000 + commit.beside),
        new: file(2_000 + commit.version + 100 * commit.beside),
    }))
}

/// The facts of a world; `policy` is its rules, read.
pub(crate) fn facts(world: &World, policy: &Policy, chance: &mut Chance) -> Facts {
    let main = branch(0);
    let head = world.head();
    let since = world.moves.iter().filter(|made| made.to == head && made.told == Told::Yes).map(|made| made.at).max();
    let delta = delta(world, head);
    let secrets =
        delta.entries().iter().map(|entry| &entry.path).filter(|path| path.as_bytes().starts_with(b"secrets/"));
    let documents = secrets.map(|path| (path.clone(), sealed())).collect();
    let observed = |path: &&str| environment(path).is_some_and(|name| world.rules.observed[at(name)]);
    let moved = world.paths().iter().filter(|path| world.base_moved && !observed(path));
    let moved: Vec<RepoPath> = moved.map(|path| RepoPath::new(path)).collect();
    // anywhere on the base
    let uncovered = if world.base_uncovered { vec![RepoPath::new(".sops.yaml")] } else { Vec::new() };
    let everybody = || 0..NAMES.len();
    let mut votes: Vec<VoteFacts> =
        world.reviews.iter().enumerate().filter_map(|(at, review)| vote(world, at, review)).collect();
    chance.shuffle(&mut votes);
    let commits: BTreeSet<usize> = world.reviews.iter().map(|review| review.shown).collect();
    // gathered only where an environment binds votes to it
    let by_change = world.rules.binding.contains(&Binding::Change);
    let looked_at = commits.iter().copied().chain([head]).filter(|_| by_change);
    let changes = looked_at.map(|commit| (oid(commit), change(world, commit))).collect();
    Facts {
        at: Timestamp::from_seconds(world.now),
        repository: REPOSITORY,
        repository_name: RepoName::parse("acme/app").expect("a name"),
        default_branch: main,
        policy_digest: policy.digest(),
        names: ResolvedNames {
            users: policy.all_users().into_iter().map(|login| (login.clone(), named(&login))).collect(),
            teams: policy.all_teams().into_iter().map(|slug| (slug, TEAM)).collect(),
        },
        names_now: if world.taken {
            [(Login::parse(NAMES[RENAMED]).expect("a login"), Known::Is(Some(UserId::new(99))))].into()
        } else {
            BTreeMap::new()
        },
        change: ChangeFacts {
            number: PrNumber::new(42),
            url: String::new(),
            open: world.open,
            draft: world.draft,
            from_fork: false,
            unvouched: false,
            head: oid(head),
            head_ref: Some(RefName::branch("rita/db").expect("a branch")),
            head_since: since.map(Timestamp::from_seconds),
            base: base(world),
            base_tip: oid(900),
            updated: None,
            landed: None,
        },
        history: History {
            merge_base: MergeBase::One(oid(900)),
            base_moved: moved,
            base_uncovered: uncovered,
            delta,
            clashes: Vec::new(),
            plain_commits: Vec::new(),
            policy_fault: None,
            apart: std::collections::BTreeMap::new(),
        },
        documents,
        people: people(world, chance),
        votes,
        asked: world.waivers.iter().enumerate().map(|(at, waiver)| asked(world, at, waiver)).collect(),
        delta_at: commits.into_iter().map(|commit| (oid(commit), digest(world, commit))).collect(),
        authority: everybody().map(|person| (id(person), authority(world, person))).collect(),
        rosters: [(
            TEAM,
            if world.team_readable {
                Known::Is(world.team.iter().map(|person| account(world, *person)).collect())
            } else {
                Known::Unknown("the forge does not say".to_owned())
            },
        )]
        .into(),
        held: None,
        change_at: changes,
        forge_time: None,
        merge_asked: None,
        bypasses: Vec::new(),
        debts: Vec::new(),
        ratifying: None,
        ourselves: None,
    }
}

fn named(login: &Login) -> UserId {
    id(NAMES.iter().position(|name| login.as_str() == *name).expect("a known name"))
}

fn digest(world: &World, commit: usize) -> Option<Digest> {
    if world.commits[commit].readable { delta(world, commit).digest(REPOSITORY, &base(world)) } else { None }
}

/// What the change comes to, whatever stands beside it.
fn change(world: &World, commit: usize) -> Option<Digest> {
    let made = &world.commits[commit];
    let text = format!("{} {} {}", made.content, made.version, base(world));
    made.readable.then(|| Digest::of(text.as_bytes()))
}

fn sealed() -> DocumentFacts {
    DocumentFacts {
        old: FileState::Sealed,
        new: FileState::Sealed,
        keys: vec![KeyChange { key: "db_password".to_owned(), change: KeyChangeKind::Changed }].into(),
        exposed: Vec::new(),
        old_recipients: Readers::default(),
        new_recipients: Readers::default(),
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: std::collections::BTreeSet::new(),
        revoked: std::collections::BTreeSet::new(),
    }
}

fn vote(world: &World, at: usize, review: &Review) -> Option<VoteFacts> {
    let word = match review.word {
        Word::Approve => VoteKind::Approve,
        Word::Reject => VoteKind::Reject,
        Word::Strange => VoteKind::Unrecognised,
        Word::Withdraw => VoteKind::Withdraw,
        Word::Comment => return None,
    };
    let told = review.told == Told::Yes;
    let bases = [told.then_some(review.base), review.looked, Some(world.base)];
    let first_base = bases.into_iter().flatten().find(|base| *base != world.base).unwrap_or(world.base);
    let ended = review.dismissed.as_ref();
    if review.comment {
        return by_comment(world, at, review, word);
    }
    Some(VoteFacts {
        source: VoteSource::Review(ReviewId::new(at as u64 + 1)),
        account: review.by.map(|person| account(world, person)),
        kind: if ended.is_some() { VoteKind::Ended } else { word },
        first_kind: (told || review.looked.is_some()).then_some(word),
        commit: Some(oid(review.shown)),
        delivered_commit: told.then(|| oid(review.commit)),
        first_base: branch(first_base),
        at: Timestamp::from_seconds(review.at),
        ended_by: ended.filter(|ended| ended.told == Told::Yes).map(|ended| account(world, ended.by)),
        stood: review.stood,
    })
}

/// A vote by comment as gathering makes it: what was taken away before it was heard is not there at all.
fn by_comment(world: &World, at: usize, review: &Review, word: VoteKind) -> Option<VoteFacts> {
    let told = review.told == Told::Yes;
    let (kind, ended_by) = match &review.dismissed {
        None => (word, None),
        Some(_) if !review.is_heard() => return None,
        Some(taken) if word == VoteKind::Reject => match taken.told == Told::Yes && Some(taken.by) == review.by {
            true => (VoteKind::Ended, review.by),
            false => (VoteKind::Reject, None),
        },
        Some(_) => (VoteKind::Ended, None),
    };
    Some(VoteFacts {
        source: VoteSource::Comment(CommentId::new(at as u64 + 1)),
        account: review.by.map(|person| account(world, person)),
        kind,
        first_kind: Some(word),
        commit: Some(oid(review.commit)),
        delivered_commit: told.then(|| oid(review.commit)),
        first_base: branch(review.base),
        at: Timestamp::from_seconds(review.at),
        ended_by: ended_by.map(|person| account(world, person)),
        stood: review.stood,
    })
}

fn asked(world: &World, at: usize, waiver: &Waiver) -> Asked {
    Asked {
        comment: CommentId::new(10_000 + at as u64),
        by: account(world, waiver.by),
        what: AskedFor::Waive(account(world, waiver.of).login),
        at: Timestamp::from_seconds(waiver.at),
    }
}

fn people(world: &World, chance: &mut Chance) -> People {
    let inside = |commit: &usize| world.range.contains(commit);
    let told: Vec<_> =
        world.moves.iter().enumerate().filter(|(_, made)| made.told == Told::Yes && inside(&made.to)).collect();
    let mut pushers: Vec<Pusher> = told
        .iter()
        .map(|(_, made)| Pusher { commit: oid(made.to), account: Known::Is(account(world, made.by)) })
        .collect();
    // the head, and what a known move started from, must have been put there by somebody
    let started = told.iter().filter_map(|(at, _)| at.checked_sub(1)).map(|before| world.moves[before].to);
    let heads: BTreeSet<usize> = started.filter(|commit| inside(commit)).chain([world.head()]).collect();
    let unexplained = heads.into_iter().filter(|head| !told.iter().any(|(_, made)| made.to == *head));
    pushers.extend(
        unexplained.map(|head| Pusher { commit: oid(head), account: Known::Unknown("no delivery says so".to_owned()) }),
    );
    pushers.extend(pushers.clone().into_iter().take(chance.below(3)));
    chance.shuffle(&mut pushers);
    let contributors = world.range.iter().flat_map(|number| {
        let commit = &world.commits[*number];
        let by = |role, account| Contributor { commit: oid(*number), role, account };
        let author = by(ContributorRole::Author, commit.author.map(|person| account(world, person)));
        let co_author = commit.co_author.map(|person| by(ContributorRole::CoAuthor, Some(account(world, person))));
        [Some(author), co_author].into_iter().flatten()
    });
    let requester = match world.requester {
        Some(person) => Known::Is(account(world, person)),
        None => Known::Unknown("the account is gone".to_owned()),
    };
    let mut contributors: Vec<_> = contributors.collect();
    chance.shuffle(&mut contributors);
    People { requester, pushers, contributors }
}

fn authority(world: &World, person: Person) -> Authority {
    let permission = match (world.unsure.contains(&person), world.writers.contains(&person)) {
        (true, _) => Known::Unknown("the forge does not say".to_owned()),
        (false, true) => Known::Is(Permission::Write),
        (false, false) => Known::Is(Permission::Read),
    };
    let member = match world.team_readable {
        true => Known::Is(world.team.contains(&person)),
        false => Known::Unknown("the forge does not say".to_owned()),
    };
    Authority { permission, teams: [(TEAM, member)].into() }
}
