//! JSON, dotenv, INI and binary files.

use std::fmt::Write as _;

use crate::model::{Child, Node};
use crate::rng::Rng;

/// One object, in one of several layouts.
pub(crate) fn json(root: &Node, rng: &mut Rng) -> String {
    let unit = *rng.pick(&["\t", "  ", "    ", ""]);
    let mut out = String::new();
    json_node(root, unit, 0, rng, &mut out);
    out.push('\n');
    out
}

fn json_node(node: &Node, unit: &str, depth: usize, rng: &mut Rng, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        if !unit.is_empty() {
            out.push('\n');
            out.push_str(&unit.repeat(depth));
        }
    };
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Int(number) => out.push_str(&number.to_string()),
        Node::Float(number) if rng.chance(50) => out.push_str(
            &format!("{number:e}")
                .replace("e", ".0e")
                .replace(".0e", if format!("{number:e}").contains('.') { "e" } else { ".0e" }),
        ),
        Node::Float(number) => out.push_str(&format!("{number:?}")),
        Node::Time(text) => json_text(text, rng, out),
        Node::Text(text) => json_text(text, rng, out),
        Node::Map(_) | Node::List(_) => {
            let is_map = matches!(node, Node::Map(_));
            out.push(if is_map { '{' } else { '[' });
            let mut any = false;
            for (key, below) in node.entries() {
                if std::mem::replace(&mut any, true) {
                    out.push(',');
                }
                line(out, depth + 1);
                if is_map {
                    json_text(key, rng, out);
                    out.push_str(if unit.is_empty() { ":" } else { ": " });
                }
                json_node(below, unit, depth + 1, rng, out);
            }
            if any {
                line(out, depth);
            }
            out.push(if is_map { '}' } else { ']' });
        }
    }
}

fn json_text(text: &str, rng: &mut Rng, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c < ' ' || rng.chance(4) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Lines of `KEY=value`.
pub(crate) fn dotenv(root: &Node, rng: &mut Rng) -> String {
    let mut out = String::new();
    for child in root.children() {
        if rng.chance(10) {
            out.push('\n');
        }
        match child {
            Child::Comment(text) => {
                let _ = writeln!(out, "#{text}");
            }
            Child::Entry { key, node: Node::Text(text), .. } => {
                let _ = writeln!(out, "{key}={}", text.replace('\n', "\\n"));
            }
            Child::Entry { .. } => unreachable!("texts only"),
        }
    }
    out
}

/// Sections of `key = value`.
pub(crate) fn ini(root: &Node, rng: &mut Rng) -> String {
    let mut out = String::new();
    for (name, section) in root.entries() {
        // Written out, it would be a second section of that name for sops.
        if name != "DEFAULT" {
            let _ = writeln!(out, "[{name}]");
        }
        for child in section.children() {
            match child {
                Child::Comment(text) => {
                    let _ = writeln!(out, "{}{text}", rng.pick(&["#", ";"]));
                }
                Child::Entry { key, node: Node::Text(text), .. } => {
                    let between = rng.pick(&["=", " = ", ": "]);
                    let _ = writeln!(out, "{key}{between}{}", ini_value(text, rng));
                }
                Child::Entry { .. } => unreachable!("texts only"),
            }
        }
        if rng.chance(50) {
            out.push('\n');
        }
    }
    out
}

fn ini_value(text: &str, rng: &mut Rng) -> String {
    let bare =
        text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | ',' | '?' | '&' | '='));
    if bare && rng.chance(80) {
        return text.to_owned();
    }
    // What no quote can hold is not generated.
    format!("\"\"\"{text}\"\"\"")
}

/// The bytes of a text.
pub(crate) fn binary(root: &Node) -> Vec<u8> {
    match root {
        Node::Text(text) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}
