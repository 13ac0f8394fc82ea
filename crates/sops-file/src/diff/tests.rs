//! Small pairs of documents and what is said about them.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{ChangeKind, DataKeyChange, DocumentDiff, keyless};
use crate::{Format, SealedDocument};

const FOOT: &str = "sops:\n    age:\n        - enc: |\n            stanza\n          recipient: age1a\n    lastmodified: \"2026-01-01T00:00:00Z\"\n    mac: ENC[AES256_GCM,data:aaaa,iv:aaaa,tag:aaaa,type:str]\n    version: 3.13.3\n";

fn doc(body: &str, foot: &str) -> SealedDocument {
    SealedDocument::parse(format!("{body}{foot}").as_bytes(), Format::Yaml).unwrap()
}

fn token(letter: char) -> String {
    let four: String = std::iter::repeat_n(letter, 4).collect();
    format!("ENC[AES256_GCM,data:{four},iv:AAAA,tag:AAAA,type:str]")
}

fn body(template: &str) -> String {
    ('A'..='F').fold(template.to_owned(), |text, letter| text.replace(&format!("<{letter}>"), &token(letter)))
}

fn keys(diff: &DocumentDiff) -> Vec<String> {
    diff.keys
        .iter()
        .map(|change| {
            let from = change.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            let kind = serde_json::to_value(change.change).unwrap();
            format!("{} {}{from}", change.key, kind.as_str().unwrap())
        })
        .collect()
}

#[test]
fn keys_are_compared_one_by_one() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("a: <A>\n", "a: <A>\n", &[]),
        ("a: <A>\n", "a: <B>\n", &["a changed"]),
        ("a: <A>\n", "a: <A>\nb: <B>\n", &["b added"]),
        ("a: <A>\nb: <B>\n", "b: <B>\n", &["a removed"]),
        ("a: <A>\n", "a: plain\n", &["a became_plain"]),
        ("a: plain\n", "a: <A>\n", &["a became_encrypted"]),
        ("a: 1\n", "a: \"1\"\n", &["a type_changed"]),
        ("m:\n  a: <A>\n", "m:\n  a: <A>\n  b:\n    c: <B>\n", &["m.b.c added"]),
        ("a: <A>\nb: <B>\nc: <C>\n", "b: <B>\nc: <C>\na: <A>\n", &["a moved"]),
        ("a: <A>\nb: <B>\n", "x: <A>\nb: <B>\n", &["x renamed from a"]),
        ("l: [<A>, <B>]\n", "l: [<C>, <A>, <B>]\n", &["l[0] added"]),
        ("l: [<A>, <B>]\n", "l: [<B>]\n", &["l[0] removed"]),
        ("l: [<A>, <B>]\n", "l: [<A>, <C>]\n", &["l[1] changed"]),
        ("a: x\n", "a:\n  b: x\n", &["a removed", "a.b added"]),
        ("a: {}\n", "a: {}\ne: \"\"\nn: null\n", &["e added", "n added"]),
        ("a: null\n", "a:\n  b: x\n", &["a type_changed", "a.b added"]),
    ];
    for (old, new, want) in cases {
        // In brackets an envelope must be quoted.
        let quote = |text: &str| {
            if text.contains('[') { body(&text.replace('<', "\"<").replace('>', ">\"")) } else { body(text) }
        };
        let diff = keyless(Some(&doc(&quote(old), FOOT)), Some(&doc(&quote(new), FOOT)));
        assert_eq!(keys(&diff), want, "{old} -> {new}");
    }
}

#[test]
fn an_added_and_a_deleted_document_list_all_keys() {
    let document = doc(&body("a: <A>\nb:\n  - <B>\n"), FOOT);
    assert_eq!(keys(&keyless(None, Some(&document))), ["a added", "b[0] added"]);
    assert_eq!(keys(&keyless(Some(&document), None)), ["a removed", "b[0] removed"]);
    assert_eq!(keyless(None, Some(&document)).recipients.added, ["age1a"]);
}

#[test]
fn recipients_settings_and_the_data_key_are_compared() {
    let old = doc(&body("a: <A>\n"), FOOT);
    let foot = FOOT
        .replace("    lastmodified", "        - enc: other\n          recipient: age1b\n    lastmodified")
        .replace("version: 3.13.3", "encrypted_regex: ^a$\n    version: 3.13.2\n    extra: 1");
    let diff = keyless(Some(&old), Some(&doc(&body("a: <A>\n"), &foot)));
    assert_eq!(diff.data_key, DataKeyChange::Same);
    assert_eq!((diff.recipients.added, diff.recipients.removed), (vec!["age1b".to_owned()], vec![]));
    let settings: Vec<_> =
        diff.settings.iter().map(|s| (s.name.as_str(), s.old.as_deref(), s.new.as_deref())).collect();
    let want = [("unencrypted_suffix", Some("_unencrypted"), None), ("encrypted_regex", None, Some("^a$"))];
    assert_eq!(settings, want);
    let other: Vec<_> = diff.other.iter().map(|other| other.what.as_str()).collect();
    assert_eq!(other, ["version", "metadata field `extra`"]);
}

#[test]
fn a_rotation_changes_the_data_key() {
    let old = doc(&body("a: <A>\n"), FOOT);
    let new = doc(&body("a: <B>\n"), &FOOT.replace("stanza", "another"));
    assert_eq!(keyless(Some(&old), Some(&new)).data_key, DataKeyChange::Changed);
    let same_token = doc(&body("a: <A>\n"), &FOOT.replace("stanza", "another"));
    assert_eq!(keyless(Some(&old), Some(&same_token)).data_key, DataKeyChange::Unknown);
}

