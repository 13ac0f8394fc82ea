//! What should stand on a pull request, and what must be written to get there: wanted minus present.
//!
//! Decides nothing about the change; a turn without change yields no effect.

use std::collections::BTreeSet;

use super::render::{self, Description, Outcome};
use super::{Check, Effect};
use crate::decision::{Decision, Scope, Verdict};
use crate::domain::{CheckId, CommentId, Digest, Login, Oid, PrNumber, TeamSlug};
use crate::facts::Facts;

/// What should stand on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub change: PrNumber,
    /// Its head.
    pub head: Oid,
    /// The check on the head.
    pub check: Check,
    /// The sticky comment; none where nothing protected changes and nothing was said yet.
    pub comment: Option<String>,
    /// Title and body, where we opened the pull request.
    pub description: Option<Description>,
    /// Whom to ask for a review: printed names of persons and teams.
    pub ask: BTreeSet<String>,
}

/// What stands there now, as remembered or read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// Our check on the head, and its key.
    pub check: Option<(CheckId, String)>,
    /// Our comment, and the digest of its text.
    pub comment: Option<(CommentId, Digest)>,
    /// Digest of title and body.
    pub description: Option<Digest>,
    /// Who was asked already.
    pub asked: BTreeSet<String>,
}

/// What should stand on the pull request after this decision.
#[must_use]
pub fn wanted(decision: &Decision, facts: &Facts, outcome: &Outcome, description: Option<Description>) -> Wanted {
    let speak = decision.verdict != Verdict::NotApplicable || decision.scopes.iter().any(|scope| scope.observed);
    Wanted {
        change: facts.change.number,
        head: decision.head.clone(),
        check: render::check(decision, facts, outcome),
        comment: speak.then(|| render::comment(decision, facts, outcome)),
        description,
        ask: if facts.change.draft || facts.change.unvouched { BTreeSet::new() } else { reviewers(decision) },
    }
}

/// Whom to ask: the people and teams the missing seats name, only while approvals are what is missing.
fn reviewers(decision: &Decision) -> BTreeSet<String> {
    if decision.verdict != Verdict::Pending || !decision.structure.is_empty() {
        return BTreeSet::new();
    }
    let policies = decision.scopes.iter().filter(|scope| scope.scope != Scope::Control || decision.scopes.len() == 1);
    policies
        .flat_map(|scope| &scope.policies)
        .flat_map(|policy| &policy.groups)
        .filter(|group| group.missing > 0)
        .flat_map(|group| {
            let named = group.approvers.iter().filter(|name| name.contains('/') || group.could.contains(name));
            named.cloned().collect::<Vec<_>>()
        })
        .collect()
}

impl Wanted {
    /// The effects that lead from what is present to what is wanted, least surprising first.
    #[must_use]
    pub fn minus(&self, present: &Present) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(description) = &self.description
            && present.description.is_some()
            && present.description != Some(description.digest())
        {
            let (title, body) = (description.title.clone(), description.body.clone());
            effects.push(Effect::DescribeChange { change: self.change, title, body });
        }
        if present.check.as_ref().map(|(_, key)| key) != Some(&self.check.external_id) {
            let id = present.check.as_ref().map(|(id, _)| *id);
            effects.push(Effect::SetCheck { head: self.head.clone(), id, check: self.check.clone() });
        }
        if let Some(body) = &self.comment
            && present.comment.map(|(_, digest)| digest) != Some(Digest::of(body.as_bytes()))
        {
            let id = present.comment.map(|(id, _)| id);
            effects.push(Effect::Comment { change: self.change, id, body: body.clone() });
        }
        effects.extend(self.requests(present));
        effects
    }

    fn requests(&self, present: &Present) -> Option<Effect> {
        let new: Vec<&String> = self.ask.difference(&present.asked).collect();
        let teams: Vec<_> = new.iter().filter_map(|name| TeamSlug::parse(name).ok()).collect();
        let users: Vec<_> = new.iter().filter_map(|name| Login::parse(name).ok()).collect();
        (!new.is_empty()).then_some(Effect::RequestReviewers { change: self.change, users, teams })
    }
}
