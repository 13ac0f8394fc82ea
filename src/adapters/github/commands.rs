//! Comments that hold commands: read one, react to it, answer it once.
//!
//! A reaction given twice is one reaction at GitHub; an answer is looked for by its marker before it is written.

use countersign_core::domain::{CommentId, PrNumber};
use countersign_core::effect::{Reaction, reply_marker};
use countersign_core::facts::question::CommentText;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::wire::UserWire;
use super::{GitHub, scope};
use crate::engine::ports::RepoRef;

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
        Ok(Some(CommentText {
            id: CommentId::new(wire.id),
            change: PrNumber::new(change),
            author: wire.user.as_ref().and_then(UserWire::account),
            body: wire.body.unwrap_or_default(),
            edited: wire.created_at != wire.updated_at,
            through_an_app: wire.performed_via_github_app.is_some_and(|app| !app.is_null()),
        }))
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
