//! A pull request by REST.
//!
//! Used when GraphQL cannot be. Reads every page; nothing read here is kept.

use countersign_core::domain::{Oid, PrNumber, RefName, ReviewId, TeamSlug, Timestamp};
use countersign_core::facts::question::{ChangeRead, CommitPeopleRead, Moment, MomentRead, ReviewRead};
use serde::Deserialize;

use super::client::Call;
use super::fault::Fault;
use super::people::{self, CommitNames};
use super::pulls::{check_base, head_ref};
use super::wire::{PullWire, ReviewWire, UserWire, vote_kind};
use super::{GitHub, reading};
use crate::engine::ports::RepoRef;

#[derive(Deserialize)]
struct CommitWire {
    sha: String,
    commit: GitCommitWire,
    author: Option<UserWire>,
    committer: Option<UserWire>,
}

#[derive(Deserialize)]
struct GitCommitWire {
    author: Option<SignatureWire>,
    committer: Option<SignatureWire>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct MomentWire {
    event: String,
    created_at: Option<String>,
    actor: Option<UserWire>,
    dismissed_review: Option<DismissedWire>,
}

#[derive(Deserialize)]
struct DismissedWire {
    state: String,
    review_id: u64,
}

#[derive(Deserialize)]
struct SignatureWire {
    email: Option<String>,
}

impl SignatureWire {
    fn email(self) -> String {
        self.email.unwrap_or_default().to_lowercase()
    }
}

impl GitHub {
    pub(super) async fn change_by_rest(&self, repo: &RepoRef, number: PrNumber) -> Result<ChangeRead, Fault> {
        let (pull, read_at) = self.dated_pull(repo, number).await?;
        let moments = self.moments(repo, number).await?;
        let reviews = self.reviews(repo, number).await?;
        let commits = self.commits(repo, number).await?;
        let (comments, our_comment) = self.comments(repo, number).await?;
        let garbled = |fault: &dyn std::fmt::Display| Fault::garbled("pulls.get", &fault.to_string());
        let owner = pull.base.repo.as_ref().and_then(|base| base.full_name.split('/').next()).unwrap_or_default();
        Ok(ChangeRead {
            number,
            open: pull.is_open(),
            merged: pull.is_merged(),
            draft: pull.draft.unwrap_or(false),
            head_ref: head_ref(repo, &pull),
            head: Oid::parse(&pull.head.sha).map_err(|fault| garbled(&fault))?,
            base: RefName::branch(&pull.base.name).map_err(|fault| garbled(&fault))?,
            author: pull.user.as_ref().and_then(UserWire::account),
            moments,
            reviews,
            comments,
            commits,
            requested_users: pull.requested_reviewers.iter().filter_map(|user| Some(user.account()?.login)).collect(),
            requested_teams: pull
                .requested_teams
                .iter()
                .filter_map(|team| TeamSlug::parse(&format!("{owner}/{}", team.slug)).ok())
                .collect(),
            our_comment,
            updated: Timestamp::parse(&pull.updated_at).ok(),
            read_at,
            url: pull.html_url,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
        })
    }

    /// `GET /repos/{owner}/{repo}/pulls/{pull_number}`.
    pub(super) async fn pull(&self, repo: &RepoRef, number: PrNumber) -> Result<PullWire, Fault> {
        Ok(self.dated_pull(repo, number).await?.0)
    }

    /// The same with GitHub's clock.
    async fn dated_pull(&self, repo: &RepoRef, number: PrNumber) -> Result<(PullWire, Option<Timestamp>), Fault> {
        let operation = "pulls.get";
        let reply = self.read(repo, operation, &format!("/pulls/{number}")).await?;
        let read_at = reply.raw.date();
        let pull: PullWire = reply.json()?;
        check_base(operation, repo, &pull)?;
        if pull.number != number.get() {
            return Err(Fault::garbled(operation, "another pull request was answered"));
        }
        Ok((pull, read_at))
    }

