//! One small YAML document per rule.

use sops_file::merge::{Outcome, Scope, merge};
use sops_file::{Format, Identities, OpenOptions, RecipientEdit, SealOptions, SealedDocument, Selection, Value, open};

use crate::desk::{Desk, at, plain, text};

const BASE: &str = "# the database\ndb:\n    host: localhost # beside\n    user: app\n    password: first\n# a list\nlist:\n    - one\n    - two\n    - three\nempty: {}\nlast: end\n";

fn desk() -> Desk {
    Desk::new(Format::Yaml, BASE)
}

/// Both sides as plain texts, and what must come out; the same the other way round.
fn both_ways(ours: &str, theirs: &str, wanted: &str) {
    let desk = desk();
    let (ours, theirs) = (desk.edited(1, ours), desk.edited(2, theirs));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), wanted);
    assert_eq!(plain(&desk.merged(&theirs, &ours)), wanted, "the other way round");
}

#[test]
fn different_keys_merge_and_only_mac_and_time_are_new() {
    let desk = desk();
    let ours = desk.side(1, |it| _ = it.set(&"db.user".parse().unwrap(), &Value::text("root")).unwrap());
    let theirs = desk.side(2, |it| _ = it.set(&"db.password".parse().unwrap(), &Value::text("second")).unwrap());
    let merged = desk.merged(&ours, &theirs);
    let changed: Vec<(&str, &str)> =
        text(&ours).lines().zip(text(&merged).lines()).filter(|(old, new)| old != new).collect();
    assert_eq!(changed.len(), 3, "{changed:?}");
    let verbatim = text(&theirs).lines().find(|line| line.contains("password:")).unwrap();
    assert!(text(&merged).lines().any(|line| line == verbatim), "the token of the other side is copied");
    assert_eq!(plain(&merged), BASE.replace("app", "root").replace("first", "second"));
}

#[test]
fn keys_come_and_go_on_either_side() {
    both_ways(
        &BASE.replace("    user: app\n", "    user: app\n    port: 5432\n"),
        &BASE.replace("last: end\n", "last: end\nnew:\n    # why\n    deep:\n        - a: 1\n          b: 2\n"),
        &(BASE.replace("    user: app\n", "    user: app\n    port: 5432\n")
            + "new:\n    # why\n    deep:\n        - a: 1\n          b: 2\n"),
    );
    both_ways(
        &BASE.replace("    user: app\n", ""),
        &BASE.replace("# a list\nlist:\n    - one\n    - two\n    - three\n", ""),
        &BASE.replace("    user: app\n", "").replace("# a list\nlist:\n    - one\n    - two\n    - three\n", ""),
    );
    both_ways(
        &BASE.replace("# the database\n", "before: x\n# the database\n"),
        &BASE.replace("empty: {}", "empty:\n    a: 1"),
        &BASE.replace("# the database\n", "before: x\n# the database\n").replace("empty: {}", "empty:\n    a: 1"),
    );
    both_ways(
        &BASE.replace("    host: localhost # beside\n    user: app\n    password: first\n", "    only: this\n"),
        &BASE.replace("end", "over"),
        &BASE
            .replace("    host: localhost # beside\n    user: app\n    password: first\n", "    only: this\n")
            .replace("end", "over"),
    );
}

#[test]
fn lists_are_merged_by_their_elements() {
    both_ways(
        &BASE.replace("    - one\n", "    - zero\n    - one\n"),
        &BASE.replace("    - three\n", "    - three\n    - four\n"),
        &BASE.replace("    - one\n", "    - zero\n    - one\n").replace("    - three\n", "    - three\n    - four\n"),
    );
    both_ways(
        &BASE.replace("- one", "- ONE"),
        &BASE.replace("- two", "- TWO"),
        &BASE.replace("- one", "- ONE").replace("- two", "- TWO"),
    );
    both_ways(
        &BASE.replace("    - one\n", ""),
        &BASE.replace("- three", "- THREE"),
        &BASE.replace("    - one\n", "").replace("- three", "- THREE"),
    );
    let desk = desk();
    let ours = desk.edited(1, &BASE.replace("    - two\n", "    - two\n    - more\n"));
    let theirs = desk.edited(2, &BASE.replace("    - two\n", "    - two\n    - other\n"));
    assert_eq!(desk.conflicts(&ours, &theirs), ["`list[2]` is in a stretch of a list that both sides edited"]);
}

