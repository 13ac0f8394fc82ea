//! Which container a YAML comment belongs to, as the reader of sops has it (SOPS reference 10.5): that decides its additional data.
//!
//! Never looks at what a comment says.

use super::{Outline, RawComment, Slot};
use crate::tree::Layout;

/// Comments that the reader of sops takes as one, since nothing but lines of comments stands between them.
#[derive(Clone, Copy)]
pub(super) struct Group {
    /// Document, and how many of its entries stand before.
    gap: (usize, usize),
    /// Column of the first one.
    column: usize,
    container: usize,
    position: Option<usize>,
    /// Right below content and above an empty line.
    is_foot: bool,
}

/// What a group of comments above means for the next one.
enum Above {
    /// It belongs to the group.
    Same { container: usize, position: Option<usize> },
    /// That group belongs to what stands before it; what comes now, to what follows.
    Ended,
}

impl Outline {
    /// Decides container and position of one comment.
    pub(crate) fn place_comment(&mut self, mut comment: RawComment) {
        let at = comment.span.start;
        let number = self.documents.partition_point(|section| section.start <= at).saturating_sub(1);
        let Some(document) = self.documents.get(number) else {
            return;
        };
        let root = document.root;
        if let Some(above) = self.foot_of_document_above(number, &comment) {
            let (gap, column, is_foot) = ((number, 0), comment.column, comment.is_foot);
            self.group = Some(Group { gap, column, container: above, position: None, is_foot });
            self.placed.entry(above).or_default().push((at, comment));
            return;
        }
        let last = self.documents.get(number + 1).map_or(self.entries.len(), |next| next.first_entry);
        let entries = &self.entries[document.first_entry..last];
        let split = entries.partition_point(|slot| slot.start < at);
        let (previous, next) = (entries[..split].last(), entries.get(split));
        let (container, position) = if let Some(flow) = self.enclosing_flow(at, previous) {
            (flow, at)
        } else if comment.own_line {
            let indent = self.indent(previous);
            // Nothing can stand below a value that is not there, unless it is further left.
            let is_missing = previous.is_some_and(|slot| slot.is_empty && !self.containers[slot.container].is_list);
            comment.is_foot &= !is_missing || comment.column < indent;
            let above = self.group_above(&mut comment, (number, split), previous);
            let before = self.before_value(at, &entries[..split]).or_else(|| self.behind_dash(previous, next));
            let (container, position) = match (&above, before) {
                (Some(Above::Same { container, position }), _) => (*container, *position),
                (_, Some((container, position))) => (container, Some(position)),
                (Some(Above::Ended), None) => {
                    let container = next.map_or(root, |next| next.container);
                    (self.past_empty(container, &entries[split..], root), None)
                }
                (None, None) if self.is_left_behind(&comment, indent) => (self.left_behind(previous, next, root), None),
                (None, None) => {
                    let container = self.of_own_line(&comment, previous, next, root);
                    let leaves = !comment.is_foot && next.is_some_and(|next| next.container == container);
                    (if leaves { self.past_empty(container, &entries[split..], root) } else { container }, None)
                }
            };
            if !matches!(above, Some(Above::Same { .. })) {
                let (gap, column, is_foot) = ((number, split), comment.column, comment.is_foot);
                self.group = Some(Group { gap, column, container, position, is_foot });
            }
            (container, position.unwrap_or(at))
        } else {
            self.behind_first_key(&entries[..split]).unwrap_or_else(|| self.of_inline(at, previous, next, root))
        };
        self.placed.entry(container).or_default().push((position, comment));
    }

    /// Whether a comment goes on from those above it. One that is left of the block that is open, in a column of its own,
    /// does not, and none does below a foot.
    fn group_above(&self, comment: &mut RawComment, gap: (usize, usize), previous: Option<&Slot>) -> Option<Above> {
        let group = self.group.filter(|group| group.gap == gap)?;
        let is_beside = comment.column == group.column;
        if (is_beside || comment.column >= self.indent(previous)) && (comment.in_run || !group.is_foot) {
            return Some(Above::Same { container: group.container, position: group.position });
        }
        // In the column of a block that ends here, and the first one there, it is the foot of that block.
        let column = |id: usize| self.containers[id].layout == Layout::Block { column: comment.column };
        let ends_a_block = previous.is_some_and(|previous| self.ancestors(previous.container).any(column));
        comment.is_foot |= ends_a_block && !is_beside;
        (!ends_a_block || is_beside).then_some(Above::Ended)
    }

