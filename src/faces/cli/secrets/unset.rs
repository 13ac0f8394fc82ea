//! `unset`: removes one key, or a whole branch, from a sealed document.

use serde_json::json;

use super::identities::Identity;
use super::{key_path, no_such_key, nothing_to_do, open, operands, parse, store_changed, unsealed};
use crate::faces::cli::args::UnsetArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::Exit;

/// Removes a key.
pub(in crate::faces::cli) fn run(args: UnsetArgs, json: bool) -> Outcome {
    let (document, key) = operands::document_and_key(&args.naming, &args.operands)?;
    let path = key_path(&key, Exit::USAGE)?;
    let sealed = parse(&document)?;
    let identity = Identity::gather();
    let mut opened = open(&document, &sealed, &identity, args.ignore_mac)?;
    if !opened.contains(&path) {
        if args.idempotent {
            return nothing_to_do(&format!("{} has no key {path}", document.name), true);
        }
        return Err(no_such_key(&document, &sealed, &path));
    }
    let keys = opened.values().len();
    opened.unset(&path).map_err(|fault| unsealed(&document, &fault))?;
    let left = opened.values().len();
    store_changed(&document, &sealed, opened, &identity, |again| again.values().len() == left)?;
    if json {
        return output::json(&json!({"version": 1, "file": document.name, "key": path, "change": "removed"}));
    }
    let below = match keys.saturating_sub(left) {
        0 | 1 => String::new(),
        several => format!(" and the {} below it", output::count(several, "value")),
    };
    output::tell(format!("removed {path}{below} from {}", document.name));
    Ok(Exit::FINE)
}
