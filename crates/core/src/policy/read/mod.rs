//! From a tree of values to typed shapes, collecting every fault on the way.
//!
//! A shape is declared once with `shape!` or `words!`: the same declaration gives the Rust type, the reader, the list of known
//! fields with their help, and the JSON Schema. Reading never stops at the first fault: what could not be read becomes
//! [`Field::Faulty`], and the rest is still looked at.

mod shape;

use std::collections::BTreeMap;

use super::diagnostic::{Code, Diagnostic, Place, shown};
use super::tree::{Kind, Node};
pub(super) use shape::{shape, words};

/// Most faults reported for one text.
const MAX_FAULTS: usize = 500;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Diagnostic>,
    more: usize,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Diagnostic) {
        if self.list.len() < MAX_FAULTS {
            self.list.push(fault);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are: the same before and after means that what lay between is fine.
    pub(super) fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// All of them, in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|fault| (fault.place, fault.code));
        if self.more > 0 {
            self.list.push(Diagnostic::error(Code::TooLarge, format!("{} more faults are not listed", self.more)));
        }
        self.list
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What became of one field.
#[derive(Debug, Default)]
pub(super) enum Field<T> {
    /// Not written.
    #[default]
    Absent,
    /// Written, but unreadable (reported).
    Faulty,
    /// Written: place of the key, and the value.
    Given(Place, Located<T>),
}

impl<T> Field<T> {
    pub(super) fn given(&self) -> Option<&Located<T>> {
        match self {
            Self::Given(_, value) => Some(value),
            Self::Absent | Self::Faulty => None,
        }
    }

    pub(super) fn key(&self) -> Option<Place> {
        match self {
            Self::Given(key, _) => Some(*key),
            Self::Absent | Self::Faulty => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn is_faulty(&self) -> bool {
        matches!(self, Self::Faulty)
    }
}

/// A list; `broken` when some item could not be read.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) items: Vec<Located<T>>,
    pub(super) broken: bool,
}

/// A mapping with free keys; `broken` when some entry could not be read.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) entries: Vec<(Located<String>, Located<T>)>,
    pub(super) broken: bool,
}

/// A type that can be read from a node.
pub(super) trait FromNode: Sized {
    /// Reads the node; `None` after reporting why not.
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self>;
}

fn wrong_kind<T>(node: &Node, expected: &str, help: &str, faults: &mut Faults) -> Option<T> {
    let found = match &node.kind {
        _ if node.is_null() => "nothing".to_owned(),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a mapping".to_owned(),
        Kind::Scalar { text, plain: false } => format!("the text `{}`", shown(text)),
        Kind::Scalar { text, plain: true } => match plain_kind(text) {
            Some(kind) => format!("the {kind} `{}`", shown(text)),
            None => format!("the text `{}`", shown(text)),
        },
    };
    faults.push(
        Diagnostic::error(Code::WrongKind, format!("expected {expected}, found {found}")).at(node.place).help(help),
    );
    None
}

/// What a plain scalar is, when YAML's core schema does not read it as text.
fn plain_kind(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "true" | "false") {
        return Some("switch");
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
    let based = digits.starts_with("0x") || digits.starts_with("0o");
    (number || based || matches!(lower.as_str(), ".inf" | "-.inf" | ".nan")).then_some("number")
}

impl FromNode for String {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, plain } if !node.is_null() && (!plain || plain_kind(text).is_none()) => {
                Some(text.clone())
            }
            Kind::Scalar { text, plain: true } if !node.is_null() => {
                wrong_kind(node, "text", &format!("put it in quotes: \"{}\"", shown(text)), faults)
            }
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
                wrong_kind(node, "text", "write one word or one quoted text", faults)
            }
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "True" | "TRUE") => Some(true),
            Kind::Scalar { text, plain: true } if matches!(text.as_str(), "false" | "False" | "FALSE") => Some(false),
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
                wrong_kind(node, "`true` or `false`", "write `true` or `false`, without quotes", faults)
            }
        }
    }
}

impl FromNode for u64 {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, plain: true } if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                match text.parse() {
                    Ok(number) => Some(number),
                    Err(_) => wrong_kind(node, "a whole number", "write a whole number, digits only", faults),
                }
            }
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
                wrong_kind(node, "a whole number", "write a whole number, digits only", faults)
            }
        }
    }
}

impl<T: FromNode> FromNode for Located<T> {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        T::from_node(node, faults).map(|value| Self { value, place: node.place })
    }
}

impl<T: FromNode> FromNode for List<T> {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        let Kind::List(nodes) = &node.kind else {
            return wrong_kind(node, "a list", "write `[one, two]`, or one item a line after `- `", faults);
        };
        let items: Vec<_> = nodes.iter().filter_map(|item| Located::from_node(item, faults)).collect();
        Some(Self { broken: items.len() < nodes.len(), items })
    }
}

