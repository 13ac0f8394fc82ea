//! What follows when references have moved: push events, pull requests that follow their branches,
//! activity, check suites.
//!
//! Never moves a reference itself, and never asks how it was moved.

use serde_json::json;

use super::State;
use super::pulls::Merged;
use super::repos::Activity;
use super::reviews::ReviewState;
use crate::access::{Actor, Level};
use crate::error::Outcome;
use crate::git::{self, ZERO};

/// A reference that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefChange {
    pub(crate) refname: String,
    /// Forty zeros when it was made.
    pub(crate) before: String,
    /// Forty zeros when it was deleted.
    pub(crate) after: String,
}

impl RefChange {
    pub(crate) fn created(&self) -> bool {
        self.before == ZERO
    }

    pub(crate) fn deleted(&self) -> bool {
        self.after == ZERO
    }

    pub(crate) fn branch(&self) -> Option<&str> {
        self.refname.strip_prefix("refs/heads/")
    }
}

impl State {
    /// Tells the world of moved references.
    pub(crate) fn landed(&mut self, repo: u64, actor: Actor, changes: &[RefChange]) -> Outcome<()> {
        let tags = changes.iter().filter(|change| change.refname.starts_with("refs/tags/")).count();
        for change in changes {
            if change.before == change.after {
                continue;
            }
            let is_tag = change.refname.starts_with("refs/tags/");
            if change.branch().is_none() && !is_tag {
                continue;
            }
            self.note_activity(repo, actor, change)?;
            if !(is_tag && tags > 3) {
                self.emit_push(repo, actor, change)?;
            }
            if change.branch().is_some() {
                self.suites_for_push(repo, change)?;
                self.pulls_follow(repo, actor, change)?;
            }
        }
        Ok(())
    }

