//! Who asked for the merge of a pull request: what an environment with `merge: manual` waits for.
//!
//! Remembers what was asked; who may ask is the command's question, what follows from it the decision's. A lost note is asked again.

use countersign_core::domain::{PrNumber, RepoId};
use countersign_core::facts::MergeAsked;

use super::ports::{NoteKey, Subject};
use super::{Engine, TurnError};

impl Engine {
    /// Remembers that somebody who may asks for the merge of a head, and has the pull request looked at.
    #[expect(dead_code, reason = "called by the command `merge`, which is built beside this")]
    pub(super) async fn ask_to_merge(
        &self,
        repo: RepoId,
        change: PrNumber,
        asked: &MergeAsked,
    ) -> Result<(), TurnError> {
        let text = serde_json::to_string(asked).map_err(|fault| TurnError::Ledger(fault.to_string()))?;
        self.journal.keep_note(repo, &NoteKey::MergeAsked(change), &text).await?;
        self.journal.schedule(&Subject::Change(repo, change), self.clock.now()).await?;
        Ok(())
    }

    /// Who asked last; nobody, where the note cannot be read.
    pub(super) async fn merge_asked(&self, repo: RepoId, change: PrNumber) -> Result<Option<MergeAsked>, TurnError> {
        let note = self.journal.note(repo, &NoteKey::MergeAsked(change)).await?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