#[test]
fn maps_in_lists_are_merged_by_key() {
    let base = "servers:\n    - name: a\n      port: 1\n    - name: b\n      port: 2\n";
    let desk = Desk::new(Format::Yaml, base);
    let ours = desk.edited(1, &base.replace("port: 1", "port: 11"));
    let theirs = desk.edited(2, &base.replace("    - name: a\n", "    - first: x\n      name: A\n"));
    let wanted = "servers:\n    - first: x\n      name: A\n      port: 11\n    - name: b\n      port: 2\n";
    assert_eq!(plain(&desk.merged(&ours, &theirs)), wanted);
    assert_eq!(plain(&desk.merged(&theirs, &ours)), wanted);
    let ours = desk.edited(3, &base.replace("    - name: a\n      port: 1\n", "    - port: 1\n"));
    let theirs = desk.edited(4, &base.replace("port: 2", "port: 22"));
    let wanted = "servers:\n    - port: 1\n    - name: b\n      port: 22\n";
    assert_eq!(plain(&desk.merged(&ours, &theirs)), wanted);
    assert_eq!(plain(&desk.merged(&theirs, &ours)), wanted);
}

#[test]
fn comments_come_from_the_side_that_changed_them() {
    both_ways(
        &BASE.replace("# a list\n", "# a longer\n# list\n"),
        &BASE.replace("end", "over"),
        &BASE.replace("# a list\n", "# a longer\n# list\n").replace("end", "over"),
    );
    both_ways(
        &BASE.replace("last: end", "# new\nlast: end"),
        &BASE.replace("end", "over"),
        &BASE.replace("last: end", "# new\nlast: over"),
    );
    both_ways(
        &BASE.replace("# beside", "# besides"),
        &BASE.replace("localhost", "db.internal"),
        &BASE.replace("# beside", "# besides").replace("localhost", "db.internal"),
    );
    both_ways(
        &(BASE.to_owned() + "# the end\n"),
        &BASE.replace("app", "root"),
        &(BASE.replace("app", "root") + "# the end\n"),
    );
    let desk = desk();
    let ours = desk.edited(1, &BASE.replace("# a list", "# ours"));
    let theirs = desk.edited(2, &BASE.replace("# a list", "# theirs"));
    assert_eq!(desk.conflicts(&ours, &theirs), ["`list` has comments that both sides changed"]);
}

#[test]
fn the_same_value_on_both_sides_is_no_conflict() {
    let desk = desk();
    let changed = BASE.replace("first", "second");
    let (ours, theirs) = (desk.edited(1, &changed), desk.edited(2, &changed.replace("end", "over")));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), changed.replace("end", "over"));
    let added = BASE.to_owned() + "new: x\n";
    let (ours, theirs) = (desk.edited(1, &added), desk.edited(2, &added));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), added);
}

#[test]
fn what_both_added_to_a_list_stands_there_once() {
    let longer = BASE.replace("    - three\n", "    - three\n    - four\n");
    both_ways(&longer.replace("user: app", "user: web"), &longer, &longer.replace("user: app", "user: web"));
}

#[test]
fn an_empty_value_gives_way_to_the_keys_of_both() {
    let desk = Desk::new(Format::Yaml, "group: \"\"\nrest: 3\n");
    let (ours, theirs) = (desk.edited(1, "group:\n    a: 1\nrest: 3\n"), desk.edited(2, "group:\n    b: 2\nrest: 3\n"));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), "group:\n    b: 2\n    a: 1\nrest: 3\n");
}

#[test]
fn the_newer_version_of_sops_is_named() {
    let desk = desk();
    let ours = desk.edited(1, &BASE.replace("user: app", "user: web"));
    let theirs = desk.edited(2, &BASE.replace("last: end", "last: stop"));
    let own = desk.base.sealed().metadata().version().expect("a version").to_owned();
    for (version, wanted) in [("99.0.0", "99.0.0"), ("1.0.0", own.as_str())] {
        let spelt = text(&theirs).replace(&format!("version: {own}"), &format!("version: {version}"));
        assert_ne!(spelt, text(&theirs), "it stands there");
        let merged = desk.merged(&ours, &desk.read(spelt.as_bytes()));
        assert_eq!(merged.sealed().metadata().version(), Some(wanted), "{version}");
    }
}

