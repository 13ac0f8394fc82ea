//! `revoke-value`: writes into the ledger that a value must never come back. Done by the operator, with the settings of the server:
//! the entry is signed with the signing key.

use std::path::Path;

use countersign_core::domain::{Oid, RepoPath};
use serde_json::json;
use sops_file::KeyPath;

use super::args::RevokeValueArgs;
use super::{Outcome, adopt, output, settings};
use crate::faces::cli::ledger::reading;
use crate::faces::config::ServeConfig;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Revokes.
pub(super) fn run(args: &RevokeValueArgs, json: bool) -> Outcome {
    let key: KeyPath = args.key.parse().map_err(|fault| Report::new(Exit::USAGE, fault))?;
    if key.steps().is_empty() {
        return Err(Report::usage("no key is named").help("write it as `db.password`"));
    }
    let path = RepoPath::new(args.path.trim_start_matches("./"));
    let name = adopt::repository(args.repo.as_deref())?;
    let commit = commit(&args.at)?;
    let config = ServeConfig::read(&settings::read(args.config.as_deref())?).map_err(Report::from)?;
    let revoked = settings::runtime()?.block_on(wire::revoke_value(config, &name, (&path, &key), &commit));
    let revoked = revoked.map_err(|error| Report::chain(Exit::FAILED, &error))?;
    if json {
        let one =
            |value: &wire::Revoked| json!({"key": value.key, "entry": value.entry.label(), "stands": value.stands});
        let values: Vec<_> = revoked.iter().map(one).collect();
        return output::json(&json!({"version": 1, "path": path, "commit": commit, "revoked": values}));
    }
    let mut text = String::new();
    for value in &revoked {
        let (entry, again) = (value.entry.label(), if value.already { ", as before" } else { "" });
        text += &format!("{entry}  {} of {path} at {} is revoked{again}\n", value.key, commit.short());
    }
    output::say(&crate::faces::exit::printable(&text))?;
    if revoked.iter().any(|value| value.stands) {
        output::warn(
            format!("the revoked value still stands in `{path}`"),
            "replace it at its origin and with `countersign set`; whoever read it knows it",
        );
    }
    Ok(Exit::FINE)
}

/// A whole id, or whatever names a commit in the clone this is run in.
fn commit(text: &str) -> Result<Oid, Report> {
    if let Ok(oid) = Oid::parse(text) {
        return Ok(oid);
    }
    let repo = wire::local_repo(Path::new(".")).map_err(|_| {
        Report::usage(format!("`{text}` is no whole commit id")).help("write the whole id, or run this inside a clone")
    })?;
    reading::commit(&repo, text)
}
