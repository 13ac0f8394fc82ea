//! Comments, reactions and the issue behind a pull request in JSON.

use serde_json::{Value, json};

use super::Face;
use crate::clock::{stamp, stamp_opt};

/// Content of a reaction and its key in the roll-up.
pub(crate) const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

impl Face<'_> {
    /// `issue-comment`.
    pub(crate) fn comment(&self, repo: u64, id: u64) -> Value {
        let Ok(comment) = self.st.comment(repo, id) else {
            return Value::Null;
        };
        let base = self.repo_url(repo);
        let url = format!("{base}/issues/comments/{id}");
        let number = comment.number;
        let mut body = json!({
            "id": id, "node_id": format!("IC_{id}"), "url": url,
            "html_url": format!("{}/pull/{number}#issuecomment-{id}", self.repo_page(repo)),
            "issue_url": format!("{base}/issues/{number}"), "body": comment.body,
            "user": self.user(comment.author.account),
            "created_at": stamp(comment.created_at), "updated_at": stamp(comment.updated_at),
            "author_association": self.association(repo, comment.author.account),
            "performed_via_github_app":
                comment.author.app.map_or(Value::Null, |app| self.app(app)),
        });
        let contents: Vec<&str> = comment.reactions.iter().map(|(_, _, c, _)| c.as_str()).collect();
        body["reactions"] = rollup(&format!("{url}/reactions"), &contents);
        body
    }

    /// `reaction`.
    pub(crate) fn reaction(&self, repo: u64, comment: u64, id: u64) -> Value {
        let found = self
            .st
            .comment(repo, comment)
            .ok()
            .and_then(|c| c.reactions.iter().find(|(found, ..)| *found == id).cloned());
        let Some((_, by, content, at)) = found else {
            return Value::Null;
        };
        json!({
            "id": id, "node_id": format!("REA_{id}"), "user": self.user(by.account),
            "content": content, "created_at": stamp(at),
        })
    }

    /// `issue`, as `issue_comment` payloads carry it for a pull request.
    pub(crate) fn issue_of_pull(&self, repo: u64, number: u64) -> Value {
        let Ok(pull) = self.st.pull(repo, number) else {
            return Value::Null;
        };
        let base = self.repo_url(repo);
        let url = format!("{base}/issues/{number}");
        let page = format!("{}/pull/{number}", self.repo_page(repo));
        let comments =
            self.st.repos.get(&repo).map_or(0, |r| r.comments.values().filter(|c| c.number == number).count());
        let merged_at = pull.merged.as_ref().map(|m| m.at);
        let labels: Vec<Value> = pull.labels.iter().map(|l| self.label(repo, l)).collect();
        json!({
            "url": url, "repository_url": base, "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
            "html_url": page, "id": pull.id, "node_id": format!("PR_{}", pull.id),
            "number": number, "title": pull.title, "user": self.user(pull.author.account),
            "labels": labels, "state": if pull.open { "open" } else { "closed" },
            "state_reason": null, "locked": false, "assignee": null, "assignees": [],
            "milestone": null, "comments": comments, "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at), "closed_at": stamp_opt(pull.closed_at),
            "author_association": self.association(repo, pull.author.account),
            "active_lock_reason": null, "draft": pull.draft, "body": pull.body,
            "pull_request": {
                "url": format!("{base}/pulls/{number}"), "html_url": page,
                "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
                "merged_at": stamp_opt(merged_at),
            },
            "reactions": rollup(&format!("{url}/reactions"), &[]),
            "timeline_url": format!("{url}/timeline"), "performed_via_github_app": null,
        })
    }

    /// Timeline of a pull request: comments, reviews and moments, oldest first.
    pub(crate) fn timeline(&self, repo: u64, number: u64) -> Vec<Value> {
        let Ok(pull) = self.st.pull(repo, number) else {
            return Vec::new();
        };
        let mut found: Vec<(jiff::Timestamp, u64, Value)> = Vec::new();
        let url = self.repo_url(repo);
        for moment in &pull.timeline {
            let id = moment.id;
            let mut body = json!({
                "id": id, "node_id": format!("EV_{id}"),
                "url": format!("{url}/issues/events/{id}"), "actor": self.user(moment.actor),
                "event": moment.event, "commit_id": moment.commit, "commit_url": null,
                "created_at": stamp(moment.at), "performed_via_github_app": null,
            });
            if let Some((review, said)) = moment.dismissed {
                let said = said.name().to_lowercase();
                body["dismissed_review"] = json!({ "state": said, "review_id": review, "dismissal_message": null });
            }
            found.push((moment.at, id, body));
        }
        for review in &pull.reviews {
            let Some(at) = review.submitted_at else {
                continue;
            };
            let mut body = self.review_of(repo, number, review);
            body["event"] = "reviewed".into();
            body["state"] = review.state.name().to_lowercase().into();
            found.push((at, review.id, body));
        }
        if let Some(here) = self.st.repos.get(&repo) {
            for comment in here.comments.values().filter(|c| c.number == number) {
                let mut body = self.comment(repo, comment.id);
                body["event"] = "commented".into();
                body["actor"] = body["user"].clone();
                found.push((comment.created_at, comment.id, body));
            }
        }
        found.sort_by_key(|(at, id, _)| (*at, *id));
        found.into_iter().map(|(_, _, body)| body).collect()
    }
}

fn rollup(url: &str, contents: &[&str]) -> Value {
    let mut body = json!({"url": url, "total_count": contents.len()});
    for kind in REACTIONS {
        let count = contents.iter().filter(|content| **content == kind).count();
        body[kind] = count.into();
    }
    body
}
