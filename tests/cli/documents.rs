//! `encrypt`, `decrypt`, `get`, `list`, `set`, `unset` on files.

use crate::bench::{Bench, DOCUMENT};

#[test]
fn what_is_sealed_opens_to_the_same_text() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let sealed = bench.read("a.yaml");
    assert!(!sealed.contains("hunter2") && sealed.contains("note_unencrypted: readable"), "{sealed}");
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), DOCUMENT);
}

#[test]
fn one_value_is_printed_byte_for_byte_and_nothing_else() {
    let bench = Bench::new();
    bench.sealed("a.yaml", "s: |\n    two\n    lines\nn: 1.50\nb: true\nnested: {a: x, b: [1, 2]}\n");
    for (key, want) in [
        ("s", "two\nlines\n"),
        ("n", "1.5"),
        ("b", "true"),
        ("nested.a", "x"),
        ("[\"nested\"][\"b\"][1]", "2"),
        ("nested['b'][0]", "1"),
    ] {
        let ran = bench.run(&["get", "a.yaml", key]);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (want, "", 0), "{key}");
    }
    let json = bench.run(&["get", "--json", "a.yaml", "nested.b[1]"]).json();
    assert_eq!((json["key"].as_str(), json["value"].as_i64()), (Some("nested.b[1]"), Some(2)));
}

#[test]
fn escapes_in_a_value_are_its_own_and_reach_the_pipe() {
    let bench = Bench::new();
    bench.sealed("a.yaml", "s: \"\\e[31mred\\e[0m\"\n");
    assert_eq!(bench.run(&["get", "a.yaml", "s"]).out, "\u{1b}[31mred\u{1b}[0m");
}

#[test]
fn a_missing_key_names_the_nearest_one() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let told = bench.run(&["get", "a.yaml", "db.pasword"]).ends(1);
    assert_eq!(told, "error: `a.yaml` has no key `db.pasword`\nhelp: did you mean `db.password`?\n");
    let told = bench.run(&["decrypt", "--extract", "[\"nothing like it\"]", "a.yaml"]).ends(1);
    assert!(told.contains("`countersign list a.yaml` names its keys"), "{told}");
    bench.run(&["get", "a.yaml", "a..b"]).ends(2);
    bench.run(&["decrypt", "--extract", "a..b", "a.yaml"]).ends(91);
    let told = bench.run(&["get", "a.yaml", "sops.mac"]).ends(2);
    assert!(told.contains("holds the metadata"), "{told}");
}

#[test]
fn listing_needs_no_identity_and_shows_no_value() {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    bench.unset("SOPS_AGE_KEY_FILE");
    let text = bench.run(&["list", "a.yaml"]).fine();
    assert_eq!(
        text,
        "db.password       sealed   text\n\
         db.port           sealed   integer\n\
         hosts[0]          sealed   text\n\
         hosts[1]          sealed   text\n\
         note_unencrypted  plain    text\n"
    );
    let json = bench.run(&["list", "--json", "a.yaml"]).json();
    assert_eq!(json["files"][0]["keys"][0]["key"], "db.password");
    assert_eq!(json["files"][0]["recipients"][0], bench.recipient());
}

#[test]
fn listing_points_at_leaks_and_damage() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let text = bench.read("a.yaml");
    let leak = text.lines().map(|line| if line.trim_start().starts_with("port:") { "    port: 1" } else { line });
    bench.write("a.yaml", &(leak.collect::<Vec<_>>().join("\n") + "\n"));
    let text = bench.run(&["list", "a.yaml"]).fine();
    assert!(text.contains("db.port           plain    integer  in the clear, and should be sealed"), "{text}");
}

