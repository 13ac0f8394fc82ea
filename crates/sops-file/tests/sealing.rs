//! Sealing, opening and changing: what goes in comes out, what is not named keeps its bytes.
#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use proptest::prelude::*;
use sops_file::{
    DataKey, Format, Identities, KeyPath, OpenError, OpenOptions, OpenedDocument, ParseError, Plain, RecipientEdit,
    SealError, SealOptions, SealedDocument, Selection, Value, open, seal,
};

fn now() -> Timestamp {
    "2026-11-25T12:00:00.5Z".parse().unwrap()
}

fn later() -> Timestamp {
    "2026-11-25T13:00:00Z".parse().unwrap()
}

fn us() -> Identities {
    Identities::parse(include_str!("fixtures/identities/id1.txt")).unwrap()
}

struct Case {
    identities: Identities,
    options: SealOptions,
}

impl Case {
    fn new() -> Self {
        let identities = us();
        let options = SealOptions::to(identities.recipients());
        Self { identities, options }
    }

    fn seal(&self, plain: &str) -> String {
        let bytes = seal(plain.as_bytes(), Format::Yaml, &self.options, now()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn open(&self, sealed: &str) -> OpenedDocument {
        let sealed = SealedDocument::parse(sealed.as_bytes(), Format::Yaml).unwrap();
        open(&sealed, &self.identities, OpenOptions::default()).unwrap()
    }

    fn plain(&self, sealed: &str) -> String {
        String::from_utf8(self.open(sealed).to_plain().unwrap().to_vec()).unwrap()
    }

    fn after(&self, sealed: &str, change: impl FnOnce(&mut OpenedDocument)) -> String {
        let mut opened = self.open(sealed);
        change(&mut opened);
        String::from_utf8(opened.reseal(later()).unwrap()).unwrap()
    }
}

fn path(text: &str) -> KeyPath {
    text.parse().unwrap()
}

/// Lines that are in one text only.
fn changed_lines(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let only = |these: &str, those: &str| {
        let those: Vec<_> = those.lines().collect();
        these.lines().filter(|line| !those.contains(line)).map(str::to_owned).collect()
    };
    (only(old, new), only(new, old))
}

fn keys_of(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split(':').next().unwrap().trim().to_owned()).collect()
}

const ODD: &str = "# about a\na: one # beside\nm:\n   # in m\n   b: |  # header\n      two\n      lines\n   c: [x, {d: \"y, z\"}]\n\nl:\n- 1\n# between\n- k: v\n  w: 2.50\n-\nn: ~\ne: \"\"\nplain_unencrypted: 0x1F\nlast: 'it''s'\n# the end\n";

#[test]
fn the_layout_survives_sealing_and_opening() {
    let case = Case::new();
    let sealed = case.seal(ODD);
    assert!(!sealed.contains("one") && !sealed.contains("lines") && !sealed.contains("about"), "{sealed}");
    assert!(sealed.contains("   c: [\"ENC[AES256_GCM"), "{sealed}");
    assert!(sealed.contains("plain_unencrypted: 0x1F\n"));
    let back = case.plain(&sealed);
    let want =
        ODD.replace("[x, {d: \"y, z\"}]", "[\"x\", {d: \"y, z\"}]").replace("2.50", "2.5").replace("'it''s'", "it's");
    assert_eq!(back, want);
}

#[test]
fn set_changes_one_token_the_time_and_the_mac() {
    let case = Case::new();
    let old = case.seal(ODD);
    for (key, line) in
        [("a", "a"), ("m.b", "b"), ("l[1].k", "- k"), ("last", "last"), ("l[0]", "- ENC[AES256_GCM,data")]
    {
        let new = case.after(&old, |opened| assert!(opened.set(&path(key), &Value::text("new value")).unwrap()));
        let (gone, come) = changed_lines(&old, &new);
        assert_eq!(keys_of(&gone), [line, "lastmodified", "mac"], "{key}");
        assert_eq!(keys_of(&come), keys_of(&gone), "{key}");
        assert_eq!(case.open(&new).get(&path(key)).unwrap().as_text(), Some("new value"));
    }
}

#[test]
fn set_to_the_same_value_changes_nothing() {
    let case = Case::new();
    let old = case.seal("a: one\n");
    let new = case.after(&old, |opened| assert!(!opened.set(&path("a"), &Value::text("one")).unwrap()));
    assert_eq!(new, old);
}

#[test]
fn new_keys_come_in_the_style_of_the_file() {
    let case = Case::new();
    let old = case.seal("a: one\nm:\n  b: two\n  deep:\n    - x\nf: {g: h}\nempty: {}\n");
    let set = |key: &str, value: &str| {
        let value = Value::from_json(value).unwrap();
        let new = case.after(&old, |opened| assert!(opened.set(&path(key), &value).unwrap()));
        case.plain(&new)
    };
    let unindented = case.seal("l:\n- a\n- b\nz: 1\n");
    let new = case.after(&unindented, |opened| {
        assert!(opened.set(&path("l[2]"), &Value::text("c")).unwrap());
    });
    assert_eq!(case.plain(&new), "l:\n- a\n- b\n- c\nz: 1\n");
    let base = "a: one\nm:\n  b: two\n  deep:\n    - x\nf: {g: \"h\"}\nempty: {}\n";
    assert_eq!(set("z", "\"v\""), format!("{base}z: v\n"));
    assert_eq!(set("m.c", "\"v\""), base.replace("    - x\n", "    - x\n  c: v\n"));
    assert_eq!(set("m.deep[9]", "\"v\""), base.replace("    - x\n", "    - x\n    - v\n"));
    assert_eq!(set("f.i", "\"v\""), base.replace("\"h\"", "\"h\", \"i\": \"v\""));
    assert_eq!(set("empty.k", "\"v\""), base.replace("empty: {}", "empty:\n  k: v"));
    assert_eq!(set("p.q[0].r", "\"v\""), format!("{base}p:\n  q:\n    - r: v\n"));
    assert_eq!(set("m", "{\"x\": [1, true]}"), "a: one\nm:\n  x:\n    - 1\n    - true\nf: {g: \"h\"}\nempty: {}\n");
    assert_eq!(set("m", "\"flat\""), "a: one\nm: flat\nf: {g: \"h\"}\nempty: {}\n");
}

#[test]
fn unset_removes_the_lines_of_its_key() {
    let case = Case::new();
    let old = case.seal("a: one\nm:\n  b: two\n  c:\n    - x\n    - y: 1\n      z: 2\nf: {g: h, i: j}\n");
    let unset = |key: &str| case.plain(&case.after(&old, |opened| opened.unset(&path(key)).unwrap()));
    assert_eq!(unset("a"), "m:\n  b: two\n  c:\n    - x\n    - y: 1\n      z: 2\nf: {g: \"h\", i: \"j\"}\n");
    assert_eq!(unset("m"), "a: one\nf: {g: \"h\", i: \"j\"}\n");
    assert_eq!(unset("m.c[1].y"), "a: one\nm:\n  b: two\n  c:\n    - x\n    - z: 2\nf: {g: \"h\", i: \"j\"}\n");
    assert_eq!(unset("m.c[0]"), "a: one\nm:\n  b: two\n  c:\n    - y: 1\n      z: 2\nf: {g: \"h\", i: \"j\"}\n");
    assert_eq!(unset("f.g"), "a: one\nm:\n  b: two\n  c:\n    - x\n    - y: 1\n      z: 2\nf: {i: \"j\"}\n");
    let mut opened = case.open(&old);
    assert_eq!(opened.unset(&path("nope.x")).unwrap_err(), SealError::NoSuchKey(path("nope.x")));
}

#[test]
fn a_container_that_loses_its_last_key_stays_empty() {
    let case = Case::new();
    let old = case.seal("m:\n  b: two\nl:\n  - x\nk: {a: b}\n");
    let unset = |key: &str| case.plain(&case.after(&old, |opened| opened.unset(&path(key)).unwrap()));
    assert_eq!(unset("m.b"), "m: {}\nl:\n  - x\nk: {a: \"b\"}\n");
    assert_eq!(unset("l[0]"), "m:\n  b: two\nl: []\nk: {a: \"b\"}\n");
    assert_eq!(unset("k.a"), "m:\n  b: two\nl:\n  - x\nk: {}\n");
    let one = case.seal("only: x\n");
    let none = case.after(&one, |opened| opened.unset(&path("only")).unwrap());
    assert_eq!(case.plain(&none), "{}\n");
    assert_eq!(
        case.plain(&case.after(&none, |opened| assert!(opened.set(&path("a"), &Value::text("b")).unwrap()))),
        "a: b\n"
    );
}

/// A document with whatever is sealed in it taken out: envelopes and stanzas.
fn masked(text: &str) -> String {
    let (mut masked, mut in_stanza) = (String::new(), false);
    for line in text.lines() {
        in_stanza |= line.contains("BEGIN AGE");
        if !in_stanza {
            masked.push_str(line.split("ENC[AES256_GCM,").next().unwrap_or_default());
            masked.push('\n');
        }
        in_stanza &= !line.contains("END AGE");
    }
    masked
}

#[test]
fn rotating_and_sealing_at_once_is_rotating_and_then_sealing() {
    let (case, other) = (Case::new(), Identities::generate());
    let both = SealOptions::to(case.identities.recipients().chain(other.recipients()));
    let group = |who: &Identities| who.recipients().map(str::to_owned).collect();
    let groups = SealOptions { groups: vec![group(&case.identities), group(&other)], ..SealOptions::default() };
    let only_sealed = SealOptions { mac_only_encrypted: true, ..both.clone() };
    let documents = [
        (Format::Yaml, ODD),
        (Format::Yaml, "a: 1\nb_unencrypted: two\n---\n# c\nl: [x, y]\n"),
        (Format::Json, "{\"a\": {\"b\": [1, \"x\", null]}}"),
        (Format::Dotenv, "# c\nA=1\nB=two\n"),
        (Format::Ini, "; c\n[s]\na = x\n"),
        (Format::Binary, "any\0thing"),
    ];
    for (format, plain) in documents {
        for options in [&both, &groups, &only_sealed] {
            let mut identities = us();
            identities.extend(Identities::parse(&other.expose()).unwrap());
            let read = |bytes: &[u8]| {
                let sealed = SealedDocument::parse(bytes, format).unwrap();
                open(&sealed, &identities, OpenOptions::default()).unwrap()
            };
            let bytes = seal(plain.as_bytes(), format, options, now()).unwrap();
            let (before, mut one, mut other) = (read(&bytes), read(&bytes), read(&bytes));
            one.rotate().unwrap();
            let in_two = one.reseal(later()).unwrap();
            let at_once = other.rotate_and_reseal(later()).unwrap();
            let text = |bytes: &[u8]| masked(std::str::from_utf8(bytes).unwrap());
            assert_eq!(text(&in_two), text(&at_once), "{format:?} {plain}");
            let after = read(&at_once);
            assert_eq!(before.to_plain().unwrap().as_slice(), after.to_plain().unwrap().as_slice());
            assert!(!before.has_same_data_key(&after) && other.has_same_data_key(&after) && other.is_verified());
            // What was learnt of the shares is that of the new key: more readers can be added at once.
            let add = Identities::generate().recipients().map(str::to_owned).collect();
            assert!(other.edit_group(0, &RecipientEdit { add, remove: vec![] }).unwrap());
            assert!(read(&other.reseal(later()).unwrap()).has_same_data_key(&after));
        }
    }
}

#[test]
fn rotate_changes_every_token_and_keeps_every_value() {
    let case = Case::new();
    let old = case.seal(ODD);
    let new = case.after(&old, |opened| opened.rotate().unwrap());
    assert_eq!(case.plain(&old), case.plain(&new));
    let diff = sops_file::diff::opened(Some(&case.open(&old)), Some(&case.open(&new)));
    assert_eq!(diff.data_key, sops_file::diff::DataKeyChange::Changed);
    assert!(diff.keys.iter().all(|key| key.change == sops_file::diff::ChangeKind::Reencrypted));
    assert_eq!(diff.keys.len(), 8, "{:?}", diff.keys);
}

#[test]
fn recipients_come_and_go_without_a_new_mac() {
    let (case, other) = (Case::new(), Identities::generate());
    let name = other.recipients().next().unwrap().to_owned();
    let old = case.seal("a: one\n");
    let mut opened = case.open(&old);
    let edit = RecipientEdit { add: vec![name.clone(), name.clone()], remove: vec![] };
    assert!(opened.edit_recipients(&edit).unwrap());
    let new = String::from_utf8(opened.reseal(later()).unwrap()).unwrap();
    let (gone, _) = changed_lines(&old, &new);
    assert!(gone.is_empty(), "{gone:?}");
    let theirs = SealedDocument::parse(new.as_bytes(), Format::Yaml).unwrap();
    assert!(open(&theirs, &other, OpenOptions::default()).is_ok());

    let mut opened = case.open(&new);
    assert!(opened.edit_recipients(&RecipientEdit { add: vec![], remove: vec![name] }).unwrap());
    assert_eq!(String::from_utf8(opened.reseal(later()).unwrap()).unwrap(), old);
    let us = case.identities.recipients().next().unwrap().to_owned();
    let fault = opened.edit_recipients(&RecipientEdit { add: vec![], remove: vec![us] }).unwrap_err();
    assert!(matches!(fault, SealError::Metadata { .. }));
}

#[test]
fn an_edited_document_keeps_the_tokens_of_untouched_values() {
    let case = Case::new();
    let old = case.seal(ODD);
    let plain = case.plain(&old);
    let edited = plain.replace("one # beside", "other # beside") + "added: new\n";
    let new = case.after(&old, |opened| opened.replace_with(edited.as_bytes()).unwrap());
    let (gone, come) = changed_lines(&old, &new);
    assert_eq!(keys_of(&gone), ["a", "lastmodified", "mac"]);
    assert_eq!(keys_of(&come), ["a", "added", "lastmodified", "mac"]);
    assert_eq!(case.plain(&new), edited);
}

#[test]
fn several_documents_share_one_key_and_each_has_the_metadata() {
    let case = Case::new();
    let text = "a: one\n# foot\n---\nb: two\n---\nc: three\n";
    let sealed = case.seal(text);
    assert_eq!(sealed.matches("\nsops:\n").count(), 3, "{sealed}");
    assert_eq!(case.plain(&sealed), text);
    let new = case.after(&sealed, |opened| assert!(opened.set(&path("a"), &Value::text("x")).unwrap()));
    assert_eq!(new.matches("2026-11-25T13:00:00Z").count(), 3);
}

#[test]
fn anchors_are_expanded_and_brackets_opened_up() {
    let case = Case::new();
    let sealed = case.seal("base: &b {u: root}\ncopy: *b\nm:\n  <<: *b\n  p: x\n");
    assert_eq!(case.plain(&sealed), "base:\n  u: root\ncopy:\n  u: root\nm:\n  !!merge <<:\n    u: root\n  p: x\n");
    assert_eq!(case.plain(&case.seal("{a: 1, b: [x]}")), "a: 1\nb:\n    - x\n");
    assert_eq!(case.plain(&case.seal("---\n")).trim(), "---\n{}");
}

#[test]
fn each_setting_seals_what_it_says() {
    let text = "data:\n  k: hidden\nmeta: shown\nx_plain: shown\ny_enc: hidden\n# mark\nz: hidden\n";
    let cases: [(&str, &str, &[&str]); 6] = [
        ("unencrypted_suffix", "_plain", &["data.k", "meta", "y_enc", "z"]),
        ("encrypted_suffix", "_enc", &["y_enc"]),
        ("unencrypted_regex", "^(meta|x_)", &["data.k", "y_enc", "z"]),
        ("encrypted_regex", "^data$", &["data.k"]),
        ("unencrypted_comment_regex", "mark", &["data.k", "meta", "x_plain", "y_enc"]),
        ("encrypted_comment_regex", "mark", &["z"]),
    ];
    for (setting, value, want) in cases {
        let mut case = Case::new();
        case.options.selection = Some(Selection::parse(setting, value).unwrap());
        case.options.mac_only_encrypted = setting == "encrypted_regex";
        let sealed = case.seal(text);
        let document = SealedDocument::parse(sealed.as_bytes(), Format::Yaml).unwrap();
        let leaves = document.leaves();
        let hidden: Vec<_> = leaves
            .iter()
            .filter(|leaf| matches!(leaf.state, sops_file::LeafState::Sealed(_)))
            .map(|leaf| leaf.path.to_string())
            .collect();
        assert_eq!(hidden, want, "{setting}");
        assert_eq!(case.plain(&sealed), text, "{setting}");
    }
}

#[test]
fn key_groups_need_their_threshold() {
    let people: Vec<_> = (0..3).map(|_| Identities::generate()).collect();
    let name = |who: &Identities| who.recipients().next().unwrap().to_owned();
    let options = SealOptions {
        groups: people.iter().map(|who| vec![name(who)]).collect(),
        shamir_threshold: 2,
        ..SealOptions::default()
    };
    let sealed = seal(b"a: one\n", Format::Yaml, &options, now()).unwrap();
    let sealed = SealedDocument::parse(&sealed, Format::Yaml).unwrap();
    assert_eq!(open(&sealed, &people[0], OpenOptions::default()).err().unwrap().exit_code(), 128);
    let mut two = Identities::none();
    for who in &people[1..] {
        two.extend(Identities::parse(&who.expose()).unwrap());
    }
    assert!(open(&sealed, &two, OpenOptions::default()).is_ok());
}

#[test]
fn a_wrong_mac_is_refused_unless_it_is_ignored() {
    let case = Case::new();
    let sealed = case.seal("a: one\nb_unencrypted: two\n");
    let forged = SealedDocument::parse(sealed.replace("two", "tow").as_bytes(), Format::Yaml).unwrap();
    let fault = open(&forged, &case.identities, OpenOptions::default()).err().unwrap();
    assert_eq!((fault.exit_code(), fault), (51, OpenError::MacMismatch));
    let opened = open(&forged, &case.identities, OpenOptions { ignore_mac: true }).unwrap();
    assert!(!opened.is_verified());
}

#[test]
fn what_sops_refuses_is_refused() {
    let case = Case::new();
    let refused = |text: &str| seal(text.as_bytes(), Format::Yaml, &case.options, now()).unwrap_err();
    assert_eq!(refused("a: 1\nsops: 2\n").exit_code(), 203);
    assert_eq!(refused(&case.seal("a: 1\n")).exit_code(), 203);
    assert_eq!(refused("").exit_code(), 92);
    assert_eq!(refused("# only a comment\n").exit_code(), 92);
    for text in [
        "- a\n",
        "scalar\n",
        "1: a\n",
        "true: a\n",
        "~: a\n",
        "a: 1\na: 2\n",
        "a: 9223372036854775808\n",
        "a: !!int x\n",
    ] {
        assert!(matches!(refused(text), SealError::Parse(ParseError::Broken { .. })), "{text}");
    }
    let nobody = seal(b"a: 1\n", Format::Yaml, &SealOptions::default(), now()).unwrap_err();
    assert_eq!(nobody, SealError::NoRecipients);
}

#[test]
fn no_error_repeats_what_is_secret() {
    const CANARY: &str = "canary-7f3a";
    let case = Case::new();
    let bad_inputs = [
        format!("a: {CANARY}\nb: [\n"),
        format!("a: \"{CANARY}\n"),
        format!("a: !!int {CANARY}\n"),
        format!("a: *{CANARY}\n"),
        format!("a: {CANARY}: {CANARY}\n"),
        format!("? [{CANARY}]\n: x\n"),
        format!("- {CANARY}\n"),
        format!("a: 1\n  {CANARY}\n b: 2\n"),
        format!("%{CANARY} x\n---\na: 1\n"),
        format!("a: !{CANARY}!x y\n"),
        format!("\ta: {CANARY}\n"),
    ];
    for text in bad_inputs {
        let fault = seal(text.as_bytes(), Format::Yaml, &case.options, now()).err();
        let shown = format!("{fault:?} {}", fault.as_ref().map(ToString::to_string).unwrap_or_default());
        assert!(!shown.contains(CANARY), "{shown}");
        let fault = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap_err();
        assert!(!format!("{fault:?} {fault}").contains(CANARY), "{fault:?}");
    }
    let sealed = case.seal(&format!("a: {CANARY}\nb_unencrypted: {CANARY}\n"));
    let mut opened = case.open(&sealed);
    let fault = opened.set(&path("a.b"), &Value::text(CANARY)).unwrap_err();
    assert!(!format!("{fault:?} {fault}").contains(CANARY));
    for broken in [
        sealed.replace("b_unencrypted", "b"),
        sealed.replace("type:str", "type:int"),
        sealed.replace("lastmodified: \"2026", "lastmodified: \"2025"),
    ] {
        let document = SealedDocument::parse(broken.as_bytes(), Format::Yaml).unwrap();
        let fault = open(&document, &case.identities, OpenOptions::default()).err().unwrap();
        assert!(!format!("{fault:?} {fault} {}", fault.help()).contains(CANARY), "{fault:?}");
    }
}

#[test]
fn a_known_data_key_opens_without_an_identity() {
    let key = DataKey::from_bytes(&[1; 32]).unwrap();
    let case = Case::new();
    let sealed = SealedDocument::parse(case.seal("a: one\n").as_bytes(), Format::Yaml).unwrap();
    assert!(matches!(sops_file::open_with(&sealed, key, OpenOptions::default()), Err(OpenError::Value { .. })));
}

fn scalar() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>()
            .prop_map(|number| serde_json::Number::from_f64(number).map_or(0.into(), serde_json::Value::Number)),
        "[ -~\n\t:#'\"é\u{1f600}]{0,20}".prop_map(Into::into),
    ]
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let key = "[ -~é]{1,8}|sops|_unencrypted|y|null|1";
    let node = scalar().prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    });
    prop::collection::vec((key, node), 1..5)
        .prop_map(|entries| serde_json::Value::Object(entries.into_iter().filter(|(key, _)| key != "sops").collect()))
}

