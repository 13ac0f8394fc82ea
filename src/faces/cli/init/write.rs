//! Writing what is missing, and telling what was there.
//!
//! A file is made or kept, never changed.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use countersign_core::policy;

use super::answers::Answers;
use super::found::Found;
use super::keys::{Keys, write_private};
use super::{State, Step};
use crate::faces::cli::secrets::founding;
use crate::faces::exit::Report;

pub(super) struct Writer {
    root: PathBuf,
    /// Only say what would be written.
    is_dry: bool,
    pub(super) steps: Vec<Step>,
    /// Names of our files in the repository.
    pub(super) names: Vec<String>,
}

impl Writer {
    pub(super) fn new(root: &Path, is_dry: bool) -> Self {
        Self { root: root.to_owned(), is_dry, steps: Vec::new(), names: Vec::new() }
    }

    fn note(&mut self, what: String, state: State, note: Option<String>) {
        self.steps.push(Step { what, state, note });
    }

    /// A file of the repository.
    pub(super) fn file(&mut self, name: &str, text: &str) -> Result<(), Report> {
        let path = self.root.join(name);
        self.names.push(name.to_owned());
        if path.symlink_metadata().is_ok() {
            self.note(name.to_owned(), State::Kept, None);
            return Ok(());
        }
        if self.is_dry {
            self.note(name.to_owned(), State::Plan, None);
            return Ok(());
        }
        let failed = |error: std::io::Error| Report::failed(format!("`{name}` cannot be written"), &error);
        folders_for(&path).map_err(failed)?;
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        match made.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => self.note(name.to_owned(), State::Done, None),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.note(name.to_owned(), State::Kept, None),
            Err(error) => return Err(failed(error)),
        }
        Ok(())
    }

    /// A private file outside of it.
    pub(super) fn private(&mut self, file: &Path, text: &str, what: &str, note: String) -> Result<(), Report> {
        let what = format!("{what}: {}", file.display());
        if self.is_dry {
            self.note(what, State::Plan, None);
            return Ok(());
        }
        write_private(file, text)?;
        self.note(what, State::Done, Some(note));
        Ok(())
    }

    /// In each environment one sealed document to put values into, where there is none; what lies there in the clear is told.
    pub(super) fn first_documents(&mut self, answers: &Answers, found: &Found, keys: &Keys) -> Result<(), Report> {
        let text = fs::read_to_string(self.root.join(countersign_core::ledger::POLICY_PATH)).unwrap_or_default();
        let policy = policy::parse(&text).ok();
        for (name, paths) in &answers.environments {
            let there: Vec<&String> =
                policy.as_ref().map(|policy| found.governed(policy, name).collect()).unwrap_or_default();
            self.names.extend(there.iter().filter(|file| found.sealed.contains_key(**file)).map(ToString::to_string));
            for file in there.iter().filter(|file| !found.sealed.contains_key(**file)) {
                let note = format!(
                    "seal it with `countersign encrypt -i {file}` before it is committed; if it was pushed, it has leaked"
                );
                self.note(format!("{file} is in the clear"), State::Left, Some(note));
            }
            if there.is_empty()
                && let Some(document) = paths.iter().find_map(|path| first_name(path))
            {
                self.document(&document, keys)?;
            }
        }
        Ok(())
    }

    fn document(&mut self, name: &str, keys: &Keys) -> Result<(), Report> {
        let (path, config) = (self.root.join(name), self.root.join(".sops.yaml"));
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        if self.is_dry {
            self.note(format!("{name}, sealed and without values"), State::Plan, None);
            return Ok(());
        }
        folders_for(&path).map_err(|error| Report::failed(format!("`{name}` cannot be written"), &error))?;
        match founding::first_document(&config, &path) {
            Ok(count) => {
                self.names.push(name.to_owned());
                let readers =
                    fs::read(&path).ok().and_then(|bytes| founding::readers(name, &bytes)).unwrap_or_default();
                let readers: Vec<String> = readers.into_iter().collect();
                let note = (!keys.is_among(&readers))
                    .then(|| "you are not among its readers: `.sops.yaml` names others".to_owned());
                let count = super::output::count(count, "reader");
                self.note(format!("{name}, sealed for {count}, without values"), State::Done, note);
            }
            Err(report) => self.note(
                format!("{name} is not made: {}", report.what()),
                State::Left,
                Some("correct `.sops.yaml`, then run this again".to_owned()),
            ),
        }
        Ok(())
    }
}

fn folders_for(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The document with which a path begins; none where a pattern does not say one.
fn first_name(path: &str) -> Option<String> {
    if path.contains(['*', '?', '[', '!']) {
        return None;
    }
    let name = if path.ends_with('/') { format!("{path}app.yaml") } else { path.to_owned() };
    founding::may_be_empty(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_made_where_a_path_says_which() {
        for (path, name) in [
            ("secrets/production/", Some("secrets/production/app.yaml")),
            ("config/live.json", Some("config/live.json")),
            ("config/live.bin", None),
            ("secrets/**/live.yaml", None),
        ] {
            assert_eq!(first_name(path).as_deref(), name, "{path}");
        }
    }
}