#[test]
fn comments_and_an_odd_mac_are_told() {
    let old = doc(&body("# one\na: <A>\n"), FOOT);
    let new = doc(&body("# two\n# three\na: <A>\n"), &FOOT.replace("data:aaaa", "data:bbbb"));
    let diff = keyless(Some(&old), Some(&new));
    let other: Vec<_> = diff.other.iter().map(|o| (o.what.as_str(), o.old.as_deref(), o.new.as_deref())).collect();
    let want = [("comments at the top level", Some("1 (0 sealed)"), Some("2 (0 sealed), 2 new or changed"))];
    assert_eq!(other, want);
    let only_mac = keyless(Some(&old), Some(&doc(&body("# one\na: <A>\n"), &FOOT.replace("data:aaaa", "data:bbbb"))));
    assert_eq!(only_mac.other[0].new.as_deref(), Some("replaced, though nothing else changed"));
    let same_mac = keyless(Some(&old), Some(&doc(&body("# one\na: <B>\n"), FOOT)));
    assert_eq!(same_mac.other[0].new.as_deref(), Some("not renewed, though keys changed"));
}

/// What the MAC does not cover and no key shows, one at a time.
#[test]
fn nothing_in_the_metadata_changes_unseen() {
    let cases = [
        ("            stanza\n", "            other\n", "sealed data key of age1a"),
        ("    lastmodified", "        - enc: junk\n          recipient: age1a\n    lastmodified", "entries of age1a"),
        ("recipient: age1a", "recipient: age1a\n          since: 2020", "details of age1a"),
        ("    version", "    # remark\n    version", "comments in the metadata"),
        ("    version", "    odd: {}\n    version", "metadata field `odd`"),
        ("    version: 3.13.3\n", "", "version"),
        ("00Z", "00+00:00", "lastmodified"),
        ("    version", "    shamir_threshold: 2\n    version", "shamir_threshold"),
    ];
    let old = doc(&body("a: <A>\n"), FOOT);
    for (was, is, what) in cases {
        let diff = keyless(Some(&old), Some(&doc(&body("a: <A>\n"), &FOOT.replacen(was, is, 1))));
        assert!(diff.other.iter().any(|other| other.what == what), "{what}: {:?}", diff.other);
    }
    let second = |foot: &str| doc(&body(&format!("a: <A>\n{FOOT}---\nb: <B>\n")), foot);
    let diff = keyless(Some(&second(FOOT)), Some(&second(&FOOT.replace("age1a", "age1b"))));
    assert_eq!(diff.other[0].what, "metadata of document 2");
    let json = |tail: &str| {
        let text = format!(
            "{{\"a\": {{}}, \"sops\": {{\"age\": [{{\"recipient\": \"age1a\"}}], \"lastmodified\": \"2026-01-01T00:00:00Z\"}}}}{tail}"
        );
        SealedDocument::parse(text.as_bytes(), Format::Json).unwrap()
    };
    assert_eq!(keyless(Some(&json("\n")), Some(&json(" secret"))).other[0].what, "text behind the document");
}

#[test]
fn the_json_has_the_agreed_shape_and_no_token() {
    let diff = keyless(Some(&doc(&body("a: <A>\n"), FOOT)), Some(&doc(&body("a: <B>\n"), FOOT)));
    let json = serde_json::to_value(&diff).unwrap();
    assert_eq!(json["keys"], serde_json::json!([{"key": "a", "change": "changed"}]));
    assert_eq!((json["format"].as_str(), json["integrity"].as_str()), (Some("yaml"), Some("unverified")));
    assert_eq!(json["data_key"], "same");
    assert!(!json.to_string().contains("BBBB"));
    assert_eq!(diff.keys[0].change, ChangeKind::Changed);
}

#[test]
fn the_same_tokens_in_the_place_of_the_same_tokens_are_the_same_change() {
    let change = |old: &str, new: &str, foot: &str| super::tokens(&doc(&body(old), FOOT), &doc(&body(new), foot));
    let later = FOOT.replace("2026-01-01", "2026-02-02").replace("data:aaaa", "data:bbbb");
    let own = change("a: <A>\nb: <B>\n", "a: <C>\nb: <B>\n", FOOT);
    assert_eq!(own.len(), 1);
    // others changed another key, the date and the MAC, and wrote a comment of theirs beside it before
    assert_eq!(own, change("a: <A>\nb: <D>\nx: <E>\n", "a: <C>\nb: <D>\nx: <E>\n", &later));
    let others = [
        change("a: <A>\nb: <B>\n", "a: <D>\nb: <B>\n", FOOT),
        change("a: <D>\nb: <B>\n", "a: <C>\nb: <B>\n", FOOT),
        change("b: <B>\n", "a: <C>\nb: <B>\n", FOOT),
        change("a: <A>\nb: <B>\n", "a: <C>\nb: <D>\n", FOOT),
        change("a: <A>\nb: <B>\n", "b: <B>\na: <C>\n", FOOT),
        change("a: <A>\nb: <B>\n", "# note\na: <C>\nb: <B>\n", FOOT),
        change("a: <A>\nb: <B>\n", "a: plain\nb: <B>\n", FOOT),
        change("a: <A>\nb: <B>\n", "a: <C>\nb: <B>\n", &FOOT.replace("stanza", "other")),
        change("a: <A>\nb: <B>\n", "a: <C>\nb: <B>\n", &FOOT.replace("recipient: age1a", "recipient: age1b")),
        change("a: <A>\nb: <B>\n", "a: <C>\nb: <B>\n", &(FOOT.to_owned() + "    unencrypted_suffix: _x\n")),
        change("a: <A>\nb: <B>\n", "a: <C>\nb: <B>\n", &FOOT.replace("3.13.3", "3.13.4")),
    ];
    for other in others {
        assert_ne!(own, other);
    }
}