fn same(a: &OpenedDocument, b: &OpenedDocument) -> bool {
    let (a, b) = (a.values(), b.values());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.1 == b.1 && a.2.is_same(b.2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn opening_what_was_sealed_gives_it_back(json in tree()) {
        let case = Case::new();
        // JSON is YAML in brackets: the canonical writer is used. What it prints is then sealed in place.
        let sealed = case.seal(&json.to_string());
        let plain = case.plain(&sealed);
        let again = case.seal(&plain);
        prop_assert!(same(&case.open(&sealed), &case.open(&again)), "{plain}");
        prop_assert_eq!(case.plain(&again), plain);
    }

    #[test]
    fn setting_one_key_leaves_the_tokens_of_all_others(json in tree(), value in scalar(), pick in any::<prop::sample::Index>()) {
        let case = Case::new();
        let old = case.seal(&case.plain(&case.seal(&json.to_string())));
        let opened = case.open(&old);
        let paths: Vec<_> = opened.values().into_iter().map(|(_, path, _)| path).collect();
        prop_assume!(!paths.is_empty());
        let target = pick.get(&paths).clone();
        let value = Value::from_json(&value.to_string()).unwrap();
        let new = case.after(&old, |opened| { opened.set(&target, &value).unwrap(); });
        let (old, new) = (SealedDocument::parse(old.as_bytes(), Format::Yaml).unwrap(), SealedDocument::parse(new.as_bytes(), Format::Yaml).unwrap());
        let (before, after) = (old.leaves(), new.leaves());
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(&before.path, &after.path);
            if before.path != target {
                prop_assert_eq!(before.token(), after.token(), "{}", before.path);
            }
        }
        for change in sops_file::diff::keyless(Some(&old), Some(&new)).keys {
            prop_assert!(target.covers(&change.key), "{:?}", change);
        }
    }

    #[test]
    fn damaged_files_never_cause_a_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6)) {
        let case = Case::new();
        let mut bytes = case.seal(ODD).into_bytes();
        for (at, byte, how) in cuts {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => { let end = (at + usize::from(byte)).min(bytes.len() - 1); bytes.drain(at..end); }
            }
        }
        if let Ok(sealed) = SealedDocument::parse(&bytes, Format::Yaml) {
            let _ = (sealed.leaves(), sealed.comments());
            let _ = sops_file::diff::keyless(None, Some(&sealed));
            if let Ok(mut opened) = open(&sealed, &case.identities, OpenOptions { ignore_mac: true }) {
                let _ = opened.to_plain();
                let _ = opened.set(&path("m.b"), &Value::text("x"));
                let _ = opened.unset(&path("l[1].k"));
                let _ = opened.rotate();
                let _ = opened.reseal(later());
            }
        }
        let _ = seal(&bytes, Format::Yaml, &case.options, now());
    }

    #[test]
    fn damaged_files_of_other_stores_never_cause_a_panic(
        json in any::<bool>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6),
    ) {
        let case = Case::new();
        let (format, plain) = if json {
            (Format::Json, &b"{\"a\": 1, \"m\": {\"b\": [\"\\u00e9\", 1.5e3]}}"[..])
        } else {
            (Format::Dotenv, &b"# c\nA=1\nB=x\\ny\n"[..])
        };
        let mut bytes = seal(plain, format, &case.options, now()).unwrap();
        for (at, byte, how) in cuts {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if let Ok(sealed) = SealedDocument::parse(&bytes, format)
            && let Ok(mut opened) = open(&sealed, &case.identities, OpenOptions { ignore_mac: true })
        {
            let _ = opened.to_plain();
            let _ = opened.set(&path("m.b[0]"), &Value::text("x"));
            let _ = opened.unset(&path("A"));
            let _ = opened.rotate();
            let _ = opened.reseal(later());
        }
        let _ = seal(&bytes, format, &case.options, now());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-c:#\\-\\[\\]{}&*!|>'\"%@`,? \n\t~0-9]{0,60}") {
        let case = Case::new();
        if let Ok(bytes) = seal(text.as_bytes(), Format::Yaml, &case.options, now()) {
            let plain = case.plain(std::str::from_utf8(&bytes).unwrap());
            let again = case.seal(&plain);
            prop_assert!(same(&case.open(std::str::from_utf8(&bytes).unwrap()), &case.open(&again)), "{text:?} {plain:?}");
        }
    }
}

