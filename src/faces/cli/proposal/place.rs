//! Where a proposal goes: the remote, the repository behind it, the token, and whether the three go together.
//!
//! Everything that can be refused is refused here, before a commit is made.

use std::path::PathBuf;
use std::process::Output;

use countersign_core::domain::{Oid, RepoName};

use super::git::{Git, said};
use super::token::{self, Token};
use crate::engine::ports::{ForgeError, ForgeErrorKind};
use crate::faces::cli::{adopt, settings};
use crate::faces::config::Key;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire::{self, UserGitHub, UserRepo};

/// The remote unless another one is named.
pub(super) const ORIGIN: &str = "origin";

/// A remote and what is known of it without asking anybody.
pub(super) struct Place {
    pub(super) remote: String,
    pub(super) name: RepoName,
    pub(super) github: String,
    pub(super) token: Token,
    api: String,
}

impl Place {
    /// The remote of this clone.
    pub(super) fn of(remote: Option<&str>, config: Option<&PathBuf>) -> Result<Self, Report> {
        let remote = remote.unwrap_or(ORIGIN).to_owned();
        if remote.is_empty() || remote.starts_with('-') {
            return Err(Report::usage(format!("`{remote}` is no name of a remote")).help("`git remote` lists them"));
        }
        let output = Git::plain().run(&["remote", "get-url", &remote], b"")?;
        if !output.status.success() {
            return Err(Report::usage(format!("this clone has no remote `{remote}`, so there is nobody to ask"))
                .help("name the one to ask with `--remote`; `git remote` lists them"));
        }
        let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let settings = settings::read(config.map(PathBuf::as_path))?;
        let text = |key| settings.text(key).unwrap_or_default().trim_end_matches('/').to_owned();
        let (github, api) = (text(Key::GithubUrl), text(Key::GithubApiUrl));
        if !is_at(&address, &github) {
            return Err(Report::usage(format!("remote `{remote}` is not at {github}"))
                .help("set COUNTERSIGN_GITHUB_URL and COUNTERSIGN_GITHUB_API_URL to the GitHub it is at, or name another remote"));
        }
        let name = adopt::of_address(&address).ok_or_else(|| {
            Report::usage(format!("the address of remote `{remote}` names no repository"))
                .help("it should end with OWNER/NAME; `git remote set-url` changes it")
        })?;
        let host = authority(&github).unwrap_or_default();
        let token = token::find(host).ok_or_else(|| {
            Report::usage("there is no token to open a pull request with")
                .help("set GH_TOKEN, or sign in with `gh auth login`")
        })?;
        Ok(Self { remote, name, github, token, api })
    }

    /// GitHub, as the owner of the token.
    pub(super) fn hub(&self) -> Result<UserGitHub, Report> {
        UserGitHub::new(&self.api, self.token.secret.clone(), wire::now)
            .map_err(|fault| Report::new(Exit::USAGE, fault))
    }

    /// GitHub does not show the repository.
    pub(super) fn unseen(&self, fault: &ForgeError) -> Report {
        let (name, origin) = (&self.name, self.token.origin);
        let report = |what: String| Report::new(Exit::FAILED, what).cause(&fault.message);
        match fault.kind {
            ForgeErrorKind::Credentials => report(format!("GitHub refuses the token of {origin}"))
                .help("it may have expired: make a new one, or sign in with `gh auth login`"),
            ForgeErrorKind::NotFound | ForgeErrorKind::Forbidden => {
                report(format!("the token of {origin} does not see {name}"))
                    .help("give it this repository, with the rights to write contents and pull requests")
            }
            ForgeErrorKind::Later | ForgeErrorKind::Wait(_) | ForgeErrorKind::Refused | ForgeErrorKind::Garbled => {
                report(format!("GitHub cannot be asked about {name}"))
                    .help("nothing was changed; run the command again later")
            }
        }
    }

