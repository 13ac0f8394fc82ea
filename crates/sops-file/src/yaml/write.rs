//! Whole YAML nodes as sops writes them (SOPS reference 10.8), for what is new and for documents that cannot
//! be edited in place.
//!
//! Never writes anchors; comments go on lines of their own.

use super::scalar::{self, BlockPlace, Written};
use crate::opened::OpenedDocument;
use crate::plain::Plain;
use crate::tree::{Child, Comment, Kind, Node, Scalar, Tree};
use crate::value::Value;

/// Where the texts of a tree come from: its own, or what was opened.
pub(crate) struct Texts<'d> {
    pub(crate) opened: Option<&'d OpenedDocument>,
}

impl Texts<'_> {
    fn scalar(&self, scalar: &Scalar) -> Plain {
        self.opened.map_or(&scalar.value, |opened| opened.value_of(scalar)).duplicate()
    }

    fn comment(&self, comment: &Comment) -> String {
        let opened = self.opened.and_then(|opened| opened.opened_leaf(comment.leaf));
        match opened {
            Some(Plain::Comment(text) | Plain::Text(text)) => text.to_string(),
            Some(Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::Time(_) | Plain::Bytes(_))
            | None => comment.text.to_string(),
        }
    }
}

/// Where the lines of a container begin.
#[derive(Clone, Copy)]
pub(crate) struct Indent {
    pub(crate) column: usize,
    pub(crate) step: usize,
}

impl Indent {
    /// The column of what is below an entry: two right of a dash, else the next multiple of the step.
    pub(crate) fn below(self, in_list: bool) -> Self {
        let column = if in_list { self.column + 2 } else { self.step * ((self.column + self.step) / self.step) };
        Self { column, ..self }
    }

    /// Where a block scalar of an entry may stand.
    pub(crate) fn block_place(self, in_list: bool) -> BlockPlace {
        let content = self.below(in_list).column;
        BlockPlace { content, relative: content - self.column }
    }
}

/// How a document without entries is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// As `{}`, for readers.
    Brackets,
    /// As nothing, so that metadata can be appended.
    Nothing,
}

/// A whole file: documents joined with `---`.
pub(crate) fn tree(tree: &Tree, texts: &Texts<'_>, step: usize, empty: Empty) -> String {
    let mut out = String::new();
    for (number, document) in tree.documents.iter().enumerate() {
        let is_empty = document.root.entries().next().is_none();
        if number > 0 || (is_empty && empty == Empty::Nothing) {
            out.push_str("---\n");
        }
        let indent = Indent { column: 0, step };
        if is_empty {
            for child in document.root.children() {
                if let Child::Comment(comment) = child {
                    comment_lines(&mut out, &texts.comment(comment), 0);
                    out.push('\n');
                }
            }
            if empty == Empty::Brackets {
                out.push_str("{}\n");
            }
        } else {
            children(&mut out, document.root.children(), false, indent, texts);
        }
    }
    out
}

/// One container as a document of its own.
pub(crate) fn node_as_document(node: &Node, texts: &Texts<'_>, step: usize) -> String {
    let mut out = String::new();
    if node.entries().next().is_none() {
        out.push_str(if node.is_list() { "[]\n" } else { "{}\n" });
    } else {
        let indent = Indent { column: 0, step };
        children(&mut out, node.children(), node.is_list(), indent, texts);
    }
    out
}

fn comment_lines(out: &mut String, text: &str, column: usize) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str(&" ".repeat(column));
        out.push('#');
        out.push_str(line);
    }
}

/// Children of a container, each on lines of its own, with a line break at the end.
fn children(out: &mut String, children: &[Child], in_list: bool, indent: Indent, texts: &Texts<'_>) {
    for (number, child) in children.iter().enumerate() {
        match child {
            Child::Comment(comment) => {
                comment_lines(out, &texts.comment(comment), indent.column);
                out.push('\n');
            }
            Child::Entry(entry) => {
                // The first element of a list in a list stands on the line of the outer dash.
                if number > 0 || !out.ends_with("- ") {
                    out.push_str(&" ".repeat(indent.column));
                }
                out.push_str(&lead(&entry.key, in_list));
                node(out, &entry.node, in_list, indent, texts);
            }
        }
    }
}

fn lead(key: &str, in_list: bool) -> String {
    if in_list {
        return "- ".to_owned();
    }
    if key == "<<" {
        return "!!merge <<:".to_owned();
    }
    format!("{}:", scalar::key(key))
}

fn node(out: &mut String, node: &Node, in_list: bool, indent: Indent, texts: &Texts<'_>) {
    let space = |out: &mut String| {
        if !in_list {
            out.push(' ');
        }
    };
    match &node.kind {
        Kind::Scalar(scalar) => {
            space(out);
            push_scalar(out, &texts.scalar(scalar), indent.block_place(in_list));
        }
        Kind::Map(below, _) | Kind::List(below, _) => {
            if node.entries().next().is_none() {
                space(out);
                out.push_str(if node.is_list() { "[]\n" } else { "{}\n" });
                return;
            }
            if !in_list || matches!(below.first(), Some(Child::Comment(_))) {
                trim_trailing_space(out);
                out.push('\n');
            }
            children(out, below, node.is_list(), indent.below(in_list), texts);
        }
    }
}

fn trim_trailing_space(out: &mut String) {
    if out.ends_with(' ') {
        out.pop();
    }
}

fn push_scalar(out: &mut String, value: &Plain, place: BlockPlace) {
    match scalar::block_style(value, Some(place)) {
        Written::Line(line) => out.push_str(&line),
        Written::Block { header, lines } => {
            out.push_str(&header);
            out.push_str(&lines);
        }
    }
    out.push('\n');
}

/// One entry of a block container: `key: value` or `- value`, without the indent of its first line and
/// without a line break at the end.
pub(crate) fn entry(key: Option<&str>, value: &Value, indent: Indent) -> String {
    let mut out = lead(key.unwrap_or_default(), key.is_none());
    write_value(&mut out, value, key.is_none(), indent);
    if out.ends_with('\n') {
        out.pop();
    }
    out
}

fn write_value(out: &mut String, value: &Value, in_list: bool, indent: Indent) {
    let below = indent.below(in_list);
    match value {
        Value::Scalar(plain) => {
            if !in_list {
                out.push(' ');
            }
            push_scalar(out, plain, indent.block_place(in_list));
        }
        Value::Map(entries) if !entries.is_empty() => {
            if !in_list {
                out.push('\n');
            }
            for (number, (key, value)) in entries.iter().enumerate() {
                if number > 0 || !in_list {
                    out.push_str(&" ".repeat(below.column));
                }
                out.push_str(&lead(key, false));
                write_value(out, value, false, below);
            }
        }
        Value::List(elements) if !elements.is_empty() => {
            if !in_list {
                out.push('\n');
            }
            for (number, value) in elements.iter().enumerate() {
                if number > 0 || !in_list {
                    out.push_str(&" ".repeat(below.column));
                }
                out.push_str("- ");
                write_value(out, value, true, below);
            }
        }
        Value::Map(_) => out.push_str(if in_list { "{}\n" } else { " {}\n" }),
        Value::List(_) => out.push_str(if in_list { "[]\n" } else { " []\n" }),
    }
}

/// A value for use inside brackets.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Scalar(plain) => scalar::flow_style(plain),
        Value::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", scalar::double_quoted(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::List(elements) => format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", ")),
    }
}
