//! `run` and `export`: values reach the command or the later steps, and nobody who reads the log.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::Step;

const SECRET: &str = "hunter2-canary";
const LINES: [&str; 2] = ["first line canary", "::set-output name=x::second canary"];

/// A folder with a policy and one document of production, sealed for a new identity.
fn sealed() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let made = Command::new("age-keygen").output().expect("age-keygen is installed");
    let identity = String::from_utf8(made.stdout).unwrap();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".countersign/policy.yaml", crate::harness::POLICY);
    write(".sops.yaml", &format!("creation_rules:\n  - age: {recipient}\n"));
    let plain =
        format!("PASSWORD: {SECRET}\nPORT: 54321\nNOTE: |\n  {}\n  {}\nPERCENT: 100%25-canary\n", LINES[0], LINES[1]);
    write("secrets/production/app.yaml", &plain);
    let git = |arguments: &[&str]| {
        let done = Command::new("git").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q", "-b", "main"]);
    let done = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["encrypt", "-i", "secrets/production/app.yaml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let key = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    (folder, key)
}

fn step(command: &str, key: &str) -> Step {
    Step::new(command).set("ACTION_ENVIRONMENT", "production").set("SOPS_AGE_KEY", key)
}

fn run(step: &Step, folder: &Path, key: &str) -> crate::harness::Stepped {
    step.run(folder, &[SECRET, LINES[0], LINES[1], "54321", "100%25-canary", key])
}

#[test]
fn a_command_has_the_values_and_the_log_has_none_of_them() {
    let (folder, key) = sealed();
    let script = "printf '%s\\n' \"$PASSWORD\" \"$NOTE\" \"$PORT\" \"$PERCENT\"; printf %s \"$PASSWORD\" | base64; \
        printf '%s' \"$NOTE\" > note; echo \"::error::of the command\"; env | grep -c -e ^SOPS_AGE_KEY= -e ^COUNTERSIGN_ -e ^ACTION_ ; exit 7";
    let args = ["sh", "-c", script].join("\n");
    let seen = run(&step("run", &key).set("ACTION_ARGS", &args), folder.path(), &key);
    assert_eq!(seen.code, Some(7), "the command's own code: {seen:#?}");
    assert!(seen.log.contains("***"), "{seen:#?}");
    assert!(!seen.log.contains("aHVudGVyMi1jYW5hcnk"), "nor in base64: {seen:#?}");
    assert_eq!(seen.before_the_masks, 0, "masks come first");
    assert!(seen.errors.is_empty() && seen.other_commands.is_empty(), "what it prints is no command: {seen:#?}");
    assert!(seen.log.lines().any(|line| line == "0"), "the command holds no key: {seen:#?}");
    let note = std::fs::read_to_string(folder.path().join("note")).unwrap();
    assert_eq!(note.trim_end(), LINES.join("\n"));
    assert!(seen.outputs.keys().all(|name| name == "version"), "{seen:#?}");
}

#[test]
fn later_steps_have_the_values_exactly_and_the_log_has_none_of_them() {
    let (folder, key) = sealed();
    let seen = run(&step("export", &key), folder.path(), &key);
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    let of = |name: &str| seen.environment.get(name).map(|value| value.trim_end_matches('\n').to_owned());
    assert_eq!(of("PASSWORD").as_deref(), Some(SECRET));
    assert_eq!(of("NOTE").as_deref(), Some(LINES.join("\n").as_str()));
    assert_eq!(of("PERCENT").as_deref(), Some("100%25-canary"));
    assert!(seen.environment.keys().all(|name| ["PASSWORD", "PORT", "NOTE", "PERCENT"].contains(&name.as_str())));
    assert_eq!(seen.before_the_masks, 0, "masks come first");
    // any other format needs a file to go to
    let seen = run(&step("export", &key).set("ACTION_FORMAT", "env"), folder.path(), &key);
    assert_eq!(seen.code, Some(2), "{seen:#?}");
    let args = "--output=app.env";
    let seen = run(&step("export", &key).set("ACTION_FORMAT", "env").set("ACTION_ARGS", args), folder.path(), &key);
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    assert!(std::fs::read_to_string(folder.path().join("app.env")).unwrap().contains(SECRET));
}

#[test]
fn without_the_identity_nothing_is_opened_and_the_code_is_that_of_sops() {
    let (folder, _) = sealed();
    let (_, other) = sealed();
    let seen = run(&step("run", &other).set("ACTION_ARGS", "touch\nran"), folder.path(), &other);
    assert_eq!(seen.code, Some(128), "{seen:#?}");
    assert_eq!(seen.errors.len(), 1, "{seen:#?}");
    assert!(!folder.path().join("ran").exists());
}
