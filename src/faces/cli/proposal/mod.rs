//! A change of one's own becomes a pull request: a commit beside the working tree, a branch, a push, the request.
//!
//! Used by every verb that proposes. Nothing here touches a branch, the index or a file of the user; whatever fails leaves the
//! clone as it was, and what is on GitHub by then is named.

mod commit;
mod git;
pub(in crate::faces::cli) mod local;
mod place;
pub(in crate::faces::cli) mod token;
mod tree;

use std::path::PathBuf;

use clap::Args;
use countersign_core::domain::{Oid, PrNumber};
use serde_json::{Value, json};

pub(in crate::faces::cli) use self::commit::Files;
use self::git::Git;
pub(in crate::faces::cli) use self::tree::{Tree, work_tree};
use super::{output, settings};
use crate::engine::ports::{ForgeError, ForgeErrorKind};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{NewPull, UserGitHub, UserPull, UserRepo};

/// Branches tried before one is asked for.
const BRANCHES: usize = 20;

/// Where a proposal goes.
#[derive(Args)]
pub(in crate::faces::cli) struct ProposalArgs {
    /// Name of the new branch; one that fits unless named.
    #[arg(long, value_name = "BRANCH")]
    pub(in crate::faces::cli) branch: Option<String>,
    /// The branch it is to go to; the repository's default branch unless named.
    #[arg(long, value_name = "BRANCH")]
    pub(in crate::faces::cli) base: Option<String>,
    /// The remote it is pushed to (default: origin).
    #[arg(long, value_name = "REMOTE")]
    pub(in crate::faces::cli) remote: Option<String>,
}

/// One proposal.
pub(in crate::faces::cli) struct Proposal<'a> {
    /// Name of the branch, if the user gave none: a number is put behind it where it is taken.
    pub(in crate::faces::cli) branch: &'a str,
    /// Title of the pull request.
    pub(in crate::faces::cli) title: &'a str,
    /// Its description.
    pub(in crate::faces::cli) body: &'a str,
    /// What differs from the base.
    pub(in crate::faces::cli) files: &'a Files,
    /// Message of the commit.
    pub(in crate::faces::cli) message: &'a str,
    /// Nobody is to be asked for a review yet.
    pub(in crate::faces::cli) draft: bool,
}

/// A pull request that is open now.
pub(in crate::faces::cli) struct Proposed {
    /// Its number.
    pub(in crate::faces::cli) number: PrNumber,
    /// Its page.
    pub(in crate::faces::cli) page: String,
    /// Its branch.
    pub(in crate::faces::cli) branch: String,
    /// The commit at its head.
    pub(in crate::faces::cli) commit: Oid,
}

impl Proposed {
    /// For machines: what every verb that proposes says of it.
    pub(in crate::faces::cli) fn to_json(&self) -> Value {
        json!({"number": self.number, "url": self.page, "branch": self.branch, "commit": self.commit})
    }

    /// For people.
    pub(in crate::faces::cli) fn tell(&self) {
        output::tell(format!("pull request #{} asks for it: {}", self.number, self.page));
    }
}

/// The place proposals go to, looked at before anything is made: remote, repository, rights, and the base as it is now.
pub(in crate::faces::cli) struct Desk {
    hub: UserGitHub,
    runtime: tokio::runtime::Runtime,
    git: Git,
    remote: String,
    repo: UserRepo,
    branch: Option<String>,
    /// Name of the base branch.
    pub(in crate::faces::cli) base: String,
    /// Where it is now. The commit is in this clone.
    pub(in crate::faces::cli) tip: Oid,
}

/// Whether this clone has a remote to propose to.
pub(in crate::faces::cli) fn has_remote(args: &ProposalArgs) -> Result<bool, Report> {
    let remote = args.remote.as_deref().unwrap_or(place::ORIGIN);
    Ok(args.remote.is_some() || Git::plain().run(&["remote", "get-url", remote], b"")?.status.success())
}

/// What GitHub says to whoever begins.
pub(in crate::faces::cli) struct Met {
    /// Name of the default branch.
    pub(in crate::faces::cli) default_branch: String,
    /// Whose the token is.
    pub(in crate::faces::cli) login: Option<String>,
}

/// Asks about the repository behind origin, if there is a token; `None`: nothing is known.
pub(in crate::faces::cli) fn acquaintance() -> Option<Met> {
    let place = place::Place::of(None, None).ok()?;
    let (hub, runtime) = (place.hub().ok()?, settings::runtime().ok()?);
    let repo = runtime.block_on(hub.repository(&place.name)).ok()?;
    let login = runtime.block_on(hub.login()).ok();
    Some(Met { default_branch: repo.default_branch, login })
}

impl Desk {
    /// Looks at everything that can be known before the change is made.
    pub(in crate::faces::cli) fn open(args: &ProposalArgs, config: Option<&PathBuf>) -> Result<Self, Report> {
        let place = place::Place::of(args.remote.as_deref(), config)?;
        let hub = place.hub()?;
        let runtime = settings::runtime()?;
        let asked = runtime.block_on(hub.repository(&place.name));
        let repo = asked.map_err(|fault| place.unseen(&fault))?;
        place.judge(&repo, args.remote.is_some())?;
        let base = args.base.clone().unwrap_or_else(|| repo.default_branch.clone());
        let git = Git::with_token(&place.github, place.token.secret.clone());
        if let Some(branch) = &args.branch {
            place::check_branch(&git, branch)?;
        }
        let tip = place::tip(&git, &place.remote, &base)?;
        Ok(Self { hub, runtime, git, remote: place.remote, repo, branch: args.branch.clone(), base, tip })
    }

