//! Transcripts in documents: fenced blocks of `console`, played as they stand (`docs/testing.md`).
//!
//! `$ ` begins a command, `> ` carries it on; what follows is what it prints on both streams. `…` stands for any text within its
//! line, and alone on a line for any number of lines.

/// A command with what the document shows of its output.
pub(crate) struct Step {
    /// Line of the document on which it begins, from 1.
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) shown: Vec<String>,
}

/// A fenced block.
pub(crate) struct Block {
    pub(crate) steps: Vec<Step>,
}

/// All blocks of a document.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in page.lines().enumerate() {
        match &mut open {
            None if line == "```console" => open = Some(Block { steps: Vec::new() }),
            None => {}
            Some(_) if line.starts_with("```") => blocks.extend(open.take()),
            Some(block) => match (line.strip_prefix("$ "), line.strip_prefix("> "), block.steps.last_mut()) {
                (Some(command), _, _) => {
                    block.steps.push(Step { line: at + 1, command: format!("{command}\n"), shown: Vec::new() });
                }
                (None, Some(more), Some(step)) if step.shown.is_empty() => step.command += &format!("{more}\n"),
                (None, _, Some(step)) => step.shown.push(line.to_owned()),
                (None, _, None) => panic!("line {}: a transcript begins with `$ `", at + 1),
            },
        }
    }
    blocks
}

/// Whether an output is what is shown of it.
pub(crate) fn is_shown(shown: &[String], output: &[&str]) -> bool {
    match (shown.split_first(), output.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == "…" => {
            (0..=output.len()).any(|left_out| is_shown(rest, &output[left_out..]))
        }
        (Some((first, rest)), Some((line, others))) => fits(first, line) && is_shown(rest, others),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether a line is what is shown of it.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn dots_stand_for_what_differs_from_run_to_run() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    for (doc, output, fit) in [
        (vec!["a", "b"], vec!["a", "b"], true),
        (vec!["a"], vec!["a", "b"], false),
        (vec!["a", "…"], vec!["a", "b", "c"], true),
        (vec!["…", "c"], vec!["a", "b", "c"], true),
        (vec!["…", "c"], vec!["a", "b"], false),
        (vec!["key sha256:… of L-…"], vec!["key sha256:00 of L-1"], true),
        (vec!["key sha256:… of L-…"], vec!["key sha256:00 on L-1"], false),
        (vec!["…"], vec![], true),
        (vec!["x…x"], vec!["x"], false),
    ] {
        assert_eq!(is_shown(&shown(&doc), &output), fit, "{doc:?} {output:?}");
    }
}
