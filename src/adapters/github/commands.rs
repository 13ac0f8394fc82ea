//! Comments that hold commands: read one, react to it, answer it once.
//!
//! A reaction given twice is one reaction at GitHub; an answer is looked for by its marker before it is written.

use countersign_core::domain::{CommentId, PrNumber, Timestamp};
use countersign_core::effect::{COMMENT_MARKER, Reaction, reply_marker};
use countersign_core::event::command;
use countersign_core::facts::question::{CommentRead, CommentText};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::wire::UserWire;
use super::{GitHub, reading, scope};
use crate::engine::ports::RepoRef;

fn comment(operation: &'static str, change: PrNumber, wire: CommentTextWire) -> Result<CommentText, Fault> {
    let at = Timestamp::parse(&wire.created_at).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
    Ok(CommentText {
        id: CommentId::new(wire.id),
        change,
        author: wire.user.as_ref().and_then(UserWire::account),
        body: wire.body.unwrap_or_default(),
        at,
        edited: wire.created_at != wire.updated_at,
        editor: None,
        hidden: None,
        through_an_app: Some(wire.performed_via_github_app.is_some_and(|app| !app.is_null())),
    })
}

#[derive(Deserialize)]
struct CommentTextWire {
    id: u64,
    body: Option<String>,
    user: Option<UserWire>,
    #[serde(default)]
    issue_url: String,
    created_at: String,
    updated_at: String,
    performed_via_github_app: Option<Value>,
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}/issues/comments/{comment_id}`.
    pub(super) async fn comment_text(&self, repo: &RepoRef, id: CommentId) -> Result<Option<CommentText>, Fault> {
        let operation = "comments.get";
        let wire: CommentTextWire = match self.read(repo, operation, &format!("/issues/comments/{id}")).await {
            Ok(reply) => reply.json()?,
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let number = wire.issue_url.rsplit('/').next().and_then(|text| text.parse().ok());
        let change = number.ok_or_else(|| Fault::garbled(operation, "a comment belongs to no pull request"))?;
        comment(operation, PrNumber::new(change), wire).map(Some)
    }

    /// `GET /repos/{owner}/{repo}/issues/{issue_number}/comments`, oldest first: those that could hold a command, and our own sticky
    /// one. REST does not say which are hidden.
    pub(super) async fn comments(
        &self,
        repo: &RepoRef,
        number: PrNumber,
    ) -> Result<(Vec<CommentText>, Option<CommentRead>), Fault> {
        let operation = "issues.comments";
        let me = self.own_account(Some(repo)).await?;
        let path = self.repo_path(repo, &format!("/issues/{number}/comments?per_page=100"));
        let wires: Vec<CommentTextWire> = self.client.pages(Call::get(operation, reading(repo), path)).all().await?;
        let (mut texts, mut ours) = (Vec::new(), None);
        for wire in wires {
            let text = comment(operation, number, wire)?;
            let is_ours = text.author.as_ref().is_some_and(|author| author.id == me.id);
            if is_ours && ours.is_none() && text.body.contains(COMMENT_MARKER) {
                ours = Some(CommentRead { id: text.id, body: text.body });
            } else if command::may_hold_one(&text.body) {
                texts.push(text);
            }
        }
        Ok((texts, ours))
    }

    /// `POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions`.
    pub(super) async fn react(&self, repo: &RepoRef, comment: CommentId, reaction: Reaction) -> Result<(), Fault> {
        let path = self.repo_path(repo, &format!("/issues/comments/{comment}/reactions"));
        let auth = Auth::Scope(scope(repo, Purpose::Write));
        let call = Call::write("reactions.create", auth, Method::POST, path, json!({ "content": reaction.word() }));
        self.write(repo, call).await.map(|_| ())
    }

    /// `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`; the answer that is there, if there is one already.
    pub(super) async fn reply(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        to: CommentId,
        body: &str,
    ) -> Result<CommentId, Fault> {
        let marker = reply_marker(to);
        match self.find_comment(repo, change, |found| found.contains(&marker)).await? {
            Some(found) => Ok(found.id),
            None => self.new_comment(repo, change, body).await,
        }
    }
}
