//! Commits, trees, references and changed files in JSON.

use git2::{Oid, Repository};
use serde_json::{Value, json};

use super::Face;
use crate::clock::stamp;
use crate::git::{self, FileChange};

/// `verification` of a commit: nothing here is signed in a way the stand-in checks.
fn verification(opened: &Repository, id: Oid) -> Value {
    match opened.extract_signature(&id, None) {
        Ok((signature, payload)) => {
            let text = |bytes: &git2::Buf| String::from_utf8_lossy(bytes).into_owned();
            json!({
                "verified": false, "reason": "unknown_key", "signature": text(&signature),
                "payload": text(&payload), "verified_at": null,
            })
        }
        Err(_) => json!({
            "verified": false, "reason": "unsigned", "signature": null, "payload": null,
            "verified_at": null,
        }),
    }
}

fn person(signature: &git2::Signature<'_>) -> Value {
    let at = jiff::Timestamp::from_second(signature.when().seconds()).unwrap_or_default();
    json!({
        "name": String::from_utf8_lossy(signature.name_bytes()),
        "email": String::from_utf8_lossy(signature.email_bytes()),
        "date": stamp(at),
    })
}

impl Face<'_> {
    /// Opens a repository to render from it.
    pub(crate) fn objects(&self, repo: u64) -> Option<Repository> {
        git::open(&self.st.repos.get(&repo)?.dir).ok()
    }

    /// `git-commit`, the plain object.
    pub(crate) fn git_commit(&self, repo: u64, sha: &str) -> Value {
        let found = self.objects(repo).and_then(|opened| {
            let id = git::oid(sha)?;
            let commit = opened.find_commit(id).ok()?;
            let url = self.repo_url(repo);
            let page = self.repo_page(repo);
            let parents: Vec<Value> = commit
                .parent_ids()
                .map(|p| {
                    json!({
                        "sha": p.to_string(), "url": format!("{url}/git/commits/{p}"),
                        "html_url": format!("{page}/commit/{p}"),
                    })
                })
                .collect();
            let tree = commit.tree_id();
            Some(json!({
                "sha": sha, "node_id": format!("C_{repo}_{sha}"),
                "url": format!("{url}/git/commits/{sha}"),
                "html_url": format!("{page}/commit/{sha}"),
                "author": person(&commit.author()), "committer": person(&commit.committer()),
                "tree": {"sha": tree.to_string(), "url": format!("{url}/git/trees/{tree}")},
                "message": commit.message().unwrap_or("").trim_end_matches('\n'),
                "parents": parents, "verification": verification(&opened, id),
            }))
        });
        found.unwrap_or(Value::Null)
    }

    /// `commit`, with accounts; null for an unknown one.
    pub(crate) fn commit(&self, repo: u64, sha: &str) -> Value {
        let plain = self.git_commit(repo, sha);
        if plain.is_null() {
            return plain;
        }
        let url = self.repo_url(repo);
        let parents: Vec<Value> = plain["parents"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|p| {
                let sha = p["sha"].as_str().unwrap_or_default();
                json!({
                    "sha": sha, "url": format!("{url}/commits/{sha}"), "html_url": p["html_url"],
                })
            })
            .collect();
        let account = |who: &Value| {
            who["email"]
                .as_str()
                .and_then(|email| self.st.account_by_email(email))
                .map_or(Value::Null, |account| self.user(account.id))
        };
        json!({
            "sha": sha, "node_id": plain["node_id"], "url": format!("{url}/commits/{sha}"),
            "html_url": plain["html_url"], "comments_url": format!("{url}/commits/{sha}/comments"),
            "commit": {
                "author": plain["author"], "committer": plain["committer"],
                "message": plain["message"], "tree": plain["tree"], "url": plain["url"],
                "comment_count": 0, "verification": plain["verification"],
            },
            "author": account(&plain["author"]), "committer": account(&plain["committer"]),
            "parents": parents,
        })
    }

    /// `commit` with its files against the first parent.
    pub(crate) fn commit_full(&self, repo: u64, sha: &str) -> Value {
        let mut body = self.commit(repo, sha);
        let files = self.objects(repo).and_then(|opened| {
            let id = git::oid(sha)?;
            let parent = opened.find_commit(id).ok()?.parent_id(0).ok();
            git::changes(&opened, parent, id, true).ok()
        });
        let files = files.unwrap_or_default();
        let additions: usize = files.iter().map(|file| file.additions).sum();
        let deletions: usize = files.iter().map(|file| file.deletions).sum();
        body["stats"] = json!({
            "additions": additions, "deletions": deletions, "total": additions + deletions,
        });
        let limit = self.st.caps.compare_files;
        body["files"] = files.iter().take(limit).map(|file| self.file(repo, sha, file)).collect::<Vec<_>>().into();
        body
    }

    /// `diff-entry`.
    pub(crate) fn file(&self, repo: u64, at: &str, file: &FileChange) -> Value {
        let url = self.repo_url(repo);
        let page = self.repo_page(repo);
        let path = &file.path;
        let mut body = json!({
            "sha": file.sha, "filename": path, "status": file.status,
            "additions": file.additions, "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": format!("{page}/blob/{at}/{path}"),
            "raw_url": format!("{page}/raw/{at}/{path}"),
            "contents_url": format!("{url}/contents/{path}?ref={at}"),
        });
        if let Some(previous) = &file.previous {
            body["previous_filename"] = previous.clone().into();
        }
        if let Some(patch) = &file.patch {
            body["patch"] = patch.clone().into();
        }
        body
    }

    /// `git-ref`.
    pub(crate) fn reference(&self, repo: u64, name: &str, target: Oid) -> Value {
        let url = self.repo_url(repo);
        let kind = self
            .objects(repo)
            .and_then(|opened| opened.find_object(target, None).ok()?.kind())
            .map_or("commit", |kind| kind.str());
        let short = name.trim_start_matches("refs/");
        json!({
            "ref": name, "node_id": format!("REF_{repo}_{}", hex::encode(name)),
            "url": format!("{url}/git/refs/{short}"),
            "object": {
                "sha": target.to_string(), "type": kind,
                "url": format!("{url}/git/{kind}s/{target}"),
            },
        })
    }
}
