//! People doing what people do on GitHub: push, open, review, comment, merge, rename.
//!
//! Each function is what the web page would do: permissions of the person hold, events are sent.

use serde_json::{Value, json};

use crate::access::{Actor, Role};
use crate::cast::{Repo, User};
use crate::error::{Outcome, Refusal};
use crate::git::{self, Ident, ZERO};
use crate::state::State;
use crate::state::landed::RefChange;
use crate::state::merge::{MergeWish, Method};
use crate::state::pulls::{NewPull, PullEdit};
use crate::state::reviews::{NewReview, Verdict};

/// A commit to push without a clone.
#[derive(Debug, Clone, Default)]
pub struct Push {
    branch: String,
    from: Option<String>,
    message: String,
    files: Vec<(String, Option<Vec<u8>>)>,
    force: bool,
    author: Option<(String, String)>,
}

impl Push {
    /// A push to a branch, on top of its tip, or of the default branch if it does not exist yet.
    #[must_use]
    pub fn to(branch: &str) -> Self {
        Self { branch: branch.to_owned(), message: "Change".to_owned(), ..Self::default() }
    }

    /// Starts from another commit or branch; with [`Push::force`] the branch is replaced.
    #[must_use]
    pub fn from(mut self, name: &str) -> Self {
        self.from = Some(name.to_owned());
        self
    }

    /// Sets the commit message.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.message = text.to_owned();
        self
    }

    /// Writes a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), Some(content.as_ref().to_vec())));
        self
    }

    /// Deletes a file.
    #[must_use]
    pub fn delete(mut self, path: &str) -> Self {
        self.files.push((path.to_owned(), None));
        self
    }

    /// Pushes with force.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Sets the author; otherwise it is the pusher.
    #[must_use]
    pub fn author(mut self, name: &str, email: &str) -> Self {
        self.author = Some((name.to_owned(), email.to_owned()));
        self
    }
}

impl State {
    /// Refuses unless a person has a role.
    fn demand(&self, repo: u64, person: u64, role: Role) -> Outcome<()> {
        match self.role_of(self.repo(repo)?, person) {
            None => Err(Refusal::not_found()),
            Some(held) if held < role => Err(Refusal::new(403, "Must have push access to repository")),
            Some(_) => Ok(()),
        }
    }

    /// Gives a person a role or takes it away, and tells.
    pub(crate) fn set_role(&mut self, repo: u64, actor: Actor, person: u64, role: Option<Role>) -> Outcome<()> {
        let here = self.repo_mut(repo)?;
        let before = match role {
            Some(role) => here.collaborators.insert(person, role),
            None => here.collaborators.remove(&person),
        };
        let action = match (before, role) {
            (None, None) => return Ok(()),
            (None, Some(_)) => "added",
            (Some(_), Some(_)) => "edited",
            (Some(_), None) => "removed",
        };
        let mut more = json!({"member": self.web_face().user(person)});
        if action != "removed" {
            more["changes"] = json!({"permission": {"to": role.map(Role::legacy)}});
        }
        self.emit(repo, "member", Some(action), actor, more);
        Ok(())
    }
}

impl Repo {
    /// Address for `git clone` as a person, token included.
    #[must_use]
    pub fn clone_url(&self, user: &User) -> String {
        let name = self.full_name();
        let base = self.sim.url();
        let host = base.trim_start_matches("http://");
        format!("http://{}:{}@{host}/{name}.git", user.login, user.token)
    }

    /// Address of the repository without credentials, ending in `.git`.
    #[must_use]
    pub fn git_url(&self) -> String {
        format!("{}/{}.git", self.sim.url(), self.full_name())
    }

    fn act<T>(
        &self,
        user: &User,
        role: Role,
        what: impl FnOnce(&mut State, Actor) -> Outcome<T>,
    ) -> Result<T, Refusal> {
        let mut st = self.sim.inner.lock();
        st.demand(self.id, user.id, role)?;
        what(&mut st, Actor::person(user.id))
    }

