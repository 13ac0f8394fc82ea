//! Changes to documents of a shape that sops reads but never writes: anchors, brackets around everything, comments
//! between a key and its value, lone carriage returns.
#![expect(clippy::unwrap_used, reason = "tests")]

use sops_file::{
    Format, Identities, KeyPath, OpenOptions, OpenedDocument, RecipientEdit, SealError, SealOptions, SealedDocument,
    Selection, Value, open, seal,
};

fn sealed(who: &Identities, plain: &str, format: Format, setting: Option<(&str, &str)>) -> String {
    let selection = setting.map(|(name, text)| Selection::parse(name, text).unwrap());
    let options = SealOptions { selection, ..SealOptions::to(who.recipients()) };
    let time = "2026-11-25T12:00:00Z".parse().unwrap();
    String::from_utf8(seal(plain.as_bytes(), format, &options, time).unwrap()).unwrap()
}

fn opened(who: &Identities, sealed: &str, format: Format) -> OpenedDocument {
    let sealed = SealedDocument::parse(sealed.as_bytes(), format).unwrap();
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

fn lines_changed(before: &str, after: &str) -> usize {
    after.lines().filter(|line| !before.lines().any(|old| old == *line)).count()
}

/// `x` has an anchor, `y` is an alias of it, `secret` has nothing to do with them.
fn with_alias(who: &Identities) -> String {
    let text = sealed(who, "x: one\ny: one\nsecret: s\n", Format::Yaml, Some(("encrypted_regex", "^secret$")));
    text.replace("x: one", "x: &x one").replace("y: one", "y: *x")
}

#[test]
fn what_no_alias_shares_is_changed_in_place() {
    let who = Identities::generate();
    let before = with_alias(&who);
    for (key, value, want) in [
        ("secret", "new", "x: one\n\"y\": one\nsecret: new\n"),
        ("added", "new", "x: one\n\"y\": one\nsecret: s\nadded: new\n"),
        ("y", "two", "x: one\ny: two\nsecret: s\n"),
    ] {
        let mut document = opened(&who, &before, Format::Yaml);
        assert!(document.set(&path(key), &Value::text(value)).unwrap());
        let after = resealed(document);
        assert!(after.contains("x: &x one"), "{after}");
        assert_eq!(lines_changed(&before, &after), 3, "the value, the time and the MAC: {after}");
        assert_eq!(plain(&opened(&who, &after, Format::Yaml)).replace("\"y\"", "y"), want.replace("\"y\"", "y"));
    }
    let mut document = opened(&who, &before, Format::Yaml);
    document.unset(&path("y")).unwrap();
    assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)).lines().count(), 2);
}

#[test]
fn a_change_that_would_reach_an_alias_is_refused_and_changes_nothing() {
    let who = Identities::generate();
    let before = with_alias(&who);
    let mut document = opened(&who, &before, Format::Yaml);
    assert_eq!(document.set(&path("x"), &Value::text("two")), Err(SealError::Shared(path("x"))));
    assert_eq!(document.unset(&path("x")), Err(SealError::Shared(path("x"))));
    assert_eq!(resealed(document), before);

    let map = "base:\n    k: v\nuse:\n    k: v\nsecret: s\n";
    let text = sealed(&who, map, Format::Yaml, Some(("encrypted_regex", "^secret$")));
    let text = text.replace("base:\n", "base: &b\n").replace("use:\n    k: v\n", "use: *b\n");
    let mut document = opened(&who, &text, Format::Yaml);
    assert_eq!(document.set(&path("use.k"), &Value::text("w")), Err(SealError::Shared(path("use.k"))));
    assert!(document.set(&path("use"), &Value::text("w")).unwrap(), "the alias itself can be replaced");
    assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), "base:\n    k: v\nuse: w\nsecret: s\n");
}

#[test]
fn edit_and_rotate_write_aliases_out_and_new_readers_leave_them() {
    let (who, other) = (Identities::generate(), Identities::generate());
    let before = with_alias(&who);
    let mut document = opened(&who, &before, Format::Yaml);
    document.rotate().unwrap();
    let after = resealed(document);
    assert!(!after.contains("&x") && !after.contains("*x"), "{after}");
    assert!(!opened(&who, &after, Format::Yaml).has_same_data_key(&opened(&who, &before, Format::Yaml)));

    let mut document = opened(&who, &before, Format::Yaml);
    document.replace_with(b"x: two\ny: one\nsecret: s\n").unwrap();
    assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), "x: two\ny: one\nsecret: s\n");

    let mut document = opened(&who, &before, Format::Yaml);
    let add = other.recipients().map(str::to_owned).collect();
    assert!(document.edit_recipients(&RecipientEdit { add, remove: Vec::new() }).unwrap());
    let after = resealed(document);
    assert!(after.contains("y: *x"), "{after}");
    assert!(plain(&opened(&other, &after, Format::Yaml)).contains("secret: s"));
}

