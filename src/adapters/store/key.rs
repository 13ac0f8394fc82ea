//! How a subject is written in one column: `branch/<repository>/<reference>`, `change/<repository>/<number>`,
//! `repository/<repository>`, `changes/<repository>`, `guard/<repository>`, `sync/<repository>/<environment>/<target>`, `command/<repository>/<comment>`,
//! `job/<repository>/<run>/<deployment>`, `notices/<repository>`, `letters/<repository>/<digest>`, `installations`; and the key of a note. Never shown to people.

use countersign_core::domain::{Digest, RefName, RepoId};

use crate::engine::ports::{NoteKey, Subject};

/// Writes a subject. Two subjects have one text only when they are equal.
pub(super) fn write(subject: &Subject) -> String {
    match subject {
        Subject::Branch(repo, reference) => format!("branch/{repo}/{reference}"),
        Subject::Change(repo, number) => format!("change/{repo}/{number}"),
        Subject::Repository(repo) => format!("repository/{repo}"),
        Subject::Changes(repo) => format!("changes/{repo}"),
        Subject::Guard(repo) => format!("guard/{repo}"),
        Subject::Sync(repo, target) => format!("sync/{repo}/{target}"),
        Subject::Command(repo, comment) => format!("command/{repo}/{comment}"),
        Subject::Job(repo, run, deployment) => format!("job/{repo}/{run}/{deployment}"),
        Subject::Notices(repo) => format!("notices/{repo}"),
        Subject::Letters(repo, destination) => format!("letters/{repo}/{destination}"),
        Subject::Installations => "installations".to_owned(),
    }
}

/// Prefixes of the notes that [`Journal::sync_notes`](crate::engine::ports::Journal::sync_notes) lists.
pub(super) const SYNC_NOTES: [&str; 2] = ["run/", "asked/"];

/// Writes the key of a note.
pub(super) fn write_note(key: &NoteKey) -> String {
    match key {
        NoteKey::Run(target) => format!("run/{target}"),
        NoteKey::Asked(target) => format!("asked/{target}"),
        NoteKey::Callback(target) => format!("callback/{target}"),
        NoteKey::Command(comment) => format!("command/{comment}"),
        NoteKey::MergeAsked(change) => format!("merge/{change}"),
        NoteKey::Vouched(change) => format!("vouched/{change}"),
        NoteKey::Labelled(change) => format!("labelled/{change}"),
        NoteKey::Called(change) => format!("called/{change}"),
        NoteKey::Owned(target) => format!("owned/{target}"),
        NoteKey::Job(run, deployment) => format!("job/{run}/{deployment}"),
        NoteKey::Jobs => "jobs".to_owned(),
        NoteKey::Guard => "guard".to_owned(),
        NoteKey::Told => "told".to_owned(),
        NoteKey::Card(destination, thread) => format!("card/{destination}/{thread}"),
    }
}