#[test]
fn a_group_that_both_together_empty_is_named() {
    let desk = Desk::new(Format::Yaml, "group:\n    b: 2\n    a: 1\nrest: 3\n");
    let without = |second: i64, key: &str| desk.side(second, |opened| opened.unset(&key.parse().unwrap()).unwrap());
    let (ours, theirs) = (without(1, "group.a"), without(2, "group.b"));
    for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
        let Outcome::Conflicts(found) = merge(&desk.base, ours, theirs, Scope::Everything, at(9)).unwrap() else {
            panic!("merged");
        };
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`group` was removed on one side and changed on the other"]);
    }
}

#[test]
fn what_both_changed_differently_is_named() {
    let desk = desk();
    let ours = BASE.replace("first", "A").replace("    user: app\n", "").replace("end", "1");
    let theirs = BASE.replace("first", "B").replace("user: app", "user: root").replace("end", "\"1\"");
    assert_eq!(
        desk.conflicts(&desk.edited(1, &ours), &desk.edited(2, &theirs)),
        [
            "`db.password` was changed on both sides",
            "`db.user` was removed on one side and changed on the other",
            "`last` was changed on both sides",
        ]
    );
    let ours = desk.edited(1, &(BASE.to_owned() + "new: 1\n"));
    let theirs = desk.edited(2, &(BASE.to_owned() + "new: 2\n"));
    assert_eq!(desk.conflicts(&ours, &theirs), ["`new` was changed on both sides"]);
    let ours = desk.edited(1, "last: end\n");
    let theirs = desk.edited(2, &BASE.replace("host: localhost", "host: remote"));
    assert_eq!(desk.conflicts(&ours, &theirs), ["`db` was removed on one side and changed on the other"]);
}

#[test]
fn another_order_is_kept_unless_both_made_one() {
    let base = "a: 1\nb: 2\nc: 3\nd: 4\n";
    let desk = Desk::new(Format::Yaml, base);
    let (ours, theirs) = (desk.edited(1, "a: 1\nb: 2\nc: three\nd: 4\n"), desk.edited(2, "d: 4\na: 1\nb: 2\nc: 3\n"));
    assert_eq!(plain(&desk.merged(&ours, &theirs)), "d: 4\na: 1\nb: 2\nc: three\n");
    let ours = desk.edited(1, "b: 2\na: 1\nc: 3\nd: 4\n");
    assert_eq!(desk.conflicts(&ours, &theirs), ["the keys of the document were put in another order on both sides"]);
}

#[test]
fn a_rotated_side_keeps_its_key_and_the_other_ones_values_are_sealed_again() {
    let desk = desk();
    let ours = desk.side(1, |it| _ = it.set(&"db.user".parse().unwrap(), &Value::text("root")).unwrap());
    let theirs = desk.side(2, |it| it.rotate().unwrap());
    for merged in [desk.merged(&ours, &theirs), desk.merged(&theirs, &ours)] {
        assert!(merged.has_same_data_key(&theirs));
        assert_eq!(plain(&merged), BASE.replace("app", "root"));
    }
    let both = desk.side(3, |it| it.rotate().unwrap());
    assert_eq!(desk.conflicts(&both, &theirs), ["the data key was changed"]);
}

#[test]
fn recipients_are_joined_and_whoever_was_taken_out_is_out() {
    let (other, third) = (Identities::generate(), Identities::generate());
    let name = |who: &Identities| who.recipients().map(str::to_owned).collect::<Vec<_>>();
    let me = Identities::generate();
    let options = SealOptions::to(me.recipients().chain(other.recipients()));
    let desk = Desk::with(Format::Yaml, BASE, &options, me);
    let added = desk.side(1, |it| {
        it.edit_recipients(&RecipientEdit { add: name(&third), remove: vec![] }).unwrap();
    });
    let changed = desk.edited(2, &BASE.replace("first", "second"));
    let merged = desk.merged(&changed, &added);
    assert_eq!(merged.sealed().metadata().recipients().count(), 3);
    assert!(open(merged.sealed(), &third, OpenOptions::default()).is_ok());
    assert!(merged.has_same_data_key(&desk.base));

    let removed = desk.side(3, |it| {
        it.edit_recipients(&RecipientEdit { add: vec![], remove: name(&other) }).unwrap();
    });
    for merged in [desk.merged(&added, &removed), desk.merged(&removed, &added)] {
        let labels: Vec<String> = merged.sealed().metadata().recipients().map(|it| it.label()).collect();
        assert_eq!(labels.len(), 2);
        assert!(!labels.contains(&name(&other)[0]));
        assert!(!merged.has_same_data_key(&desk.base), "whoever was taken out knows the old key");
        assert!(open(merged.sealed(), &third, OpenOptions::default()).is_ok());
        assert_eq!(plain(&merged), BASE);
    }
}

