//! In what kind of container each scalar of a tree stands, by its number.
//!
//! Never holds text.

use super::edit::Home;
use crate::tree::{Kind, Node, Tree};

pub(crate) struct Homes(Vec<Home>);

impl Homes {
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut homes = vec![Home::Flow; tree.leaves];
        for document in &tree.documents {
            note(&document.root, &mut homes);
        }
        Self(homes)
    }

    pub(crate) fn at(&self, leaf: usize) -> Home {
        self.0[leaf]
    }
}

fn note(container: &Node, homes: &mut [Home]) {
    for entry in container.entries() {
        match &entry.node.kind {
            Kind::Scalar(scalar) => homes[scalar.leaf] = Home::of(container),
            Kind::Map(..) | Kind::List(..) => note(&entry.node, homes),
        }
    }
}
