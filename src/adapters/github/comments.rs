//! Our own sticky comment: finding it, writing it once.
//!
//! Ours is what our own account wrote and what holds the marker; somebody else's copy of the marker is nothing.

use countersign_core::domain::{CommentId, PrNumber};
use countersign_core::effect::COMMENT_MARKER;
use countersign_core::facts::question::CommentRead;
use http::{Method, StatusCode};
use serde_json::json;

use super::client::Call;
use super::effects::cut;
use super::fault::Fault;
use super::wire::{CommentWire, UserWire};
use super::{GitHub, reading, writing};
use crate::engine::ports::RepoRef;

/// Longest comment, in characters: GitHub's limit is 65,536.
const LONGEST: usize = 60_000;

impl GitHub {
    /// `GET /repos/{owner}/{repo}/issues/{issue_number}/comments`, oldest first, until ours is found.
    pub(super) async fn our_comment(&self, repo: &RepoRef, change: PrNumber) -> Result<Option<CommentRead>, Fault> {
        self.find_comment(repo, change, |body| body.contains(COMMENT_MARKER)).await
    }

    pub(super) async fn find_comment(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        is_it: impl Fn(&str) -> bool + Send,
    ) -> Result<Option<CommentRead>, Fault> {
        let me = self.own_account(Some(repo)).await?;
        let path = self.repo_path(repo, &format!("/issues/{change}/comments?per_page=100"));
        let mut pages = self.client.pages(Call::get("issues.comments", reading(repo), path));
        while let Some(page) = pages.next::<Vec<CommentWire>>().await? {
            for comment in page {
                let is_ours = comment.user.as_ref().and_then(UserWire::account).is_some_and(|user| user.id == me.id);
                let body = comment.body.unwrap_or_default();
                if is_ours && is_it(&body) {
                    return Ok(Some(CommentRead { id: CommentId::new(comment.id), body }));
                }
            }
        }
        Ok(None)
    }

    /// Writes or edits. An edited comment that is gone is written anew; a doubtful write is looked for before it is repeated.
    pub(super) async fn comment(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        id: Option<CommentId>,
        body: &str,
    ) -> Result<CommentId, Fault> {
        let body = fitted(body);
        let Some(id) = id else { return self.new_comment(repo, change, &body).await };
        match self.edit_comment(repo, id, &body).await {
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => match self.our_comment(repo, change).await? {
                Some(found) => self.edit_comment(repo, found.id, &body).await,
                None => self.new_comment(repo, change, &body).await,
            },
            outcome => outcome,
        }
    }

    async fn edit_comment(&self, repo: &RepoRef, id: CommentId, body: &str) -> Result<CommentId, Fault> {
        let path = self.repo_path(repo, &format!("/issues/comments/{id}"));
        let call = Call::write("comments.update", writing(repo), Method::PATCH, path, json!({ "body": body }));
        self.once(
            || async {
                let wire: CommentWire = self.write(repo, call.clone()).await?.json()?;
                Ok(CommentId::new(wire.id))
            },
            || async {
                let wire: CommentWire =
                    self.read(repo, "comments.get", &format!("/issues/comments/{id}")).await?.json()?;
                Ok(is_same(&wire.body.unwrap_or_default(), body).then_some(id))
            },
        )
        .await
    }

    pub(super) async fn new_comment(&self, repo: &RepoRef, change: PrNumber, body: &str) -> Result<CommentId, Fault> {
        let path = self.repo_path(repo, &format!("/issues/{change}/comments"));
        let call = Call::write("comments.create", writing(repo), Method::POST, path, json!({ "body": body }));
        let is_sticky = body.contains(COMMENT_MARKER);
        self.once(
            || async {
                let wire: CommentWire = self.write(repo, call.clone()).await?.json()?;
                Ok(CommentId::new(wire.id))
            },
            || async {
                let is_it = |found: &str| is_same(found, body) || (is_sticky && found.contains(COMMENT_MARKER));
                match self.find_comment(repo, change, is_it).await? {
                    Some(found) if is_same(&found.body, body) => Ok(Some(found.id)),
                    Some(older) => self.edit_comment(repo, older.id, body).await.map(Some),
                    None => Ok(None),
                }
            },
        )
        .await
    }
}

/// GitHub may change line ends and outer blanks.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
    plain(one) == plain(other)
}

/// The body as it fits, its marker kept.
fn fitted(body: &str) -> String {
    let mut fitted = cut(body, LONGEST).to_owned();
    if body.contains(COMMENT_MARKER) && !fitted.contains(COMMENT_MARKER) {
        fitted.push('\n');
        fitted.push_str(COMMENT_MARKER);
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_comment_keeps_its_marker() {
        let long = format!("{}{COMMENT_MARKER}", "ä".repeat(70_000));
        let short = fitted(&long);
        assert!(short.ends_with(COMMENT_MARKER) && short.chars().count() < 65_000);
        assert_eq!(fitted("hello"), "hello");
    }
}
