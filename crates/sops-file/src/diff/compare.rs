//! The comparison itself, on shapes: maps by key, lists by alignment, comments by container.
//!
//! Never sees a value.

use std::collections::BTreeMap;

use super::shape::{CommentShape, DocumentShape, Fingerprint, LeafShape, Shape, State};
use super::{ChangeKind, KeyChange, OtherChange};
use crate::path::{KeyPath, Step};

/// Above this many comparisons lists are compared by position.
const MAX_ALIGNMENT: usize = 4_000_000;

pub(super) fn documents(old: &DocumentShape, new: &DocumentShape) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    for document in 0..old.roots.len().max(new.roots.len()) {
        let mut report = Report { document, changes: &mut changes };
        let root = KeyPath::root();
        match (old.roots.get(document), new.roots.get(document)) {
            (Some(old), Some(new)) => report.compare(old, &root, new, &root),
            (Some(old), None) => report.all(old, &root, ChangeKind::Removed),
            (None, Some(new)) => report.all(new, &root, ChangeKind::Added),
            (None, None) => {}
        }
    }
    changes
}

struct Report<'c> {
    document: usize,
    changes: &'c mut Vec<KeyChange>,
}

impl Report<'_> {
    fn push(&mut self, key: &KeyPath, change: ChangeKind, from: Option<&KeyPath>) {
        let from = from.filter(|from| *from != key).cloned();
        self.changes.push(KeyChange { key: key.clone(), change, from, document: self.document });
    }

    /// Reports every leaf (and every empty container) of a subtree.
    fn all(&mut self, shape: &Shape, path: &KeyPath, change: ChangeKind) {
        match shape {
            Shape::Map(entries) if !entries.is_empty() => {
                for (key, shape) in entries {
                    self.all(shape, &path.key(key), change);
                }
            }
            Shape::List(elements) if !elements.is_empty() => {
                for (index, shape) in elements.iter().enumerate() {
                    self.all(shape, &path.index(index), change);
                }
            }
            Shape::Map(_) | Shape::List(_) | Shape::Leaf(_) => {
                if !path.is_root() {
                    self.push(path, change, None);
                }
            }
        }
    }

    fn compare(&mut self, old: &Shape, old_path: &KeyPath, new: &Shape, path: &KeyPath) {
        match (old, new) {
            (Shape::Map(old), Shape::Map(new)) => self.maps(old, old_path, new, path),
            (Shape::List(old), Shape::List(new)) => self.lists(old, old_path, new, path),
            (Shape::Leaf(old), Shape::Leaf(new)) => {
                if let Some(change) = leaf_change(old, new) {
                    self.push(path, change, Some(old_path));
                }
            }
            (Shape::Map(_) | Shape::List(_) | Shape::Leaf(_), _) => {
                if is_void(old) || is_void(new) {
                    self.push(path, ChangeKind::TypeChanged, Some(old_path));
                    let (filled, change) =
                        if is_void(old) { (new, ChangeKind::Added) } else { (old, ChangeKind::Removed) };
                    if !is_void(filled) && !matches!(filled, Shape::Leaf(_)) {
                        self.all(filled, if change == ChangeKind::Added { path } else { old_path }, change);
                    }
                } else {
                    self.all(old, old_path, ChangeKind::Removed);
                    self.all(new, path, ChangeKind::Added);
                }
            }
        }
    }

    fn maps(&mut self, old: &[(String, Shape)], old_path: &KeyPath, new: &[(String, Shape)], path: &KeyPath) {
        let pairing = Pairing::of_maps(old, new);
        let moved = pairing.moved();
        let mut removed = pairing.removed().peekable();
        for (position, (key, shape)) in new.iter().enumerate() {
            let here = path.key(key);
            match pairing.old_of[position] {
                Some((from, renamed)) => {
                    while let Some(gone) = removed.next_if(|gone| *gone < from && !moved.contains(&position)) {
                        self.all(&old[gone].1, &old_path.key(&old[gone].0), ChangeKind::Removed);
                    }
                    let was = old_path.key(&old[from].0);
                    if renamed {
                        self.push(&here, ChangeKind::Renamed, Some(&was));
                    } else if moved.contains(&position) {
                        self.push(&here, ChangeKind::Moved, None);
                    }
                    self.compare(&old[from].1, &was, shape, &here);
                }
                None => self.all(shape, &here, ChangeKind::Added),
            }
        }
        for gone in removed {
            self.all(&old[gone].1, &old_path.key(&old[gone].0), ChangeKind::Removed);
        }
    }

    fn lists(&mut self, old: &[Shape], old_path: &KeyPath, new: &[Shape], path: &KeyPath) {
        let pairing = Pairing::of_lists(old, new);
        let moved = pairing.moved();
        let mut removed = pairing.removed().peekable();
        for (position, shape) in new.iter().enumerate() {
            let here = path.with(Step::Index(position));
            match pairing.old_of[position] {
                Some((from, _)) => {
                    while let Some(gone) = removed.next_if(|gone| *gone < from && !moved.contains(&position)) {
                        self.all(&old[gone], &old_path.index(gone), ChangeKind::Removed);
                    }
                    let was = old_path.index(from);
                    if moved.contains(&position) {
                        self.push(&here, ChangeKind::Moved, Some(&was));
                    }
                    self.compare(&old[from], &was, shape, &here);
                }
                None => self.all(shape, &here, ChangeKind::Added),
            }
        }
        for gone in removed {
            self.all(&old[gone], &old_path.index(gone), ChangeKind::Removed);
        }
    }
}