/// Reads what [`write_note`] wrote; anything else is `None`.
pub(super) fn read_note(text: &str) -> Option<NoteKey> {
    if text == "jobs" {
        return Some(NoteKey::Jobs);
    }
    if text == "guard" {
        return Some(NoteKey::Guard);
    }
    if text == "told" {
        return Some(NoteKey::Told);
    }
    let (kind, rest) = text.split_once('/')?;
    match kind {
        "run" => Some(NoteKey::Run(rest.parse().ok()?)),
        "asked" => Some(NoteKey::Asked(rest.parse().ok()?)),
        "callback" => Some(NoteKey::Callback(rest.parse().ok()?)),
        "command" => Some(NoteKey::Command(rest.parse().ok()?)),
        "merge" => Some(NoteKey::MergeAsked(rest.parse().ok()?)),
        "owned" => Some(NoteKey::Owned(rest.parse().ok()?)),
        "vouched" => Some(NoteKey::Vouched(rest.parse().ok()?)),
        "labelled" => Some(NoteKey::Labelled(rest.parse().ok()?)),
        "job" => {
            let (run, deployment) = rest.split_once('/')?;
            Some(NoteKey::Job(run.parse().ok()?, deployment.parse().ok()?))
        }
        "called" => Some(NoteKey::Called(rest.parse().ok()?)),
        "card" => {
            let (destination, thread) = rest.split_once('/')?;
            Some(NoteKey::Card(Digest::parse(destination).ok()?, thread.to_owned()))
        }
        _ => None,
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
        "sync" => {
            let (repo, target) = repo_and_more()?;
            Some(Subject::Sync(repo, target.parse().ok()?))
        }
        "command" => {
            let (repo, comment) = repo_and_more()?;
            Some(Subject::Command(repo, comment.parse().ok()?))
        }
        "job" => {
            let (repo, job) = repo_and_more()?;
            let (run, deployment) = job.split_once('/')?;
            Some(Subject::Job(repo, run.parse().ok()?, deployment.parse().ok()?))
        }
        "letters" => {
            let (repo, destination) = repo_and_more()?;
            Some(Subject::Letters(repo, Digest::parse(destination).ok()?))
        }
        "notices" => Some(Subject::Notices(rest.parse().ok()?)),
        "repository" => Some(Subject::Repository(rest.parse().ok()?)),
        "changes" => Some(Subject::Changes(rest.parse().ok()?)),
        "guard" => Some(Subject::Guard(rest.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::{CommentId, DeploymentId, PrNumber, RunId};

    use super::*;

    const EMPTY: &str = "letters/7/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn writing_and_reading_are_inverses() {
        let repo = RepoId::new(7);
        let subjects = [
            (Subject::Branch(repo, RefName::branch("a/b/c").unwrap()), "branch/7/refs/heads/a/b/c"),
            (Subject::Change(repo, PrNumber::new(4)), "change/7/4"),
            (Subject::Repository(repo), "repository/7"),
            (Subject::Changes(repo), "changes/7"),
            (Subject::Guard(repo), "guard/7"),
            (Subject::Sync(repo, "production/hook".parse().unwrap()), "sync/7/production/hook"),
            (Subject::Command(repo, CommentId::new(9)), "command/7/9"),
            (Subject::Job(repo, RunId::new(8), DeploymentId::new(9)), "job/7/8/9"),
            (Subject::Notices(repo), "notices/7"),
            (Subject::Letters(repo, Digest::of(b"")), EMPTY),
            (Subject::Installations, "installations"),
        ];
        for (subject, text) in subjects {
            assert_eq!(write(&subject), text);
            assert_eq!(read(text), Some(subject));
        }
        for text in [
            "",
            "branch",
            "branch/7",
            "branch/7/main",
            "change/x/4",
            "change/7/4/5",
            "repository/",
            "team/7",
            "sync/7/production",
            "command/7/x",
            "job/7/8",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_key_of_a_note_is_read_as_it_was_written() {
        let target = || "production/hook".parse().unwrap();
        let keys = [
            NoteKey::Run(target()),
            NoteKey::Asked(target()),
            NoteKey::Callback(target()),
            NoteKey::Command(CommentId::new(9)),
            NoteKey::MergeAsked(PrNumber::new(9)),
            NoteKey::Vouched(PrNumber::new(9)),
            NoteKey::Labelled(PrNumber::new(9)),
            NoteKey::Called(PrNumber::new(9)),
            NoteKey::Owned("production/vault".parse().unwrap()),
            NoteKey::Job(RunId::new(8), DeploymentId::new(9)),
            NoteKey::Jobs,
            NoteKey::Guard,
            NoteKey::Told,
            NoteKey::Card(Digest::of(b"x"), "change/42".to_owned()),
        ];
        for key in keys {
            assert_eq!(read_note(&write_note(&key)), Some(key));
        }
        for text in ["", "run", "run/production", "note/1", "command/x"] {
            assert_eq!(read_note(text), None, "{text}");
        }
    }
}
