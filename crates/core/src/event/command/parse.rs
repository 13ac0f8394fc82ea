//! From the words of a line to a command, by the table of verbs; what cannot be read is told with the line that could be.
//!
//! Guesses nothing: an unknown argument is no command (R15), an abbreviated commit is none either (R16).

use super::verbs::{Grammar, Verb};
use super::{Command, Read, Spoken};
use crate::domain::{Environment, Login, Oid, TargetName};

/// Most characters of a reason that are kept.
const LONGEST_REASON: usize = 200;

/// What the words after a verb come to.
enum Arguments {
    Nothing,
    Commit(Oid),
    CommitAndReason(Oid, String),
    Reason(Option<String>),
    Person(Option<Login>),
    Target(Option<Environment>, Option<TargetName>),
}

/// Reads what follows the prefix.
pub(super) fn parse(line: &str) -> Read {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(word) = words.next() else {
        let why = "a command needs a verb".to_owned();
        return Read::Unclear { verb: None, why, help: "`/countersign help` lists them".to_owned() };
    };
    let Some(verb) = Verb::ALL.iter().copied().find(|verb| verb.word() == word) else { return unknown(word) };
    if !verb.is_served() {
        return Read::Command(Command::NotYet(verb));
    }
    let rest: Vec<&str> = words.collect();
    match arguments(verb, &rest) {
        Ok(arguments) => {
            command(verb, arguments).map_or_else(|| unclear(verb, "the command cannot be read"), Read::Command)
        }
        Err(why) => unclear(verb, why),
    }
}

/// The nearest verb, if one is near.
pub(super) fn nearest(word: &str) -> Option<Verb> {
    let limit = (word.chars().count() / 3).max(1);
    let word = word.to_lowercase();
    let distances = Verb::ALL.iter().map(|verb| (strsim::damerau_levenshtein(&word, verb.word()), *verb));
    distances.filter(|(distance, _)| word.len() <= 64 && *distance <= limit).min().map(|(_, verb)| verb)
}

fn arguments(verb: Verb, words: &[&str]) -> Result<Arguments, &'static str> {
    match (verb.entry().grammar, words) {
        (Grammar::Nothing | Grammar::Later(_), []) => Ok(Arguments::Nothing),
        (Grammar::Nothing | Grammar::Later(_), _) => Err("nothing follows that command"),
        (Grammar::Commit, []) => Err("the commit that is approved must be named"),
        (Grammar::Commit, [one]) => commit(one),
        (Grammar::Commit, _) => Err("nothing follows the commit"),
        (Grammar::CommitAndReason, []) => Err("the commit that is meant must be named, and why"),
        (Grammar::CommitAndReason, [one, words @ ..]) => {
            let why = reason(words).ok_or("a reason must follow the commit");
            whole(one).and_then(|commit| Ok(Arguments::CommitAndReason(commit, why?)))
        }
        (Grammar::Reason, words) => Ok(Arguments::Reason(reason(words))),
        (Grammar::Person, []) => Err("somebody must be named"),
        (Grammar::PersonOrNobody, []) => Ok(Arguments::Person(None)),
        (Grammar::Person | Grammar::PersonOrNobody, [one]) => {
            let login = one.strip_prefix('@').and_then(|login| Login::parse(login).ok());
            login.map(|login| Arguments::Person(Some(login))).ok_or("that names nobody")
        }
        (Grammar::Person | Grammar::PersonOrNobody, _) => Err("one person can be named"),
        (Grammar::Target, words) => target(words).ok_or("that is not how a target is named"),
    }
}

/// The whole id, in either case of letters; never a part of one.
fn commit(word: &str) -> Result<Arguments, &'static str> {
    whole(word).map(Arguments::Commit)
}

