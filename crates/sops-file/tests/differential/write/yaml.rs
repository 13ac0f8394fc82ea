//! YAML in a hundred spellings: indents, quotes, blocks, brackets, number bases, tags, empty lines, CRLF.

use std::fmt::Write as _;

use crate::model::{Child, Node, TIMES};
use crate::rng::Rng;

struct Writer<'r> {
    rng: &'r mut Rng,
    out: String,
    step: usize,
    /// Whether a list stands in the column of its key.
    unindented: bool,
    loose: bool,
}

/// All documents of a file.
pub(crate) fn file(documents: &[Node], rng: &mut Rng) -> String {
    let (step, unindented, loose) = (*rng.pick(&[2, 2, 4, 4, 3, 8]), rng.chance(50), rng.chance(25));
    let windows = rng.chance(6);
    let mut writer = Writer { rng, out: String::new(), step, unindented, loose };
    for (number, document) in documents.iter().enumerate() {
        if number > 0 || writer.rng.chance(10) {
            writer.out.push_str("---\n");
        }
        writer.children(document.children(), 0, false);
    }
    let mut text = writer.out;
    // Without its last line break a block loses it too, and a comment goes elsewhere.
    if !text.contains(['|', '#']) && writer.rng.chance(10) {
        text.pop();
    }
    if windows { text.replace('\n', "\r\n") } else { text }
}