#[test]
fn a_document_in_brackets_is_changed_in_its_brackets() {
    let (who, other) = (Identities::generate(), Identities::generate());
    let before = sealed(&who, "{\n\t\"a\": \"1\",\n\t\"l\": [\"x\"]\n}\n", Format::Json, None);
    type Change = fn(&mut OpenedDocument) -> Result<bool, SealError>;
    let changes: [(Change, &str, usize); 6] = [
        (|it| it.set(&path("a"), &Value::text("2")), "a: \"2\"\nl:\n    - x\n", 3),
        (|it| it.set(&path("b"), &Value::text("new")), "a: \"1\"\nl:\n    - x\nb: new\n", 4),
        (|it| it.set(&path("l[1]"), &Value::text("z")), "a: \"1\"\nl:\n    - x\n    - z\n", 4),
        (|it| it.unset(&path("a")).map(|()| true), "l:\n    - x\n", 2),
        (|it| it.unset(&path("l")).map(|()| true), "a: \"1\"\n", 2),
        (|it| it.unset(&path("l[0]")).map(|()| true), "a: \"1\"\nl: []\n", 3),
    ];
    for (change, want, lines) in changes {
        let mut document = opened(&who, &before, Format::Yaml);
        assert!(change(&mut document).unwrap(), "{want}");
        let after = resealed(document);
        assert_eq!(plain(&opened(&who, &after, Format::Yaml)), want);
        assert!(lines_changed(&before, &after) <= lines, "{after}");
        assert!(after.starts_with('{'), "{after}");
    }
    let mut document = opened(&who, &before, Format::Yaml);
    document.unset(&path("a")).unwrap();
    document.unset(&path("l")).unwrap();
    document.set(&path("first"), &Value::text("again")).unwrap();
    let add = other.recipients().map(str::to_owned).collect();
    document.edit_recipients(&RecipientEdit { add, remove: Vec::new() }).unwrap();
    let after = resealed(document);
    let mut document = opened(&other, &after, Format::Yaml);
    document.rotate().unwrap();
    assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), "first: again\n");
}

/// As sops 3.13.3 has it: before the entry, before the element that the entry begins, inside brackets.
#[test]
fn a_key_in_brackets_that_has_no_value_gets_one() {
    let who = Identities::generate();
    for (before, key, after) in [
        ("data: {a, b: two}\n", "data.a", "data: {a: \"new\", b: \"two\"}\n"),
        ("data: {a:`1}\n", "data[\"a:`1\"]", "data: {a:`1: \"new\"}\n"),
        ("data: {\"a\":, b: two}\n", "data.a", "data: {\"a\": \"new\", b: \"two\"}\n"),
    ] {
        let sealed = sealed(&who, before, Format::Yaml, None);
        let mut document = opened(&who, &sealed, Format::Yaml);
        assert!(document.set(&path(key), &Value::text("new")).unwrap());
        assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), after);
        let mut document = opened(&who, &sealed, Format::Yaml);
        assert!(document.set(&path(key).key("deep"), &Value::text("new")).unwrap());
        assert_eq!(
            plain(&opened(&who, &resealed(document), Format::Yaml)),
            after.replace("\"new\"", "{\"deep\": \"new\"}")
        );
    }
}

#[test]
fn a_comment_between_a_key_and_its_value_belongs_where_sops_has_it() {
    let who = Identities::generate();
    let marks = Some(("encrypted_comment_regex", "mark"));
    let cases = [
        ("k:\n  # mark\n  v\nz: 1\n", vec!["k"]),
        ("k:\n# mark\n  v\nz: 1\n", vec!["k"]),
        ("k:\n  # mark\n  !!str 5\nz: 1\n", vec!["k"]),
        ("k:\n  !!str\n  # mark\n  5\nz: 1\n", vec!["k"]),
        ("k:\n  # mark\n  [a, b]\nz: 1\n", vec!["k[0]"]),
        ("l:\n- a\n- k:\n    # mark\n    v\n  w: 1\n", vec!["l[1].k", "l[1].w"]),
    ];
    for (text, want) in cases {
        let text = sealed(&who, text, Format::Yaml, marks);
        let document = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap();
        let leaves = document.leaves();
        let found: Vec<_> =
            leaves.iter().filter(|leaf| leaf.should_be_sealed).map(|leaf| leaf.path.to_string()).collect();
        assert_eq!(found, want, "{text}");
        assert!(text.contains("# mark"), "{text}");
    }
}

