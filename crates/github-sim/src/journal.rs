//! What was asked of the stand-in and how it answered, countable.
//!
//! Never stores a credential: `Authorization` is not kept, only what kind it was.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// One request, REST, GraphQL or git.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Counts from 1.
    pub seq: u64,
    /// When it was answered, on the stand-in's clock.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path without query and without the `/api/v3` prefix; `/repositories/{id}` is spelled out.
    pub path: String,
    /// Query string, empty if there is none.
    pub query: String,
    /// GitHub's operation id (`pulls/create`), `graphql/query`, `graphql/<mutation>`,
    /// `git/info-refs`, `git/upload-pack`, `git/receive-pack`; None for an unknown route.
    pub operation: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
    /// `anonymous`, `app`, `installation` or `user`.
    pub actor: &'static str,
    /// Installation behind the token.
    pub installation: Option<u64>,
    /// Whether it was meant to change something.
    pub write: bool,
    /// Size of the request body in bytes.
    pub request_bytes: usize,
    /// Size of the answer's body in bytes.
    pub response_bytes: usize,
    /// Whether a fault rule changed the answer.
    pub faulted: bool,
    /// JSON body of the request; null if there was none.
    pub request_body: Value,
    /// JSON body of the answer; null if there was none. The token of a minted token is blanked.
    pub response_body: Value,
}

/// A fault on either side of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose fault it is.
    pub kind: ViolationKind,
    /// What happened.
    pub text: String,
}

/// Whose fault a [`Violation`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// The caller asked for something GitHub does not have, or in a way GitHub forbids.
    Caller,
    /// GitHub has it, the stand-in does not.
    Incomplete,
}

/// A place in the journal; see [`crate::Sim::since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub(crate) u64);

/// The journal itself.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) violations: Vec<Violation>,
}

impl Journal {
    pub(crate) fn add(&mut self, mut entry: Entry) {
        entry.seq = self.entries.len() as u64 + 1;
        if let Some(token) = entry.response_body.get_mut("token")
            && token.is_string()
        {
            *token = Value::from("ghs_blanked");
        }
        self.entries.push(entry);
    }

    pub(crate) fn blame(&mut self, kind: ViolationKind, text: String) {
        self.violations.push(Violation { kind, text });
    }
}

/// Entries of a stretch of time, with the counts tests ask for.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    entries: Vec<Entry>,
}

impl Excerpt {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of calls of an operation, such as `pulls/create` or `git/receive-pack`.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.entries.iter().filter(|entry| entry.operation.as_deref() == Some(operation)).count()
    }

    /// Calls per operation.
    #[must_use]
    pub fn by_operation(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            let name = entry.operation.clone().unwrap_or_else(|| "unknown".to_owned());
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    /// REST calls of an App, by JWT or by installation token; a 304 counts too.
    #[must_use]
    pub fn rest_calls(&self) -> usize {
        self.of_app().filter(|entry| !is_other_wire(entry)).count()
    }

    /// GraphQL calls of an App.
    #[must_use]
    pub fn graphql_calls(&self) -> usize {
        self.of_app().filter(|entry| is_kind(entry, "graphql/")).count()
    }

    /// Git HTTP requests of an App.
    #[must_use]
    pub fn git_calls(&self) -> usize {
        self.of_app().filter(|entry| is_kind(entry, "git/")).count()
    }

    /// Requests of an App that were meant to change something, over any wire. Minting a token is none.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.of_app()
            .filter(|entry| entry.write)
            .filter(|entry| entry.operation.as_deref() != Some("apps/create-installation-access-token"))
            .count()
    }

    fn of_app(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.actor == "app" || entry.actor == "installation")
    }
}

fn is_kind(entry: &Entry, prefix: &str) -> bool {
    entry.operation.as_deref().is_some_and(|operation| operation.starts_with(prefix))
}

fn is_other_wire(entry: &Entry) -> bool {
    is_kind(entry, "graphql/") || is_kind(entry, "git/")
}
