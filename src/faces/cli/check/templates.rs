//! Texts of the repository's own for notifications: looked at before anybody is told in them.

use std::path::Path;

use countersign_core::notify;
use countersign_core::policy::{Diagnostic, Place};

use super::finding::Finding;
use crate::faces::wire;

/// Where they lie in a repository.
const FOLDER: &str = ".countersign/templates/notify";
/// Largest template that is read; the server uses none that is larger.
const LARGEST: usize = 64 * 1024;

/// What is wrong with the templates in `templates/notify/` beside a policy file, in order of their names.
pub(super) fn beside(policy: &Path) -> Vec<Finding> {
    let Some(folder) = policy.parent().map(|folder| folder.join("templates/notify")) else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = entries.filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().flat_map(|path| look(path)).collect()
}

fn look(path: &Path) -> Vec<Finding> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let finding = |diagnostic, source: &str| Finding {
        file: format!("{FOLDER}/{name}"),
        diagnostic,
        commit: None,
        source: source.to_owned(),
    };
    let whole = |message: &str, help: &str| Diagnostic::of_template(message.to_owned(), None, help.to_owned());
    match std::fs::read_to_string(path) {
        Ok(text) if text.len() > LARGEST => {
            vec![finding(whole("the text is larger than 64 KiB", "make it shorter"), "")]
        }
        Ok(text) => {
            let faults = notify::lint(&name, &text, &wire::example_notice());
            let diagnostics = faults.into_iter().map(|fault| {
                let place = (fault.line > 0).then_some(Place { line: fault.line, column: 1, length: 1 });
                Diagnostic::of_template(fault.message, place, fault.help)
            });
            diagnostics.map(|diagnostic| finding(diagnostic, &text)).collect()
        }
        Err(_) => vec![finding(whole("the file is no text", "save it as UTF-8"), "")],
    }
}
