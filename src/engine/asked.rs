//! What people with write ask for in comments and a look at the pull request needs to know: its merge, or that a fork's request is
//! treated as any other.
//!
//! Remembers what was asked; who may ask is the command's question, what follows from it the decision's. A lost note is asked again.

use countersign_core::domain::{Account, Permission, PrNumber, RepoId};
use countersign_core::facts::question::ChangeRead;
use countersign_core::facts::{MergeAsked, Question};
use serde::Serialize;

use super::ports::{ForgeErrorKind, Freshness, NoteKey, RepoRef, Subject};
use super::{Engine, TurnError};

impl Engine {
    /// Remembers that somebody who may asks for the merge of a head, and has the pull request looked at.
    pub(super) async fn ask_to_merge(
        &self,
        repo: RepoId,
        change: PrNumber,
        asked: &MergeAsked,
    ) -> Result<(), TurnError> {
        self.keep_asked(repo, change, &NoteKey::MergeAsked(change), asked).await
    }

    /// Remembers that somebody who may says `recheck` of a fork's request, and has it looked at.
    pub(super) async fn vouch(&self, repo: RepoId, change: PrNumber, by: &Account) -> Result<(), TurnError> {
        self.keep_asked(repo, change, &NoteKey::Vouched(change), by).await
    }

    async fn keep_asked(
        &self,
        repo: RepoId,
        change: PrNumber,
        key: &NoteKey,
        asked: &(impl Serialize + Sync),
    ) -> Result<(), TurnError> {
        let text = serde_json::to_string(asked).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        self.journal.keep_note(repo, key, &text).await?;
        self.journal.schedule(&Subject::Change(repo, change), self.clock.now()).await?;
        Ok(())
    }

    /// Who asked last; nobody, where the note cannot be read.
    pub(super) async fn merge_asked(&self, repo: RepoId, change: PrNumber) -> Result<Option<MergeAsked>, TurnError> {
        let note = self.journal.note(repo, &NoteKey::MergeAsked(change)).await?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Whether a fork's request is by somebody who may write here, or somebody who may has vouched for it.
    pub(super) async fn is_vouched(&self, repo: &RepoRef, read: &ChangeRead) -> Result<bool, TurnError> {
        if self.journal.note(repo.id, &NoteKey::Vouched(read.number)).await?.is_some() {
            return Ok(true);
        }
        let Some(author) = &read.author else { return Ok(false) };
        match self.forge.answer(repo, &Question::Permission(author.login.clone()), Freshness::Display).await {
            Ok(answer) => Ok(answer.permission()? >= Permission::Write),
            Err(fault) => match fault.kind {
                ForgeErrorKind::Wait(_) | ForgeErrorKind::Credentials | ForgeErrorKind::Later => Err(fault.into()),
                ForgeErrorKind::Forbidden
                | ForgeErrorKind::NotFound
                | ForgeErrorKind::Refused
                | ForgeErrorKind::Garbled => Ok(false),
            },
        }
    }
}
