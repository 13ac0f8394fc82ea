//! What is said about deliveries and to people who give a command: one line per target, one answer per comment.
//!
//! Untrusted words are escaped by the templates; nothing here decides.

use minijinja::{Value, context};

use super::render::render;
use super::{Effect, closing_marker, reply_marker};
use crate::decision::Idle;
use crate::domain::{CommentId, Login, PrNumber, RunState, Sequence, TargetId, Timestamp};
use crate::sync::Trouble;

/// How one target stands, for the comment of a merged change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncLine {
    /// Which target.
    pub id: TargetId,
    /// How it stands.
    pub state: RunState,
    /// The generation meant.
    pub generation: Sequence,
    /// Since when; `None`: nothing was done yet.
    pub since: Option<Timestamp>,
    /// What keeps it from getting there.
    pub trouble: Option<Trouble>,
}

impl SyncLine {
    /// What the template sees.
    pub(super) fn page(&self) -> Value {
        let words = match self.state {
            RunState::Queued if self.trouble.is_some() => "tried again",
            RunState::Queued => "waits for its turn",
            RunState::Triggered => "on its way",
            RunState::Converged => "delivered",
            RunState::Accepted => "accepted, not verified",
            RunState::Failed => "failed",
            RunState::Blocked => "blocked",
            RunState::Superseded => "a newer one took over",
            RunState::Drifted => "differs",
        };
        let bad = match self.state {
            RunState::Failed | RunState::Blocked | RunState::Drifted => true,
            RunState::Queued
            | RunState::Triggered
            | RunState::Converged
            | RunState::Accepted
            | RunState::Superseded => false,
        };
        context! {
            id => self.id.to_string(), words, bad,
            code => self.trouble.as_ref().map(|trouble| trouble.code.clone()),
            why => self.trouble.as_ref().map(|trouble| trouble.words.clone()),
            help => self.trouble.as_ref().map(|trouble| trouble.help.clone()),
            generation => self.generation.label(),
            since => self.since.map_or_else(|| "–".to_owned(), minute),
        }
    }
}

/// "2026-11-25 16:04 UTC".
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        (None, _) | (_, None) => text,
    }
}

/// The closing of a change request that nobody has touched for as long as the policy says.
#[must_use]
pub fn closing(change: PrNumber, idle: &Idle) -> Effect {
    let marker = closing_marker(change, idle.since);
    let rules: Vec<String> = idle.rules.iter().map(|(name, wait)| format!("`{name}` after {wait}")).collect();
    let since = idle.since.to_string();
    let body = render("closed.md", context! { marker => marker.clone(), since, rules });
    Effect::CloseChange { change, marker, body }
}

/// The answer to a comment: what became of it, and the next action if there is one.
#[must_use]
pub fn reply(to: CommentId, login: &Login, answer: &str, help: Option<&str>) -> String {
    render("reply.md", context! { marker => reply_marker(to), login => login.as_str(), answer, help })
}
