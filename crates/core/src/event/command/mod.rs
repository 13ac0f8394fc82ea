//! Commands in comments: `/countersign <verb> …`, short `/cs`.
//!
//! [`read`] finds the one command of a comment, or says why there is none to carry out. What a comment says is a request: whether
//! its author may ask for it is judged elsewhere. Rules: R14 to R16.

mod markdown;
mod verbs;

#[cfg(test)]
mod tests;

pub use verbs::{Command, Verb};

/// Most bytes of a comment that are looked at: GitHub takes no more.
const LONGEST: usize = 262_144;

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Nothing: no line of it is ours.
    Nothing,
    /// One command.
    Command(Command),
    /// A line of ours that is no command; why, and what to write instead.
    Unclear {
        /// A lower-case sentence.
        why: String,
        /// The next action.
        help: String,
    },
}

/// Whether a text could hold a command at all: a hint that saves reading the comment again.
#[must_use]
pub fn may_hold_one(body: &str) -> bool {
    body.contains("/countersign") || body.contains("/cs")
}

/// Reads the text of a comment.
#[must_use]
pub fn read(body: &str) -> Read {
    if body.len() > LONGEST || !may_hold_one(body) {
        return Read::Nothing;
    }
    let lines = markdown::plain_lines(body);
    let mut ours = lines.iter().filter_map(|line| after_prefix(line));
    let (first, second) = (ours.next(), ours.next());
    match (first, second) {
        (None, _) => Read::Nothing,
        (Some(words), None) => verbs::parse(words),
        (Some(_), Some(_)) => Read::Unclear {
            why: "a comment can hold one command".to_owned(),
            help: "write a comment for each".to_owned(),
        },
    }
}

/// What follows `/countersign` or `/cs` at the very beginning of a line, when a blank or the end of the line does.
fn after_prefix(line: &str) -> Option<&str> {
    let rest = ["/countersign", "/cs"].iter().find_map(|prefix| line.strip_prefix(prefix))?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim_matches([' ', '\t']))
}
