//! INI text to the document model: a map of sections, each a map of keys.
//!
//! Never merges keys of one name: sops keeps the last one without a word, here they are refused.

use std::collections::BTreeSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{DEFAULT, value};
use crate::envelope::Envelope;
use crate::error::{ParseError, Place};
use crate::flat;
use crate::plain::Plain;
use crate::splice::line_start;
use crate::tree::{Child, Comment, Document, Entry, Kind, Layout, Node, Scalar, Tree, number_leaves};

/// Reads sections, keys and comments; the section `sops` becomes the metadata.
pub(crate) fn parse(source: &str) -> Result<Tree, ParseError> {
    let mut reader = Reader { source, at: 0, line: 1, pending: Vec::new(), sections: Vec::new() };
    if source.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    reader.sections.push(Section::new(DEFAULT.to_owned(), reader.at..reader.at, 1));
    while reader.at < source.len() {
        reader.line()?;
    }
    reader.close_section(source.len());
    reader.finish()
}

struct Section {
    name: String,
    start: usize,
    end: usize,
    place: Place,
    children: Vec<Child>,
    keys: BTreeSet<String>,
}

impl Section {
    fn new(name: String, header: Range<usize>, line: usize) -> Self {
        let place = Place { line, column: 1 };
        Self { name, start: header.start, end: header.end, place, children: Vec::new(), keys: BTreeSet::new() }
    }
}

#[derive(Clone)]
struct Piece {
    span: Range<usize>,
    line: usize,
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
    line: usize,
    /// Comments that wait for the key or section below them: marker to end of line, and the line of each.
    pending: Vec<Piece>,
    sections: Vec<Section>,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        Place { line: self.line, column: 1 }
    }

    fn go_to(&mut self, next: usize) {
        self.line += self.source[self.at..next].matches('\n').count();
        self.at = next;
    }

    fn line(&mut self) -> Result<(), ParseError> {
        let (end, next) = value::line(self.source, self.at);
        let text = self.source[self.at..end].trim_end();
        let start = self.at + text.len() - text.trim_start().len();
        match self.source.as_bytes().get(start).filter(|_| start < self.at + text.len()) {
            None => {}
            Some(b'#' | b';') => {
                self.pending.push(Piece { span: start..self.at + text.len(), line: self.line });
            }
            Some(b'[') => self.section(start, self.at + text.len())?,
            Some(_) => return self.key(start),
        }
        self.go_to(next);
        Ok(())
    }

    /// `[name]`; the last bracket of the line closes it, as in the library of sops.
    fn section(&mut self, start: usize, end: usize) -> Result<(), ParseError> {
        let text = &self.source[start..end];
        let close = text.rfind(']').ok_or(ParseError::at(self.place(), "a section without `]`"))?;
        let name = &text[1..close];
        if name.is_empty() {
            return Err(ParseError::at(self.place(), "a section without a name"));
        }
        let line = line_start(self.source, start);
        let comments = self.pending.first().filter(|_| name != "sops");
        self.close_section(comments.map_or(line, |comment| line_start(self.source, comment.span.start)));
        if name == "sops" {
            // Comments above the metadata belong to what stands before them: sops would drop them.
            let comments = std::mem::take(&mut self.pending);
            self.comment(comments, None);
        }
        self.sections.push(Section::new(name.to_owned(), start..end, self.line));
        let mut comments = std::mem::take(&mut self.pending);
        let behind = text[close + 1..].find(['#', ';']).map(|at| start + close + 1 + at..end);
        let above = behind.is_some().then_some(line);
        comments.extend(behind.map(|span| Piece { span, line: self.line }));
        self.comment(comments, above);
        Ok(())
    }

    fn close_section(&mut self, end: usize) {
        if let Some(section) = self.sections.last_mut() {
            section.end = end;
        }
    }

    fn key(&mut self, start: usize) -> Result<(), ParseError> {
        let fault = |what| ParseError::at(self.place(), what);
        let (key, behind) = value::key(self.source, start).map_err(fault)?;
        let found = value::value(self.source, behind).map_err(fault)?;
        let place = Place { line: self.line, column: self.source[line_start(self.source, start)..start].len() + 1 };
        let in_metadata = self.sections.last().is_some_and(|section| section.name == "sops");
        let text = if in_metadata { found.value.replace("\\n", "\n") } else { found.value };
        let node = Node { span: found.span, place, kind: Kind::Scalar(Scalar::new(Plain::text(text), None)) };
        let Some(section) = self.sections.last_mut() else { return Ok(()) };
        if !section.keys.insert(key.clone()) {
            return Err(ParseError::at(place, "this key stands in its section for the second time"));
        }
        section.children.push(Child::Entry(Entry { key, start, node }));
        let mut comments = std::mem::take(&mut self.pending);
        comments.extend(found.comment.map(|span| Piece { span, line: self.line }));
        self.comment(comments, None);
        self.go_to(found.next);
        Ok(())
    }

    /// Adds one comment made of all these pieces to the current section. Its place is that of the first piece, or
    /// `above` if it has none of its own line.
    fn comment(&mut self, pieces: Vec<Piece>, above: Option<usize>) {
        let Some(first) = pieces.first().cloned() else { return };
        let spans: Vec<_> = pieces.into_iter().map(|piece| piece.span).collect();
        let text = text(self.source, &spans);
        let envelope = Envelope::parse(&text).ok();
        let column = first.span.start - line_start(self.source, first.span.start) + 1;
        let place = Place { line: first.line, column };
        let (span, rest) = match above.filter(|_| spans.len() == 1) {
            Some(above) => (above..above, spans),
            None => (first.span, spans[1..].to_vec()),
        };
        if let Some(section) = self.sections.last_mut() {
            section.children.push(Child::Comment(Comment { leaf: 0, text, envelope, span, rest, place }));
        }
    }

    fn finish(mut self) -> Result<Tree, ParseError> {
        let comments = std::mem::take(&mut self.pending);
        if let Some(last) = self.sections.iter().rposition(|section| section.name != "sops") {
            // Comments at the end would be dropped by sops; here they stay with the last section.
            let metadata = self.sections.split_off(last + 1);
            if metadata.is_empty() {
                self.comment(comments, None);
            }
            self.sections.extend(metadata);
        }
        let (mut entries, mut sops) = (Vec::new(), None);
        for section in self.sections {
            if section.name == "sops" {
                if sops.is_some() {
                    return Err(ParseError::at(section.place, "a second section `sops`"));
                }
                sops = Some(metadata(section)?);
            } else if section.name != DEFAULT || !entries.is_empty() || !section.children.is_empty() {
                entries.push(Child::Entry(entry(section, Layout::Section)));
            }
        }
        let place = Place { line: 1, column: 1 };
        let root = Node { span: 0..self.source.len(), place, kind: Kind::Map(entries, Layout::Sections) };
        let document = Document { root, sops, end: self.source.len() };
        let mut tree = Tree { documents: vec![document], leaves: 0, needs_rewriting: false };
        number_leaves(&mut tree);
        Ok(tree)
    }
}

