//! What stood in the clear once: judged of one version of a file, whichever commit it is from.

use countersign_core::policy::{Code, Diagnostic};
use sops_file::{Format, ParseError, SealedDocument};

use super::error;

/// Keys that are named before the rest is counted.
const NAMED: usize = 3;

/// What a version of a protected file gave away, if anything. `commit` is where it came in.
#[must_use]
pub fn in_the_clear(path: &str, bytes: &[u8], commit: &str) -> Option<Diagnostic> {
    let what = match SealedDocument::parse(bytes, Format::of_path(path)) {
        Ok(document) => {
            let leaves = document.leaves();
            let bare = |leaf: &&sops_file::Leaf<'_>| leaf.is_exposed();
            let names: Vec<String> = leaves.iter().filter(bare).map(|leaf| format!("`{}`", leaf.path)).collect();
            match names.len() {
                0 => return None,
                more if more > NAMED => format!("{} and {} more keys", names[..NAMED].join(", "), more - NAMED),
                _ => names.join(", "),
            }
        }
        Err(ParseError::NotSealed | ParseError::NotText { .. }) => "the whole file".to_owned(),
        // what cannot be read as sealed may be anything
        Err(
            ParseError::BadExpression { .. }
            | ParseError::Broken { .. }
            | ParseError::Metadata { .. }
            | ParseError::TooLarge,
        ) => "what cannot be read as a sealed document".to_owned(),
    };
    let message = format!("{what} stood in the clear at commit {commit}");
    let help = "revoke and replace the values wherever they are used: whoever has a clone has them, and new history takes nothing back";
    Some(error(Code::PlainInHistory, message).help(help))
}
