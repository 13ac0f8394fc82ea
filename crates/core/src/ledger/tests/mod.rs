//! Tests of the ledger: a book that is written as a server would, then read, forged and asked.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bypass;
mod coverage;
mod decided;
mod fold;
mod forgery;
mod frozen;
mod golden;
mod model;
mod order;
mod put_back;
mod ratified;
mod replayed;
mod revocation;
mod revoked_value;
mod synced;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::*;
use crate::domain::*;
use crate::facts::{Known, VoteKind, VoteSource};

/// Our repository.
const REPOSITORY: RepoId = RepoId::new(77);
const POLICY_TEXT: &str = "version: 1\n";

fn key(number: u8) -> SigningKey {
    SigningKey::from_randomness(&[number; 32])
}

/// An object id that reads as what it is for.
fn oid(number: u64) -> Oid {
    Oid::parse(&format!("{number:040x}")).unwrap()
}

fn file(number: u64) -> TreeEntry {
    TreeEntry { mode: EntryMode::File, oid: oid(number) }
}

fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

fn ledger_ref() -> RefName {
    branch("countersign/ledger")
}

fn name() -> RepoName {
    RepoName::parse("acme/app").unwrap()
}

fn account(id: u64, login: &str) -> Account {
    Account { id: UserId::new(id), login: Login::parse(login).unwrap(), kind: AccountKind::User }
}

fn at(sequence: Sequence) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + i64::try_from(sequence.get()).unwrap() * 60)
}

/// Changes to approved entries: path, old object, new object.
fn delta(changes: &[(&str, Option<u64>, Option<u64>)]) -> Delta {
    let entry = |(path, old, new): &(&str, Option<u64>, Option<u64>)| DeltaEntry {
        path: RepoPath::new(path),
        old: old.map(file),
        new: new.map(file),
    };
    Delta::new(changes.iter().map(entry))
}

fn adopted(on: &str, root: &SigningKey, paths: &[(&str, u64)]) -> Entry {
    let path = |(path, number): &(&str, u64)| AdoptedPath {
        path: RepoPath::new(path),
        mode: EntryMode::File,
        oid: oid(*number),
    };
    let mut paths: Vec<_> = paths.iter().map(path).collect();
    paths.sort();
    Entry::Adopted(AdoptedEntry {
        commit: oid(0xa),
        branch: branch(on),
        default_branch: branch("main"),
        root_key: RootKey { public_key: root.public(), class: KeyClass::Server },
        paths,
        how: Adoption::Explicit,
    })
}

fn policy(text: &str, blob: u64, previous: Option<&str>) -> Entry {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let users = BTreeMap::from([(Login::parse("ann").unwrap(), UserId::new(1))]);
    let teams = BTreeMap::from([(TeamSlug::parse("acme/security").unwrap(), TeamId::new(9))]);
    Entry::Policy(PolicyEntry {
        branch: branch("main"),
        commit: oid(0xa),
        blob: oid(blob),
        text: text.to_owned(),
        digest: digest(text),
        names: ResolvedNames { users, teams },
        previous_digest: previous.map(digest),
    })
}

fn key_entry(action: KeyAction, key: &SigningKey, class: KeyClass) -> Entry {
    Entry::Key(KeyEntry { action, public_key: key.public(), class })
}

fn push(sender: Known<Account>, before: u64, after: u64) -> PushEntry {
    PushEntry {
        request: None,
        reference: branch("change"),
        before: oid(before),
        after: oid(after),
        sender,
        forced: false,
        delivery: Some(DeliveryId::parse("d-1").unwrap()),
    }
}

fn vote(review: u64, pull: u64, kind: VoteKind) -> VoteEntry {
    VoteEntry {
        pull: PrNumber::new(pull),
        source: VoteSource::Review(ReviewId::new(review)),
        user: Some(account(1, "ann")),
        kind,
        commit: oid(0xc),
        base: branch("main"),
        at: Timestamp::from_seconds(1_790_000_000),
        delta_digest: Some(Digest::of(b"delta")),
        ended_by: None,
        delivery: None,
        stood: false,
    }
}

