//! `rotate`, `updatekeys`, `recipients`: who reads a document, and nobody else.

use crate::bench::{Bench, DOCUMENT};

fn rule(bench: &Bench, recipients: &[&str]) {
    bench.write(".sops.yaml", &format!("creation_rules:\n  - age: {}\n", recipients.join(",")));
}

fn readers(bench: &Bench, file: &str) -> Vec<String> {
    bench
        .run(&["recipients", file])
        .fine()
        .lines()
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// Whether somebody else opens the document.
fn opens(bench: &mut Bench, identity: &str, file: &str) -> bool {
    let own = bench.home().join("identity.txt").display().to_string();
    bench.unset("SOPS_AGE_KEY_FILE");
    bench.set("SOPS_AGE_KEY", identity);
    let code = bench.run(&["decrypt", file]).code;
    bench.unset("SOPS_AGE_KEY");
    bench.set("SOPS_AGE_KEY_FILE", &own);
    assert!(code == 0 || code == 128, "{code}");
    code == 0
}

#[test]
fn the_readers_become_those_of_the_rule_after_a_question() {
    let mut bench = Bench::new();
    let (other, identity) = Bench::other_reader();
    bench.sealed("a.yaml", DOCUMENT);
    let (before, own) = (bench.read("a.yaml"), bench.recipient());
    rule(&bench, &[&own, &other]);
    let told = bench.feed(&["updatekeys", "a.yaml"], "n\n").ends(0);
    assert!(told.contains(&format!("  + {other}  can open it from now on\n")), "{told}");
    assert!(told.contains(&format!("    {own}\n")), "{told}");
    assert!(told.ends_with("Change its readers? (y/n): nothing was changed\n"), "{told}");
    bench.run(&["updatekeys", "a.yaml"]).ends(2);
    assert_eq!(bench.read("a.yaml"), before);
    bench.feed(&["updatekeys", "a.yaml"], "y\n").fine();
    assert!(opens(&mut bench, &identity, "a.yaml"));
    // values, MAC and time keep their text
    let (after, mac) = (bench.read("a.yaml"), |text: &str| {
        text.lines()
            .filter(|line| line.contains("ENC[AES256") || line.contains("lastmodified"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    assert_eq!(mac(&before), mac(&after));
    assert_eq!(bench.run(&["updatekeys", "-y", "a.yaml"]).ends(0), "a.yaml is up to date\n");
    rule(&bench, &[&own]);
    bench.run(&["updatekeys", "-y", "--rotate", "a.yaml"]).fine();
    assert!(!opens(&mut bench, &identity, "a.yaml"));
    assert_ne!(mac(&bench.read("a.yaml")), mac(&after));
    std::fs::remove_file(bench.path(".sops.yaml")).expect("removed");
    bench.run(&["updatekeys", "-y", "a.yaml"]).ends(61);
}

#[test]
fn one_question_is_asked_for_all_documents() {
    let bench = Bench::new();
    let (other, _) = Bench::other_reader();
    bench.sealed("s/a.yaml", DOCUMENT);
    bench.sealed("s/b.yaml", DOCUMENT);
    bench.write("s/plain.yaml", "x: y\n");
    rule(&bench, &[&bench.recipient(), &other]);
    let told = bench.feed(&["updatekeys", "s"], "yes\n").ends(0);
    assert_eq!(told.matches("(y/n)").count(), 1, "{told}");
    assert!(told.contains("Change the readers of 2 files?") && told.ends_with("2 updated\n"), "{told}");
    let json = bench.run(&["updatekeys", "--json", "-y", "s"]).json();
    assert_eq!(json["files"][1]["result"], "unchanged");
}

#[test]
fn a_new_data_key_is_not_sealed_for_a_reader_that_slipped_in() {
    let mut bench = Bench::new();
    let (intruder, identity) = Bench::other_reader();
    bench.sealed("a.yaml", DOCUMENT);
    rule(&bench, &[&bench.recipient()]);
    // somebody adds himself with a stanza that opens nothing; the MAC does not notice
    let text = bench.read("a.yaml");
    let at = text.find("        - enc: |").expect("a list of readers");
    let junk = format!("        - enc: |\n            junk\n          recipient: {intruder}\n");
    let tampered = format!("{}{junk}{}", &text[..at], &text[at..]);
    bench.write("a.yaml", &tampered);
    bench.run(&["decrypt", "a.yaml"]).fine();
    let told = bench.run(&["rotate", "-i", "a.yaml"]).ends(1);
    assert!(told.contains(&format!("is sealed for `{intruder}`, whom its creation rule does not name")), "{told}");
    assert_eq!(bench.read("a.yaml"), tampered);
    bench.feed(&["updatekeys", "a.yaml"], "y\n").fine();
    bench.run(&["rotate", "-i", "a.yaml"]).fine();
    assert!(!opens(&mut bench, &identity, "a.yaml"));
    // who is wanted is named
    bench.run(&["rotate", "-i", "--add-age", &intruder, "a.yaml"]).fine();
    assert!(opens(&mut bench, &identity, "a.yaml"));
    bench.run(&["rotate", "-i", "a.yaml"]).ends(1);
    bench.run(&["rotate", "-i", "--keep-recipients", "a.yaml"]).fine();
    bench.run(&["rotate", "-i", "--rm-age", &intruder, "a.yaml"]).fine();
    assert!(!opens(&mut bench, &identity, "a.yaml"));
}

#[test]
fn rotate_prints_one_document_unless_it_is_told_where() {
    let bench = Bench::new();
    bench.sealed("a.yaml", DOCUMENT);
    let before = bench.read("a.yaml");
    let printed = bench.run(&["rotate", "a.yaml"]).fine();
    assert_eq!(bench.read("a.yaml"), before);
    bench.write("b.yaml", &printed);
    assert_eq!(bench.run(&["decrypt", "b.yaml"]).fine(), DOCUMENT);
    let diff = bench.run(&["diff", "--json", "a.yaml", "b.yaml"]).json();
    assert_eq!(diff["files"][0]["data_key"], "changed");
    bench.run(&["rotate", "-o", "c.yaml", "a.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "c.yaml"]).fine(), DOCUMENT);
}

#[test]
fn readers_are_listed_added_and_taken_out() {
    let mut bench = Bench::new();
    let (other, identity) = Bench::other_reader();
    let own = bench.recipient();
    bench.sealed("a.yaml", DOCUMENT);
    assert_eq!(bench.run(&["recipients", "a.yaml"]).fine(), format!("{own}  yours\n"));
    bench.run(&["recipients", "--add", &other, "a.yaml"]).ends(2);
    assert_eq!(readers(&bench, "a.yaml"), [own.as_str()]);
    bench.run(&["recipients", "--add", &other, "-y", "a.yaml"]).fine();
    assert!(opens(&mut bench, &identity, "a.yaml"));
    let json = bench.run(&["recipients", "--json", "a.yaml"]).json();
    let names = json["files"][0]["groups"][0].as_array().expect("readers").clone();
    assert_eq!(names.len(), 2);
    assert_eq!(names.iter().filter(|name| name["own"] == true).count(), 1);
    let told = bench.run(&["recipients", "--remove", &other, "-y", "a.yaml"]).ends(0);
    assert!(told.contains("a.yaml: 1 taken out, with a new data key"), "{told}");
    assert!(!opens(&mut bench, &identity, "a.yaml"));
    let told = bench.run(&["recipients", "--remove", &other, "-y", "a.yaml"]).ends(1);
    assert!(told.contains("reads none of these documents"), "{told}");
    let told = bench.run(&["rotate", "--rm-age", &other, "-i", "a.yaml"]).ends(0);
    assert!(told.contains("is no reader of `a.yaml`"), "{told}");
    // nobody would be left
    bench.run(&["recipients", "--remove", &own, "-y", "a.yaml"]).ends(1);
    bench.run(&["recipients", "--add", "nonsense", "-y", "a.yaml"]).ends(111);
    // a rule that says otherwise is a warning
    rule(&bench, &[&own]);
    let told = bench.run(&["recipients", "--add", &other, "-y", "a.yaml"]).ends(0);
    assert!(told.contains("warning: the creation rule of `a.yaml` names other readers"), "{told}");
    // whoever takes himself out is not stopped, and the file opens for the other
    bench.run(&["recipients", "--remove", &own, "-y", "a.yaml"]).fine();
    assert!(opens(&mut bench, &identity, "a.yaml"));
    bench.run(&["decrypt", "a.yaml"]).ends(128);
}

#[test]
fn key_groups_are_updated_listed_and_rotated() {
    let mut bench = Bench::new();
    let ((other, identity), (third, _)) = (Bench::other_reader(), Bench::other_reader());
    let own = bench.recipient();
    let groups = |second: &str| {
        format!(
            "creation_rules:\n  - key_groups:\n      - age: [{own}]\n      - age: [{second}]\n    shamir_threshold: 2\n"
        )
    };
    bench.write(".sops.yaml", &groups(&own));
    bench.write("a.yaml", DOCUMENT);
    bench.run(&["encrypt", "-i", "a.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), DOCUMENT);
    let text = bench.run(&["recipients", "a.yaml"]).fine();
    assert!(text.starts_with("key group 1 of 2 (2 needed)\n"), "{text}");
    bench.write(".sops.yaml", &groups(&format!("{own}, {other}")));
    let told = bench.run(&["updatekeys", "-y", "a.yaml"]).ends(0);
    assert!(told.contains("  key group 2\n"), "{told}");
    bench.run(&["rotate", "-i", "a.yaml"]).fine();
    assert_eq!(bench.run(&["decrypt", "a.yaml"]).fine(), DOCUMENT);
    assert!(!opens(&mut bench, &identity, "a.yaml"), "one group of two is not enough");
    bench.run(&["recipients", "--add", &third, "-y", "a.yaml"]).ends(2);
    bench.run(&["recipients", "--add", &third, "--group", "2", "-y", "a.yaml"]).fine();
    let json = bench.run(&["recipients", "--json", "a.yaml"]).json();
    assert_eq!(json["files"][0]["groups"][1].as_array().map(Vec::len), Some(3));
}
