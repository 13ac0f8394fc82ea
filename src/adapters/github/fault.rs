//! What a refusal means, and what may be shown of it.
//!
//! Every status GitHub answers with becomes one [`ForgeErrorKind`]; rate limits are told apart from missing permissions by the
//! rules of GitHub's guide. No message leaves here longer than 300 characters or with anything in it that looks like a token.

use bytes::Bytes;
use countersign_core::domain::{Span, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::engine::ports::{ForgeError, ForgeErrorKind};

/// Longest message shown.
const LONGEST: usize = 300;

/// A [`ForgeError`] that still knows the status it came from.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: ForgeErrorKind,
    pub(super) operation: &'static str,
    pub(super) status: Option<StatusCode>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(kind: ForgeErrorKind, operation: &'static str, message: &str) -> Self {
        Self { kind, operation, status: None, message: clean(message) }
    }

    /// An answer that makes no sense.
    pub(super) fn garbled(operation: &'static str, message: &str) -> Self {
        Self::new(ForgeErrorKind::Garbled, operation, message)
    }

    /// Whether a write that ended so may have taken effect all the same.
    pub(super) fn is_doubtful(&self) -> bool {
        self.kind == ForgeErrorKind::Later
    }

    pub(super) fn is(&self, status: StatusCode) -> bool {
        self.status == Some(status)
    }
}

impl From<Fault> for ForgeError {
    fn from(fault: Fault) -> Self {
        Self { kind: fault.kind, operation: fault.operation, message: fault.message }
    }
}

/// One answer as it came.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Raw {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's clock, from the `Date` header.
    pub(super) fn date(&self) -> Option<Timestamp> {
        let date = jiff::fmt::rfc2822::parse(self.header("date")?).ok()?;
        Some(Timestamp::from_seconds(date.timestamp().as_second()))
    }
}

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// GitHub says until when.
    Until(Timestamp),
    /// It does not say.
    Unstated,
}

/// Whether an answer is a rate limit: `retry-after`, else nothing remaining until the reset, else the words of a secondary limit.
pub(super) fn limit(raw: &Raw, now: Timestamp) -> Option<Limit> {
    if raw.status != StatusCode::FORBIDDEN && raw.status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    stated_limit(raw, now).or_else(|| {
        let words = message(raw).to_ascii_lowercase();
        let limited = raw.status == StatusCode::TOO_MANY_REQUESTS
            || words.contains("rate limit")
            || words.contains("abuse detection");
        limited.then_some(Limit::Unstated)
    })
}

/// The limit the headers state, whatever the status (GraphQL answers 200).
pub(super) fn stated_limit(raw: &Raw, now: Timestamp) -> Option<Limit> {
    let at_most_a_day = |seconds: u64| Limit::Until(now.plus(Span::from_seconds(seconds.clamp(1, 86_400))));
    if let Some(after) = raw.header("retry-after") {
        return Some(after.trim().parse().map_or(Limit::Unstated, at_most_a_day));
    }
    if raw.header("x-ratelimit-remaining")?.trim() != "0" {
        return None;
    }
    let reset: i64 = raw.header("x-ratelimit-reset")?.trim().parse().ok()?;
    // The reset is an instant of GitHub's clock; ours may differ, but not by more than it accepts of our signed tokens.
    let theirs = raw.date().filter(|date| apart(*date, now) <= 900).unwrap_or(now);
    let wait = Timestamp::from_seconds(reset).since(theirs);
    Some(at_most_a_day(wait.seconds()))
}

