//! `verify` and `ledger` on plain clones of a repository whose ledger says what was adopted. (Decisions are proven on the ledger of
//! a running server, in the scenarios.)

use countersign_core::domain::{Digest, EntryMode, Oid, RefName, RepoId, RepoName, RepoPath, ResolvedNames, Timestamp};
use countersign_core::ledger::{
    AdoptedEntry, AdoptedPath, Adoption, Entry, KeyClass, LedgerState, PolicyEntry, RootKey, SigningKey, append,
};

use crate::bench::Bench;

const POLICY: &str = "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: all, environments: \"*\", approvers: {users: [ann, bob, cy]}}
admins: {approvers: {users: [ann, bob, cy]}}
";
const REF: &str = "refs/heads/countersign/ledger";

/// A repository with a ledger in `work`, its key, and a clone of it in `clone`, where the program runs.
pub(crate) struct Adopted {
    pub(crate) bench: Bench,
    key: SigningKey,
    pub(crate) commit: String,
    policy: &'static str,
}

pub(crate) fn adopted() -> Adopted {
    adopted_with(POLICY)
}

/// The same under another policy of the same environments.
pub(crate) fn adopted_with(policy: &'static str) -> Adopted {
    let bench = Bench::new();
    bench.write(".countersign/policy.yaml", policy);
    bench.write("secrets/production/a.yaml", "a: 1\n");
    bench.write("secrets/staging/b.yaml", "b: 1\n");
    bench.write("README.md", "# app\n");
    bench.git(&["init", "-q"]);
    bench.git(&["add", "-A"]);
    bench.git(&["commit", "-qm", "first"]);
    let commit = bench.git(&["rev-parse", "HEAD"]);
    let key = SigningKey::from_randomness(&[7; 32]);
    let mut adopted = Adopted { bench, key, commit, policy };
    adopted.put(&adopted.entries(&adopted.key), None);
    adopted.bench.git(&["clone", "-q", ".", "../clone"]);
    adopted.bench.enter("clone");
    adopted
}

impl Adopted {
    /// The entries of an adoption, signed.
    fn entries(&self, key: &SigningKey) -> Vec<Vec<u8>> {
        let main = RefName::branch("main").expect("a branch");
        let commit = Oid::parse(&self.commit).expect("an id");
        let path = |path: &str| AdoptedPath {
            path: RepoPath::new(path),
            mode: EntryMode::File,
            oid: Oid::parse(&self.bench.git(&["rev-parse", &format!("{}:{path}", self.commit)])).expect("an id"),
        };
        let paths =
            [".countersign/policy.yaml", "secrets/production/a.yaml", "secrets/staging/b.yaml"].map(path).to_vec();
        let blob = paths[0].oid.clone();
        let first = Entry::Adopted(AdoptedEntry {
            commit: commit.clone(),
            branch: main.clone(),
            default_branch: main.clone(),
            root_key: RootKey { public_key: key.public(), class: KeyClass::Server },
            paths,
            how: Adoption::Explicit,
        });
        let second = Entry::Policy(PolicyEntry {
            branch: main,
            commit,
            blob,
            text: self.policy.to_owned(),
            digest: Digest::of(self.policy.as_bytes()),
            names: ResolvedNames::default(),
            previous_digest: None,
        });
        let mut state = LedgerState::empty(Some(RepoId::new(1)), RefName::parse(REF).expect("a reference"));
        let name = RepoName::parse("acme/app").expect("a name");
        let mut written = Vec::new();
        for entry in [first, second] {
            let at = Timestamp::from_seconds(1_780_000_000);
            let (bytes, next) = append(&state, (RepoId::new(1), name.clone()), &entry, key, at).expect("appended");
            state = next;
            written.push(bytes);
        }
        written
    }

    /// Commits entries on top of `tip` and moves the ledger of the folder we are in there.
    fn put(&self, entries: &[Vec<u8>], tip: Option<&str>) -> String {
        let mut tip = tip.map(str::to_owned);
        for entry in entries {
            self.bench.write("../entry.json", std::str::from_utf8(entry).expect("text"));
            let blob = self.bench.git(&["hash-object", "-w", "../entry.json"]);
            let tree = self.bench.program("git", &["mktree"], &format!("100644 blob {blob}\tentry.json\n")).fine();
            let mut arguments = vec!["commit-tree", "-m", "entry", tree.trim()];
            if let Some(tip) = &tip {
                arguments.extend(["-p", tip]);
            }
            tip = Some(self.bench.git(&arguments));
        }
        let tip = tip.expect("an entry");
        self.bench.git(&["update-ref", REF, &tip]);
        tip
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.key.fingerprint().to_string()
    }

