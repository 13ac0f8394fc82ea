//! Reads `notifications`: which events, which channel, which aliases.
//!
//! A text that stands where an alias belongs is never repeated: somebody may have pasted the address or the token itself.

use std::collections::BTreeSet;

use crate::domain::Occasion;
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::model::EnvironmentSelector;
use crate::policy::raw::{RawEmail, RawNotification, RawPolicy, RawSlack};
use crate::policy::read::{Faults, Field, List, Located, nearest};
use crate::policy::routes::{Channel, MailTo, Occasions, Route};

use super::syncs::alias;
use super::{capped, people, rule};

/// Most routes.
const MAX_ROUTES: usize = 50;
/// Most addresses of one route.
const MAX_ADDRESSES: usize = 100;
/// Longest name of a channel, as Slack takes it, `#` included.
const MAX_CHANNEL: usize = 81;

pub(super) fn all(raw: &RawPolicy, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Vec<Route> {
    let (Some(list), Some(key)) = (raw.notifications.given(), raw.notifications.key()) else { return Vec::new() };
    let count = capped(list.value.items.len(), MAX_ROUTES, "notifications", key, faults);
    list.value.items.iter().take(count).filter_map(|item| one(item, known, faults)).collect()
}

fn one(item: &Located<RawNotification>, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Option<Route> {
    let raw = &item.value;
    let on = occasions(&raw.on, faults);
    let environments = match raw.environments.is_absent() {
        true => EnvironmentSelector::All,
        false => rule::selector(&raw.environments, known, faults),
    };
    let channel = channel(item, faults);
    let show_keys = raw.show_keys.given().is_some_and(|switch| switch.value);
    Some(Route { place: item.place, on: on?, environments, channel: channel?, show_keys })
}

fn occasions(field: &Field<List<String>>, faults: &mut Faults) -> Option<Occasions> {
    let (list, key) = (field.given()?, field.key()?);
    if list.value.items.is_empty() && !list.value.broken {
        let fault = Diagnostic::error(Code::Empty, "the notification is about nothing").at(key);
        faults.push(fault.help("name events, such as `change.opened`, `sync.*` or `*`"));
        return None;
    }
    let mut found = Vec::new();
    for item in &list.value.items {
        let meant = Occasions::named(&item.value);
        if meant.is_empty() {
            let fault = Diagnostic::error(Code::UnknownWord, format!("there is no event `{}`", shown(&item.value)));
            let fault = fault.at(item.place);
            let words = Occasion::ALL.iter().map(|occasion| occasion.name());
            faults.push(match nearest(&item.value, words) {
                Some(near) => {
                    fault.label(format!("did you mean `{near}`?")).help("docs/notifications.md lists the events")
                }
                None => fault.help("docs/notifications.md lists the events; `change.*` and `*` stand for several"),
            });
        }
        found.extend(meant);
    }
    found.sort_unstable();
    found.dedup();
    (!found.is_empty()).then_some(Occasions(found))
}

/// The one channel of a route.
fn channel(item: &Located<RawNotification>, faults: &mut Faults) -> Option<Channel> {
    let raw = &item.value;
    let given = [
        ("slack", raw.slack.key()),
        ("teams", raw.teams.key()),
        ("email", raw.email.key()),
        ("webhook", raw.webhook.key()),
    ];
    let given: Vec<(&str, Place)> = given.iter().filter_map(|(name, key)| Some((*name, (*key)?))).collect();
    match given.as_slice() {
        [] => {
            let unread =
                raw.slack.is_faulty() || raw.teams.is_faulty() || raw.email.is_faulty() || raw.webhook.is_faulty();
            if !unread {
                faults.push(
                    Diagnostic::error(Code::MissingField, "the notification goes nowhere")
                        .at(item.place)
                        .help("give it one of `slack`, `teams`, `email` or `webhook`"),
                );
            }
            return None;
        }
        [_] => {}
        [(first, _), (second, place), ..] => {
            faults.push(
                Diagnostic::error(Code::Conflict, format!("`{first}` and `{second}` exclude each other"))
                    .at(*place)
                    .help("give each channel an entry of its own"),
            );
            return None;
        }
    }
    if let Some(slack) = raw.slack.given() {
        return self::slack(slack, faults);
    }
    if let Some(teams) = raw.teams.given() {
        return Some(Channel::Teams { url: alias(&teams.value.webhook_url_from, "webhook_url_from", faults)? });
    }
    if let Some(email) = raw.email.given() {
        return self::email(&email.value, faults);
    }
    let webhook = &raw.webhook.given()?.value;
    let (url, secret) =
        (alias(&webhook.url_from, "url_from", faults), alias(&webhook.secret_from, "secret_from", faults));
    Some(Channel::Webhook { url: url?, secret: secret? })
}

fn slack(raw: &Located<RawSlack>, faults: &mut Faults) -> Option<Channel> {
    let slack = &raw.value;
    let mut fault = |code, message: &str, place: Place, help: &str| {
        faults.push(Diagnostic::error(code, message).at(place).help(help));
    };
    match (slack.webhook_url_from.key(), slack.token_from.key()) {
        (Some(_), Some(token)) => {
            fault(
                Code::Conflict,
                "`webhook_url_from` and `token_from` exclude each other",
                token,
                "a bot token can keep its card up to date; an incoming webhook can only post",
            );
            None
        }
        (None, None) => {
            if !slack.webhook_url_from.is_faulty() && !slack.token_from.is_faulty() {
                fault(
                    Code::MissingField,
                    "`slack` has neither `webhook_url_from` nor `token_from`",
                    raw.place,
                    "write `webhook_url_from: SLACK_URL`, or `token_from: SLACK_TOKEN` and `channel`",
                );
            }
            None
        }
        (Some(_), None) => {
            for (name, key) in [("channel", slack.channel.key()), ("api_url_from", slack.api_url_from.key())] {
                if let Some(key) = key {
                    let message = format!("`{name}` has no effect with `webhook_url_from`");
                    fault(Code::Conflict, &message, key, "leave it out: the webhook belongs to one channel");
                    return None;
                }
            }
            Some(Channel::SlackHook { url: alias(&slack.webhook_url_from, "webhook_url_from", faults)? })
        }
        (None, Some(_)) => {
            let token = alias(&slack.token_from, "token_from", faults);
            let api = match slack.api_url_from.is_absent() {
                true => Some(None),
                false => alias(&slack.api_url_from, "api_url_from", faults).map(Some),
            };
            let Some(channel) = slack.channel.given() else {
                if slack.channel.is_absent() {
                    faults.push(
                        Diagnostic::error(Code::Companion, "`token_from` needs `channel`")
                            .at(raw.place)
                            .help("write `channel: \"#secrets\"`, or the id of the channel"),
                    );
                }
                return None;
            };
            let name = channel.value.strip_prefix('#').unwrap_or(&channel.value);
            let fine = !name.is_empty()
                && channel.value.len() <= MAX_CHANNEL
                && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
            if !fine {
                faults.push(
                    Diagnostic::error(Code::Malformed, format!("`{}` is not a channel", shown(&channel.value)))
                        .at(channel.place)
                        .help("write it as Slack shows it, such as `#secrets`, or its id, such as `C0123456789`"),
                );
                return None;
            }
            Some(Channel::SlackBot { token: token?, channel: channel.value.clone(), api: api? })
        }
    }
}

fn email(raw: &RawEmail, faults: &mut Faults) -> Option<Channel> {
    let (list, key) = (raw.to.given()?, raw.to.key()?);
    if list.value.items.is_empty() && !list.value.broken {
        let fault = Diagnostic::error(Code::Empty, "the mail goes to nobody").at(key);
        faults.push(fault.help("name `approvers`, `requester` or addresses"));
        return None;
    }
    let count = capped(list.value.items.len(), MAX_ADDRESSES, "addresses", key, faults);
    let mut to = Vec::new();
    for item in list.value.items.iter().take(count) {
        let one = match item.value.as_str() {
            "approvers" => MailTo::Approvers,
            "requester" => MailTo::Requester,
            word if !word.contains('@') => {
                let fault = Diagnostic::error(Code::UnknownWord, format!("`{}` is nobody", shown(word))).at(item.place);
                let near = nearest(word, ["approvers", "requester"].into_iter());
                let fault = match near {
                    Some(near) => fault.label(format!("did you mean `{near}`?")),
                    None => fault,
                };
                faults.push(fault.help("write `approvers`, `requester` or a mail address"));
                continue;
            }
            _ => match people::address(item, faults) {
                Some(address) => MailTo::Address(address),
                None => continue,
            },
        };
        if to.contains(&one) {
            faults.push(
                Diagnostic::error(Code::Repeated, format!("`{}` is listed twice", shown(&item.value)))
                    .at(item.place)
                    .help("leave the second out: everybody gets one mail"),
            );
            continue;
        }
        to.push(one);
    }
    (!to.is_empty()).then_some(Channel::Email { to })
}
