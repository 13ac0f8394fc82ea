//! Slack and Teams on this machine: keeps what arrives, refuses what the real ones would refuse.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::OriginalUri;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::http::served;

/// A message that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Last part of the path: `chat.postMessage`, `hook`, `teams`.
    pub(crate) method: String,
    pub(crate) token: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct Kept {
    said: Vec<Said>,
    answers: VecDeque<(u16, Value, Option<u64>)>,
    complaints: Vec<String>,
}

/// A chat service.
pub(crate) struct Chat {
    kept: Arc<Mutex<Kept>>,
    pub(crate) url: String,
}

impl Chat {
    pub(crate) async fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = kept.clone();
        let app = axum::Router::new().fallback(move |uri: OriginalUri, headers: HeaderMap, body: Bytes| {
            let shared = shared.clone();
            async move { answer(&shared, uri.path(), &headers, &body) }
        });
        let url = served(app).await;
        Self { kept, url }
    }

    /// Answers the next messages like this: status, body, `Retry-After`.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = (u16, Value, Option<u64>)>) {
        self.kept.lock().expect("kept").answers.extend(answers);
    }

    /// Everything that was taken for a method, oldest first.
    pub(crate) fn said(&self, method: &str) -> Vec<Said> {
        self.kept.lock().expect("kept").said.iter().filter(|said| said.method == method).cloned().collect()
    }

    /// What the real services would have refused.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.kept.lock().expect("kept").complaints.clone()
    }
}

fn answer(kept: &Mutex<Kept>, path: &str, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut kept = kept.lock().expect("kept");
    if let Some((status, body, after)) = kept.answers.pop_front() {
        let status = StatusCode::from_u16(status).expect("a status");
        let after = after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        return match after {
            Some(after) => (status, after, axum::Json(body)).into_response(),
            None => (status, axum::Json(body)).into_response(),
        };
    }
    let method = path.rsplit('/').next().unwrap_or_default().to_owned();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let Ok(message) = serde_json::from_slice::<Value>(body) else {
        kept.complaints.push(format!("{method}: no JSON"));
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !text("content-type").starts_with("application/json") {
        kept.complaints.push(format!("{method}: no content type"));
    }
    let complaints = if method == "teams" { teams(&message, body.len()) } else { slack(&message) };
    kept.complaints.extend(complaints.into_iter().map(|what| format!("{method}: {what}")));
    let said = Said { method: method.clone(), token: text("authorization"), body: message };
    kept.said.push(said.clone());
    let number = kept.said.len();
    match method.as_str() {
        "chat.postMessage" => {
            axum::Json(json!({"ok": true, "channel": "C1", "ts": format!("1700000000.{number:06}")})).into_response()
        }
        "chat.update" => axum::Json(json!({"ok": true, "channel": "C1", "ts": said.body["ts"]})).into_response(),
        "teams" => StatusCode::ACCEPTED.into_response(),
        _ => "ok".into_response(),
    }
}

/// Limits and shapes of Block Kit, as far as we use it.
fn slack(message: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let fallback = message["text"].as_str().unwrap_or_default();
    fault(!fallback.is_empty(), "`text` is always set");
    let blocks = message["blocks"].as_array().cloned().unwrap_or_default();
    fault(!blocks.is_empty() && blocks.len() <= 20, "1 to 20 blocks");
    let mut total = fallback.chars().count();
    for block in &blocks {
        match block["type"].as_str().unwrap_or_default() {
            "section" => {
                let text = block["text"]["text"].as_str().unwrap_or_default();
                total += text.chars().count();
                fault(block["text"]["type"] == "mrkdwn", "a section is mrkdwn");
                fault(!text.is_empty() && text.chars().count() <= 3_000, "1 to 3,000 characters a section");
                fault(!text.replace("&lt;", "").contains('<'), "`<` is escaped");
            }
            "actions" => {
                for element in block["elements"].as_array().cloned().unwrap_or_default() {
                    fault(element["type"] == "button" && element["text"]["type"] == "plain_text", "a button");
                    fault(element["url"].as_str().is_some_and(|url| url.starts_with("http")), "a button is a link");
                }
            }
            "context" => {
                fault(block["elements"].as_array().is_some_and(|all| !all.is_empty()), "a context says something")
            }
            other => fault(false, &format!("the block `{other}`")),
        }
    }
    fault(total <= 8_000, "8,000 characters together");
    faults
}

/// The envelope of a workflow, and the subset of Adaptive Card 1.4.
fn teams(message: &Value, bytes: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    fault(bytes <= 20 * 1024, "20 KB");
    fault(message["type"] == "message", "`type` is `message`");
    let attachments = message["attachments"].as_array().cloned().unwrap_or_default();
    fault(attachments.len() == 1, "one attachment");
    for attachment in &attachments {
        fault(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "`contentType`");
        let card = &attachment["content"];
        fault(card["type"] == "AdaptiveCard" && card["version"] == "1.4", "an Adaptive Card 1.4");
        for element in card["body"].as_array().cloned().unwrap_or_default() {
            fault(element["type"] == "TextBlock" && element["wrap"] == true, "wrapped text blocks");
        }
        for action in card["actions"].as_array().cloned().unwrap_or_default() {
            fault(action["type"] == "Action.OpenUrl", "links alone");
        }
    }
    faults
}
