//! A comment that may hold a command: read it, ask who wrote it, carry it out once, say what became of it.
//!
//! A command counts only if GitHub shows the comment now, unedited, by a person, in that person's own name (R14). What was handled
//! is noted; everything before that can be repeated without a second effect. What stands with its comment (votes, pauses) is not
//! carried out here at all: each look at the change reads it there, and this turn only answers.

mod answer;
mod deeds;
mod help;
pub(super) mod limit;

use countersign_core::decision::decide;
use countersign_core::domain::{Account, AccountKind, CommentId, Digest, RepoId, Timestamp};
use countersign_core::effect::{self, Effect, Reaction};
use countersign_core::event::command::{self, Command, Ground, Read, Verb};
use countersign_core::facts::question::{ChangeRead, CommentText};
use countersign_core::facts::{MergeAsked, Question};
use tracing::{info, warn};

use super::book::{Found, Place};
use super::crash::{Point, here};
use super::gather::pull_ref;
use super::ports::{Claim, ForgeErrorKind, Freshness, NoteKey, RepoRef, Subject};
use super::{Engine, TurnError, lock};
use answer::Hearing;
use help::help_page;
use limit::Allowance;

/// Looks at a command that GitHub does not show among the comments of the request, before it is refused.
const PATIENCE: u32 = 10;

/// What becomes of a command.
enum Answered {
    /// It is carried out; a person sees the reaction.
    Done,
    /// The answer is something to read.
    Told(String),
    /// It is not; why, and the next action.
    Refused(String, Option<String>),
    /// Something could not be read: asked again.
    NotYet,
}

/// A refusal with a way out.
fn refused(why: impl Into<String>, help: impl Into<String>) -> Answered {
    Answered::Refused(why.into(), Some(help.into()))
}

