//! The part of a connection that is asked for: `first`, `last`, `after`, `before`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Fault;
use super::args::Args;

pub(super) fn cursor(at: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{at}"))
}

fn position(cursor: &str) -> Option<usize> {
    let bytes = STANDARD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("cursor:v2:")?.parse().ok()
}

/// The part of a connection that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Window {
    pub(super) fn of(args: &Args, name: &str, total: usize) -> Result<Self, Fault> {
        let (first, last) = (args.number("first"), args.number("last"));
        let (size, word) = match (first, last) {
            (Some(first), _) => (first, "first"),
            (None, Some(last)) => (last, "last"),
            (None, None) => {
                return Err(Fault::Because(
                    "MISSING_PAGINATION_BOUNDARIES",
                    format!(
                        "You must provide a `first` or `last` value to properly paginate the \
                         `{name}` connection."
                    ),
                ));
            }
        };
        if size > 100 {
            return Err(Fault::Because(
                "EXCESSIVE_PAGINATION",
                format!(
                    "Requesting {size} records on the `{name}` connection exceeds the `{word}` \
                     limit of 100 records."
                ),
            ));
        }
        let size = usize::try_from(size).unwrap_or(100);
        let bound = |key: &str| match args.text(key) {
            None => Ok(None),
            Some(text) => position(text).map(Some).ok_or_else(|| {
                let text = format!("`{text}` does not appear to be a valid cursor.");
                Fault::Because("INVALID_CURSOR_ARGUMENTS", text)
            }),
        };
        let low = bound("after")?.unwrap_or(0).min(total);
        let high = bound("before")?.map_or(total, |before| before.saturating_sub(1)).clamp(low, total);
        Ok(if first.is_some() {
            Self { start: low, end: (low + size).min(high) }
        } else {
            Self { start: high.saturating_sub(size).max(low), end: high }
        })
    }
}
