//! How often somebody may give commands under one request; beyond that they are left, and told so once.
//!
//! Kept in memory: who restarts the server may be asked a little more. A vote beyond the limit still counts: votes are read from
//! the comments, not from here.

use std::collections::{BTreeMap, VecDeque};

use countersign_core::domain::{CommentId, Digest, PrNumber, RepoId, Span, Timestamp, UserId};
use countersign_core::event::command::Verb;

/// Questions (`explain`, `status`, `help`) of one person under one request in a minute.
const QUESTIONS: usize = 5;
/// Commands of any kind.
const COMMANDS: usize = 20;
/// What is counted together.
const WINDOW: Span = Span::from_seconds(60);
/// People remembered before those who have been silent are forgotten.
const PEOPLE: usize = 1_000;

/// Who spoke where.
type Speaker = (RepoId, PrNumber, UserId);

/// Who gave commands lately.
pub(in crate::engine) type Speaking = BTreeMap<Speaker, VecDeque<Heard>>;

/// One command that was given.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Heard {
    comment: CommentId,
    at: Timestamp,
    question: bool,
    text: Digest,
}

/// What is done about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// It is carried out and answered.
    Do,
    /// It says what was said a moment ago: carried out, answered by a reaction alone.
    Again,
    /// One too many: said once.
    TooMany,
    /// Many too many: nothing is done or said.
    Silence,
}

/// Counts a command. The same comment is counted once, however often it is looked at.
pub(super) fn allow(
    speaking: &mut Speaking,
    who: Speaker,
    (comment, at): (CommentId, Timestamp),
    (verb, text): (Option<Verb>, Digest),
) -> Allowance {
    if speaking.len() > PEOPLE {
        speaking.retain(|_, heard| heard.back().is_some_and(|last| at.since(last.at) <= WINDOW));
    }
    let heard = speaking.entry(who).or_default();
    heard.retain(|one| one.comment == comment || at.since(one.at) <= WINDOW);
    // what cannot be read is answered like a question
    let question = verb.is_none_or(Verb::only_asks);
    let others = || heard.iter().filter(|one| one.comment != comment);
    let (all, questions) = (others().count(), others().filter(|one| one.question).count());
    let again = others().any(|one| one.text == text);
    if all <= COMMANDS && !heard.iter().any(|one| one.comment == comment) {
        heard.push_back(Heard { comment, at, question, text });
    }
    match (all, questions) {
        (COMMANDS, _) => Allowance::TooMany,
        (all, _) if all > COMMANDS => Allowance::Silence,
        (_, QUESTIONS) if question => Allowance::TooMany,
        (_, questions) if question && questions > QUESTIONS => Allowance::Silence,
        (_, _) if again => Allowance::Again,
        (_, _) => Allowance::Do,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(speaking: &mut Speaking, comment: u64, seconds: i64, (verb, text): (Verb, &str)) -> Allowance {
        let who = (RepoId::new(1), PrNumber::new(1), UserId::new(1));
        let when = (CommentId::new(comment), Timestamp::from_seconds(seconds));
        allow(speaking, who, when, (Some(verb), Digest::of(text.as_bytes())))
    }

    #[test]
    fn five_questions_a_minute_are_answered_the_sixth_is_refused_and_the_rest_is_silence() {
        let mut speaking = Speaking::new();
        for number in 1..=5 {
            let said = format!("/cs status {number}");
            assert_eq!(ask(&mut speaking, number, 0, (Verb::Status, &said)), Allowance::Do);
        }
        assert_eq!(ask(&mut speaking, 6, 1, (Verb::Help, "6")), Allowance::TooMany);
        assert_eq!(ask(&mut speaking, 7, 1, (Verb::Help, "7")), Allowance::Silence);
        // a command is no question, a comment that is looked at again is the same one, and a minute passes
        assert_eq!(ask(&mut speaking, 8, 1, (Verb::Reject, "8")), Allowance::Do);
        assert_eq!(ask(&mut speaking, 8, 1, (Verb::Reject, "8")), Allowance::Do);
        assert_eq!(ask(&mut speaking, 9, 62, (Verb::Help, "9")), Allowance::Do);
    }

    #[test]
    fn twenty_commands_a_minute_are_carried_out_and_what_is_said_twice_is_answered_once() {
        let mut speaking = Speaking::new();
        assert_eq!(ask(&mut speaking, 1, 0, (Verb::Merge, "/cs merge")), Allowance::Do);
        assert_eq!(ask(&mut speaking, 2, 0, (Verb::Merge, "/cs merge")), Allowance::Again);
        for number in 3..=20 {
            assert_eq!(ask(&mut speaking, number, 0, (Verb::Pause, &number.to_string())), Allowance::Do);
        }
        assert_eq!(ask(&mut speaking, 21, 0, (Verb::Pause, "21")), Allowance::TooMany);
        assert_eq!(ask(&mut speaking, 22, 0, (Verb::Pause, "22")), Allowance::Silence);
        assert!(speaking.values().all(|heard| heard.len() <= COMMANDS + 1));
    }
}