    /// Pushes one commit; returns its id. Rules hold as for `git push`.
    ///
    /// # Errors
    /// 403 without write access, 422 when rules refuse or it is no fast forward.
    pub fn push(&self, user: &User, push: Push) -> Result<String, Refusal> {
        self.act(user, Role::Write, |st, actor| {
            let here = st.repo(self.id)?;
            let opened = git::open(&here.dir)?;
            let refname = format!("refs/heads/{}", push.branch);
            let before = git::tip(&opened, &refname);
            let start = match &push.from {
                Some(name) => Some(git::commit_at(&opened, name).ok_or_else(Refusal::not_found)?),
                None => before.or_else(|| git::tip(&opened, &format!("refs/heads/{}", here.default_branch))),
            };
            let own = st.ident_of(actor.account);
            let author = match push.author {
                Some((name, email)) => Ident { name, email, ..own.clone() },
                None => own.clone(),
            };
            let tree = git::edited_tree(&opened, start, &push.files)?;
            let parents: Vec<git2::Oid> = start.into_iter().collect();
            let new = git::write_commit(&opened, &author, &own, &push.message, tree, &parents)?;
            let forced = before.is_some_and(|tip| !git::is_ancestor(&opened, tip, new));
            if forced && !push.force {
                return Err(Refusal::new(422, "Update is not a fast forward"));
            }
            let change = RefChange {
                refname,
                before: before.map_or_else(|| ZERO.to_owned(), |id| id.to_string()),
                after: new.to_string(),
            };
            st.move_ref(self.id, actor, change)?;
            Ok(new.to_string())
        })
    }