impl Writer<'_> {
    fn pad(&mut self, column: usize) {
        self.out.push_str(&" ".repeat(column));
    }

    /// Children on lines of their own. When `started`, the first entry goes on in the present line.
    fn children(&mut self, children: &[Child], column: usize, mut started: bool) {
        for child in children {
            match child {
                Child::Comment(text) => {
                    self.pad(column);
                    let _ = writeln!(self.out, "#{text}");
                }
                Child::Entry { key, node, inline } => {
                    // Behind a block that keeps its empty lines, one more would belong to it.
                    let free = self.loose && !started && !self.out.ends_with("\n\n");
                    if free && self.rng.chance(20) {
                        self.out.push('\n');
                    }
                    if !std::mem::take(&mut started) {
                        self.pad(column);
                    }
                    let in_list = key.is_empty();
                    if in_list {
                        self.out.push('-');
                    } else {
                        let key = self.key(key);
                        let _ = write!(self.out, "{key}:");
                    }
                    self.value(node, column, in_list, inline.as_deref());
                }
            }
        }
    }

    fn value(&mut self, node: &Node, column: usize, in_list: bool, inline: Option<&str>) {
        let behind = inline.map_or(String::new(), |text| format!(" #{text}"));
        let mut comments = Vec::new();
        node.comments(&mut comments);
        if node.is_container() && (node.entries().next().is_none() || (comments.is_empty() && self.rng.chance(12))) {
            let text = self.flow(node);
            let _ = writeln!(self.out, " {text}{behind}");
            return;
        }
        match node {
            Node::Map(children) | Node::List(children) => {
                let is_list = matches!(node, Node::List(_));
                let first_is_entry = matches!(children.first(), Some(Child::Entry { .. }));
                if in_list && first_is_entry && self.rng.chance(85) {
                    self.out.push(' ');
                    self.children(children, column + 2, true);
                } else {
                    self.out.push('\n');
                    let unindented = is_list && !in_list && self.unindented;
                    let below = if unindented { column } else { column + self.step };
                    self.children(children, below, false);
                }
            }
            Node::Text(text) if text.contains('\n') && self.rng.chance(60) => {
                self.block(text, column, in_list, &behind);
            }
            Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Time(_) | Node::Text(_) => {
                let mut text = self.scalar(node);
                // Before an element without text sops loses a comment.
                if in_list && text.is_empty() {
                    text.push('~');
                }
                let space = if text.is_empty() { "" } else { " " };
                let _ = writeln!(self.out, "{space}{text}{behind}");
            }
        }
    }

    /// A literal block, where the text can be one.
    fn block(&mut self, text: &str, column: usize, in_list: bool, behind: &str) {
        let printable = |c: char| c == '\n' || (c >= ' ' && c != '\u{7f}' && is_printable(c));
        let blank_first = text.starts_with([' ', '\n', '\t']);
        let odd = text.split('\n').any(|line| line.trim().is_empty() && !line.is_empty());
        if !text.chars().all(printable) || blank_first || odd {
            let quoted = double_quoted(text);
            let _ = writeln!(self.out, " {quoted}{behind}");
            return;
        }
        let body = text.trim_end_matches('\n');
        let chomp = match text.len() - body.len() {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let _ = writeln!(self.out, " |{chomp}{behind}");
        let content = if in_list { column + 2 } else { column + self.step };
        let lines = if chomp == "+" { &text[..text.len() - 1] } else { body };
        for line in lines.split('\n') {
            if !line.is_empty() {
                self.pad(content);
            }
            let _ = writeln!(self.out, "{line}");
        }
    }

    fn key(&mut self, key: &str) -> String {
        if is_safe(key) && self.rng.chance(80) { key.to_owned() } else { self.quoted(key) }
    }

    fn quoted(&mut self, text: &str) -> String {
        let single = text.chars().all(|c| c >= ' ' && c != '\u{7f}' && is_printable(c));
        if single && self.rng.chance(50) { format!("'{}'", text.replace('\'', "''")) } else { double_quoted(text) }
    }

    fn scalar(&mut self, node: &Node) -> String {
        match node {
            Node::Null => (*self.rng.pick(&["null", "~", "Null", "NULL", ""])).to_owned(),
            Node::Bool(true) => (*self.rng.pick(&["true", "True", "TRUE"])).to_owned(),
            Node::Bool(false) => (*self.rng.pick(&["false", "False", "FALSE"])).to_owned(),
            Node::Int(number) => self.integer(*number),
            Node::Float(number) => self.float(*number),
            Node::Time(sealed) => {
                let (_, spellings) = TIMES.iter().find(|(text, _)| text == sealed).unwrap();
                (*self.rng.pick(spellings)).to_owned()
            }
            Node::Text(text) if is_safe(text) && self.rng.chance(70) => text.clone(),
            Node::Text(text) => {
                let tag = if self.rng.chance(4) { "!!str " } else { "" };
                format!("{tag}{}", self.quoted(text))
            }
            Node::Map(_) | Node::List(_) => self.flow(node),
        }
    }

    fn integer(&mut self, number: i64) -> String {
        match self.rng.below(12) {
            0 if number >= 0 => format!("0x{number:X}"),
            1 if number >= 0 => format!("0o{number:o}"),
            2 if number > 0 => format!("0{number:o}"),
            3 if number >= 0 => format!("0b{number:b}"),
            4 if number >= 0 => format!("+{number}"),
            5 if number >= 1000 => format!("{}_{:03}", number / 1000, number % 1000),
            6 => format!("!!int {number}"),
            _ => number.to_string(),
        }
    }

    fn float(&mut self, number: f64) -> String {
        if number.is_nan() {
            return (*self.rng.pick(&[".nan", ".NaN", ".NAN"])).to_owned();
        }
        if number.is_infinite() {
            let sign = if number < 0.0 { "-" } else { "" };
            return format!("{sign}{}", self.rng.pick(&[".inf", ".Inf", ".INF"]));
        }
        match self.rng.below(3) {
            // `{:?}` always has a point or an exponent.
            0 | 1 => format!("{number:?}"),
            _ => {
                let text = format!("{number:e}");
                let (mantissa, exponent) = text.split_once('e').unwrap();
                let point = if mantissa.contains('.') { "" } else { ".0" };
                let sign = if exponent.starts_with('-') { "" } else { "+" };
                format!("{mantissa}{point}e{sign}{exponent}")
            }
        }
    }

    fn flow(&mut self, node: &Node) -> String {
        let space = if self.rng.chance(50) { " " } else { "" };
        let entries = |writer: &mut Self, write: &dyn Fn(&mut Self, &str, &Node) -> String| -> String {
            let all: Vec<String> = node.entries().map(|(key, node)| write(writer, key, node)).collect();
            all.join(", ")
        };
        match node {
            Node::Map(_) => {
                let body = entries(self, &|writer, key, node| {
                    let (key, value) = (double_quoted(key), writer.flow(node));
                    format!("{key}: {value}")
                });
                format!("{{{space}{body}{space}}}")
            }
            Node::List(_) => {
                let body = entries(self, &|writer, _, node| writer.flow(node));
                format!("[{space}{body}{space}]")
            }
            Node::Text(text) => double_quoted(text),
            Node::Null => "null".to_owned(),
            Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Time(_) => {
                let text = self.scalar(node);
                if text.starts_with('!') { text.split(' ').next_back().unwrap().to_owned() } else { text }
            }
        }
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1f300}'..='\u{1f6ff}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// Certainly text when it stands bare.
fn is_safe(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | 'é' | '日' | '本' | '語');
    let inner = |c: char| word(c) || c.is_ascii_digit() || matches!(c, '.' | '/' | '-' | '@' | '(' | ')' | '+' | ';');
    let known = ["null", "true", "false", "Null", "NULL", "True", "TRUE", "False", "FALSE"];
    text.starts_with(word)
        && text.chars().all(|c| inner(c) || c == ' ')
        && !text.ends_with(' ')
        && !known.contains(&text)
}

pub(crate) fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
