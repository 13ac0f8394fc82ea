//! `promote`: takes values over from one environment to another, sealed anew for the readers of the other one.
//!
//! Sealed texts never travel: copied, they would stay open to the readers of the environment they come from.

use serde_json::json;
use sops_file::{KeyPath, Value};

use super::document::Document;
use super::identities::Identity;
use super::place::Place;
use super::{key_path, no_such_key, nothing_to_do, open, parse, store_changed, unsealed};
use crate::faces::cli::args::PromoteArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Promotes. Either every key is taken over, or the file stays as it was.
pub(in crate::faces::cli) fn run(args: PromoteArgs, json: bool) -> Outcome {
    if args.from == args.to {
        return Err(Report::usage("both environments are the same").help("name another one with `--to`"));
    }
    let keys: Vec<KeyPath> = args.keys.iter().map(|key| key_path(key, Exit::USAGE)).collect::<Result<_, _>>()?;
    let place = Place::here()?;
    let read = |environment: &str| Document::read(&place.document(environment, args.path.as_deref())?, None);
    let (source, target) = (read(&args.from)?, read(&args.to)?);
    let identity = Identity::gather();
    let from = {
        let sealed = parse(&source)?;
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
    if json {
        return output::json(&json!({"version": 1, "from": source.name, "to": target.name, "keys": changed}));
    }
    for key in changed {
        output::tell(format!("{key} of {} is in {}, sealed anew", source.name, target.name));
    }
    output::tell("commit and push it on a branch of its own: it is asked for like any other change");
    Ok(Exit::FINE)
}
