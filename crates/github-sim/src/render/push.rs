//! The payload of a push.

use serde_json::{Value, json};

use super::Face;
use crate::access::Actor;
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::git;
use crate::state::landed::RefChange;

/// GitHub lists at most this many commits.
const MOST_COMMITS: usize = 2048;

impl Face<'_> {
    /// Body of a `push` event, without repository, sender and installation.
    pub(crate) fn push(&self, repo: u64, actor: Actor, change: &RefChange, forced: bool) -> Outcome<Value> {
        let opened = self.objects(repo).ok_or_else(Refusal::not_found)?;
        let after = git::oid(&change.after).filter(|id| !id.is_zero());
        let mut commits = Vec::new();
        if let Some(after) = after
            && change.branch().is_some()
        {
            let from = self.known_before(repo, change);
            let mut list = git::between(&opened, from, after, MOST_COMMITS)?;
            list.reverse();
            for id in list {
                commits.push(self.push_commit(repo, &opened, id)?);
            }
        }
        let head = match after {
            Some(id) if opened.find_commit(id).is_ok() => self.push_commit(repo, &opened, id)?,
            Some(_) | None => Value::Null,
        };
        let page = self.repo_page(repo);
        let (before, after) = (&change.before, &change.after);
        let compare = if change.created() {
            format!("{page}/commit/{after}")
        } else {
            format!("{page}/compare/{}...{}", &before[..12], &after[..12])
        };
        let person = self.st.accounts.get(&actor.account);
        Ok(json!({
            "ref": change.refname, "before": before, "after": after,
            "created": change.created(), "deleted": change.deleted(), "forced": forced,
            "base_ref": null, "compare": compare, "commits": commits, "head_commit": head,
            "pusher": {
                "name": self.st.login(actor.account),
                "email": person.map(|p| p.email.clone()),
            },
        }))
    }

    /// Where the list of new commits starts: the old tip, or the default branch for a new branch.
    fn known_before(&self, repo: u64, change: &RefChange) -> Option<git2::Oid> {
        if !change.created() {
            return git::oid(&change.before);
        }
        let default = self.st.repos.get(&repo)?.default_branch.clone();
        if change.branch() == Some(default.as_str()) {
            return None;
        }
        self.st.branch_tip(repo, &default).ok().flatten()
    }

    fn push_commit(&self, repo: u64, opened: &git2::Repository, id: git2::Oid) -> Outcome<Value> {
        let commit = opened.find_commit(id).map_err(git::broken)?;
        let parent = commit.parent_id(0).ok();
        let files = git::changes(opened, parent, id, false)?;
        let names = |status: &[&str]| -> Vec<&str> {
            files.iter().filter(|file| status.contains(&file.status)).map(|file| file.path.as_str()).collect()
        };
        let mut removed: Vec<&str> = names(&["removed"]);
        removed.extend(files.iter().filter_map(|file| file.previous.as_deref()));
        let person = |signature: &git2::Signature<'_>| {
            let email = String::from_utf8_lossy(signature.email_bytes()).into_owned();
            let mut body = json!({
                "name": String::from_utf8_lossy(signature.name_bytes()), "email": email,
            });
            if let Some(account) = self.st.account_by_email(&email) {
                body["username"] = account.login.clone().into();
            }
            body
        };
        let at = jiff::Timestamp::from_second(commit.time().seconds()).unwrap_or_default();
        Ok(json!({
            "id": id.to_string(), "tree_id": commit.tree_id().to_string(), "distinct": true,
            "message": commit.message().unwrap_or("").trim_end_matches('\n'),
            "timestamp": stamp(at), "url": format!("{}/commit/{id}", self.repo_page(repo)),
            "author": person(&commit.author()), "committer": person(&commit.committer()),
            "added": names(&["added", "renamed", "copied"]), "removed": removed,
            "modified": names(&["modified", "changed"]),
        }))
    }
}