fn whole(word: &str) -> Result<Oid, &'static str> {
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match Oid::parse(&word.to_ascii_lowercase()) {
        Ok(commit) if !commit.is_null() => Ok(commit),
        Ok(_) | Err(_) if hex => Err("a part of a commit's name can be forged, so the whole of it is needed"),
        Ok(_) | Err(_) => Err("that is no commit"),
    }
}

fn reason(words: &[&str]) -> Option<String> {
    let text: String = words.join(" ").trim_matches('"').chars().take(LONGEST_REASON).collect();
    (!text.trim().is_empty()).then_some(text)
}

/// `sync`, `sync hook`, `sync production/hook`.
fn target(words: &[&str]) -> Option<Arguments> {
    let (environment, target) = match words {
        [] => return Some(Arguments::Target(None, None)),
        [one] => match one.split_once('/') {
            Some((environment, target)) => (Some(environment), target),
            None => (None, *one),
        },
        [_, _, ..] => return None,
    };
    let environment = environment.map(Environment::parse).transpose().ok()?;
    Some(Arguments::Target(environment, Some(TargetName::parse(target).ok()?)))
}

fn command(verb: Verb, arguments: Arguments) -> Option<Command> {
    let spoken = |spoken| Some(Command::Spoken(spoken));
    match (verb, arguments) {
        (Verb::Approve, Arguments::Commit(commit)) => spoken(Spoken::Approve(commit)),
        (Verb::Unapprove, Arguments::Nothing) => spoken(Spoken::Withdraw),
        (Verb::Reject, Arguments::Reason(_)) => spoken(Spoken::Reject),
        (Verb::Merge, Arguments::Nothing) => Some(Command::Merge),
        (Verb::Waive, Arguments::Person(Some(login))) => spoken(Spoken::Waive(login)),
        (Verb::Pause, Arguments::Reason(reason)) => spoken(Spoken::Pause(reason)),
        (Verb::Unpause, Arguments::Nothing) => spoken(Spoken::Unpause),
        (Verb::Bypass, Arguments::CommitAndReason(head, reason)) => spoken(Spoken::Bypass { head, reason }),
        (Verb::Ratify, Arguments::Nothing) => spoken(Spoken::Ratify),
        (Verb::Recheck, Arguments::Nothing) => Some(Command::Recheck),
        (Verb::Sync, Arguments::Target(environment, target)) => Some(Command::Sync { environment, target }),
        (Verb::Explain, Arguments::Person(whom)) => Some(Command::Explain(whom)),
        (Verb::Status, Arguments::Nothing) => Some(Command::Status),
        (Verb::Help, Arguments::Nothing) => Some(Command::Help),
        (
            Verb::Approve
            | Verb::Unapprove
            | Verb::Reject
            | Verb::Merge
            | Verb::Waive
            | Verb::Bypass
            | Verb::Ratify
            | Verb::Sync
            | Verb::Rollback
            | Verb::Access
            | Verb::Pause
            | Verb::Unpause
            | Verb::Recheck
            | Verb::Explain
            | Verb::Status
            | Verb::Help,
            _,
        ) => None,
    }
}

/// A verb that is meant, and not said as it must be.
fn unclear(verb: Verb, why: &str) -> Read {
    let help = match verb.entry().grammar {
        Grammar::Target => "write `/countersign sync`, `sync hook` or `sync production/hook`".to_owned(),
        Grammar::Nothing
        | Grammar::Commit
        | Grammar::CommitAndReason
        | Grammar::Reason
        | Grammar::Person
        | Grammar::PersonOrNobody
        | Grammar::Later(_) => format!("write `/countersign {}`", verb.usage()),
    };
    Read::Unclear { verb: Some(verb), why: why.to_owned(), help }
}

fn unknown(word: &str) -> Read {
    let why = "there is no such command".to_owned();
    let help = match nearest(word) {
        Some(near) => format!("did you mean `/countersign {}`?", near.usage()),
        None => "`/countersign help` lists the commands".to_owned(),
    };
    Read::Unclear { verb: None, why, help }
}
