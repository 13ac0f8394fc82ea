//! Children that stand on lines of their own: YAML blocks, dotenv, INI.
//!
//! Never re-emits what can be copied.

use super::MergeError;
use super::block::Block;
use super::plan::{Children, Piece, Plan};
use super::write::Writer;
use crate::splice::{Patch, line_break, line_end, line_start, next_line};
use crate::tree::{Entry, Layout, Node};

pub(super) fn write(
    writer: &mut Writer<'_>,
    container: &Node,
    sops: Option<&Entry>,
    children: &Children<'_>,
) -> Result<(), MergeError> {
    let mut stays = vec![false; children.target.1.len()];
    for piece in &children.pieces {
        if let Piece::Own { target, .. } = piece {
            stays[*target] = true;
        }
    }
    if !stays.contains(&true) && sops.is_none() {
        return anew(writer, container, children);
    }
    let mut place = Place::Start;
    for piece in &children.pieces {
        match piece {
            Piece::Own { target, notes_of, plan } => {
                let block = &children.target.1[*target];
                own(writer, container, children, block, (*notes_of, plan))?;
                place = Place::Behind(*target);
            }
            Piece::New { other } => {
                let text = body(writer, container, &children.other.1[*other]);
                insert(writer, container, sops, children, &place, &text)?;
            }
        }
    }
    for (block, _) in children.target.1.iter().zip(&stays).filter(|(_, stays)| !**stays) {
        remove(writer, container, children, block);
    }
    if children.take_tail { tail(writer, container, sops, children) } else { Ok(()) }
}

enum Place {
    Start,
    Behind(usize),
}

fn layout_fault(children: &Children<'_>) -> MergeError {
    MergeError::Layout(children.path.clone())
}

fn column(container: &Node) -> usize {
    match container.layout() {
        Some(Layout::Block { column }) => column,
        Some(Layout::Flow | Layout::Json | Layout::Lines | Layout::Sections | Layout::Section | Layout::Metadata)
        | None => 0,
    }
}

fn is_sections(container: &Node) -> bool {
    container.layout() == Some(Layout::Sections)
}

/// A block of the other side as it will stand in the target: without the indent of its first line and without its
/// last line break. Sections of INI bring the empty lines behind them.
fn body(writer: &Writer<'_>, container: &Node, block: &Block<'_>) -> String {
    placed(writer, container, block, &writer.other.source[block.lines.clone()])
}

fn placed(writer: &Writer<'_>, container: &Node, block: &Block<'_>, text: &str) -> String {
    match container.layout() {
        Some(Layout::Block { column }) => {
            writer.broken(&shifted(text.trim_start_matches(' '), column_of(writer, block), column))
        }
        Some(Layout::Flow | Layout::Json | Layout::Lines | Layout::Sections | Layout::Section | Layout::Metadata)
        | None => writer.broken(text),
    }
}

/// The column in which a block of the other side stands.
fn column_of(writer: &Writer<'_>, block: &Block<'_>) -> usize {
    let start = if block.shares_line { block.lines.start } else { block.entry.start };
    start - line_start(writer.other.source, start)
}

/// Every line but the first, moved to another column.
fn shifted(text: &str, from: usize, to: usize) -> String {
    if from == to {
        return text.to_owned();
    }
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        let indent = line.len() - line.trim_start_matches(' ').len();
        if line.trim().is_empty() {
            continue;
        }
        out.push_str(&" ".repeat((indent + to).saturating_sub(from)));
        out.push_str(&line[indent..]);
    }
    out
}

fn insert(
    writer: &mut Writer<'_>,
    container: &Node,
    sops: Option<&Entry>,
    children: &Children<'_>,
    place: &Place,
    text: &str,
) -> Result<(), MergeError> {
    let (source, indent) = (writer.target.source, " ".repeat(column(container)));
    let newline = line_break(source);
    if is_sections(container) {
        let at = match (place, children.target.1.first(), sops) {
            (Place::Behind(block), ..) => children.target.1[*block].lines.end,
            (Place::Start, Some(first), _) => first.lines.start,
            (Place::Start, None, Some(sops)) => line_start(source, sops.start),
            (Place::Start, None, None) => return Err(layout_fault(children)),
        };
        let lead = if source[..at].is_empty() || source[..at].ends_with('\n') { "" } else { newline };
        let end = if text.ends_with('\n') { "" } else { newline };
        writer.patches.push(Patch::insert(at, format!("{lead}{text}{end}")));
        return Ok(());
    }
    writer.patches.push(match (place, children.target.1.first(), sops) {
        (Place::Behind(block), ..) => {
            Patch::insert(children.target.1[*block].lines.end, format!("{newline}{indent}{text}"))
        }
        (Place::Start, Some(first), _) if first.shares_line => {
            Patch::insert(first.lines.start, format!("{text}{newline}{indent}"))
        }
        (Place::Start, Some(first), _) => Patch::insert(first.lines.start, format!("{indent}{text}{newline}")),
        (Place::Start, None, Some(sops)) => {
            let line = line_start(source, sops.start);
            Patch::insert(line, format!("{indent}{text}{newline}"))
        }
        (Place::Start, None, None) => return Err(layout_fault(children)),
    });
    Ok(())
}

