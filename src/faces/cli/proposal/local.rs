//! A proposal that stays in this clone: a branch with its commit, and nothing else.
//!
//! Asks nobody and pushes nothing.

use countersign_core::domain::Oid;

use super::git::Git;
use super::{BRANCHES, Proposal, ProposalArgs, commit, place};
use crate::faces::exit::{Exit, Report};

/// The base as this clone knows it: the remote's branch, or its own.
pub(in crate::faces::cli) fn base(args: &ProposalArgs) -> Result<(String, Oid), Report> {
    let git = Git::plain();
    if let Some(branch) = &args.branch {
        place::check_branch(&git, branch)?;
    }
    let remote = args.remote.as_deref().unwrap_or(place::ORIGIN);
    let read = |arguments: &[&str]| -> Result<Option<String>, Report> {
        let output = git.run(arguments, b"")?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Some(text).filter(|text| output.status.success() && !text.is_empty()))
    };
    let name = match &args.base {
        Some(name) => name.clone(),
        None => {
            let head = read(&["symbolic-ref", "--short", &format!("refs/remotes/{remote}/HEAD")])?;
            let head = head.and_then(|head| head.strip_prefix(&format!("{remote}/")).map(str::to_owned));
            head.map_or_else(|| read(&["symbolic-ref", "--short", "HEAD"]), |head| Ok(Some(head)))?
                .unwrap_or_else(|| "main".to_owned())
        }
    };
    for reference in [format!("refs/remotes/{remote}/{name}"), format!("refs/heads/{name}")] {
        if let Some(text) = read(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")])? {
            let tip = Oid::parse(&text).map_err(|error| Report::failed("the base cannot be read", &error))?;
            return Ok((name, tip));
        }
    }
    Err(Report::usage(format!("this clone knows no branch `{name}`"))
        .help("name another one with `--base`, or fetch it"))
}

/// Makes the commit and a new branch for it. `None`: the base holds all of it already.
pub(in crate::faces::cli) fn branch(
    tip: &Oid,
    named: Option<&str>,
    proposal: &Proposal<'_>,
) -> Result<Option<(String, Oid)>, Report> {
    let git = Git::plain();
    let Some(commit) = commit::make(&git, tip, proposal.files, proposal.message)? else { return Ok(None) };
    for number in 1..=BRANCHES {
        let name = match (named, number) {
            (Some(name), _) => name.to_owned(),
            (None, 1) => proposal.branch.to_owned(),
            (None, number) => format!("{}-{number}", proposal.branch),
        };
        // the empty old value: it must not be there
        let reference = format!("refs/heads/{name}");
        let nothing = "0".repeat(commit.as_str().len());
        if git.run(&["update-ref", &reference, commit.as_str(), &nothing], b"")?.status.success() {
            return Ok(Some((name, commit)));
        }
        if named.is_some() {
            return Err(Report::new(Exit::REFUSED, format!("branch `{name}` cannot be made; it may be there already"))
                .help("name another one with `--branch`"));
        }
    }
    Err(Report::new(Exit::REFUSED, format!("`{}` and {} branches like it are taken", proposal.branch, BRANCHES - 1))
        .help("name another one with `--branch`"))
}
