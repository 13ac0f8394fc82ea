//! The facts as a decision reads them: with the accounts of one person joined (R21).
//!
//! Says who is the same person; who counts is asked elsewhere.

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::domain::{Account, UserId};
use crate::facts::Facts;
use crate::policy::Policy;

/// Facts, and who is the same person as whom.
pub(super) struct Case<'a> {
    pub(super) policy: &'a Policy,
    facts: &'a Facts,
    /// Account → the account that stands for the person; only those the policy links.
    by_id: BTreeMap<UserId, UserId>,
    /// The same by login in lower case, also for names nobody bore when the policy became effective.
    by_login: BTreeMap<String, UserId>,
}

impl Deref for Case<'_> {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        self.facts
    }
}

impl<'a> Case<'a> {
    pub(super) fn new(policy: &'a Policy, facts: &'a Facts) -> Self {
        let (mut by_id, mut by_login) = (BTreeMap::new(), BTreeMap::new());
        for logins in persons(policy) {
            let ids =
                || facts.names.users.iter().filter(|(name, _)| logins.contains(&name.as_str().to_ascii_lowercase()));
            let Some(first) = ids().map(|(_, id)| *id).min() else { continue };
            by_id.extend(ids().map(|(_, id)| (*id, first)));
            by_login.extend(logins.into_iter().map(|login| (login, first)));
        }
        Self { policy, facts, by_id, by_login }
    }

    /// The facts, for as long as they live.
    pub(super) fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Who stands for the person an account belongs to.
    pub(super) fn person(&self, account: &Account) -> UserId {
        if self.by_login.is_empty() {
            return account.id;
        }
        let named = || self.by_login.get(&account.login.as_str().to_ascii_lowercase());
        self.by_id.get(&account.id).or_else(named).copied().unwrap_or(account.id)
    }

    /// As [`Case::person`], where only the id is known.
    pub(super) fn person_of(&self, id: UserId) -> UserId {
        self.by_id.get(&id).copied().unwrap_or(id)
    }
}

/// The logins of each person that has several, in lower case: links are followed to their end.
fn persons(policy: &Policy) -> Vec<Vec<String>> {
    let mut persons: Vec<Vec<String>> = Vec::new();
    for (one, other) in policy.same_people() {
        let mut joined = vec![one.as_str().to_ascii_lowercase(), other.as_str().to_ascii_lowercase()];
        persons.retain(|known| {
            let meets = known.iter().any(|login| joined.contains(login));
            if meets {
                joined.extend(known.iter().cloned());
            }
            !meets
        });
        joined.sort();
        joined.dedup();
        persons.push(joined);
    }
    persons
}
