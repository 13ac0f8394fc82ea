//! YAML text as a tree whose every node knows its place.
//!
//! Reads one document with bounded size, depth and growth through aliases. Duplicate keys stay in the tree, so that all of them
//! can be reported; tags, merge keys and further documents are refused. Nothing here knows what a policy is.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span, options};

use super::diagnostic::{Code, Diagnostic, Place};

/// Largest text, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting, aliases included.
const MAX_DEPTH: u32 = 32;
/// Most nodes, each use of an alias counted in full.
const MAX_NODES: u64 = 200_000;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    depth: u32,
    weight: u64,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar { text: String, plain: bool },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// Whether this says "nothing": an empty or `null` plain scalar.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// The one fault that ended the reading.
type Fault = Box<Diagnostic>;

/// A collection that is still being read.
struct Open {
    list: bool,
    children: Vec<Rc<Node>>,
    place: Place,
    anchor: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    started: bool,
    root: Option<Rc<Node>>,
    nodes: u64,
}

/// Reads the one document of a text.
pub(crate) fn read(text: &str) -> Result<Rc<Node>, Fault> {
    if text.len() > MAX_BYTES {
        let message = format!("the policy is {} bytes long, more than {MAX_BYTES}", text.len());
        return Err(fault(Code::TooLarge, message, None, "split it by repository, or use broader patterns"));
    }
    let options = options! { emit_comments: false, disallow_directives: true };
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| {
            let mark = error.marker();
            let place = Place { line: mark.line().max(1), column: mark.col() + 1, length: 1 };
            let message = format!("this is not valid YAML: {}", error.kind());
            fault(Code::Syntax, message, Some(place), "nothing after this place was read: repair it, then check again")
        })?;
        builder.take(event, &span)?;
    }
    builder
        .root
        .ok_or_else(|| fault(Code::Syntax, "the policy is empty", None, "`countersign init` writes a first one"))
}

fn fault(code: Code, message: impl Into<String>, place: Option<Place>, help: &str) -> Fault {
    let fault = Diagnostic::error(code, message).help(help);
    Box::new(match place {
        Some(place) => fault.at(place),
        None => fault,
    })
}

impl Builder {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser may grow events; what carries no value is passed over"
    )]
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let refuse =
            |message: &str, span: &Span, help: &str| Err(fault(Code::Syntax, message, Some(place_of(span)), help));
        if event.tag().is_some() {
            let tag = span.tag_span().unwrap_or(*span);
            return refuse(
                "a tag has no place in a policy",
                &tag,
                "leave the tag out: each field takes one kind of value",
            );
        }
        match event {
            Event::DocumentStart(..) if self.started => {
                refuse("a second YAML document begins here", span, "keep the whole policy in one document")
            }
            Event::DocumentStart(..) => {
                self.started = true;
                Ok(())
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(target) => self.push(target, place_of(span)),
                None => refuse("this alias names a value that contains it", span, "write the value out"),
            },
            Event::Scalar(text, style, anchor, _) => {
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(kind, place_of(span), anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(true, span, anchor),
            Event::MappingStart(_, anchor, _) => self.begin(false, span, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, list: bool, span: &Span, anchor: usize) -> Result<(), Fault> {
        let place = place_of(span);
        if self.open.len() as u32 >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.open.push(Open { list, children: Vec::new(), place, anchor });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let kind = if open.list {
            Kind::List(open.children)
        } else {
            let mut pairs = Vec::with_capacity(open.children.len() / 2);
            let mut children = open.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                pairs.push((key, value));
            }
            Kind::Map(pairs)
        };
        self.add(kind, open.place, open.anchor)
    }

    fn add(&mut self, kind: Kind, place: Place, anchor: usize) -> Result<(), Fault> {
        let (depth, weight) = match &kind {
            Kind::Scalar { .. } => (0, 1),
            Kind::List(items) => measure(items.iter()),
            Kind::Map(pairs) => measure(pairs.iter().flat_map(|(key, value)| [key, value])),
        };
        self.nodes += 1;
        let node = Rc::new(Node { kind, place, depth, weight });
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.push(node, place)
    }

    fn push(&mut self, node: Rc<Node>, place: Place) -> Result<(), Fault> {
        if node.depth + self.open.len() as u32 > MAX_DEPTH {
            return Err(too_deep(place));
        }
        if node.weight > MAX_NODES || self.nodes > MAX_NODES {
            let message = format!("the policy holds more than {MAX_NODES} values");
            return Err(fault(Code::TooLarge, message, Some(place), "use fewer aliases, or broader patterns"));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn measure<'n>(children: impl Iterator<Item = &'n Rc<Node>>) -> (u32, u64) {
    children.fold((1, 1), |(depth, weight), child| (depth.max(child.depth + 1), weight.saturating_add(child.weight)))
}

fn too_deep(place: Place) -> Fault {
    let message = format!("values are nested more than {MAX_DEPTH} deep");
    fault(Code::TooLarge, message, Some(place), "a policy is nested eight deep at most: check indentation and brackets")
}

/// Where a span begins and how far it runs on its first line.
fn place_of(span: &Span) -> Place {
    let (start, end) = (&span.start, &span.end);
    let length = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Place { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
}
