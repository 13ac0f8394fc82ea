//! What a receiver of a webhook calls back: kept when it comes, heard by the next look at its target.
//!
//! It never starts a delivery, and only speaks of one that the target took: of its generation, signed with the secret the policy
//! names, and not of one before somebody asked again.

use countersign_core::domain::{Alias, RepoId, RunState, TargetId, Timestamp};
use countersign_core::policy::{SyncRule, Target};
use countersign_core::sync::{Outcome, Run, SyncReason};

use crate::engine::book::Place;
use crate::engine::ports::{Callback, Journal, JournalError, NoteKey, Subject};
use crate::engine::{Engine, TurnError};

impl Engine {
    /// What a receiver said so far is no answer to another delivery.
    pub(super) async fn forget_callback(&self, place: &Place, id: &TargetId) -> Result<(), TurnError> {
        let Some(known) = known_callback(&*self.journal, place.repo.id, id).await? else { return Ok(()) };
        let text = serde_json::to_string(&Callback { over: true, ..known }).unwrap_or_default();
        Ok(self.journal.keep_note(place.repo.id, &NoteKey::Callback(id.clone()), &text).await?)
    }

    /// What a receiver said about the generation it took, if that changes anything.
    pub(super) async fn called_back(
        &self,
        place: &Place,
        id: &TargetId,
        run: &Run,
    ) -> Result<Option<Outcome>, TurnError> {
        if run.state != RunState::Accepted {
            return Ok(None);
        }
        let said = known_callback(&*self.journal, place.repo.id, id).await?.filter(|said| !said.over);
        let own = |secret: &Alias| match place.policy.sync(id).map(SyncRule::target) {
            Some(Target::Webhook { secret: named, .. }) => named == secret,
            Some(
                Target::Branch { .. }
                | Target::Workflow { .. }
                | Target::Event { .. }
                | Target::Flux { .. }
                | Target::ArgoCd { .. }
                | Target::GithubEnvironment { .. }
                | Target::Vault { .. }
                | Target::Kubernetes { .. }
                | Target::ExternalSecrets { .. },
            )
            | None => false,
        };
        Ok(said.filter(|said| said.generation == run.generation && own(&said.secret)).map(|said| {
            if said.converged { Outcome::Converged } else { Outcome::Refused(SyncReason::ReportedFailure.into()) }
        }))
    }
}

/// Takes what a receiver says about a delivery, for the next look at its target. An older word than the one that is known is none.
///
/// # Errors
/// When the store fails.
pub async fn take_callback(
    journal: &dyn Journal,
    repo: RepoId,
    id: &TargetId,
    callback: &Callback,
    now: Timestamp,
) -> Result<(), JournalError> {
    let newness = |callback: &Callback| (callback.generation, callback.at);
    let is_newer = match known_callback(journal, repo, id).await? {
        None => true,
        // a call that is over may come again, signed as it was
        Some(known) if known.over => newness(&known) < newness(callback),
        Some(known) => newness(&known) <= newness(callback),
    };
    if is_newer {
        let text = serde_json::to_string(callback).unwrap_or_default();
        journal.keep_note(repo, &NoteKey::Callback(id.clone()), &text).await?;
    }
    journal.schedule(&Subject::Sync(repo, id.clone()), now).await
}

/// The newest word of a receiver. A note that cannot be read is none.
async fn known_callback(journal: &dyn Journal, repo: RepoId, id: &TargetId) -> Result<Option<Callback>, JournalError> {
    let note = journal.note(repo, &NoteKey::Callback(id.clone())).await?;
    Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
}
