//! A notice on its way to one recipient.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Alias, Digest};

use super::notice::Notice;

/// Where a letter goes: one mailbox, one channel, one receiver. Never an address that is a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// A mailbox.
    Mail {
        /// Its address.
        address: String,
    },
    /// An incoming webhook of Slack.
    SlackHook {
        /// Alias of its address.
        url: Alias,
    },
    /// A channel of Slack, through a bot.
    SlackBot {
        /// Alias of its token.
        token: Alias,
        /// Name or id of the channel.
        channel: String,
        /// Alias of the API's address, where it is not Slack's own.
        api: Option<Alias>,
    },
    /// A workflow of Teams.
    Teams {
        /// Alias of its address.
        url: Alias,
    },
    /// A webhook.
    Webhook {
        /// Alias of its address.
        url: Alias,
        /// Alias of the signing secret.
        secret: Alias,
    },
}

impl Destination {
    /// What it is known by; two destinations have one text only when they are equal.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Mail { address } => format!("mail/{address}"),
            Self::SlackHook { url } => format!("slack-hook/{url}"),
            Self::SlackBot { token, channel, api } => {
                format!("slack/{token}/{channel}/{}", api.as_ref().map_or("", Alias::as_str))
            }
            Self::Teams { url } => format!("teams/{url}"),
            Self::Webhook { url, secret } => format!("webhook/{url}/{secret}"),
        }
    }

    /// The kind of channel, in one word.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        match self {
            Self::Mail { .. } => "mail",
            Self::SlackHook { .. } | Self::SlackBot { .. } => "slack",
            Self::Teams { .. } => "teams",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// What it is queued under.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.key().as_bytes())
    }
}

/// One notice for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The same for every attempt: what repetitions are told by.
    pub id: Digest,
    /// Letters of one thread belong together.
    pub thread: String,
    /// Where it goes.
    pub destination: Destination,
    /// What it says.
    pub notice: Notice,
    /// It is repeated when it is not known how an attempt ended; otherwise it is then left.
    pub sure: bool,
}

/// What letters are kept together by: the change, the target, or the event itself.
#[must_use]
pub fn thread_of(notice: &Notice) -> String {
    match (&notice.change, &notice.target) {
        (Some(change), _) => format!("change/{change}"),
        (None, Some(target)) => format!("target/{target}"),
        (None, None) => notice.key.clone(),
    }
}

/// A mail, as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub plain: String,
    /// HTML.
    pub html: String,
}

/// The body of a webhook: thin, never a value.
#[must_use]
pub fn webhook_body(notice: &Notice) -> String {
    let counts = notice.counts.unwrap_or_default();
    let mut data = json!({
        "repository": notice.repository,
        "pr": notice.change,
        "url": notice.url,
        "environments": notice.environments,
        "control": notice.control,
        "requester": notice.requester.as_ref().map(|account| json!({"login": account.login, "id": account.id})),
        "commit": notice.commit,
        "counts": {"added": counts.added, "changed": counts.changed, "removed": counts.removed},
        "target": notice.target.as_ref().map(ToString::to_string),
        "entry": notice.entry.map(|entry| entry.label()),
        "approved_by": notice.approved_by,
        "reason": notice.reason,
        "recovered": notice.recovered,
    });
    if !notice.keys.is_empty()
        && let Some(data) = data.as_object_mut()
    {
        data.insert("keys".to_owned(), json!(notice.keys));
    }
    json!({"version": 1, "type": notice.occasion.name(), "timestamp": notice.at.to_string(), "data": data}).to_string()
}
