//! What people read of a change in every state it can be in: comment, check, terminal. Snapshots, one a state.

use std::collections::BTreeSet;

use countersign_core::decision::Reason;
use countersign_core::domain::{
    DeltaEntry, Digest, EntryMode, Permission, RefName, RepoPath, RunState, Sequence, TeamId, Timestamp, TreeEntry,
    UserId,
};
use countersign_core::effect::{Outcome, SyncLine};
use countersign_core::facts::{
    FileState, HeldPush, KeyChange, KeyChangeKind, Known, LeftOut, LeftOutKind, MergeBase, Origin, PlainCommit, Pusher,
    Quarantine, SettingChange, VoteKind,
};

mod bypass;

use super::tree;
use crate::engine::states::{PATH, POLICY, Story, account, contributor, oid, sealed};

type State = (&'static str, Story);

fn approved() -> Story {
    Story::new().approve("ann").approve("cy")
}

fn key(name: &str, change: KeyChangeKind) -> KeyChange {
    KeyChange { key: name.to_owned(), change }
}

fn waiting() -> Vec<State> {
    let bot = |facts: &mut countersign_core::facts::Facts| {
        facts.people.requester = Known::Is(account("tidy[bot]"));
    };
    let nobody = |facts: &mut countersign_core::facts::Facts| {
        facts.people.requester = Known::Unknown("no delivery says so".to_owned());
    };
    let manual = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], merge: manual}",
    );
    let pushed = |facts: &mut countersign_core::facts::Facts| {
        facts.people.pushers = vec![Pusher { commit: oid('d'), account: Known::Unknown("no delivery".to_owned()) }];
    };
    vec![
        ("nothing protected changes", Story::at("README.md").but(|facts| facts.documents.clear())),
        ("nobody has approved", Story::new()),
        ("one of two has approved", Story::new().approve("ann")),
        ("two environments", Story::new().and("secrets/staging/db.yaml", Some(sealed())).approve("ann")),
        ("control paths", Story::at(".sops.yaml").but(|facts| facts.documents.clear()).approve("zoe")),
        ("only observed", Story::at("secrets/trial/db.yaml")),
        ("only observed and refused", Story::at("secrets/trial/db.yaml").document(|one| one.new = FileState::Plain)),
        ("approved", approved()),
        ("approved and held", approved().ended(Outcome::Held("the branch is protected against the App".to_owned()))),
        ("waits to be asked", Story::under(&manual, PATH).approve("ann").approve("cy")),
        ("merged", approved().ended(merged(Vec::new()))),
        ("merged and delivered", approved().ended(merged(vec![delivered()]))),
        ("a draft", approved().but(|facts| facts.change.draft = true)),
        ("closed", approved().but(|facts| facts.change.open = false)),
        ("a bot asks", Story::new().but(bot).approve("ann").approve("cy")),
        ("nobody knows who asks", Story::new().but(nobody)),
        ("nobody knows who pushed", Story::new().but(pushed)),
        ("a commit of nobody", Story::new().but(|facts| facts.people.contributors.push(contributor(None)))),
        ("a veto", Story::new().approve("ann").vote(Some(account("bob")), VoteKind::Reject)),
        (
            "nobody is left",
            Story::at("secrets/staging/db.yaml").but(|facts| {
                facts.people.pushers.push(Pusher { commit: oid('c'), account: Known::Is(account("ann")) });
            }),
        ),
        (
            "membership is unknown",
            Story::new().approve("ann").approve("cy").but(|facts| {
                let unknown = Known::Unknown("GitHub does not answer".to_owned());
                facts
                    .authority
                    .entry(UserId::new(3))
                    .and_modify(|known| drop(known.teams.insert(TeamId::new(7), unknown)));
                facts.rosters.insert(TeamId::new(7), Known::Unknown("GitHub does not answer".to_owned()));
            }),
        ),
        ("an unknown state of a review", approved().vote(Some(account("bob")), VoteKind::Unrecognised)),
        ("another policy meanwhile", approved().but(|facts| facts.policy_digest = Digest::of(b"another"))),
    ]
}

