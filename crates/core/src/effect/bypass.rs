//! What people read about a bypass: whose word it was, what it owes, and who is called when it is overdue.
//!
//! Decides nothing; whether something is owed is the ledger's word.

use minijinja::{Value, context};

use super::render::{self, render};
use super::replies::minute;
use super::{CheckState, Effect, overdue_marker};
use crate::decision::{Bypass, Decision};
use crate::domain::{Login, PrNumber, Sequence, Timestamp};
use crate::facts::BypassAsked;

/// The label of a request that was merged by a bypass.
pub const BYPASSED_LABEL: &str = "countersign: bypassed";

/// A bypass that was carried out, and how its debt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Whose word it was, and why.
    pub by: Vec<(Login, String)>,
    /// The policies that were bypassed.
    pub policies: Vec<String>,
    /// Until when it must be ratified.
    pub due: Timestamp,
    /// How it stands.
    pub debt: DebtState,
}

/// How a debt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebtState {
    /// There is time.
    Open,
    /// The time is over.
    Overdue,
    /// It is paid.
    Ratified {
        /// By whom.
        by: Vec<Login>,
        /// The entry that says so.
        entry: Sequence,
    },
}

impl Owed {
    /// "carol, dan".
    fn names(&self) -> String {
        self.by.iter().map(|(login, _)| login.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The end of the headline.
    pub(super) fn headline(&self) -> String {
        let by = render::text(&self.names());
        match &self.debt {
            DebtState::Open => format!("bypassed by {by}, to be ratified until {}", minute(self.due)),
            DebtState::Overdue => format!("bypassed by {by}, **not ratified by {}**", minute(self.due)),
            DebtState::Ratified { by: names, entry } => {
                let names: Vec<&str> = names.iter().map(Login::as_str).collect();
                format!("bypassed by {by}, ratified by {} in `{}`", render::text(&names.join(", ")), entry.label())
            }
        }
    }

    /// How the check ends.
    pub(super) fn check_state(&self) -> CheckState {
        match self.debt {
            DebtState::Open | DebtState::Ratified { .. } => CheckState::Neutral,
            DebtState::Overdue => CheckState::ActionRequired,
        }
    }

    /// What the template sees.
    pub(super) fn page(&self) -> Value {
        context! {
            by => self.by.iter().map(|(login, reason)| context! { login => login.as_str(), reason }).collect::<Vec<_>>(),
            policies => self.policies.clone(),
            due => minute(self.due),
            paid => matches!(self.debt, DebtState::Ratified { .. }),
            overdue => self.debt == DebtState::Overdue,
        }
    }
}

/// What the template sees of a bypass that stands and was not carried out.
pub(super) fn standing(bypass: &Bypass) -> Value {
    let word = |asked: &BypassAsked| context! { login => asked.by.login.as_str(), reason => asked.reason.clone() };
    context! {
        by => bypass.by.iter().map(word).collect::<Vec<_>>(),
        policies => bypass.policies.clone(),
        within => bypass.ratify_within.to_string(),
    }
}

/// "carol, dan", of a bypass that stands.
pub(super) fn names(bypass: &Bypass) -> String {
    let names: Vec<&str> = bypass.by.iter().map(|asked| asked.by.login.as_str()).collect();
    render::text(&names.join(", "))
}

/// What the template sees of the bypasses that lift nothing.
pub(super) fn refused(decision: &Decision) -> Vec<Value> {
    let line = |refused: &crate::decision::BypassRefused| {
        context! {
            login => refused.asked.by.login.as_str(), code => refused.reason.code(),
            words => refused.reason.words(), detail => refused.detail.clone(), help => refused.reason.help(),
        }
    };
    decision.bypass_refused.iter().map(line).collect()
}

/// Calls those who must ratify a bypass that is overdue: a comment of its own, once. `decision`: whether it is ratified, as judged now.
#[must_use]
pub fn overdue(change: PrNumber, decided: Sequence, owed: &Owed, decision: &Decision) -> Effect {
    let marker = overdue_marker(change, decided);
    let scopes: Vec<String> = decision.scopes.iter().map(|scope| scope.scope.name().to_owned()).collect();
    let policies = decision.scopes.iter().flat_map(|scope| &scope.policies);
    let open = policies.filter(|policy| owed.policies.contains(&policy.name)).flat_map(|policy| &policy.groups);
    let mut called: Vec<String> = open
        .filter(|group| group.missing > 0)
        .flat_map(|group| if group.could.is_empty() { group.approvers.clone() } else { group.could.clone() })
        .collect();
    called.sort();
    called.dedup();
    called.truncate(20);
    let body = render("bypass_overdue.md", context! { marker => marker.clone(), called, scopes, owed => owed.page() });
    Effect::Tell { change, marker, body }
}
