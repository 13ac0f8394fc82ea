//! The three-way rule, node by node: what of the target stays, what comes from the other side, what contradicts.
//!
//! Never writes and never opens anything.

use std::collections::{BTreeMap, BTreeSet};

use super::block::{Block, Note, Parts, notes_and_blocks};
use super::list::stretches;
use super::metadata::Roles;
use super::prints::{self, Print};
use super::{Conflict, ConflictKind};
use crate::opened::OpenedDocument;
use crate::path::{KeyPath, Step};
use crate::tree::{Kind, Node};

/// What becomes of a node of the target.
pub(super) enum Plan<'t> {
    Keep,
    /// The other side's node in its place.
    Take(&'t Node),
    Children(Box<Children<'t>>),
}

/// What becomes of the children of a container that both sides have.
pub(super) struct Children<'t> {
    pub(super) target: Parts<'t>,
    pub(super) other: Parts<'t>,
    pub(super) pieces: Vec<Piece<'t>>,
    /// The comments of the container itself, and those behind the last entry, are those of the other side.
    pub(super) take_head: bool,
    pub(super) take_tail: bool,
    /// The other side has its keys in another order, the target does not.
    pub(super) reordered: bool,
    pub(super) path: KeyPath,
}

/// One child of the merged container, in order.
pub(super) enum Piece<'t> {
    /// A block of the target, by number.
    Own {
        target: usize,
        /// The block of the other side whose comments are taken.
        notes_of: Option<usize>,
        plan: Plan<'t>,
    },
    /// A block of the other side, by number.
    New { other: usize },
}

/// Plans every document of a file.
pub(super) fn documents<'t>(roles: &Roles<'t>) -> (Vec<Plan<'t>>, Vec<Conflict>) {
    let trees = [roles.base, roles.target, roles.other].map(|version| &version.sealed.tree.documents);
    if trees.iter().any(|documents| documents.len() != trees[0].len()) {
        let conflict = Conflict { document: 0, key: KeyPath::root(), kind: ConflictKind::Documents };
        return (Vec::new(), vec![conflict]);
    }
    let (mut plans, mut conflicts) = (Vec::new(), Vec::new());
    for document in 0..trees[0].len() {
        let [base, target, other] = trees.map(|documents| &documents[document].root);
        let mut planner = Planner { roles, document, conflicts: &mut conflicts };
        plans.push(planner.node(&KeyPath::root(), Some(base), target, other));
    }
    (plans, conflicts)
}

struct Planner<'p, 't> {
    roles: &'p Roles<'t>,
    document: usize,
    conflicts: &'p mut Vec<Conflict>,
}

type Three<'b, 't> = (Option<&'b Block<'t>>, &'b Block<'t>, &'b Block<'t>);