fn merged(syncs: Vec<SyncLine>) -> Outcome {
    Outcome::Merged { commit: oid('e'), decision: Sequence::new(128), syncs, owed: None }
}

fn delivered() -> SyncLine {
    SyncLine {
        id: "production/cluster".parse().unwrap(),
        state: RunState::Converged,
        generation: Sequence::new(129),
        since: Some(Timestamp::from_seconds(99_000)),
        trouble: None,
    }
}

fn refused() -> Vec<State> {
    let path = || RepoPath::new(PATH);
    let two = POLICY.replace("secrets/staging/]", "secrets/staging/, \"secrets/pro*/**\"]");
    let people = format!(
        "{POLICY}people:\n  rita: {{recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}}\n"
    );
    let stranger = "age1f9xcrgtw0lwqlnvsgelwgte6krfmusjagnuuglyhj3m5mvx69c7qnltxsq";
    let link = |entry: &mut DeltaEntry| entry.new = Some(TreeEntry { mode: EntryMode::Link, oid: oid('2') });
    let executable =
        |entry: &mut DeltaEntry| entry.new = Some(TreeEntry { mode: EntryMode::Executable, oid: oid('2') });
    let origin = |path: &str| Origin { branch: RefName::branch("main").unwrap(), path: RepoPath::new(path) };
    let state = |state: FileState| Story::new().document(|one| one.new = state);
    vec![
        ("no single history", approved().but(|facts| facts.history.merge_base = MergeBase::Many)),
        ("a path in two environments", Story::under(&two, PATH)),
        ("control and secrets together", Story::new().and(".sops.yaml", None)),
        ("an unsafe path", Story::at("secrets/production/db.yaml ")),
        (
            "two paths that are one elsewhere",
            Story::new().but(|facts| {
                facts.history.clashes.push((path(), RepoPath::new("secrets/production/DB.yaml")));
            }),
        ),
        ("a link", Story::new().entry(link).document(|one| one.new = FileState::NotAFile)),
        ("an executable secret", Story::new().entry(executable)),
        ("plain text", state(FileState::Plain)),
        (
            "plain text on the way",
            Story::new().but(|facts| {
                facts.history.plain_commits.push(PlainCommit { commit: oid('c'), path: path() });
            }),
        ),
        ("no SOPS document", state(FileState::Broken("line 3: a tab where blanks must be".to_owned()))),
        ("no integrity code", state(FileState::MacMissing)),
        ("too large", state(FileState::TooLarge)),
        (
            "a value in the clear",
            Story::new().document(|one| {
                one.keys.push(key("db.user", KeyChangeKind::BecamePlain));
                one.exposed.push("db.user".to_owned());
            }),
        ),
        (
            "an unknown reader",
            Story::under(&people, PATH).document(|one| {
                one.new_recipients.insert(stranger.to_owned());
            }),
        ),
        (
            "a reader less, other settings",
            Story::new().document(|one| {
                one.old_recipients.insert(stranger.to_owned());
                let setting = |name: &str, old: &str, new: &str| SettingChange {
                    name: name.to_owned(),
                    old: old.to_owned(),
                    new: new.to_owned(),
                };
                one.settings.push(setting("encrypted_regex", "^(data|stringData)$", "^data$"));
                one.other = Some(vec![setting("data key", "", "another one"), setting("version", "3.12.2", "3.13.3")]);
            }),
        ),
        (
            "copied from production",
            Story::at("secrets/staging/db.yaml").approve("ann").document(|one| {
                one.copied.insert(origin(PATH));
            }),
        ),
        (
            "copied from where nobody can be asked",
            Story::new().document(|one| {
                one.copied.insert(origin("old/db.yaml"));
            }),
        ),
        ("no policy for the path", Story::at("secrets/bare/db.yaml")),
        (
            "a broken policy",
            Story::at(".countersign/policy.yaml").but(|facts| {
                facts.documents.clear();
                facts.history.policy_fault = Some("the policy file has 2 faults: unknown field `aprovers`".to_owned());
            }),
        ),
        ("the base is not approved", approved().but(|facts| facts.history.base_uncovered.push(path()))),
        (
            "quarantined",
            approved().but(|facts| {
                facts.held = Some(HeldPush { quarantined: Some(Quarantine::Repeated), left_out: Vec::new() });
            }),
        ),
        (
            "a push that held plain text",
            Story::new().but(|facts| {
                let left = LeftOut { path: path(), what: LeftOutKind::Plaintext };
                facts.held = Some(HeldPush { quarantined: None, left_out: vec![left] });
                facts.history.delta = countersign_core::domain::Delta::default();
                facts.documents.clear();
            }),
        ),
        ("the base moved", approved().but(|facts| facts.history.base_moved.push(path()))),
        (
            "several things at once",
            Story::new()
                .entry(executable)
                .document(|one| {
                    one.new = FileState::MacMissing;
                    one.new_recipients.insert(stranger.to_owned());
                })
                .and(".sops.yaml", None),
        ),
    ]
}