#[test]
fn a_value_comes_from_standard_input_a_file_or_with_a_warning_from_an_argument() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let get = |key: &str| bench.run(&["get", "a.yaml", key]).fine();
    assert_eq!(
        bench.feed(&["set", "a.yaml", "db.password", "-"], "first\n").ends(0),
        "changed db.password in a.yaml\n"
    );
    assert_eq!(get("db.password"), "first");
    bench.feed(&["set", "a.yaml", "db.password", "--stdin"], "sec\nond\r\n").fine();
    assert_eq!(get("db.password"), "sec\nond");
    bench.write("value.txt", "third\n");
    bench.run(&["set", "a.yaml", "db.new", "--file", "value.txt"]).fine();
    assert_eq!(get("db.new"), "third\n");
    let told = bench.run(&["set", "a.yaml", "db.password", "fourth"]).ends(0);
    assert!(told.starts_with("warning: the value stood on the command line"), "{told}");
    assert_eq!(get("db.password"), "fourth");
    let told = bench.run(&["set", "a.yaml", "db.password"]).ends(2);
    assert!(told.contains("there is no terminal to ask on"), "{told}");
    let told = bench.feed(&["set", "a.yaml", "db.password", "-"], "\n").ends(2);
    assert!(told.contains("the value is empty"), "{told}");
    bench.feed(&["set", "a.yaml", "db.password", "x", "--stdin"], "y").ends(2);
    bench.run(&["set", "a.yaml"]).ends(2);
}

#[test]
fn numbers_and_branches_are_given_as_json() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let set = |key: &str, json: &str| bench.feed(&["set", "--type", "json", "a.yaml", key, "-"], json);
    assert!(!set("db.port", "5433").ends(0).contains("warning"));
    set("flags", "{\"a\": true, \"b\": [1, 2.5]}").fine();
    assert_eq!(bench.run(&["get", "a.yaml", "flags.b[1]"]).fine(), "2.5");
    let list = bench.run(&["list", "a.yaml"]).fine();
    assert!(list.contains("db.port           sealed   integer"), "{list}");
    let told = set("db.port", "not json hunter3").ends(7);
    assert!(told.contains("not a JSON value") && !told.contains("hunter3"), "{told}");
    let told = bench.feed(&["set", "a.yaml", "db.port", "-"], "5433").ends(0);
    assert!(told.contains("`db.port` was integer before and is text now"), "{told}");
}

#[test]
fn nothing_to_do_is_an_exit_code_of_its_own() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let before = bench.read("a.yaml");
    bench.feed(&["set", "a.yaml", "db.password", "-"], "hunter2").ends(200);
    bench.feed(&["set", "--idempotent", "a.yaml", "db.password", "-"], "hunter2").fine();
    bench.run(&["unset", "a.yaml", "db.none"]).ends(1);
    bench.run(&["unset", "--idempotent", "a.yaml", "db.none"]).fine();
    assert_eq!(bench.read("a.yaml"), before);
}

#[test]
fn only_what_was_named_changes_in_the_file() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let before = bench.read("a.yaml");
    bench.feed(&["set", "a.yaml", "db.password", "-"], "other").fine();
    let after = bench.read("a.yaml");
    let changed: Vec<_> =
        before.lines().zip(after.lines()).filter(|(old, new)| old != new).map(|(_, new)| new).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    let names: Vec<_> = changed.iter().filter_map(|line| line.trim().split(':').next()).collect();
    assert!(names.len() <= 3 && names.contains(&"password") && names.contains(&"mac"), "{names:?}");
}

#[test]
fn a_branch_is_not_overwritten_by_one_value_and_sops_is_out_of_reach() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let before = bench.read("a.yaml");
    let told = bench.feed(&["set", "a.yaml", "db", "-"], "x").ends(1);
    assert!(told.contains("one value would replace them all"), "{told}");
    for key in ["sops", "sops.mac", "[\"sops\"][\"x\"]"] {
        bench.feed(&["set", "a.yaml", key, "-"], "x").ends(2);
    }
    assert_eq!(bench.read("a.yaml"), before);
}

#[test]
fn unset_removes_a_key_or_a_branch() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    assert_eq!(bench.run(&["unset", "a.yaml", "hosts[0]"]).ends(0), "removed hosts[0] from a.yaml\n");
    assert_eq!(bench.run(&["get", "a.yaml", "hosts[0]"]).fine(), "b.example");
    assert_eq!(bench.run(&["unset", "a.yaml", "db"]).ends(0), "removed db and the 2 values below it from a.yaml\n");
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine().lines().filter(|line| line.contains("db")).count(), 0);
}

