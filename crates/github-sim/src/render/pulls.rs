//! Pull requests and reviews in JSON.

use serde_json::{Value, json};

use super::Face;
use crate::access::Role;
use crate::clock::{stamp, stamp_opt};
use crate::git;
use crate::state::pulls::Pull;
use crate::state::reviews::Review;

impl Face<'_> {
    /// `pull-request-simple`, as lists carry it.
    pub(crate) fn pull_simple(&self, repo: u64, number: u64) -> Value {
        let Ok(pull) = self.st.pull(repo, number) else {
            return Value::Null;
        };
        let url = format!("{}/pulls/{number}", self.repo_url(repo));
        let issue = format!("{}/issues/{number}", self.repo_url(repo));
        let page = format!("{}/pull/{number}", self.repo_page(repo));
        let statuses = format!("{}/statuses/{}", self.repo_url(repo), pull.head_sha);
        let href = |address: &str| json!({"href": address});
        let merged_at = pull.merged.as_ref().map(|m| m.at);
        json!({
            "url": url, "id": pull.id, "node_id": format!("PR_{}", pull.id), "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
            "issue_url": issue, "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{}/pulls/comments{{/number}}", self.repo_url(repo)),
            "comments_url": format!("{issue}/comments"), "statuses_url": statuses,
            "number": number, "state": if pull.open { "open" } else { "closed" }, "locked": false,
            "title": pull.title, "user": self.user(pull.author.account), "body": pull.body,
            "labels": self.labels(repo, pull), "milestone": null, "active_lock_reason": null,
            "created_at": stamp(pull.created_at), "updated_at": stamp(pull.updated_at),
            "closed_at": stamp_opt(pull.closed_at), "merged_at": stamp_opt(merged_at),
            "merge_commit_sha": self.merge_commit(repo, pull), "assignee": null, "assignees": [],
            "requested_reviewers":
                pull.requested_people.iter().map(|id| self.user(*id)).collect::<Vec<_>>(),
            "requested_teams":
                pull.requested_teams.iter().map(|id| self.team(*id)).collect::<Vec<_>>(),
            "head": self.side(pull.head_repo, &pull.head_ref, &pull.head_sha),
            "base": self.side(repo, &pull.base_ref, &pull.base_sha),
            "_links": {
                "self": href(&url), "html": href(&page), "issue": href(&issue),
                "comments": href(&format!("{issue}/comments")),
                "review_comments": href(&format!("{url}/comments")),
                "review_comment":
                    href(&format!("{}/pulls/comments{{/number}}", self.repo_url(repo))),
                "commits": href(&format!("{url}/commits")), "statuses": href(&statuses),
            },
            "author_association": self.association(repo, pull.author.account),
            "auto_merge": null, "draft": pull.draft,
        })
    }

    fn side(&self, repo: u64, branch: &str, sha: &str) -> Value {
        let Some(here) = self.st.repos.get(&repo) else {
            return json!({
                "label": branch, "ref": branch, "sha": sha, "user": null, "repo": null,
            });
        };
        json!({
            "label": format!("{}:{branch}", self.st.login(here.owner)), "ref": branch, "sha": sha,
            "user": self.user(here.owner), "repo": self.repo(repo),
        })
    }

    /// The merge, or GitHub's test merge of an open pull request.
    fn merge_commit(&self, repo: u64, pull: &Pull) -> Value {
        if let Some(merged) = &pull.merged {
            return merged.commit.clone().into();
        }
        self.objects(repo)
            .and_then(|opened| git::tip(&opened, &format!("refs/pull/{}/merge", pull.number)))
            .map_or(Value::Null, |id| id.to_string().into())
    }

    /// `pull-request`.
    pub(crate) fn pull_full(&self, repo: u64, number: u64) -> Value {
        let mut body = self.pull_simple(repo, number);
        let Ok(pull) = self.st.pull(repo, number) else {
            return Value::Null;
        };
        let (commits, files) = self.pull_range(repo, pull);
        let mergeable = if pull.open { self.st.mergeable(repo, number).unwrap_or(None) } else { None };
        let state = match (pull.open, pull.draft, mergeable) {
            (false, _, _) | (_, _, None) => "unknown",
            (true, true, _) => "draft",
            (true, false, Some(false)) => "dirty",
            (true, false, Some(true)) => "clean",
        };
        let here = self.st.repos.get(&repo);
        let comments = here.map_or(0, |r| r.comments.values().filter(|c| c.number == number).count());
        let more = json!({
            "merged": pull.merged.is_some(), "mergeable": mergeable, "rebaseable": mergeable,
            "mergeable_state": state,
            "merged_by": pull.merged.as_ref().map_or(Value::Null, |m| self.user(m.by)),
            "comments": comments, "review_comments": 0, "maintainer_can_modify": false,
            "commits": commits.len(),
            "additions": files.iter().map(|f| f.additions).sum::<usize>(),
            "deletions": files.iter().map(|f| f.deletions).sum::<usize>(),
            "changed_files": files.len(),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    }

    /// Commits of a pull request, oldest first, and its files against the merge base.
    pub(crate) fn pull_range(&self, repo: u64, pull: &Pull) -> (Vec<git2::Oid>, Vec<git::FileChange>) {
        let found = self.objects(repo).and_then(|opened| {
            let head = git::oid(&pull.head_sha)?;
            let base = git::oid(&pull.base_sha)?;
            let fork = opened.merge_base(base, head).ok();
            let mut commits = git::between(&opened, Some(base), head, 10_000).ok()?;
            commits.reverse();
            let files = git::changes(&opened, fork, head, true).ok()?;
            Some((commits, files))
        });
        found.unwrap_or_default()
    }

    fn labels(&self, repo: u64, pull: &Pull) -> Vec<Value> {
        pull.labels.iter().map(|name| self.label(repo, name)).collect()
    }

    /// `label`.
    pub(crate) fn label(&self, repo: u64, name: &str) -> Value {
        let id = self.st.repos.get(&repo).and_then(|r| r.labels.get(name).copied()).unwrap_or(0);
        json!({
            "id": id, "node_id": format!("LA_{id}"),
            "url": format!("{}/labels/{name}", self.repo_url(repo)), "name": name,
            "description": null, "color": "ededed", "default": false,
        })
    }

    /// `pull-request-review`.
    pub(crate) fn review(&self, repo: u64, number: u64, review: u64) -> Value {
        self.st.review(repo, number, review).map_or(Value::Null, |found| self.review_of(repo, number, found))
    }

    pub(crate) fn review_of(&self, repo: u64, number: u64, review: &Review) -> Value {
        let pull = format!("{}/pulls/{number}", self.repo_url(repo));
        let page = format!("{}/pull/{number}#pullrequestreview-{}", self.repo_page(repo), review.id);
        let mut body = json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id),
            "user": self.user(review.author.account), "body": review.body,
            "state": review.state.name(), "html_url": page, "pull_request_url": pull,
            "author_association": self.association(repo, review.author.account),
            "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
            "commit_id": review.commit,
        });
        if let Some(at) = review.submitted_at {
            body["submitted_at"] = stamp(at).into();
        }
        body
    }

    /// `author_association`.
    pub(crate) fn association(&self, repo: u64, person: u64) -> &'static str {
        let Some(here) = self.st.repos.get(&repo) else {
            return "NONE";
        };
        if here.owner == person {
            "OWNER"
        } else if self.st.members.contains_key(&(here.owner, person)) {
            "MEMBER"
        } else if here.collaborators.get(&person) >= Some(&Role::Read) {
            "COLLABORATOR"
        } else {
            "NONE"
        }
    }
}
