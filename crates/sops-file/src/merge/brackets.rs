//! Children that stand in brackets, with commas between them: JSON, and YAML in flow style.
//!
//! Never moves an entry of the target.

use super::MergeError;
use super::block::Block;
use super::plan::{Children, Piece};
use super::write::{Writer, raw_value, text_end};
use crate::json;
use crate::splice::{Patch, line_break, line_start};
use crate::tree::{Entry, Layout, Node};
use crate::yaml::{scalar, write as yaml_write};

pub(super) fn write(
    writer: &mut Writer<'_>,
    container: &Node,
    sops: Option<&Entry>,
    children: &Children<'_>,
) -> Result<(), MergeError> {
    let blocks = &children.target.1;
    let mut stays = vec![false; blocks.len()];
    for piece in &children.pieces {
        if let Piece::Own { target, notes_of, plan } = piece {
            stays[*target] = true;
            if notes_of.is_some() {
                return Err(MergeError::Layout(children.path.clone()));
            }
            writer.value(container, blocks[*target].entry, plan, &children.path)?;
        }
    }
    if children.take_tail {
        return Err(MergeError::Layout(children.path.clone()));
    }
    let inside = container.span.start + 1..container.span.end.saturating_sub(1);
    let survivors: Vec<usize> = (0..blocks.len()).filter(|number| stays[*number]).collect();
    let style = Style::of(writer.target.source, container, sops);
    if survivors.is_empty() && sops.is_none() {
        let texts: Vec<String> =
            children.pieces.iter().filter_map(|piece| new_text(writer, container, children, piece, &style)).collect();
        let text = if texts.is_empty() { String::new() } else { style.wrapped(&texts) };
        writer.patches.push(Patch::new(inside, text));
        return Ok(());
    }
    removals(writer, blocks, &stays, sops);
    let mut behind: Option<usize> = None;
    for piece in &children.pieces {
        if let Piece::Own { target, .. } = piece {
            behind = Some(*target);
        }
        let Some(text) = new_text(writer, container, children, piece, &style) else { continue };
        match (behind, survivors.first(), sops) {
            (Some(before), ..) => {
                writer.patches.push(Patch::insert(text_end(&blocks[before]), format!(",{}{text}", style.lead)));
            }
            (None, Some(first), _) => {
                writer.patches.push(Patch::insert(blocks[*first].entry.start, format!("{text},{}", style.lead)));
            }
            (None, None, Some(sops)) => {
                writer.patches.push(Patch::insert(sops.start, format!("{text},{}", style.lead)));
            }
            (None, None, None) => return Err(MergeError::Layout(children.path.clone())),
        }
    }
    Ok(())
}

/// Takes out what does not stay, each with the comma that belongs to it.
fn removals(writer: &mut Writer<'_>, blocks: &[Block<'_>], stays: &[bool], sops: Option<&Entry>) {
    let mut last_stay: Option<usize> = None;
    for (number, block) in blocks.iter().enumerate() {
        if stays[number] {
            last_stay = Some(number);
            continue;
        }
        let next_entry = blocks.get(number + 1).map(|next| next.entry.start);
        let next_sops = sops.map(|sops| sops.start).filter(|start| *start > block.entry.start);
        let next = next_entry.into_iter().chain(next_sops).min();
        let later_stays = stays[number + 1..].iter().any(|stays| *stays) || next_sops.is_some();
        match (next, last_stay) {
            (Some(next), _) if later_stays => writer.patches.push(Patch::new(block.entry.start..next, "")),
            (_, Some(last)) => {
                let start = if number == last + 1 { text_end(&blocks[last]) } else { text_end(&blocks[number - 1]) };
                writer.patches.push(Patch::new(start..text_end(block), ""));
            }
            (_, None) => {
                // Only the metadata are left, and they stand before it.
                let start = sops.map_or(block.entry.start, |sops| sops.node.span.end);
                let start = if number == 0 { start } else { text_end(&blocks[number - 1]) };
                writer.patches.push(Patch::new(start..text_end(block), ""));
            }
        }
    }
}

/// How entries of a container follow each other.
struct Style {
    /// Behind the comma.
    lead: String,
    /// What an entry's own lines are indented by.
    indent: String,
    /// Before the closing bracket, and one more step, where the container has lines of its own.
    outer: Option<(String, String)>,
    newline: &'static str,
}

impl Style {
    fn of(source: &str, container: &Node, sops: Option<&Entry>) -> Self {
        let newline = line_break(source);
        let first = container.entries().next().or(sops);
        let own_line = first.filter(|first| {
            let line = line_start(source, first.start);
            line > 0 && source[line..first.start].trim().is_empty()
        });
        match own_line {
            Some(first) => {
                let indent = source[line_start(source, first.start)..first.start].to_owned();
                let line = line_start(source, container.span.start);
                let rest = &source[line..container.span.start];
                let outer = rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()].to_owned();
                Self { lead: format!("{newline}{indent}"), outer: Some((outer, indent.clone())), indent, newline }
            }
            None => Self { lead: " ".to_owned(), indent: String::new(), outer: None, newline },
        }
    }

    fn wrapped(&self, texts: &[String]) -> String {
        let joined = texts.join(&format!(",{}", self.lead));
        match &self.outer {
            Some((outer, inner)) => format!("{0}{inner}{joined}{0}{outer}", self.newline),
            None => joined,
        }
    }
}

fn new_text(
    writer: &Writer<'_>,
    container: &Node,
    children: &Children<'_>,
    piece: &Piece<'_>,
    style: &Style,
) -> Option<String> {
    let Piece::New { other } = piece else { return None };
    let block = &children.other.1[*other];
    let value = raw_value(&block.entry.node);
    let key = container.is_map().then(|| block.key());
    if container.layout() == Some(Layout::Json) {
        // The very text of the other side where it is indented alike.
        let source = writer.other.source;
        let line = line_start(source, block.entry.start);
        if source[line..block.entry.start] == style.indent && !style.indent.is_empty() {
            return Some(writer.broken(&source[block.entry.start..text_end(block)]));
        }
        let text = json::write::value(&value, &style.indent, json::edit::unit(writer.target.source));
        let text = key.map_or(text.clone(), |key| format!("{}: {text}", json::write::text(key)));
        return Some(writer.broken(&text));
    }
    let key = key.map(|key| format!("{}: ", scalar::double_quoted(key))).unwrap_or_default();
    Some(format!("{key}{}", yaml_write::flow(&value)))
}