/// An entry that stays: its value, and the comments that belong to it.
fn own(
    writer: &mut Writer<'_>,
    container: &Node,
    children: &Children<'_>,
    block: &Block<'_>,
    (notes_of, plan): (Option<usize>, &Plan<'_>),
) -> Result<(), MergeError> {
    let Some(theirs) = notes_of.map(|number| &children.other.1[number]) else {
        return writer.value(container, block.entry, plan, &children.path);
    };
    if is_sections(container) || block.shares_line || theirs.shares_line {
        return Err(layout_fault(children));
    }
    let indent = " ".repeat(column(container));
    if let Some(scalar) = block.entry.node.scalar() {
        let text = match plan {
            Plan::Take(node) if node.scalar().is_some() => body(writer, container, theirs),
            Plan::Take(_) | Plan::Children(_) => return Err(layout_fault(children)),
            Plan::Keep => {
                let text = writer.other_with_value_of(container, theirs, scalar, &children.path)?;
                placed(writer, container, theirs, &text)
            }
        };
        writer.patches.push(Patch::new(block.lines.clone(), format!("{indent}{text}")));
        return Ok(());
    }
    // Comments behind the key of a container are inside it; those above it are lines of their own.
    let text = &writer.other.source[theirs.above.clone()];
    let text = shifted(text.trim_start_matches(' '), column_of(writer, theirs), column(container));
    let text = if text.is_empty() { text } else { format!("{indent}{}", writer.broken(&text)) };
    writer.patches.push(Patch::new(block.above.clone(), text));
    writer.value(container, block.entry, plan, &children.path)
}

fn remove(writer: &mut Writer<'_>, container: &Node, children: &Children<'_>, block: &Block<'_>) {
    let source = writer.target.source;
    if is_sections(container) {
        writer.patches.push(Patch::new(block.lines.clone(), ""));
        return;
    }
    if !block.shares_line {
        writer.patches.push(Patch::new(block.lines.start..next_line(source, block.lines.end), ""));
        return;
    }
    // What follows moves up to the dash.
    let next = children.target.1.iter().find(|next| next.lines.start > block.lines.start);
    let end = next.map_or(block.lines.end, |next| {
        next.lines.start + source[next.lines.start..].len() - source[next.lines.start..].trim_start_matches(' ').len()
    });
    writer.patches.push(Patch::new(block.lines.start..end, ""));
}

/// The comments behind the last entry.
fn tail(
    writer: &mut Writer<'_>,
    container: &Node,
    sops: Option<&Entry>,
    children: &Children<'_>,
) -> Result<(), MergeError> {
    let (source, newline) = (writer.target.source, line_break(writer.target.source));
    let whole = |source: &str, notes: &[super::block::Note<'_>]| {
        let first = notes.first()?.span().start;
        let line = line_start(source, first);
        let alone = source[line..first].trim().is_empty();
        alone.then(|| line..line_end(source, notes.last().map_or(first, |note| note.span().end)))
    };
    if matches!(container.layout(), Some(Layout::Sections | Layout::Section)) {
        return Err(layout_fault(children));
    }
    let theirs = match children.other.2.is_empty() {
        true => None,
        false => Some(whole(writer.other.source, &children.other.2).ok_or_else(|| layout_fault(children))?),
    };
    let text = theirs.map(|range| writer.broken(&writer.other.source[range]));
    match (children.target.2.is_empty(), text) {
        (true, Some(text)) => {
            let last = children.target.1.last().ok_or_else(|| layout_fault(children))?;
            let fits = sops.is_none_or(|sops| sops.start > last.lines.end);
            if !fits {
                return Err(layout_fault(children));
            }
            writer.patches.push(Patch::insert(last.lines.end, format!("{newline}{text}")));
        }
        (false, text) => {
            let range = whole(source, &children.target.2).ok_or_else(|| layout_fault(children))?;
            writer.patches.push(match text {
                Some(text) => Patch::new(range, text),
                None => Patch::new(range.start..next_line(source, range.end), ""),
            });
        }
        (true, None) => {}
    }
    Ok(())
}

/// A container of which nothing stays.
fn anew(writer: &mut Writer<'_>, container: &Node, children: &Children<'_>) -> Result<(), MergeError> {
    let source = writer.target.source;
    let (Some(first), Some(last)) = (children.target.1.first(), children.target.1.last()) else {
        return Err(layout_fault(children));
    };
    if matches!(container.layout(), Some(Layout::Sections)) || !children.target.2.is_empty() || children.take_tail {
        return Err(layout_fault(children));
    }
    let fresh = children.pieces.iter().filter_map(|piece| match piece {
        Piece::New { other } => Some(&children.other.1[*other]),
        Piece::Own { .. } => None,
    });
    let range = first.lines.start..last.lines.end;
    let indent = " ".repeat(column(container));
    if container.layout() == Some(Layout::Section) {
        let texts: Vec<String> = fresh.map(|block| body(writer, container, block)).collect();
        let range = if texts.is_empty() { range.start..next_line(source, range.end) } else { range };
        writer.patches.push(Patch::new(range, texts.join(line_break(source))));
        return Ok(());
    }
    let texts: Vec<String> = fresh.map(|block| body(writer, container, block)).collect();
    if texts.is_empty() {
        let empty = if container.is_list() { "[]" } else { "{}" };
        let lead = source[..range.start].trim_end_matches([' ', '\t', '\r', '\n']).len();
        writer.patches.push(Patch::new(lead..range.end, format!(" {empty}")));
        return Ok(());
    }
    let joined = texts.join(&format!("{}{indent}", line_break(source)));
    let text = if first.shares_line { joined } else { format!("{indent}{joined}") };
    writer.patches.push(Patch::new(range, text));
    Ok(())
}