    fn forced(&self, repo: u64, change: &RefChange) -> Outcome<bool> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        Ok(match (git::oid(&change.before), git::oid(&change.after)) {
            (Some(before), Some(after)) if !change.created() && !change.deleted() => {
                !git::is_ancestor(&opened, before, after)
            }
            _ => false,
        })
    }

    fn note_activity(&mut self, repo: u64, actor: Actor, change: &RefChange) -> Outcome<()> {
        let kind = if change.created() {
            "branch_creation"
        } else if change.deleted() {
            "branch_deletion"
        } else if self.forced(repo, change)? {
            "force_push"
        } else if self.merged_as(repo, &change.after) {
            "pr_merge"
        } else {
            "push"
        };
        let entry = Activity {
            id: self.big_id(),
            refname: change.refname.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            kind,
            actor: actor.account,
            at: self.now(),
        };
        let now = self.now();
        let here = self.repo_mut(repo)?;
        here.pushed_at = now;
        here.activity.push(entry);
        Ok(())
    }

    fn merged_as(&self, repo: u64, commit: &str) -> bool {
        self.repo(repo)
            .is_ok_and(|here| here.pulls.values().any(|pull| pull.merged.as_ref().is_some_and(|m| m.commit == commit)))
    }

    fn emit_push(&mut self, repo: u64, actor: Actor, change: &RefChange) -> Outcome<()> {
        let forced = self.forced(repo, change)?;
        let here = self.repo(repo)?;
        let default = here.default_branch.clone();
        let body = self.web_face().push(repo, actor, change, forced)?;
        if change.created() || change.deleted() {
            let (kind, short) = match change.branch() {
                Some(branch) => ("branch", branch.to_owned()),
                None => ("tag", change.refname.replacen("refs/tags/", "", 1)),
            };
            let mut more = json!({"ref": short, "ref_type": kind, "pusher_type": "user"});
            let event = if change.created() { "create" } else { "delete" };
            if change.created() {
                more["master_branch"] = default.into();
                more["description"] = json!(null);
            }
            self.emit(repo, event, None, actor, more);
        }
        self.emit(repo, "push", None, actor, body);
        Ok(())
    }

    /// GitHub makes a suite for every App with `checks: write` when commits arrive.
    fn suites_for_push(&mut self, repo: u64, change: &RefChange) -> Outcome<()> {
        if change.deleted() {
            return Ok(());
        }
        let apps: Vec<(u64, u64)> = self
            .installations
            .values()
            .filter(|found| found.permissions.get("checks") == Some(&Level::Write))
            .filter(|found| self.repos_of_installation(found.id).contains(&repo))
            .filter_map(|found| Some((found.app, self.apps.get(&found.app)?.bot)))
            .collect();
        for (app, bot) in apps {
            let branch = change.branch().map(str::to_owned);
            let before = Some(change.before.clone());
            let suite = self.suite_for(repo, app, &change.after, branch, before)?;
            let sender = Actor { account: bot, app: Some(app) };
            self.emit_suite(repo, suite, "requested", sender);
        }
        Ok(())
    }

    fn pulls_follow(&mut self, repo: u64, actor: Actor, change: &RefChange) -> Outcome<()> {
        let Some(branch) = change.branch() else {
            return Ok(());
        };
        let mut heads = Vec::new();
        let mut bases = Vec::new();
        for here in self.repos.values() {
            for pull in here.pulls.values().filter(|pull| pull.open) {
                if pull.head_repo == repo && pull.head_ref == branch {
                    heads.push((here.id, pull.number));
                } else if here.id == repo && pull.base_ref == branch {
                    bases.push((here.id, pull.number));
                }
            }
        }
        for (base_repo, number) in heads {
            if change.deleted() {
                self.close_pull(base_repo, number, actor)?;
            } else {
                self.head_moved(base_repo, number, actor, change)?;
            }
        }
        for (base_repo, number) in bases {
            if change.deleted() {
                self.close_pull(base_repo, number, actor)?;
            } else {
                self.base_moved(base_repo, number, actor, change)?;
            }
        }
        Ok(())
    }

    fn head_moved(&mut self, repo: u64, number: u64, actor: Actor, change: &RefChange) -> Outcome<()> {
        let now = self.now();
        let base_ref = self.pull(repo, number)?.base_ref.clone();
        let base = self.branch_tip(repo, &base_ref)?;
        let dismiss = self.dismisses_stale(repo, &base_ref);
        let polls = self.mergeable_polls;
        let pull = self.pull_mut(repo, number)?;
        pull.head_sha.clone_from(&change.after);
        if let Some(base) = base {
            pull.base_sha = base.to_string();
        }
        pull.updated_at = now;
        pull.polls_left = polls;
        let stale: Vec<u64> = pull
            .reviews
            .iter()
            .filter(|review| dismiss && review.state == ReviewState::Approved)
            .map(|review| review.id)
            .collect();
        self.point_pull_ref(repo, number)?;
        let more = json!({"before": change.before, "after": change.after});
        self.emit_pull(repo, number, "synchronize", actor, more);
        for review in stale {
            self.dismiss_review(repo, number, review, actor)?;
        }
        // The head may have been moved to what the base already holds.
        self.close_if_contained(repo, number, actor, base.map(|b| b.to_string()))
    }

    fn base_moved(&mut self, repo: u64, number: u64, actor: Actor, change: &RefChange) -> Outcome<()> {
        let polls = self.mergeable_polls;
        self.pull_mut(repo, number)?.polls_left = polls;
        self.close_if_contained(repo, number, actor, Some(change.after.clone()))
    }

    /// A pull request whose head is reachable from its base counts as merged.
    fn close_if_contained(&mut self, repo: u64, number: u64, actor: Actor, base: Option<String>) -> Outcome<()> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        let pull = self.pull(repo, number)?;
        let head = git::oid(&pull.head_sha);
        let tip = base.as_deref().and_then(git::oid);
        let contained = match (head, tip) {
            (Some(head), Some(tip)) => git::is_ancestor(&opened, head, tip),
            _ => false,
        };
        let (true, Some(tip)) = (contained, tip) else {
            return Ok(());
        };
        self.mark_merged(repo, number, actor, &tip.to_string())
    }

    /// Writes down that a pull request is merged, and tells.
    pub(crate) fn mark_merged(&mut self, repo: u64, number: u64, actor: Actor, commit: &str) -> Outcome<()> {
        let now = self.now();
        let pull = self.pull_mut(repo, number)?;
        pull.open = false;
        pull.closed_at = Some(now);
        pull.updated_at = now;
        pull.merged = Some(Merged { by: actor.account, at: now, commit: commit.to_owned() });
        let commit = Some(commit.to_owned());
        self.note_moment(repo, number, "merged", actor, commit)?;
        self.note_moment(repo, number, "closed", actor, None)?;
        self.emit_pull(repo, number, "closed", actor, json!({}));
        Ok(())
    }
}
