//! The dotenv store: lines taken verbatim, metadata flattened into `sops_` keys (SOPS reference 12, 7.7).
//!
//! Never interprets quotes, `export` or variables: sops does not, either.

use zeroize::Zeroizing;

use crate::envelope::Envelope;
use crate::error::{ParseError, Place};
use crate::flat;
use crate::plain::Plain;
use crate::tree::{Child, Comment, Document, Entry, Kind, Layout, Node, Scalar, Tree, number_leaves};
use crate::value::Value;

const PREFIX: &str = "sops_";

/// Reads `KEY=value` lines and `#` comments.
pub(crate) fn parse(source: &str) -> Result<Tree, ParseError> {
    let (mut children, mut sops) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (number, line) in source.split('\n').enumerate() {
        let (start, place) = (at, Place { line: number + 1, column: 1 });
        at += line.len() + 1;
        if line.is_empty() {
            continue;
        }
        let end = start + line.len();
        if let Some(text) = line.strip_prefix('#') {
            let envelope = Envelope::parse(text).ok();
            let text = Zeroizing::new(text.to_owned());
            children.push(Child::Comment(Comment {
                leaf: 0,
                text,
                envelope,
                span: start..end,
                rest: Vec::new(),
                place,
            }));
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(ParseError::at(place, "a line without `=`"))?;
        let span = start + key.len() + 1..end;
        let scalar = Scalar::new(Plain::text(value.replace("\\n", "\n")), None);
        let node = Node { span, place, kind: Kind::Scalar(scalar) };
        match key.strip_prefix(PREFIX) {
            Some(path) => sops.push((path.to_owned(), start, node)),
            None => children.push(Child::Entry(Entry { key: key.to_owned(), start, node })),
        }
    }
    if children.is_empty() && sops.is_empty() {
        return Ok(Tree { documents: Vec::new(), leaves: 0, needs_rewriting: false });
    }
    let root =
        Node { span: 0..source.len(), place: Place { line: 1, column: 1 }, kind: Kind::Map(children, Layout::Lines) };
    let sops = match sops.first().map(|(_, start, _)| *start) {
        Some(start) => Some(Entry { key: "sops".to_owned(), start, node: flat::unflatten(sops, Layout::Lines)? }),
        None => None,
    };
    let mut tree =
        Tree { documents: vec![Document { root, sops, end: source.len() }], leaves: 0, needs_rewriting: false };
    number_leaves(&mut tree);
    Ok(tree)
}

/// A scalar as the text behind `=` (reference 12.2).
pub(crate) fn scalar(value: &Plain) -> String {
    flat::text(value).replace('\n', "\\n")
}

/// A scalar value; containers are refused before they come here.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Scalar(plain) => scalar(plain),
        Value::Map(_) | Value::List(_) => String::new(),
    }
}

/// The lines of the metadata as they stand in the file.
pub(crate) fn kept_lines(source: &str) -> String {
    source.split_inclusive('\n').filter(|line| line.starts_with(PREFIX)).collect()
}

/// Where the lines of the metadata stand, line breaks included.
pub(crate) fn metadata_spans(source: &str) -> Vec<std::ops::Range<usize>> {
    let mut at = 0;
    let lines = source.split_inclusive('\n').map(|line| {
        at += line.len();
        (line, at - line.len()..at)
    });
    lines.filter(|(line, _)| line.starts_with(PREFIX)).map(|(_, span)| span).collect()
}

/// The metadata as sorted lines, each with a line break.
pub(crate) fn metadata_lines(metadata: &Value) -> String {
    let lines = flat::flatten(metadata);
    lines.iter().map(|(key, text)| format!("{PREFIX}{key}={}\n", text.replace('\n', "\\n"))).collect()
}

/// Whether a key can stand before `=` and be read back.
pub(crate) fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.starts_with('#') && !key.starts_with(PREFIX) && !key.contains(['=', '\n'])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{metadata_lines, parse};
    use crate::value::Value;

    #[test]
    fn lines_are_taken_verbatim() {
        let tree = parse("# c\nA=1\n\nexport B=\"x=y\" # no comment\nC=a\\nb\r\nD=\n").unwrap();
        let shown: Vec<_> = tree.documents[0]
            .root
            .entries()
            .map(|entry| (entry.key.as_str(), entry.node.scalar().unwrap().value.as_text().unwrap()))
            .collect();
        assert_eq!(shown, [("A", "1"), ("export B", "\"x=y\" # no comment"), ("C", "a\nb\r"), ("D", "")]);
        assert!(parse("no delimiter\n").is_err());
    }

    #[test]
    fn metadata_are_flattened_and_put_together() {
        let recipient =
            Value::Map(vec![("enc".to_owned(), Value::text("x\ny\n")), ("recipient".to_owned(), Value::text("age1"))]);
        let metadata = Value::Map(vec![
            ("version".to_owned(), Value::text("3")),
            ("age".to_owned(), Value::List(vec![recipient])),
        ]);
        let text = metadata_lines(&metadata);
        assert_eq!(text, "sops_age__list_0__map_enc=x\\ny\\n\nsops_age__list_0__map_recipient=age1\nsops_version=3\n");
        let tree = parse(&text).unwrap();
        let sops = &tree.documents[0].sops.as_ref().unwrap().node;
        let first = sops.get("age").unwrap().node.entries().next().unwrap();
        assert_eq!(first.node.get("enc").unwrap().node.scalar().unwrap().value.as_text(), Some("x\ny\n"));
    }
}
