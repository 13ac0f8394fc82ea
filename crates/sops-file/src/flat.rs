//! Metadata flattened into single keys, as dotenv and INI documents hold them: `age__list_0__map_enc`
//! (SOPS reference 7.7).
//!
//! Never knows how a line is written; the stores do.

use crate::error::{ParseError, Place};
use crate::plain::Plain;
use crate::tree::{Child, Entry, Kind, Layout, Node};
use crate::value::Value;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Honest metadata have a few lines for each recipient, a few steps deep.
const MAX_LINES: usize = 10_000;
const MAX_STEPS: usize = 16;

/// A line of flattened metadata: its key, where it begins, its value.
pub(crate) type Line = (String, usize, Node);

/// Puts flattened metadata together again. Elements of lists come in the order of their numbers.
pub(crate) fn unflatten(lines: Vec<Line>, layout: Layout) -> Result<Node, ParseError> {
    if lines.len() > MAX_LINES {
        return Err(ParseError::Metadata { what: "it has too many lines" });
    }
    let start = lines.first().map_or(0, |(_, start, _)| *start);
    let mut node =
        Node { span: start..start, place: Place { line: 1, column: 1 }, kind: Kind::Map(Vec::new(), layout) };
    for (path, start, value) in lines {
        let steps = steps(&path);
        if steps.len() > MAX_STEPS {
            return Err(ParseError::Metadata { what: "its flattened keys are nested too deep" });
        }
        insert(&mut node, &steps, start, value, layout)?;
    }
    sort_lists(&mut node)?;
    Ok(node)
}

/// The steps of a flattened key; true for the position in a list.
fn steps(path: &str) -> Vec<(String, bool)> {
    let (mut steps, mut rest, mut is_list) = (Vec::new(), path, false);
    loop {
        let next = [LIST, MAP].iter().filter_map(|mark| rest.find(mark).map(|at| (at, *mark))).min();
        let Some((at, mark)) = next.filter(|_| steps.len() <= MAX_STEPS) else {
            steps.push((rest.to_owned(), is_list));
            return steps;
        };
        steps.push((rest[..at].to_owned(), is_list));
        (rest, is_list) = (&rest[at + mark.len()..], mark == LIST);
    }
}

const CONTRADICTION: ParseError = ParseError::Metadata { what: "its flattened keys contradict each other" };

fn insert(
    container: &mut Node,
    steps: &[(String, bool)],
    start: usize,
    value: Node,
    layout: Layout,
) -> Result<(), ParseError> {
    let Some(((key, _), below)) = steps.split_first() else { return Err(CONTRADICTION) };
    let (Kind::Map(children, _) | Kind::List(children, _)) = &mut container.kind else { return Err(CONTRADICTION) };
    let found = children.iter_mut().find_map(|child| match child {
        Child::Entry(entry) if entry.key == *key => Some(entry),
        Child::Entry(_) | Child::Comment(_) => None,
    });
    match (found, below.first()) {
        (None, None) => children.push(Child::Entry(Entry { key: key.clone(), start, node: value })),
        (Some(_), None) => return Err(CONTRADICTION),
        (Some(entry), Some((_, is_list))) if entry.node.is_list() == *is_list => {
            insert(&mut entry.node, below, start, value, layout)?;
        }
        (Some(_), Some(_)) => return Err(CONTRADICTION),
        (None, Some((_, is_list))) => {
            let kind = if *is_list { Kind::List(Vec::new(), layout) } else { Kind::Map(Vec::new(), layout) };
            let mut node = Node { span: value.span.clone(), place: value.place, kind };
            insert(&mut node, below, start, value, layout)?;
            children.push(Child::Entry(Entry { key: key.clone(), start, node }));
        }
    }
    Ok(())
}

/// Orders the elements of lists by their numbers, which must be complete.
fn sort_lists(node: &mut Node) -> Result<(), ParseError> {
    let is_list = node.is_list();
    let (Kind::Map(children, _) | Kind::List(children, _)) = &mut node.kind else { return Ok(()) };
    let number = |child: &Child| match child {
        Child::Entry(entry) => entry.key.parse::<usize>().ok(),
        Child::Comment(_) => None,
    };
    if is_list {
        children.sort_by_key(number);
        let complete = children.iter().enumerate().all(|(position, child)| number(child) == Some(position));
        if !complete {
            return Err(ParseError::Metadata { what: "a flattened list is not complete" });
        }
    }
    for child in children {
        if let Child::Entry(entry) = child {
            sort_lists(&mut entry.node)?;
        }
    }
    Ok(())
}

