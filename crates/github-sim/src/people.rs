//! People doing what people do on a pull request: open, review, comment, merge.
//!
//! Each function is what the web page would do: permissions of the person hold, events are sent.

use crate::access::{Actor, Role};
use crate::cast::{Repo, User};
use crate::error::{Outcome, Refusal};
use crate::state::State;
use crate::state::checks::Status;
use crate::state::merge::{MergeWish, Method};
use crate::state::pulls::{NewPull, PullEdit};
use crate::state::reviews::{NewReview, Verdict};

impl State {
    /// Refuses unless a person has a role.
    pub(crate) fn demand(&self, repo: u64, person: u64, role: Role) -> Outcome<()> {
        match self.role_of(self.repo(repo)?, person) {
            None => Err(Refusal::not_found()),
            Some(held) if held < role => Err(Refusal::new(403, "Must have push access to repository")),
            Some(_) => Ok(()),
        }
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

    pub(crate) fn act<T>(
        &self,
        user: &User,
        role: Role,
        what: impl FnOnce(&mut State, Actor) -> Outcome<T>,
    ) -> Result<T, Refusal> {
        let mut st = self.sim.inner.lock();
        st.demand(self.id, user.id, role)?;
        what(&mut st, Actor::person(user.id))
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

    /// Hides a comment as `spam`, `off-topic` and the like (`Some`), or shows it again.
    ///
    /// # Errors
    /// 403 for somebody else's comment without write access.
    pub fn minimize_comment(&self, user: &User, comment: u64, reason: Option<&str>) -> Result<(), Refusal> {
        self.act(user, Role::Read, |st, _| {
            if st.comment(self.id, comment)?.author.account != user.id {
                st.demand(self.id, user.id, Role::Write)?;
            }
            st.minimize_comment(self.id, comment, reason)
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

    /// Queues pull requests: the merge queue builds a group of them on a branch, whose name is returned.
    ///
    /// # Errors
    /// 422 for none, for one that is closed, a draft, aims elsewhere or conflicts.
    pub fn queue(&self, user: &User, pulls: &[u64]) -> Result<String, Refusal> {
        self.act(user, Role::Write, |st, actor| st.queue_group(self.id, actor, pulls))
    }

    /// Lands a group as it was built, whatever its checks say; returns the new tip of its base.
    ///
    /// # Errors
    /// 404 without such a group, 422 when its base moved meanwhile.
    pub fn land(&self, user: &User, group: &str, pulls: &[u64]) -> Result<String, Refusal> {
        self.act(user, Role::Write, |st, actor| st.land_group(self.id, actor, group, pulls))
    }

    /// Puts a label on a pull request or takes it off.
    ///
    /// # Errors
    /// 403 without triage.
    pub fn label(&self, user: &User, pull: u64, name: &str, on: bool) -> Result<(), Refusal> {
        self.act(user, Role::Triage, |st, actor| st.set_label(self.id, pull, actor, name, on))
    }

    /// Presses a button of a check run; only the run's App hears of it.
    ///
    /// # Errors
    /// 403 without write access, 404 without such a button.
    pub fn press(&self, user: &User, run: u64, button: &str) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| st.press(self.id, run, actor, button))
    }

    /// Asks for a check run to be run again; only the run's App hears of it.
    ///
    /// # Errors
    /// 403 without write access, 404 without such a run.
    pub fn rerun(&self, user: &User, run: u64) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| {
            st.run(self.id, run)?;
            st.emit_run(self.id, run, "rerequested", actor, serde_json::json!({}));
            Ok(())
        })
    }

    /// Starts a workflow by hand, from a branch; the run.
    ///
    /// # Errors
    /// 403 without write access, 422 without such a branch.
    pub fn start_workflow(
        &self,
        user: &User,
        (file, branch): (&str, &str),
        inputs: &serde_json::Value,
    ) -> Result<u64, Refusal> {
        let sha = self.tip(branch).ok_or_else(|| Refusal::new(422, format!("No ref found for: {branch}")))?;
        let place = (format!(".github/workflows/{file}"), branch.to_owned(), sha);
        self.act(user, Role::Write, |st, actor| st.start_workflow(self.id, actor, place, inputs))
    }

    /// Ends a workflow run, as its runner would.
    ///
    /// # Errors
    /// 404 without such a run.
    pub fn end_workflow(&self, run: u64, conclusion: &str) -> Result<(), Refusal> {
        self.sim.inner.lock().end_workflow(self.id, run, conclusion)
    }

    /// Sets a commit status, as a program with the person's token would.
    ///
    /// # Errors
    /// 403 without write access.
    pub fn set_status(&self, user: &User, sha: &str, context: &str, state: &str) -> Result<(), Refusal> {
        self.act(user, Role::Write, |st, actor| {
            let status = Status {
                id: st.big_id(),
                sha: sha.to_owned(),
                context: context.to_owned(),
                state: state.to_owned(),
                description: None,
                target_url: None,
                by: actor,
                at: st.now(),
            };
            st.report_status(self.id, status)
        })
    }
}
