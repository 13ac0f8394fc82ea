//! Generated edits of generated documents: the merge must come to what the plain model comes to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sops_file::merge::{ConflictKind, Outcome, Scope, merge};
use sops_file::{Format, KeyPath, OpenedDocument, Plain, Step, Value};

use crate::desk::{Desk, at};
use crate::model::{Edit, Flat, apply, document, edits, merged};

fn key_path(path: &[String]) -> KeyPath {
    path.iter().map(|key| Step::Key(key.clone())).collect()
}

/// The document as text, with comments here and there.
fn plain(format: Format, flat: &Flat) -> String {
    let mut text = String::new();
    match format {
        Format::Dotenv => {
            for (number, (path, value)) in flat.iter().enumerate() {
                if number % 3 == 1 {
                    text.push_str("# a note\n");
                }
                text.push_str(&format!("{}={value}\n", path.join("_")));
            }
        }
        Format::Ini => {
            let sections: BTreeSet<&String> = flat.keys().map(|path| &path[0]).collect();
            for section in sections {
                text.push_str(&format!("[{section}]\n"));
                for (number, (path, value)) in flat.iter().filter(|(path, _)| path[0] == *section).enumerate() {
                    if number % 3 == 1 {
                        text.push_str("; a note\n");
                    }
                    text.push_str(&format!("{} = `{value}`\n", path[1]));
                }
                text.push('\n');
            }
        }
        Format::Yaml | Format::Json | Format::Binary => yaml(flat, 0, &[], format == Format::Yaml, &mut text),
    }
    text
}

fn yaml(flat: &Flat, depth: usize, above: &[String], is_yaml: bool, text: &mut String) {
    let below: Vec<&String> = {
        let mut seen = BTreeSet::new();
        flat.keys()
            .filter(|path| path.starts_with(above))
            .map(|path| &path[depth])
            .filter(|key| seen.insert(*key))
            .collect()
    };
    let indent = if is_yaml { "    ".repeat(depth) } else { "\t".repeat(depth + 1) };
    if !is_yaml {
        text.push_str("{\n");
    }
    for (number, key) in below.iter().enumerate() {
        let path: Vec<String> = above.iter().chain([*key]).cloned().collect();
        if is_yaml && number % 3 == 1 {
            text.push_str(&format!("{indent}# about {key}\n"));
        }
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let name = if is_yaml { (*key).clone() } else { quoted(key) };
        match (flat.get(&path), is_yaml) {
            (Some(value), _) => text.push_str(&format!("{indent}{name}: {}", quoted(value))),
            (None, true) => {
                text.push_str(&format!("{indent}{name}:\n"));
                yaml(flat, depth + 1, &path, true, text);
            }
            (None, false) => {
                text.push_str(&format!("{indent}{name}: "));
                yaml(flat, depth + 1, &path, false, text);
            }
        }
        match (flat.get(&path).is_some(), is_yaml, number + 1 < below.len()) {
            (false, true, _) => {}
            (true, true, _) | (_, false, false) => text.push('\n'),
            (_, false, true) => text.push_str(",\n"),
        }
    }
    if !is_yaml {
        text.push_str(&format!("{}}}", "\t".repeat(depth)));
        if depth == 0 {
            text.push('\n');
        }
    }
}

/// What a document holds, as the model sees it.
fn flat(format: Format, opened: &OpenedDocument) -> Flat {
    let key = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    };
    let shown = |value: &Plain| String::from_utf8(value.bytes().to_vec()).unwrap();
    let values = opened.values().into_iter();
    let found: Vec<(Vec<String>, String)> =
        values.map(|(_, path, value)| (path.steps().iter().map(key).collect(), shown(value))).collect();
    let count = found.len();
    let map: Flat = found.into_iter().map(|(path, value)| (spelled(format, &path), value)).collect();
    assert_eq!(map.len(), count, "a key stands there twice");
    map
}

fn spelled(format: Format, path: &[String]) -> Vec<String> {
    match format {
        Format::Dotenv => vec![path.join("_")],
        Format::Yaml | Format::Json | Format::Ini | Format::Binary => path.to_vec(),
    }
}

fn in_format(format: Format, flat: &Flat) -> Flat {
    flat.iter().map(|(path, value)| (spelled(format, path), value.clone())).collect()
}

/// The base with those of the edits that fit, in the model and in the sealed document.
fn side(desk: &Desk, base: &Flat, all: &[Edit], second: i64) -> (Flat, OpenedDocument) {
    let mut model = base.clone();
    let fitting: Vec<&Edit> = all.iter().filter(|edit| apply(&mut model, edit)).collect();
    let opened = desk.side(second, |opened| {
        for edit in fitting {
            let path = key_path(&spelled(desk.format, edit.path()));
            match edit {
                Edit::Set(_, value) => _ = opened.set(&path, &Value::text(value.as_str())).unwrap(),
                Edit::Unset(_) => opened.unset(&path).unwrap(),
            }
        }
    });
    (model, opened)
}

fn sorted_paths(conflicts: &[sops_file::merge::Conflict]) -> Vec<String> {
    conflicts.iter().map(|conflict| conflict.key.to_string()).collect()
}