impl<T: FromNode> FromNode for Table<T> {
    fn from_node(node: &Node, faults: &mut Faults) -> Option<Self> {
        let pairs = pairs(node, faults)?;
        let mut entries = Vec::new();
        let mut broken = false;
        for (key, value) in pairs {
            match Located::from_node(value, faults) {
                Some(value) => entries.push((key, value)),
                None => broken = true,
            }
        }
        Some(Self { entries, broken })
    }
}

/// The entries of a mapping, each key once; a repeated or unreadable key is reported and left out.
pub(super) fn pairs<'n>(node: &'n Node, faults: &mut Faults) -> Option<Vec<(Located<String>, &'n Node)>> {
    let Kind::Map(pairs) = &node.kind else {
        return wrong_kind(node, "a mapping", "write fields as `name: value`, indented by two spaces", faults);
    };
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    let mut read = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let name = match &key.kind {
            Kind::Scalar { text, plain: true } if text == "<<" => {
                faults.push(
                    Diagnostic::error(Code::Syntax, "merge keys are not read")
                        .at(key.place)
                        .help("repeat the fields, or give a whole value by an alias"),
                );
                continue;
            }
            Kind::Scalar { text, .. } => text,
            Kind::List(_) | Kind::Map(_) => {
                let _: Option<()> = wrong_kind(key, "the name of a field", "a key is one word", faults);
                continue;
            }
        };
        if let Some(earlier) = first.get(name.as_str()) {
            faults.push(
                Diagnostic::error(Code::DuplicateKey, format!("`{}` is given twice", shown(name)))
                    .at(key.place)
                    .label(format!("already given in line {}", earlier.line))
                    .help("keep one of the two: neither would silently win"),
            );
            continue;
        }
        first.insert(name, key.place);
        read.push((Located { value: name.clone(), place: key.place }, value.as_ref()));
    }
    Some(read)
}

/// One known field: its name and what it is for.
pub(super) type KnownField = (&'static str, &'static [&'static str]);

/// The fields of one mapping, taken out one by one; what is left over at the end is unknown.
pub(super) struct Fields<'n> {
    place: Place,
    pairs: Vec<(Located<String>, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(super) fn of(node: &'n Node, faults: &mut Faults) -> Option<Self> {
        Some(Self { place: node.place, pairs: pairs(node, faults)? })
    }

    pub(super) fn optional<T: FromNode>(&mut self, name: &str, faults: &mut Faults) -> Field<T> {
        let Some(at) = self.pairs.iter().position(|(key, _)| key.value == name) else { return Field::Absent };
        let (key, node) = self.pairs.remove(at);
        match Located::from_node(node, faults) {
            Some(value) => Field::Given(key.place, value),
            None => Field::Faulty,
        }
    }

    pub(super) fn required<T: FromNode>(&mut self, known: KnownField, faults: &mut Faults) -> Field<T> {
        let (name, docs) = (field_name(known.0), known.1);
        let field = self.optional(name, faults);
        if field.is_absent() {
            faults.push(
                Diagnostic::error(Code::MissingField, format!("`{name}` is missing"))
                    .at(Place { length: 1, ..self.place })
                    .help(describe(name, docs)),
            );
            return Field::Faulty;
        }
        field
    }

    pub(super) fn end(self, known: &[KnownField], faults: &mut Faults) {
        for (key, _) in self.pairs {
            faults.push(unknown_field(&key, known));
        }
    }
}

/// The name of a field as it is written in the file.
pub(super) fn field_name(ident: &'static str) -> &'static str {
    ident.strip_prefix("r#").unwrap_or(ident)
}

fn describe(name: &str, docs: &[&str]) -> String {
    let text = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_lowercase().collect()).unwrap_or_default();
    format!("`{name}` is {first}{}", chars.as_str().trim_end_matches('.'))
}

fn unknown_field(key: &Located<String>, known: &[KnownField]) -> Diagnostic {
    let fault = Diagnostic::error(Code::UnknownField, format!("unknown field `{}`", shown(&key.value))).at(key.place);
    let names = known.iter().map(|(ident, docs)| (field_name(ident), *docs));
    match names
        .clone()
        .find(|(name, _)| Some(*name) == nearest(&key.value, known.iter().map(|(ident, _)| field_name(ident))))
    {
        Some((name, docs)) => fault.label(format!("did you mean `{name}`?")).help(describe(name, docs)).fix(name),
        None => {
            let list: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
            fault.help(format!("the fields here are {}", list.join(", ")))
        }
    }
}

/// The name a mistyped one was most likely meant to be.
pub(super) fn nearest<'c>(typed: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase().replace('-', "_");
    let limit = (typed.chars().count() / 3).max(1);
    candidates
        .map(|name| (strsim::damerau_levenshtein(&typed, &name.replace('-', "_")), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Reports a word that a field does not take.
pub(super) fn unknown_word(text: &str, place: Place, words: &[&str], faults: &mut Faults) {
    let list: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let fault = Diagnostic::error(Code::UnknownWord, format!("unknown word `{}`", shown(text)))
        .at(place)
        .help(format!("write {}", list.join(" or ")));
    faults.push(match nearest(text, words.iter().copied()) {
        Some(word) => fault.label(format!("did you mean `{word}`?")),
        None => fault,
    });
}
