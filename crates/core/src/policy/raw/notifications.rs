//! Shapes of where events are told.

use super::Selector;
use super::syncs::RawWebhook;
use crate::policy::read::{List, shape};

shape! {
    /// One route of events to a channel.
    #[schemars(rename = "Notification")]
    pub(in crate::policy) struct RawNotification {
        required {
            /// The list of events, as names or patterns such as `change.*`.
            #[schemars(length(min = 1))]
            on: List<String>,
        }
        optional {
            /// The list of environments it is about, or `"*"` for all (default).
            environments: Selector,
            /// A Slack channel.
            slack: RawSlack,
            /// A Teams channel.
            teams: RawTeams,
            /// A list of mail addresses.
            email: RawEmail,
            /// A webhook.
            webhook: RawWebhook,
            /// The switch for names of keys outside GitHub (default false).
            show_keys: bool,
        }
    }
}

shape! {
    /// A Slack channel.
    #[schemars(rename = "Slack")]
    pub(in crate::policy) struct RawSlack {
        required {}
        optional {
            /// The alias of the incoming webhook's address.
            webhook_url_from: String,
            /// The alias of the bot token.
            token_from: String,
            /// The channel, with `#`.
            channel: String,
            /// The alias of the address of Slack's API, where it is not `https://slack.com/api` (default).
            api_url_from: String,
        }
    }
}

shape! {
    /// A Teams channel.
    #[schemars(rename = "Teams")]
    pub(in crate::policy) struct RawTeams {
        required {
            /// The alias of the workflow's address.
            webhook_url_from: String,
        }
        optional {}
    }
}

shape! {
    /// Mail.
    #[schemars(rename = "Email")]
    pub(in crate::policy) struct RawEmail {
        required {
            /// The list of addresses, or the words `approvers` and `requester`.
            #[schemars(length(min = 1))]
            to: List<String>,
        }
        optional {}
    }
}
