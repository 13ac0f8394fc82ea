//! Small cases and properties: what is restored, what is kept, what becomes of the branch.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::*;
use crate::facts::compare::{self, Entries};
use crate::facts::{DocumentFacts, FileState, KeyChange, KeyChangeKind, Known, LeftOutKind, Quarantine, Readers};
use crate::ledger::{Approval, DecisionEntry, MergeMethod, PushOutcome, PutBackEntry, RecordedFacts, RecordedVerdict};
use crate::policy::{self, Policy};

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/], direct_push: quarantine}
policies:
  - {name: all, environments: '*', approvers: {users: [ann]}}
control: [.github/workflows/]
";

const SECRET: &str = "secrets/production/db.yaml";

fn parsed() -> Policy {
    policy::parse(POLICY).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn main() -> RefName {
    RefName::branch("main").unwrap()
}

fn oid(c: char) -> Oid {
    Oid::parse(&c.to_string().repeat(40)).unwrap()
}

fn entry(mode: EntryMode, c: char) -> TreeEntry {
    TreeEntry { mode, oid: oid(c) }
}

fn file(c: char) -> TreeEntry {
    entry(EntryMode::File, c)
}

fn tree(entries: &[(&str, TreeEntry)]) -> Entries {
    entries.iter().map(|(path, entry)| (RepoPath::new(path), entry.clone())).collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + seconds)
}

