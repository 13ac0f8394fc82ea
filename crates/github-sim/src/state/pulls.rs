//! Pull requests: open, edit, close, reopen, draft, reviewers.
//!
//! Merging is in `merge`, what a push does to them in `landed`.

use std::collections::BTreeSet;

use git2::Oid;
use jiff::Timestamp;
use serde_json::json;

use super::State;
use super::reviews::{Review, ReviewState};
use crate::access::Actor;
use crate::error::{Outcome, Refusal};
use crate::git;

/// One pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) open: bool,
    pub(crate) draft: bool,
    pub(crate) author: Actor,
    pub(crate) head_repo: u64,
    pub(crate) head_ref: String,
    pub(crate) head_sha: String,
    pub(crate) base_ref: String,
    /// Tip of the base when the head was last seen; stale until the next push to the head.
    pub(crate) base_sha: String,
    pub(crate) merged: Option<Merged>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) requested_people: BTreeSet<u64>,
    pub(crate) requested_teams: BTreeSet<u64>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) timeline: Vec<Moment>,
    /// Reads that still answer `mergeable: null`.
    pub(crate) polls_left: u32,
}

/// How a pull request was merged.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) by: u64,
    pub(crate) at: Timestamp,
    pub(crate) commit: String,
}

/// One entry of the timeline, besides reviews, comments and commits.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) id: u64,
    pub(crate) event: &'static str,
    pub(crate) actor: u64,
    pub(crate) at: Timestamp,
    pub(crate) commit: Option<String>,
    /// The review that was dismissed, and what it had said.
    pub(crate) dismissed: Option<(u64, ReviewState)>,
    /// The base before, when it was changed.
    pub(crate) from: Option<String>,
}

/// What a caller asks for when opening a pull request.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPull {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    /// `branch` or `owner:branch`.
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) draft: bool,
}

/// Changes to a pull request; None leaves a field alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct PullEdit {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) base: Option<String>,
    pub(crate) open: Option<bool>,
}

impl State {
    /// A pull request by number.
    pub(crate) fn pull(&self, repo: u64, number: u64) -> Outcome<&Pull> {
        self.repo(repo)?.pulls.get(&number).ok_or_else(Refusal::not_found)
    }

    /// As [`State::pull`], to change it.
    pub(crate) fn pull_mut(&mut self, repo: u64, number: u64) -> Outcome<&mut Pull> {
        self.repo_mut(repo)?.pulls.get_mut(&number).ok_or_else(Refusal::not_found)
    }

    /// Opens a pull request.
    ///
    /// # Errors
    /// 422 for a missing branch, nothing to merge, or one that is already open.
    pub(crate) fn open_pull(&mut self, repo: u64, actor: Actor, new: NewPull) -> Outcome<u64> {
        let (head_repo, head_ref) = self.head_of(repo, &new.head)?;
        let (head, base) = self.tips_for_pull(repo, head_repo, &head_ref, &new.base)?;
        let here = self.repo(repo)?;
        let same = |pull: &&Pull| {
            pull.open && pull.head_repo == head_repo && pull.head_ref == head_ref && pull.base_ref == new.base
        };
        if here.pulls.values().find(same).is_some() {
            let owner = self.login(self.repo(head_repo)?.owner);
            return Err(Refusal::invalid()
                .custom("PullRequest", format!("A pull request already exists for {owner}:{head_ref}.")));
        }
        let opened = git::open(&here.dir)?;
        if git::is_ancestor(&opened, head, base) {
            return Err(
                Refusal::invalid().custom("PullRequest", format!("No commits between {} and {head_ref}", new.base))
            );
        }
        let number = here.next_number;
        let pull = Pull {
            id: self.big_id(),
            number,
            title: new.title,
            body: new.body,
            open: true,
            draft: new.draft,
            author: actor,
            head_repo,
            head_ref,
            head_sha: head.to_string(),
            base_ref: new.base,
            base_sha: base.to_string(),
            merged: None,
            created_at: self.now(),
            updated_at: self.now(),
            closed_at: None,
            requested_people: BTreeSet::new(),
            requested_teams: BTreeSet::new(),
            labels: BTreeSet::new(),
            reviews: Vec::new(),
            timeline: Vec::new(),
            polls_left: self.mergeable_polls,
        };
        let here = self.repo_mut(repo)?;
        here.next_number += 1;
        here.pulls.insert(number, pull);
        self.point_pull_ref(repo, number)?;
        self.emit_pull(repo, number, "opened", actor, json!({}));
        Ok(number)
    }

