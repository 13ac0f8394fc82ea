//! Repositories and branches in JSON.

use serde_json::{Map, Value, json};

use super::Face;
use crate::access::{Role, Who};
use crate::clock::stamp;

/// Templates of addresses below a repository: key, path.
const LINKS: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

impl Face<'_> {
    /// `simple-repository`.
    pub(crate) fn repo_simple(&self, id: u64) -> Map<String, Value> {
        let mut body = Map::new();
        let Some(repo) = self.st.repos.get(&id) else {
            return body;
        };
        let url = self.repo_url(id);
        body.insert("id".to_owned(), id.into());
        body.insert("node_id".to_owned(), format!("R_{id}").into());
        body.insert("name".to_owned(), repo.name.clone().into());
        body.insert("full_name".to_owned(), self.name_of(id).into());
        body.insert("private".to_owned(), repo.private.into());
        body.insert("owner".to_owned(), self.user(repo.owner));
        body.insert("html_url".to_owned(), self.repo_page(id).into());
        body.insert("description".to_owned(), Value::Null);
        body.insert("fork".to_owned(), repo.parent.is_some().into());
        body.insert("url".to_owned(), url.clone().into());
        for (key, path) in LINKS {
            body.insert((*key).to_owned(), format!("{url}{path}").into());
        }
        body
    }

    /// `repository`, as lists and pull requests carry it.
    pub(crate) fn repo(&self, id: u64) -> Value {
        let mut body = self.repo_simple(id);
        let Some(repo) = self.st.repos.get(&id) else {
            return Value::Null;
        };
        let page = self.repo_page(id);
        let host = self.html.split("://").nth(1).unwrap_or_default();
        let visibility = if repo.private { "private" } else { "public" };
        let open = repo.pulls.values().filter(|pull| pull.open).count();
        let more = json!({
            "git_url": format!("git://{host}/{}.git", self.name_of(id)),
            "ssh_url": format!("git@{host}:{}.git", self.name_of(id)),
            "clone_url": format!("{page}.git"), "svn_url": page, "mirror_url": null,
            "homepage": null, "language": null, "license": null, "size": 0,
            "forks_count": 0, "stargazers_count": 0, "watchers_count": 0,
            "open_issues_count": open, "forks": 0, "open_issues": open, "watchers": 0,
            "default_branch": repo.default_branch, "is_template": false, "topics": [],
            "has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false,
            "has_downloads": true, "has_discussions": false, "archived": repo.archived,
            "disabled": false, "visibility": visibility, "allow_forking": true,
            "web_commit_signoff_required": false,
            "created_at": stamp(repo.created_at), "updated_at": stamp(repo.pushed_at),
            "pushed_at": stamp(repo.pushed_at),
        });
        if let Value::Object(more) = more {
            body.extend(more);
        }
        Value::Object(body)
    }

    /// `full-repository` for one caller.
    pub(crate) fn repo_full(&self, id: u64, who: &Who) -> Value {
        let mut body = self.repo(id);
        if let Value::Object(map) = &mut body {
            let more = json!({
                "permissions": self.permissions(id, who),
                "network_count": 0, "subscribers_count": 0, "temp_clone_token": "",
                "allow_rebase_merge": true, "allow_squash_merge": true, "allow_merge_commit": true,
                "allow_auto_merge": false, "delete_branch_on_merge": false,
                "allow_update_branch": false, "use_squash_pr_title_as_default": false,
                "squash_merge_commit_message": "COMMIT_MESSAGES",
                "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
                "merge_commit_message": "PR_TITLE", "merge_commit_title": "MERGE_MESSAGE",
            });
            if let Value::Object(more) = more {
                map.extend(more);
            }
        }
        body
    }

    fn permissions(&self, id: u64, who: &Who) -> Value {
        let role = match who {
            Who::User(person) => self.st.repos.get(&id).and_then(|repo| self.st.role_of(repo, *person)),
            Who::Installation(access) => match access.permissions.get("contents") {
                Some(level) if *level >= crate::access::Level::Write => Some(Role::Write),
                Some(_) => Some(Role::Read),
                None => None,
            },
            Who::Nobody | Who::App(_) => None,
        };
        let at = |least: Role| role >= Some(least);
        json!({
            "admin": at(Role::Admin), "maintain": at(Role::Maintain), "push": at(Role::Write),
            "triage": at(Role::Triage), "pull": at(Role::Read),
        })
    }

    /// The repository in a payload; a push writes two times as numbers.
    pub(crate) fn event_repo(&self, id: u64, push: bool) -> Value {
        let mut body = self.repo(id);
        if let (true, Some(repo)) = (push, self.st.repos.get(&id)) {
            body["created_at"] = repo.created_at.as_second().into();
            body["pushed_at"] = repo.pushed_at.as_second().into();
            body["stargazers"] = 0.into();
            body["master_branch"] = repo.default_branch.clone().into();
        }
        body
    }

    /// The few fields installation payloads carry.
    pub(crate) fn repo_brief(&self, id: u64) -> Value {
        let private = self.st.repos.get(&id).is_some_and(|repo| repo.private);
        let full = self.name_of(id);
        let name = full.split('/').nth(1).unwrap_or_default();
        json!({
            "id": id, "node_id": format!("R_{id}"), "name": name, "full_name": full,
            "private": private,
        })
    }

    /// `short-branch`, or `branch-with-protection` with `full`.
    pub(crate) fn branch(&self, repo: u64, name: &str, sha: &str, full: bool) -> Value {
        let url = self.repo_url(repo);
        let protection = self.st.repos.get(&repo).map(|r| {
            let rules = !self.st.rules_for(r, &format!("refs/heads/{name}")).is_empty();
            (r.protections.contains_key(name), rules)
        });
        let (classic, rules) = protection.unwrap_or_default();
        let mut body = json!({
            "name": name, "protected": classic || rules,
            "commit": {"sha": sha, "url": format!("{url}/commits/{sha}")},
        });
        if full {
            body["commit"] = self.commit(repo, sha);
            let page = self.repo_page(repo);
            body["_links"] = json!({
                "self": format!("{url}/branches/{name}"), "html": format!("{page}/tree/{name}"),
            });
            body["protection"] = json!({
                "enabled": classic,
                "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
            });
            body["protection_url"] = format!("{url}/branches/{name}/protection").into();
        }
        body
    }
}
