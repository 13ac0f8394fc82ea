//! The real `sops` program beside this crate, both directions: what one writes the other opens, to the same values.
//!
//! Skipped, loudly, where `sops` is not on the PATH; `COUNTERSIGN_TEST_REQUIRE_ALL=1` makes that a failure.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read fixtures and start a program")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::Timestamp;
use sops_file::{
    Format, Identities, KeyPath, OpenOptions, OpenedDocument, RecipientEdit, SealOptions, SealedDocument, Selection,
    Value, open, seal,
};

const IDENTITY: &str = include_str!("fixtures/identities/id1.txt");
const OTHER_IDENTITY: &str = include_str!("fixtures/identities/id2.txt");

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// A folder with an identity file, and the program.
struct Sops {
    dir: tempfile::TempDir,
}

impl Sops {
    fn find() -> Option<Self> {
        let found = Command::new("sops").args(["--version", "--disable-version-check"]).output();
        if let Ok(output) = found
            && output.status.success()
        {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("keys.txt"), IDENTITY).unwrap();
            // Keeps sops from looking for a configuration in the folders above.
            fs::write(dir.path().join(".sops.yaml"), "creation_rules:\n  - age: ''\n").unwrap();
            return Some(Self { dir });
        }
        let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "the program `sops` is not on the PATH, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
        eprintln!("SKIPPED: the program `sops` is not on the PATH; nothing was compared with it");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new("sops")
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("SOPS_AGE_KEY_FILE", self.path("keys.txt"))
            .output()
            .unwrap()
    }

    fn must(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let faults = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "sops {args:?}: {faults}");
        assert!(!faults.contains("unencrypted comment"), "sops could not open a comment of ours: {faults}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn decrypt(&self, sealed: &str) -> String {
        fs::write(self.path("sealed.yaml"), sealed).unwrap();
        self.must(&["decrypt", "sealed.yaml"])
    }

    fn decrypt_json(&self, sealed: &str) -> serde_json::Value {
        fs::write(self.path("sealed.yaml"), sealed).unwrap();
        serde_json::from_str(&self.must(&["decrypt", "--output-type", "json", "sealed.yaml"])).unwrap()
    }

    /// Seals with sops under a rule with these further fields; `None` when it refuses.
    fn encrypt(&self, plain: &str, rule: &str) -> Option<String> {
        fs::write(self.path("plain.yaml"), plain).unwrap();
        let recipient = identities().recipients().next().unwrap().to_owned();
        let config = format!("creation_rules:\n  - age: {recipient}\n{rule}");
        fs::write(self.path(".sops.yaml"), config).unwrap();
        let output = self.run(&["encrypt", "plain.yaml"]);
        if !output.status.success() {
            eprintln!("sops refused: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(String::from_utf8(output.stdout).unwrap())
    }
}

fn identities() -> Identities {
    Identities::parse(IDENTITY).unwrap()
}

fn options() -> SealOptions {
    SealOptions::to(identities().recipients())
}

fn open_text(sealed: &str) -> OpenedDocument {
    let sealed = SealedDocument::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    open(&sealed, &identities(), OpenOptions::default()).unwrap()
}

fn plain_of(opened: &OpenedDocument) -> String {
    String::from_utf8(opened.to_plain().unwrap().to_vec()).unwrap()
}

fn seal_text(plain: &str, options: &SealOptions) -> String {
    String::from_utf8(seal(plain.as_bytes(), Format::Yaml, options, now()).unwrap()).unwrap()
}

/// Our reading of a document, by way of our canonical printing of what the other side printed.
fn same_values(ours: &OpenedDocument, theirs_plain: &str) {
    let theirs = open_text(&seal_text(theirs_plain, &options()));
    let (a, b) = (ours.values(), theirs.values());
    let show = |values: &[(usize, KeyPath, &sops_file::Plain)]| -> Vec<String> {
        values
            .iter()
            .map(|(document, path, value)| format!("{document} {path} {:?}", String::from_utf8_lossy(&value.bytes())))
            .collect()
    };
    assert_eq!(show(&a), show(&b));
}

const DOCUMENTS: [&str; 16] = [
    "a: one\n",
    "# head\na: one # beside\nm:\n  # in m\n  b: |  # header\n    two\n    lines\n  c: [x, {d: \"y, z\"}]\n\nl:\n- 1\n# between\n- k: v\n  w: 2.50\n- null\nn: ~\ne: \"\"\nplain_unencrypted: 0x1F\nlast: 'it''s'\n# the end\n",
    "str: hello\nint: 42\nflt: 1.50\nhundred: 100.0\nsci: 1e3\nsmall: 1e-7\nlarge: 1e21\ninf: -.inf\nnan: .nan\nhex: 0x1F\noct: 0777\nodd: 018\nunder: 1_000\nt: true\nd: 2020-01-02\ndt: 2020-01-02T03:04:05.120+02:00\nq: \"123\"\nyes: yes\nbase60: 1:30\nem: {}\nel: []\n",
    "a: one\n# foot\n---\nb: two\n---\nc:\n  - three\n",
    "m:\n  b: x\n  # last in m\nn: y\n",
    "l:\n  - a\n  # last in l\nn: y\n",
    "l:\n- a\n# before b\n- b\nn: y\n",
    "deep:\n  er:\n    est: 1\n    # in est\n  # in er\n# at top\nend: 2\n",
    "key: # behind the key\n  below: 1\nlist: # behind the list\n  - 1\n",
    "f: {a: 1, b: [x, y]} # behind brackets\ng: [\n  1, # inside\n  2\n]\n",
    "emoji: \"\\U0001F600\"\ntext: \"a\\tb\\u0085\"\nwin: \"a\\r\\nb\"\n\"key: odd\": 1\n\"# key\": 2\n'yes': 3\n",
    "a:\n  - b:\n      c: 1\n      # in c\n    # in b\n  # in a\n# root\nz: 1\n",
    "m:\n  b: x\n # odd\nn: y\n",
    "a: 1\n\n# free\n\nb: 2\nc:\n\n  # free in\n\n  d: 1\n\n  # end free in\n\n# e\n\nf: 1\n",
    "l:\n  - # dash\n    a: 1\n  - b\n  # tail\n",
    "base: &b {u: root, p: secret}\ncopy: *b\nmerged:\n  <<: *b\n  p: other\n",
];

#[test]
fn sops_opens_what_was_sealed_here() {
    let Some(sops) = Sops::find() else { return };
    for plain in DOCUMENTS {
        let sealed = seal_text(plain, &options());
        same_values(&open_text(&sealed), &sops.decrypt(&sealed));
    }
}

#[test]
fn what_sops_sealed_opens_here() {
    let Some(sops) = Sops::find() else { return };
    for plain in DOCUMENTS {
        let sealed = sops.encrypt(plain, "").unwrap();
        let opened = open_text(&sealed);
        assert_eq!(opened.unopened_comments(), 0, "{plain}");
        same_values(&opened, plain);
        same_values(&opened, &sops.decrypt(&sealed));
    }
}

#[test]
fn every_setting_means_the_same_to_both() {
    let Some(sops) = Sops::find() else { return };
    let plain = "data:\n  k: hidden\n  l: [1, {x_enc: y}]\nmeta: shown\nx_plain: shown\ny_enc: hidden\n# mark\n# more\nz:\n  # inner\n  zz: hidden\nw: v # mark\n";
    let settings = [
        ("unencrypted_suffix", "_plain"),
        ("encrypted_suffix", "_enc"),
        ("unencrypted_regex", "^(meta|x_)"),
        ("encrypted_regex", "^data$"),
        ("unencrypted_comment_regex", "mark"),
        ("encrypted_comment_regex", "mark"),
    ];
    for (setting, value) in settings {
        for mac_only_encrypted in [false, true] {
            let selection = Some(Selection::parse(setting, value).unwrap());
            let sealed = seal_text(plain, &SealOptions { selection, mac_only_encrypted, ..options() });
            same_values(&open_text(&sealed), &sops.decrypt(&sealed));

            let rule = format!("    {setting}: '{value}'\n    mac_only_encrypted: {mac_only_encrypted}\n");
            let theirs = sops.encrypt(plain, &rule).unwrap();
            let (ours, theirs) = (open_text(&sealed), open_text(&theirs));
            let states = |opened: &OpenedDocument| -> Vec<_> {
                let leaves = opened.sealed().leaves();
                leaves
                    .iter()
                    .map(|leaf| (leaf.path.clone(), matches!(leaf.state, sops_file::LeafState::Sealed(_))))
                    .collect()
            };
            assert_eq!(states(&ours), states(&theirs), "{setting}");
        }
    }
}

#[test]
fn both_take_turns_on_one_file() {
    let Some(sops) = Sops::find() else { return };
    let mut text = seal_text(DOCUMENTS[1], &options());
    let ours = |text: &str, change: &dyn Fn(&mut OpenedDocument)| {
        let mut opened = open_text(text);
        change(&mut opened);
        String::from_utf8(opened.reseal(now()).unwrap()).unwrap()
    };
    let file = sops.path("sealed.yaml");
    let theirs = |text: &str, args: &[&str]| {
        fs::write(&file, text).unwrap();
        sops.must(args);
        fs::read_to_string(&file).unwrap()
    };
    let path = |text: &str| text.parse::<KeyPath>().unwrap();
    text = ours(&text, &|opened| assert!(opened.set(&path("m.b"), &Value::text("ours")).unwrap()));
    same_values(&open_text(&text), &sops.decrypt(&text));
    text = theirs(&text, &["set", "sealed.yaml", "[\"m\"][\"new\"]", "\"theirs\""]);
    text = ours(&text, &|opened| opened.unset(&path("l[0]")).unwrap());
    same_values(&open_text(&text), &sops.decrypt(&text));
    text = ours(&text, &|opened| assert!(opened.set(&path("p.q[0].r"), &Value::text("x\ny\n")).unwrap()));
    text = theirs(&text, &["rotate", "-i", "sealed.yaml"]);
    text = ours(&text, &|opened| opened.rotate().unwrap());
    same_values(&open_text(&text), &sops.decrypt(&text));
    text = theirs(&text, &["unset", "sealed.yaml", "[\"n\"]"]);
    let other = Identities::parse(OTHER_IDENTITY).unwrap();
    let add = RecipientEdit { add: other.recipients().map(str::to_owned).collect(), remove: vec![] };
    text = ours(&text, &|opened| assert!(opened.edit_recipients(&add).unwrap()));
    fs::write(sops.path("keys.txt"), OTHER_IDENTITY).unwrap();
    let json = sops.decrypt_json(&text);
    assert_eq!(json["m"]["b"], "ours");
    assert_eq!(json["m"]["new"], "theirs");
    assert_eq!(json["p"]["q"][0]["r"], "x\ny\n");
    assert_eq!(json["l"][0]["k"], "v");
}

#[test]
fn sops_set_and_ours_agree_on_what_stays() {
    let Some(sops) = Sops::find() else { return };
    let sealed = sops.encrypt("a: 1\nb:\n  c: x\n  d: y\n", "").unwrap();
    let mut opened = open_text(&sealed);
    opened.set(&"b.c".parse().unwrap(), &Value::text("z")).unwrap();
    let new = String::from_utf8(opened.reseal(now()).unwrap()).unwrap();
    let changed: Vec<_> = sealed
        .lines()
        .zip(new.lines())
        .filter(|(old, new)| old != new)
        .map(|(old, _)| old.split(':').next().unwrap().trim())
        .collect();
    assert_eq!(changed, ["c", "lastmodified", "mac"]);
    assert_eq!(sops.decrypt_json(&new), serde_json::json!({"a": 1, "b": {"c": "z", "d": "y"}}));
}

#[test]
fn key_groups_are_shared_alike() {
    let Some(sops) = Sops::find() else { return };
    let other = Identities::parse(OTHER_IDENTITY).unwrap();
    let group = |who: &Identities| who.recipients().map(str::to_owned).collect::<Vec<_>>();
    let options = SealOptions {
        groups: vec![group(&identities()), group(&other)],
        shamir_threshold: 2,
        ..SealOptions::default()
    };
    fs::write(sops.path("keys.txt"), format!("{IDENTITY}{OTHER_IDENTITY}")).unwrap();
    let mut both = identities();
    both.extend(Identities::parse(OTHER_IDENTITY).unwrap());
    let cases = [
        ("g.yaml", "a: one\n"),
        ("g.json", "{\n\t\"a\": \"one\"\n}\n"),
        ("g.env", "a=one\n"),
        ("g.ini", "[s]\na = one\n"),
        ("g.bin", "one"),
    ];
    for (name, plain) in cases {
        let format = Format::of_path(name);
        let sealed = seal(plain.as_bytes(), format, &options, now()).unwrap();
        let reopen =
            |bytes: &[u8]| open(&SealedDocument::parse(bytes, format).unwrap(), &both, OpenOptions::default()).unwrap();
        let decrypts = |bytes: &[u8]| {
            fs::write(sops.path(name), bytes).unwrap();
            assert_eq!(sops.must(&["decrypt", name]), plain, "{name}");
        };
        decrypts(&sealed);
        let mut opened = reopen(&sealed);
        let add = RecipientEdit { add: vec![group(&Identities::generate()).concat()], remove: vec![] };
        assert!(opened.edit_group(1, &add).unwrap());
        let grown = opened.reseal(now()).unwrap();
        decrypts(&grown);
        let mut opened = reopen(&grown);
        opened.rotate().unwrap();
        decrypts(&opened.reseal(now()).unwrap());
        let mut opened = reopen(&grown);
        let key = sops_file::RuleKey { kind: sops_file::KeyKind::Age, name: group(&other).concat() };
        assert!(opened.set_groups(&[vec![key]], None).unwrap());
        decrypts(&opened.reseal(now()).unwrap());
    }
}

#[test]
fn post_quantum_recipients_are_shared_alike() {
    let Some(sops) = Sops::find() else { return };
    let ours = Identities::generate_hybrid().unwrap();
    fs::write(sops.path("keys.txt"), ours.expose().as_bytes()).unwrap();
    let sealed = seal_text("a: one\n", &SealOptions::to(ours.recipients()));
    assert_eq!(sops.decrypt(&sealed), "a: one\n");
    fs::write(sops.path("x.yaml"), "a: two\n").unwrap();
    let theirs = sops.must(&["encrypt", "--age", ours.recipients().next().unwrap(), "x.yaml"]);
    let theirs = SealedDocument::parse(theirs.as_bytes(), Format::Yaml).unwrap();
    let mut opened = open(&theirs, &ours, OpenOptions::default()).unwrap();
    assert_eq!(plain_of(&opened), "a: two\n");
    opened.rotate().unwrap();
    assert_eq!(sops.decrypt(std::str::from_utf8(&opened.reseal(now()).unwrap()).unwrap()), "a: two\n");
}

#[test]
fn the_fixtures_open_alike() {
    let Some(sops) = Sops::find() else { return };
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/yaml_comments");
    let text = fs::read_to_string(dir.join("enc-3.13.1.yaml")).unwrap();
    same_values(&open_text(&text), &sops.decrypt(&text));
}

#[test]
fn the_other_stores_open_on_both_sides() {
    let Some(sops) = Sops::find() else { return };
    let cases: [(&str, Format, &[u8]); 8] = [
        ("x.json", Format::Json, b"{\n\t\"a\": 1,\n\t\"m\": {\n\t\t\"b\": \"x\\u003cy\",\n\t\t\"l\": [\n\t\t\ttrue,\n\t\t\tnull,\n\t\t\t1.5\n\t\t]\n\t},\n\t\"e\": {},\n\t\"s\": \"\"\n}\n"),
        ("x.env", Format::Dotenv, b"# head\nA=1\nexport B=\"x=y\"\nC=a\\nb\nEMPTY=\n# tail\n"),
        ("x.ini", Format::Ini, b"; top\nroot = 1\n\n[sec]\n; about a\na    = one\nlong = two words\ntick = `x;y`\nml   = \"\"\"l1\nl2\"\"\"\ne    = \n\n; about\n; sec2\n[sec2]\nx_unencrypted = plain\n"),
        ("y.ini", Format::Ini, b"[a]\nx = 1\n\n[a]\nx = 2\n"),
        ("z.ini", Format::Ini, b"a = 1\n"),
        ("x.bin", Format::Binary, b"\xff\x00\xfe"),
        ("x.txt", Format::Binary, b"hello\n"),
        ("y.txt", Format::Binary, b""),
    ];
    let recipient = identities().recipients().next().unwrap().to_owned();
    for (name, format, plain) in cases {
        fs::write(sops.path(name), seal(plain, format, &options(), now()).unwrap()).unwrap();
        let output = sops.run(&["decrypt", name]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(plain), "{name}");

        fs::write(sops.path(name), plain).unwrap();
        let output = sops.run(&["encrypt", "--age", &recipient, name]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let sealed = SealedDocument::parse(&output.stdout, format).unwrap();
        let mut opened = open(&sealed, &identities(), OpenOptions::default()).unwrap();
        assert_eq!(opened.to_plain().unwrap().as_slice(), plain, "{name}");

        opened.rotate().unwrap();
        fs::write(sops.path(name), opened.reseal(now()).unwrap()).unwrap();
        let output = sops.run(&["decrypt", name]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(plain), "{name} rotated");
    }
}
