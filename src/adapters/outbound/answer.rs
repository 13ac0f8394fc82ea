//! What a receiver's answer means for the next attempt (Standard Webhooks, "Delivery and retries"; reference `ecosystem.md` 2.5).
//!
//! Only status and `Retry-After` are read. The body never is: it has nothing to tell us and may be endless.

use std::error::Error as _;
use std::io::ErrorKind;

use countersign_core::domain::{Span, Timestamp};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::engine::ports::{Accepted, OutboundError, OutboundKind};

/// The longest wait that is believed.
const DAY: Span = Span::from_seconds(86_400);

/// Judges an answer of `host`.
pub(super) fn judge(
    host: &str,
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Accepted, OutboundError> {
    let number = status.as_u16();
    let retry = OutboundKind::Retry { after: retry_after(headers, now) };
    let (kind, help) = match number {
        200..=299 => return Ok(Accepted { status: number }),
        300..=399 => {
            let help = "grant the address it should go to; redirects are not followed";
            return Err(error(OutboundKind::Permanent, format!("{host} redirects ({number})"), help));
        }
        408 | 409 | 425 | 429 => (retry, "it is tried again; nothing to do unless this stays"),
        401 | 403 => (OutboundKind::Permanent, "give the receiver the secret that is granted here, then sync again"),
        404 => (OutboundKind::Permanent, "correct the granted address, then sync again"),
        410 => (
            OutboundKind::Permanent,
            "the receiver is gone for good: remove the target from the policy, or grant a new address",
        ),
        400..=499 => (OutboundKind::Permanent, "the receiver does not take this message: see its log, then sync again"),
        500..=599 => (retry, "it is tried again; see the receiver's log if this stays"),
        _ => (retry, "it is tried again; this is no status of HTTP: see what answers at this address"),
    };
    Err(error(kind, format!("{host} answered {number}"), help))
}

/// `Retry-After` in seconds or as a date, at most a day; a date in the past is no wait.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let span = match text.parse::<u64>() {
        Ok(seconds) => Span::from_seconds(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            Timestamp::from_seconds(date.timestamp().as_second()).since(now)
        }
    };
    Some(span.min(DAY))
}

/// Why nothing that could be judged came back. The error of the client is looked at and never repeated: it has the address.
pub(super) fn silent(host: &str, fault: &reqwest::Error) -> OutboundError {
    let again = "it is tried again; see that the receiver runs and can be reached from here";
    let (what, help) = match io_kind(fault) {
        _ if fault.is_timeout() => (format!("{host} did not answer in time"), again),
        Some(ErrorKind::ConnectionRefused) => (format!("{host} refuses connections"), again),
        Some(ErrorKind::InvalidData) if fault.is_connect() => {
            let help = "let the receiver show a certificate this machine trusts, made for this name";
            (format!("{host} cannot be trusted: TLS failed"), help)
        }
        Some(_) | None if fault.is_connect() => (format!("{host} cannot be reached"), again),
        Some(_) | None => (format!("{host} broke off, or does not speak HTTP"), again),
    };
    error(OutboundKind::Retry { after: None }, what, help)
}

/// The innermost fault of input or output; one may be wrapped in another.
fn io_kind(fault: &reqwest::Error) -> Option<ErrorKind> {
    let mut found = None;
    let mut cause = fault.source();
    while let Some(error) = cause {
        cause = match error.downcast_ref::<std::io::Error>() {
            Some(io) => {
                found = Some(io.kind());
                io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| io.source())
            }
            None => error.source(),
        };
    }
    found
}

/// Puts an error together.
pub(super) fn error(kind: OutboundKind, what: String, help: &str) -> OutboundError {
    OutboundError { kind, what, help: help.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-25T12:00:00Z").unwrap()
    }

    fn kind(status: u16, after: Option<&str>) -> Option<OutboundKind> {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(RETRY_AFTER, after.parse().unwrap());
        }
        judge("hooks.example.com", StatusCode::from_u16(status).unwrap(), &headers, now()).err().map(|error| error.kind)
    }

    fn retry(seconds: Option<u64>) -> Option<OutboundKind> {
        Some(OutboundKind::Retry { after: seconds.map(Span::from_seconds) })
    }

    #[test]
    fn a_status_says_whether_another_attempt_may_help() {
        for status in [200, 202, 204, 299] {
            assert_eq!(kind(status, None), None, "{status}");
        }
        for status in [408, 409, 425, 429, 500, 501, 502, 503, 504, 599, 600, 999] {
            assert_eq!(kind(status, None), retry(None), "{status}");
        }
        for status in [300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422, 451] {
            assert_eq!(kind(status, Some("5")), Some(OutboundKind::Permanent), "{status}");
        }
    }

    #[test]
    fn a_wait_is_read_in_both_forms_and_not_believed_for_ever() {
        let cases = [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("0", Some(0)),
            ("99999999999", Some(86_400)),
            ("Wed, 25 Nov 2026 12:02:00 GMT", Some(120)),
            ("Wed, 25 Nov 2026 11:00:00 GMT", Some(0)),
            ("Mon, 25 Nov 2126 12:00:00 GMT", Some(86_400)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(kind(503, Some(text)), retry(seconds), "{text}");
        }
    }
}