#[test]
fn a_key_goes_behind_a_value_that_stands_below_its_comment() {
    let who = Identities::generate();
    for text in ["map:\n  # head of k\n  of document\n", "map:\n  # head of k\n  {a: \"b\"} # beside\n"] {
        let before = sealed(&who, text, Format::Yaml, None);
        let mut document = opened(&who, &before, Format::Yaml);
        document.set(&path("new"), &Value::text("two\nlines: # x")).unwrap();
        let after = resealed(document);
        let document = opened(&who, &after, Format::Yaml);
        assert_eq!(document.unopened_comments(), 0);
        assert_eq!(plain(&document), format!("{text}new: |-\n    two\n    lines: # x\n"));
    }
    let before = sealed(&who, "l: [a # why\n  ]\n", Format::Yaml, None);
    let mut document = opened(&who, &before, Format::Yaml);
    document.set(&path("l[1]"), &Value::text("b")).unwrap();
    assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), "l: [\"a\", \"b\" # why\n  ]\n");
}

#[test]
fn a_key_goes_into_its_own_document_even_if_a_comment_of_it_stands_in_the_next_one() {
    let who = Identities::generate();
    for newline in ["\n", "\r\n"] {
        let text = "a: 1\n---\n# of the document above\n\nb: 2\n".replace('\n', newline);
        let before = sealed(&who, &text, Format::Yaml, None);
        let mut document = opened(&who, &before, Format::Yaml);
        document.set(&path("new"), &Value::text("x")).unwrap();
        let want = "a: 1\nnew: x\n---\n# of the document above\n\nb: 2\n".replace('\n', newline);
        assert_eq!(plain(&opened(&who, &resealed(document), Format::Yaml)), want);
    }
}

/// What the end of a block looks like to the reader of sops 3.13.3: by the key that each comment's seal is bound to.
#[test]
fn comments_at_the_end_of_a_block_belong_where_sops_has_them() {
    let who = Identities::generate();
    let cases = [
        ("m:\n  k: v\n  # one\n\n  # two\nz: 1\n", ["m", ""]),
        ("m:\n  k: v\n# one\n    # two\nz: 1\n", ["", ""]),
        ("m:\n  l:\n    - a\n    - {}\n  # one\n# two\nz: 1\n", ["m.l", ""]),
        ("m:\n  k: v\n  # one\n  # two\nz: 1\n", ["m", "m"]),
    ];
    for (text, want) in cases {
        let text = sealed(&who, text, Format::Yaml, None);
        let document = SealedDocument::parse(text.as_bytes(), Format::Yaml).unwrap();
        let found: Vec<_> = document.comments().iter().map(|comment| comment.container.to_string()).collect();
        assert_eq!(found, want, "{text}");
    }
}

fn map() -> Value {
    Value::Map(vec![("u".to_owned(), Value::text("hunter2")), ("w".to_owned(), Value::text("x"))])
}

#[test]
fn a_marked_value_stays_sealed_when_it_becomes_a_container() {
    let who = Identities::generate();
    let marks = Some(("encrypted_comment_regex", "mark"));
    for text in ["k:\n  # mark\n  v\nz: 1\n", "# mark\nk: v\nz: 1\n", "k: v # mark\nz: 1\n"] {
        let mut document = opened(&who, &sealed(&who, text, Format::Yaml, marks), Format::Yaml);
        document.set(&path("k"), &map()).unwrap();
        let after = resealed(document);
        assert!(!after.contains("hunter2") && after.contains("# mark"), "{after}");
    }
    let text = sealed(&who, "k:\n  # mark\n  a: v\nz: 1\n", Format::Yaml, marks);
    let mut document = opened(&who, &text, Format::Yaml);
    assert!(document.set(&path("k"), &map()).unwrap_err().to_string().contains("in the clear"));
    assert_eq!(resealed(document), text);
}

#[test]
fn white_space_that_is_no_habit_is_not_copied_to_new_ini_lines() {
    let who = Identities::generate();
    for (text, line) in
        [("k:\r\0:12Z\n", "new:"), ("\u{feff}k=v\n", "new="), ("k \t=\tv\n", "new =\t"), ("k = v\n", "new = ")]
    {
        let before = sealed(&who, text, Format::Ini, None);
        let mut document = opened(&who, &before, Format::Ini);
        document.set(&path("DEFAULT.new"), &Value::text("two\nlines")).unwrap();
        let after = resealed(document);
        assert!(after.lines().any(|found| found.starts_with(line)), "{after}");
        let mut document = opened(&who, &after, Format::Ini);
        document.unset(&path("DEFAULT.new")).unwrap();
        assert_eq!(document.values().len(), 1);
    }
}
