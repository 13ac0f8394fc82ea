//! Commands that do something once: another look, another delivery; and whether a closed request was looked at with a word in mind.
//!
//! Each can be repeated without a second effect: a note that is there, a number that only rises.

use countersign_core::domain::{Account, CommentId, Environment, Permission, TargetId, TargetName};
use countersign_core::event::command::{Command, Verb};
use countersign_core::facts::question::CommentText;
use countersign_core::facts::{Facts, Question, VoteSource};
use tracing::info;

use super::super::book::Place;
use super::super::ports::{Freshness, NoteKey, Subject};
use super::super::{Engine, TurnError, lock};
use super::{Answered, refused};

impl Engine {
    /// `recheck`: another look, and a fork's request is treated as any other from now on.
    pub(super) async fn recheck(
        &self,
        place: &Place,
        (comment, author): (&CommentText, &Account),
    ) -> Result<Answered, TurnError> {
        if let Some(refusal) = self.without_write(place, author, Verb::Recheck).await? {
            return Ok(refusal);
        }
        lock(&self.memory.settled).remove(&(place.repo.id, comment.change));
        self.vouch(place.repo.id, comment.change, author).await?;
        Ok(Answered::Done)
    }

    /// Refuses who may not write.
    async fn without_write(&self, place: &Place, author: &Account, verb: Verb) -> Result<Option<Answered>, TurnError> {
        let question = Question::Permission(author.login.clone());
        let held = self.forge.answer(&place.repo, &question, Freshness::Now).await?.permission()?;
        let why = || format!("`{}` needs write on this repository; you have {}", verb.word(), held.word());
        Ok((held < Permission::Write).then(|| refused(why(), "ask somebody with write")))
    }

    /// Whether a request that is closed by now was looked at with this word in mind: the last approval is often the end of it.
    pub(super) async fn was_heeded(
        &self,
        place: &Place,
        (comment, author): (&CommentText, &Account),
        command: &Command,
    ) -> Result<bool, TurnError> {
        if *command == Command::Merge {
            let asked = self.merge_asked(place.repo.id, comment.change).await?;
            return Ok(asked.is_some_and(|asked| asked.by.id == author.id && asked.at == comment.at));
        }
        let voted = place.state().vote(VoteSource::Comment(comment.id)).is_some();
        let merged = place.state().merge_of_pull(comment.change).map(|(_, merge)| merge.decision);
        let decided = merged.and_then(|decision| place.state().decisions().get(&decision));
        let facts = decided.and_then(|entry| serde_json::from_value::<Facts>(entry.facts.as_json().clone()).ok());
        Ok(voted || facts.is_some_and(|facts| facts.asked.iter().any(|asked| asked.comment == comment.id)))
    }

    /// `sync [target]`: by somebody with write, to targets that the policy names.
    pub(super) async fn sync_again(
        &self,
        place: &Place,
        author: &Account,
        comment: CommentId,
        (environment, target): (Option<Environment>, Option<TargetName>),
    ) -> Result<Answered, TurnError> {
        if let Some(refusal) = self.without_write(place, author, Verb::Sync).await? {
            return Ok(refusal);
        }
        let all: Vec<TargetId> = place.policy.syncs().map(|(id, _)| id).collect();
        let meant: Vec<&TargetId> = all
            .iter()
            .filter(|id| environment.as_ref().is_none_or(|environment| id.environment == *environment))
            .filter(|id| target.as_ref().is_none_or(|target| id.target == *target))
            .collect();
        if meant.is_empty() {
            let names: Vec<String> = all.iter().map(|id| format!("`{id}`")).collect();
            let help = if names.is_empty() {
                "the policy names none: add `syncs` to an environment".to_owned()
            } else {
                format!("the targets are {}", names.join(", "))
            };
            return Ok(refused("there is no such target", help));
        }
        for id in meant {
            let key = NoteKey::Asked(id.clone());
            let known = self.journal.note(place.repo.id, &key).await?;
            let newest = known.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0).max(comment.get());
            self.journal.keep_note(place.repo.id, &key, &newest.to_string()).await?;
            self.journal.schedule(&Subject::Sync(place.repo.id, id.clone()), self.clock.now()).await?;
            info!(target = %id, by = %author.login, "a person asks for another delivery");
        }
        Ok(Answered::Done)
    }
}
