//! A change in any state one wants, for tests of what people read: one of one file by rita, which ann, bob and cy may approve.
//!
//! Compiled for tests alone. Nothing here decides; facts are put together by hand.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::decision::{Decision, decide};
use countersign_core::domain::{
    Account, AccountKind, CommentId, Delta, DeltaEntry, EntryMode, Login, Oid, Permission, PrNumber, RefName, RepoId,
    RepoName, RepoPath, ResolvedNames, ReviewId, TeamId, Timestamp, TreeEntry, UserId,
};
use countersign_core::effect::{Outcome, Wanted, wanted};
use countersign_core::facts::{
    Asked, AskedFor, Authority, ChangeFacts, Contributor, ContributorRole, DocumentFacts, Facts, FileState, History,
    KeyChange, KeyChangeKind, Known, MergeBase, People, Pusher, VoteFacts, VoteKind, VoteSource,
};
use countersign_core::policy::{Policy, parse};

pub(crate) const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
  trial: {paths: [secrets/trial/], mode: observe}
  bare: {paths: [secrets/bare/]}
policies:
  - name: production
    environments: [production]
    approvers: {users: [ann, bob], teams: [acme/security]}
    required_approvals: 2
  - name: staging
    environments: [staging]
    approvers: {users: [ann, rita]}
  - name: trial
    environments: [trial]
    approvers: {users: [ann]}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
";

pub(crate) const PATH: &str = "secrets/production/db.yaml";

const PEOPLE: [(&str, u64); 7] =
    [("ann", 1), ("bob", 2), ("cy", 3), ("dee", 4), ("rita", 9), ("zoe", 26), ("mallory", 66)];

const READER: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

pub(crate) fn oid(c: char) -> Oid {
    Oid::parse(&c.to_string().repeat(40)).unwrap()
}

pub(crate) fn account(name: &str) -> Account {
    let id = PEOPLE.iter().find(|(known, _)| *known == name).map_or(500, |(_, id)| *id);
    let kind = if name.ends_with("[bot]") { AccountKind::Bot } else { AccountKind::User };
    Account { id: UserId::new(id), login: Login::parse(name).unwrap(), kind }
}

pub(crate) fn file(c: char) -> Option<TreeEntry> {
    Some(TreeEntry { mode: EntryMode::File, oid: oid(c) })
}

/// A sealed file of which one key changed.
pub(crate) fn sealed() -> DocumentFacts {
    DocumentFacts {
        old: FileState::Sealed,
        new: FileState::Sealed,
        keys: vec![KeyChange { key: "db.password".to_owned(), change: KeyChangeKind::Changed }].into(),
        exposed: Vec::new(),
        old_recipients: [READER.to_owned()].into(),
        new_recipients: [READER.to_owned()].into(),
        demanded_recipients: None,
        settings: Vec::new(),
        other: Some(Vec::new()),
        copied: BTreeSet::new(),
        revoked: BTreeSet::new(),
    }
}

