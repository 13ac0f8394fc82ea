//! What can be seen of a document once it is open: whether its integrity code fits, and values that stand for one that is still to come.
//!
//! No value is repeated.

use countersign_core::policy::{Code, Diagnostic, Severity};
use sops_file::{OpenError, OpenedDocument, Plain, SealedDocument};

use super::{error, place};

/// Opens a document with whatever is at hand.
pub type Opener<'o> = &'o dyn Fn(&SealedDocument) -> Result<OpenedDocument, OpenError>;

/// How many documents were opened and found whole, and how many nobody here can open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Their integrity code fits.
    pub verified: usize,
    /// Nothing is known of it.
    pub unverified: usize,
}

/// Words that people write where a value is to come.
const STAND_INS: &[&str] = &[
    "changeme",
    "dummy",
    "example",
    "fixme",
    "foo",
    "foobar",
    "placeholder",
    "replaceme",
    "tbd",
    "todo",
    "xxx",
    "yourpassword",
    "yoursecret",
    "yourtoken",
];

/// What is wrong inside; `None` counts as nothing known.
pub(super) fn look(path: &str, document: &SealedDocument, open: Opener<'_>) -> Option<Vec<Diagnostic>> {
    let broken = |words: String| error(Code::Integrity, words);
    let restore = format!("bring the last sound version back from history: `git log -p -- {path}`");
    let opened = match open(document) {
        Ok(opened) => opened,
        Err(OpenError::Key(_)) => return None,
        Err(fault @ (OpenError::MacMismatch | OpenError::MacMissing)) => {
            return Some(vec![broken(fault.to_string()).help(restore)]);
        }
        Err(OpenError::Value { path: key, place: at }) => {
            let words = format!("`{key}` does not open: it was changed, or moved here from another key or file");
            return Some(vec![broken(words).at(place(at)).help(restore)]);
        }
        Err(OpenError::Type { path: key, place: at }) => {
            return Some(vec![broken(format!("`{key}` is not what its type says")).at(place(at)).help(restore)]);
        }
        Err(OpenError::InTheClear { path: key, place: at }) => {
            let words = format!("`{key}` should be sealed, but stands in the clear");
            return Some(vec![error(Code::PlainKey, words).at(place(at)).help("seal it anew, and replace the value")]);
        }
    };
    let sealed: Vec<_> = document.leaves().into_iter().filter(|leaf| leaf.selected).collect();
    let stands_in = |leaf: &&sops_file::Leaf<'_>| match opened.value_in(leaf.document, &leaf.path) {
        Some(Plain::Text(text)) => is_stand_in(text),
        Some(Plain::Null | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_) | Plain::Time(_)) => false,
        Some(Plain::Bytes(_) | Plain::Comment(_)) | None => false,
    };
    let found = sealed.iter().filter(stands_in).map(|leaf| {
        Diagnostic::new(
            Severity::Warning,
            Code::StandIn,
            format!("`{}` holds a word that stands for a value", leaf.path),
        )
        .at(place(leaf.place))
        .help(format!("store the value: `countersign set {path} {}`; or take the key out", leaf.path))
    });
    Some(found.collect())
}

/// Whether a text is no value of its own: empty, one of the words, or something in angle brackets.
fn is_stand_in(text: &str) -> bool {
    let text = text.trim();
    let bracketed = text.len() > 2 && text.starts_with('<') && text.ends_with('>') && !text.contains('\n');
    let letters: String = text.chars().filter(|c| !"-_ .!?".contains(*c)).flat_map(char::to_lowercase).collect();
    bracketed || letters.is_empty() || STAND_INS.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_for_a_value_are_known_and_values_are_not() {
        for word in
            ["", "  ", "changeme", "Change-Me!", "CHANGE_ME", "TODO", "todo.", "<your token here>", "xxx", "...", "TBD"]
        {
            assert!(is_stand_in(word), "{word}");
        }
        for value in ["hunter2", "todo-list", "xx", "<", "<>", "examples", "0", "a<b>", "<a>\n<b>"] {
            assert!(!is_stand_in(value), "{value}");
        }
    }
}