/// An empty container or leaf without content.
fn is_void(shape: &Shape) -> bool {
    match shape {
        Shape::Map(entries) => entries.is_empty(),
        Shape::List(elements) => elements.is_empty(),
        Shape::Leaf(leaf) => leaf.state == State::Empty,
    }
}

fn leaf_change(old: &LeafShape, new: &LeafShape) -> Option<ChangeKind> {
    match (old.state, new.state) {
        (State::Sealed, State::Plain) => return Some(ChangeKind::BecamePlain),
        (State::Plain, State::Sealed) => return Some(ChangeKind::BecameEncrypted),
        (State::Sealed | State::Plain | State::Empty, _) => {}
    }
    if old.kind != new.kind {
        Some(ChangeKind::TypeChanged)
    } else if old.content != new.content {
        Some(ChangeKind::Changed)
    } else if old.token != new.token {
        Some(ChangeKind::Reencrypted)
    } else {
        None
    }
}

/// Which old child each new child is, and whether its key changed.
struct Pairing {
    old_of: Vec<Option<(usize, bool)>>,
    used: Vec<bool>,
}

impl Pairing {
    /// By key (the n-th of a repeated key with the n-th), then renamed ones: equal content in the same gap.
    fn of_maps(old: &[(String, Shape)], new: &[(String, Shape)]) -> Self {
        let mut pairing = Self { old_of: vec![None; new.len()], used: vec![false; old.len()] };
        let mut positions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, (key, _)) in old.iter().enumerate().rev() {
            positions.entry(key).or_default().push(position);
        }
        for (position, (key, _)) in new.iter().enumerate() {
            if let Some(from) = positions.get_mut(key.as_str()).and_then(Vec::pop) {
                pairing.link(from, position, false);
            }
        }
        for (position, (_, shape)) in new.iter().enumerate() {
            if pairing.old_of[position].is_some() {
                continue;
            }
            let behind = match position.checked_sub(1) {
                None => Some(0),
                Some(previous) => pairing.old_of[previous].map(|(from, _)| from + 1),
            };
            let candidate = behind.filter(|from| *from < old.len() && !pairing.used[*from]);
            if let Some(from) = candidate
                && !is_void(shape)
                && old[from].1.fingerprint() == shape.fingerprint()
            {
                pairing.link(from, position, true);
            }
        }
        pairing
    }

    /// By content in order, then by position inside each gap, then by content anywhere (moved).
    fn of_lists(old: &[Shape], new: &[Shape]) -> Self {
        let mut pairing = Self { old_of: vec![None; new.len()], used: vec![false; old.len()] };
        let old_prints: Vec<Fingerprint> = old.iter().map(Shape::fingerprint).collect();
        let new_prints: Vec<Fingerprint> = new.iter().map(Shape::fingerprint).collect();
        for (from, to) in common(&old_prints, &new_prints) {
            pairing.link(from, to, false);
        }
        let mut left: BTreeMap<Fingerprint, Vec<usize>> = BTreeMap::new();
        for from in pairing.removed().collect::<Vec<_>>().into_iter().rev() {
            left.entry(old_prints[from]).or_default().push(from);
        }
        for (to, print) in new_prints.iter().enumerate() {
            if pairing.old_of[to].is_none()
                && let Some(from) = left.get_mut(print).and_then(Vec::pop)
            {
                pairing.link(from, to, false);
            }
        }
        pairing.fill_gaps();
        pairing
    }

    fn link(&mut self, from: usize, to: usize, renamed: bool) {
        self.old_of[to] = Some((from, renamed));
        self.used[from] = true;
    }

    /// Pairs what is left over between two aligned neighbours in order.
    fn fill_gaps(&mut self) {
        let mut from = 0;
        for to in 0..self.old_of.len() {
            match self.old_of[to] {
                Some((aligned, _)) => from = aligned + 1,
                None if from < self.used.len() && !self.used[from] => {
                    self.link(from, to, false);
                    from += 1;
                }
                None => {}
            }
        }
    }

    fn removed(&self) -> impl Iterator<Item = usize> {
        (0..self.used.len()).filter(|from| !self.used[*from])
    }

    /// New positions that are out of order: all outside a longest increasing run of old positions.
    fn moved(&self) -> std::collections::BTreeSet<usize> {
        let pairs: Vec<(usize, usize)> =
            self.old_of.iter().enumerate().filter_map(|(to, old)| old.map(|(from, _)| (from, to))).collect();
        let mut tails: Vec<usize> = Vec::new();
        let mut previous = vec![None; pairs.len()];
        for (number, (from, _)) in pairs.iter().enumerate() {
            let place = tails.partition_point(|tail| pairs[*tail].0 < *from);
            previous[number] = place.checked_sub(1).map(|before| tails[before]);
            if place == tails.len() { tails.push(number) } else { tails[place] = number }
        }
        let mut in_order = vec![false; pairs.len()];
        let mut next = tails.last().copied();
        while let Some(number) = next {
            in_order[number] = true;
            next = previous[number];
        }
        pairs.iter().zip(in_order).filter(|(_, in_order)| !in_order).map(|((_, to), _)| *to).collect()
    }
}

