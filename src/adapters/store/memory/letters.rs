//! Letters in plain memory.

use async_trait::async_trait;
use countersign_core::domain::{Digest, RepoId, Timestamp};
use countersign_core::notify::Letter;

use super::MemoryJournal;
use crate::engine::ports::{GivenUp, JournalError, LetterFigures, Mark, Outbox, Subject, Waiting};

/// A letter and how its sending stands.
pub(super) struct Kept {
    repo: RepoId,
    letter: Letter,
    state: State,
    attempts: u32,
    due: Timestamp,
}

enum State {
    Waiting,
    Begun,
    Sent,
    GivenUp { at: Timestamp, reason: String },
}

impl Kept {
    fn waits(&self) -> bool {
        matches!(self.state, State::Waiting | State::Begun)
    }
}

#[async_trait]
impl Outbox for MemoryJournal {
    async fn is_told(&self, repo: RepoId, key: &str) -> Result<bool, JournalError> {
        Ok(self.state().told.contains(&(repo, key.to_owned())))
    }

    async fn tell(&self, repo: RepoId, key: &str, letters: &[Letter], now: Timestamp) -> Result<bool, JournalError> {
        let mut state = self.state();
        if !state.told.insert((repo, key.to_owned())) {
            return Ok(false);
        }
        for letter in letters {
            if !state.letters.iter().any(|kept| kept.repo == repo && kept.letter.id == letter.id) {
                let kept = Kept { repo, letter: letter.clone(), state: State::Waiting, attempts: 0, due: now };
                state.letters.push(kept);
            }
            state.schedule(&Subject::Letters(repo, letter.destination.digest()), now);
        }
        Ok(true)
    }

    async fn next_letter(&self, repo: RepoId, destination: Digest) -> Result<Option<Waiting>, JournalError> {
        let state = self.state();
        let mut here = state
            .letters
            .iter()
            .filter(|kept| kept.repo == repo && kept.waits() && kept.letter.destination.digest() == destination);
        Ok(here.next().map(|kept| Waiting {
            letter: kept.letter.clone(),
            begun: matches!(kept.state, State::Begun),
            attempts: kept.attempts,
            due: kept.due,
        }))
    }

    async fn mark_letter(&self, repo: RepoId, letter: Digest, mark: &Mark) -> Result<(), JournalError> {
        let mut state = self.state();
        let Some(kept) = state.letters.iter_mut().find(|kept| kept.repo == repo && kept.letter.id == letter) else {
            return Ok(());
        };
        match mark {
            Mark::Begun => (kept.state, kept.attempts) = (State::Begun, kept.attempts + 1),
            Mark::Later { due, .. } => (kept.state, kept.due) = (State::Waiting, *due),
            Mark::Sent => kept.state = State::Sent,
            Mark::GivenUp { at, reason } => kept.state = State::GivenUp { at: *at, reason: reason.clone() },
        }
        Ok(())
    }

    async fn first_sent(
        &self,
        repo: RepoId,
        destination: Digest,
        thread: &str,
    ) -> Result<Option<Digest>, JournalError> {
        let state = self.state();
        let mut sent = state.letters.iter().filter(|kept| {
            kept.repo == repo
                && matches!(kept.state, State::Sent)
                && kept.letter.thread == thread
                && kept.letter.destination.digest() == destination
        });
        Ok(sent.next().map(|kept| kept.letter.id))
    }

    async fn letters(&self) -> Result<LetterFigures, JournalError> {
        let state = self.state();
        let given_up = state.letters.iter().filter(|kept| matches!(kept.state, State::GivenUp { .. })).count();
        let waiting = state.letters.iter().filter(|kept| kept.waits()).count();
        Ok(LetterFigures { waiting: waiting as u64, given_up: given_up as u64 })
    }

    async fn given_up(&self, most: u32) -> Result<Vec<GivenUp>, JournalError> {
        let state = self.state();
        let mut found: Vec<GivenUp> = state
            .letters
            .iter()
            .rev()
            .filter_map(|kept| match &kept.state {
                State::GivenUp { at, reason } => {
                    Some(GivenUp { repo: kept.repo, letter: kept.letter.clone(), at: *at, reason: reason.clone() })
                }
                State::Waiting | State::Begun | State::Sent => None,
            })
            .collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.at));
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn forget_letters(&self, before: Timestamp) -> Result<u64, JournalError> {
        let mut state = self.state();
        let all = state.letters.len();
        state.letters.retain(|kept| kept.waits() || kept.due >= before);
        Ok((all - state.letters.len()) as u64)
    }
}
