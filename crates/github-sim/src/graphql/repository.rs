//! Fields of a repository and of a reference.

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::walk::Walk;
use crate::access::{Role, Who};
use crate::clock::stamp;
use crate::git;
use crate::state::pulls::Pull;

impl Walk<'_> {
    pub(super) fn repository(&self, id: u64, name: &str, args: &Args) -> Result<Out, Fault> {
        let here = self.st.repo(id)?;
        Ok(match name {
            "id" => format!("R_{id}").into(),
            "databaseId" => id.into(),
            "name" => here.name.as_str().into(),
            "nameWithOwner" => self.st.full_name(here).into(),
            "owner" => Out::One(Node::Account(here.owner)),
            "url" => self.face.repo_page(id).into(),
            "isPrivate" => here.private.into(),
            "isArchived" => here.archived.into(),
            "isFork" => here.parent.is_some().into(),
            "isEmpty" => git::open(&here.dir)?.is_empty().unwrap_or(false).into(),
            "visibility" => if here.private { "PRIVATE" } else { "PUBLIC" }.into(),
            "parent" => Out::maybe(here.parent.map(Node::Repository)),
            "createdAt" => stamp(here.created_at).into(),
            "pushedAt" | "updatedAt" => stamp(here.pushed_at).into(),
            "mergeCommitAllowed" | "squashMergeAllowed" | "rebaseMergeAllowed" => true.into(),
            "viewerPermission" => self.viewer_permission(id).into(),
            "defaultBranchRef" => {
                self.need(id, "contents")?;
                self.ref_at(id, &format!("refs/heads/{}", here.default_branch))?
            }
            "ref" => {
                self.need(id, "contents")?;
                let asked = args.text("qualifiedName").unwrap_or_default();
                let full = if asked.starts_with("refs/") { asked.to_owned() } else { format!("refs/heads/{asked}") };
                self.ref_at(id, &full)?
            }
            "refs" => {
                self.need(id, "contents")?;
                let prefix = args.text("refPrefix").unwrap_or("refs/heads/");
                let wanted = args.text("query").unwrap_or_default();
                let found = git::refs(&git::open(&here.dir)?, prefix)?;
                let found = found.into_iter().filter(|(name, _)| name.contains(wanted));
                Out::Page(found.map(|(name, _)| Node::Ref(id, name)).collect())
            }
            "object" => {
                self.need(id, "contents")?;
                self.object_at(id, args)?
            }
            "pullRequest" => {
                self.need(id, "pull_requests")?;
                let number = args.number("number").unwrap_or(0);
                if !here.pulls.contains_key(&number) {
                    let what = format!("a PullRequest with the number of {number}");
                    return Err(Fault::not_found(what));
                }
                Out::One(Node::Pull(id, number))
            }
            "pullRequests" => {
                self.need(id, "pull_requests")?;
                Out::Page(self.pulls_where(&here.pulls.values().collect::<Vec<_>>(), id, args))
            }
            _ => return Err(Fault::Undefined),
        })
    }

    fn viewer_permission(&self, id: u64) -> Option<String> {
        let Who::User(person) = self.who else {
            return None;
        };
        let role = self.st.role_of(self.st.repo(id).ok()?, *person);
        role.map(Role::name).map(str::to_uppercase)
    }

    fn ref_at(&self, repo: u64, full: &str) -> Result<Out, Fault> {
        let opened = git::open(&self.st.repo(repo)?.dir)?;
        let found = git::tip(&opened, full);
        Ok(Out::maybe(found.map(|_| Node::Ref(repo, full.to_owned()))))
    }

    /// Pull requests by state, branches and order.
    pub(super) fn pulls_where(&self, all: &[&Pull], repo: u64, args: &Args) -> Vec<Node> {
        let states = args.texts("states");
        let mut found: Vec<&&Pull> = all
            .iter()
            .filter(|pull| states.as_ref().is_none_or(|states| states.iter().any(|s| s == state_of(pull))))
            .filter(|pull| args.text("headRefName").is_none_or(|name| name == pull.head_ref))
            .filter(|pull| args.text("baseRefName").is_none_or(|name| name == pull.base_ref))
            .collect();
        if let Some(order) = args.get("orderBy") {
            if order["field"] == "UPDATED_AT" {
                found.sort_by_key(|pull| (pull.updated_at, pull.number));
            }
            if order["direction"] == "DESC" {
                found.reverse();
            }
        }
        found.iter().map(|pull| Node::Pull(repo, pull.number)).collect()
    }

    pub(super) fn reference(&self, repo: u64, full: &str, name: &str, args: &Args) -> Result<Out, Fault> {
        let prefix =
            ["refs/heads/", "refs/tags/"].into_iter().find(|prefix| full.starts_with(prefix)).unwrap_or("refs/");
        Ok(match name {
            "id" => format!("REF_{repo}_{}", hex::encode(full)).into(),
            "name" => full.trim_start_matches(prefix).into(),
            "prefix" => prefix.into(),
            "repository" => Out::One(Node::Repository(repo)),
            "target" => {
                let opened = git::open(&self.st.repo(repo)?.dir)?;
                let tip = git::tip(&opened, full);
                Out::maybe(tip.and_then(|id| super::objects::node_of(&opened, repo, id)))
            }
            "associatedPullRequests" => {
                self.need(repo, "pull_requests")?;
                let here = self.st.repo(repo)?;
                let branch = full.trim_start_matches("refs/heads/");
                let all: Vec<&Pull> =
                    here.pulls.values().filter(|pull| pull.head_repo == repo && pull.head_ref == branch).collect();
                Out::Page(self.pulls_where(&all, repo, args))
            }
            "branchProtectionRule" => Out::null(),
            _ => return Err(Fault::Undefined),
        })
    }
}

/// `OPEN`, `CLOSED` or `MERGED`.
pub(super) fn state_of(pull: &Pull) -> &'static str {
    match (pull.open, &pull.merged) {
        (_, Some(_)) => "MERGED",
        (true, None) => "OPEN",
        (false, None) => "CLOSED",
    }
}
