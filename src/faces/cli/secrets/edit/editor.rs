//! The editor, by sops's rules: `SOPS_EDITOR`, else `EDITOR`, else vim, nano or vi on the PATH.
//!
//! Its words are split like a shell would, without a shell.

use std::path::Path;
use std::process::Command;

use crate::faces::cli::secrets::child;
use crate::faces::exit::{Exit, Report};

/// The words of an editor.
pub(super) struct Editor {
    words: Vec<String>,
}

impl Editor {
    /// The editor of this user.
    pub(super) fn find() -> Result<Self, Report> {
        for name in ["SOPS_EDITOR", "EDITOR"] {
            let Some(text) = std::env::var(name).ok().filter(|text| !text.trim().is_empty()) else { continue };
            return match shlex::split(&text) {
                Some(words) if !words.is_empty() => Ok(Self { words }),
                Some(_) | None => Err(Report::new(Exit::NO_EDITOR, format!("{name} cannot be split into words"))
                    .help("close the quotes in it")),
            };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = |name: &&str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
        match ["vim", "nano", "vi"].into_iter().find(is_there) {
            Some(name) => Ok(Self { words: vec![name.to_owned()] }),
            None => Err(Report::new(Exit::NO_EDITOR, "there is no editor").help("set EDITOR, or install vim or nano")),
        }
    }

    /// Opens a file in it and waits until it is done.
    pub(super) fn open(&self, file: &Path) -> Result<(), Report> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(Report::new(Exit::NO_EDITOR, "there is no editor").help("set EDITOR"));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(file);
        let ended = child::wait(command).map_err(|error| {
            Report::new(Exit::NO_EDITOR, format!("the editor `{program}` cannot be started"))
                .cause(error)
                .help("set SOPS_EDITOR or EDITOR to an editor that waits until the file is closed")
        })?;
        if ended.stopped_by.is_some() {
            return Err(Report::new(Exit::INTERRUPTED, "the edit was interrupted, and nothing was changed"));
        }
        if ended.status.success() {
            return Ok(());
        }
        let code = child::code(ended.status);
        Err(Report::new(Exit::NO_EDITOR, format!("the editor `{program}` ended with {code}, and nothing was changed")))
    }
}
