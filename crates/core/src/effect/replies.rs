//! What is said about deliveries and to people who give a command: one line per target, one answer per comment.
//!
//! Untrusted words are escaped by the templates; nothing here decides.

use minijinja::{Value, context};

use super::render::{self, Outcome, render};
use super::{Effect, closing_marker, reply_marker};
use crate::decision::{Decision, GroupDecision, Idle};
use crate::domain::{CommentId, Login, PrNumber, RunState, Sequence, TargetId, Timestamp};
use crate::facts::{Facts, VoteKind, VoteSource};
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
pub(super) fn minute(at: Timestamp) -> String {
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

/// An answer that is a page to read.
#[must_use]
pub fn told(to: CommentId, page: &str) -> String {
    format!("{}\n{}", reply_marker(to), render::cut(page, 60_000))
}

/// One command, as the help reply shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Verb and arguments.
    pub usage: String,
    /// Who may say it.
    pub who: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Under which requests.
    pub ground: &'static str,
}

/// The list of commands that are carried out, and the verbs that are not yet.
#[must_use]
pub fn help_page(served: &[CommandLine], later: &[&'static str]) -> String {
    let line = |line: &CommandLine| {
        context! { usage => line.usage.replace('|', "\\|"), who => line.who, help => line.help, ground => line.ground }
    };
    let served: Vec<Value> = served.iter().map(line).collect();
    render("help.md", context! { served, later => later.to_vec() })
}

/// How a change stands, in a few lines.
#[must_use]
pub fn status_page(decision: &Decision, facts: &Facts) -> String {
    render("status.md", render::page(decision, facts, &Outcome::Open))
}

/// Everything that led to the verdict.
#[must_use]
pub fn explain_page(decision: &Decision, facts: &Facts) -> String {
    render("check.md", render::page(decision, facts, &Outcome::Open))
}

/// How one person counts, policy by policy.
#[must_use]
pub fn explain_person(decision: &Decision, facts: &Facts, whom: &Login) -> String {
    let mut lines = Vec::new();
    for scope in &decision.scopes {
        for policy in &scope.policies {
            for group in &policy.groups {
                let name = match policy.groups.len() {
                    1 => policy.name.clone(),
                    _ => format!("{} / {}", policy.name, group.name),
                };
                lines.push(context! { name, scope => scope.scope.name(), says => in_group(group, facts, whom) });
            }
        }
    }
    render("explain_person.md", context! { login => whom.as_str(), head => decision.head.short(), lines })
}

/// "counted: comment at `8be0d44`", "not counted: `requester` — asked for this change", "could approve".
fn in_group(group: &GroupDecision, facts: &Facts, whom: &Login) -> String {
    if let Some(vote) = group.counted.iter().find(|vote| vote.account.login.same_as(whom)) {
        let via = match vote.source {
            VoteSource::Review(_) => "review",
            VoteSource::Comment(_) => "comment",
        };
        return format!("counted: {via} at `{}`", vote.commit.short());
    }
    let is_them = |account: Option<&crate::domain::Account>| account.is_some_and(|account| account.login.same_as(whom));
    if let Some(vote) = group.not_counted.iter().find(|vote| is_them(vote.account.as_ref())) {
        let reason = vote.reason;
        return format!("not counted: `{}` — {}; {}", reason.code(), reason.words(), reason.help());
    }
    let last = facts.votes.iter().filter(|vote| is_them(vote.account.as_ref())).max_by_key(|vote| vote.at);
    match last.map(|vote| vote.kind) {
        Some(VoteKind::Reject) => "asked for changes".to_owned(),
        Some(VoteKind::Approve) if group.missing == 0 => "approved; the seats are filled by others".to_owned(),
        Some(VoteKind::Approve | VoteKind::Withdraw | VoteKind::Ended | VoteKind::Unrecognised) | None => {
            match group.could.iter().any(|name| name.eq_ignore_ascii_case(whom.as_str())) {
                true => "has not approved; could".to_owned(),
                false => "has said nothing that bears on it".to_owned(),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_code_as_code_and_what_others_wrote_as_text() {
        let login = Login::parse("rita").unwrap();
        let reply = |answer, help| reply(CommentId::new(7), &login, answer, help);
        insta::assert_snapshot!(
            reply("not yet: `quorum-missing` — approvals are missing", Some("ask bob or cy to review 8be0d44")),
            @r"
        <!-- countersign:reply 7 -->
        @rita not yet: `quorum-missing` — approvals are missing — ask bob or cy to review 8be0d44
        "
        );
        insta::assert_snapshot!(
            reply("one ` alone, a [link](x), @everybody", None),
            @r"
        <!-- countersign:reply 7 -->
        @rita one \` alone, a \[link\]\(x\), &#64;everybody
        "
        );
    }
}