#[test]
fn a_value_can_be_asked_for_with_its_type() {
    let case = Case::new();
    let opened = case.open(&case.seal("a: 1\nb: 2020-01-02\nc: {d: [true]}\n"));
    assert!(matches!(opened.get(&path("a")), Some(Plain::Int(1))));
    assert!(matches!(opened.get(&path("b")), Some(Plain::Time(_))));
    assert!(matches!(opened.get(&path("c.d[0]")), Some(Plain::Bool(true))));
    assert!(opened.get(&path("c")).is_none() && opened.contains(&path("c")));
    assert_eq!(opened.extract(&path("c")).unwrap().as_slice(), b"d:\n    - true\n");
}

/// Seals, opens and changes a document of another store.
fn round(format: Format, plain: &[u8], changes: &[(&str, Option<&str>)]) -> Vec<u8> {
    let case = Case::new();
    let mut bytes = seal(plain, format, &case.options, now()).unwrap();
    let reopen = |bytes: &[u8]| {
        let sealed = SealedDocument::parse(bytes, format).unwrap();
        open(&sealed, &case.identities, OpenOptions::default()).unwrap()
    };
    assert_eq!(reopen(&bytes).to_plain().unwrap().as_slice(), plain, "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(seal(&bytes, format, &case.options, now()).unwrap_err().exit_code(), 203);
    for (key, value) in changes {
        let mut opened = reopen(&bytes);
        match value {
            Some(value) => assert!(opened.set(&path(key), &Value::from_json(value).unwrap()).unwrap()),
            None => opened.unset(&path(key)).unwrap(),
        }
        bytes = opened.reseal(later()).unwrap();
    }
    let mut opened = reopen(&bytes);
    opened.rotate().unwrap();
    let rotated = reopen(&opened.reseal(later()).unwrap()).to_plain().unwrap().to_vec();
    let mut opened = reopen(&bytes);
    opened.replace_with(&rotated).unwrap();
    let again = opened.reseal(later()).unwrap();
    assert_eq!(again.len(), bytes.len(), "{}\n{}", String::from_utf8_lossy(&again), String::from_utf8_lossy(&bytes));
    rotated
}

#[test]
fn json_is_changed_in_its_own_layout() {
    let plain = "{\n  \"a\": 1,\n  \"m\": {\n    \"b\": \"x<y\",\n    \"l\": [\n      true,\n      null\n    ]\n  },\n  \"e\": {},\n  \"s\": \"\"\n}\n";
    let plain = plain.replace('<', "\\u003c");
    let changes = [
        ("m.b", Some("\"z\"")),
        ("m.c", Some("{\"k\": [1]}")),
        ("m.l[5]", Some("\"new\"")),
        ("e.x", Some("true")),
        ("z", Some("\"last\"")),
        ("a", None),
    ];
    let after = String::from_utf8(round(Format::Json, plain.as_bytes(), &changes)).unwrap();
    let want = "{\n  \"m\": {\n    \"b\": \"z\",\n    \"l\": [\n      true,\n      null,\n      \"new\"\n    ],\n    \"c\": {\n      \"k\": [\n        1\n      ]\n    }\n  },\n  \"e\": {\n    \"x\": true\n  },\n  \"s\": \"\",\n  \"z\": \"last\"\n}\n";
    assert_eq!(after, want);
    assert_eq!(round(Format::Json, b"{\"a\": 1, \"b\": [2]}", &[("a", None), ("b[0]", None)]), b"{\"b\": []}");
    round(Format::Json, b"{}", &[]);
}

#[test]
fn dotenv_is_changed_line_by_line() {
    let plain = b"# head\nA=1\nexport B=\"x=y\"\nC=a\\nb\n# tail\n";
    let after = round(Format::Dotenv, plain, &[("A", Some("\"2\"")), ("NEW", Some("\"l1\\nl2\"")), ("C", None)]);
    assert_eq!(String::from_utf8(after).unwrap(), "# head\nA=2\nexport B=\"x=y\"\n# tail\nNEW=l1\\nl2\n");
    let case = Case::new();
    let sealed = seal(plain, Format::Dotenv, &case.options, now()).unwrap();
    let sealed = SealedDocument::parse(&sealed, Format::Dotenv).unwrap();
    let mut opened = open(&sealed, &case.identities, OpenOptions::default()).unwrap();
    for key in ["[\"A=B\"]", "a.b", "sops_x", "[\"#c\"]"] {
        assert_eq!(opened.set(&path(key), &Value::text("x")).unwrap_err(), SealError::WrongContainer(path(key)));
    }
}

#[test]
fn binary_documents_hold_any_bytes() {
    for plain in [&b"hello\n"[..], b"", b"\xff\x00\xfe", b"{\"a\": 1}"] {
        assert_eq!(round(Format::Binary, plain, &[]), plain);
    }
}

#[test]
fn ini_is_changed_line_by_line() {
    let plain = "; top\nroot=1\n\n[sec]\n; about a\na          = one\nlonger_key = two words\nquoted     = `x;y`\n\n# about sec2\n[sec2]\nk: v\nempty =\n";
    let changes = [
        ("sec.a", Some("\"other\"")),
        ("sec.new", Some("\"a\\nb\"")),
        ("sec2.n", Some("\"x\"")),
        ("third.k", Some("\"x # y\"")),
        ("sec.longer_key", None),
        ("DEFAULT.second", Some("\"2\"")),
    ];
    let after = String::from_utf8(round(Format::Ini, plain.as_bytes(), &changes)).unwrap();
    let want = "; top\nroot=1\nsecond=2\n\n[sec]\n; about a\na          = other\nquoted     = `x;y`\nnew        = \"\"\"a\nb\"\"\"\n\n# about sec2\n[sec2]\nk: v\nempty =\nn     = x\n\n[third]\nk = `x # y`\n";
    assert_eq!(after, want);
    assert_eq!(round(Format::Ini, b"[a]\nx = 1\n[b]\ny = 2\n", &[("a", None)]), b"[b]\ny = 2\n");
    assert_eq!(round(Format::Ini, b"[a]\nx = 1\n", &[("a", Some("{\"y\": \"2\"}"))]), b"[a]\ny = 2\n");
    round(Format::Ini, b"", &[]);
    round(Format::Ini, b"[a]\r\nx = 1 ; beside\r\n", &[]);
}

#[test]
fn an_ini_comment_is_sealed_wherever_it_stands() {
    const CANARY: &str = "canary-7f3a";
    let case = Case::new();
    for text in [
        format!("[a] ; {CANARY}\nk = v\n"),
        format!("[a]\n; {CANARY}\nk = v ; {CANARY}\n"),
        format!("[a]\nk = v\n; {CANARY}\n"),
        format!("; {CANARY}\n"),
        format!("; {CANARY}\n\n; {CANARY}\n[a]\n"),
        format!("k = `v` # {CANARY}\n"),
        format!("k = # {CANARY}\n"),
    ] {
        let bytes = seal(text.as_bytes(), Format::Ini, &case.options, now()).unwrap();
        let sealed = SealedDocument::parse(&bytes, Format::Ini).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{text}");
        let opened = open(&sealed, &case.identities, OpenOptions::default()).unwrap();
        assert_eq!(opened.unopened_comments(), 0, "{text}");
        let plain = opened.to_plain().unwrap();
        let counts = |text: &str| text.matches(CANARY).count();
        assert_eq!(counts(&String::from_utf8_lossy(&plain)), counts(&text), "{text}");
    }
}

#[test]
fn a_value_is_stored_exactly_whatever_the_format_could_make_of_it() {
    let case = Case::new();
    let formats = [
        (Format::Yaml, "m:\n  a: x\n", "m.a"),
        (Format::Json, "{\"m\": {\"a\": \"x\"}}", "m.a"),
        (Format::Dotenv, "a=x\nb=y\n", "a"),
        (Format::Ini, "[m]\na = x\nb = y\n", "m.a"),
    ];
    let odd = [
        "x\\",
        "a\\nb",
        "\"\"\"",
        "`;#",
        " x ",
        "'q'",
        "l1\r\nl2\n",
        "# no comment",
        "\u{feff}",
        "ENC[AES256_GCM,",
        "x`\n\"\"\"\\",
    ];
    for (format, plain, key) in formats {
        for text in odd {
            let bytes = seal(plain.as_bytes(), format, &case.options, now()).unwrap();
            let reopen = |bytes: &[u8]| {
                open(&SealedDocument::parse(bytes, format).unwrap(), &case.identities, OpenOptions::default()).unwrap()
            };
            let mut opened = reopen(&bytes);
            assert!(opened.set(&path(key), &Value::text(text)).unwrap(), "{format} {text:?}");
            let opened = reopen(&opened.reseal(later()).unwrap());
            assert_eq!(opened.get(&path(key)).and_then(Plain::as_text), Some(text), "{format}");
        }
    }
}

#[test]
fn a_number_keeps_its_type_in_a_store_of_texts() {
    let case = Case::new();
    let bytes = seal(b"[s]\na = x\nb_unencrypted = y\n", Format::Ini, &case.options, now()).unwrap();
    let sealed = SealedDocument::parse(&bytes, Format::Ini).unwrap();
    let mut opened = open(&sealed, &case.identities, OpenOptions::default()).unwrap();
    opened.set(&path("s.a"), &Value::from_json("5").unwrap()).unwrap();
    opened.set(&path("s.b_unencrypted"), &Value::from_json("5").unwrap()).unwrap();
    assert!(matches!(opened.get(&path("s.a")), Some(Plain::Float(_))));
    assert_eq!(opened.to_plain().unwrap().as_slice(), b"[s]\na = 5.0\nb_unencrypted = 5.0\n");
}

#[test]
fn a_file_with_windows_line_breaks_keeps_them() {
    let case = Case::new();
    let yaml = "a: one\r\nm:\r\n  b: |\r\n    l1\r\n    l2\r\n  # c\r\n  l:\r\n    - x\r\n";
    let json = "{\r\n  \"a\": \"one\",\r\n  \"m\": {\r\n    \"l\": []\r\n  }\r\n}\r\n";
    let ini = "; top\r\na = one\r\n\r\n[m]\r\nb = two ; c\r\n";
    for (format, plain, key) in [(Format::Yaml, yaml, "a"), (Format::Json, json, "a"), (Format::Ini, ini, "DEFAULT.a")]
    {
        let mut bytes = seal(plain.as_bytes(), format, &case.options, now()).unwrap();
        let changes: [&dyn Fn(&mut OpenedDocument); 7] = [
            &|opened| assert!(opened.set(&path(key), &Value::text("x")).unwrap()),
            &|opened| assert!(opened.set(&path("m.new"), &Value::text("l1\nl2\n")).unwrap()),
            &|opened| opened.rotate().unwrap(),
            &|opened| _ = opened.rotate_and_reseal(later()).unwrap(),
            &|opened| {
                let add = Identities::generate().recipients().map(str::to_owned).collect();
                assert!(opened.edit_recipients(&RecipientEdit { add, remove: vec![] }).unwrap());
            },
            &|opened| opened.unset(&path(key)).unwrap(),
            &|opened| {
                let plain = opened.to_plain().unwrap();
                opened.replace_with(&plain).unwrap();
            },
        ];
        for change in changes {
            let sealed = SealedDocument::parse(&bytes, format).unwrap();
            let mut opened = open(&sealed, &case.identities, OpenOptions::default()).unwrap();
            change(&mut opened);
            bytes = opened.reseal(later()).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{format} {text:?}");
        }
    }
}

/// Each container was found by letting the sops program seal the text and trying all of them.
#[test]
fn comments_belong_where_the_reader_of_sops_has_them() {
    let cases = [
        // a foot of a list: only behind a token of its own
        ("k:\n  - v\n  # c\n\nz: v\n", "k"),
        ("k:\n  - {a: 1}\n  # c\n\nz: v\n", "k"),
        ("k:\n  - |\n    v\n  # c\n\nz: v\n", "k"),
        ("k:\n  - a: v\n  # c\n\nz: v\n", ""),
        ("k:\n  -\n  # c\n\nz: v\n", ""),
        ("k:\n- v\n# c\n\nz: v\n", "k"),
        ("k:\n- a: v\n# c\n\nz: v\n", ""),
        ("k:\n- v\n# c\nz: v\n", ""),
        ("k:\n- v\n- - v\n\n  - a: v\n  # c\n\nz: v\n", ""),
        // behind an empty element that is the last
        ("k:\n  - v\n  -\n  # c\nz: v\n", ""),
        ("k:\n  - v\n  - # c\nz: v\n", ""),
        ("k:\n  -\n  # c\n  - v\nz: v\n", "k"),
        ("k:\n  - v\n  # c\n  -\nz: v\n", ""),
        ("k:\n  # c\n  -\n  - v\nz: v\n", "k"),
        // left of what goes on
        ("k:\n  l:\n    a: v\n# c\n    b: v\nz: v\n", "k.l"),
        ("k:\n  l:\n    a: v\n# c\n  b: v\nz: v\n", "k.l"),
        ("k:\n  l:\n    a: v\n# c\n\n  b: v\nz: v\n", "k"),
        ("k:\n  l:\n    a: v\n\n# c\n\n  b: v\nz: v\n", "k.l"),
        ("k:\n# c\n  a: v\nz: v\n", "k"),
    ];
    let case = Case::new();
    for (text, container) in cases {
        let sealed = SealedDocument::parse(case.seal(text).as_bytes(), Format::Yaml).unwrap();
        let found: Vec<_> = sealed.comments().iter().map(|comment| comment.container.to_string()).collect();
        // List positions are not authenticated.
        let found: Vec<_> = found.iter().map(|path| path.split('[').next().unwrap()).collect();
        assert_eq!(found, [container], "{text}");
    }
}

#[test]
fn new_lines_are_indented_as_the_configuration_wants() {
    let case = Case::new();
    let with = |format, plain: &[u8], indent| {
        let options = SealOptions { indent, ..case.options.clone() };
        String::from_utf8(seal(plain, format, &options, now()).unwrap()).unwrap()
    };
    assert!(with(Format::Json, b"{\"a\": 1}", Some(3)).contains("\"sops\": {\n   \"age\""));
    assert!(with(Format::Json, b"{}", Some(2)).starts_with("{\n  \"sops\": {\n    \"age\""));
    assert!(with(Format::Json, b"{\n  \"a\": 1\n}", Some(3)).contains("\n  \"sops\": {\n    \"age\""));
    assert!(with(Format::Json, b"{\"a\": 1}", None).contains("{\n\t\"age\""));
    assert!(with(Format::Binary, b"x", Some(2)).starts_with("{\n  \"data\""));
    assert!(with(Format::Binary, b"x", None).starts_with("{\n\t\"data\""));
    assert!(with(Format::Yaml, b"a: 1\n", Some(3)).contains("\nsops:\n   age:\n      - enc: |\n"));
    assert!(with(Format::Yaml, b"a: 1\n", Some(1)).contains("\nsops:\n  age:\n    - enc: |\n"));
}

/// What sops refuses with an exit status of its own.
#[test]
fn what_sops_refuses_is_refused_in_every_format() {
    let case = Case::new();
    let cases: [(Format, &str, i32); 14] = [
        (Format::Json, "[1]", 2),
        (Format::Json, "{\"a\": 1e999}", 2),
        (Format::Json, "{\"a\": 1", 2),
        (Format::Json, "", 92),
        (Format::Json, "{\"sops\": {}}", 203),
        (Format::Json, "{\"sops\": 1, \"sops\": 2}", 2),
        (Format::Dotenv, "no delimiter\n", 2),
        (Format::Dotenv, "sops_x=1\n", 203),
        (Format::Ini, "[a\n", 2),
        (Format::Ini, "word\n", 2),
        (Format::Ini, "a = `x\n", 2),
        (Format::Ini, "[sops]\na = 1\n", 203),
        (Format::Yaml, "- a\n", 2),
        (Format::Yaml, "a: 18446744073709551615\n", 2),
    ];
    for (format, text, code) in cases {
        let fault = seal(text.as_bytes(), format, &case.options, now()).unwrap_err();
        assert_eq!(fault.exit_code(), code, "{format} {text}: {fault}");
    }
    let mut opened = case.open(&case.seal("a: one\n"));
    assert!(opened.set(&path("sops.x"), &Value::text("x")).is_err());
    assert!(opened.set(&path("sops"), &Value::text("x")).is_err());
}

/// Texts by key in each format that has keys.
fn text_of(format: Format, entries: &[(String, String)]) -> Option<String> {
    let lines = |start: &str, line: &dyn Fn(&str, &str) -> String| {
        entries.iter().fold(start.to_owned(), |text, (key, value)| text + &line(key, value) + "\n")
    };
    let json = |value: &str| serde_json::Value::from(value).to_string();
    match format {
        Format::Yaml => Some(lines("m:\n", &|key, value| format!("  {key}: {}", json(value)))),
        Format::Json => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {}", json(value))).collect();
            Some(format!("{{\"m\": {{{}}}}}", entries.join(", ")))
        }
        Format::Dotenv => Some(lines("", &|key, value| format!("{key}={}", value.replace(['\n', '\r'], "\\n")))),
        Format::Ini => Some(lines("[m]\n", &|key, value| format!("{key} = \"\"\"{}\"\"\"", value.replace('"', "'")))),
        Format::Binary => None,
    }
}

