//! What was answered in the last minute, for display (R42).
//!
//! Merges never read from here. Negative answers are not kept: somebody just added must not be missing for a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use countersign_core::domain::{InstallationId, Permission, RepoId, Span, Timestamp};
use countersign_core::facts::{Answer, Question};

use crate::engine::ports::RepoRef;

/// How old an answer for display may be.
const FRESH: Span = Span::from_seconds(60);
/// Most answers kept.
const ENTRIES: usize = 4_096;

type Key = (InstallationId, RepoId, String);

/// Answers with the instant of reading.
#[derive(Default)]
pub(super) struct Memory {
    answers: Mutex<HashMap<Key, (Answer, Timestamp)>>,
}

fn key(repo: &RepoRef, question: &Question) -> Option<Key> {
    match question {
        Question::Repository
        | Question::User(_)
        | Question::Team(_)
        | Question::TeamName { .. }
        | Question::TeamMembers(_)
        | Question::Membership { .. }
        | Question::Permission(_) => Some((repo.installation, repo.id, format!("{question:?}"))),
        Question::Change(_)
        | Question::OpenChanges
        | Question::ChangesOfBranch { .. }
        | Question::ChangesOfCommit(_)
        | Question::OurCheck(_)
        | Question::Movements(_)
        | Question::OurDeployment { .. }
        | Question::Guard(_)
        | Question::Rules(_)
        | Question::OurWorkflowRuns { .. }
        | Question::WorkflowRun(_)
        | Question::Statuses(_)
        | Question::Job { .. }
        | Question::WaitingJobs
        | Question::Comment(_) => None,
    }
}

fn is_worth_keeping(answer: &Answer) -> bool {
    match answer {
        Answer::Repository(_) => true,
        Answer::User(user) => user.is_some(),
        Answer::Team(team) => team.is_some(),
        Answer::TeamName(name) => name.is_some(),
        Answer::Members(members) => !members.is_empty(),
        Answer::Membership(is_member) => *is_member,
        Answer::Permission(permission) => *permission != Permission::None,
        Answer::Change(_)
        | Answer::Changes(_)
        | Answer::Check(_)
        | Answer::Movements(_)
        | Answer::Deployment(_)
        | Answer::Guard(_)
        | Answer::Rules(_)
        | Answer::Workflows(_)
        | Answer::Workflow(_)
        | Answer::Statuses(_)
        | Answer::Job(_)
        | Answer::Jobs(_)
        | Answer::Comment(_) => false,
    }
}

fn is_fresh(read: Timestamp, now: Timestamp) -> bool {
    read <= now && now.since(read) <= FRESH
}

impl Memory {
    pub(super) fn recall(&self, repo: &RepoRef, question: &Question, now: Timestamp) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(&key(repo, question)?).filter(|(_, read)| is_fresh(*read, now)).map(|(answer, _)| answer.clone())
    }

    pub(super) fn keep(&self, repo: &RepoRef, question: &Question, answer: &Answer, now: Timestamp) {
        let Some(key) = key(repo, question) else { return };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_worth_keeping(answer) {
            answers.remove(&key);
            return;
        }
        if answers.len() >= ENTRIES {
            answers.retain(|_, (_, read)| is_fresh(*read, now));
        }
        if answers.len() < ENTRIES {
            answers.insert(key, (answer.clone(), now));
        }
    }
}
