//! From a notice to letters: who is told, through which channel.
//!
//! What nobody routed still reaches those it is about: the requester learns the outcome, all approvers learn of a bypass.

use std::collections::BTreeMap;

use crate::domain::{Account, Digest, Login, Occasion};
use crate::policy::{Channel, MailTo, Policy, Route};

use super::letter::{Destination, Letter, thread_of};
use super::notice::Notice;

/// Occasions that are an outcome for whoever asked.
const OUTCOMES: [Occasion; 5] = [
    Occasion::ChangeMerged,
    Occasion::ChangeRejected,
    Occasion::ChangeExpired,
    Occasion::ChangePutBack,
    Occasion::ChangeBypassed,
];

/// Somebody a mail may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Who.
    pub login: Login,
    /// Their address in `people`, if there is one.
    pub email: Option<String>,
}

/// What a notice comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    /// One per recipient.
    pub letters: Vec<Letter>,
    /// People a bypass must be told to and that have no address.
    pub unreached: Vec<Login>,
}

/// Whether a policy has anybody told anything at all.
#[must_use]
pub fn tells(policy: &Policy) -> bool {
    !policy.notifications().is_empty() || policy.people().iter().any(|person| person.email().is_some())
}

/// Whether the letters of a notice depend on who its approvers are.
#[must_use]
pub fn needs_approvers(policy: &Policy, notice: &Notice) -> bool {
    let asked = |route: &Route| {
        let approvers = matches!(route.channel(), Channel::Email { to } if to.contains(&MailTo::Approvers));
        approvers && told_here(route, notice)
    };
    notice.occasion == Occasion::ChangeBypassed || policy.notifications().iter().any(asked)
}

/// A bypass goes to every channel there is.
fn told_here(route: &Route, notice: &Notice) -> bool {
    let everywhere = notice.occasion == Occasion::ChangeBypassed;
    everywhere || (route.on().hold(notice.occasion) && route.concerns(&notice.environments))
}

/// The address of somebody, as the policy file has it. Addresses that GitHub made up are nobody's.
fn address_of(policy: &Policy, login: &Login) -> Option<String> {
    let person = policy.people().iter().find(|person| person.login().same_as(login))?;
    let fine = |email: &&str| !email.to_ascii_lowercase().ends_with("@users.noreply.github.com");
    person.email().filter(fine).map(str::to_owned)
}

/// Who is told a notice. `mail`: whether this server can send mail at all; where it cannot, only what was asked for becomes a
/// letter, which then says why it cannot be sent.
#[must_use]
pub fn letters(policy: &Policy, notice: &Notice, approvers: &[Account], mail: bool) -> Letters {
    let approvers: Vec<Addressee> = approvers
        .iter()
        .map(|account| Addressee { login: account.login.clone(), email: address_of(policy, &account.login) })
        .collect();
    let requester = notice.requester.as_ref().and_then(|account| address_of(policy, &account.login));
    // destination → whether names of keys may be shown there
    let mut told: BTreeMap<Destination, bool> = BTreeMap::new();
    let mut tell = |destination: Destination, keys: bool| *told.entry(destination).or_default() |= keys;
    for route in policy.notifications().iter().filter(|route| told_here(route, notice)) {
        let keys = route.show_keys();
        match route.channel() {
            Channel::SlackHook { url } => tell(Destination::SlackHook { url: url.clone() }, keys),
            Channel::SlackBot { token, channel, api } => {
                tell(Destination::SlackBot { token: token.clone(), channel: channel.clone(), api: api.clone() }, keys)
            }
            Channel::Teams { url } => tell(Destination::Teams { url: url.clone() }, keys),
            Channel::Webhook { url, secret } => {
                tell(Destination::Webhook { url: url.clone(), secret: secret.clone() }, keys);
            }
            Channel::Email { to } => {
                for one in to {
                    let addresses: Vec<String> = match one {
                        MailTo::Address(address) => vec![address.clone()],
                        MailTo::Requester => requester.iter().cloned().collect(),
                        MailTo::Approvers => approvers.iter().filter_map(|one| one.email.clone()).collect(),
                    };
                    for address in addresses {
                        tell(Destination::Mail { address: address.to_ascii_lowercase() }, keys);
                    }
                }
            }
        }
    }
    let bypassed = notice.occasion == Occasion::ChangeBypassed;
    if mail || bypassed {
        let outcome = OUTCOMES.contains(&notice.occasion);
        let asked = outcome.then_some(requester).flatten();
        let everybody = bypassed.then(|| approvers.iter().filter_map(|one| one.email.clone()));
        for address in asked.into_iter().chain(everybody.into_iter().flatten()) {
            tell(Destination::Mail { address: address.to_ascii_lowercase() }, false);
        }
    }
    let unreached = approvers.iter().filter(|one| bypassed && one.email.is_none()).map(|one| one.login.clone());
    Letters {
        unreached: unreached.collect(),
        letters: told.into_iter().map(|(destination, keys)| letter(notice, destination, keys)).collect(),
    }
}

fn letter(notice: &Notice, destination: Destination, keys: bool) -> Letter {
    let id = Digest::of(format!("{}\0{}\0{}", notice.repository, notice.key, destination.key()).as_bytes());
    let notice = if keys { notice.clone() } else { notice.clone().without_keys() };
    let sure = match destination {
        Destination::Webhook { .. } => true,
        Destination::Mail { .. } => notice.occasion == Occasion::ChangeBypassed,
        Destination::SlackHook { .. } | Destination::SlackBot { .. } | Destination::Teams { .. } => false,
    };
    Letter { id, thread: thread_of(&notice), destination, notice, sure }
}
