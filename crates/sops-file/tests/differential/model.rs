//! What a generated document holds, known without reading it: the judge between both programs.
//!
//! Never read from a file and never written by the library under test.

use sops_file::{Format, KeyPath, Plain, Step};

/// A value with all that is below it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// As RFC 3339, the way it is sealed; how it is spelt is up to the writer.
    Time(&'static str),
    Text(String),
    Map(Vec<Child>),
    List(Vec<Child>),
}

/// What stands in a map or list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Child {
    /// On a line of its own; every comment text occurs once in a document.
    Comment(String),
    /// The key is empty in a list. The comment stands behind the value.
    Entry { key: String, node: Node, inline: Option<String> },
}

/// The values `Node::Time` is made of: how they are sealed, and spellings that mean them.
pub(crate) const TIMES: [(&str, &[&str]); 4] = [
    ("2020-01-02T00:00:00Z", &["2020-01-02", "2020-1-2", "2020-01-02T00:00:00Z"]),
    ("2001-12-14T21:59:43.1-05:00", &["2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"]),
    ("1999-12-31T23:59:59.123Z", &["1999-12-31 23:59:59.123", "1999-12-31T23:59:59.123Z"]),
    ("2024-02-29T12:00:00+02:00", &["2024-02-29T12:00:00+02:00"]),
];

/// A generated file.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) format: Format,
    /// Top-level maps; more than one in YAML only. A binary file is one text that stands for its bytes.
    pub(crate) documents: Vec<Node>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) setting: Option<(&'static str, &'static str)>,
    pub(crate) mac_only_encrypted: bool,
}

/// One scalar as both programs must see it: document, path, value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) document: usize,
    pub(crate) path: String,
    pub(crate) value: String,
}

/// Integers and floats of equal text are the same: a float that stands in the clear is printed without its `.0`.
fn tagged(kind: &str, text: &str) -> String {
    let kind = match kind {
        "integer" | "number" => "number",
        other => other,
    };
    // The same number has one text, but for the zero below zero, which the clear text of an integer does not have.
    let text = if kind == "number" && text == "-0" { "0" } else { text };
    format!("{kind} {text:?}")
}

impl Seen {
    pub(crate) fn opened(document: usize, path: &KeyPath, value: &Plain) -> Self {
        let text = String::from_utf8_lossy(&value.bytes()).into_owned();
        Self { document, path: path.to_string(), value: tagged(value.kind_name(), &text) }
    }
}

impl Node {
    pub(crate) fn children(&self) -> &[Child] {
        match self {
            Self::Map(children) | Self::List(children) => children,
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Time(_) | Self::Text(_) => &[],
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.children().iter().filter_map(|child| match child {
            Child::Entry { key, node, .. } => Some((key.as_str(), node)),
            Child::Comment(_) => None,
        })
    }

    pub(crate) fn is_container(&self) -> bool {
        matches!(self, Self::Map(_) | Self::List(_))
    }

    fn seen(&self, document: usize, path: &KeyPath, all: &mut Vec<Seen>) {
        let (kind, text) = match self {
            Self::Null => ("null", String::new()),
            Self::Bool(true) => ("boolean", "True".to_owned()),
            Self::Bool(false) => ("boolean", "False".to_owned()),
            Self::Int(number) => ("integer", number.to_string()),
            Self::Float(number) => ("number", float_text(*number)),
            Self::Time(text) => ("time", (*text).to_owned()),
            Self::Text(text) => ("text", text.clone()),
            Self::Map(_) => {
                for (key, node) in self.entries() {
                    node.seen(document, &path.key(key), all);
                }
                return;
            }
            Self::List(_) => {
                for (index, (_, node)) in self.entries().enumerate() {
                    node.seen(document, &path.index(index), all);
                }
                return;
            }
        };
        all.push(Seen { document, path: path.to_string(), value: tagged(kind, &text) });
    }

    /// All comments at and below this node.
    pub(crate) fn comments<'n>(&'n self, all: &mut Vec<&'n str>) {
        for child in self.children() {
            match child {
                Child::Comment(text) => all.push(text),
                Child::Entry { node, inline, .. } => {
                    all.extend(inline.as_deref());
                    node.comments(all);
                }
            }
        }
    }

    /// The node under these steps; list positions count entries only.
    pub(crate) fn at(&self, steps: &[Step]) -> Option<&Node> {
        let Some((step, below)) = steps.split_first() else { return Some(self) };
        let next = match (self, step) {
            (Self::Map(_), Step::Key(key)) => self.entries().find(|(name, _)| name == key),
            (Self::List(_), Step::Index(index)) => self.entries().nth(*index),
            _ => None,
        };
        next?.1.at(below)
    }

    /// The children of the container under these steps.
    fn children_at(&mut self, steps: &[Step]) -> &mut Vec<Child> {
        let (Self::Map(children) | Self::List(children)) = self else { panic!("a path through a scalar") };
        let Some((step, below)) = steps.split_first() else { return children };
        let position = position(children, step).expect("the path was taken from the model");
        let Child::Entry { node, .. } = &mut children[position] else { unreachable!() };
        node.children_at(below)
    }

    /// Stores a value; the container is there, the last step may be new.
    pub(crate) fn set(&mut self, steps: &[Step], value: Node) {
        let (last, above) = steps.split_last().unwrap();
        let children = self.children_at(above);
        match position(children, last) {
            Some(position) => {
                let Child::Entry { node, .. } = &mut children[position] else { unreachable!() };
                *node = value;
            }
            None => {
                let key = if let Step::Key(key) = last { key.clone() } else { String::new() };
                children.push(Child::Entry { key, node: value, inline: None });
            }
        }
    }

    /// Takes an entry out.
    pub(crate) fn unset(&mut self, steps: &[Step]) {
        let (last, above) = steps.split_last().unwrap();
        let children = self.children_at(above);
        let position = position(children, last).unwrap();
        children.remove(position);
    }
}

fn position(children: &[Child], step: &Step) -> Option<usize> {
    let mut index = 0;
    children.iter().position(|child| match (child, step) {
        (Child::Comment(_), _) => false,
        (Child::Entry { key, .. }, Step::Key(name)) => key == name,
        (Child::Entry { .. }, Step::Index(wanted)) => {
            index += 1;
            index == wanted + 1
        }
    })
}

impl Case {
    /// What both programs must find in it.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let mut all = Vec::new();
        for (number, document) in self.documents.iter().enumerate() {
            document.seen(number, &KeyPath::root(), &mut all);
        }
        all
    }

    pub(crate) fn comments(&self) -> Vec<&str> {
        let mut all = Vec::new();
        self.documents.iter().for_each(|document| document.comments(&mut all));
        all
    }
}

/// Shortest digits that read back, without exponent (as the description of the format has it).
pub(crate) fn float_text(number: f64) -> String {
    match number {
        n if n == f64::INFINITY => "+Inf".to_owned(),
        n if n == f64::NEG_INFINITY => "-Inf".to_owned(),
        n => n.to_string(),
    }
}