    /// Does something in the repository that was cloned.
    pub(crate) fn at_origin<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        self.bench.enter("work");
        let done = work(self);
        self.bench.enter("clone");
        done
    }
}

#[test]
fn an_adopted_state_is_covered_when_the_root_key_is_pinned() {
    let world = adopted();
    let pin = world.fingerprint();
    let text = world.bench.run(&["verify", "--trust", &pin]).fine();
    let short = &world.commit[..7];
    assert_eq!(
        text,
        format!(
            "commit {short} · ledger of 2 entries · root key {pin}\n\n\
             ✔ production  covered by L-1 · as adopted\n\
             ✔ staging     covered by L-1 · as adopted\n\n\
             ✔ verified: what stands at {short} is what was approved\n"
        )
    );
    let json = world.bench.run(&["verify", "--json", "--trust", &pin, "-e", "staging", &world.commit]).json();
    assert_eq!((json["version"].as_i64(), json["trust"].as_str()), (Some(1), Some("pinned")));
    assert_eq!(json["commit"], world.commit.as_str());
    assert_eq!(json["environments"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["environments"][0]["entry"], "L-1");
    assert_eq!(json["ledger"]["entries"], 2);
}

#[test]
fn without_a_pin_nothing_is_verified_and_the_pin_is_offered() {
    let mut world = adopted();
    let ran = world.bench.run(&["verify"]);
    assert_eq!(ran.code, 14, "{}", ran.err);
    assert!(ran.out.contains("✔ production  covered by L-1"), "{}", ran.out);
    assert!(ran.out.contains("✗ not verified: trust is not pinned"), "{}", ran.out);
    assert!(ran.out.contains(&format!("countersign verify --trust {}", world.fingerprint())), "{}", ran.out);
    let ran = world.bench.run(&["verify", "--json"]);
    assert_eq!((ran.code, ran.json()["trust"].as_str()), (14, Some("unpinned")));
    let pin = world.fingerprint();
    world.bench.set("COUNTERSIGN_TRUST", &pin);
    world.bench.run(&["verify"]).fine();
}

#[test]
fn another_root_key_than_the_pinned_one_proves_nothing() {
    let world = adopted();
    let other = SigningKey::from_randomness(&[8; 32]).fingerprint().to_string();
    let ran = world.bench.run(&["verify", "--trust", &other]);
    assert_eq!(ran.code, 14);
    assert!(ran.out.contains("✗ ledger-root: ") && ran.out.contains("✗ not verified"), "{}", ran.out);
    world.bench.run(&["verify", "--trust", &other, "--trust", &world.fingerprint()]).fine();
    let told = world.bench.run(&["verify", "--trust", "sha256:abc"]).ends(2);
    assert!(told.contains("take the whole fingerprint"), "{told}");
}

#[test]
fn what_was_changed_without_approval_is_named() {
    let world = adopted();
    world.bench.write("secrets/production/a.yaml", "a: 2\n");
    world.bench.write("secrets/production/new.yaml", "a: 2\n");
    world.bench.write("README.md", "# changed\n");
    world.bench.git(&["add", "-A"]);
    world.bench.git(&["commit", "-qm", "change"]);
    let pin = world.fingerprint();
    let ran = world.bench.run(&["verify", "--trust", &pin]);
    assert_eq!(ran.code, 14);
    assert!(ran.out.contains("✗ production  not approved: 2 paths differ from what is approved\n    secrets/production/a.yaml\n    secrets/production/new.yaml\n"), "{}", ran.out);
    assert!(ran.out.contains("✔ staging     covered by L-1"), "{}", ran.out);
    world.bench.run(&["verify", "--trust", &pin, "-e", "staging"]).fine();
    world.bench.run(&["verify", "--trust", &pin, "-e", "production"]).ends(14);
    world.bench.run(&["verify", "--trust", &pin, "HEAD~1"]).fine();
    let json = world.bench.run(&["verify", "--json", "--trust", &pin]).json();
    assert_eq!(json["environments"][0]["covered"], false);
    assert_eq!(json["environments"][0]["reason"], "uncovered");
}

#[test]
fn a_forged_entry_is_caught_and_junk_is_only_noted() {
    let mut world = adopted();
    let pin = world.fingerprint();
    let tip = world.bench.git(&["rev-parse", "refs/remotes/origin/countersign/ledger"]);
    let forged = world.at_origin(|world| {
        let forger = SigningKey::from_randomness(&[9; 32]);
        let mut entries = world.entries(&forger);
        world.put(&[entries.remove(1)], Some(&tip))
    });
    let ran = world.bench.run(&["verify", "--trust", &pin]);
    assert_eq!(ran.code, 0, "signed by nobody it knows: junk\n{}{}", ran.out, ran.err);
    assert!(ran.out.contains("! ledger-junk: "), "{}", ran.out);
    // an entry of the ledger itself, put there a second time
    world.at_origin(|world| {
        let entries = world.entries(&world.key);
        world.put(&entries[1..], Some(&forged));
    });
    let ran = world.bench.run(&["verify", "--trust", &pin]);
    assert_eq!(ran.code, 14, "{}", ran.out);
    assert!(ran.out.contains("✗ not verified: the ledger is not valid"), "{}", ran.out);
    assert!(ran.out.contains("✗ production  unknown: the ledger is not valid"), "{}", ran.out);
    assert!(world.bench.run(&["ledger", "show"]).code == 14);
}

#[test]
fn a_ledger_that_forgot_what_this_clone_saw_is_not_believed() {
    let mut world = adopted();
    let pin = world.fingerprint();
    world.bench.run(&["verify", "--trust", &pin]).fine();
    let tip = world.bench.git(&["rev-parse", "refs/remotes/origin/countersign/ledger"]);
    world.at_origin(|world| world.bench.git(&["update-ref", REF, &format!("{tip}~1")]));
    let ran = world.bench.run(&["verify", "--trust", &pin]);
    assert_eq!(ran.code, 14);
    assert!(ran.out.contains("ledger-missing"), "{}", ran.out);
}

#[test]
fn without_a_ledger_nothing_is_verified() {
    let mut world = adopted();
    world.at_origin(|world| world.bench.git(&["update-ref", "-d", REF]));
    world.bench.git(&["update-ref", "-d", "refs/remotes/origin/countersign/ledger"]);
    let ran = world.bench.run(&["verify"]);
    assert_eq!(ran.code, 14, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("✗ not verified: there is no ledger"), "{}", ran.out);
    let json = world.bench.run(&["verify", "--json"]).json();
    assert_eq!(json["ledger"]["problems"][0]["code"], "ledger-empty");
    world.bench.run(&["verify", "--ledger-ref", "ledger"]).ends(2);
}

#[test]
fn offline_nobody_is_asked() {
    let mut world = adopted();
    let pin = world.fingerprint();
    std::fs::rename(world.bench.home().join("work"), world.bench.home().join("gone")).expect("moved");
    let told = world.bench.run(&["verify", "--trust", &pin]).ends(1);
    assert!(told.contains("cannot be fetched from origin") && told.contains("--offline"), "{told}");
    world.bench.run(&["verify", "--offline", "--trust", &pin]).fine();
    // a repository without a remote, as on the server itself
    world.bench.enter("gone");
    world.bench.run(&["verify", "--trust", &pin]).fine();
}

#[test]
fn wrong_questions_are_refused() {
    let world = adopted();
    let told = world.bench.run(&["verify", "nothing"]).ends(2);
    assert!(told.contains("`nothing` names no commit"), "{told}");
    let told = world.bench.run(&["verify", "-e", "prod"]).ends(2);
    assert!(told.contains("it has `production`, `staging`"), "{told}");
    let bench = Bench::new();
    let told = bench.run(&["verify"]).ends(1);
    assert!(told.contains("run this inside a clone"), "{told}");
}

#[test]
fn the_ledger_is_shown_and_exported() {
    let world = adopted();
    let text = world.bench.run(&["ledger", "show"]).fine();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("L-1  2026-05-28 20:26  adopted  main at "), "{text}");
    assert!(lines[1].contains("policy "), "{text}");
    let json = world.bench.run(&["ledger", "show", "--json"]).json();
    assert_eq!((json["valid"].as_bool(), json["entries"][0]["entry"].as_str()), (Some(true), Some("L-1")));
    assert_eq!(json["root"], world.fingerprint());
    let entry = world.bench.run(&["ledger", "show", "L-2"]).json();
    assert_eq!(entry["predicate"]["entry"]["text"], POLICY);
    world.bench.run(&["ledger", "show", "L-3"]).ends(2);
    world.bench.run(&["ledger", "show", "three"]).ends(2);
    world.bench.run(&["ledger", "export", "-o", "ledger.jsonl"]).fine();
    let exported = world.bench.read("ledger.jsonl");
    assert_eq!(exported.lines().count(), 2);
    for line in exported.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(line["envelope"]["signatures"][0]["sig"].is_string() && line["statement"]["predicate"].is_object());
    }
}
