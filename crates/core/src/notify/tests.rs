//! Notices, routes and words, without anything that sends.

use super::*;
use crate::domain::{
    Account, AccountKind, Environment, Login, Occasion, Oid, PrNumber, RepoName, Sequence, Timestamp, UserId,
};
use crate::policy::{self, Policy};

mod told;
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
