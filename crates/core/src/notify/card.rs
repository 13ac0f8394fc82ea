//! Cards for Slack and Teams around a rendered text: fixed shapes, within the limits of both.
//!
//! Slack: at most 50 blocks, 3,000 characters a section, and a total that is refused long before its documented limit; ours is 20
//! blocks and 8,000 characters. Teams: Adaptive Card 1.4, at most 20 KB of the 28 it takes. Reference `ecosystem.md` 3.

use serde_json::{Value, json};

use super::notice::Notice;

/// Most blocks of a Slack message.
const BLOCKS: usize = 20;
/// Most characters of all texts of a Slack message.
const TEXT: usize = 8_000;
/// Most characters of one section.
const SECTION: usize = 2_900;
/// Most characters of the line that is shown in notifications.
const FALLBACK: usize = 300;
/// Most bytes of a card for Teams.
pub const MAX_CARD: usize = 20 * 1024;

/// A Slack message: `text` for notifications, and one section per paragraph.
#[must_use]
pub fn slack_card(notice: &Notice, headline: &str, text: &str) -> Value {
    let mut blocks = Vec::new();
    let mut left = TEXT - 1_000;
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let paragraph = cut(paragraph, SECTION.min(left));
        left = left.saturating_sub(paragraph.chars().count());
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": paragraph}}));
        if blocks.len() == BLOCKS - 2 || left == 0 {
            break;
        }
    }
    let button = json!({"type": "plain_text", "text": button(notice), "emoji": false});
    blocks.push(json!({"type": "actions", "elements": [{"type": "button", "text": button, "url": notice.url, "action_id": "open"}]}));
    let when = format!("{} · {}", notice.occasion.name(), notice.at);
    blocks.push(json!({"type": "context", "elements": [{"type": "plain_text", "text": when, "emoji": false}]}));
    json!({"text": fallback(headline), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

/// A line of a card's history, in its thread.
#[must_use]
pub fn slack_line(headline: &str, text: &str) -> Value {
    let section = json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(text.trim(), SECTION)}});
    json!({"text": fallback(headline), "blocks": [section], "unfurl_links": false, "unfurl_media": false})
}

/// What a notification shows is text, not markup: Slack reads the three characters all the same.
fn fallback(headline: &str) -> String {
    cut(headline, FALLBACK).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A message for a Teams workflow: one text block per paragraph.
#[must_use]
pub fn teams_card(notice: &Notice, headline: &str, text: &str) -> Value {
    let mut texts: Vec<String> = text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .take(BLOCKS)
        .map(|one| cut(one, SECTION))
        .collect();
    loop {
        let body: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| match at {
                0 => json!({"type": "TextBlock", "text": text, "wrap": true, "size": "Medium", "weight": "Bolder"}),
                _ => json!({"type": "TextBlock", "text": text, "wrap": true}),
            })
            .collect();
        let content = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard", "version": "1.4", "fallbackText": cut(headline, FALLBACK), "body": body,
            "actions": [{"type": "Action.OpenUrl", "title": button(notice), "url": notice.url}],
        });
        let message = json!({
            "type": "message",
            "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content}],
        });
        if message.to_string().len() <= MAX_CARD || texts.pop().is_none() {
            return message;
        }
    }
}

fn button(notice: &Notice) -> &'static str {
    match notice.change {
        Some(_) => "Open the pull request",
        None => "Open the repository",
    }
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((at, _)) => {
            // never in the middle of an escaped character
            let kept = &text[..at];
            let kept = match kept.rfind('&') {
                Some(from) if !kept[from..].contains(';') && kept.len() - from < 6 => &kept[..from],
                Some(_) | None => kept.trim_end_matches('\\'),
            };
            format!("{kept}…")
        }
        None => text.to_owned(),
    }
}
