//! YAML text to the document model: events with byte spans become nodes, comments find their container.
//!
//! Never interprets metadata and never shows input in an error.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};

use super::comments::Outline;
use super::resolve;
use super::scan::{MAX_DEPTH, block_body, block_header, place, range, scan, skip_trivia};
use crate::error::{ParseError, Place};
use crate::plain::Plain;
use crate::splice::line_start;
use crate::tree::{Child, Document, Entry, Kind, Layout, Node, Scalar, Tree, number_leaves, take_metadata};

const MAX_COPIES: usize = 100_000;

/// Reads all documents of a YAML file. `sops` entries are taken out of their documents.
pub(crate) fn parse(source: &str) -> Result<Tree, ParseError> {
    let (events, comments) = scan(source)?;
    let mut builder = Builder {
        source,
        events: &events,
        at: 0,
        cursor: 0,
        depth: 0,
        copies: 0,
        in_copy: 0,
        anchors: BTreeMap::new(),
        outline: Outline::default(),
        needs_rewriting: false,
    };
    let (mut roots, ends) = builder.documents()?;
    let Builder { mut outline, needs_rewriting, .. } = builder;
    for comment in comments {
        outline.place_comment(comment);
    }
    outline.insert_comments(&mut roots);
    let mut tree = Tree { documents: Vec::new(), leaves: 0, needs_rewriting };
    for (mut root, end) in roots.into_iter().zip(ends) {
        let sops = take_metadata(&mut root)?;
        tree.documents.push(Document { root, sops, end });
    }
    number_leaves(&mut tree);
    Ok(tree)
}

/// Where a container begins.
struct Opening {
    start: usize,
    place: Place,
}

struct Builder<'e, 's> {
    source: &'s str,
    events: &'e [(Event<'s>, Span)],
    at: usize,
    /// Behind the last token that belongs to a node.
    cursor: usize,
    depth: usize,
    copies: usize,
    in_copy: usize,
    /// Anchor to the event of its node.
    anchors: BTreeMap<usize, usize>,
    outline: Outline,
    needs_rewriting: bool,
}