    /// Splits `branch` or `owner:branch` into repository and branch.
    fn head_of(&self, repo: u64, head: &str) -> Outcome<(u64, String)> {
        let here = self.repo(repo)?;
        let Some((owner, branch)) = head.split_once(':') else {
            return Ok((repo, head.to_owned()));
        };
        if self.login(here.owner).eq_ignore_ascii_case(owner) {
            return Ok((repo, branch.to_owned()));
        }
        let fork = self
            .repos
            .values()
            .find(|r| r.parent == Some(repo) && self.login(r.owner).eq_ignore_ascii_case(owner))
            .ok_or_else(|| Refusal::invalid().field("PullRequest", "head", "invalid"))?;
        Ok((fork.id, branch.to_owned()))
    }

    fn tips_for_pull(&self, repo: u64, head_repo: u64, head_ref: &str, base_ref: &str) -> Outcome<(Oid, Oid)> {
        let base = self
            .branch_tip(repo, base_ref)?
            .ok_or_else(|| Refusal::invalid().field("PullRequest", "base", "invalid"))?;
        let head = self
            .branch_tip(head_repo, head_ref)?
            .ok_or_else(|| Refusal::invalid().field("PullRequest", "head", "invalid"))?;
        Ok((head, base))
    }

    /// Tip of a branch, if it exists.
    pub(crate) fn branch_tip(&self, repo: u64, branch: &str) -> Outcome<Option<Oid>> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        Ok(git::tip(&opened, &format!("refs/heads/{branch}")))
    }

    /// Points `refs/pull/N/head` at the head.
    pub(crate) fn point_pull_ref(&self, repo: u64, number: u64) -> Outcome<()> {
        let here = self.repo(repo)?;
        let pull = self.pull(repo, number)?;
        let opened = git::open(&here.dir)?;
        if let Some(head) = git::oid(&pull.head_sha) {
            opened.reference(&format!("refs/pull/{number}/head"), head, true, "").map_err(git::broken)?;
        }
        Ok(())
    }

    /// Changes title, body, base or state.
    ///
    /// # Errors
    /// 422 for an unknown base, for reopening a merged request or one whose head is gone.
    pub(crate) fn edit_pull(&mut self, repo: u64, number: u64, actor: Actor, edit: PullEdit) -> Outcome<()> {
        let now = self.now();
        let old = self.pull(repo, number)?.clone();
        let mut changes = json!({});
        if let Some(base) = edit.base.filter(|base| *base != old.base_ref) {
            let tip = self
                .branch_tip(repo, &base)?
                .ok_or_else(|| Refusal::invalid().field("PullRequest", "base", "invalid"))?;
            changes["base"] = json!({"ref": {"from": old.base_ref}, "sha": {"from": old.base_sha}});
            let polls = self.mergeable_polls;
            let pull = self.pull_mut(repo, number)?;
            pull.base_ref = base;
            pull.base_sha = tip.to_string();
            pull.polls_left = polls;
            self.note_moment(repo, number, "base_ref_changed", actor, None)?;
            self.newest_moment(repo, number)?.from = Some(old.base_ref.clone());
        }
        let pull = self.pull_mut(repo, number)?;
        if let Some(title) = edit.title.filter(|title| *title != old.title) {
            changes["title"] = json!({"from": old.title});
            pull.title = title;
        }
        if let Some(body) = edit.body.filter(|body| Some(body) != old.body.as_ref()) {
            changes["body"] = json!({"from": old.body.unwrap_or_default()});
            pull.body = Some(body);
        }
        pull.updated_at = now;
        if changes.as_object().is_some_and(|map| !map.is_empty()) {
            self.emit_pull(repo, number, "edited", actor, json!({"changes": changes}));
        }
        match edit.open {
            Some(false) if old.open => self.close_pull(repo, number, actor),
            Some(true) if !old.open => self.reopen_pull(repo, number, actor),
            Some(_) | None => Ok(()),
        }
    }

    /// Closes a pull request without merging it.
    pub(crate) fn close_pull(&mut self, repo: u64, number: u64, actor: Actor) -> Outcome<()> {
        let now = self.now();
        let pull = self.pull_mut(repo, number)?;
        pull.open = false;
        pull.closed_at = Some(now);
        pull.updated_at = now;
        self.note_moment(repo, number, "closed", actor, None)?;
        self.emit_pull(repo, number, "closed", actor, json!({}));
        Ok(())
    }

    fn reopen_pull(&mut self, repo: u64, number: u64, actor: Actor) -> Outcome<()> {
        let pull = self.pull(repo, number)?;
        let state = || Refusal::invalid().custom("PullRequest", "state cannot be changed.");
        if pull.merged.is_some() {
            return Err(state());
        }
        let (head_repo, head_ref) = (pull.head_repo, pull.head_ref.clone());
        let tip = self.branch_tip(head_repo, &head_ref)?.ok_or_else(state)?;
        let now = self.now();
        let pull = self.pull_mut(repo, number)?;
        pull.open = true;
        pull.closed_at = None;
        pull.updated_at = now;
        pull.head_sha = tip.to_string();
        self.point_pull_ref(repo, number)?;
        self.note_moment(repo, number, "reopened", actor, None)?;
        self.emit_pull(repo, number, "reopened", actor, json!({}));
        Ok(())
    }

    /// Makes it a draft, or ready for review.
    pub(crate) fn set_draft(&mut self, repo: u64, number: u64, actor: Actor, draft: bool) -> Outcome<()> {
        let now = self.now();
        let pull = self.pull_mut(repo, number)?;
        if pull.draft == draft {
            return Ok(());
        }
        pull.draft = draft;
        pull.updated_at = now;
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        self.emit_pull(repo, number, action, actor, json!({}));
        Ok(())
    }

    /// Adds to the timeline.
    pub(crate) fn note_moment(
        &mut self,
        repo: u64,
        number: u64,
        event: &'static str,
        actor: Actor,
        commit: Option<String>,
    ) -> Outcome<()> {
        let moment = Moment {
            id: self.big_id(),
            event,
            actor: actor.account,
            at: self.now(),
            commit,
            dismissed: None,
            from: None,
        };
        self.pull_mut(repo, number)?.timeline.push(moment);
        Ok(())
    }

    /// The newest entry of the timeline.
    pub(crate) fn newest_moment(&mut self, repo: u64, number: u64) -> Outcome<&mut Moment> {
        self.pull_mut(repo, number)?.timeline.last_mut().ok_or_else(Refusal::not_found)
    }
}

impl State {
    /// Puts a label on a pull request or takes it off; a new name makes the label.
    pub(crate) fn set_label(&mut self, repo: u64, number: u64, actor: Actor, name: &str, on: bool) -> Outcome<()> {
        self.pull(repo, number)?;
        let id = self.big_id();
        let here = self.repo_mut(repo)?;
        here.labels.entry(name.to_owned()).or_insert(id);
        let pull = self.pull_mut(repo, number)?;
        let changed = if on { pull.labels.insert(name.to_owned()) } else { pull.labels.remove(name) };
        if changed {
            let label = self.web_face().label(repo, name);
            let action = if on { "labeled" } else { "unlabeled" };
            self.emit_pull(repo, number, action, actor, json!({"label": label}));
        }
        Ok(())
    }
}