impl<'t> Planner<'_, 't> {
    fn conflict(&mut self, key: &KeyPath, kind: ConflictKind) {
        self.conflicts.push(Conflict { document: self.document, key: key.clone(), kind });
    }

    fn node(&mut self, path: &KeyPath, base: Option<&'t Node>, target: &'t Node, other: &'t Node) -> Plan<'t> {
        let before = base.map(|node| prints::node(self.roles.base, node));
        let mine = prints::node(self.roles.target, target);
        let theirs = prints::node(self.roles.other, other);
        if mine == theirs || before == Some(theirs) {
            return Plan::Keep;
        }
        match (&target.kind, &other.kind) {
            (Kind::Map(..), Kind::Map(..)) if base.is_none_or(gives_way) => {
                let base = base.filter(|node| node.is_map());
                Plan::Children(Box::new(self.map(path, base, target, other)))
            }
            (Kind::List(..), Kind::List(..)) if base.is_some_and(Node::is_list) => {
                Plan::Children(Box::new(self.list(path, base, target, other)))
            }
            (Kind::Map(..) | Kind::List(..) | Kind::Scalar(_), _) if before == Some(mine) => Plan::Take(other),
            (Kind::Map(..) | Kind::List(..) | Kind::Scalar(_), _) => {
                self.conflict(path, ConflictKind::Changed);
                Plan::Keep
            }
        }
    }

    fn parts(&self, base: Option<&'t Node>, target: &'t Node, other: &'t Node) -> [Parts<'t>; 3] {
        let none = || (Vec::new(), Vec::new(), Vec::new());
        [
            base.map_or_else(none, |node| notes_and_blocks(self.roles.base, node)),
            notes_and_blocks(self.roles.target, target),
            notes_and_blocks(self.roles.other, other),
        ]
    }

    /// Whether the comments of the other side are to be taken.
    fn notes(&mut self, path: &KeyPath, base: &[Note<'t>], target: &[Note<'t>], other: &[Note<'t>]) -> bool {
        let before = prints::notes(self.roles.base, base);
        let (mine, theirs) = (prints::notes(self.roles.target, target), prints::notes(self.roles.other, other));
        if mine == theirs || before == theirs {
            return false;
        }
        if before != mine {
            self.conflict(path, ConflictKind::Comments);
        }
        true
    }

    fn block_print(version: &OpenedDocument, block: &Block<'_>) -> (Print, Print) {
        (prints::notes(version, &block.notes), prints::node(version, &block.entry.node))
    }

    fn both(&mut self, path: &KeyPath, (base, target, other): Three<'_, 't>, numbers: (usize, usize)) -> Piece<'t> {
        let none = Vec::new();
        let take = self.notes(path, base.map_or(&none, |block| &block.notes), &target.notes, &other.notes);
        let plan = self.node(path, base.map(|block| &block.entry.node), &target.entry.node, &other.entry.node);
        Piece::Own { target: numbers.0, notes_of: take.then_some(numbers.1), plan }
    }

    fn map(&mut self, path: &KeyPath, base: Option<&'t Node>, target: &'t Node, other: &'t Node) -> Children<'t> {
        let [base, target, other] = self.parts(base, target, other);
        let (before, mine, theirs) = (index(&base.1), index(&target.1), index(&other.1));
        let mut kept = Vec::new();
        for (number, block) in target.1.iter().enumerate() {
            let at = path.key(block.key());
            let old = before.get(&block.id()).map(|number| &base.1[*number]);
            match (old, theirs.get(&block.id())) {
                (None, None) => kept.push((number, Piece::Own { target: number, notes_of: None, plan: Plan::Keep })),
                (old, Some(new)) => kept.push((number, self.both(&at, (old, block, &other.1[*new]), (number, *new)))),
                (Some(old), None) => {
                    if Self::block_print(self.roles.base, old) != Self::block_print(self.roles.target, block) {
                        self.conflict(&at, ConflictKind::RemovedAndChanged);
                    }
                }
            }
        }
        // What is new stands behind the nearest key before it that stays.
        let stays: BTreeSet<usize> = kept.iter().map(|(number, _)| *number).collect();
        let (mut behind, mut new): (_, BTreeMap<Option<usize>, Vec<usize>>) = (None, BTreeMap::new());
        for (number, block) in other.1.iter().enumerate() {
            if let Some(known) = mine.get(&block.id()) {
                behind = if stays.contains(known) { Some(*known) } else { behind };
                continue;
            }
            match before.get(&block.id()).map(|number| &base.1[*number]) {
                None => new.entry(behind).or_default().push(number),
                Some(old) => {
                    if Self::block_print(self.roles.base, old) != Self::block_print(self.roles.other, block) {
                        self.conflict(&path.key(block.key()), ConflictKind::RemovedAndChanged);
                    }
                }
            }
        }
        // each side took out what the other one kept: whether an empty group is meant, nobody said
        let is_emptied = kept.is_empty() && new.is_empty() && !target.1.is_empty() && !other.1.is_empty();
        if is_emptied {
            self.conflict(path, ConflictKind::RemovedAndChanged);
        }
        let mut take =
            |place: Option<usize>| new.remove(&place).unwrap_or_default().into_iter().map(|other| Piece::New { other });
        let mut pieces: Vec<Piece<'t>> = take(None).collect();
        for (number, piece) in kept {
            pieces.push(piece);
            pieces.extend(take(Some(number)));
        }
        let reordered = self.reordered(path, &base, &target, &other);
        self.children(path, &base, target, other, pieces, reordered)
    }

    fn children(
        &mut self,
        path: &KeyPath,
        base: &Parts<'t>,
        target: Parts<'t>,
        other: Parts<'t>,
        pieces: Vec<Piece<'t>>,
        reordered: bool,
    ) -> Children<'t> {
        let take_head = self.notes(path, &base.0, &target.0, &other.0);
        let take_tail = self.notes(path, &base.2, &target.2, &other.2);
        Children { target, other, pieces, take_head, take_tail, reordered, path: path.clone() }
    }

    /// Whether only the other side put keys that all three have in another order.
    fn reordered(&mut self, path: &KeyPath, base: &Parts<'t>, target: &Parts<'t>, other: &Parts<'t>) -> bool {
        let known = [index(&base.1), index(&target.1), index(&other.1)];
        let order = |parts: &Parts<'t>| -> Vec<(String, usize)> {
            let ids = parts.1.iter().map(Block::id);
            let shared = ids.filter(|id| known.iter().all(|index| index.contains_key(id)));
            shared.map(|(key, nth)| (key.to_owned(), nth)).collect()
        };
        let (before, mine, theirs) = (order(base), order(target), order(other));
        if theirs == before || theirs == mine {
            return false;
        }
        if mine != before {
            self.conflict(path, ConflictKind::Order);
        }
        true
    }

    fn list(&mut self, path: &KeyPath, base: Option<&'t Node>, target: &'t Node, other: &'t Node) -> Children<'t> {
        let [base, target, other] = self.parts(base, target, other);
        let of = |version: &OpenedDocument, parts: &Parts<'t>| -> Vec<Print> {
            parts.1.iter().map(|block| joined(Self::block_print(version, block))).collect()
        };
        let prints = [of(self.roles.base, &base), of(self.roles.target, &target), of(self.roles.other, &other)];
        let mut pieces = Vec::new();
        for stretch in stretches(&prints[0], &prints[1], &prints[2]) {
            let before = &prints[0][stretch.base.clone()];
            let (mine, theirs) = (&prints[1][stretch.target.clone()], &prints[2][stretch.other.clone()]);
            if stretch.stable || mine == theirs || before == theirs {
                let kept = |number| Piece::Own { target: number, notes_of: None, plan: Plan::Keep };
                pieces.extend(stretch.target.map(kept));
            } else if before.len() == mine.len() && before.len() == theirs.len() {
                for (number, (own, new)) in stretch.base.zip(stretch.target.zip(stretch.other)) {
                    let at = path.with(Step::Index(own));
                    let three = (Some(&base.1[number]), &target.1[own], &other.1[new]);
                    pieces.push(self.both(&at, three, (own, new)));
                }
            } else if before == mine {
                pieces.extend(stretch.other.map(|number| Piece::New { other: number }));
            } else {
                self.conflict(&path.with(Step::Index(stretch.target.start)), ConflictKind::Stretch);
            }
        }
        self.children(path, &base, target, other, pieces, false)
    }
}

/// A map, or what gives way to one: null, the empty text.
fn gives_way(node: &Node) -> bool {
    node.is_map() || node.scalar().is_some_and(|scalar| scalar.value.is_empty())
}

fn index<'b>(blocks: &'b [Block<'_>]) -> BTreeMap<(&'b str, usize), usize> {
    blocks.iter().enumerate().map(|(number, block)| (block.id(), number)).collect()
}

fn joined((notes, node): (Print, Print)) -> Print {
    use sha2::{Digest as _, Sha256};
    Sha256::new().chain_update(notes).chain_update(node).finalize().into()
}
