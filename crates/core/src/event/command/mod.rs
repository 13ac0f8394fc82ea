//! Commands in comments: `/countersign <verb> …`, short `/cs`.
//!
//! [`read`] finds the one command of a comment, or says why there is none to carry out. What a comment says is a request: whether
//! its author may ask for it is judged elsewhere. Rules: R14 to R16.

mod markdown;
mod parse;
mod verbs;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::domain::{Environment, Login, Oid, TargetName};

pub use verbs::{Entry, Grammar, Ground, Verb};

/// Most bytes of a comment that are looked at: GitHub takes no more.
const LONGEST: usize = 262_144;

/// What the beginning of a command is compared with, when it is none.
const PREFIX: &str = "/countersign";

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Nothing: no line of it is ours.
    Nothing,
    /// One command.
    Command(Command),
    /// A line of ours that is no command; why, and what to write instead.
    Unclear {
        /// The verb that was meant, where that is plain.
        verb: Option<Verb>,
        /// A lower-case sentence.
        why: String,
        /// The next action.
        help: String,
    },
}

/// A command that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Something that stands for as long as the comment does, and is read again at each decision.
    Spoken(Spoken),
    /// Merge a change whose approvals are there.
    Merge,
    /// Look at it again; of a fork's request: treat it as any other.
    Recheck,
    /// Deliver again.
    Sync {
        /// The environment, when one is named.
        environment: Option<Environment>,
        /// The target; `None`: all.
        target: Option<TargetName>,
    },
    /// Why the change stands as it stands; of one person, if one is named.
    Explain(Option<Login>),
    /// How it stands.
    Status,
    /// The list of commands.
    Help,
    /// A verb that a later release carries out.
    NotYet(Verb),
}

/// What a comment says about a change for as long as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    /// An approval of a commit (R16).
    Approve(Oid),
    /// A veto.
    Reject,
    /// The end of the speaker's approval or veto.
    Withdraw,
    /// The end of somebody else's veto.
    Waive(Login),
    /// The change is not merged until it is unpaused; the reason.
    Pause(Option<String>),
    /// The end of a pause.
    Unpause,
    /// That the change be merged without its approvals; the head that is meant, and why.
    Bypass {
        /// The whole commit.
        head: Oid,
        /// In free words.
        reason: String,
    },
    /// An approval of what was merged by a bypass.
    Ratify,
}

impl Spoken {
    /// Whether it only makes things stricter: such a word outlives that somebody hides or deletes it (R18).
    #[must_use]
    pub fn restrains(&self) -> bool {
        match self {
            Self::Reject | Self::Withdraw | Self::Pause(_) => true,
            Self::Approve(_) | Self::Waive(_) | Self::Unpause | Self::Bypass { .. } | Self::Ratify => false,
        }
    }

    /// The verb by which it is said.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Approve(_) => Verb::Approve,
            Self::Reject => Verb::Reject,
            Self::Withdraw => Verb::Unapprove,
            Self::Waive(_) => Verb::Waive,
            Self::Pause(_) => Verb::Pause,
            Self::Unpause => Verb::Unpause,
            Self::Bypass { .. } => Verb::Bypass,
            Self::Ratify => Verb::Ratify,
        }
    }

    /// The same without free words: what may be remembered of it.
    #[must_use]
    pub fn bare(self) -> Self {
        match self {
            Self::Pause(_) => Self::Pause(None),
            Self::Bypass { head, reason: _ } => Self::Bypass { head, reason: String::new() },
            Self::Approve(_) | Self::Reject | Self::Withdraw | Self::Waive(_) | Self::Unpause | Self::Ratify => self,
        }
    }
}

impl Command {
    /// Its verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Spoken(spoken) => spoken.verb(),
            Self::Merge => Verb::Merge,
            Self::Recheck => Verb::Recheck,
            Self::Sync { .. } => Verb::Sync,
            Self::Explain(_) => Verb::Explain,
            Self::Status => Verb::Status,
            Self::Help => Verb::Help,
            Self::NotYet(verb) => *verb,
        }
    }
}

/// Whether a text could hold a command, or what was meant as one, at all: a cheap hint that saves reading it.
#[must_use]
pub fn may_hold_one(body: &str) -> bool {
    body.len() <= LONGEST && body.lines().any(|line| line.starts_with(['/', '／']))
}

/// What stands for as long as the comment does, if it says something of that kind.
#[must_use]
pub fn spoken(body: &str) -> Option<Spoken> {
    match read(body) {
        Read::Command(Command::Spoken(spoken)) => Some(spoken),
        Read::Command(
            Command::Merge
            | Command::Recheck
            | Command::Sync { .. }
            | Command::Explain(_)
            | Command::Status
            | Command::Help
            | Command::NotYet(_),
        )
        | Read::Nothing
        | Read::Unclear { .. } => None,
    }
}

/// Reads the text of a comment.
#[must_use]
pub fn read(body: &str) -> Read {
    if !may_hold_one(body) {
        return Read::Nothing;
    }
    let lines = markdown::plain_lines(body);
    let mut ours = lines.iter().filter_map(|line| after_prefix(line));
    let (first, second) = (ours.next(), ours.next());
    match (first, second) {
        (None, _) => lines.iter().find_map(|line| near_miss(line)).unwrap_or(Read::Nothing),
        (Some(words), None) => parse::parse(words),
        (Some(_), Some(_)) => Read::Unclear {
            verb: None,
            why: "a comment can hold one command".to_owned(),
            help: "write a comment for each".to_owned(),
        },
    }
}

/// What follows `/countersign` or `/cs` at the very beginning of a line, when a blank or the end of the line does.
fn after_prefix(line: &str) -> Option<&str> {
    let rest = [PREFIX, "/cs"].iter().find_map(|prefix| line.strip_prefix(prefix))?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim_matches([' ', '\t']))
}

/// A line that looks like a command of ours and is none: a slip in the prefix, an odd blank, a letter of another script. Only where
/// a verb follows: `/countersigned` alone is nobody's business.
fn near_miss(line: &str) -> Option<Read> {
    let mut words = line.split(char::is_whitespace).filter(|word| !word.is_empty());
    let (prefix, verb) = (words.next()?, words.next()?);
    let distance = || strsim::damerau_levenshtein(&prefix.to_lowercase(), PREFIX);
    // `/countersigned` is another word, not a slip
    let another = prefix.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii()));
    let near = line.starts_with(['/', '／']) && prefix.len() <= 32 && !another && distance() <= 2;
    let verb = parse::nearest(verb).filter(|_| near)?;
    let why = "that is not how a command begins".to_owned();
    Some(Read::Unclear { verb: None, why, help: format!("did you mean `/countersign {}`?", verb.usage()) })
}
