//! Merging a pull request, and merging a branch into another.
//!
//! Never decides about approvals beyond the rules that are set on the repository.

use git2::{Oid, Repository};

use super::State;
use super::landed::RefChange;
use super::rules::Via;
use crate::access::Actor;
use crate::error::{Outcome, Refusal};
use crate::git::{self, Ident};

/// How a merge is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Merge,
    Squash,
    Rebase,
}

/// What a caller asks for when merging.
#[derive(Debug, Clone)]
pub(crate) struct MergeWish {
    pub(crate) method: Method,
    /// The head the caller saw.
    pub(crate) expected_head: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
}

impl State {
    /// Whether the head merges cleanly; None while GitHub has not found out.
    pub(crate) fn mergeable(&self, repo: u64, number: u64) -> Outcome<Option<bool>> {
        let pull = self.pull(repo, number)?;
        if pull.polls_left > 0 {
            return Ok(None);
        }
        let (Some(head), Some(base)) = (git::oid(&pull.head_sha), self.branch_tip(repo, &pull.base_ref)?) else {
            return Ok(Some(false));
        };
        let opened = git::open(&self.repo(repo)?.dir)?;
        Ok(Some(git::merged_tree(&opened, base, head)?.is_some()))
    }

    /// Keeps `refs/pull/N/merge`, GitHub's test merge, in step; it is stale until somebody reads the
    /// pull request, as on GitHub.
    pub(crate) fn test_merge(&self, repo: u64, number: u64) -> Outcome<()> {
        let pull = self.pull(repo, number)?;
        if !pull.open || pull.polls_left > 0 {
            return Ok(());
        }
        let opened = git::open(&self.repo(repo)?.dir)?;
        let (Some(head), Some(base)) = (git::oid(&pull.head_sha), self.branch_tip(repo, &pull.base_ref)?) else {
            return Ok(());
        };
        let name = format!("refs/pull/{number}/merge");
        let current = git::tip(&opened, &name)
            .and_then(|id| opened.find_commit(id).ok())
            .is_some_and(|c| c.parent_ids().eq([base, head]));
        if current {
            return Ok(());
        }
        let Some(tree) = git::merged_tree(&opened, base, head)? else {
            return Ok(());
        };
        let by = git::web_flow(self.now());
        let text = format!("Merge {head} into {base}");
        let new = git::write_commit(&opened, &by, &by, &text, tree, &[base, head])?;
        opened.reference(&name, new, true, "").map_err(git::broken)?;
        Ok(())
    }

    /// Counts a read of a pull request towards knowing whether it is mergeable.
    pub(crate) fn polled(&mut self, repo: u64, number: u64) {
        if let Ok(pull) = self.pull_mut(repo, number) {
            pull.polls_left = pull.polls_left.saturating_sub(1);
        }
    }

