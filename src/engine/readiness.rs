//! Whether this process can do its work, as last seen; read by the server, told by whoever talks to GitHub.
//!
//! Nothing is asked here. Reasons are for everybody to read: they never repeat what GitHub or the store said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::domain::Timestamp;
use serde::Serialize;

use super::ports::{ForgeError, ForgeErrorKind, JournalError, QueueDepth};

/// Seconds after which a due subject that nobody looks at means that the queue is stuck.
const STUCK_AFTER: u64 = 600;

/// A handle; clones share what they know.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    github: Github,
    reached: Option<Timestamp>,
    signing_key: bool,
}

#[derive(Default)]
enum Github {
    #[default]
    NotAsked,
    Answers,
    Fails(ForgeErrorKind),
}

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not as it should be, but deliveries can be taken.
    Degraded,
    /// Work cannot be done.
    Failing,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// One thing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it is.
    pub state: State,
    /// Why, for people.
    pub reason: String,
}

/// All things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The journal.
    pub store: Check,
    /// The work table.
    pub queue: Check,
    /// GitHub, as last seen.
    pub github: Check,
    /// The key that signs the ledger.
    pub signing_key: Check,
}

impl Report {
    /// The worst of all.
    #[must_use]
    pub fn state(&self) -> State {
        self.rows().into_iter().map(|(_, check)| check.state).max().unwrap_or(State::Failing)
    }

    /// Each thing with its name for people.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, &Check); 4] {
        let Self { store, queue, github, signing_key } = self;
        [("store", store), ("queue", queue), ("GitHub", github), ("signing key", signing_key)]
    }
}

impl Readiness {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// GitHub answered us.
    pub fn github_answered(&self, at: Timestamp) {
        let mut seen = self.seen();
        seen.github = Github::Answers;
        seen.reached = Some(at);
    }

    /// GitHub did not, or refused us. A refusal that concerns one repository or one effect is an answer.
    pub fn github_failed(&self, at: Timestamp, error: &ForgeError) {
        match error.kind {
            ForgeErrorKind::Later | ForgeErrorKind::Wait(_) | ForgeErrorKind::Credentials | ForgeErrorKind::Garbled => {
                self.seen().github = Github::Fails(error.kind)
            }
            ForgeErrorKind::Forbidden | ForgeErrorKind::NotFound | ForgeErrorKind::Refused => self.github_answered(at),
        }
    }

    /// The signing key of the ledger is loaded.
    pub fn signing_key_loaded(&self) {
        self.seen().signing_key = true;
    }

    /// The report, with what the store says now; `None`: it did not answer in time.
    #[must_use]
    pub fn report(&self, depth: Option<&Result<QueueDepth, JournalError>>) -> Report {
        let seen = self.seen();
        Report {
            store: match depth {
                Some(Ok(_)) => check(State::Ok, "answers"),
                Some(Err(_)) => check(State::Failing, "cannot be read; see the log"),
                None => check(State::Failing, "does not answer"),
            },
            queue: match depth {
                Some(Ok(depth)) if depth.oldest_seconds > STUCK_AFTER => check(
                    State::Degraded,
                    format!("stuck: {} due, the oldest for {} s", depth.due, depth.oldest_seconds),
                ),
                Some(Ok(depth)) => check(State::Ok, format!("{} due", depth.due)),
                Some(Err(_)) | None => check(State::Degraded, "unknown while the store cannot be read"),
            },
            github: github(&seen),
            signing_key: if seen.signing_key {
                check(State::Ok, "loaded")
            } else {
                check(State::Failing, "the signing key of the ledger is not loaded")
            },
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Once GitHub has answered, its faults are no reason to turn deliveries away; refused credentials always are.
fn github(seen: &Seen) -> Check {
    let (kind, last) = match (&seen.github, seen.reached) {
        (Github::NotAsked, _) => return check(State::Failing, "not asked yet"),
        (Github::Answers, Some(at)) => return check(State::Ok, format!("answered at {at}")),
        (Github::Answers, None) => return check(State::Ok, "answers"),
        (Github::Fails(kind), last) => (kind, last),
    };
    let state = if last.is_some() { State::Degraded } else { State::Failing };
    match kind {
        ForgeErrorKind::Credentials => check(State::Failing, "refuses our credentials"),
        ForgeErrorKind::Wait(until) => check(state, format!("limits our rate until {until}")),
        ForgeErrorKind::Later
        | ForgeErrorKind::Garbled
        | ForgeErrorKind::Forbidden
        | ForgeErrorKind::NotFound
        | ForgeErrorKind::Refused => check(state, "does not answer"),
    }
}

fn check(state: State, reason: impl Into<String>) -> Check {
    Check { state, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(0);

    fn error(kind: ForgeErrorKind) -> ForgeError {
        ForgeError { kind, operation: "x", message: "canary".to_owned() }
    }

    fn report(readiness: &Readiness, oldest_seconds: u64) -> Report {
        readiness.report(Some(&Ok(QueueDepth { due: 3, oldest_seconds })))
    }

    #[test]
    fn a_process_is_ready_when_github_answered_and_everything_is_loaded() {
        let readiness = Readiness::new();
        assert_eq!(report(&readiness, 0).state(), State::Failing);
        readiness.signing_key_loaded();
        assert_eq!(report(&readiness, 0).github.reason, "not asked yet");
        readiness.clone().github_answered(AT);
        assert_eq!(report(&readiness, 0).state(), State::Ok);
    }

    #[test]
    fn a_fault_of_github_degrades_and_refused_credentials_fail() {
        let readiness = Readiness::new();
        readiness.signing_key_loaded();
        readiness.github_failed(AT, &error(ForgeErrorKind::Later));
        assert_eq!(report(&readiness, 0).github.state, State::Failing, "never answered");
        readiness.github_failed(AT, &error(ForgeErrorKind::NotFound));
        assert_eq!(report(&readiness, 0).github.state, State::Ok, "an answer all the same");
        readiness.github_failed(AT, &error(ForgeErrorKind::Wait(AT)));
        assert_eq!(report(&readiness, 0).state(), State::Degraded);
        readiness.github_failed(AT, &error(ForgeErrorKind::Credentials));
        assert_eq!(report(&readiness, 0).state(), State::Failing);
        assert!(!format!("{:?}", report(&readiness, 0)).contains("canary"));
    }

    #[test]
    fn a_stuck_queue_degrades_and_a_silent_store_fails() {
        let readiness = Readiness::new();
        readiness.signing_key_loaded();
        readiness.github_answered(AT);
        assert_eq!(report(&readiness, STUCK_AFTER + 1).state(), State::Degraded);
        assert_eq!(readiness.report(None).state(), State::Failing);
        let broken = JournalError { action: "x", message: "canary".to_owned() };
        let report = readiness.report(Some(&Err(broken)));
        assert_eq!(report.store.state, State::Failing);
        assert!(!format!("{report:?}").contains("canary"));
    }
}