    /// A comment further left, outside the block that is open, leaves the one above it with what stands before.
    fn is_left_behind(&self, comment: &RawComment, indent: usize) -> bool {
        // A foot is told from the empty line below it, before anybody looks further.
        !comment.in_run
            && !comment.is_foot
            && comment.column_below.is_some_and(|below| below < indent && below < comment.column)
    }

    fn left_behind(&self, previous: Option<&Slot>, next: Option<&Slot>, root: usize) -> usize {
        let Some(slot) = previous else { return root };
        let is_block = |id: &usize| matches!(self.containers[*id].layout, Layout::Block { .. });
        let own = self.ancestors(slot.container).find(is_block).unwrap_or(root);
        // A list has it only behind a scalar or empty brackets.
        if !self.containers[own].is_list || slot.scalar_end > 0 || slot.flow_value.is_some() {
            return own;
        }
        let next = next.map_or(root, |next| next.container);
        let goes_on = |id: usize| self.ancestors(next).any(|other| other == id);
        self.ancestors(own).skip(1).find(|id| !self.containers[*id].is_list || goes_on(*id)).unwrap_or(root)
    }

    /// The column of the innermost block that an entry stands in.
    fn indent(&self, entry: Option<&Slot>) -> usize {
        let block = |id: usize| match self.containers[id].layout {
            Layout::Block { column } => Some(column),
            Layout::Flow | Layout::Json | Layout::Lines | Layout::Sections | Layout::Section | Layout::Metadata => None,
        };
        entry.and_then(|entry| self.ancestors(entry.container).find_map(block)).unwrap_or(0)
    }

    fn enclosing_flow(&self, at: usize, previous: Option<&Slot>) -> Option<usize> {
        let previous = previous?;
        let around = previous.flow_value.into_iter().chain(self.ancestors(previous.container));
        around.into_iter().find(|id| {
            let container = &self.containers[*id];
            container.layout == Layout::Flow && container.span.contains(&at)
        })
    }

    /// Right behind `---`, with an empty line below: the reader of sops has it at the end of the document above.
    fn foot_of_document_above(&self, number: usize, comment: &RawComment) -> Option<usize> {
        let first = self.entries.get(self.documents[number].first_entry);
        let before_entries = first.is_none_or(|slot| comment.span.start < slot.start);
        let above = self.documents.get(number.checked_sub(1)?)?.root;
        let goes_on = self.group.is_some_and(|group| comment.in_run && group.container == above);
        (comment.own_line && before_entries && (comment.is_foot || goes_on)).then_some(above)
    }

    /// Between a key or dash and its value: the reader of sops has the comment before the entry, before the element
    /// that the entry begins, or in the brackets that are the value of a key.
    fn before_value(&self, at: usize, entries: &[Slot]) -> Option<(usize, usize)> {
        let (slot, above) = entries.split_last()?;
        let brackets = slot.flow_value.filter(|flow| at < self.containers[*flow].span.start);
        match brackets {
            Some(flow) if !self.containers[slot.container].is_list => Some((flow, at)),
            None if at >= slot.scalar_end => None,
            Some(_) | None => {
                let mut outer = slot;
                for dash in above.iter().rev() {
                    let opens = self.containers[outer.container].parent == Some(dash.container);
                    if !opens || !self.containers[dash.container].is_list || dash.next_container != outer.container {
                        break;
                    }
                    outer = dash;
                }
                Some((outer.container, outer.start))
            }
        }
    }

    /// Behind a dash that stands alone before a map: the reader of sops has the comment before the element.
    fn behind_dash(&self, previous: Option<&Slot>, next: Option<&Slot>) -> Option<(usize, usize)> {
        let (dash, first) = (previous?, next?);
        let (list, map) = (self.containers.get(dash.container)?, self.containers.get(first.container)?);
        let fits = list.is_list && !map.is_list && map.parent == Some(dash.container) && map.layout != Layout::Flow;
        fits.then_some((dash.container, dash.start))
    }

    /// Behind the first key of a map that is a list element, when the value is below it: before the element, too.
    fn behind_first_key(&self, entries: &[Slot]) -> Option<(usize, usize)> {
        let [.., dash, key] = entries else { return None };
        let value = self.containers.get(key.next_container)?;
        let is_below = value.parent == Some(key.container) && value.layout != Layout::Flow;
        let (list, map) = (self.containers.get(dash.container)?, self.containers.get(key.container)?);
        let fits = is_below && list.is_list && !map.is_list && map.parent == Some(dash.container);
        fits.then_some((dash.container, dash.start))
    }