impl<'e, 's> Builder<'e, 's> {
    fn next(&mut self) -> Result<&'e (Event<'s>, Span), ParseError> {
        let event = self.events.get(self.at);
        self.at += 1;
        event.ok_or(ParseError::at(Place { line: 1, column: 1 }, "the document ends too early"))
    }

    /// The roots, and where the text of each document ends.
    fn documents(&mut self) -> Result<(Vec<Node>, Vec<usize>), ParseError> {
        let (mut roots, mut ends) = (Vec::new(), Vec::new());
        while let Some((event, span)) = self.events.get(self.at) {
            self.at += 1;
            if let Event::DocumentStart(explicit, _) = event {
                let start = if *explicit { range(span).start } else { self.cursor };
                self.cursor = self.cursor.max(range(span).end);
                self.outline.begin_document(start);
                let root = self.value()?;
                roots.push(self.as_map(root)?);
                let end = self.events.get(self.at).map_or(self.source.len(), |(_, span)| range(span).start);
                ends.push(end);
            }
        }
        Ok((roots, ends))
    }

    /// A document is a map; a null document is an empty map (reference 10.2).
    fn as_map(&mut self, root: Node) -> Result<Node, ParseError> {
        match &root.kind {
            Kind::Map(_, layout) => {
                if *layout == Layout::Flow {
                    self.needs_rewriting = true;
                }
                Ok(root)
            }
            Kind::Scalar(scalar) if matches!(scalar.value, Plain::Null) => {
                self.needs_rewriting = true;
                self.outline.container(Layout::Block { column: 0 }, root.span.start, false);
                self.outline.close(root.span.end);
                Ok(Node { kind: Kind::Map(Vec::new(), Layout::Block { column: 0 }), ..root })
            }
            Kind::Scalar(_) | Kind::List(..) => Err(ParseError::at(root.place, "the top level must be a map")),
        }
    }

    fn value(&mut self) -> Result<Node, ParseError> {
        let (event, span) = self.next()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH * 2 {
            return Err(ParseError::at(place(span), "the nesting is too deep"));
        }
        if self.in_copy > 0 {
            self.copies += 1;
            if self.copies > MAX_COPIES {
                return Err(ParseError::at(place(span), "the aliases expand to too many nodes"));
            }
        }
        let node = self.node(event, span);
        self.depth -= 1;
        node
    }

    fn node(&mut self, event: &Event<'s>, span: &Span) -> Result<Node, ParseError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.anchor(*anchor);
                self.scalar(text, *style, tag.as_deref(), span)
            }
            Event::MappingStart(style, anchor, _) => {
                self.anchor(*anchor);
                self.map(*style, span)
            }
            Event::SequenceStart(style, anchor, _) => {
                self.anchor(*anchor);
                self.list(*style, span)
            }
            Event::Alias(id) => self.copy(*id, span),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | Event::Comment(..)
            | Event::SequenceEnd
            | Event::MappingEnd
            | _ => Err(ParseError::at(place(span), "a value is missing here")),
        }
    }

    fn anchor(&mut self, id: usize) {
        if id != 0 {
            self.anchors.insert(id, self.at - 1);
            self.needs_rewriting = true;
        }
    }

    fn copy(&mut self, id: usize, span: &Span) -> Result<Node, ParseError> {
        let start = *self.anchors.get(&id).ok_or(ParseError::at(place(span), "an alias without anchor"))?;
        self.needs_rewriting = true;
        let (back, cursor) = (self.at, range(span).end);
        self.at = start;
        self.in_copy += 1;
        let node = self.value()?;
        self.in_copy -= 1;
        self.at = back;
        self.cursor = cursor;
        Ok(Node { span: range(span), place: place(span), kind: node.kind })
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Result<Node, ParseError> {
        let core = tag.and_then(Tag::core_suffix);
        let value = match (core, style) {
            (Some(tag), _) => resolve::tagged(tag, text),
            (None, ScalarStyle::Plain) if tag.is_none() => {
                // The parser stands in `~` for a value that is not there; both mean null.
                resolve::plain(text)
            }
            (None, _) => Ok(Plain::text(text)),
        }
        .map_err(|what| ParseError::at(place(span), what))?;
        let (bytes, header) = self.token(style, span);
        Ok(Node { span: bytes, place: place(span), kind: Kind::Scalar(Scalar::new(value, header)) })
    }

    /// The bytes of a scalar with tag, anchor and block header, without the line break at the end; and where
    /// the block header is.
    fn token(&mut self, style: ScalarStyle, span: &Span) -> (Range<usize>, Option<usize>) {
        let content = range(span);
        if self.in_copy > 0 {
            return (content, None);
        }
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let tag = span.tag_start().and_then(|marker| marker.byte_offset());
        // A value that is not there stands right behind its colon or dash, not where the next token begins.
        let behind_mark = self.source[..self.cursor].ends_with([':', '-']);
        if content.is_empty() && behind_mark && skip_trivia(self.source, self.cursor, false) >= content.start {
            return (self.cursor..self.cursor, None);
        }
        let mut start = tag.filter(|at| *at >= self.cursor).unwrap_or(content.start);
        let (mut end, mut header) = (content.end, None);
        if block {
            let at = block_header(self.source, self.cursor, content.start);
            header = Some(at);
            start = start.min(at);
            end = at + block_body(&self.source[at..end.max(at)]).len();
        }
        // A comment between a tag and its value would be lost with the token.
        self.needs_rewriting |= self.source[start..header.unwrap_or(content.start).max(start)].contains('#');
        self.cursor = self.cursor.max(end);
        (start..end.max(start), header)
    }

    fn map(&mut self, style: StructureStyle, span: &Span) -> Result<Node, ParseError> {
        let (layout, opening) = self.open(style, span, false);
        let (mut children, mut keys) = (Vec::new(), BTreeSet::new());
        loop {
            if let Some((Event::MappingEnd, end)) = self.events.get(self.at) {
                let end = *end;
                self.at += 1;
                return Ok(self.close(Kind::Map(children, layout), opening, &end));
            }
            let start = self.entry_start(layout);
            let slot = (self.in_copy == 0).then(|| self.outline.entry(start));
            let (event, span) = self.next()?;
            let Event::Scalar(text, style, anchor, tag) = event else {
                return Err(ParseError::at(place(span), "a key must be text"));
            };
            self.anchor(*anchor);
            let key = self.key(text, *style, tag.as_deref(), span)?;
            let colon = skip_trivia(self.source, self.cursor, false);
            if self.in_copy == 0 && self.source[colon..].starts_with(':') {
                self.cursor = colon + 1;
            }
            if !keys.insert(key.clone()) {
                return Err(ParseError::at(place(span), "this key stands here for the second time"));
            }
            let start = if self.in_copy > 0 { range(span).start } else { start.min(range(span).start) };
            let node = self.entry_value(slot)?;
            children.push(Child::Entry(Entry { key: key.into_owned(), start, node }));
        }
    }

    fn key(
        &mut self,
        text: &'e str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<Cow<'e, str>, ParseError> {
        let refused = ParseError::at(place(span), "a key must be text; put it in quotes");
        self.cursor = self.cursor.max(range(span).end);
        let value = match tag.and_then(Tag::core_suffix) {
            Some("merge") => Ok(Plain::text(text)),
            Some(tag) => resolve::tagged(tag, text),
            None if style == ScalarStyle::Plain && tag.is_none() => resolve::plain(text),
            None => Ok(Plain::text(text)),
        };
        match value {
            Ok(Plain::Text(key)) if key.as_str() == text => Ok(Cow::Borrowed(text)),
            Ok(Plain::Text(key)) => Ok(Cow::Owned(key.to_string())),
            Ok(
                Plain::Null
                | Plain::Bool(_)
                | Plain::Int(_)
                | Plain::Float(_)
                | Plain::Time(_)
                | Plain::Bytes(_)
                | Plain::Comment(_),
            )
            | Err(_) => Err(refused),
        }
    }

    fn list(&mut self, style: StructureStyle, span: &Span) -> Result<Node, ParseError> {
        let (mut layout, opening) = self.open(style, span, true);
        let mut children = Vec::new();
        loop {
            if let Some((Event::SequenceEnd, end)) = self.events.get(self.at) {
                let end = *end;
                self.at += 1;
                return Ok(self.close(Kind::List(children, layout), opening, &end));
            }
            let start = self.entry_start(layout);
            if children.is_empty() && self.in_copy == 0 && layout != Layout::Flow {
                // The parser reports an unindented list behind its dash.
                let column = start - line_start(self.source, start);
                layout = Layout::Block { column };
                self.outline.set_column(column);
            }
            let slot = (self.in_copy == 0).then(|| self.outline.entry(start));
            if self.in_copy == 0 && layout != Layout::Flow {
                self.cursor = self.cursor.max(start + 1);
            }
            let node = self.entry_value(slot)?;
            children.push(Child::Entry(Entry { key: String::new(), start, node }));
        }
    }

    fn entry_value(&mut self, slot: Option<usize>) -> Result<Node, ParseError> {
        let is_copy = matches!(self.events.get(self.at), Some((Event::Alias(_), _)));
        let node = self.value()?;
        if let Some(slot) = slot.filter(|_| !is_copy && node.layout() == Some(Layout::Flow)) {
            self.outline.value_is_flow(slot);
        }
        if let Some(slot) = slot.filter(|_| node.scalar().is_some()) {
            if node.span.is_empty() {
                self.outline.value_is_empty(slot);
            } else {
                self.outline.scalar_ends(slot, node.span.end);
            }
        }
        Ok(node)
    }

    fn open(&mut self, style: StructureStyle, span: &Span, is_list: bool) -> (Layout, Opening) {
        let layout = match style {
            StructureStyle::Block => Layout::Block { column: span.start.col() },
            StructureStyle::Flow => Layout::Flow,
        };
        let copy = self.in_copy > 0;
        let tag = span.tag_start().and_then(|marker| marker.byte_offset());
        let start = tag.unwrap_or(range(span).start);
        if let Some(tag) = span.tag_span().filter(|_| !copy) {
            self.cursor = self.cursor.max(range(&tag).end);
        }
        self.outline.container(layout, range(span).start, is_list);
        if layout == Layout::Flow && !copy {
            self.cursor = range(span).end;
        }
        let place = span.tag_span().map_or_else(|| place(span), |tag| place(&tag));
        (layout, Opening { start, place })
    }

    fn close(&mut self, kind: Kind, opening: Opening, end: &Span) -> Node {
        let flow = matches!(kind, Kind::Map(_, Layout::Flow) | Kind::List(_, Layout::Flow));
        if flow && self.in_copy == 0 {
            self.cursor = range(end).end;
        }
        self.outline.close(self.cursor);
        Node { span: opening.start..self.cursor.max(opening.start), place: opening.place, kind }
    }

    /// Where the next entry begins: at its key, tag, question mark or dash.
    fn entry_start(&mut self, layout: Layout) -> usize {
        let comma = layout == Layout::Flow;
        skip_trivia(self.source, self.cursor, comma)
    }
}