fn entries() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[a-z]{1,6}", "[ -~é\n]{0,16}", 1..6).prop_map(|map| map.into_iter().collect())
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Yaml), Just(Format::Json), Just(Format::Dotenv), Just(Format::Ini)]
}

#[derive(Clone, Debug)]
enum Turn {
    Set(prop::sample::Index, String),
    Add(String, String),
    Unset(prop::sample::Index),
    Replace,
}

fn turn() -> impl Strategy<Value = Turn> {
    let text = || "[ -~é\n]{0,12}";
    prop_oneof![
        (any::<prop::sample::Index>(), text()).prop_map(|(at, value)| Turn::Set(at, value)),
        ("[A-Z]{1,4}", text()).prop_map(|(key, value)| Turn::Add(key, value)),
        any::<prop::sample::Index>().prop_map(Turn::Unset),
        Just(Turn::Replace),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn opening_gives_back_what_was_sealed_in_every_format(format in format(), entries in entries()) {
        let case = Case::new();
        let plain = text_of(format, &entries).unwrap();
        let bytes = seal(plain.as_bytes(), format, &case.options, now()).unwrap();
        let sealed = SealedDocument::parse(&bytes, format).unwrap();
        let opened = open(&sealed, &case.identities, OpenOptions::default()).unwrap();
        let again = seal(&opened.to_plain().unwrap(), format, &case.options, now()).unwrap();
        let again = open(&SealedDocument::parse(&again, format).unwrap(), &case.identities, OpenOptions::default()).unwrap();
        prop_assert!(same(&opened, &again), "{plain:?}");
        prop_assert_eq!(opened.values().len(), entries.len());
    }

    /// Whatever is done to a document: what no turn names keeps its bytes, and a nonce never serves two texts.
    #[test]
    fn untouched_values_keep_their_tokens_and_no_nonce_serves_twice(
        format in format(),
        entries in entries(),
        turns in prop::collection::vec(turn(), 1..8),
    ) {
        let case = Case::new();
        let inside = |key: &str| if format == Format::Dotenv { path(key) } else { path("m").key(key) };
        let mut bytes = seal(text_of(format, &entries).unwrap().as_bytes(), format, &case.options, now()).unwrap();
        let mut seen = std::collections::BTreeMap::<Vec<u8>, Vec<u8>>::new();
        for turn in turns {
            let old = SealedDocument::parse(&bytes, format).unwrap();
            let mut opened = open(&old, &case.identities, OpenOptions::default()).unwrap();
            let keys: Vec<_> = opened.values().into_iter().map(|(_, path, _)| path).collect();
            let touched = match &turn {
                Turn::Set(at, value) if !keys.is_empty() => {
                    opened.set(at.get(&keys), &Value::text(value.as_str())).unwrap();
                    Some(at.get(&keys).clone())
                }
                Turn::Add(key, value) => {
                    opened.set(&inside(key), &Value::text(value.as_str())).unwrap();
                    Some(inside(key))
                }
                Turn::Unset(at) if keys.len() > 1 => {
                    opened.unset(at.get(&keys)).unwrap();
                    Some(at.get(&keys).clone())
                }
                Turn::Replace => {
                    let plain = opened.to_plain().unwrap();
                    opened.replace_with(&plain).unwrap();
                    None
                }
                Turn::Set(..) | Turn::Unset(_) => None,
            };
            bytes = opened.reseal(later()).unwrap();
            let new = SealedDocument::parse(&bytes, format).unwrap();
            open(&new, &case.identities, OpenOptions::default()).unwrap();
            for leaf in new.leaves() {
                let before = old.leaf(&leaf.path);
                if let (Some(before), false) = (before, Some(&leaf.path) == touched.as_ref()) {
                    prop_assert_eq!(before.token(), leaf.token(), "{:?} {:?}", leaf.path, turn);
                }
                if let sops_file::LeafState::Sealed(envelope) = &leaf.state {
                    let text = [envelope.data(), envelope.tag()].concat();
                    let first = seen.entry(envelope.iv().to_vec()).or_insert_with(|| text.clone());
                    prop_assert_eq!(&*first, &text);
                }
            }
        }
    }
}

#[test]
fn a_short_nonce_of_another_writer_is_replaced_when_it_is_sealed_again() {
    let text = include_str!("fixtures/crafted/iv12.yaml");
    let document = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap();
    let lengths = |document: &SealedDocument| -> Vec<usize> {
        let leaves = document.leaves();
        let envelopes = leaves.iter().filter_map(|leaf| match &leaf.state {
            sops_file::LeafState::Sealed(envelope) => Some(envelope.iv().len()),
            sops_file::LeafState::Damaged | sops_file::LeafState::Plain(_) | sops_file::LeafState::Empty(_) => None,
        });
        envelopes.collect()
    };
    assert!(lengths(&document).contains(&12));
    let mut opened = open(&document, &us(), OpenOptions::default()).unwrap();
    // Another key leaves it alone: sops crashes only on what it seals again itself.
    opened.set(&path("new"), &Value::text("x")).unwrap();
    assert!(lengths(opened.sealed()).contains(&12));
    let plain = opened.to_plain().unwrap();
    opened.replace_with(&plain).unwrap();
    assert!(lengths(opened.sealed()).iter().all(|length| *length == 32));
}