    /// Takes another branch for the base.
    pub(in crate::faces::cli) fn go_to(&mut self, base: &str) -> Result<(), Report> {
        if base != self.base {
            self.tip = self.tip_of(base)?;
            base.clone_into(&mut self.base);
        }
        Ok(())
    }

    /// Where a branch of the remote is now; the commit is brought here.
    pub(in crate::faces::cli) fn tip_of(&self, branch: &str) -> Result<Oid, Report> {
        place::tip(&self.git, &self.remote, branch)
    }

    /// Pushes the branch and opens the pull request. `None`: the base holds all of it already.
    pub(in crate::faces::cli) fn propose(&self, proposal: &Proposal<'_>) -> Result<Option<Proposed>, Report> {
        let Some(commit) = commit::make(&self.git, &self.tip, proposal.files, proposal.message)? else {
            return Ok(None);
        };
        let (branch, commit) = self.push(proposal.branch, commit)?;
        let new = NewPull {
            title: proposal.title,
            body: proposal.body,
            head: &branch,
            base: &self.base,
            draft: proposal.draft,
        };
        let opened = self.runtime.block_on(self.hub.open_pull(&self.repo.name, new));
        match opened {
            Ok(UserPull { number, page }) => Ok(Some(Proposed { number, page, branch, commit })),
            Err(fault) => Err(self.unopened(&fault, &branch)),
        }
    }

    /// Pushes to a branch that holds nothing else, and says which; a branch that holds the same already is as good.
    fn push(&self, wanted: &str, commit: Oid) -> Result<(String, Oid), Report> {
        for number in 1..=BRANCHES {
            let name = match (&self.branch, number) {
                (Some(name), _) => name.clone(),
                (None, 1) => wanted.to_owned(),
                (None, number) => format!("{wanted}-{number}"),
            };
            let Some(there) = place::remote_tip(&self.git, &self.remote, &name)? else {
                self.push_new(&name, &commit)?;
                return Ok((name, commit));
            };
            if self.holds_the_same(&name, &there, &commit)? {
                return Ok((name, there));
            }
            let asks = self.runtime.block_on(self.hub.pull_of(&self.repo.name, &name, &self.base));
            if let Ok(Some(pull)) = asks {
                let what = format!(
                    "branch `{name}` is there with other content, and pull request #{} asks for it",
                    pull.number
                );
                return Err(Report::new(Exit::REFUSED, what)
                    .help(format!("look at {}; close it, or name another branch with `--branch`", pull.page)));
            }
            if self.branch.is_some() {
                return Err(Report::new(
                    Exit::REFUSED,
                    format!("branch `{name}` is there already, with other content"),
                )
                .help("name another one with `--branch`"));
            }
        }
        Err(Report::new(Exit::REFUSED, format!("`{wanted}` and {} branches like it are taken", BRANCHES - 1))
            .help("name another one with `--branch`"))
    }

    /// Whether a branch of the remote holds exactly what is to be pushed: an earlier try that ended there.
    fn holds_the_same(&self, name: &str, there: &Oid, commit: &Oid) -> Result<bool, Report> {
        if there == commit {
            return Ok(true);
        }
        let fetched = place::fetch(&self.git, &self.remote, name)?;
        if !fetched.status.success() {
            return Ok(false);
        }
        Ok(commit::tree_of(&self.git, there)? == commit::tree_of(&self.git, commit)?
            && self.git.run(&["merge-base", "--is-ancestor", self.tip.as_str(), there.as_str()], b"")?.status.success())
    }

    fn push_new(&self, name: &str, commit: &Oid) -> Result<(), Report> {
        // an empty lease: the branch must not be there, whoever was quicker
        let lease = format!("--force-with-lease=refs/heads/{name}:");
        let refspec = format!("{commit}:refs/heads/{name}");
        let output = self.git.run(&["push", "--quiet", &lease, &self.remote, &refspec], b"")?;
        if output.status.success() {
            return Ok(());
        }
        let report = Report::new(Exit::FAILED, format!("branch `{name}` cannot be pushed to {}", self.repo.name));
        Err(git::said(report, &output)
            .help("nothing was changed here or there; check that you may push, then run the command again"))
    }

    fn unopened(&self, fault: &ForgeError, branch: &str) -> Report {
        let what = format!("branch `{branch}` is pushed, but no pull request could be opened for it");
        let page = &self.repo.page;
        let by_hand = format!("open it at {page}/compare/{}...{branch}", self.base);
        let help = match fault.kind {
            ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Credentials => {
                format!("{by_hand}, or give a token that may write pull requests and run the command again")
            }
            ForgeErrorKind::Later | ForgeErrorKind::Wait(_) | ForgeErrorKind::Refused | ForgeErrorKind::Garbled => {
                format!("{by_hand}, or run the command again")
            }
        };
        Report::new(Exit::FAILED, what).cause(&fault.message).help(help)
    }
}
