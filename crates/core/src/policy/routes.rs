//! Where events are told, as meant: which ones, about which environments, through which channel.
//!
//! A route names aliases, never an address of a service or a token; mail addresses are no secrets and stand here.

use crate::domain::{Alias, Environment, Occasion};

use super::diagnostic::Place;
use super::model::EnvironmentSelector;

/// One entry of `notifications`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub(super) place: Place,
    pub(super) on: Occasions,
    pub(super) environments: EnvironmentSelector,
    pub(super) channel: Channel,
    pub(super) show_keys: bool,
}

impl Route {
    /// The events it is about.
    #[must_use]
    pub fn on(&self) -> &Occasions {
        &self.on
    }

    /// Whether something about these environments is told here. What is about none of them in particular is told to everybody.
    #[must_use]
    pub fn concerns(&self, environments: &[Environment]) -> bool {
        environments.is_empty() || environments.iter().any(|environment| self.environments.holds(environment))
    }

    /// Where it is told.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Whether names of keys may leave GitHub here.
    #[must_use]
    pub fn show_keys(&self) -> bool {
        self.show_keys
    }
}

/// A set of events: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasions(pub(super) Vec<Occasion>);

impl Occasions {
    /// Whether an event is one of them.
    #[must_use]
    pub fn hold(&self, occasion: Occasion) -> bool {
        self.0.contains(&occasion)
    }

    /// The events a word stands for: a name, `change.*`, or `*`. Empty: it stands for none.
    #[must_use]
    pub fn named(word: &str) -> Vec<Occasion> {
        let fits = |occasion: &Occasion| match word.strip_suffix(".*") {
            _ if word == "*" => true,
            Some(family) => occasion.family() == family,
            None => occasion.name() == word,
        };
        Occasion::ALL.iter().copied().filter(fits).collect()
    }
}

/// How something is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// An incoming webhook of Slack: it can only post.
    SlackHook {
        /// Alias of its address.
        url: Alias,
    },
    /// A bot of Slack: one card per change, kept up to date, with its history in the thread.
    SlackBot {
        /// Alias of its token.
        token: Alias,
        /// Name or id of the channel.
        channel: String,
        /// Alias of the API's address, where it is another than Slack's own.
        api: Option<Alias>,
    },
    /// A workflow of Teams that takes a card.
    Teams {
        /// Alias of its address, which is its secret as well.
        url: Alias,
    },
    /// Mail.
    Email {
        /// To whom.
        to: Vec<MailTo>,
    },
    /// A webhook with a Standard Webhooks signature.
    Webhook {
        /// Alias of the address.
        url: Alias,
        /// Alias of the signing secret.
        secret: Alias,
    },
}

/// Who gets a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTo {
    /// Everybody who may approve it and has an address in `people`.
    Approvers,
    /// Who asked for it.
    Requester,
    /// This address.
    Address(String),
}