fn document(new: FileState) -> DocumentFacts {
    DocumentFacts {
        old: FileState::Sealed,
        new,
        keys: Vec::new().into(),
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

fn planned(approved: &Entries, tip: &Entries, documents: &BTreeMap<RepoPath, DocumentFacts>) -> Plan {
    let (policy, main) = (parsed(), main());
    let branches = compare::Branches { base: &main, default: &main };
    plan(Ground { policy: &policy, branches, repository: RepoId::new(1) }, approved, tip, documents)
}

fn sealed(path: &str) -> BTreeMap<RepoPath, DocumentFacts> {
    [(RepoPath::new(path), document(FileState::Sealed))].into()
}

/// Applies edits as Git would, conflicts between files and directories left out.
fn edited(entries: &Entries, edits: &BTreeMap<RepoPath, Option<TreeEntry>>) -> Entries {
    let mut result = entries.clone();
    for (path, entry) in edits {
        match entry {
            Some(entry) => _ = result.insert(path.clone(), entry.clone()),
            None => _ = result.remove(path),
        }
    }
    result
}

#[test]
fn what_is_sealed_is_kept_and_nothing_else() {
    let mut exposed = document(FileState::Sealed);
    exposed.exposed = vec!["db.password".to_owned()];
    let mut turned = document(FileState::Sealed);
    turned.keys = vec![KeyChange { key: "db.password".to_owned(), change: KeyChangeKind::BecamePlain }].into();
    let cases = [
        ("sealed", file('2'), Some(document(FileState::Sealed)), Some(file('2')), None),
        ("without integrity code", file('2'), Some(document(FileState::MacMissing)), Some(file('2')), None),
        ("plain", file('2'), Some(document(FileState::Plain)), None, Some(LeftOutKind::Plaintext)),
        ("a key in plain", file('2'), Some(exposed), None, Some(LeftOutKind::Plaintext)),
        ("a key became plain", file('2'), Some(turned), None, Some(LeftOutKind::Plaintext)),
        ("broken", file('2'), Some(document(FileState::Broken(String::new()))), None, Some(LeftOutKind::Unreadable)),
        ("too large", file('2'), Some(document(FileState::TooLarge)), None, Some(LeftOutKind::Unreadable)),
        ("not read", file('2'), None, None, Some(LeftOutKind::Unreadable)),
        ("a link", entry(EntryMode::Link, '2'), None, None, Some(LeftOutKind::NotAFile)),
        ("a submodule", entry(EntryMode::Submodule, '2'), None, None, Some(LeftOutKind::NotAFile)),
        (
            "an executable",
            entry(EntryMode::Executable, '2'),
            Some(document(FileState::Sealed)),
            Some(file('2')),
            Some(LeftOutKind::ExecutableBit),
        ),
        (
            "an executable in plain",
            entry(EntryMode::Executable, '2'),
            Some(document(FileState::Plain)),
            None,
            Some(LeftOutKind::Plaintext),
        ),
    ];
    for (name, pushed, facts, kept, left_out) in cases {
        let documents = facts.map(|facts| (RepoPath::new(SECRET), facts)).into_iter().collect();
        let plan = planned(&tree(&[(SECRET, file('1'))]), &tree(&[(SECRET, pushed)]), &documents);
        assert_eq!(plan.restore, [(RepoPath::new(SECRET), Some(file('1')))].into(), "{name}");
        assert_eq!(plan.keep.get(&RepoPath::new(SECRET)).cloned().flatten(), kept, "{name}");
        assert_eq!(plan.left_out.first().map(|left| left.what), left_out, "{name}");
    }
}

#[test]
fn a_removal_is_restored_and_kept_and_the_bit_alone_leaves_nothing_to_keep() {
    let gone = planned(&tree(&[(SECRET, file('1'))]), &tree(&[]), &BTreeMap::new());
    assert_eq!(gone.restore, [(RepoPath::new(SECRET), Some(file('1')))].into());
    assert_eq!(gone.keep, [(RepoPath::new(SECRET), None)].into());
    let bit = tree(&[(SECRET, entry(EntryMode::Executable, '1'))]);
    let bit = planned(&tree(&[(SECRET, file('1'))]), &bit, &sealed(SECRET));
    assert!(bit.keep.is_empty() && bit.left_out[0].what == LeftOutKind::ExecutableBit);
    let added = planned(&tree(&[]), &tree(&[(SECRET, file('1'))]), &sealed(SECRET));
    assert_eq!(added.restore, [(RepoPath::new(SECRET), None)].into());
}

#[test]
fn ordinary_and_workflow_files_stay_as_they_were_pushed() {
    let approved = tree(&[(SECRET, file('1')), ("README.md", file('1')), (".github/workflows/ci.yml", file('1'))]);
    let tip = tree(&[(SECRET, file('2')), ("README.md", file('2')), (".github/workflows/ci.yml", file('2'))]);
    let plan = planned(&approved, &tip, &sealed(SECRET));
    let paths: Vec<_> = plan.restore.keys().map(ToString::to_string).collect();
    assert_eq!(paths, [SECRET]);
    assert_eq!(plan.paths().len(), 2, "a workflow file that is a control path is part of the push all the same");
}

/// A past push: its commit, when, and whether it was put back.
fn past(pushed: char, digest: Digest, seconds: i64, outcome: PushOutcome) -> PutBackEntry {
    PutBackEntry {
        branch: main(),
        pushed: oid(pushed),
        outcome,
        restored: Some(oid(pushed)),
        kept: None,
        held: None,
        delta_digest: digest,
        paths: Vec::new(),
        left_out: Vec::new(),
        sender: Known::Unknown(String::new()),
        excluded: Vec::new(),
        bypass_asked: false,
        bypass_reason: None,
        at: at(seconds),
    }
}

/// Its name, the push, how long it stood, earlier ones, whether it stands on a quarantined one, and what comes of it.
type Case<'a> = (&'a str, &'a Plan, Option<Span>, Vec<PutBackEntry>, bool, Option<Quarantine>);

#[test]
fn a_branch_is_put_back_unless_something_speaks_against_it() {
    use Quarantine::*;
    let (policy, main) = (parsed(), main());
    let branches = compare::Branches { base: &main, default: &main };
    let ground = Ground { policy: &policy, branches, repository: RepoId::new(1) };
    let planned = |path: &str| plan(ground, &tree(&[]), &tree(&[(path, file('2'))]), &sealed(path));
    let production = planned(SECRET);
    let digest = production.digest.unwrap();
    let back = |pushed, seconds| past(pushed, digest, seconds, PushOutcome::PutBack);
    let other = past('3', Digest::of(b"other"), 3_000, PushOutcome::PutBack);
    let left = past('4', digest, 3_000, PushOutcome::Quarantined(Rules));
    let minute = Some(Span::from_seconds(60));
    let cases: Vec<Case<'_>> = vec![
        ("the first time", &production, minute, vec![], false, None),
        ("the second time", &production, minute, vec![back('1', 3_000)], false, None),
        ("the third time", &production, minute, vec![back('1', 3_000), back('2', 3_300)], false, Some(Repeated)),
        ("one push written twice", &production, minute, vec![back('1', 3_000), back('1', 3_300)], false, None),
        ("the first an hour ago", &production, minute, vec![back('1', 0), back('2', 3_300)], false, None),
        ("something else", &production, minute, vec![back('1', 3_000), other], false, None),
        ("one was left", &production, minute, vec![back('1', 3_000), left], false, None),
        ("seen at once", &production, Some(LONGEST_UNSEEN), vec![], false, None),
        ("seen late", &production, Some(Span::from_seconds(601)), vec![], false, Some(WhileDown)),
        ("nobody knows since when", &production, None, vec![], false, Some(WhileDown)),
        ("on a quarantined one", &production, minute, vec![], true, Some(OnTop)),
    ];
    let judge = |plan: &Plan, stood, past: &[PutBackEntry], on_top| {
        let past: Vec<&PutBackEntry> = past.iter().collect();
        course(ground, plan, Circumstances { stood, past: &past, on_top, now: at(3_600) })
    };
    for (name, plan, stood, past, on_top, expected) in cases {
        let expected = expected.map_or(PushOutcome::PutBack, PushOutcome::Quarantined);
        assert_eq!(judge(plan, stood, &past, on_top), expected, "{name}");
    }
    let staging = planned("secrets/staging/db.yaml");
    assert_eq!(judge(&staging, minute, &[], false), PushOutcome::Quarantined(Policy));
    let workflow = planned(".github/workflows/ci.yml");
    assert_eq!(judge(&workflow, minute, &[], false), PushOutcome::Quarantined(Workflows));
    let control = planned(".sops.yaml");
    assert_eq!(judge(&control, minute, &[], false), PushOutcome::PutBack);
}

fn intent(delta: Delta, seconds: i64) -> DecisionEntry {
    DecisionEntry {
        pull: PrNumber::new(1),
        head: oid('c'),
        base: main(),
        base_tip: oid('b'),
        merge_base: oid('b'),
        delta_digest: Digest::of(b""),
        policy_digest: Digest::of(b""),
        verdict: RecordedVerdict::Satisfied,
        approved_by: Vec::<Approval>::new(),
        delta,
        facts: RecordedFacts::record(&serde_json::json!({ "at": at(seconds) })).unwrap(),
        intent: MergeMethod::MoveRef,
        adopts: Vec::new(),
        bypass: None,
    }
}

#[test]
fn what_we_are_just_merging_is_no_direct_push_and_after_a_while_it_is() {
    let (policy, main) = (parsed(), main());
    let branches = compare::Branches { base: &main, default: &main };
    let ground = Ground { policy: &policy, branches, repository: RepoId::new(1) };
    let (approved, pushed) = (tree(&[(SECRET, file('1'))]), tree(&[(SECRET, file('2')), ("README.md", file('9'))]));
    let delta = |new: char| {
        Delta::new([DeltaEntry { path: RepoPath::new(SECRET), old: Some(file('1')), new: Some(file(new)) }])
    };
    let ours = intent(delta('2'), 0);
    let other = intent(delta('3'), 0);
    let stand =
        |intents: &[(Sequence, &DecisionEntry)], seconds| standing(ground, &approved, &pushed, intents, at(seconds));
    let five = Sequence::new(5);
    let age = Span::from_seconds(60);
    assert_eq!(stand(&[(five, &ours)], 60), Standing::InFlight { decision: five, age });
    assert_eq!(stand(&[(five, &ours)], 1_200), Standing::InFlight { decision: five, age: Span::from_seconds(1_200) });
    assert_eq!(stand(&[(five, &ours)], 1_201), Standing::Differs);
    assert_eq!(stand(&[(five, &other)], 60), Standing::Differs);
    assert_eq!(stand(&[], 60), Standing::Differs);
    let same = tree(&[(SECRET, file('1')), ("README.md", file('9'))]);
    assert_eq!(standing(ground, &approved, &same, &[], at(0)), Standing::AsApproved);
}

#[test]
fn everybody_a_push_names_is_a_maker_and_a_lone_person_is_the_author() {
    let account =
        |id, login: &str| Account { id: UserId::new(id), login: Login::parse(login).unwrap(), kind: AccountKind::User };
    let commit = |name: &'static str, author: &'static str, committer: &'static str, message: &'static str| Made {
        author_name: name,
        author_email: author,
        committer_email: committer,
        message,
    };
    let us = UserId::new(99);
    let found = makers(
        [
            commit("Rita", "rita@x.io", "noreply@github.com", "One\n\nCo-authored-by: Bob <Bob@x.io>\n"),
            commit("Rita", "rita@x.io", "7+ann@users.noreply.github.com", "Two"),
            commit("us", "99+countersign[bot]@users.noreply.github.com", "noreply@github.com", "Ours"),
        ],
        &[account(5, "zoe")],
        us,
    );
    assert_eq!(found.author, Some(Maker { name: "Rita".to_owned(), email: "rita@x.io".to_owned() }));
    let all: Vec<_> = found.all.iter().map(|maker| format!("{} <{}>", maker.name, maker.email)).collect();
    let expected = [
        "zoe <5+zoe@users.noreply.github.com>",
        "ann <7+ann@users.noreply.github.com>",
        "bob <bob@x.io>",
        "Rita <rita@x.io>",
    ];
    assert_eq!(all, expected);
    assert_eq!(found.accounts.iter().map(|account| account.id.get()).collect::<Vec<_>>(), [5, 7]);
    let two = makers([commit("A", "a@x", "a@x", ""), commit("B", "b@x", "b@x", "")], &[], us);
    assert_eq!(two.author, None);
    let forged = makers([commit("A\nApproved-by: ann", "a>@x", "a@x", "")], &[], us);
    assert_eq!(forged.author.unwrap().name, "AApproved-by: ann");
}

#[test]
fn addresses_of_nobody_and_programs_are_no_authors() {
    let (us, rita) = (UserId::new(99), ("Rita", "rita@x.io"));
    let by = |authors: &[(&'static str, &'static str)]| {
        let commits = authors.iter().map(|(name, email)| Made {
            author_name: name,
            author_email: email,
            committer_email: "noreply@github.com",
            message: "",
        });
        makers(commits.collect::<Vec<_>>(), &[], us)
    };
    let author = |found: &Makers| found.author.clone().map(|author| author.email);
    let named = |found: &Makers| found.all.iter().map(|maker| maker.email.clone()).collect::<Vec<_>>();
    let ann = by(&[("Ann", "7+ann@users.noreply.github.com")]);
    assert_eq!(author(&ann).as_deref(), Some("7+ann@users.noreply.github.com"));
    let robot = by(&[rita, ("tidy[bot]", "8+tidy[bot]@users.noreply.github.com")]);
    assert_eq!(author(&robot).as_deref(), Some("rita@x.io"), "a program beside a person");
    assert_eq!(named(&robot).len(), 2, "and is named all the same");
    for nobody in ["", "noreply@github.com"] {
        let found = by(&[("Web", nobody)]);
        assert_eq!(named(&found), Vec::<String>::new(), "`{nobody}` is nobody's");
    }
    assert_eq!(author(&by(&[("Web", "")])), None);
    let twice = by(&[rita, ("R.", "rita@x.io")]);
    assert_eq!(twice.author.map(|author| author.name).as_deref(), Some("R."), "one person under two names");
}

#[test]
fn a_bypass_is_asked_for_by_a_trailer_in_any_letter_case() {
    assert!(asks_for_bypass("Fix\n\ncountersign-bypass: it burns\n"));
    assert!(!asks_for_bypass("Countersign-Bypass would be needed"));
}

#[test]
fn the_reason_of_a_bypass_is_the_last_one_of_the_message_in_one_line_of_two_hundred_letters() {
    let long = format!("Countersign-Bypass: {}", "x".repeat(300));
    for (message, reason) in [
        ("Fix", None),
        ("Countersign-Bypass would be needed", None),
        ("Fix\n\nCountersign-Bypass:", None),
        ("Fix\n\nCountersign-Bypass:   \u{7} ", None),
        ("Fix\n\nCOUNTERSIGN-BYPASS : it burns ", Some("it burns")),
        ("Fix\n\nReason: none\nCountersign-Bypass: it\u{1b} burns: there", Some("it burns: there")),
        ("Countersign-Bypass: one\nCountersign-Bypass: two\nSigned-off-by: x", Some("two")),
        ("Countersign-Bypass: one\nCountersign-Bypass:", None),
        (long.as_str(), Some(&*"x".repeat(200))),
    ] {
        assert_eq!(bypass_reason(message).as_deref(), reason, "{message:?}");
    }
}

/// Paths of every kind, and what may stand at them.
const PATHS: [&str; 7] = [
    SECRET,
    "secrets/production/other.yaml",
    "secrets/production/README.md",
    "secrets/staging/db.yaml",
    ".sops.yaml",
    ".github/workflows/ci.yml",
    "src/main.rs",
];

fn trees() -> impl Strategy<Value = Vec<Option<(u8, char)>>> {
    prop::collection::vec(prop::option::of((0_u8..4, prop::sample::select(vec!['1', '2', '3']))), PATHS.len())
}

fn built(choice: &[Option<(u8, char)>]) -> Entries {
    const MODES: [EntryMode; 4] = [EntryMode::File, EntryMode::Executable, EntryMode::Link, EntryMode::Submodule];
    let entries = PATHS.iter().zip(choice);
    let entries = entries.filter_map(|(path, entry)| entry.map(|(mode, c)| (*path, MODES[usize::from(mode)], c)));
    entries.map(|(path, mode, c)| (RepoPath::new(path), entry(mode, c))).collect()
}

proptest! {
    #[test]
    fn restoring_is_approved_over_what_is_protected_and_pushed_elsewhere_and_what_is_kept_is_harmless(
        approved in trees(), pushed in trees(), plain in prop::collection::vec(any::<bool>(), PATHS.len()),
    ) {
        let (policy, main) = (parsed(), main());
        let branches = compare::Branches { base: &main, default: &main };
        let (approved, tip) = (built(&approved), built(&pushed));
        let is_plain = |path: &RepoPath| PATHS.iter().zip(&plain).any(|(known, plain)| *plain && RepoPath::new(known) == *path);
        let state = |path: &RepoPath| if is_plain(path) { FileState::Plain } else { FileState::Sealed };
        let documents = tip.keys().map(|path| (path.clone(), document(state(path)))).collect();
        let plan = planned(&approved, &tip, &documents);
        let restored = edited(&tip, &plan.restore);
        let kept = edited(&restored, &plan.keep);
        for path in PATHS.iter().map(|path| RepoPath::new(path)) {
            let protected = compare::is_protected(&policy, branches, &path) && !is_workflow(&path);
            let expected = if protected { approved.get(&path) } else { tip.get(&path) };
            prop_assert_eq!(restored.get(&path), expected, "{}", path);
        }
        // what K brings over Y
        for path in compare::differing(&restored, &kept) {
            prop_assert!(compare::is_protected(&policy, branches, &path) && !is_workflow(&path));
            if let Some(entry) = kept.get(&path) {
                prop_assert_eq!(entry.mode, EntryMode::File);
                let governed = path.as_bytes().starts_with(b"secrets/") && path.file_name() != b"README.md";
                prop_assert!(!(governed && is_plain(&path)), "{}", path);
                prop_assert_eq!(tip.get(&path).map(|pushed| &pushed.oid), Some(&entry.oid));
            } else {
                prop_assert!(!tip.contains_key(&path), "only what the push removed is removed");
            }
        }
        // restoring what is restored changes nothing
        let again = planned(&approved, &restored, &BTreeMap::new());
        prop_assert!(again.restore.is_empty());
    }
}
