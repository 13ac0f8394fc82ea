//! Pushing without a clone: one commit, a moved or a deleted branch.
//!
//! Rules and roles hold as for `git push`; the same events follow.

use crate::access::Role;
use crate::cast::{Repo, User};
use crate::error::Refusal;
use crate::git::{self, Ident, ZERO};
use crate::state::landed::RefChange;

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

impl Repo {
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
}
