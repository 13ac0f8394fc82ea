//! A comment that may hold a command: read it, ask who wrote it, carry it out once, say what became of it.
//!
//! A command counts only if GitHub shows the comment now, unedited, by a person, in that person's own name (R14). What was handled
//! is noted; everything before that can be repeated without a second effect.

use countersign_core::domain::{
    Account, AccountKind, CommentId, Environment, Permission, RepoId, TargetId, TargetName, Timestamp,
};
use countersign_core::effect::{self, Effect, Reaction};
use countersign_core::event::command::{self, Command, Read};
use countersign_core::facts::Question;
use countersign_core::facts::question::CommentText;
use tracing::{info, warn};

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::ports::{Claim, ForgeErrorKind, Freshness, NoteKey, RepoRef, Subject};
use super::{Engine, TurnError};

/// What becomes of a command.
enum Answered {
    /// It is carried out; a person sees the reaction.
    Done,
    /// It is not; why, and the next action.
    Refused(String, Option<String>),
}

impl Engine {
    /// One look at a comment.
    pub(super) async fn look_at_command(
        &self,
        claim: &Claim,
        repo: RepoId,
        id: CommentId,
    ) -> Result<Option<Timestamp>, TurnError> {
        let key = NoteKey::Command(id);
        if self.journal.note(repo, &key).await?.is_some() {
            return Ok(None);
        }
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let read = self.forge.answer(&repo, &Question::Comment(id), Freshness::Now).await?.comment()?;
        let Some(comment) = read else { return Ok(None) };
        let Some(author) = speaker(&comment) else { return Ok(None) };
        let asked = command::read(&comment.body);
        if asked == Read::Nothing {
            return Ok(None);
        }
        let Found::Managed(place) = self.find(claim, &repo, &[]).await? else { return Ok(None) };
        self.react(claim, &repo, id, Reaction::Eyes).await?;
        here(Point::CommandSeen);
        let answered = match asked {
            Read::Nothing => return Ok(None),
            Read::Unclear { why, help } => Answered::Refused(why, Some(help)),
            Read::Command(Command::NotYet(verb)) => Answered::Refused(
                format!("`{}` is not yet supported", verb.word()),
                Some("this release carries out `/countersign sync`".to_owned()),
            ),
            Read::Command(Command::Sync { environment, target }) => {
                self.sync_again(&place, &author, id, (environment, target)).await?
            }
        };
        here(Point::CommandDone);
        let reaction = match answered {
            Answered::Done => Reaction::Rocket,
            Answered::Refused(why, help) => {
                info!(comment = %id, by = %author.login, "a command was refused: {why}");
                let body = effect::reply(id, &author.login, &why, help.as_deref());
                self.still_ours(claim).await?;
                let reply = Effect::Reply { change: comment.change, to: id, body };
                match self.forge.apply(&repo, &reply).await {
                    Ok(_) => {}
                    // a locked conversation takes no answer; the reaction says enough
                    Err(fault) if fault.kind == ForgeErrorKind::Forbidden => warn!(%fault, "no answer can be written"),
                    Err(fault) => return Err(fault.into()),
                }
                Reaction::Confused
            }
        };
        self.react(claim, &repo, id, reaction).await?;
        here(Point::CommandAnswered);
        self.journal.keep_note(repo.id, &key, reaction.word()).await?;
        Ok(None)
    }

    /// A reaction is a courtesy: without the permission for it the command is carried out all the same.
    async fn react(&self, claim: &Claim, repo: &RepoRef, id: CommentId, reaction: Reaction) -> Result<(), TurnError> {
        self.still_ours(claim).await?;
        match self.forge.apply(repo, &Effect::React { comment: id, reaction }).await {
            Ok(_) => Ok(()),
            Err(fault)
                if matches!(
                    fault.kind,
                    ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Refused
                ) =>
            {
                warn!(%fault, "no reaction can be given");
                Ok(())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// `sync [target]`: by somebody with write, to targets that the policy names.
    async fn sync_again(
        &self,
        place: &Place,
        author: &Account,
        comment: CommentId,
        (environment, target): (Option<Environment>, Option<TargetName>),
    ) -> Result<Answered, TurnError> {
        let question = Question::Permission(author.login.clone());
        let held = self.forge.answer(&place.repo, &question, Freshness::Now).await?.permission()?;
        if held < Permission::Write {
            let why = format!("`sync` needs write on this repository; you have {}", held.word());
            return Ok(Answered::Refused(why, Some("ask somebody with write".to_owned())));
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
            return Ok(Answered::Refused("there is no such target".to_owned(), Some(help)));
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

/// Who gives a command: the author of an unedited comment, a person, in their own name (R14, R17).
fn speaker(comment: &CommentText) -> Option<Account> {
    let author = comment.author.clone()?;
    let person = author.kind == AccountKind::User;
    (person && !comment.edited && !comment.through_an_app).then_some(author)
}
