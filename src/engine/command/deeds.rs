//! Commands that do something once: another look, another delivery; and whether a closed request was looked at with a word in mind.
//!
//! Each can be repeated without a second effect: a note that is there, a number that only rises.

use countersign_core::domain::{Account, CommentId, Environment, Permission, TargetId, TargetName};
use countersign_core::event::command::{Command, Spoken, Verb};
use countersign_core::facts::question::{ChangeRead, CommentText};
use countersign_core::facts::{BypassSource, Facts, Question, VoteSource};
use tracing::info;

use super::super::book::Place;
use super::super::ports::{Claim, Freshness, NoteKey, Subject};
use super::super::{Engine, TurnError, lock};
use super::answer::Hearing;
use super::{Answered, not_shown, refused};

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
        let bypass = BypassSource::Comment(comment.id);
        Ok(voted
            || facts.is_some_and(|facts| {
                facts.asked.iter().any(|asked| asked.comment == comment.id)
                    || facts.bypasses.iter().any(|asked| asked.source == bypass)
            }))
    }

    /// A word about what was merged by a bypass: judged as its ratification is. `None`: nothing of that kind is said here.
    pub(super) async fn about_a_debt(
        &self,
        claim: &Claim,
        place: &Place,
        (comment, author): (&CommentText, &Account),
        (read, command): (&ChangeRead, &Command),
    ) -> Result<Option<Answered>, TurnError> {
        let Command::Spoken(spoken) = command else { return Ok(None) };
        let merged = place.state().merge_of_pull(comment.change).map(|(_, merge)| merge.decision);
        let known = merged.and_then(|decision| Some((decision, place.state().bypass(decision)?)));
        let Some((decision, known)) = known.filter(|_| read.merged) else {
            let why = "`ratify` is for what was merged by a bypass, and this was not";
            return Ok((*spoken == Spoken::Ratify).then(|| refused(why, "nothing to do")));
        };
        match spoken {
            Spoken::Ratify | Spoken::Approve(_) | Spoken::Withdraw | Spoken::Reject | Spoken::Waive(_) => {}
            Spoken::Bypass { .. } | Spoken::Pause(_) | Spoken::Unpause => return Ok(None),
        }
        if let Some((entry, ratification)) = &known.ratified {
            let theirs = ratification.ratified_by.iter().any(|approval| approval.user == author.id);
            let already = refused(format!("this is ratified already, by {}", entry.label()), "nothing to do");
            return Ok(Some(if theirs { Answered::Done } else { already }));
        }
        let judged = self.ratifying(place, read, decision, Freshness::Display).await?;
        let (facts, judgement) = (&judged.gathered.facts, &judged.decision);
        let hearing =
            Hearing { policy: &judged.policy, facts, decision: judgement, comment: comment.id, speaker: author };
        if !hearing.is_heard() {
            return not_shown(claim, judgement.head.short()).map(Some);
        }
        self.journal.schedule(&Subject::Change(place.repo.id, comment.change), self.clock.now()).await?;
        Ok(Some(hearing.of(spoken)))
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