/// The change, and what comes of it.
pub(crate) struct Story {
    pub(crate) policy: Policy,
    pub(crate) facts: Facts,
    pub(crate) outcome: Outcome,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::at(PATH)
    }

    pub(crate) fn at(path: &str) -> Self {
        Self::under(POLICY, path)
    }

    pub(crate) fn under(text: &str, path: &str) -> Self {
        let policy = parse(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        let path = RepoPath::new(path);
        let main = RefName::branch("main").unwrap();
        let entry = DeltaEntry { path: path.clone(), old: file('1'), new: file('2') };
        let member = |name: &str| Authority {
            permission: Known::Is(Permission::Write),
            teams: [(TeamId::new(7), Known::Is(name == "cy"))].into(),
        };
        let names = ResolvedNames {
            users: policy.all_users().into_iter().map(|login| (login.clone(), account(login.as_str()).id)).collect(),
            teams: policy.all_teams().into_iter().map(|slug| (slug, TeamId::new(7))).collect(),
        };
        let facts = Facts {
            at: Timestamp::from_seconds(100_000),
            repository: RepoId::new(1),
            repository_name: RepoName::parse("acme/app").unwrap(),
            default_branch: main.clone(),
            policy_digest: policy.digest(),
            names,
            names_now: BTreeMap::new(),
            change: ChangeFacts {
                number: PrNumber::new(42),
                url: String::new(),
                open: true,
                draft: false,
                from_fork: false,
                unvouched: false,
                updated: None,
                head: oid('d'),
                head_ref: Some(RefName::branch("rita/db").unwrap()),
                head_since: Some(Timestamp::from_seconds(100)),
                base: main,
                base_tip: oid('b'),
                landed: None,
            },
            history: History {
                merge_base: MergeBase::One(oid('b')),
                delta: Delta::new([entry]),
                base_moved: Vec::new(),
                apart: BTreeMap::new(),
                base_uncovered: Vec::new(),
                clashes: Vec::new(),
                plain_commits: Vec::new(),
                policy_fault: None,
            },
            documents: [(path, sealed())].into(),
            people: People {
                requester: Known::Is(account("rita")),
                pushers: vec![Pusher { commit: oid('d'), account: Known::Is(account("rita")) }],
                contributors: vec![contributor(Some(account("rita")))],
            },
            votes: Vec::new(),
            delta_at: BTreeMap::new(),
            change_at: BTreeMap::new(),
            authority: PEOPLE.iter().map(|(name, id)| (UserId::new(*id), member(name))).collect(),
            rosters: [(TeamId::new(7), Known::Is(vec![account("cy")]))].into(),
            held: None,
            forge_time: None,
            merge_asked: None,
            asked: Vec::new(),
            bypasses: Vec::new(),
            debts: Vec::new(),
            ratifying: None,
            ourselves: None,
        };
        Self { policy, facts, outcome: Outcome::Open }
    }

    /// Another path besides.
    pub(crate) fn and(self, path: &str, document: Option<DocumentFacts>) -> Self {
        self.but(|facts| {
            let path = RepoPath::new(path);
            let entry = DeltaEntry { path: path.clone(), old: file('3'), new: file('4') };
            facts.history.delta = Delta::new(facts.history.delta.entries().iter().cloned().chain([entry]));
            facts.documents.extend(document.map(|document| (path, document)));
        })
    }

    pub(crate) fn vote(mut self, account: Option<Account>, kind: VoteKind) -> Self {
        let number = self.facts.votes.len() as u64 + 1;
        self.facts.votes.push(VoteFacts {
            source: VoteSource::Review(ReviewId::new(number)),
            account,
            kind,
            first_kind: None,
            commit: Some(self.facts.change.head.clone()),
            delivered_commit: Some(self.facts.change.head.clone()),
            first_base: self.facts.change.base.clone(),
            at: Timestamp::from_seconds(200 + self.facts.votes.len() as i64),
            ended_by: None,
            stood: false,
        });
        self
    }

    pub(crate) fn approve(self, name: &str) -> Self {
        self.vote(Some(account(name)), VoteKind::Approve)
    }

    /// The same by a comment; one that has ended was an approval.
    pub(crate) fn by_comment(self, name: &str, kind: VoteKind) -> Self {
        self.vote(Some(account(name)), kind).but(|facts| {
            let id = CommentId::new(facts.votes.len() as u64);
            let vote = facts.votes.last_mut().unwrap();
            vote.source = VoteSource::Comment(id);
            vote.first_kind = (kind == VoteKind::Ended).then_some(VoteKind::Approve);
        })
    }

    /// Somebody lifts the veto of somebody.
    pub(crate) fn waived(self, by: &str, whose: &str) -> Self {
        let (comment, what) = (CommentId::new(1_000), AskedFor::Waive(Login::parse(whose).unwrap()));
        self.but(|facts| facts.asked.push(Asked { comment, by: account(by), what, at: Timestamp::from_seconds(900) }))
    }

    /// Ann approves, and something is odd about her review.
    pub(crate) fn odd(self, change: impl FnOnce(&mut VoteFacts)) -> Self {
        self.approve("ann").but(|facts| change(facts.votes.last_mut().unwrap()))
    }

    pub(crate) fn but(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    /// Another document at the usual path.
    pub(crate) fn document(self, change: impl FnOnce(&mut DocumentFacts)) -> Self {
        self.but(|facts| change(facts.documents.values_mut().next().unwrap()))
    }

    /// Another entry at the usual path.
    pub(crate) fn entry(self, change: impl Fn(&mut DeltaEntry)) -> Self {
        self.but(|facts| {
            let changed = facts.history.delta.entries().iter().cloned().map(|mut entry| {
                change(&mut entry);
                entry
            });
            facts.history.delta = Delta::new(changed.collect::<Vec<_>>());
        })
    }

    pub(crate) fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.policy, &self.facts)
    }

    /// What should stand on the pull request.
    pub(crate) fn wanted(&self) -> Wanted {
        wanted(&self.decide(), &self.facts, &self.outcome, None)
    }

    pub(crate) fn comment(&self) -> String {
        self.wanted().comment.unwrap_or_default()
    }
}

pub(crate) fn contributor(account: Option<Account>) -> Contributor {
    Contributor { commit: oid('d'), role: ContributorRole::Author, account }
}
