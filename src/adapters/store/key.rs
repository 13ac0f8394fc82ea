//! How a subject is written in one column: `branch/<repository>/<reference>`, `change/<repository>/<number>`,
//! `repository/<repository>`, `changes/<repository>`, `installations`. Never shown to people.

use countersign_core::domain::{RefName, RepoId};

use crate::engine::ports::Subject;

/// Writes a subject. Two subjects have one text only when they are equal.
pub(super) fn write(subject: &Subject) -> String {
    match subject {
        Subject::Branch(repo, reference) => format!("branch/{repo}/{reference}"),
        Subject::Change(repo, number) => format!("change/{repo}/{number}"),
        Subject::Repository(repo) => format!("repository/{repo}"),
        Subject::Changes(repo) => format!("changes/{repo}"),
        Subject::Installations => "installations".to_owned(),
    }
}

/// Reads what [`write`] wrote; anything else is `None`.
pub(super) fn read(text: &str) -> Option<Subject> {
    if text == "installations" {
        return Some(Subject::Installations);
    }
    let (kind, rest) = text.split_once('/')?;
    let repo_and_more = || rest.split_once('/').and_then(|(repo, more)| Some((repo.parse::<RepoId>().ok()?, more)));
    match kind {
        "branch" => {
            let (repo, reference) = repo_and_more()?;
            Some(Subject::Branch(repo, RefName::parse(reference).ok()?))
        }
        "change" => {
            let (repo, number) = repo_and_more()?;
            Some(Subject::Change(repo, number.parse().ok()?))
        }
        "repository" => Some(Subject::Repository(rest.parse().ok()?)),
        "changes" => Some(Subject::Changes(rest.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::PrNumber;

    use super::*;

    #[test]
    fn writing_and_reading_are_inverses() {
        let repo = RepoId::new(7);
        let subjects = [
            (Subject::Branch(repo, RefName::branch("a/b/c").unwrap()), "branch/7/refs/heads/a/b/c"),
            (Subject::Change(repo, PrNumber::new(4)), "change/7/4"),
            (Subject::Repository(repo), "repository/7"),
            (Subject::Changes(repo), "changes/7"),
            (Subject::Installations, "installations"),
        ];
        for (subject, text) in subjects {
            assert_eq!(write(&subject), text);
            assert_eq!(read(text), Some(subject));
        }
        for text in ["", "branch", "branch/7", "branch/7/main", "change/x/4", "change/7/4/5", "repository/", "team/7"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