fn entry(section: Section, layout: Layout) -> Entry {
    let node =
        Node { span: section.start..section.end, place: section.place, kind: Kind::Map(section.children, layout) };
    Entry { key: section.name, start: section.start, node }
}

fn metadata(section: Section) -> Result<Entry, ParseError> {
    let (start, end, place) = (section.start, section.end, section.place);
    let (mut lines, mut comments) = (Vec::new(), Vec::new());
    for child in section.children {
        match child {
            Child::Entry(entry) => lines.push((entry.key, entry.start, entry.node)),
            Child::Comment(_) => comments.push(child),
        }
    }
    let mut node = flat::unflatten(lines, Layout::Metadata)?;
    if let Kind::Map(children, _) = &mut node.kind {
        children.extend(comments);
    }
    Ok(Entry { key: "sops".to_owned(), start, node: Node { span: start..end, place, kind: node.kind } })
}

/// The text of a comment as sops takes it: all lines as one, the first marker removed (reference 13.3).
fn text(source: &str, pieces: &[Range<usize>]) -> Zeroizing<String> {
    let whole = Zeroizing::new(pieces.iter().map(|piece| &source[piece.clone()]).collect::<Vec<_>>().join("\n"));
    let stripped = match whole.chars().next() {
        Some(marker @ (';' | '#')) => whole.trim_start_matches([marker, ' ']),
        Some(_) | None => whole.as_str(),
    };
    // Sops cannot print a comment whose first line is empty.
    let stripped = if stripped.starts_with('\n') { whole.as_str() } else { stripped };
    Zeroizing::new(stripped.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::parse;
    use crate::tree::Child;

    fn show(text: &str) -> Vec<String> {
        let tree = parse(text).unwrap();
        let mut lines = Vec::new();
        for section in tree.documents[0].root.entries() {
            lines.push(format!("[{}]", section.key));
            lines.extend(section.node.children().iter().map(|child| match child {
                Child::Comment(comment) => format!("#{}", comment.text.as_str()),
                Child::Entry(entry) => {
                    format!("{}={}", entry.key, entry.node.scalar().unwrap().value.as_text().unwrap())
                }
            }));
        }
        lines
    }

    #[test]
    fn sections_keys_and_comments_come_in_the_order_of_sops() {
        let text = "; top\nroot=1\n\n[sec] # beside\n; c1\n# c2\na = one ; more\nb:x\n\n# about\n[sec2]\n; free\n";
        let want = [
            "[DEFAULT]",
            "root=1",
            "#top",
            "[sec]",
            "#beside",
            "a=one",
            "#c1\n# c2\n; more",
            "b=x",
            "[sec2]",
            "#about",
            "#free",
        ];
        assert_eq!(show(text), want);
        assert_eq!(show("\u{feff}[a]\r\nb = c\r\n"), ["[a]", "b=c"]);
        assert_eq!(show("[a]\nx=1\n[a]\nx=2\n"), ["[a]", "x=1", "[a]", "x=2"]);
        assert!(show("").is_empty());
    }

    #[test]
    fn comments_above_the_metadata_stay_with_the_section_before() {
        let text = "[a]\nb=c\n; last\n[sops]\n; ignored\nversion = 3\nage__list_0__map_enc = x\\ny\n; ignored, too\n";
        assert_eq!(show(text), ["[a]", "b=c", "#last"]);
        let tree = parse(text).unwrap();
        let sops = &tree.documents[0].sops.as_ref().unwrap().node;
        let first = sops.get("age").unwrap().node.entries().next().unwrap();
        assert_eq!(first.node.get("enc").unwrap().node.scalar().unwrap().value.as_text(), Some("x\ny"));
    }

    #[test]
    fn what_is_not_ini_or_would_be_lost_is_refused() {
        for text in
            ["[a\n", "[]\n", "word\n", "=x\n", "- = x\n", "a=1\na=2\n", "[sops]\na=1\n[sops]\nb=1\n", "a = `x\n"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
