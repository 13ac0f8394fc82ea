//! Effects on pull requests, each carried out once.
//!
//! A write that ended in a 5xx or without an answer is looked for before it is repeated, and repeated at most once. Nothing here
//! decides whether an effect is right: a merge names the head the decision was about, and GitHub compares.

use countersign_core::domain::{Login, Oid, PrNumber, RefName, TeamSlug};
use countersign_core::effect::{Effect, Receipt};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encode;
use super::client::Call;
use super::comments::is_same;
use super::fault::Fault;
use super::wire::PullWire;
use super::{GitHub, writing};
use crate::engine::ports::{ForgeErrorKind, RepoRef};

/// Longest title GitHub takes, in characters.
const TITLE: usize = 256;
/// Longest body, in characters: GitHub's limit is 65,536.
const BODY: usize = 60_000;

#[derive(Deserialize)]
struct MergedWire {
    sha: Option<String>,
    merged: bool,
}

#[derive(Deserialize)]
struct RefWire {
    object: ObjectWire,
}

#[derive(Deserialize)]
struct ObjectWire {
    sha: String,
}

/// The first `most` characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

impl GitHub {
    pub(super) async fn perform(&self, repo: &RepoRef, effect: &Effect) -> Result<Receipt, Fault> {
        match effect {
            Effect::OpenChange { head, base, title, body } => {
                self.open_change(repo, head, base, title, body).await.map(Receipt::Opened)
            }
            Effect::DescribeChange { change, title, body } => {
                self.describe(repo, *change, title, body).await.map(|()| Receipt::Done)
            }
            Effect::RequestReviewers { change, users, teams } => {
                self.request_reviewers(repo, *change, users, teams).await.map(|()| Receipt::Done)
            }
            Effect::SetCheck { head, id, check } => self.set_check(repo, head, *id, check).await.map(Receipt::Check),
            Effect::Comment { change, id, body } => self.comment(repo, *change, *id, body).await.map(Receipt::Comment),
            Effect::Merge { change, proof, title, message } => {
                if proof.repository() != repo.id || proof.change() != *change {
                    let words = "the proof is about another pull request";
                    return Err(Fault::new(ForgeErrorKind::Refused, "pulls.merge", words));
                }
                self.merge(repo, *change, (proof.head(), proof.base()), title, message).await.map(Receipt::Merged)
            }
            Effect::CreateDeployment { commit, id, generation } => {
                self.create_deployment(repo, commit, id, *generation).await.map(Receipt::Deployment)
            }
            Effect::SetDeployment { deployment, environment, state, description, log_url } => {
                let says = (*state, description.as_str(), log_url.as_deref());
                self.set_deployment(repo, *deployment, environment, says).await.map(|()| Receipt::Done)
            }
            Effect::StartWorkflow { file, reference, order } => {
                self.start_workflow(repo, file, reference, order).await.map(Receipt::Started)
            }
            Effect::SendEvent { event, order } => self.send_event(repo, event, order).await.map(|()| Receipt::Done),
            Effect::AnswerJob { run, environment, verdict, comment } => {
                let said = (*verdict, comment.as_str());
                self.answer_job(repo, *run, environment, said).await.map(|()| Receipt::Done)
            }
            Effect::CloseChange { change, marker, body } => {
                self.close(repo, *change, marker, body).await.map(|()| Receipt::Done)
            }
            Effect::Tell { change, marker, body } => {
                self.tell(repo, *change, marker, body).await.map(|()| Receipt::Done)
            }
            Effect::Label { change, name } => self.label(repo, *change, name).await.map(|()| Receipt::Done),
            Effect::React { comment, reaction } => self.react(repo, *comment, *reaction).await.map(|()| Receipt::Done),
            Effect::Reply { change, to, body } => self.reply(repo, *change, *to, body).await.map(Receipt::Comment),
        }
    }

