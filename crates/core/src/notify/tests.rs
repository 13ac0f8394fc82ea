//! Notices, routes and words, without anything that sends.

use super::*;
use crate::domain::{
    Account, AccountKind, Digest, Environment, Login, Occasion, Oid, PrNumber, RefName, RepoName, Sequence, Timestamp,
    UserId,
};
use crate::facts::Facts;
use crate::ledger::{Entry, SigningKey, Verified};
use crate::policy::{self, Policy};

mod open;
mod recorded;
mod synced;
mod told;
mod weakened;
mod words;

const PEOPLE: &str = "people:
  ann: {email: ann@example.com}
  bob: {email: Bob@Example.com}
  rita: {email: rita@example.com}
  cy: {email: 12+cy@users.noreply.github.com}
";

fn policy(notifications: &str) -> Policy {
    let text = format!(
        "version: 1
environments: {{production: {{paths: [secrets/production/]}}, staging: {{paths: [secrets/staging/]}}}}
policies: [{{name: all, environments: '*', approvers: {{users: [ann, bob, cy]}}}}]
{PEOPLE}notifications:
{notifications}"
    );
    policy::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn account(id: u64, login: &str) -> Account {
    Account { id: UserId::new(id), login: Login::parse(login).unwrap(), kind: AccountKind::User }
}

/// A notice with everything there is to tell.
fn notice(occasion: Occasion) -> Notice {
    let repository = RepoName::parse("acme/app").unwrap();
    let at = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
    let mut notice = Notice::new(occasion, "42", at, (&repository, "https://github.com/acme/app/pull/42"));
    notice.change = Some(PrNumber::new(42));
    notice.environments = vec![Environment::parse("production").unwrap()];
    notice.requester = Some(account(1, "rita"));
    notice.actor = Some("rita".to_owned());
    notice.counts = Some(Counts { added: 1, changed: 2, removed: 0 });
    notice.keys = vec![KeyLine {
        path: "secrets/production/db.yaml".to_owned(),
        key: "db.canary-key".to_owned(),
        change: "changed".to_owned(),
    }];
    notice.commit = Some(Oid::parse(&"8be0d44".repeat(6)[..40]).unwrap());
    notice.target = matches!(occasion.family(), "sync" | "drift").then(|| "production/hook".parse().unwrap());
    notice.entry = Some(Sequence::new(7));
    notice.missing = vec![Missing { count: 1, of: "acme/security".to_owned() }];
    notice.approved_by = vec!["ann".to_owned(), "bob".to_owned()];
    notice
}

/// Change #7 by rita as a ledger keeps it: one key of one file of production changes, and a file that nobody protects.
fn facts() -> Facts {
    serde_json::from_str(include_str!("../ledger/tests/facts-first.json")).unwrap()
}

fn oid(number: u64) -> Oid {
    Oid::parse(&format!("{number:040x}")).unwrap()
}

/// A ledger that holds these entries, from L-1 on.
struct Book {
    entries: Vec<Verified>,
    policy: Policy,
    main: RefName,
    name: RepoName,
}

impl Book {
    fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let verified = |(number, entry): (u64, Entry)| Verified {
            sequence: Sequence::new(number),
            commit: oid(0x1000 + number),
            envelope: Digest::of(&number.to_be_bytes()),
            key: SigningKey::from_randomness(&[1; 32]).fingerprint(),
            class: None,
            at: Timestamp::from_seconds(1_790_000_000 + i64::try_from(number).unwrap()),
            entry,
            void: false,
        };
        Self {
            entries: (1..).zip(entries).map(verified).collect(),
            policy: policy("  - {on: ['*'], email: {to: [approvers]}}\n"),
            main: RefName::branch("main").unwrap(),
            name: RepoName::parse("acme/app").unwrap(),
        }
    }

    /// What was signed by a key that is revoked.
    fn void(mut self, number: usize) -> Self {
        self.entries[number - 1].void = true;
        self
    }

    fn history(&self) -> History<'_> {
        History {
            entries: &self.entries,
            policy: &self.policy,
            default_branch: &self.main,
            repository: &self.name,
            url: "https://github.com/acme/app",
        }
    }

    /// What L-`number` is told as.
    fn told(&self, number: usize) -> Option<Notice> {
        of_entry(self.history(), number - 1)
    }

    fn key(&self, number: usize) -> Option<String> {
        self.told(number).map(|notice| notice.key)
    }
}