    /// Whether a proposal there makes sense. `named`: the user named the remote.
    pub(super) fn judge(&self, repo: &UserRepo, named: bool) -> Result<(), Report> {
        let (name, remote) = (&repo.name, &self.remote);
        if repo.fork && !named {
            let of = repo.parent.as_ref().map(|parent| format!(" of {parent}")).unwrap_or_default();
            return Err(Report::usage(format!(
                "{name} is a fork{of}: a change there changes nothing that is protected"
            ))
            .help(format!(
                "name the remote of the protected repository with `--remote`, or `--remote {remote}` if it is this one"
            )));
        }
        if repo.archived {
            return Err(Report::new(Exit::REFUSED, format!("{name} is archived: nobody can change it"))
                .help("an owner can take it out of the archive"));
        }
        if repo.may_push == Some(false) {
            return Err(Report::new(
                Exit::REFUSED,
                format!("the token of {} may not push to {name}", self.token.origin),
            )
            .help("ask for write access, or use a token with the right to write contents"));
        }
        Ok(())
    }
}

/// Host and port of a web address.
fn authority(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let whole = rest.split('/').next()?;
    Some(whole.rsplit_once('@').map_or(whole, |(_, host)| host))
}

/// Whether a web address is on that GitHub. Others (`git@host:…`) may be aliases of ssh's; the token is not sent there.
fn is_at(address: &str, github: &str) -> bool {
    authority(address).is_none_or(|host| authority(github).is_some_and(|github| github.eq_ignore_ascii_case(host)))
}

/// Refuses what is no name of a branch of ours.
pub(super) fn check_branch(git: &Git, name: &str) -> Result<(), Report> {
    let is_name = git.run(&["check-ref-format", "--branch", name], b"")?.status.success() && !name.starts_with('@');
    if !is_name {
        return Err(Report::usage(format!("`{name}` is no name of a branch")).help("name another one with `--branch`"));
    }
    if name.split('/').next() == Some("countersign") {
        return Err(Report::usage(format!("`{name}`: branches below `countersign/` are the server's own"))
            .help("name another one with `--branch`"));
    }
    Ok(())
}

/// Where a branch of the remote is; `None`: there is none.
pub(super) fn remote_tip(git: &Git, remote: &str, name: &str) -> Result<Option<Oid>, Report> {
    let what = format!("remote `{remote}` cannot be read");
    let reference = format!("refs/heads/{name}");
    let listed = git.text(&what, &["ls-remote", remote, &reference], b"").map_err(|report| {
        report.help("nothing was changed; check the connection and your rights, then run the command again")
    })?;
    let line = listed.lines().find(|line| line.split('\t').nth(1) == Some(reference.as_str()));
    let oid = line.and_then(|line| line.split('\t').next());
    oid.map(|oid| Oid::parse(oid).map_err(|error| Report::failed(&what, &error))).transpose()
}

/// Brings the objects of a branch here, and nothing else.
pub(super) fn fetch(git: &Git, remote: &str, name: &str) -> Result<Output, Report> {
    let refspec = format!("refs/heads/{name}");
    git.run(
        &["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", remote, &refspec],
        b"",
    )
}

/// The base as it is now, brought here.
pub(super) fn tip(git: &Git, remote: &str, base: &str) -> Result<Oid, Report> {
    let Some(tip) = remote_tip(git, remote, base)? else {
        return Err(
            Report::usage(format!("remote `{remote}` has no branch `{base}`")).help("name another one with `--base`")
        );
    };
    let fetched = fetch(git, remote, base)?;
    // it may have moved between the two: then what was listed is below what came
    let is_here = git.run(&["cat-file", "-e", &format!("{tip}^{{commit}}")], b"")?.status.success();
    if is_here {
        return Ok(tip);
    }
    let report = Report::new(Exit::FAILED, format!("branch `{base}` cannot be fetched from remote `{remote}`"));
    Err(said(report, &fetched).help("nothing was changed; check the connection, then run the command again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_offered_to_its_own_github_alone() {
        for (address, fits) in [
            ("https://github.com/acme/app.git", true),
            ("https://rita@GitHub.com/acme/app", true),
            ("git@github.com:acme/app.git", true),
            ("git@work:acme/app.git", true),
            ("https://gitlab.com/acme/app.git", false),
            ("https://github.com:8443/acme/app.git", false),
            ("https://github.com@evil.example/acme/app.git", false),
        ] {
            assert_eq!(is_at(address, "https://github.com"), fits, "{address}");
        }
    }
}
