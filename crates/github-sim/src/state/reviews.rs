//! Reviews of pull requests, and who is asked for one.
//!
//! Never decides whether a review counts for anything but GitHub's own rule.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::State;
use super::pulls::Pull;
use crate::access::{Actor, Role};
use crate::error::{Outcome, Refusal};
use crate::git;

/// State of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
    Pending,
}

impl ReviewState {
    /// Upper case, as REST and GraphQL spell it; webhooks use lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Dismissed => "DISMISSED",
            Self::Pending => "PENDING",
        }
    }

    /// Whether it is an opinion; a comment keeps the former one.
    pub(crate) fn is_opinion(self) -> bool {
        match self {
            Self::Approved | Self::ChangesRequested | Self::Dismissed => true,
            Self::Commented | Self::Pending => false,
        }
    }
}

/// One review.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author: Actor,
    pub(crate) state: ReviewState,
    pub(crate) body: String,
    pub(crate) commit: String,
    pub(crate) submitted_at: Option<Timestamp>,
    pub(crate) edited_at: Option<Timestamp>,
}

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Approve.
    Approve,
    /// Request changes.
    RequestChanges,
    /// Only comment.
    Comment,
}

impl Verdict {
    pub(crate) fn state(self) -> ReviewState {
        match self {
            Self::Approve => ReviewState::Approved,
            Self::RequestChanges => ReviewState::ChangesRequested,
            Self::Comment => ReviewState::Commented,
        }
    }
}

/// What is written into a new review; no verdict leaves it pending.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewReview {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) body: String,
    pub(crate) commit: Option<String>,
}

impl State {
    /// Writes a review.
    ///
    /// # Errors
    /// 422 when the author approves or requests changes on the own pull request, or for an unknown
    /// commit.
    pub(crate) fn submit_review(&mut self, repo: u64, number: u64, actor: Actor, new: NewReview) -> Outcome<u64> {
        let pull = self.pull(repo, number)?;
        self.may_review(pull, actor, new.verdict)?;
        if new.body.is_empty() && matches!(new.verdict, Some(Verdict::RequestChanges | Verdict::Comment)) {
            return Err(Refusal::new(422, "Unprocessable Entity")
                .text("Body cannot be blank when the review is not an approval"));
        }
        let commit = match &new.commit {
            None => pull.head_sha.clone(),
            Some(sha) => self.known_commit(repo, sha)?,
        };
        let id = self.big_id();
        let submitted_at = new.verdict.map(|_| self.now());
        let review = Review {
            id,
            author: actor,
            state: new.verdict.map_or(ReviewState::Pending, Verdict::state),
            body: new.body,
            commit,
            submitted_at,
            edited_at: None,
        };
        let now = self.now();
        let teams = self.teams_left_by(repo, number, actor)?;
        let pull = self.pull_mut(repo, number)?;
        pull.reviews.push(review);
        pull.updated_at = now;
        if new.verdict.is_some() {
            pull.requested_people.remove(&actor.account);
            pull.requested_teams.retain(|team| !teams.contains(team));
            self.emit_review(repo, number, id, "submitted", actor);
        }
        Ok(id)
    }

    /// Turns a pending review into a submitted one.
    pub(crate) fn submit_pending(
        &mut self,
        repo: u64,
        number: u64,
        review: u64,
        actor: Actor,
        verdict: Verdict,
    ) -> Outcome<()> {
        self.may_review(self.pull(repo, number)?, actor, Some(verdict))?;
        let now = self.now();
        let found = self.review_mut(repo, number, review)?;
        if found.state != ReviewState::Pending || found.author.account != actor.account {
            return Err(Refusal::new(422, "Unprocessable Entity").text("Could not submit pending pull request review"));
        }
        found.state = verdict.state();
        found.submitted_at = Some(now);
        self.emit_review(repo, number, review, "submitted", actor);
        Ok(())
    }

    fn may_review(&self, pull: &Pull, actor: Actor, verdict: Option<Verdict>) -> Outcome<()> {
        let own = pull.author.account == actor.account;
        let text = match verdict {
            Some(Verdict::Approve) => "Can not approve your own pull request",
            Some(Verdict::RequestChanges) => "Can not request changes on your own pull request",
            Some(Verdict::Comment) | None => return Ok(()),
        };
        if own {
            return Err(Refusal::new(422, "Unprocessable Entity").text(text));
        }
        Ok(())
    }

