//! A plain model of documents and edits: maps without order, values as texts. What merging must come to is worked out
//! here without any of the crate's code.
//!
//! Never seals and never reads a file.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

/// A document: values by path.
pub(crate) type Flat = BTreeMap<Vec<String>, String>;

/// What a person does.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(Vec<String>, String),
    Unset(Vec<String>),
}

impl Edit {
    pub(crate) fn path(&self) -> &[String] {
        match self {
            Self::Set(path, _) | Self::Unset(path) => path,
        }
    }
}

/// Applies an edit; false when it does not fit the document.
pub(crate) fn apply(document: &mut Flat, edit: &Edit) -> bool {
    let path = edit.path();
    let is_group = document.keys().any(|known| known.len() > path.len() && known.starts_with(path));
    let in_value = (1..path.len()).any(|depth| document.contains_key(&path[..depth]));
    match edit {
        Edit::Set(path, value) => {
            if is_group || in_value {
                return false;
            }
            document.insert(path.clone(), value.clone());
            true
        }
        Edit::Unset(path) => {
            // The last value of a group stays: an empty group is another thing.
            let above = &path[..path.len() - 1];
            let beside = document.keys().filter(|known| known.starts_with(above)).count();
            let may = document.contains_key(path) && beside > 1;
            may && document.remove(path).is_some()
        }
    }
}

/// What a merge must come to: the merged document, or the paths that contradict.
pub(crate) fn merged(base: &Flat, ours: &Flat, theirs: &Flat) -> Result<Flat, BTreeSet<Vec<String>>> {
    let (mut out, mut conflicts) = (Flat::new(), BTreeSet::new());
    let paths: BTreeSet<&Vec<String>> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    for path in paths {
        let (before, mine, other) = (base.get(path), ours.get(path), theirs.get(path));
        let value = if mine == other || before == other {
            mine
        } else if before == mine {
            other
        } else {
            conflicts.insert(path.clone());
            continue;
        };
        if let Some(value) = value {
            out.insert(path.clone(), value.clone());
        }
    }
    if conflicts.is_empty() { Ok(out) } else { Err(conflicts) }
}

/// Paths as the formats can hold them: of one key, of two, or of up to three.
fn path(depth: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(vec!["alpha", "beta", "gamma", "delta", "eps"]), depth)
        .prop_map(|keys| keys.into_iter().map(str::to_owned).collect())
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "x", "a longer value", "true", "#no comment", "with \"quotes\"", "é", "- dash"])
        .prop_map(str::to_owned)
}

pub(crate) fn edits(depth: std::ops::RangeInclusive<usize>, count: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (path(depth), prop::option::weighted(0.7, value())).prop_map(|(path, value)| match value {
        Some(value) => Edit::Set(path, value),
        None => Edit::Unset(path),
    });
    prop::collection::vec(edit, 0..count)
}

/// A document of that many attempts to set something; never empty.
pub(crate) fn document(depth: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Flat> {
    let first = *depth.end();
    (edits(depth, 14), value()).prop_map(move |(edits, value)| {
        let mut document = Flat::new();
        document.insert((0..first).map(|_| "zeta".to_owned()).collect(), value);
        for edit in edits {
            if let Edit::Set(..) = &edit {
                apply(&mut document, &edit);
            }
        }
        document
    })
}