    /// `GET /repos/{owner}/{repo}/issues/{issue_number}/timeline`, oldest first: dismissals and changes of the base.
    async fn moments(&self, repo: &RepoRef, number: PrNumber) -> Result<Vec<MomentRead>, Fault> {
        let operation = "issues.timeline";
        let path = self.repo_path(repo, &format!("/issues/{number}/timeline?per_page=100"));
        let wires: Vec<MomentWire> = self.client.pages(Call::get(operation, reading(repo), path)).all().await?;
        let read = wires.into_iter().filter_map(|wire| moment(wire).transpose());
        read.collect::<Result<_, String>>().map_err(|words| Fault::garbled(operation, &words))
    }

    /// `GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews`, oldest first.
    async fn reviews(&self, repo: &RepoRef, number: PrNumber) -> Result<Vec<ReviewRead>, Fault> {
        let operation = "pulls.reviews";
        let path = self.repo_path(repo, &format!("/pulls/{number}/reviews?per_page=100"));
        let wires: Vec<ReviewWire> = self.client.pages(Call::get(operation, reading(repo), path)).all().await?;
        wires.into_iter().map(|wire| review(wire).map_err(|words| Fault::garbled(operation, &words))).collect()
    }

    /// `GET /repos/{owner}/{repo}/pulls/{pull_number}/commits`: GitHub lists 250 at most.
    async fn commits(&self, repo: &RepoRef, number: PrNumber) -> Result<Vec<CommitPeopleRead>, Fault> {
        let operation = "pulls.commits";
        let path = self.repo_path(repo, &format!("/pulls/{number}/commits?per_page=100"));
        let wires: Vec<CommitWire> = self.client.pages(Call::get(operation, reading(repo), path)).all().await?;
        let names = wires.into_iter().map(|wire| {
            let commit = Oid::parse(&wire.sha).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
            let author = wire.commit.author.map_or_else(String::new, SignatureWire::email);
            let committer = wire.commit.committer.map(SignatureWire::email);
            let account = |user: Option<UserWire>| user.as_ref().and_then(UserWire::account);
            let people = CommitPeopleRead {
                commit,
                authors: vec![(author, account(wire.author))],
                committer: committer.map(|email| (email, account(wire.committer))),
            };
            Ok(CommitNames { people, message: wire.commit.message })
        });
        Ok(people::complete(names.collect::<Result<_, Fault>>()?, &self.client.address.noreply_domain()))
    }
}

/// One entry of the timeline; `None` for what no vote rests on.
fn moment(wire: MomentWire) -> Result<Option<MomentRead>, String> {
    let what = match (wire.event.as_str(), wire.dismissed_review) {
        ("review_dismissed", Some(review)) => Moment::Dismissed {
            review: ReviewId::new(review.review_id),
            said: vote_kind(&review.state),
            by: wire.actor.as_ref().and_then(UserWire::account),
        },
        // REST does not say which base it was
        ("base_ref_changed", _) => Moment::Retargeted { from: None },
        _ => return Ok(None),
    };
    let at = wire.created_at.as_deref().map(Timestamp::parse).ok_or("a moment has no time")?;
    Ok(Some(MomentRead { at: at.map_err(|fault| fault.to_string())?, what }))
}

fn review(wire: ReviewWire) -> Result<ReviewRead, String> {
    let commit = wire.commit_id.as_deref().map(Oid::parse).transpose().map_err(|fault| fault.to_string())?;
    let submitted_at =
        wire.submitted_at.as_deref().map(Timestamp::parse).transpose().map_err(|fault| fault.to_string())?;
    Ok(ReviewRead {
        id: ReviewId::new(wire.id),
        author: wire.user.as_ref().and_then(UserWire::account),
        kind: vote_kind(&wire.state),
        commit,
        submitted_at,
        may_push: None,
    })
}
