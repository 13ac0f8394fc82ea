//! Comments on pull requests and issues, with their edit history.

use jiff::Timestamp;
use serde_json::json;

use super::State;
use crate::access::Actor;
use crate::error::{Outcome, Refusal};

/// One comment.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: Actor,
    pub(crate) body: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) edited: Option<(Actor, Timestamp)>,
    /// Hidden, and why.
    pub(crate) minimized: Option<String>,
    /// Former texts, oldest first.
    pub(crate) history: Vec<String>,
    pub(crate) reactions: Vec<(u64, Actor, String, Timestamp)>,
}

impl State {
    /// A comment by id.
    pub(crate) fn comment(&self, repo: u64, id: u64) -> Outcome<&Comment> {
        self.repo(repo)?.comments.get(&id).ok_or_else(Refusal::not_found)
    }

    /// Writes a comment.
    ///
    /// # Errors
    /// 404 without such a pull request, 422 for an empty or too long text.
    pub(crate) fn write_comment(&mut self, repo: u64, number: u64, actor: Actor, body: &str) -> Outcome<u64> {
        self.pull(repo, number)?;
        check_body(body)?;
        let id = self.big_id();
        let now = self.now();
        let comment = Comment {
            id,
            number,
            author: actor,
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
            edited: None,
            minimized: None,
            history: Vec::new(),
            reactions: Vec::new(),
        };
        self.repo_mut(repo)?.comments.insert(id, comment);
        self.pull_mut(repo, number)?.updated_at = now;
        self.emit_comment(repo, id, "created", actor, json!({}));
        Ok(id)
    }

    /// Changes a comment's text; who did is kept.
    pub(crate) fn edit_comment(&mut self, repo: u64, id: u64, actor: Actor, body: &str) -> Outcome<()> {
        check_body(body)?;
        let now = self.now();
        let comment = self.repo_mut(repo)?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
        let from = std::mem::replace(&mut comment.body, body.to_owned());
        comment.history.push(from.clone());
        comment.edited = Some((actor, now));
        comment.updated_at = now;
        let more = json!({"changes": {"body": {"from": from}}});
        self.emit_comment(repo, id, "edited", actor, more);
        Ok(())
    }

    /// Hides a comment, or shows it again. GitHub sends nothing for it.
    pub(crate) fn minimize_comment(&mut self, repo: u64, id: u64, reason: Option<&str>) -> Outcome<()> {
        let comment = self.repo_mut(repo)?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
        comment.minimized = reason.map(str::to_owned);
        Ok(())
    }

    /// Deletes a comment.
    pub(crate) fn delete_comment(&mut self, repo: u64, id: u64, actor: Actor) -> Outcome<()> {
        self.comment(repo, id)?;
        self.emit_comment(repo, id, "deleted", actor, json!({}));
        self.repo_mut(repo)?.comments.remove(&id);
        Ok(())
    }

    /// Adds a reaction; the same one twice is one. Returns its id and whether it is new.
    pub(crate) fn react(&mut self, repo: u64, id: u64, actor: Actor, content: &str) -> Outcome<(u64, bool)> {
        let new = self.big_id();
        let now = self.now();
        let comment = self.repo_mut(repo)?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
        let same = comment.reactions.iter().find(|(_, by, what, _)| by.account == actor.account && what == content);
        if let Some((found, ..)) = same {
            return Ok((*found, false));
        }
        comment.reactions.push((new, actor, content.to_owned(), now));
        Ok((new, true))
    }
}

fn check_body(body: &str) -> Outcome<()> {
    if body.trim().is_empty() {
        return Err(Refusal::invalid().field("IssueComment", "body", "missing_field"));
    }
    if body.chars().count() > 65_536 {
        return Err(Refusal::invalid().custom("IssueComment", "body is too long (maximum is 65536 characters)"));
    }
    Ok(())
}
