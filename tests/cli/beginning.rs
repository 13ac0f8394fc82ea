//! `init` in repositories that are empty, begun, or inside something else: what it wrote is whole, and what was there stays.
#![cfg(unix)]

use std::path::Path;

use crate::bench::Bench;

/// A new user in a new repository: no identity anywhere.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.unset("SOPS_AGE_KEY_FILE");
    bench.write("README.md", "# app\n");
    bench.git(&["init", "-q"]);
    bench
}

const KEYS: &str = ".config/sops/age/keys.txt";

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn states(json: &serde_json::Value, state: &str) -> usize {
    json["steps"].as_array().expect("steps").iter().filter(|step| step["state"] == state).count()
}

#[test]
fn what_it_wrote_is_a_whole_beginning() {
    let bench = bench();
    bench.git(&["remote", "add", "origin", "https://github.com/acme/app.git"]);
    let json = bench.run(&["init", "--yes", "--json", "--approver", "alice,bob", "--approver", "cy"]).json();
    assert_eq!((&json["repository"], &json["default_branch"]), (&"acme/app".into(), &"main".into()));
    // nothing is wrong with it, not even a note
    let checked = bench.run(&["check", "--json"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(checked.json()["findings"], serde_json::json!([]), "{}", checked.out);
    let policy = bench.read(".countersign/policy.yaml");
    assert!(policy.starts_with("# yaml-language-server: $schema=policy.schema.json\n"), "{policy}");
    assert!(policy.contains("users: [alice, bob, cy]") && policy.contains("required_approvals: 2"), "{policy}");
    assert!(policy.contains("control: [\".github/workflows/\"]"), "{policy}");
    let schema: serde_json::Value = serde_json::from_str(&bench.read(".countersign/policy.schema.json")).expect("JSON");
    assert_eq!(schema, bench.run(&["schema"]).json());
    // the first value goes in, and sops reads it
    bench.feed(&["set", "-e", "production", "DB_PASSWORD", "-"], "hunter2").fine();
    assert_eq!(bench.run(&["get", "-e", "production", "DB_PASSWORD"]).fine(), "hunter2");
    // both keys are private, and outside
    let (keys, pem) = (bench.home().join(KEYS), bench.home().join(".config/countersign/acme/app.ledger.pem"));
    assert_eq!((mode(&keys), mode(&pem)), (0o600, 0o600));
    assert_eq!(json["signing_key"], pem.display().to_string());
    for file in bench.files(&bench.folder()) {
        let text = String::from_utf8_lossy(&std::fs::read(bench.path(&file)).expect("read")).into_owned();
        assert!(!text.contains("AGE-SECRET-KEY-1") && !text.contains("PRIVATE KEY"), "a key is in {file}");
    }
    // what is to be committed is named, file by file, and git takes it
    let add =
        json["next"].as_array().expect("steps").iter().flat_map(|step| step["commands"].as_array().expect("commands"));
    let add =
        add.filter_map(|command| command.as_str()).find(|command| command.starts_with("git add ")).expect("a command");
    bench.git(&add.split(' ').skip(1).collect::<Vec<_>>());
    assert_eq!(bench.git(&["ls-files", "--others", "--exclude-standard"]), "README.md", "{add}");
}

#[test]
fn done_twice_it_changes_nothing() {
    let bench = bench();
    bench.run(&["init", "--yes", "--approver", "alice,bob,cy"]).fine();
    let files = |bench: &Bench| -> Vec<(String, Vec<u8>)> {
        let names = bench.files(bench.home());
        names.into_iter().map(|name| (name.clone(), std::fs::read(bench.home().join(&name)).expect("read"))).collect()
    };
    let before = files(&bench);
    let json = bench.run(&["init", "--yes", "--json"]).json();
    assert_eq!((states(&json, "done"), states(&json, "left")), (0, 0), "{json:#}");
    assert!(states(&json, "kept") >= 7, "{json:#}");
    assert!(files(&bench) == before, "something changed");
    // what only a new policy could take is not silently dropped
    let told = bench.run(&["init", "--yes", "--approver", "dora"]).ends(2);
    assert!(told.contains("`--approver` has no effect"), "{told}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = bench();
    let before = bench.files(bench.home());
    let text = bench.run(&["init", "--dry-run", "--approver", "alice,bob,cy"]).fine();
    assert!(text.contains("plan  .countersign/policy.yaml") && text.contains("plan  age identity: "), "{text}");
    assert_eq!(bench.files(bench.home()), before);
}

#[test]
fn people_are_never_guessed() {
    let bench = bench();
    let told = bench.run(&["init", "--yes"]).ends(2);
    assert!(told.contains("that is not guessed") && told.contains("--approver"), "{told}");
    let told = bench.run(&["init", "--approver", "alice,bob"]).ends(2);
    assert!(told.contains("no terminal to ask on") && told.contains("--yes"), "{told}");
    let told = bench.run(&["init", "--yes", "--approver", "alice,bob", "--required", "3"]).ends(2);
    assert!(told.contains("these answers make no policy"), "{told}");
    let told = bench.run(&["init", "--yes", "--approver", "alice,bob", "--environment", "Prod"]).ends(2);
    assert!(told.contains("NAME=PATH") || told.contains("production=secrets/production/"), "{told}");
    assert_eq!(bench.files(bench.home()).len(), 2, "{:?}", bench.files(bench.home()));
}

#[test]
fn no_private_key_is_written_into_the_repository() {
    let mut bench = bench();
    let inside = bench.path("config").display().to_string();
    bench.set("XDG_CONFIG_HOME", &inside);
    let told = bench.run(&["init", "--yes", "--approver", "alice,bob"]).ends(11);
    assert!(told.contains("inside the repository") && told.contains("SOPS_AGE_KEY_FILE"), "{told}");
    bench.unset("XDG_CONFIG_HOME");
    let told = bench.run(&["init", "--yes", "--approver", "alice,bob", "--signing-key", "new/ledger.pem"]).ends(11);
    assert!(told.contains("inside the repository") && told.contains("--signing-key"), "{told}");
    assert_eq!(bench.files(&bench.folder()), ["README.md"]);
}

#[test]
fn what_is_there_is_kept_and_taken_up() {
    let mut bench = Bench::new();
    bench.git(&["init", "-q"]);
    let (other, _) = Bench::other_reader();
    let own = bench.recipient();
    bench.write("plain.yaml", "a: b\n");
    std::fs::create_dir_all(bench.path("secrets/live")).expect("made");
    bench.run(&["encrypt", "--age", &format!("{own},{other}"), "-o", "secrets/live/db.yaml", "plain.yaml"]).fine();
    bench.write("secrets/live/open.yaml", "in: the clear\n");
    std::fs::remove_file(bench.path("plain.yaml")).expect("removed");
    let text = bench.run(&["init", "--yes", "--approver", "alice,bob", "--gate", "server"]).fine();
    // the folder is an environment, its readers those of new documents; nothing of yours is made anew
    assert!(bench.read(".countersign/policy.yaml").contains("secrets/live/"), "{text}");
    let rules = bench.read(".sops.yaml");
    assert!(rules.contains(&own) && rules.contains(&other) && rules.contains("^secrets/live/"), "{rules}");
    assert!(text.contains("kept  age identity\n") && !bench.home().join(KEYS).exists(), "{text}");
    assert!(text.contains("left  secrets/live/open.yaml is in the clear"), "{text}");
    assert!(!bench.path(".github").exists() && text.contains("countersign serve"), "{text}");
    // an existing file of rules is not touched, and says who reads
    let begun = Bench::new();
    begun.git(&["init", "-q"]);
    begun.write(".sops.yaml", &format!("creation_rules:\n  - age: {other}\n"));
    begun.write(".gitignore", "");
    let text = begun.run(&["init", "--yes", "--approver", "alice,bob"]).fine();
    assert!(text.contains("kept  .sops.yaml") && text.contains("you are not among its readers"), "{text}");
    bench.unset("SOPS_AGE_KEY_FILE");
}