impl Engine {
    /// One look at a comment.
    pub(super) async fn look_at_command(
        &self,
        claim: &Claim,
        repo: RepoId,
        id: CommentId,
    ) -> Result<Option<Timestamp>, TurnError> {
        if self.journal.note(repo, &NoteKey::Command(id)).await?.is_some() {
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
        let allowance = self.allowance(&repo, (&comment, &author), &asked);
        if allowance == Allowance::Silence {
            self.journal.keep_note(repo.id, &NoteKey::Command(id), "left").await?;
            return Ok(None);
        }
        let found = self.find(claim, &repo, &[pull_ref(comment.change)]).await?;
        if matches!(found, Found::Unmanaged) {
            return Ok(None);
        }
        self.react(claim, &repo, id, Reaction::Eyes).await?;
        here(Point::CommandSeen);
        let answered = match (allowance, found) {
            (Allowance::TooMany, _) => refused(
                "those are more commands than are answered in a minute",
                "wait a minute; votes count all the same",
            ),
            (Allowance::Do | Allowance::Again | Allowance::Silence, Found::Managed(place)) => {
                self.obey(claim, &place, (&comment, &author), asked).await?
            }
            (_, Found::Closed(closed)) => refused(closed.words, closed.help),
            (_, Found::Unmanaged) => return Ok(None),
        };
        here(Point::CommandDone);
        let reaction = self.answer(claim, &repo, (&comment, &author), (answered, allowance)).await?;
        self.react(claim, &repo, id, reaction).await?;
        here(Point::CommandAnswered);
        self.journal.keep_note(repo.id, &NoteKey::Command(id), reaction.word()).await?;
        Ok(None)
    }

    fn allowance(&self, repo: &RepoRef, (comment, author): (&CommentText, &Account), asked: &Read) -> Allowance {
        let verb = match asked {
            Read::Command(command) => Some(command.verb()),
            Read::Nothing | Read::Unclear { .. } => None,
        };
        let text = Digest::of(comment.body.trim().as_bytes());
        let who = (repo.id, comment.change, author.id);
        limit::allow(&mut lock(&self.memory.speaking), who, (comment.id, comment.at), (verb, text))
    }

    /// Writes the one reply, where there is something to read; the reaction that says the rest.
    async fn answer(
        &self,
        claim: &Claim,
        repo: &RepoRef,
        (comment, author): (&CommentText, &Account),
        (answered, allowance): (Answered, Allowance),
    ) -> Result<Reaction, TurnError> {
        let (reaction, body) = match answered {
            Answered::Done => return Ok(Reaction::Rocket),
            Answered::NotYet => return Err(TurnError::Unsure),
            Answered::Told(page) => (Reaction::Rocket, effect::told(comment.id, &page)),
            Answered::Refused(why, help) => {
                info!(comment = %comment.id, by = %author.login, "a command was refused: {why}");
                (Reaction::Confused, effect::reply(comment.id, &author.login, &why, help.as_deref()))
            }
        };
        if allowance == Allowance::Again {
            return Ok(reaction);
        }
        self.still_ours(claim).await?;
        let reply = Effect::Reply { change: comment.change, to: comment.id, body };
        match self.forge.apply(repo, &reply).await {
            Ok(_) => Ok(reaction),
            // a locked conversation takes no answer; the reaction says enough
            Err(fault) if fault.kind == ForgeErrorKind::Forbidden => {
                warn!(%fault, "no answer can be written");
                Ok(reaction)
            }
            Err(fault) => Err(fault.into()),
        }
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

    async fn obey(
        &self,
        claim: &Claim,
        place: &Place,
        (comment, author): (&CommentText, &Account),
        asked: Read,
    ) -> Result<Answered, TurnError> {
        let command = match asked {
            Read::Nothing => return Ok(Answered::Done),
            Read::Unclear { verb: Some(Verb::Approve), why, .. } => {
                return self.line_to_paste(place, comment, why).await;
            }
            Read::Unclear { why, help, .. } => return Ok(refused(why, help)),
            Read::Command(command) => command,
        };
        match command {
            Command::NotYet(verb) => {
                let instead = verb.entry().instead.unwrap_or("`/countersign help` lists the commands");
                Ok(refused(format!("`{}` is not supported yet", verb.word()), instead))
            }
            Command::Help => Ok(Answered::Told(help_page())),
            Command::Sync { environment, target } => {
                self.sync_again(place, author, comment.id, (environment, target)).await
            }
            Command::Recheck => self.recheck(place, (comment, author)).await,
            Command::Spoken(_) | Command::Merge | Command::Explain(_) | Command::Status => {
                self.about_the_change(claim, place, (comment, author), command).await
            }
        }
    }

    /// A command about the change itself: judged as a look at the change would.
    async fn about_the_change(
        &self,
        claim: &Claim,
        place: &Place,
        (comment, author): (&CommentText, &Account),
        command: Command,
    ) -> Result<Answered, TurnError> {
        let read = self.change_of(place, comment).await?;
        if let Some(answered) = self.about_a_debt(claim, place, (comment, author), (&read, &command)).await? {
            return Ok(answered);
        }
        if !read.open && self.was_heeded(place, (comment, author), &command).await? {
            return Ok(Answered::Done);
        }
        if let Some(refusal) = out_of_place(place, &read, command.verb()) {
            return Ok(refusal);
        }
        let head = read.head.clone();
        let mut gathered = self.gather(place, read, Freshness::Display).await?;
        if command == Command::Merge {
            let asking = self.authority_of(place, (&[], std::slice::from_ref(author)), Freshness::Now).await?;
            gathered.facts.authority.extend(asking);
        }
        let facts = &gathered.facts;
        let decision = decide(&place.policy, facts);
        let hearing =
            Hearing { policy: &place.policy, facts, decision: &decision, comment: comment.id, speaker: author };
        match command {
            Command::Status => Ok(Answered::Told(effect::status_page(&decision, facts))),
            Command::Explain(None) => Ok(Answered::Told(effect::explain_page(&decision, facts))),
            Command::Explain(Some(whom)) => Ok(Answered::Told(effect::explain_person(&decision, facts, &whom))),
            Command::Merge => {
                let answered = hearing.of_merging();
                if let Answered::Done = answered {
                    let asked = MergeAsked { by: author.clone(), head: facts.change.head.clone(), at: comment.at };
                    self.ask_to_merge(place.repo.id, comment.change, &asked).await?;
                }
                Ok(answered)
            }
            Command::Spoken(spoken) => {
                if !hearing.is_heard() {
                    return not_shown(claim, head.short());
                }
                // the look that GitHub's delivery asked for may have come before the comment could be read
                self.journal.schedule(&Subject::Change(place.repo.id, comment.change), self.clock.now()).await?;
                Ok(hearing.of(&spoken))
            }
            Command::NotYet(_) | Command::Help | Command::Recheck | Command::Sync { .. } => Ok(Answered::Done),
        }
    }

    async fn change_of(&self, place: &Place, comment: &CommentText) -> Result<ChangeRead, TurnError> {
        Ok(*self.forge.answer(&place.repo, &Question::Change(comment.change), Freshness::Now).await?.change()?)
    }

    /// An approval that names no whole commit is answered with the line that would (R16).
    async fn line_to_paste(&self, place: &Place, comment: &CommentText, why: String) -> Result<Answered, TurnError> {
        let read = self.change_of(place, comment).await?;
        if let Some(refusal) = out_of_place(place, &read, Verb::Approve) {
            return Ok(refusal);
        }
        Ok(refused(why, format!("to approve the present head, write `/countersign approve {}`", read.head)))
    }
}

/// Who gives a command: the author of an unedited comment, a person, in their own name (R14, R17).
fn speaker(comment: &CommentText) -> Option<Account> {
    let author = comment.author.clone()?;
    let person = author.kind == AccountKind::User;
    (person && !comment.edited && comment.through_an_app == Some(false)).then_some(author)
}

/// Why a verb cannot be said here, if it cannot.
fn out_of_place(place: &Place, read: &ChangeRead, verb: Verb) -> Option<Answered> {
    if !place.governs(&read.base) {
        let why = format!("no policy governs `{}`, where this request aims", read.base.short());
        return Some(refused(why, "nothing need be approved here"));
    }
    if read.open {
        return None;
    }
    let merged = place.state().merge_of_pull(read.number);
    let stands = match merged {
        Some((_, merge)) => {
            format!("this request was merged as `{}`, decision `{}`", merge.commit.short(), merge.decision.label())
        }
        None if read.merged => "this request is merged".to_owned(),
        None => "this request is closed".to_owned(),
    };
    Some(match verb.entry().ground {
        Ground::Any if merged.is_some() => {
            Answered::Told(format!("{stands}; the comment above says how it was counted.\n"))
        }
        Ground::Any | Ground::Open | Ground::Merged if read.merged => {
            refused(stands, "propose another change by pushing a branch")
        }
        Ground::Any | Ground::Open | Ground::Merged => refused(stands, "open it again first"),
    })
}

/// A comment that was read a moment ago and is not listed under its request: GitHub is late, or somebody hid it.
fn not_shown(claim: &Claim, head: &str) -> Result<Answered, TurnError> {
    if claim.attempts < PATIENCE {
        return Err(TurnError::KeptMoving(head.to_owned()));
    }
    Ok(refused(
        "GitHub does not show this comment so that it can be counted",
        "write it again, or review the pull request",
    ))
}
