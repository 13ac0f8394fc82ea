//! What a change does to its neighbours: comments that come to stand elsewhere, and values that a comment marks.
#![expect(clippy::unwrap_used, reason = "tests")]

use sops_file::{
    Format, Identities, KeyPath, LeafState, OpenOptions, OpenedDocument, SealOptions, SealedDocument, Selection, Value,
    open, seal,
};

fn sealed(who: &Identities, plain: &str, setting: Option<(&str, &str)>) -> String {
    let selection = setting.map(|(name, text)| Selection::parse(name, text).unwrap());
    let options = SealOptions { selection, ..SealOptions::to(who.recipients()) };
    let time = "2026-11-25T12:00:00Z".parse().unwrap();
    String::from_utf8(seal(plain.as_bytes(), Format::Yaml, &options, time).unwrap()).unwrap()
}

fn opened(who: &Identities, sealed: &str) -> OpenedDocument {
    let sealed = SealedDocument::parse(sealed.as_bytes(), Format::Yaml).unwrap();
    open(&sealed, who, OpenOptions::default()).unwrap()
}

fn resealed(mut document: OpenedDocument) -> String {
    String::from_utf8(document.reseal("2026-11-25T13:00:00Z".parse().unwrap()).unwrap()).unwrap()
}

fn plain(document: &OpenedDocument) -> String {
    String::from_utf8(document.to_plain().unwrap().to_vec()).unwrap()
}

fn path(text: &str) -> KeyPath {
    text.parse().unwrap()
}

fn comment_line(sealed: &str) -> &str {
    sealed.lines().find(|line| line.trim_start().starts_with("#ENC")).unwrap().trim()
}

#[test]
fn a_comment_that_was_sealed_for_another_container_is_sealed_for_its_own() {
    let who = Identities::generate();
    let before = sealed(&who, "m:\n  a: 1\n  # note\nz: 1\n", None).replace("\n  #ENC", "\n#ENC");
    let mut document = opened(&who, &before);
    assert_eq!(document.unopened_comments(), 0, "the containers around are tried");
    document.set(&path("z"), &Value::text("new")).unwrap();
    let after = resealed(document);
    assert_ne!(comment_line(&before), comment_line(&after));
    assert_eq!(plain(&opened(&who, &after)), "m:\n  a: 1\n# note\nz: new\n");

    let mut again = opened(&who, &after);
    again.set(&path("z"), &Value::text("newer")).unwrap();
    assert_eq!(comment_line(&resealed(again)), comment_line(&after), "one that is in its place keeps its text");
}

#[test]
fn a_sealed_comment_among_the_elements_of_a_list_is_no_element() {
    let who = Identities::generate();
    let before = sealed(&who, "l:\n  # note\n  - a\n  - b\n", None).replace("\n  #ENC", "\n  - ENC");
    let mut document = opened(&who, &before);
    document.set(&path("l[0]"), &Value::text("new")).unwrap();
    assert_eq!(plain(&opened(&who, &resealed(document))), "l:\n  # note\n  - new\n  - b\n");
}

#[test]
fn what_a_comment_comes_to_mark_is_sealed() {
    let who = Identities::generate();
    let before = sealed(&who, "# enc\na: 1\nb: 2\n", Some(("encrypted_comment_regex", "^ enc")));
    let mut document = opened(&who, &before);
    document.unset(&path("a")).unwrap();
    let after = resealed(document);
    let after = SealedDocument::parse(after.as_bytes(), Format::Yaml).unwrap();
    assert!(matches!(after.leaf(&path("b")).unwrap().state, LeafState::Sealed(_)));
}

#[test]
fn a_seal_is_not_taken_off_because_a_comment_came_to_mark_it() {
    let who = Identities::generate();
    let before = sealed(&who, "# plain\na: 1\nb: 2\n", Some(("unencrypted_comment_regex", "^ plain")));
    let mut document = opened(&who, &before);
    let fault = document.unset(&path("a")).unwrap_err();
    assert!(fault.to_string().contains("in the clear"), "{fault}");
    assert_eq!(resealed(document), before);
}

#[test]
fn a_value_that_was_not_there_is_written_behind_its_key() {
    let who = Identities::generate();
    let cases = [
        ("m:\n  a: 1\n  k:\nb: 2\n", "m:\n  a: 1\n  k: new\nb: 2\n"),
        ("m:\n  a: 1\n  # note\n  k:\n\n# more\nb: 2\n", "m:\n  a: 1\n  # note\n  k: new\n\n# more\nb: 2\n"),
        ("m:\n  k: # note\n  a: 1\n", "m:\n  k: new # note\n  a: 1\n"),
        ("m:\n  k:\n", "m:\n  k: new\n"),
    ];
    for (before, after) in cases {
        let mut document = opened(&who, &sealed(&who, before, None));
        document.set(&path("m.k"), &Value::text("new")).unwrap();
        assert_eq!(plain(&opened(&who, &resealed(document))), after);
    }
    let mut list = opened(&who, &sealed(&who, "l:\n- a\n-\nb: 2\n", None));
    list.set(&path("l[1]"), &Value::text("new")).unwrap();
    assert_eq!(plain(&opened(&who, &resealed(list))), "l:\n- a\n- new\nb: 2\n");
}

#[test]
fn a_comment_right_behind_a_document_marker_belongs_to_the_document_above() {
    let who = Identities::generate();
    let text = sealed(&who, "a: 1\n---\n# enc\n\nb: 2\n---\n# enc\nc: 3\n", Some(("encrypted_comment_regex", "enc")));
    let sealed = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap();
    let is_sealed = |key| matches!(sealed.leaf(&path(key)).unwrap().state, LeafState::Sealed(_));
    assert_eq!([is_sealed("a"), is_sealed("b"), is_sealed("c")], [false, false, true]);
}