    /// A comment above empty elements has no token there to stand at. If these end their list, it goes on to the next
    /// map, or list that goes on.
    fn past_empty(&self, list: usize, entries: &[Slot], root: usize) -> usize {
        if !self.containers[list].is_list || !entries.first().is_some_and(|slot| slot.is_empty) {
            return list;
        }
        let next = entries.iter().find(|slot| slot.container != list || !slot.is_empty);
        let next = next.map_or(root, |slot| slot.container);
        let goes_on = |id: usize| self.ancestors(next).any(|other| other == id);
        self.ancestors(list).find(|id| !self.containers[*id].is_list || goes_on(*id)).unwrap_or(root)
    }

    fn of_inline(&self, at: usize, previous: Option<&Slot>, next: Option<&Slot>, root: usize) -> (usize, usize) {
        let Some(previous) = previous else {
            return (root, at);
        };
        if let Some(flow) = previous.flow_value {
            return (flow, at);
        }
        // Behind the dash of an empty element: as above, behind the last one it leaves the list.
        let list = &self.containers[previous.container];
        if let Some(parent) = list.parent.filter(|_| list.is_list && previous.is_empty) {
            let next = next.map_or(root, |next| next.container);
            if !self.ancestors(next).any(|id| id == previous.container) {
                return (parent, at);
            }
        }
        let outermost =
            self.ancestors(previous.container).take_while(|id| self.containers[*id].layout == Layout::Flow).last();
        outermost.map_or((previous.container, previous.start), |flow| (flow, at))
    }

    fn of_own_line(&self, comment: &RawComment, previous: Option<&Slot>, next: Option<&Slot>, root: usize) -> usize {
        let at_column = comment.column;
        let column = |id: usize| match self.containers[id].layout {
            Layout::Block { column } => Some(column),
            Layout::Flow | Layout::Json | Layout::Lines | Layout::Sections | Layout::Section | Layout::Metadata => None,
        };
        let Some(previous) = previous else {
            return next.map_or(root, |next| next.container);
        };
        if let Some(next) = next {
            let opens_here = next.container != previous.container
                && self.ancestors(next.container).skip(1).any(|id| id == previous.container);
            if opens_here && column(next.container).is_some() {
                return next.container;
            }
        }
        let next = next.map_or(root, |next| next.container);
        let goes_on = |id: usize| self.ancestors(next).any(|other| other == id);
        let own = self.ancestors(previous.container).find(|id| column(*id).is_some()).unwrap_or(root);
        // An empty element has no token that could take a comment: behind the last one it leaves the list.
        let leaves = self.containers[own].is_list && previous.is_empty && !goes_on(own);
        // The end of a list takes no comment: what leaves it goes on to the next map, or list that goes on.
        let out_of = |list: usize| {
            let around = self.ancestors(list).skip(1);
            around.into_iter().find(|id| !self.containers[*id].is_list || goes_on(*id)).unwrap_or(root)
        };
        let innermost = if leaves { out_of(own) } else { own };
        // Left of what goes on: with what stands above, or as its foot before what follows.
        if column(next).is_some_and(|column| at_column < column) {
            return if comment.is_foot { next } else { innermost };
        }
        let Some(chosen) = self.ancestors(previous.container).find(|id| column(*id) == Some(at_column)) else {
            return innermost;
        };
        // A list takes a foot only if the last token before it is one of its own: a scalar or a closing bracket.
        let ends_itself = own == chosen && !previous.is_empty;
        // A list may stand in the column of the map around it: then the next entry decides.
        if column(next) == Some(at_column) && self.ancestors(chosen).any(|id| id == next) {
            return if comment.is_foot && (!self.containers[chosen].is_list || ends_itself) { chosen } else { next };
        }
        // A container that goes on has what stands in its column. Of one that has ended the reader of sops sees
        // only comments right below others and feet: alone they stay in the innermost, behind a list they leave it.
        match (goes_on(chosen), comment.in_run || comment.is_foot) {
            (true, _) => chosen,
            (false, _) if leaves && own == chosen => innermost,
            (false, false) => innermost,
            (false, true) if self.containers[chosen].is_list && !ends_itself => out_of(chosen),
            (false, true) => chosen,
        }
    }

    /// A container and those around it, innermost first.
    fn ancestors(&self, id: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(id), |id| self.containers.get(*id).and_then(|container| container.parent))
    }
}
