//! The containers and entries of a YAML text in file order, and the comments put among them (SOPS reference 10.5).
//!
//! Never judges what a comment says, nor where it belongs: that is [`place`].

mod place;

use std::collections::BTreeMap;
use std::ops::Range;

use zeroize::Zeroizing;

use self::place::Group;
use crate::envelope::Envelope;
use crate::error::Place;
use crate::tree::{Child, Comment, Kind, Layout, Node};

pub(crate) struct RawComment {
    pub(crate) text: Zeroizing<String>,
    pub(crate) own_line: bool,
    /// The line above is a comment, too.
    pub(crate) in_run: bool,
    /// Right below content, with an empty line behind it (and behind its like).
    pub(crate) is_foot: bool,
    /// Where the next comment begins that follows right below in another column.
    pub(crate) column_below: Option<usize>,
    pub(crate) place: Place,
    /// Column of the marker, from 0.
    pub(crate) column: usize,
    pub(crate) span: Range<usize>,
}

/// A flat record of containers and entries in file order, made while the tree is built.
#[derive(Default)]
pub(crate) struct Outline {
    /// In the order in which a walk of the tree meets them; copies of aliases are counted, too.
    containers: Vec<Container>,
    /// Ordered by where they begin; entries of copies are left out.
    entries: Vec<Slot>,
    documents: Vec<Section>,
    open: Vec<usize>,
    placed: BTreeMap<usize, Vec<(usize, RawComment)>>,
    /// The last comments on lines of their own.
    group: Option<Group>,
}

struct Container {
    parent: Option<usize>,
    is_list: bool,
    layout: Layout,
    span: Range<usize>,
}

struct Slot {
    start: usize,
    container: usize,
    /// The container that is the value, if the value is a flow collection.
    flow_value: Option<usize>,
    /// What the next container will be numbered.
    next_container: usize,
    /// Nothing stands behind the dash or colon.
    is_empty: bool,
    /// Where the value ends, if it is a scalar that is there.
    scalar_end: usize,
}

struct Section {
    start: usize,
    root: usize,
    first_entry: usize,
}

impl Outline {
    pub(crate) fn begin_document(&mut self, start: usize) {
        let start = if self.documents.is_empty() { 0 } else { start };
        self.open.clear();
        self.documents.push(Section { start, root: self.containers.len(), first_entry: self.entries.len() });
    }

    pub(crate) fn container(&mut self, layout: Layout, start: usize, is_list: bool) {
        let parent = self.open.last().copied();
        self.open.push(self.containers.len());
        self.containers.push(Container { parent, is_list, layout, span: start..start });
    }

    /// Corrects the column of the open container: where its first dash stands.
    pub(crate) fn set_column(&mut self, column: usize) {
        if let Some(id) = self.open.last() {
            self.containers[*id].layout = Layout::Block { column };
        }
    }

    pub(crate) fn close(&mut self, end: usize) {
        if let Some(id) = self.open.pop() {
            self.containers[id].span.end = end;
        }
    }

    /// Records an entry of the container that is open.
    pub(crate) fn entry(&mut self, start: usize) -> usize {
        let container = self.open.last().copied().unwrap_or(0);
        let next_container = self.containers.len();
        self.entries.push(Slot { start, container, flow_value: None, next_container, is_empty: false, scalar_end: 0 });
        self.entries.len() - 1
    }

    pub(crate) fn value_is_empty(&mut self, slot: usize) {
        self.entries[slot].is_empty = true;
    }

    pub(crate) fn scalar_ends(&mut self, slot: usize, end: usize) {
        self.entries[slot].scalar_end = end;
    }

    pub(crate) fn value_is_flow(&mut self, slot: usize) {
        self.entries[slot].flow_value = Some(self.entries[slot].next_container);
    }

    /// Puts the comments into the trees they were placed in.
    pub(crate) fn insert_comments(&mut self, roots: &mut [Node]) {
        let mut id = 0;
        for root in roots {
            self.insert(root, &mut id);
        }
    }

    fn insert(&mut self, node: &mut Node, id: &mut usize) {
        let (Kind::Map(children, _) | Kind::List(children, _)) = &mut node.kind else {
            return;
        };
        let mut comments = self.placed.remove(id).unwrap_or_default();
        *id += 1;
        for child in children.iter_mut() {
            if let Child::Entry(entry) = child {
                self.insert(&mut entry.node, id);
            }
        }
        if comments.is_empty() {
            return;
        }
        comments.sort_by_key(|(position, comment)| (*position, comment.span.start));
        let mut comments = comments.into_iter().peekable();
        let mut merged = Vec::with_capacity(children.len() + comments.len());
        for child in children.drain(..) {
            if let Child::Entry(entry) = &child {
                while let Some((_, raw)) = comments.next_if(|(position, _)| *position <= entry.start) {
                    merged.push(Child::Comment(finished(raw)));
                }
            }
            merged.push(child);
        }
        merged.extend(comments.map(|(_, raw)| Child::Comment(finished(raw))));
        *children = merged;
    }
}

fn finished(raw: RawComment) -> Comment {
    let envelope = Envelope::parse(&raw.text).ok();
    Comment { leaf: 0, envelope, text: raw.text, span: raw.span, rest: Vec::new(), place: raw.place }
}
