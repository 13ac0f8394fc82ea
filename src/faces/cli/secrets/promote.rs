//! `promote`: takes values over from one environment to another, sealed anew for the readers of the other one.
//!
//! Sealed texts never travel: copied, they would stay open to the readers of the environment they come from.

use std::path::Path;

use serde_json::json;
use sops_file::{KeyPath, Value};

use super::document::Document;
use super::ground::{Far, Ground};
use super::identities::Identity;
use super::revoked::RevokedValues;
use super::{key_path, no_such_key, nothing_to_do, open, parse, store_changed, unsealed};
use crate::faces::cli::args::PromoteArgs;
use crate::faces::cli::ledger::reading::unreadable;
use crate::faces::cli::proposal::{Desk, Files, Proposal, Proposed};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Promotes. Either every key is taken over, or the file stays as it was.
pub(in crate::faces::cli) fn run(args: PromoteArgs, json: bool) -> Outcome {
    if args.from == args.to {
        return Err(Report::usage("both environments are the same").help("name another one with `--to`"));
    }
    let keys: Vec<KeyPath> = args.keys.iter().map(|key| key_path(key, Exit::USAGE)).collect::<Result<_, _>>()?;
    let repo = wire::local_repo(Path::new(".")).map_err(unreadable)?;
    let far = Far::find(&repo, (args.local, &args.proposal), args.ledger.config.as_ref(), &args.to)?;
    let ground = |environment: &str| match &far {
        Some(far) => far.ground(&repo, environment),
        None => Ground::here(),
    };
    let (there, here) = (ground(&args.from)?, ground(&args.to)?);
    let source = there.read(&there.place.document(&args.from, args.path.as_deref())?)?;
    let path = here.place.document(&args.to, args.path.as_deref())?;
    let target = here.read(&path)?;
    let identity = Identity::gather();
    let from = {
        let sealed = parse(&source)?;
        let taken = |leaf: &KeyPath| keys.iter().any(|key| leaf.steps().starts_with(key.steps()));
        RevokedValues::read(&args.ledger)?.refuse((&source, &sealed), None, taken)?;
        let opened = open(&source, &sealed, &identity, false)?;
        if let Some(missing) = keys.iter().find(|key| !opened.contains(key)) {
            return Err(no_such_key(&source, &sealed, missing));
        }
        opened
    };
    let sealed = parse(&target)?;
    let mut to = open(&target, &sealed, &identity, false)?;
    let mut changed = Vec::new();
    for key in &keys {
        let Some(value) = from.value(key) else { continue };
        if to.set(key, &value).map_err(|fault| unsealed(&target, &fault))? {
            changed.push(key);
        }
    }
    if changed.is_empty() {
        return nothing_to_do(&format!("{} holds these values already", target.name), args.idempotent);
    }
    let scalars: Vec<(&KeyPath, Value)> =
        keys.iter().filter_map(|key| from.value(key).map(|value| (key, value))).collect();
    store_changed(&target, &sealed, to, &identity, |again| {
        scalars.iter().all(|(key, value)| match value {
            Value::Scalar(wanted) => again.get(key).is_some_and(|stored| stored.bytes() == wanted.bytes()),
            Value::Map(_) | Value::List(_) => again.contains(key),
        })
    })?;
    let proposed = match &far {
        Some(far) => propose(&far.desk, &args, &here.files(&[path])?, &target, &changed)?,
        None => None,
    };
    if json {
        let request = proposed.as_ref().map(Proposed::to_json);
        return output::json(&json!({
            "version": 1, "from": source.name, "to": target.name, "keys": changed, "pull_request": request,
        }));
    }
    for key in changed {
        output::tell(format!("{key} of {} is in {}, sealed anew", source.name, target.name));
    }
    match proposed {
        Some(proposed) => proposed.tell(),
        None => output::tell("commit and push it on a branch of its own: it is asked for like any other change"),
    }
    Ok(Exit::FINE)
}

fn propose(
    desk: &Desk,
    args: &PromoteArgs,
    files: &Files,
    target: &Document,
    changed: &[&KeyPath],
) -> Result<Option<Proposed>, Report> {
    let (from, to) = (&args.from, &args.to);
    let title = format!("Promote {} from {from} to {to}", output::count(changed.len(), "key"));
    let keys: String = changed.iter().map(|key| format!("- `{key}`\n")).collect();
    let body = format!(
        "Takes over from {from} to `{}`:\n\n{keys}\nThe values are sealed anew for the readers of {to}; no sealed text was copied.\n",
        target.name
    );
    desk.propose(&Proposal {
        branch: &format!("promote/{from}-to-{to}"),
        title: &title,
        body: &body,
        files,
        message: &format!("{title}\n\n{}: {}\n", target.name, list(changed)),
        draft: false,
    })
}

fn list(keys: &[&KeyPath]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