    /// Writes; when it is doubtful whether that had an effect, looks, and only then writes once more.
    pub(super) async fn once<T, W, L>(&self, write: impl Fn() -> W, look: impl Fn() -> L) -> Result<T, Fault>
    where
        W: Future<Output = Result<T, Fault>>,
        L: Future<Output = Result<Option<T>, Fault>>,
    {
        let first = match write().await {
            Err(fault) if fault.is_doubtful() => fault,
            outcome => return outcome,
        };
        tracing::warn!(operation = first.operation, reason = first.message, "a write is doubtful, looking for it");
        tokio::time::sleep(self.settle).await;
        if let Some(found) = look().await? {
            return Ok(found);
        }
        match write().await {
            Err(fault) if fault.is_doubtful() => {
                tokio::time::sleep(self.settle).await;
                look().await?.ok_or(fault)
            }
            outcome => outcome,
        }
    }

    /// `POST /repos/{owner}/{repo}/pulls`; the open one, if there is one already.
    async fn open_change(
        &self,
        repo: &RepoRef,
        head: &RefName,
        base: &RefName,
        title: &str,
        body: &str,
    ) -> Result<PrNumber, Fault> {
        let wanted = json!({
            "head": head.short(), "base": base.short(), "title": cut(title, TITLE), "body": cut(body, BODY),
        });
        let call = Call::write("pulls.create", writing(repo), Method::POST, self.repo_path(repo, "/pulls"), wanted);
        let look = || async {
            let open = self.changes_of_branch(repo, head, base, "open").await?;
            Ok(open.into_iter().find(|change| change.open).map(|change| change.number))
        };
        let outcome = self
            .once(
                || async {
                    let pull: PullWire = self.write(repo, call.clone()).await?.json()?;
                    Ok(PrNumber::new(pull.number))
                },
                look,
            )
            .await;
        match outcome {
            Err(fault) if fault.is(StatusCode::UNPROCESSABLE_ENTITY) => look().await?.ok_or(fault),
            outcome => outcome,
        }
    }

    /// `PATCH /repos/{owner}/{repo}/pulls/{pull_number}`.
    async fn describe(&self, repo: &RepoRef, change: PrNumber, title: &str, body: &str) -> Result<(), Fault> {
        let (title, body) = (cut(title, TITLE), cut(body, BODY));
        let path = self.repo_path(repo, &format!("/pulls/{change}"));
        let wanted = json!({ "title": title, "body": body });
        let call = Call::write("pulls.update", writing(repo), Method::PATCH, path, wanted);
        self.once(
            || async { self.write(repo, call.clone()).await.map(|_| ()) },
            || async {
                let pull = self.pull(repo, change).await?;
                Ok((pull.title == title && is_same(pull.body.as_deref().unwrap_or_default(), body)).then_some(()))
            },
        )
        .await
    }

    /// Says why by `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`, unless it is said already; then
    /// `PATCH /repos/{owner}/{repo}/pulls/{pull_number}` closes.
    async fn close(&self, repo: &RepoRef, change: PrNumber, marker: &str, body: &str) -> Result<(), Fault> {
        self.tell(repo, change, marker, body).await?;
        let path = self.repo_path(repo, &format!("/pulls/{change}"));
        let call = Call::write("pulls.update", writing(repo), Method::PATCH, path, json!({ "state": "closed" }));
        self.once(
            || async { self.write(repo, call.clone()).await.map(|_| ()) },
            || async { Ok((!self.pull(repo, change).await?.is_open()).then_some(())) },
        )
        .await
    }

    /// `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`, unless a comment with the marker stands there.
    async fn tell(&self, repo: &RepoRef, change: PrNumber, marker: &str, body: &str) -> Result<(), Fault> {
        if self.find_comment(repo, change, |found| found.contains(marker)).await?.is_none() {
            self.new_comment(repo, change, body).await?;
        }
        Ok(())
    }

    /// `POST /repos/{owner}/{repo}/issues/{issue_number}/labels`: GitHub makes a label it does not know, and adding one twice is adding
    /// it once.
    async fn label(&self, repo: &RepoRef, change: PrNumber, name: &str) -> Result<(), Fault> {
        let path = self.repo_path(repo, &format!("/issues/{change}/labels"));
        let call = Call::write("issues.add_labels", writing(repo), Method::POST, path, json!({ "labels": [name] }));
        self.once(|| async { self.write(repo, call.clone()).await.map(|_| ()) }, || async { Ok(None) }).await
    }