    /// Points a branch at a commit that exists, with force; creates it if need be.
    ///
    /// # Errors
    /// As [`Repo::push`].
    pub fn move_branch(&self, user: &User, branch: &str, to: &str) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| {
            let opened = git::open(&st.repo(self.id)?.dir)?;
            let refname = format!("refs/heads/{branch}");
            let before = git::tip(&opened, &refname);
            let after = git::commit_at(&opened, to).ok_or_else(Refusal::not_found)?;
            let change = RefChange {
                refname,
                before: before.map_or_else(|| ZERO.to_owned(), |id| id.to_string()),
                after: after.to_string(),
            };
            st.move_ref(self.id, actor, change)
        })
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// As [`Repo::push`]; 404 without such a branch.
    pub fn delete_branch(&self, user: &User, branch: &str) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| {
            let tip = st.branch_tip(self.id, branch)?.ok_or_else(Refusal::not_found)?;
            let change =
                RefChange { refname: format!("refs/heads/{branch}"), before: tip.to_string(), after: ZERO.to_owned() };
            st.move_ref(self.id, actor, change)
        })
    }

    /// Opens a pull request; returns its number. `head` may be `owner:branch`.
    ///
    /// # Errors
    /// 422 for a missing branch, nothing to merge, or one that is already open.
    pub fn open_pull(&self, user: &User, title: &str, head: &str, base: &str) -> Result<u64, Refusal> {
        let new =
            NewPull { title: title.to_owned(), body: None, head: head.to_owned(), base: base.to_owned(), draft: false };
        self.act(user, Role::Read, |st, actor| st.open_pull(self.id, actor, new))
    }

    /// Reviews; `commit` is what the reviewer saw, the head if None. Returns the review's id.
    ///
    /// # Errors
    /// 422 when the author approves or requests changes on the own pull request.
    pub fn review(&self, user: &User, pull: u64, verdict: Verdict, commit: Option<&str>) -> Result<u64, Refusal> {
        let body = match verdict {
            Verdict::Approve => String::new(),
            Verdict::RequestChanges => "Please change this.".to_owned(),
            Verdict::Comment => "A remark.".to_owned(),
        };
        self.review_saying(user, pull, verdict, commit, &body)
    }

    /// As [`Repo::review`], with a text.
    ///
    /// # Errors
    /// As [`Repo::review`].
    pub fn review_saying(
        &self,
        user: &User,
        pull: u64,
        verdict: Verdict,
        commit: Option<&str>,
        body: &str,
    ) -> Result<u64, Refusal> {
        let new = NewReview { verdict: Some(verdict), body: body.to_owned(), commit: commit.map(str::to_owned) };
        self.act(user, Role::Read, |st, actor| st.submit_review(self.id, pull, actor, new))
    }

    /// Dismisses a review.
    ///
    /// # Errors
    /// 403 without write access, 422 for a review that is no opinion.
    pub fn dismiss(&self, user: &User, pull: u64, review: u64) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| st.dismiss_review(self.id, pull, review, actor))
    }

    /// Edits the text of the own review.
    ///
    /// # Errors
    /// 404 without such a review.
    pub fn edit_review(&self, user: &User, pull: u64, review: u64, body: &str) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, actor| st.edit_review(self.id, pull, review, actor, body.to_owned()))
    }

    /// Comments on a pull request; returns the comment's id.
    ///
    /// # Errors
    /// 404 without such a pull request.
    pub fn comment(&self, user: &User, pull: u64, body: &str) -> Result<u64, Refusal> {
        self.act(user, Role::Read, |st, actor| st.write_comment(self.id, pull, actor, body))
    }

    /// Edits a comment: the own one, or anybody's with write access.
    ///
    /// # Errors
    /// 403 for somebody else's comment without write access.
    pub fn edit_comment(&self, user: &User, comment: u64, body: &str) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, actor| {
            if st.comment(self.id, comment)?.author.account != user.id {
                st.demand(self.id, user.id, Role::Write)?;
            }
            st.edit_comment(self.id, comment, actor, body)
        })
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// 403 for somebody else's comment without write access.
    pub fn delete_comment(&self, user: &User, comment: u64) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, actor| {
            if st.comment(self.id, comment)?.author.account != user.id {
                st.demand(self.id, user.id, Role::Write)?;
            }
            st.delete_comment(self.id, comment, actor)
        })
    }

    /// Closes a pull request, or opens it again.
    ///
    /// # Errors
    /// 422 for a merged one, or one whose head is gone.
    pub fn set_open(&self, user: &User, pull: u64, open: bool) -> Result<(), Refusal> {
        self.edit(user, pull, PullEdit { open: Some(open), ..PullEdit::default() })
    }

    /// Gives a pull request another base.
    ///
    /// # Errors
    /// 422 without such a branch.
    pub fn retarget(&self, user: &User, pull: u64, base: &str) -> Result<(), Refusal> {
        let base = Some(base.to_owned());
        self.edit(user, pull, PullEdit { base, ..PullEdit::default() })
    }

    /// Changes title and body.
    ///
    /// # Errors
    /// 404 without such a pull request.
    pub fn retitle(&self, user: &User, pull: u64, title: &str, body: &str) -> Result<(), Refusal> {
        let edit = PullEdit { title: Some(title.to_owned()), body: Some(body.to_owned()), ..PullEdit::default() };
        self.edit(user, pull, edit)
    }

    fn edit(&self, user: &User, pull: u64, edit: PullEdit) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, actor| {
            if st.pull(self.id, pull)?.author.account != user.id {
                st.demand(self.id, user.id, Role::Triage)?;
            }
            st.edit_pull(self.id, pull, actor, edit)
        })
    }

    /// Makes a pull request a draft, or ready for review.
    ///
    /// # Errors
    /// 404 without such a pull request.
    pub fn set_draft(&self, user: &User, pull: u64, draft: bool) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, actor| st.set_draft(self.id, pull, actor, draft))
    }

    /// Presses the merge button; returns the new tip of the base.
    ///
    /// # Errors
    /// As GitHub's merge endpoint: 403, 405, 409.
    pub fn merge(&self, user: &User, pull: u64) -> Result<String, Refusal> {
        let wish = MergeWish { method: Method::Merge, expected_head: None, title: None, message: None };
        self.act(user, Role::Write, |st, actor| st.merge_pull(self.id, pull, actor, &wish))
    }

    /// Puts a label on a pull request or takes it off.
    ///
    /// # Errors
    /// 403 without triage.
    pub fn label(&self, user: &User, pull: u64, name: &str, on: bool) -> Result<(), Refusal> {
        self.act(user, Role::Triage, |st, actor| st.set_label(self.id, pull, actor, name, on))
    }

    /// Adds a ruleset in the shape `POST /repos/{owner}/{repo}/rulesets` takes; returns its id.
    ///
    /// # Errors
    /// 404 when the repository is gone.
    pub fn ruleset(&self, body: Value) -> Result<u64, Refusal> {
        let mut st = self.sim.inner.lock();
        let owner = st.repo(self.id)?.owner;
        st.add_ruleset(self.id, Actor::person(owner), body)
    }

    /// Protects a branch the classic way, in the shape of `PUT …/branches/{branch}/protection`.
    ///
    /// # Errors
    /// 404 when the repository is gone.
    pub fn protect(&self, branch: &str, body: Value) -> Result<(), Refusal> {
        let mut st = self.sim.inner.lock();
        st.repo_mut(self.id)?.protections.insert(branch.to_owned(), body);
        Ok(())
    }

    /// Makes the repository public or private.
    pub fn set_private(&self, private: bool) {
        if let Some(repo) = self.sim.inner.lock().repos.get_mut(&self.id) {
            repo.private = private;
        }
    }

    /// Renames the repository; the old name redirects.
    ///
    /// # Errors
    /// 403 unless the person is an admin.
    pub fn rename(&self, user: &User, name: &str) -> Result<(), Refusal> {
        self.act(user, Role::Admin, |st, actor| {
            let old = st.full_name(st.repo(self.id)?);
            st.former_names.insert(old.to_ascii_lowercase(), self.id);
            let here = st.repo_mut(self.id)?;
            let from = std::mem::replace(&mut here.name, name.to_owned());
            let more = json!({"changes": {"repository": {"name": {"from": from}}}});
            st.emit(self.id, "repository", Some("renamed"), actor, more);
            Ok(())
        })
    }

    /// Forks the repository into a person's account.
    ///
    /// # Errors
    /// 404 without read access, 422 when the person has a repository of that name.
    pub fn fork(&self, user: &User) -> Result<Self, Refusal> {
        let (name, default, from) = {
            let st = self.sim.inner.lock();
            st.demand(self.id, user.id, Role::Read)?;
            let here = st.repo(self.id)?;
            (here.name.clone(), here.default_branch.clone(), here.dir.clone())
        };
        let copy = self.sim.repo(&format!("{}/{name}", user.login), &default)?;
        let mut st = self.sim.inner.lock();
        let made = st.repo_mut(copy.id)?;
        made.parent = Some(self.id);
        crate::bare::fork(&from, &made.dir)?;
        drop(st);
        Ok(copy)
    }

    /// What a branch points at; None without such a branch.
    #[must_use]
    pub fn tip(&self, branch: &str) -> Option<String> {
        let st = self.sim.inner.lock();
        let tip = st.branch_tip(self.id, branch).ok().flatten();
        tip.map(|id| id.to_string())
    }

    /// Content of a file on a branch or at a commit.
    #[must_use]
    pub fn file(&self, at: &str, path: &str) -> Option<Vec<u8>> {
        let st = self.sim.inner.lock();
        let opened = git::open(&st.repos.get(&self.id)?.dir).ok()?;
        let commit = git::commit_at(&opened, at)?;
        let (id, ..) = git::entry_at(&opened, commit, path)?;
        Some(opened.find_blob(id).ok()?.content().to_vec())
    }

    /// A pull request as `GET /repos/{owner}/{repo}/pulls/{number}` shows it; null without one.
    #[must_use]
    pub fn pull_json(&self, number: u64) -> Value {
        self.sim.inner.lock().web_face().pull_full(self.id, number)
    }

    /// Comments of a pull request, oldest first: login of the author and text.
    #[must_use]
    pub fn comments(&self, number: u64) -> Vec<(String, String)> {
        let st = self.sim.inner.lock();
        let Some(here) = st.repos.get(&self.id) else {
            return Vec::new();
        };
        here.comments
            .values()
            .filter(|comment| comment.number == number)
            .map(|c| (st.login(c.author.account).to_owned(), c.body.clone()))
            .collect()
    }

    /// Newest check run of each App and name on a commit, as `GET …/check-runs` shows them.
    #[must_use]
    pub fn checks(&self, sha: &str) -> Vec<Value> {
        let st = self.sim.inner.lock();
        let face = st.web_face();
        let runs = st.latest_runs(self.id, sha);
        runs.into_iter().map(|run| face.check_run(self.id, run.id)).collect()
    }

    /// Repository and workflow dispatches that were asked for, oldest first.
    #[must_use]
    pub fn dispatches(&self) -> Vec<Value> {
        let st = self.sim.inner.lock();
        st.repos.get(&self.id).map(|r| r.dispatches.clone()).unwrap_or_default()
    }
}
