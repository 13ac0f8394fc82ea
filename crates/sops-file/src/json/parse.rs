//! JSON text to the document model.
//!
//! Never merges duplicate keys and never shows input in an error.

use crate::error::{ParseError, Place};
use crate::plain::Plain;
use crate::tree::{Child, Document, Entry, Kind, Layout, Node, Scalar, Tree, number_leaves, take_metadata};

const MAX_DEPTH: usize = 200;

/// Reads the first value, which must be an object; text behind it is ignored, as sops does.
pub(crate) fn parse(source: &str) -> Result<Tree, ParseError> {
    let mut reader = Reader { source, at: 0, depth: 0, known: (0, Place { line: 1, column: 1 }) };
    reader.space();
    if reader.at == source.len() {
        return Ok(Tree { documents: Vec::new(), leaves: 0, needs_rewriting: false });
    }
    if reader.peek() != Some(b'{') {
        return Err(reader.fault("the top level must be an object"));
    }
    let mut root = reader.value()?;
    let sops = take_metadata(&mut root)?;
    let end = root.span.end;
    let mut tree = Tree { documents: vec![Document { root, sops, end }], leaves: 0, needs_rewriting: false };
    number_leaves(&mut tree);
    Ok(tree)
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
    /// An offset whose place is known; places are counted on from there.
    known: (usize, Place),
}

impl Reader<'_> {
    fn fault(&self, what: &'static str) -> ParseError {
        ParseError::at(self.place(), what)
    }

    fn place(&self) -> Place {
        let (from, mut place) = self.known;
        for c in self.source.get(from..self.at).unwrap_or_default().chars() {
            place.column += 1;
            if c == '\n' {
                place = Place { line: place.line + 1, column: 1 };
            }
        }
        place
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), ParseError> {
        self.space();
        if self.peek() != Some(byte) {
            return Err(self.fault(what));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<Node, ParseError> {
        self.space();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("the nesting is too deep"));
        }
        let start = self.at;
        let place = self.place();
        self.known = (start, place);
        let kind = match self.peek() {
            Some(b'{') => self.container(true)?,
            Some(b'[') => self.container(false)?,
            Some(b'"') => Kind::Scalar(Scalar::new(Plain::text(self.string()?), None)),
            Some(b'-' | b'0'..=b'9') => Kind::Scalar(Scalar::new(self.number()?, None)),
            _ => Kind::Scalar(Scalar::new(self.word()?, None)),
        };
        self.depth -= 1;
        Ok(Node { span: start..self.at, place, kind })
    }

    fn container(&mut self, is_map: bool) -> Result<Kind, ParseError> {
        let (mut children, closing) = (Vec::new(), if is_map { b'}' } else { b']' });
        self.at += 1;
        self.space();
        if self.peek() == Some(closing) {
            self.at += 1;
        } else {
            loop {
                self.space();
                let start = self.at;
                let mut key = String::new();
                if is_map {
                    if self.peek() != Some(b'"') {
                        return Err(self.fault("a key in double quotes is missing"));
                    }
                    key = self.string()?;
                    self.expect(b':', "a colon is missing")?;
                }
                let node = self.value()?;
                children.push(Child::Entry(Entry { key, start, node }));
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(byte) if byte == closing => {
                        self.at += 1;
                        break;
                    }
                    _ => return Err(self.fault("a comma or a closing bracket is missing")),
                }
            }
        }
        Ok(if is_map { Kind::Map(children, Layout::Json) } else { Kind::List(children, Layout::Json) })
    }

    fn word(&mut self) -> Result<Plain, ParseError> {
        let rest = &self.source[self.at..];
        for (word, value) in [("null", Plain::Null), ("true", Plain::Bool(true)), ("false", Plain::Bool(false))] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault("a value is missing"))
    }

    /// Integers of 64 bits are integers (since sops 3.13.2), everything else a double.
    fn number(&mut self) -> Result<Plain, ParseError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            reader.at > from
        };
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading_zero = self.peek() == Some(b'0');
        let first = self.at;
        let mut fits = digits(self) && !(leading_zero && self.at > first + 1);
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_integer = false;
            fits &= digits(self);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            is_integer = false;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            fits &= digits(self);
        }
        let text = &self.source[start..self.at];
        if is_integer
            && fits
            && text != "-0"
            && let Ok(number) = text.parse()
        {
            return Ok(Plain::Int(number));
        }
        let number: Option<f64> = text.parse().ok().filter(|number: &f64| fits && number.is_finite());
        number.map(Plain::Float).ok_or_else(|| self.fault("a number that is malformed or too large"))
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.source[self.at..];
            let run = rest.find(['"', '\\']).ok_or_else(|| self.fault("a closing quote is missing"))?;
            if let Some(bad) = rest[..run].find(|c: char| c < ' ') {
                self.at += bad;
                return Err(self.fault("a control character in a text"));
            }
            text.push_str(&rest[..run]);
            self.at += run + 1;
            if rest.as_bytes()[run] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.fault("an unknown escape"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, ParseError> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.source[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn four_digits(&mut self) -> Result<u32, ParseError> {
        let digits = self.source.get(self.at..self.at + 4).filter(|text| text.bytes().all(|c| c.is_ascii_hexdigit()));
        let code = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        let code = code.ok_or_else(|| self.fault("an escape without four digits"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::parse;

    #[test]
    fn values_are_read_with_their_types_and_duplicates() {
        let tree =
            parse("{\"a\": 1, \"a\": 1.0, \"s\": \"\\ud83d\\ude00\\n\\/\", \"l\": [true, null, {}]} trailing").unwrap();
        let shown: Vec<_> = tree.documents[0]
            .root
            .entries()
            .map(|entry| {
                let scalar = entry.node.scalar().map(|scalar| {
                    format!("{} {}", scalar.value.kind_name(), String::from_utf8_lossy(&scalar.value.bytes()))
                });
                (entry.key.as_str(), scalar.unwrap_or_default())
            })
            .collect();
        let want = [("a", "integer 1"), ("a", "number 1"), ("s", "text \u{1f600}\n/"), ("l", "")];
        assert_eq!(shown, want.map(|(key, text)| (key, text.to_owned())));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "[1]",
            "1",
            "{",
            "{\"a\"}",
            "{\"a\": }",
            "{\"a\": 01}",
            "{\"a\": 1e999}",
            "{\"a\": \"\n\"}",
            "{\"a\": 1,}",
            "{\"a\": \"\\x\"}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