    fn known_commit(&self, repo: u64, sha: &str) -> Outcome<String> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        git::commit_at(&opened, sha).map(|id| id.to_string()).ok_or_else(|| {
            Refusal::new(422, "Unprocessable Entity").text("The commit_id is not part of the pull request")
        })
    }

    fn teams_left_by(&self, repo: u64, number: u64, actor: Actor) -> Outcome<Vec<u64>> {
        Ok(self
            .pull(repo, number)?
            .requested_teams
            .iter()
            .copied()
            .filter(|team| self.active_members(*team).contains(&actor.account))
            .collect())
    }

    fn review_mut(&mut self, repo: u64, number: u64, review: u64) -> Outcome<&mut Review> {
        self.pull_mut(repo, number)?.reviews.iter_mut().find(|found| found.id == review).ok_or_else(Refusal::not_found)
    }

    /// A review by id.
    pub(crate) fn review(&self, repo: u64, number: u64, review: u64) -> Outcome<&Review> {
        self.pull(repo, number)?.reviews.iter().find(|found| found.id == review).ok_or_else(Refusal::not_found)
    }

    /// Dismisses an approval or a request for changes.
    ///
    /// # Errors
    /// 422 for a review that is neither.
    pub(crate) fn dismiss_review(&mut self, repo: u64, number: u64, review: u64, actor: Actor) -> Outcome<()> {
        let found = self.review_mut(repo, number, review)?;
        match found.state {
            ReviewState::Approved | ReviewState::ChangesRequested => {}
            ReviewState::Commented | ReviewState::Dismissed | ReviewState::Pending => {
                let state = found.state.name().to_lowercase();
                return Err(Refusal::new(422, "Unprocessable Entity")
                    .text(&format!("Can not dismiss a {state} pull request review")));
            }
        }
        let said = std::mem::replace(&mut found.state, ReviewState::Dismissed);
        self.note_moment(repo, number, "review_dismissed", actor, None)?;
        self.newest_moment(repo, number)?.dismissed = Some((review, said));
        self.emit_review(repo, number, review, "dismissed", actor);
        Ok(())
    }

    /// Edits the text of a review.
    pub(crate) fn edit_review(
        &mut self,
        repo: u64,
        number: u64,
        review: u64,
        actor: Actor,
        body: String,
    ) -> Outcome<()> {
        let now = self.now();
        let found = self.review_mut(repo, number, review)?;
        found.body = body;
        found.edited_at = Some(now);
        self.emit_review(repo, number, review, "edited", actor);
        Ok(())
    }

    /// Asks people and teams for a review.
    ///
    /// # Errors
    /// 422 for the author, for people without access, and for unknown teams.
    pub(crate) fn request_reviews(
        &mut self,
        repo: u64,
        number: u64,
        actor: Actor,
        people: &[String],
        teams: &[String],
    ) -> Outcome<()> {
        let here = self.repo(repo)?;
        let pull = self.pull(repo, number)?;
        let mut wanted: Vec<(bool, u64)> = Vec::new();
        for login in people {
            let account = self.account_named(login).map(|found| found.id);
            if account == Some(pull.author.account) {
                return Err(Refusal::new(422, "Review cannot be requested from pull request author."));
            }
            let access =
                account.filter(|id| self.role_of(here, *id).is_some() && self.people_of(here).contains_key(id));
            let id = access.ok_or_else(|| no_collaborator("users"))?;
            wanted.push((true, id));
        }
        let org = self.login(here.owner).to_owned();
        for slug in teams {
            let team = self
                .team_named(&org, slug)
                .ok()
                .filter(|team| here.teams.contains_key(&team.id))
                .ok_or_else(|| no_collaborator("teams"))?;
            wanted.push((false, team.id));
        }
        for (is_person, id) in wanted {
            let pull = self.pull_mut(repo, number)?;
            let (list, key) = if is_person {
                (&mut pull.requested_people, "requested_reviewer")
            } else {
                (&mut pull.requested_teams, "requested_team")
            };
            if list.insert(id) {
                let who = self.reviewer_json(is_person, id);
                self.emit_pull(repo, number, "review_requested", actor, json!({key: who}));
            }
        }
        Ok(())
    }

    /// Withdraws requests for a review.
    pub(crate) fn withdraw_requests(
        &mut self,
        repo: u64,
        number: u64,
        actor: Actor,
        people: &[String],
        teams: &[String],
    ) -> Outcome<()> {
        let org = self.login(self.repo(repo)?.owner).to_owned();
        for login in people {
            let id = self.account_named(login).map(|found| found.id);
            let id = id.ok_or_else(|| no_collaborator("users"))?;
            if self.pull_mut(repo, number)?.requested_people.remove(&id) {
                let who = self.reviewer_json(true, id);
                let more = json!({"requested_reviewer": who});
                self.emit_pull(repo, number, "review_request_removed", actor, more);
            }
        }
        for slug in teams {
            let id = self.team_named(&org, slug)?.id;
            if self.pull_mut(repo, number)?.requested_teams.remove(&id) {
                let who = self.reviewer_json(false, id);
                let more = json!({"requested_team": who});
                self.emit_pull(repo, number, "review_request_removed", actor, more);
            }
        }
        Ok(())
    }

    fn reviewer_json(&self, is_person: bool, id: u64) -> Value {
        let face = self.web_face();
        if is_person { face.user(id) } else { face.team(id) }
    }

    /// Each person's latest opinion; comments keep the former one.
    pub(crate) fn opinions<'a>(&self, pull: &'a Pull) -> BTreeMap<u64, &'a Review> {
        let mut latest = BTreeMap::new();
        for review in &pull.reviews {
            if review.state.is_opinion() {
                latest.insert(review.author.account, review);
            }
        }
        latest
    }

    /// Whether a person may push, which makes the own review count for GitHub's rule.
    pub(crate) fn is_writer(&self, repo: u64, person: u64) -> bool {
        self.repo(repo).ok().and_then(|here| self.role_of(here, person)).is_some_and(|role| role >= Role::Write)
    }
}

fn no_collaborator(kind: &str) -> Refusal {
    Refusal::new(
        422,
        format!(
            "Reviews may only be requested from collaborators. One or more of the {kind} you \
             specified is not a collaborator of the repository."
        ),
    )
}
