//! `adopt`: the operator takes in what stands on the default branch, and begins the ledger with the signing key at hand.

use countersign_core::domain::{Oid, RepoName};
use serde_json::json;

use super::args::AdoptArgs;
use super::ledger::fetch::origin_address;
use super::{Outcome, output, settings};
use crate::faces::config::{ByToken, Key, ServeConfig, Settings};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Adopts one repository at exactly the commit named.
pub(super) fn run(args: &AdoptArgs, json: bool) -> Outcome {
    let commit = Oid::parse(&args.commit).map_err(|error| {
        Report::usage(format!("{error}\nhelp: name the whole commit, as `git rev-parse origin/main` prints it"))
    })?;
    let name = repository(args.repo.as_deref())?;
    let settings = settings::read(args.config.as_deref())?;
    let runtime = settings::runtime()?;
    let adopted = if args.for_action {
        let config = by_token(&settings, &name)?;
        runtime.block_on(wire::adopt_by_token(&config, &commit))
    } else {
        let config = ServeConfig::read(&settings).map_err(Report::from)?;
        runtime.block_on(wire::adopt(config, &name, &commit))
    };
    let adopted = adopted.map_err(|error| Report::chain(Exit::FAILED, &error))?;
    if json {
        let taken = adopted.taken.iter().map(|(branch, paths)| json!({"branch": branch, "paths": paths}));
        let taken: Vec<_> = taken.collect();
        return output::json(&json!({
            "version": 1, "repository": name, "commit": commit, "taken": taken, "unresolved": adopted.unresolved,
        }));
    }
    let mut text = format!("adopted {name} at {}\n", commit.short());
    for (branch, paths) in &adopted.taken {
        let noun = if *paths == 1 { "path" } else { "paths" };
        text += &format!("  {branch}  {paths} protected {noun} taken in as approved\n");
    }
    output::say(&text)?;
    for name in &adopted.unresolved {
        output::warn(
            format!("GitHub does not know `{name}`: nobody of that name counts"),
            "correct the policy by a pull request",
        );
    }
    Ok(Exit::FINE)
}

/// What adopting without an App needs: a token of the person's, and the key.
fn by_token(settings: &Settings, name: &RepoName) -> Result<ByToken, Report> {
    let token = ["GH_TOKEN", "GITHUB_TOKEN"].into_iter().find_map(|name| std::env::var(name).ok());
    let token = token.filter(|token| !token.trim().is_empty()).ok_or_else(|| {
        Report::usage("there is no token").help("set `GH_TOKEN`, for instance to what `gh auth token` prints")
    })?;
    let data = settings.text(Key::DataDir).unwrap_or_default().into();
    let config = ByToken::read(settings, token.into(), name.clone(), data).map_err(Report::from)?;
    if config.signing_key.is_none() {
        return Err(Report::usage("the ledger has no signing key").help(
            "make one with `countersign keygen -o FILE`, name it in `COUNTERSIGN_SIGNING_KEY_FILE`, and give its text to the workflow",
        ));
    }
    Ok(config)
}

/// The repository named, or the one this clone comes from.
pub(super) fn repository(named: Option<&str>) -> Result<RepoName, Report> {
    if let Some(name) = named {
        return RepoName::parse(name).map_err(Report::usage);
    }
    let help = "help: name the repository: `--repo OWNER/NAME`";
    let address =
        origin_address().ok_or_else(|| Report::usage(format!("this folder is no clone with an origin\n{help}")))?;
    of_address(&address).ok_or_else(|| Report::usage(format!("the address of origin names no repository\n{help}")))
}

/// `owner/name` at the end of a clone address.
pub(super) fn of_address(address: &str) -> Option<RepoName> {
    let path = address.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    RepoName::parse(&format!("{owner}/{name}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_read_off_any_clone_address() {
        for address in [
            "https://github.com/acme/app.git",
            "https://github.com/acme/app",
            "git@github.com:acme/app.git",
            "ssh://git@ghe.example:22/acme/app.git/",
            "http://token@127.0.0.1:4000/acme/app.git",
        ] {
            assert_eq!(of_address(address).map(|name| name.to_string()).as_deref(), Some("acme/app"), "{address}");
        }
        assert_eq!(of_address("app.git"), None);
    }
}
