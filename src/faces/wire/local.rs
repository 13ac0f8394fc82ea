//! What faces need of the machine: the user's clone, the time, an operator's own texts.

use std::path::Path;

use countersign_core::domain::{Occasion, RepoName, Timestamp};
use countersign_core::notify::{self, Counts, KeyLine, Notice, Templates};

pub use crate::adapters::git::LocalRepo;

use crate::adapters::clock::SystemClock;
use crate::engine::ports::{Clock as _, RepoError};

/// The clone a path is in.
///
/// # Errors
/// As [`LocalRepo::open`].
pub fn local_repo(path: &Path) -> Result<LocalRepo, RepoError> {
    LocalRepo::open(path)
}

/// The present instant.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// An operator's own texts: `notify/<name>` below a folder. What is wrong with one keeps the server from starting.
///
/// # Errors
/// When the folder or a text cannot be read, or a text is no template of ours.
pub(super) fn templates(folder: Option<&Path>) -> Result<Templates, String> {
    let mut templates = Templates::ours();
    let Some(folder) = folder.map(|folder| folder.join("notify")) else { return Ok(templates) };
    let help =
        "help: `templates_dir` names a folder with texts such as `notify/mail.txt`; docs/notifications.md lists them";
    let unreadable = |fault: std::io::Error| format!("`{}` cannot be read: {fault}\n{help}", folder.display());
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path)
            .map_err(|fault| format!("`{}` cannot be read: {fault}\n{help}", path.display()))?;
        if let Some(fault) = notify::lint(&name, &text, &example_notice()).first() {
            return Err(format!("`{}:{}`: {}\nhelp: {}", path.display(), fault.line, fault.message, fault.help));
        }
        templates.replace(&name, text);
    }
    Ok(templates)
}

/// A notice that templates are tried with.
#[must_use]
pub fn example_notice() -> Notice {
    let repository = RepoName::parse("acme/app").expect("a name");
    let page = "https://github.com/acme/app/pull/42";
    let mut notice =
        Notice::new(Occasion::ChangeOpened, "42", Timestamp::from_seconds(1_800_000_000), (&repository, page));
    notice.counts = Some(Counts { added: 1, changed: 2, removed: 0 });
    let (path, key) = ("secrets/production/db.yaml".to_owned(), "db.password".to_owned());
    notice.keys = vec![KeyLine { path, key, change: "changed".to_owned() }];
    notice
}