#[derive(Deserialize)]
struct ErrorBody {
    message: Option<String>,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

/// GitHub's words, details included.
pub(super) fn message(raw: &Raw) -> String {
    let Ok(body) = serde_json::from_slice::<ErrorBody>(&raw.body) else {
        return format!("HTTP {}", raw.status.as_u16());
    };
    let mut words = body.message.unwrap_or_else(|| format!("HTTP {}", raw.status.as_u16()));
    for detail in body.errors.iter().take(5) {
        let text = detail.as_str().or_else(|| detail.get("message")?.as_str()).or_else(|| detail.get("code")?.as_str());
        if let Some(text) = text {
            words.push_str("; ");
            words.push_str(text);
        }
    }
    words
}

/// What an answer that is no success means. `held` is the end of the wait, when it is a rate limit.
pub(super) fn judge(operation: &'static str, raw: &Raw, held: Option<Timestamp>, now: Timestamp) -> Fault {
    let words = message(raw);
    let lower = words.to_ascii_lowercase();
    let (kind, words) = match raw.status.as_u16() {
        _ if held.is_some() => (held.map_or(ForgeErrorKind::Later, ForgeErrorKind::Wait), words),
        401 => (
            ForgeErrorKind::Credentials,
            clock_difference(raw, now).map_or(words.clone(), |c| format!("{words} ({c})")),
        ),
        403 if lower.contains("suspended") => (
            ForgeErrorKind::Credentials,
            format!("{words}; help: an owner of the organisation can lift the suspension in the App's settings"),
        ),
        403 => (ForgeErrorKind::Forbidden, missing_permission(raw, words)),
        404 | 410 => (ForgeErrorKind::NotFound, words),
        400 | 405..=409 | 411..=428 | 451 => (ForgeErrorKind::Refused, words),
        500..=599 => (ForgeErrorKind::Later, format!("GitHub answers {} ({words})", raw.status.as_u16())),
        other => (ForgeErrorKind::Garbled, format!("unexpected answer {other}")),
    };
    Fault { kind, operation, status: Some(raw.status), message: clean(&words) }
}

/// Seconds between two instants.
fn apart(one: Timestamp, other: Timestamp) -> u64 {
    one.since(other).seconds().max(other.since(one).seconds())
}

fn clock_difference(raw: &Raw, now: Timestamp) -> Option<String> {
    let theirs = raw.date()?;
    let apart = apart(theirs, now);
    (apart > 120).then(|| format!("our clock and GitHub's are {apart} s apart; help: set the clock"))
}

fn missing_permission(raw: &Raw, words: String) -> String {
    match raw.header("x-accepted-github-permissions") {
        Some(accepted) if words.contains("not accessible by integration") => {
            format!(
                "{words}: the App needs one of `{accepted}`; help: grant it in the App's settings and accept it in the organisation"
            )
        }
        Some(_) | None => words,
    }
}

/// Text that may be shown: one line, cut, nothing token-like.
pub(super) fn clean(text: &str) -> String {
    let word_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for piece in text.split_inclusive(word_end) {
        let (word, end) = match piece.char_indices().next_back() {
            Some((at, c)) if word_end(c) => piece.split_at(at),
            Some(_) | None => (piece, ""),
        };
        shown.push_str(if is_token_like(word) { "[removed]" } else { word });
        shown.extend(end.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    if shown.chars().count() > LONGEST {
        shown = shown.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    shown
}

fn is_token_like(word: &str) -> bool {
    const PREFIXES: [&str; 8] = ["ghs_", "ghp_", "gho_", "ghu_", "ghr_", "github_pat_", "eyJ", "v1."];
    let is_object_id = matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let looks_random = word.len() >= 32
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().any(|byte| byte.is_ascii_lowercase());
    (word.len() > 8 && PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        || (!is_object_id && (looks_random || word.len() >= 80))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn raw(status: u16, headers: &[(&'static str, &str)], body: &str) -> Raw {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Raw { status: StatusCode::from_u16(status).unwrap(), headers: map, body: Bytes::from(body.to_owned()) }
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn limits_are_told_apart_from_missing_permissions() {
        let until = |seconds| Some(Limit::Until(NOW.plus(Span::from_seconds(seconds))));
        let denied = r#"{"message":"Resource not accessible by integration"}"#;
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        for (name, answer, expected) in [
            ("retry-after on 403", raw(403, &[("retry-after", "7")], denied), until(7)),
            ("retry-after on 429", raw(429, &[("retry-after", "3")], ""), until(3)),
            ("endless retry-after", raw(429, &[("retry-after", "999999999")], ""), until(86_400)),
            ("reset", raw(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000090")], ""), until(90)),
            ("words only", raw(403, &[], secondary), Some(Limit::Unstated)),
            ("429 only", raw(429, &[], "{}"), Some(Limit::Unstated)),
            ("permission", raw(403, &[("x-ratelimit-remaining", "12")], denied), None),
            ("other status", raw(404, &[("retry-after", "7")], ""), None),
        ] {
            assert_eq!(limit(&answer, NOW), expected, "{name}");
        }
    }

    #[test]
    fn the_reset_is_read_by_github_s_clock() {
        let headers = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1800000690"),
            ("date", "Fri, 15 Jan 2027 08:10:00 GMT"), // ten minutes ahead of ours
        ];
        assert_eq!(limit(&raw(403, &headers, ""), NOW), Some(Limit::Until(NOW.plus(Span::from_seconds(90)))));
    }

    #[test]
    fn every_status_has_one_meaning() {
        for (status, body, kind) in [
            (401, "{}", ForgeErrorKind::Credentials),
            (403, r#"{"message":"This installation has been suspended"}"#, ForgeErrorKind::Credentials),
            (403, r#"{"message":"Resource not accessible by integration"}"#, ForgeErrorKind::Forbidden),
            (404, "{}", ForgeErrorKind::NotFound),
            (405, "{}", ForgeErrorKind::Refused),
            (409, "{}", ForgeErrorKind::Refused),
            (422, "{}", ForgeErrorKind::Refused),
            (502, "<html>", ForgeErrorKind::Later),
            (302, "", ForgeErrorKind::Garbled),
        ] {
            assert_eq!(judge("t", &raw(status, &[], body), None, NOW).kind, kind, "{status}");
        }
        assert_eq!(judge("t", &raw(429, &[], ""), Some(NOW), NOW).kind, ForgeErrorKind::Wait(NOW));
    }

    #[test]
    fn a_missing_permission_is_named() {
        let answer = raw(
            403,
            &[("x-accepted-github-permissions", "checks=write")],
            r#"{"message":"Resource not accessible by integration"}"#,
        );
        assert!(judge("t", &answer, None, NOW).message.contains("`checks=write`"));
    }

    #[test]
    fn nothing_token_like_is_shown() {
        for token in [
            "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
            "github_pat_11ABCDE0123_abc",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjF9.c2ln",
            "ghs_77_eyJhbGciOi.eyJpc3MiOjF9.c2ln",
            "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        ] {
            for text in [format!("bad token {token}"), format!("Bearer {token}, x"), format!("\"{token}\"")] {
                let shown = clean(&text);
                assert!(!shown.contains(token) && shown.contains("[removed]"), "{shown}");
            }
        }
        let kept = "head 8be0d448be0d448be0d448be0d448be0d448be0d of acme/app: `contents=write`";
        assert_eq!(clean(kept), kept);
        assert_eq!(clean("two\nlines"), "two lines");
        assert_eq!(clean(&"ä ".repeat(400)).chars().count(), 300);
    }
}