    /// `POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers`. GitHub refuses all for one who cannot be asked; then
    /// they are asked one by one.
    async fn request_reviewers(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        users: &[Login],
        teams: &[TeamSlug],
    ) -> Result<(), Fault> {
        let owner = self.present_name(repo);
        let users: Vec<&str> = users.iter().map(Login::as_str).collect();
        // Teams of another organisation cannot be asked.
        let teams: Vec<&str> =
            teams.iter().filter(|team| team.org().eq_ignore_ascii_case(owner.owner())).map(TeamSlug::slug).collect();
        if users.is_empty() && teams.is_empty() {
            return Ok(());
        }
        let path = self.repo_path(repo, &format!("/pulls/{change}/requested_reviewers"));
        let ask = |body: Value| {
            self.write(repo, Call::write("pulls.request_reviewers", writing(repo), Method::POST, path.clone(), body))
        };
        let refused = match ask(json!({ "reviewers": users, "team_reviewers": teams })).await {
            Err(fault) if fault.is(StatusCode::UNPROCESSABLE_ENTITY) => fault,
            outcome => return outcome.map(|_| ()),
        };
        tracing::info!(reason = refused.message, "not all can be asked to review, asking one by one");
        if users.len() + teams.len() == 1 {
            return Ok(());
        }
        let one_user = users.iter().map(|user| json!({ "reviewers": [user] }));
        let one_team = teams.iter().map(|team| json!({ "team_reviewers": [team] }));
        for body in one_user.chain(one_team) {
            match ask(body).await {
                Err(fault) if fault.is(StatusCode::UNPROCESSABLE_ENTITY) => {}
                Err(fault) => return Err(fault),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// `PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge` with `sha`. Never repeated: after doubt the pull request says what
    /// happened.
    pub(super) async fn merge(
        &self,
        repo: &RepoRef,
        change: PrNumber,
        (head, base): (&Oid, &RefName),
        title: &str,
        message: &str,
    ) -> Result<Oid, Fault> {
        let operation = "pulls.merge";
        let path = self.repo_path(repo, &format!("/pulls/{change}/merge"));
        let wanted = json!({
            "sha": head.as_str(), "merge_method": "merge", "commit_title": cut(title, TITLE), "commit_message": message,
        });
        let fault = match self.write(repo, Call::write(operation, writing(repo), Method::PUT, path, wanted)).await {
            Ok(reply) => {
                let wire: MergedWire = reply.json()?;
                if !wire.merged {
                    return Err(Fault::new(ForgeErrorKind::Refused, operation, "GitHub did not merge"));
                }
                return match wire.sha {
                    Some(sha) => Oid::parse(&sha).map_err(|fault| Fault::garbled(operation, &fault.to_string())),
                    None => self.tip(repo, base).await,
                };
            }
            Err(fault) if fault.is_doubtful() => fault,
            Err(fault) => return Err(fault),
        };
        tokio::time::sleep(self.settle).await;
        let pull = self.pull(repo, change).await?;
        if !pull.is_merged() {
            return Err(fault);
        }
        if pull.head.sha != head.as_str() {
            let words = "the pull request is merged, but with another head";
            return Err(Fault::new(ForgeErrorKind::Refused, operation, words));
        }
        match pull.merge_commit_sha.as_deref().map(Oid::parse) {
            Some(Ok(commit)) => Ok(commit),
            Some(Err(_)) | None => self.tip(repo, base).await,
        }
    }

    /// `GET /repos/{owner}/{repo}/git/ref/heads/{branch}`.
    async fn tip(&self, repo: &RepoRef, branch: &RefName) -> Result<Oid, Fault> {
        let operation = "git.ref";
        let name = branch.short().split('/').map(encode).collect::<Vec<_>>().join("/");
        let wire: RefWire = self.read(repo, operation, &format!("/git/ref/heads/{name}")).await?.json()?;
        Oid::parse(&wire.object.sha).map_err(|fault| Fault::garbled(operation, &fault.to_string()))
    }
}