/// Flattens metadata into keys and texts, sorted by key. Texts keep their line breaks.
pub(crate) fn flatten(metadata: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    descend(metadata, String::new(), &mut lines);
    lines.sort();
    lines
}

fn descend(value: &Value, path: String, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Scalar(plain) => lines.push((path, text(plain))),
        Value::Map(entries) => {
            for (key, value) in entries {
                let step = if path.is_empty() { key.clone() } else { format!("{path}{MAP}{key}") };
                descend(value, step, lines);
            }
        }
        Value::List(elements) => {
            for (index, value) in elements.iter().enumerate() {
                descend(value, format!("{path}{LIST}{index}"), lines);
            }
        }
    }
}

/// A scalar as text in a store that has only texts (reference 12.2).
pub(crate) fn text(value: &Plain) -> String {
    match value {
        Plain::Null => "<nil>".to_owned(),
        Plain::Bool(value) => value.to_string(),
        Plain::Float(number) => float(*number),
        Plain::Int(_) | Plain::Time(_) | Plain::Text(_) | Plain::Bytes(_) | Plain::Comment(_) => {
            String::from_utf8_lossy(&value.bytes()).into_owned()
        }
    }
}

/// Shortest digits; exponent form below 1e-4 and from 1e21; always with a point or an exponent.
fn float(number: f64) -> String {
    let size = number.abs();
    if size.is_finite() && size != 0.0 && !(1e-4..1e21).contains(&size) {
        let scientific = format!("{number:E}");
        let (mantissa, exponent) = scientific.split_once('E').unwrap_or((&scientific, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        return format!("{mantissa}E{sign}{digits:0>2}");
    }
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        number if number.is_infinite() => if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        number if number.fract() == 0.0 => format!("{number:.1}"),
        number => number.to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{flatten, float, steps, unflatten};
    use crate::error::Place;
    use crate::plain::Plain;
    use crate::tree::{Kind, Layout, Node, Scalar};
    use crate::value::Value;

    fn line(key: &str) -> super::Line {
        let kind = Kind::Scalar(Scalar::new(Plain::text(key), None));
        (key.to_owned(), 0, Node { span: 0..0, place: Place { line: 1, column: 1 }, kind })
    }

    #[test]
    fn keys_come_apart_and_together() {
        let want = [("key_groups", false), ("1", true), ("age", false), ("0", true), ("enc", false)];
        let want: Vec<_> = want.iter().map(|(step, is_list)| ((*step).to_owned(), *is_list)).collect();
        assert_eq!(steps("key_groups__list_1__map_age__list_0__map_enc"), want);
        let stanza = Value::Map(vec![("enc".to_owned(), Value::text("x\ny"))]);
        let metadata =
            Value::Map(vec![("version".to_owned(), Value::text("3")), ("age".to_owned(), Value::List(vec![stanza]))]);
        let want = [("age__list_0__map_enc", "x\ny"), ("version", "3")];
        assert_eq!(flatten(&metadata), want.map(|(key, text)| (key.to_owned(), text.to_owned())));
    }

    #[test]
    fn elements_are_ordered_by_number_and_must_be_complete() {
        let numbers: Vec<String> = (0..12).rev().map(|number| format!("age__list_{number}__map_enc")).collect();
        let node = unflatten(numbers.iter().map(|key| line(key)).collect(), Layout::Lines).unwrap();
        let keys: Vec<_> = node.get("age").unwrap().node.entries().map(|entry| entry.key.clone()).collect();
        assert_eq!(keys, (0..12).map(|number| number.to_string()).collect::<Vec<_>>());
        let deep = format!("a{}", "__map_a".repeat(1_000_000));
        assert!(unflatten(vec![line(&deep)], Layout::Lines).is_err());
        for broken in [&["a__list_1"][..], &["a__list_x"], &["a", "a__map_b"], &["a__list_0", "a__map_b"], &["a", "a"]]
        {
            assert!(unflatten(broken.iter().map(|key| line(key)).collect(), Layout::Lines).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn numbers_have_a_point_or_an_exponent() {
        let cases = [
            (2.0, "2.0"),
            (1e21, "1E+21"),
            (1e-7, "1E-07"),
            (1.5, "1.5"),
            (-0.0, "-0.0"),
            (1e20, "100000000000000000000.0"),
        ];
        for (number, want) in cases {
            assert_eq!(float(number), want);
        }
    }
}
