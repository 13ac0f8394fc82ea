//! `edit`: what the editor sees, what is stored, and that nothing stays behind.
#![cfg(unix)]

use std::io::Read as _;
use std::process::Command;

use crate::bench::{Bench, DOCUMENT};

const CANARY: &str = "canary-c0ffee-27182";

/// A bench whose editor is a script.
fn bench(script: &str) -> Bench {
    let mut bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    bench.write("../editor.sh", script);
    let editor = format!("sh '{}'", bench.home().join("editor.sh").display());
    bench.set("EDITOR", &editor);
    std::fs::create_dir_all(bench.home().join("run")).expect("made");
    let run = bench.home().join("run").display().to_string();
    bench.set("XDG_RUNTIME_DIR", &run);
    bench
}

#[track_caller]
fn nothing_is_left(bench: &Bench) {
    assert_eq!(bench.files(&bench.home().join("run")), Vec::<String>::new());
    let folders = std::fs::read_dir(bench.home().join("run")).expect("there").count();
    assert_eq!(folders, 0, "a directory is left");
}

#[test]
fn the_editor_sees_a_private_file_and_what_it_leaves_beside_it_goes_too() {
    let script = "stat -c %a \"$1\" > seen; stat -c %a \"$(dirname \"$1\")\" >> seen; basename \"$1\" >> seen; cat \"$1\" >> seen\n\
        cp \"$1\" \"$(dirname \"$1\")/.a.yaml.swp\"; sed -i s/hunter2/changed/ \"$1\"\n";
    let bench = bench(script);
    let before = bench.read("a.yaml");
    assert_eq!(bench.run(&["edit", "a.yaml"]).ends(0), "changed a.yaml\n");
    assert_eq!(bench.read("seen"), format!("600\n700\na.yaml\n{DOCUMENT}"));
    assert_eq!(bench.run(&["get", "a.yaml", "db.password"]).fine(), "changed");
    nothing_is_left(&bench);
    // only that value has other text now
    let after = bench.read("a.yaml");
    let changed = before.lines().zip(after.lines()).filter(|(old, new)| old != new);
    let names: Vec<_> = changed.filter_map(|(_, new)| new.trim().split(':').next()).collect();
    assert!(names.len() <= 3 && names.contains(&"password"), "{names:?}");
}

#[test]
fn editors_are_found_and_fail_as_with_sops() {
    let mut bench = bench("exit 0\n");
    let before = bench.read("a.yaml");
    assert_eq!(bench.run(&["edit", "a.yaml"]).ends(200), "a.yaml is unchanged\n");
    bench.set("SOPS_EDITOR", "sh -c 'exit 3'");
    let told = bench.run(&["edit", "a.yaml"]).ends(201);
    assert!(told.contains("the editor `sh` ended with 3"), "{told}");
    bench.set("SOPS_EDITOR", "sh -c 'sed -i s/hunter2/\"a b\"/ \"$1\"' sh");
    bench.run(&["edit", "a.yaml"]).fine();
    assert_eq!(bench.run(&["get", "a.yaml", "db.password"]).fine(), "a b");
    bench.write("a.yaml", &before);
    bench.set("SOPS_EDITOR", "/no/such/editor");
    bench.run(&["edit", "a.yaml"]).ends(201);
    bench.set("SOPS_EDITOR", "sh -c 'unclosed");
    bench.run(&["edit", "a.yaml"]).ends(201);
    bench.unset("SOPS_EDITOR");
    bench.unset("EDITOR");
    bench.set("PATH", "/nowhere");
    let told = bench.run(&["edit", "a.yaml"]).ends(201);
    assert!(told.contains("there is no editor"), "{told}");
    assert_eq!(bench.read("a.yaml"), before);
    nothing_is_left(&bench);
}