/// A longest common subsequence of two lists of prints.
pub(crate) fn common(old: &[Fingerprint], new: &[Fingerprint]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (rows, columns) = (old.len() - head - tail, new.len() - head - tail);
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    if rows.saturating_mul(columns) <= MAX_ALIGNMENT {
        let mut length = vec![vec![0u32; columns + 1]; rows + 1];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                length[row][column] = if old[head + row] == new[head + column] {
                    length[row + 1][column + 1] + 1
                } else {
                    length[row + 1][column].max(length[row][column + 1])
                };
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < rows && column < columns {
            if old[head + row] == new[head + column] {
                pairs.push((head + row, head + column));
                row += 1;
                column += 1;
            } else if length[row + 1][column] >= length[row][column + 1] {
                row += 1;
            } else {
                column += 1;
            }
        }
    }
    pairs.extend((0..tail).rev().map(|back| (old.len() - 1 - back, new.len() - 1 - back)));
    pairs
}

/// One line per container whose comments changed.
pub(super) fn comments(old: &DocumentShape, new: &DocumentShape) -> Vec<OtherChange> {
    let none = Vec::new();
    let places: std::collections::BTreeSet<_> = old.comments.keys().chain(new.comments.keys()).collect();
    let mut changes = Vec::new();
    for place in places {
        let before = old.comments.get(place).unwrap_or(&none);
        let after = new.comments.get(place).unwrap_or(&none);
        let same = before.len() == after.len() && before.iter().zip(after).all(|(old, new)| old.content == new.content);
        if same {
            continue;
        }
        let at = if place.1.is_root() { "at the top level".to_owned() } else { format!("in `{}`", place.1) };
        let describe = |comments: &[CommentShape]| {
            let sealed = comments.iter().filter(|comment| comment.sealed).count();
            (!comments.is_empty()).then(|| format!("{} ({sealed} sealed)", comments.len()))
        };
        let known: std::collections::BTreeSet<_> = before.iter().map(|comment| comment.content).collect();
        let new_ones = after.iter().filter(|comment| !known.contains(&comment.content)).count();
        let new =
            describe(after).map(|text| if new_ones > 0 { format!("{text}, {new_ones} new or changed") } else { text });
        changes.push(OtherChange { what: format!("comments {at}"), old: describe(before), new });
    }
    changes
}
