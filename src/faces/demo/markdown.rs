//! Our own comments as text on a terminal: headline, tables with their columns aligned, lists, the folded part as one line.
//!
//! Reads the Markdown that `templates/comment.md` makes, nothing more. What it does not know is shown as it is, never left out.

use super::text::{BOLD, CODE, DIM, Line, PLAIN};

/// Space between two columns.
const GAP: usize = 2;
/// The last column of a table is broken into lines rather than made narrower than this.
const NARROWEST: usize = 12;

/// Renders a comment.
pub(super) fn render(markdown: &str, width: usize) -> Vec<Line> {
    let mut page = Page { width, lines: Vec::new() };
    let mut rest = markdown.lines().peekable();
    while let Some(line) = rest.next() {
        let text = line.trim();
        if text.starts_with("<!--") {
            // a note to ourselves, such as the mark by which the comment is found again
        } else if let Some(summary) = text.strip_prefix("<details><summary>") {
            for _folded in rest.by_ref().take_while(|line| line.trim() != "</details>") {}
            page.paragraph(Line::of(DIM, &format!("▸ {}", summary.trim_end_matches("</summary>"))));
        } else if text.starts_with('|') {
            let mut rows = vec![cells(text)];
            while let Some(row) = rest.next_if(|line| line.trim().starts_with('|')) {
                rows.push(cells(row.trim()));
            }
            page.table(rows);
        } else if let Some(item) = text.strip_prefix("- ") {
            page.item(inline(item));
        } else if text.is_empty() {
            page.gap();
        } else {
            let mut words = text.to_owned();
            while let Some(more) = rest.next_if(|line| is_prose(line.trim())) {
                words = format!("{words} {}", more.trim());
            }
            page.paragraph(inline(&words));
        }
    }
    while page.lines.last().is_some_and(|line| line.width() == 0) {
        page.lines.pop();
    }
    page.lines
}

fn is_prose(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(['|', '<']) && !line.starts_with("- ")
}

struct Page {
    width: usize,
    lines: Vec<Line>,
}

impl Page {
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    fn paragraph(&mut self, words: Line) {
        self.lines.extend(words.wrapped(self.width));
    }

    fn item(&mut self, words: Line) {
        for (number, line) in words.wrapped(self.width.saturating_sub(2)).into_iter().enumerate() {
            let mark = if number == 0 { "• " } else { "  " };
            self.lines.push(Line::of(DIM, mark).join(line));
        }
    }

    fn table(&mut self, rows: Vec<Vec<Line>>) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(Line::width).max().unwrap_or(0))
            .collect();
        let Some((last, before)) = widths.split_last() else { return };
        let taken: usize = before.iter().map(|width| width + GAP).sum();
        let last = (*last).min(self.width.saturating_sub(taken).max(NARROWEST));
        for (number, row) in rows.into_iter().enumerate() {
            if number == 1 && row.iter().all(|cell| cell.width() == 0) {
                self.lines.push(Line::of(DIM, &"─".repeat(taken + last)));
                continue;
            }
            self.row(row, before, (taken, last), number == 0);
        }
    }

    fn row(&mut self, row: Vec<Line>, before: &[usize], (taken, last): (usize, usize), heading: bool) {
        let mut cells = row.into_iter();
        let mut start = Line::default();
        for width in before {
            start = start.join(cells.next().unwrap_or_default().padded(width + GAP));
        }
        let mut lines = cells.next().unwrap_or_default().wrapped(last).into_iter();
        let first = start.join(lines.next().unwrap_or_default());
        self.lines.push(if heading { first.restyled(BOLD) } else { first });
        self.lines.extend(lines.map(|line| Line::default().padded(taken).join(line)));
    }
}

/// The cells of `| a | b |`; those of a `|---|---|` row are empty.
fn cells(row: &str) -> Vec<Line> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').filter(|rest| !rest.ends_with('\\')).unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in row.chars() {
        match (c, cells.last_mut()) {
            ('|', _) if !escaped => cells.push(String::new()),
            (c, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
        escaped = c == '\\' && !escaped;
    }
    let is_rule = |cell: &str| !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':'));
    cells
        .iter()
        .map(|cell| cell.trim())
        .map(|cell| if is_rule(cell) { Line::default() } else { inline(cell) })
        .collect()
}

/// Bold, code, links and what our templates escape.
pub(super) fn inline(text: &str) -> Line {
    const ENTITIES: [(&str, &str); 4] = [("&#64;", "@"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    let mut line = Line::default();
    let mut bold = false;
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = if bold { BOLD } else { PLAIN };
        if let Some(after) = rest.strip_prefix('\\') {
            let next = after.chars().next().filter(char::is_ascii_punctuation);
            plain.push(next.unwrap_or('\\'));
            rest = &after[next.map_or(0, char::len_utf8)..];
        } else if let Some(after) = rest.strip_prefix("**") {
            line.push(style, &std::mem::take(&mut plain));
            bold = !bold;
            rest = after;
        } else if let Some((code, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            line.push(style, &std::mem::take(&mut plain));
            line.push(CODE, &code.replace("\\|", "|"));
            rest = after;
        } else if let Some((shown, after)) = link(rest) {
            plain.push_str(shown);
            rest = after;
        } else if let Some((entity, means)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            plain.push_str(means);
            rest = &rest[entity.len()..];
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    line.push(if bold { BOLD } else { PLAIN }, &plain);
    line
}

/// `[text](address)`: its text, and what follows.
fn link(text: &str) -> Option<(&str, &str)> {
    let (shown, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (_address, after) = rest.split_once(')')?;
    Some((shown, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(markdown: &str, width: usize) -> Vec<String> {
        render(markdown, width).iter().map(|line| line.bare().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_comment_reads_as_a_person_would_see_it() {
        let comment = "<!-- mark -->\n**1 of 2 approvals for `production`** · waiting\n\n| file | key |\n|---|---|\n\
            | `a.yaml` | `db.password` |\n|  | `x` |\n\n<details><summary>How</summary>\n\n- folded\n</details>\n";
        let expected = [
            "1 of 2 approvals for production · waiting",
            "",
            "file    key",
            "───────────────────",
            "a.yaml  db.password",
            "        x",
            "",
            "▸ How",
        ];
        assert_eq!(bare(comment, 80), expected);
    }

    #[test]
    fn the_last_column_is_broken_where_the_page_is_narrow() {
        let table = "| policy | missing |\n|---|---|\n| production | one · could be bob, cy or dee |\n";
        assert_eq!(
            bare(table, 28),
            [
                "policy      missing",
                "────────────────────────────",
                "production  one · could be",
                "            bob, cy or dee",
            ]
        );
    }

    #[test]
    fn what_templates_escape_is_read_back() {
        let cases = [
            ("&#64;ann \\*not bold\\* \\\\", "@ann *not bold* \\"),
            ("`a\\|b`", "a|b"),
            ("([why](http://x/y))", "(why)"),
            ("an open ` stays, a lone \\ too", "an open ` stays, a lone \\ too"),
            ("**bold**er", "bolder"),
        ];
        for (text, expected) in cases {
            assert_eq!(inline(text).bare(), expected, "{text}");
        }
        assert_eq!(cells("| a\\|b | c |").len(), 2);
    }
}