#[test]
fn settings_changed_on_one_side_hold_for_what_the_other_one_added() {
    let me = Identities::generate();
    let selection = |text: &str| Some(Selection::parse("encrypted_regex", text).unwrap());
    let options = SealOptions { selection: selection("^(secret|token)$"), ..SealOptions::to(me.recipients()) };
    let desk = Desk::with(Format::Yaml, "open: a\nsecret: b\ntoken: c\n", &options, me);
    let narrower = text(&desk.base).replace("^(secret|token)$", "^(secret)$");
    assert!(SealedDocument::parse(narrower.as_bytes(), Format::Yaml).is_ok());
    let theirs = desk.edited(2, "open: A\nsecret: B\ntoken: c\n");
    assert_eq!(
        plain(&desk.merged(&desk.edited(1, "open: a\nsecret: b\ntoken: c\nnew: x\n"), &theirs)),
        "open: A\nsecret: B\ntoken: c\nnew: x\n"
    );
}

#[test]
fn the_narrow_scope_refuses_whatever_decides_who_reads() {
    let desk = desk();
    let other = Identities::generate();
    let changed = desk.edited(1, &BASE.replace("first", "second"));
    let add = RecipientEdit { add: other.recipients().map(str::to_owned).collect(), remove: vec![] };
    let cases = [
        (desk.side(2, |it| _ = it.edit_recipients(&add).unwrap()), "the recipients were changed"),
        (desk.side(3, |it| it.rotate().unwrap()), "the data key was changed"),
    ];
    for (side, wanted) in &cases {
        for (ours, theirs) in [(side, &changed), (&changed, side)] {
            let outcome = merge(&desk.base, ours, theirs, Scope::ValuesOnly, at(9)).unwrap();
            let Outcome::Conflicts(found) = outcome else { panic!("merged") };
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [*wanted]);
        }
    }
    let theirs = desk.edited(4, &BASE.replace("end", "over"));
    assert!(matches!(merge(&desk.base, &changed, &theirs, Scope::ValuesOnly, at(9)), Ok(Outcome::Merged(_))));
}

#[test]
fn several_documents_are_merged_one_by_one() {
    let base = "a: 1\n---\na: 1\nb: 2\n";
    let desk = Desk::new(Format::Yaml, base);
    let ours = desk.edited(1, "a: 2\n---\na: 1\nb: 2\n");
    let theirs = desk.edited(2, "a: 1\n---\na: 1\nb: 3\n");
    assert_eq!(plain(&desk.merged(&ours, &theirs)), "a: 2\n---\na: 1\nb: 3\n");
    let third = desk.edited(3, "a: 1\n---\na: 1\nb: 4\n");
    assert_eq!(desk.conflicts(&third, &theirs), ["document 2: `b` was changed on both sides"]);
}

#[test]
fn a_key_comes_behind_the_last_one_that_stays() {
    let base = "delta:\n    alpha:\n        alpha: one\n    delta: two\nlast: end\n";
    let desk = Desk::new(Format::Yaml, base);
    for added in ["    beta: three\n", "    beta:\n        - three\n", "    beta:\n        gamma: three\n"] {
        let ours = desk.edited(1, &base.replace("    delta: two\n", ""));
        let theirs = desk.edited(2, &base.replace("    delta: two\n", &format!("    delta: two\n{added}")));
        let wanted = base.replace("    delta: two\n", added);
        assert_eq!(plain(&desk.merged(&ours, &theirs)), wanted);
        assert_eq!(plain(&desk.merged(&theirs, &ours)), wanted, "the other way round");
        let before = desk.edited(3, &base.replace("    delta: two\n", &format!("{added}    delta: two\n")));
        assert_eq!(plain(&desk.merged(&ours, &before)), wanted);
        assert_eq!(plain(&desk.merged(&before, &ours)), wanted, "the other way round");
    }
}
