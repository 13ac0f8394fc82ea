//! Facts as they were written into ledgers: each version after must read them, and decide from them as before.
//!
//! A test that fails here means that `verify` would call an honest ledger invalid. The samples are never edited to make it pass: a
//! field that is new gets a default, and is added to the second sample.

use serde_json::Value;

use super::decided::{TEXT, facts, names};
use super::*;
use crate::facts::{
    Asked, AskedFor, Contributor, ContributorRole, Facts, FileState, HeldPush, KeyChange, KeyChangeKind, LeftOut,
    LeftOutKind, MergeAsked, PlainCommit, Pusher, Quarantine, SettingChange, VoteFacts,
};

/// As the first version wrote them.
const FIRST: &str = include_str!("facts-first.json");
/// Every field and every variant there is.
const WHOLE: &str = include_str!("facts-whole.json");

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Facts in which nothing is left out.
fn whole() -> Facts {
    let mut facts = facts();
    let (rita, head) = (account(2, "rita"), facts.change.head.clone());
    let unknown = || "GitHub did not say".to_owned();
    facts.names_now.insert(Login::parse("ann").unwrap(), Known::Is(Some(UserId::new(1))));
    facts.names_now.insert(Login::parse("bob").unwrap(), Known::Unknown(unknown()));
    facts.change.unvouched = true;
    facts.change.updated = Some(Timestamp::from_seconds(900));
    facts.change.landed = Some(oid(0xd));
    let path = |name: &str| RepoPath::new(name);
    facts.history.base_moved.push(path(SECRET_PATH));
    facts.history.base_uncovered.push(path(SECRET_PATH));
    facts.history.clashes.push((path("a"), path("A")));
    facts.history.plain_commits.push(PlainCommit { commit: head.clone(), path: path(SECRET_PATH) });
    facts.history.policy_fault = Some("line 1".to_owned());
    let kinds = [
        KeyChangeKind::Added,
        KeyChangeKind::Removed,
        KeyChangeKind::Changed,
        KeyChangeKind::TypeChanged,
        KeyChangeKind::Moved,
        KeyChangeKind::Reencrypted,
        KeyChangeKind::Renamed,
        KeyChangeKind::BecamePlain,
        KeyChangeKind::BecameEncrypted,
    ];
    let states = [
        FileState::Absent,
        FileState::Plain,
        FileState::MacMissing,
        FileState::Broken("line 3".to_owned()),
        FileState::TooLarge,
        FileState::NotAFile,
    ];
    let changed =
        SettingChange { name: "mac_only_encrypted".to_owned(), old: "false".to_owned(), new: "true".to_owned() };
    let sealed = facts.documents[&path(SECRET_PATH)].clone();
    for (at, state) in states.into_iter().enumerate() {
        let mut document = sealed.clone();
        document.new = state;
        document.keys = kinds.map(|change| KeyChange { key: format!("key{at}"), change }).into_iter().collect();
        document.exposed = vec!["db.password".to_owned()];
        document.demanded_recipients = Some(["age1x".to_owned()].into());
        document.settings = vec![changed.clone()];
        document.other = Some(vec![changed.clone()]);
        facts.documents.insert(path(&format!("secrets/production/{at}.yaml")), document);
    }
    let roles = [ContributorRole::Author, ContributorRole::Committer, ContributorRole::CoAuthor];
    facts.people.contributors =
        roles.map(|role| Contributor { commit: head.clone(), role, account: Some(rita.clone()) }).into_iter().collect();
    facts.people.pushers.push(Pusher { commit: head.clone(), account: Known::Unknown(unknown()) });
    let vote = facts.votes[0].clone();
    let others =
        [VoteKind::Reject, VoteKind::Ended, VoteKind::Unrecognised, VoteKind::Withdraw].map(|kind| VoteFacts {
            source: VoteSource::Comment(CommentId::new(11)),
            kind,
            ended_by: Some(rita.clone()),
            stood: true,
            ..vote.clone()
        });
    facts.votes.extend(others);
    let asked = [
        AskedFor::Waive(Login::parse("ann").unwrap()),
        AskedFor::Pause(Some("after the freeze".to_owned())),
        AskedFor::Pause(None),
        AskedFor::Unpause,
    ];
    facts.asked.extend((12..).zip(asked).map(|(id, what)| Asked {
        comment: CommentId::new(id),
        by: rita.clone(),
        what,
        at: Timestamp::from_seconds(950),
    }));
    facts.delta_at.extend([(oid(1), Some(Digest::of(b"1"))), (oid(2), None)]);
    facts.change_at.extend([(oid(1), Some(Digest::of(b"1"))), (oid(2), None)]);
    let may = facts.authority.values_mut().next().unwrap();
    may.teams.extend([(TeamId::new(7), Known::Is(true)), (TeamId::new(8), Known::Unknown(unknown()))]);
    facts.rosters.insert(TeamId::new(7), Known::Is(vec![account(1, "ann")]));
    facts.held = Some(HeldPush {
        quarantined: Some(Quarantine::OnTop),
        left_out: vec![LeftOut { path: path(SECRET_PATH), what: LeftOutKind::Plaintext }],
    });
    facts.forge_time = Some(Timestamp::from_seconds(1_001));
    facts.merge_asked = Some(MergeAsked { by: rita, head, at: Timestamp::from_seconds(950) });
    facts.ourselves = Some(UserId::new(99));
    facts
}

const SECRET_PATH: &str = super::decided::SECRET;

#[test]
fn what_the_first_version_wrote_is_read_and_decided_as_then() {
    let recorded: RecordedFacts = serde_json::from_str(FIRST).unwrap();
    let again = rerun(TEXT, &names(), &recorded).unwrap();
    assert_eq!((again.pull, again.verdict), (PrNumber::new(7), RecordedVerdict::Satisfied));
    assert_eq!(again.approved_by, [UserId::new(1)].into());
    // and nothing of it is lost on the way
    let read: Facts = serde_json::from_str(FIRST).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), value(FIRST));
}

#[test]
fn every_fact_is_written_as_it_was() {
    assert_eq!(
        serde_json::to_value(whole()).unwrap(),
        value(WHOLE),
        "{}",
        serde_json::to_string_pretty(&whole()).unwrap()
    );
    assert_eq!(serde_json::from_str::<Facts>(WHOLE).unwrap(), whole());
}
