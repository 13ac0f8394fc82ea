//! A merge queue: groups are built on branches of their own, told by `merge_group`, and land as they were built.
//!
//! Never waits for checks: whoever drives the stand-in says when a group lands.

use serde_json::json;

use super::State;
use super::landed::RefChange;
use super::merge::{MergeWish, Method};
use crate::access::Actor;
use crate::error::{Outcome, Refusal};
use crate::git::{self, ZERO};

impl State {
    /// Builds a group of these pull requests, in order, on the tip of their base; returns its branch.
    ///
    /// # Errors
    /// 422 for none, for one that is closed, aims elsewhere or conflicts.
    pub(crate) fn queue_group(&mut self, repo: u64, actor: Actor, numbers: &[u64]) -> Outcome<String> {
        let refused = || Refusal::new(422, "Pull request cannot be queued");
        let last = *numbers.last().ok_or_else(refused)?;
        let base = self.pull(repo, last)?.base_ref.clone();
        let opened = git::open(&self.repo(repo)?.dir)?;
        let tip = self.branch_tip(repo, &base)?.ok_or_else(refused)?;
        let wish = MergeWish { method: Method::Merge, expected_head: None, title: None, message: None };
        let mut onto = tip;
        for number in numbers {
            let pull = self.pull(repo, *number)?;
            if !pull.open || pull.draft || pull.base_ref != base {
                return Err(refused());
            }
            let head = git::oid(&pull.head_sha).ok_or_else(refused)?;
            onto = self.build_merge(&opened, repo, *number, actor, &wish, onto, head)?.ok_or_else(refused)?;
        }
        let branch = format!("gh-readonly-queue/{base}/pr-{last}-{tip}");
        let refname = format!("refs/heads/{branch}");
        let before = git::tip(&opened, &refname).map_or_else(|| ZERO.to_owned(), |id| id.to_string());
        let change = RefChange { refname: refname.clone(), before, after: onto.to_string() };
        self.move_ref(repo, actor, change)?;
        let group = json!({
            "head_sha": onto.to_string(), "head_ref": refname,
            "base_sha": tip.to_string(), "base_ref": format!("refs/heads/{base}"),
            "head_commit": self.web_face().commit_full(repo, &onto.to_string())["commit"],
        });
        self.emit(repo, "merge_group", Some("checks_requested"), actor, json!({"merge_group": group}));
        Ok(branch)
    }

    /// Lands a group: the base is moved to it, its pull requests are merged, its branch is gone.
    ///
    /// # Errors
    /// 404 without such a group, 422 when the base moved meanwhile.
    pub(crate) fn land_group(&mut self, repo: u64, actor: Actor, branch: &str, numbers: &[u64]) -> Outcome<String> {
        let head = self.branch_tip(repo, branch)?.ok_or_else(Refusal::not_found)?.to_string();
        let (base, tip) = branch
            .strip_prefix("gh-readonly-queue/")
            .and_then(|rest| rest.rsplit_once("/pr-"))
            .and_then(|(base, rest)| Some((base, rest.rsplit_once('-')?.1)))
            .ok_or_else(Refusal::not_found)?;
        // each came in with its own commit of the group's line
        let opened = git::open(&self.repo(repo)?.dir)?;
        let mut commit = git::oid(&head);
        for number in numbers.iter().rev() {
            let id = commit.ok_or_else(Refusal::not_found)?;
            self.mark_merged(repo, *number, actor, &id.to_string())?;
            commit = opened.find_commit(id).ok().and_then(|found| found.parent_id(0).ok());
        }
        let refname = format!("refs/heads/{base}");
        self.move_ref(repo, actor, RefChange { refname, before: tip.to_owned(), after: head.clone() })?;
        let gone = RefChange { refname: format!("refs/heads/{branch}"), before: head.clone(), after: ZERO.to_owned() };
        self.move_ref(repo, actor, gone)?;
        Ok(head)
    }
}