fn uncounted() -> Vec<State> {
    let reviews = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], comment_votes: false}",
    );
    let ttl = POLICY.replace(
        "production: {paths: [secrets/production/]}",
        "production: {paths: [secrets/production/], approval_ttl: 1d}",
    );
    vec![
        (
            "whoever made it approves",
            Story::new().approve("rita").approve("ann").approve("bob").but(|facts| {
                facts.people.pushers.push(Pusher { commit: oid('c'), account: Known::Is(account("ann")) });
                facts.people.contributors.push(contributor(Some(account("bob"))));
            }),
        ),
        (
            "approvals of no people of ours",
            Story::new()
                .vote(Some(account("tidy[bot]")), VoteKind::Approve)
                .vote(None, VoteKind::Approve)
                .approve("mallory"),
        ),
        (
            "no right to write",
            Story::new().approve("ann").but(|facts| {
                facts
                    .authority
                    .entry(UserId::new(1))
                    .and_modify(|known| known.permission = Known::Is(Permission::Read));
            }),
        ),
        (
            "an older head",
            Story::new()
                .odd(|vote| {
                    vote.commit = Some(oid('c'));
                    vote.delivered_commit = Some(oid('c'));
                })
                .but(|facts| facts.delta_at.extend([(oid('c'), Some(Digest::of(b"else")))])),
        ),
        (
            "a commit that is gone",
            Story::new()
                .odd(|vote| {
                    vote.commit = Some(oid('c'));
                    vote.delivered_commit = Some(oid('c'));
                })
                .but(|facts| facts.delta_at.extend([(oid('c'), None)])),
        ),
        ("another base", Story::new().odd(|vote| vote.first_base = RefName::branch("next").unwrap())),
        ("another commit than was delivered", Story::new().odd(|vote| vote.delivered_commit = Some(oid('c')))),
        (
            "a review nobody delivered",
            Story::new().odd(|vote| {
                vote.delivered_commit = None;
                vote.at = Timestamp::from_seconds(50);
            }),
        ),
        ("a dismissed review", Story::new().approve("ann").vote(Some(account("ann")), VoteKind::Ended)),
        (
            "an approval taken back by a comment",
            Story::new().by_comment("ann", VoteKind::Approve).by_comment("ann", VoteKind::Withdraw),
        ),
        (
            "a comment that was changed",
            Story::new().by_comment("ann", VoteKind::Approve).by_comment("ann", VoteKind::Ended),
        ),
        ("a comment where only reviews count", Story::under(&reviews, PATH).by_comment("ann", VoteKind::Approve)),
        (
            "a veto that was waived",
            Story::new().vote(Some(account("cy")), VoteKind::Reject).approve("ann").waived("zoe", "cy"),
        ),
        ("an approval that ended by age", Story::under(&ttl, PATH).approve("ann")),
        (
            "a name that changed hands",
            Story::new().approve("ann").but(|facts| {
                let ann = account("ann").login;
                facts.names.users.insert(ann.clone(), UserId::new(777));
                facts.names_now.insert(ann, Known::Is(Some(UserId::new(1))));
            }),
        ),
    ]
}