#[cfg(unix)]
#[test]
fn mode_and_links_survive_a_change_and_nothing_is_left_behind() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    std::fs::set_permissions(bench.path("a.yaml"), std::fs::Permissions::from_mode(0o640)).expect("set");
    std::os::unix::fs::symlink("a.yaml", bench.path("link.yaml")).expect("linked");
    bench.feed(&["set", "link.yaml", "db.password", "-"], "x").fine();
    assert!(std::fs::symlink_metadata(bench.path("link.yaml")).expect("there").is_symlink());
    assert_eq!(bench.run(&["get", "a.yaml", "db.password"]).fine(), "x");
    assert_eq!(std::fs::metadata(bench.path("a.yaml")).expect("there").permissions().mode() & 0o777, 0o640);
    let names: Vec<_> =
        std::fs::read_dir(bench.folder()).expect("there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[cfg(unix)]
#[test]
fn plain_text_goes_to_files_only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    bench.run(&["decrypt", "a.yaml", "-o", "plain.yaml"]).fine();
    assert_eq!(bench.read("plain.yaml"), DOCUMENT);
    let mode = std::fs::metadata(bench.path("plain.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = bench.run(&["decrypt", "-i", "a.yaml"]).ends(0);
    assert!(told.contains("a.yaml stands in the clear"), "{told}");
    assert_eq!(bench.read("a.yaml"), DOCUMENT);
    bench.run(&["encrypt", "-i", "--age", &bench.recipient(), "a.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), DOCUMENT);
}

#[test]
fn recipients_come_from_the_creation_rule_unless_named() {
    let mut bench = Bench::new();
    let age = bench.recipient();
    bench.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - path_regex: ^secrets/\n    age: {age}\n    encrypted_regex: ^db$\n"),
    );
    bench.write("secrets/a.yaml", DOCUMENT);
    bench.run(&["encrypt", "-i", "secrets/a.yaml"]).fine();
    let list = bench.run(&["list", "secrets/a.yaml"]).fine();
    assert!(list.contains("hosts[0]          plain"), "{list}");
    bench.write("b.yaml", DOCUMENT);
    let told = bench.run(&["encrypt", "b.yaml"]).ends(61);
    assert!(told.contains("no creation rule of `.sops.yaml` fits `b.yaml`"), "{told}");
    bench.run(&["encrypt", "--age", &age, "b.yaml"]).fine();
    bench.set("SOPS_AGE_RECIPIENTS", &age);
    bench.run(&["encrypt", "b.yaml"]).fine();
    bench.write("other.yaml", "creation_rules:\n  - age: nonsense\n");
    bench.unset("SOPS_AGE_RECIPIENTS");
    let told = bench.run(&["encrypt", "--config", "other.yaml", "b.yaml"]).ends(111);
    assert!(told.contains("it is not an age recipient"), "{told}");
    bench.run(&["encrypt", "--config", "missing.yaml", "b.yaml"]).ends(61);
}

#[test]
fn what_cannot_be_done_ends_with_the_number_of_sops() {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    bench.write("plain.yaml", DOCUMENT);
    let told = bench.run(&["encrypt", "--age", &bench.recipient(), "a.yaml"]).ends(203);
    assert!(told.contains("already has a `sops` key"), "{told}");
    bench.run(&["decrypt", "missing.yaml"]).ends(100);
    bench.run(&["decrypt", "plain.yaml"]).ends(1);
    bench.run(&["encrypt", "plain.yaml"]).ends(61);
    bench.write("broken.yaml", "a: [\n");
    bench.run(&["decrypt", "broken.yaml"]).ends(2);
    let text = bench.read("a.yaml");
    let mixed: Vec<_> =
        text.lines().filter(|line| !line.contains("b.example") && !line.trim().starts_with("password")).collect();
    bench.write("mixed.yaml", &(mixed.join("\n") + "\n"));
    let told = bench.run(&["decrypt", "mixed.yaml"]).ends(51);
    assert!(told.contains("the MAC does not match"), "{told}");
    bench.run(&["decrypt", "--ignore-mac", "mixed.yaml"]).fine();
    bench.unset("SOPS_AGE_KEY_FILE");
    let told = bench.run(&["decrypt", "a.yaml"]).ends(128);
    assert!(told.contains("no age identity was given"), "{told}");
    bench.run(&["encrypt", "--output-type", "dotenv", "--age", &bench.recipient(), "plain.yaml"]).ends(4);
    bench.run(&["decrypt", "--input-type", "xml", "a.yaml"]).ends(2);
}

#[test]
fn identities_are_looked_for_where_sops_looks() {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", "a: x\n");
    let (identity, file) = (bench.identity(), bench.home().join("identity.txt").display().to_string());
    bench.unset("SOPS_AGE_KEY_FILE");
    let works = |bench: &Bench| bench.run(&["get", "a.yaml", "a"]);
    bench.set("SOPS_AGE_KEY", &format!("{} {identity}", sops_file::Identities::generate().expose().trim()));
    assert_eq!(works(&bench).fine(), "x");
    bench.unset("SOPS_AGE_KEY");
    bench.set("SOPS_AGE_KEY_CMD", &format!("sh -c 'test -n \"$SOPS_AGE_RECIPIENT\" && cat \"{file}\"'"));
    assert_eq!(works(&bench).fine(), "x");
    bench.set("SOPS_AGE_KEY_CMD", "sh -c 'exit 3'");
    let told = works(&bench).ends(128);
    assert!(told.contains("because: the command of SOPS_AGE_KEY_CMD failed"), "{told}");
    bench.unset("SOPS_AGE_KEY_CMD");
    bench.write("../.config/sops/age/keys.txt", &format!("# created\n{identity}\n"));
    if !cfg!(target_os = "macos") {
        assert_eq!(works(&bench).fine(), "x");
    }
    let config = bench.home().join("elsewhere").display().to_string();
    bench.set("XDG_CONFIG_HOME", &config);
    works(&bench).ends(128);
    bench.write("../elsewhere/sops/age/keys.txt", &identity);
    assert_eq!(works(&bench).fine(), "x");
    // one bad source hides no good one
    bench.set("SOPS_AGE_KEY_FILE", "/nowhere");
    assert_eq!(works(&bench).fine(), "x");
}

#[test]
fn standard_input_is_a_document_when_its_format_is_named() {
    let bench = Bench::new();
    let age = bench.recipient();
    let sealed = bench.feed(&["encrypt", "--age", &age, "--filename-override", "x.yaml", "-"], DOCUMENT).fine();
    assert_eq!(bench.feed(&["decrypt", "--input-type", "yaml", "-"], &sealed).fine(), DOCUMENT);
    let told = bench.feed(&["decrypt", "-"], &sealed).ends(2);
    assert!(told.contains("--input-type yaml"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_value_that_is_typed_is_not_shown() {
    let here = std::process::Command::new("script").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !here {
        eprintln!("SKIPPED: there is no `script`; nothing was typed on a terminal");
        return;
    }
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    // types once the question stands there and the terminal has stopped showing what is typed
    let typing = "while ! grep -q 'not shown' seen 2>/dev/null; do sleep 0.05; done; sleep 1.5; printf 'typed-value\\n'; sleep 0.5";
    let program = env!("CARGO_BIN_EXE_countersign");
    let command = format!("({typing}) | script -qefc '{program} set a.yaml db.password' seen >/dev/null");
    bench.program("sh", &["-c", &command], "").fine();
    let seen = bench.read("seen");
    assert!(seen.contains("value of db.password (not shown): ") && seen.contains("changed db.password"), "{seen}");
    assert!(!seen.contains("typed-value"), "{seen}");
    assert_eq!(bench.run(&["get", "a.yaml", "db.password"]).fine(), "typed-value");
}