fn check(format: Format, base: &Flat, ours: &[Edit], theirs: &[Edit]) -> Result<(), TestCaseError> {
    let base = &in_format(format, base);
    let respelled = |edits: &[Edit]| -> Vec<Edit> {
        let one = |edit: &Edit| match edit {
            Edit::Set(path, value) => Edit::Set(spelled(format, path), value.clone()),
            Edit::Unset(path) => Edit::Unset(spelled(format, path)),
        };
        edits.iter().map(one).collect()
    };
    let desk = Desk::new(format, &plain(format, base));
    let (our_edits, their_edits) = (respelled(ours), respelled(theirs));
    let (our_model, ours) = side(&desk, base, &our_edits, 1);
    let (their_model, theirs) = side(&desk, base, &their_edits, 2);
    // what is taken out and set again stands at the end: the model knows no order
    let both_moved = moves(&our_edits) && moves(&their_edits);
    prop_assert_eq!(&flat(format, &ours), &our_model);
    let wanted = merged(base, &our_model, &their_model);
    let mut outcomes = BTreeMap::new();
    for (name, first, second) in [("ours first", &ours, &theirs), ("theirs first", &theirs, &ours)] {
        let outcome = merge(&desk.base, first, second, Scope::Everything, at(9));
        let outcome = outcome.map_err(|fault| TestCaseError::fail(format!("{name}: {fault}")))?;
        match (&wanted, &outcome) {
            (Ok(wanted), Outcome::Merged(bytes)) => {
                prop_assert_eq!(&flat(format, &desk.read(bytes)), wanted, "{}", name);
            }
            (Err(paths), Outcome::Conflicts(found)) => {
                // A group that one side took out as a whole is named as one.
                for path in paths {
                    let is_named = found.iter().any(|conflict| conflict.key.covers(&key_path(path)));
                    prop_assert!(is_named, "{}: {:?} is not named in {:?}", name, path, sorted_paths(found));
                }
            }
            (Ok(_), Outcome::Conflicts(found)) => {
                // A value on one side where the other has a group: the flat model has no word for it.
                let shapes = |one: &Flat, other: &Flat| {
                    one.keys().any(|path| other.keys().any(|known| known != path && known.starts_with(path)))
                };
                let mixed = [base, &our_model, &their_model];
                let clash = mixed.iter().any(|one| mixed.iter().any(|other| shapes(one, other)));
                let took_out = |edits: &[Edit]| edits.iter().any(|edit| matches!(edit, Edit::Unset(_)));
                let both_took_out = format != Format::Json && took_out(&our_edits) && took_out(&their_edits);
                let excused = found.iter().all(|conflict| match conflict.kind {
                    ConflictKind::Order => both_moved,
                    // a comment stays where its key was taken out, and belongs to the next one then
                    ConflictKind::Comments | ConflictKind::RemovedAndChanged => both_took_out,
                    ConflictKind::Changed
                    | ConflictKind::Stretch
                    | ConflictKind::Bared
                    | ConflictKind::Documents
                    | ConflictKind::Recipients
                    | ConflictKind::Settings
                    | ConflictKind::DataKey
                    | ConflictKind::Metadata => false,
                });
                prop_assert!(
                    clash || excused || groups_differ(base, &our_model, &their_model),
                    "{}: {:?}",
                    name,
                    sorted_paths(found)
                );
            }
            (Err(paths), Outcome::Merged(_)) => prop_assert!(false, "{}: {:?} was decided", name, paths),
        }
        outcomes.insert(name, matches!(outcome, Outcome::Merged(_)));
    }
    prop_assert_eq!(outcomes["ours first"], outcomes["theirs first"]);
    Ok(())
}

/// Whether something is taken out and set again.
fn moves(edits: &[Edit]) -> bool {
    edits.iter().enumerate().any(|(at, edit)| {
        let again = |later: &Edit| matches!(later, Edit::Set(..)) && later.path() == edit.path();
        matches!(edit, Edit::Unset(_)) && edits[at..].iter().any(again)
    })
}

/// Whether a group of keys is gone on one side and other than before on the other, or emptied by both together.
fn groups_differ(base: &Flat, ours: &Flat, theirs: &Flat) -> bool {
    let groups: BTreeSet<&[String]> =
        base.keys().flat_map(|path| (1..path.len()).map(|depth| &path[..depth])).collect();
    let below = |flat: &Flat, group: &[String]| -> Flat {
        flat.iter()
            .filter(|(path, _)| path.starts_with(group))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    };
    groups.into_iter().any(|group| {
        let [before, mine, other] = [base, ours, theirs].map(|flat| below(flat, group));
        let is_left = merged(&before, &mine, &other).is_ok_and(|left| !left.is_empty());
        (mine.is_empty() && other != before) || (other.is_empty() && mine != before) || !is_left
    })
}

proptest! {
    // the same cases in every run: what one run finds is found by all of them
    #![proptest_config(ProptestConfig {
        cases: 100,
        rng_seed: RngSeed::Fixed(20_261_126),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn yaml_comes_to_what_the_model_comes_to(base in document(1..=3), ours in edits(1..=3, 8), theirs in edits(1..=3, 8)) {
        check(Format::Yaml, &base, &ours, &theirs)?;
    }

    #[test]
    fn json_comes_to_what_the_model_comes_to(base in document(1..=3), ours in edits(1..=3, 8), theirs in edits(1..=3, 8)) {
        check(Format::Json, &base, &ours, &theirs)?;
    }

    #[test]
    fn dotenv_comes_to_what_the_model_comes_to(base in document(1..=2), ours in edits(1..=2, 8), theirs in edits(1..=2, 8)) {
        check(Format::Dotenv, &base, &ours, &theirs)?;
    }

    #[test]
    fn ini_comes_to_what_the_model_comes_to(base in document(2..=2), ours in edits(2..=2, 8), theirs in edits(2..=2, 8)) {
        check(Format::Ini, &base, &ours, &theirs)?;
    }
}