fn shown() -> Vec<State> {
    let many =
        (0..140).map(|number| key(&format!("service_{number:03}.token"), KeyChangeKind::Changed)).collect::<Vec<_>>();
    vec![
        (
            "every kind of change",
            Story::new().document(|one| {
                one.keys = vec![
                    key("db.password", KeyChangeKind::Changed),
                    key("db.replica_url", KeyChangeKind::Added),
                    key("legacy.token", KeyChangeKind::Removed),
                    key("port", KeyChangeKind::TypeChanged),
                    key("hosts[2]", KeyChangeKind::Moved),
                    key("api.token", KeyChangeKind::Renamed),
                    key("api.secret", KeyChangeKind::Reencrypted),
                    key("note", KeyChangeKind::BecameEncrypted),
                ]
                .into();
            }),
        ),
        ("very many keys", Story::new().document(|one| one.keys = many.into())),
        (
            "names that would like to be more",
            Story::new().document(|one| {
                one.keys = vec![key(
                    "a | b` **c** @acme/security <img src=x> [x](http://evil.example)\u{202e}",
                    KeyChangeKind::Added,
                )]
                .into();
            }),
        ),
    ]
}

/// As the three faces show it.
fn faces(story: &Story) -> String {
    let decision = story.decide();
    let wanted = story.wanted();
    let mut text = format!("── comment\n{}\n", wanted.comment.as_deref().unwrap_or("(none)\n"));
    let check = &wanted.check;
    text += &format!("── check: {:?} · {}\n{}\n", check.state, check.title, check.summary);
    text += "── terminal\n";
    for line in tree::lines(&decision, &story.facts) {
        text += &format!("{}\n", line.bare().trim_end());
    }
    if !decision.next.is_empty() {
        text += &format!("\nnext: {}\n", decision.next.join("; "));
    }
    text
}

#[test]
fn every_state_reads_like_this() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("states");
    settings.set_omit_expression(true);
    let states: Vec<State> =
        [waiting(), refused(), uncounted(), shown(), bypass::states()].into_iter().flatten().collect();
    assert!(states.len() >= 30);
    let (mut codes, mut verdicts) = (BTreeSet::new(), BTreeSet::new());
    for (name, story) in &states {
        let text = faces(story);
        verdicts.insert(story.decide().verdict);
        codes.extend(Reason::ALL.iter().map(|reason| reason.code()).filter(|code| text.contains(&format!("`{code}`"))));
        assert!(text.len() < 60_000, "{name} fits into a comment");
        settings.bind(|| insta::assert_snapshot!(name.replace(' ', "_"), text));
    }
    assert_eq!(verdicts.len(), 9, "every verdict: {verdicts:?}");
    // reasons of the whole are said in words, not as a code
    // have small cases of their own, beside what else is refused and beside the bypass
    let elsewhere = ["revoked-value", "not-a-bypasser"];
    let in_words =
        ["nothing-protected", "observed", "quorum-met", "quorum-missing", "draft", "closed", "rejected", "bypassed"];
    let unsaid: Vec<_> = Reason::ALL
        .iter()
        .map(|reason| reason.code())
        .filter(|code| {
            !codes.contains(code)
                && !in_words.contains(code)
                && !elsewhere.contains(code)
                && !code.starts_with("bypass-")
        })
        .collect();
    assert!(unsaid.is_empty(), "no state shows {unsaid:?}");
}