    /// Merges a pull request; returns the new tip of the base.
    ///
    /// # Errors
    /// 405 draft, closed, conflicting, refused by rules; 409 when the head is not the expected one.
    pub(crate) fn merge_pull(&mut self, repo: u64, number: u64, actor: Actor, wish: &MergeWish) -> Outcome<String> {
        let pull = self.pull(repo, number)?.clone();
        if !pull.open {
            return Err(Refusal::new(405, "Pull Request is not mergeable"));
        }
        if wish.expected_head.as_ref().is_some_and(|sha| *sha != pull.head_sha) {
            return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
        }
        if pull.draft {
            return Err(Refusal::new(405, "Pull Request is still a draft"));
        }
        let opened = git::open(&self.repo(repo)?.dir)?;
        let refname = format!("refs/heads/{}", pull.base_ref);
        let not_mergeable = || Refusal::new(405, "Pull Request is not mergeable");
        let base = git::tip(&opened, &refname).ok_or_else(not_mergeable)?;
        let head = git::oid(&pull.head_sha).ok_or_else(not_mergeable)?;
        let new = self.build_merge(&opened, repo, number, actor, wish, base, head)?.ok_or_else(not_mergeable)?;
        let change = RefChange { refname: refname.clone(), before: base.to_string(), after: new.to_string() };
        let faults = self.rule_faults(repo, actor, &change, Via::Pull(number))?;
        if !faults.is_empty() {
            let list = faults.join("\n");
            return Err(Refusal::new(405, format!("Repository rule violations found\n\n{list}\n\n")));
        }
        if !git::swap(&opened, &refname, Some(base), Some(new))? {
            return Err(Refusal::new(405, "Base branch was modified. Review and try the merge again."));
        }
        self.mark_merged(repo, number, actor, &new.to_string())?;
        self.landed(repo, actor, &[change])?;
        Ok(new.to_string())
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one commit")]
    pub(crate) fn build_merge(
        &self,
        opened: &Repository,
        repo: u64,
        number: u64,
        actor: Actor,
        wish: &MergeWish,
        base: Oid,
        head: Oid,
    ) -> Outcome<Option<Oid>> {
        let pull = self.pull(repo, number)?;
        let Some(tree) = git::merged_tree(opened, base, head)? else {
            return Ok(None);
        };
        let author = self.ident_of(actor.account);
        let committer = git::web_flow(self.now());
        let owner = self.login(self.repo(pull.head_repo)?.owner);
        let (title, default_body) = match wish.method {
            Method::Merge => {
                (format!("Merge pull request #{number} from {owner}/{}", pull.head_ref), pull.title.clone())
            }
            Method::Squash | Method::Rebase => (format!("{} (#{number})", pull.title), String::new()),
        };
        let title = wish.title.clone().unwrap_or(title);
        let body = wish.message.clone().unwrap_or(default_body);
        let text = format!("{title}\n\n{body}");
        let text = text.trim_end();
        match wish.method {
            Method::Merge => git::write_commit(opened, &author, &committer, text, tree, &[base, head]).map(Some),
            Method::Squash => git::write_commit(opened, &author, &committer, text, tree, &[base]).map(Some),
            Method::Rebase => rebase(opened, base, head, &committer),
        }
    }

    /// Name and mail an account writes commits with.
    pub(crate) fn ident_of(&self, account: u64) -> Ident {
        let found = self.accounts.get(&account);
        Ident {
            name: found.map_or("ghost", |a| a.login.as_str()).to_owned(),
            email: found.map_or("ghost@users.noreply.github.com", |a| a.email.as_str()).to_owned(),
            at: self.now(),
        }
    }

    /// `POST /merges`: merges `head` into a branch. None: nothing to do.
    ///
    /// # Errors
    /// 404 without such a base or head, 409 on a conflict, 422 when rules refuse.
    pub(crate) fn merge_branch(
        &mut self,
        repo: u64,
        actor: Actor,
        base: &str,
        head: &str,
        message: Option<String>,
    ) -> Outcome<Option<String>> {
        let opened = git::open(&self.repo(repo)?.dir)?;
        let refname = format!("refs/heads/{base}");
        let onto = git::tip(&opened, &refname).ok_or_else(|| Refusal::new(404, "Base does not exist"))?;
        let from = git::commit_at(&opened, head).ok_or_else(|| Refusal::new(404, "Head does not exist"))?;
        if git::is_ancestor(&opened, from, onto) {
            return Ok(None);
        }
        let tree = git::merged_tree(&opened, onto, from)?.ok_or_else(|| Refusal::new(409, "Merge conflict"))?;
        let text = message.unwrap_or_else(|| format!("Merge {head} into {base}"));
        let author = self.ident_of(actor.account);
        let committer = git::web_flow(self.now());
        let new = git::write_commit(&opened, &author, &committer, &text, tree, &[onto, from])?;
        let change = RefChange { refname, before: onto.to_string(), after: new.to_string() };
        self.move_ref(repo, actor, change)?;
        Ok(Some(new.to_string()))
    }

    /// Moves one reference under the rules, and tells.
    ///
    /// # Errors
    /// 422 when rules refuse it or it moved meanwhile.
    pub(crate) fn move_ref(&mut self, repo: u64, actor: Actor, change: RefChange) -> Outcome<()> {
        let faults = self.rule_faults(repo, actor, &change, Via::Push)?;
        if !faults.is_empty() {
            let list = faults.join("\n");
            return Err(Refusal::new(422, format!("Repository rule violations found\n\n{list}\n\n")));
        }
        let opened = git::open(&self.repo(repo)?.dir)?;
        let side = |text: &str| git::oid(text).filter(|id| !id.is_zero());
        let (before, after) = (side(&change.before), side(&change.after));
        if !git::swap(&opened, &change.refname, before, after)? {
            return Err(Refusal::new(422, "Reference cannot be updated"));
        }
        self.landed(repo, actor, &[change])
    }
}

fn rebase(opened: &Repository, base: Oid, head: Oid, committer: &Ident) -> Outcome<Option<Oid>> {
    let mut onto = base;
    let mut list = git::between(opened, Some(base), head, 1000)?;
    list.reverse();
    for id in list {
        let commit = opened.find_commit(id).map_err(git::broken)?;
        if commit.parent_count() != 1 {
            continue;
        }
        let ours = opened.find_commit(onto).map_err(git::broken)?;
        let mut index = opened.cherrypick_commit(&commit, &ours, 0, None).map_err(git::broken)?;
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = index.write_tree_to(opened).map_err(git::broken)?;
        let tree = opened.find_tree(tree).map_err(git::broken)?;
        onto = opened
            .commit(None, &commit.author(), &committer.signature()?, commit.message().unwrap_or(""), &tree, &[&ours])
            .map_err(git::broken)?;
    }
    Ok(Some(onto))
}