fn decision(pull: u64, delta: Delta) -> DecisionEntry {
    DecisionEntry {
        pull: PrNumber::new(pull),
        head: oid(0xc00 + pull),
        base: branch("main"),
        base_tip: oid(0xb),
        merge_base: oid(0xb),
        delta_digest: delta.digest(REPOSITORY, &branch("main")).unwrap(),
        policy_digest: Digest::of(POLICY_TEXT.as_bytes()),
        verdict: RecordedVerdict::Satisfied,
        approved_by: vec![Approval {
            user: UserId::new(1),
            login: Login::parse("ann").unwrap(),
            via: VoteSource::Review(ReviewId::new(pull * 10)),
            commit: oid(0xc00 + pull),
        }],
        delta,
        facts: RecordedFacts::record(&serde_json::json!({"z": 1, "a": ["x", null, true]})).unwrap(),
        intent: MergeMethod::MoveRef,
        adopts: Vec::new(),
        bypass: None,
    }
}

fn merge(of: Sequence, decision: &DecisionEntry) -> Entry {
    Entry::Merge(MergeEntry {
        pull: decision.pull,
        decision: of,
        commit: oid(0xf00 + decision.pull.get()),
        method: MergeMethod::MoveRef,
        approved: decision.delta.clone(),
    })
}

/// A ledger as it is written.
#[derive(Clone)]
struct Book {
    repository: RepoId,
    state: LedgerState,
    links: Vec<RawLink>,
}

impl Book {
    fn of(repository: RepoId, ledger_ref: RefName) -> Self {
        Self { repository, state: LedgerState::empty(None, ledger_ref), links: Vec::new() }
    }

    fn empty() -> Self {
        Self::of(REPOSITORY, ledger_ref())
    }

    fn try_write(&mut self, entry: Entry, key: &SigningKey) -> Result<Sequence, AppendError> {
        let sequence = self.state.next_sequence();
        let (bytes, state) = append(&self.state, (self.repository, name()), &entry, key, at(sequence))?;
        let commit = oid(0x1000 + sequence.get());
        self.links.push(RawLink { commit: commit.clone(), envelope: Some(bytes) });
        self.state = state.landed(commit);
        Ok(sequence)
    }

    fn write(&mut self, entry: Entry, key: &SigningKey) -> Sequence {
        self.try_write(entry, key).unwrap()
    }

    /// Decides and merges.
    fn change(&mut self, pull: u64, delta: Delta, key: &SigningKey) -> Sequence {
        let decision = decision(pull, delta);
        let of = self.write(Entry::Decision(Box::new(decision.clone())), key);
        self.write(merge(of, &decision), key)
    }

    /// Adopted with a policy and one secret: L-1 and L-2.
    fn opened() -> Self {
        let mut book = Self::empty();
        book.write(adopted("main", &key(1), &[(POLICY_PATH, 0x10), ("secrets/production/a.yaml", 0x20)]), &key(1));
        book.write(policy(POLICY_TEXT, 0x10, None), &key(1));
        book
    }

    /// One of every kind, eight entries, all by key 1: … L-3 push, L-4 vote, L-5 decision, L-6 merge, L-7 key 2, L-8 end of the vote.
    fn full() -> Self {
        static FULL: LazyLock<Book> = LazyLock::new(Book::write_full);
        FULL.clone()
    }

    fn write_full() -> Self {
        let mut book = Self::opened();
        book.write(Entry::Push(push(Known::Is(account(2, "rita")), 0xb, 0xc)), &key(1));
        book.write(Entry::Vote(vote(10, 1, VoteKind::Approve)), &key(1));
        book.change(1, delta(&[("secrets/production/a.yaml", Some(0x20), Some(0x21))]), &key(1));
        book.write(key_entry(KeyAction::Add, &key(2), KeyClass::Action), &key(1));
        let ended_by = Some(account(3, "bob"));
        book.write(Entry::Vote(VoteEntry { ended_by, ..vote(10, 1, VoteKind::Ended) }), &key(1));
        book
    }

    fn ledger(&self) -> Ledger {
        read(self.links.clone())
    }
}

fn pin() -> Trust {
    Trust::pinned([key(1).fingerprint()])
}

fn read(links: Vec<RawLink>) -> Ledger {
    verify(links, Some(REPOSITORY), &ledger_ref(), &pin())
}

/// Signs a statement as it stands, whatever it says.
fn sign(statement: &Statement, key: &SigningKey) -> Vec<u8> {
    Envelope::sign(statement.to_bytes().unwrap(), key).to_bytes()
}

fn statement(link: &RawLink) -> Statement {
    let envelope = Envelope::parse(link.envelope.as_ref().unwrap()).unwrap();
    Statement::parse(envelope.payload()).unwrap()
}