#[test]
fn a_mistake_opens_the_editor_again() {
    let script = format!(
        "if [ -e mended ]; then printf 'a: {CANARY}\\n' > \"$1\"; else printf 'a: {CANARY}\\nb: [{CANARY}\\n' > \"$1\"; touch mended; fi\n"
    );
    let bench = bench(&script);
    let told = bench.feed(&["edit", "a.yaml"], "\n").ends(0);
    assert!(told.contains("`a.yaml`: the plain document cannot be read: line "), "{told}");
    assert!(told.contains("Enter opens the editor again") && told.ends_with("changed a.yaml\n"), "{told}");
    assert!(!told.contains(CANARY), "{told}");
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), format!("a: {CANARY}\n"));
    nothing_is_left(&bench);
}

#[test]
fn giving_up_leaves_the_file_as_it_was() {
    let bench = bench("echo 'a: [' > \"$1\"\n");
    let before = bench.read("a.yaml");
    for answer in ["q\n", ""] {
        let told = bench.feed(&["edit", "a.yaml"], answer).ends(2);
        assert!(told.contains("what was written in the editor is gone"), "{told}");
    }
    assert_eq!(bench.read("a.yaml"), before);
    // a top-level `sops` is metadata, and an empty document is none
    let bench = self::bench("echo 'sops: x' > \"$1\"\n");
    bench.feed(&["edit", "a.yaml"], "q\n").ends(203);
    let bench = self::bench(": > \"$1\"\n");
    bench.feed(&["edit", "a.yaml"], "q\n").ends(92);
    nothing_is_left(&bench);
}

#[test]
fn a_signal_ends_the_edit_and_removes_the_plain_text() {
    let bench = bench("echo ready; exec sleep 60\n");
    let before = bench.read("a.yaml");
    for signal in ["TERM", "HUP", "INT"] {
        let mut child = bench.start(&["edit", "a.yaml"]);
        let mut line = [0; 6];
        child.stdout.as_mut().expect("piped").read_exact(&mut line).expect("the editor is open");
        assert_eq!(bench.files(&bench.home().join("run")).len(), 1);
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.expect("sent").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(85), "{signal}");
        nothing_is_left(&bench);
    }
    assert_eq!(bench.read("a.yaml"), before);
}

#[test]
fn a_document_that_is_not_there_is_made() {
    let bench = bench("grep -q example \"$1\" && printf 'key: value\\n' > \"$1\"\n");
    let told = bench.run(&["edit", "new.yaml"]).ends(61);
    assert!(told.contains("nothing says for whom to seal"), "{told}");
    bench.write(".sops.yaml", &format!("creation_rules:\n  - age: {}\n", bench.recipient()));
    assert_eq!(bench.run(&["edit", "new.yaml"]).ends(0), "added new.yaml\n");
    assert!(bench.read("new.yaml").contains("ENC["));
    assert_eq!(bench.run(&["decrypt", "new.yaml"]).fine(), "key: value\n");
    nothing_is_left(&bench);
}

#[test]
fn a_change_of_somebody_else_is_kept_and_so_is_the_edit() {
    let bench = bench("echo '# meanwhile' >> a.yaml; sed -i s/hunter2/mine/ \"$1\"\n");
    let before = bench.read("a.yaml");
    let told = bench.run(&["edit", "a.yaml"]).ends(1);
    assert!(told.contains("what you edited is in `a.edited.yaml`, sealed"), "{told}");
    assert_eq!(bench.read("a.yaml"), format!("{before}# meanwhile\n"));
    assert_eq!(bench.run(&["get", "a.edited.yaml", "db.password"]).fine(), "mine");
}

#[test]
fn what_cannot_be_opened_is_not_edited() {
    let bench = bench("touch opened\n");
    bench.write("plain.yaml", DOCUMENT);
    bench.run(&["edit", "plain.yaml"]).ends(1);
    let text = bench.read("a.yaml");
    let kept: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("port:")).collect();
    bench.write("mixed.yaml", &(kept.join("\n") + "\n"));
    bench.run(&["edit", "mixed.yaml"]).ends(51);
    bench.run(&["edit", "-"]).ends(2);
    assert!(!bench.path("opened").exists());
}
