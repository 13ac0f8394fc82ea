//! Answers GitHub can confirm for free: a bounded store of bodies with their `ETag`.
//!
//! Keyed by the token's scope and the address (method and `Accept` are the same for all of them), so that one installation never
//! sees the answer of another. Only complete successes are kept; nothing is served from here unless GitHub says 304 now.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::broker::Scope;
use super::fault::Raw;

/// Most answers kept.
const ENTRIES: usize = 1_000;
/// Largest body kept, in bytes.
const LARGEST: usize = 128 * 1024;
/// Most bytes kept.
const BYTES: usize = 32 * 1024 * 1024;

type Key = (Scope, String);

/// One answer.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) etag: HeaderValue,
    link: Option<HeaderValue>,
    body: Bytes,
}

impl Kept {
    /// The answer as it was, with the headers of the confirmation.
    pub(super) fn confirmed(self, mut headers: HeaderMap) -> Raw {
        if let Some(link) = self.link {
            headers.insert(header::LINK, link);
        }
        Raw { status: StatusCode::OK, headers, body: self.body }
    }
}

/// The store.
#[derive(Default)]
pub(super) struct Etags {
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    kept: HashMap<Key, (Kept, u64)>,
    bytes: usize,
    clock: u64,
}

impl Etags {
    pub(super) fn get(&self, scope: Scope, path: &str) -> Option<Kept> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.clock += 1;
        let clock = shelf.clock;
        let (kept, used) = shelf.kept.get_mut(&(scope, path.to_owned()))?;
        *used = clock;
        Some(kept.clone())
    }

    pub(super) fn keep(&self, scope: Scope, path: &str, raw: &Raw) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (scope, path.to_owned());
        shelf.remove(&key);
        let Some(etag) = raw.headers.get(header::ETAG) else { return };
        if raw.status != StatusCode::OK || raw.body.len() > LARGEST {
            return;
        }
        while shelf.kept.len() >= ENTRIES || shelf.bytes + raw.body.len() > BYTES {
            let Some(oldest) = shelf.kept.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone()) else {
                break;
            };
            shelf.remove(&oldest);
        }
        shelf.clock += 1;
        shelf.bytes += raw.body.len();
        let kept = Kept { etag: etag.clone(), link: raw.headers.get(header::LINK).cloned(), body: raw.body.clone() };
        let clock = shelf.clock;
        shelf.kept.insert(key, (kept, clock));
    }
}

impl Shelf {
    fn remove(&mut self, key: &Key) {
        if let Some((kept, _)) = self.kept.remove(key) {
            self.bytes -= kept.body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::domain::InstallationId;

    use super::*;
    use crate::adapters::github::broker::Purpose;

    fn scope(installation: u64) -> Scope {
        Scope { installation: InstallationId::new(installation), repository: None, purpose: Purpose::Read }
    }

    fn raw(status: StatusCode, body: &str) -> Raw {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        Raw { status, headers, body: Bytes::from(body.to_owned()) }
    }

    #[test]
    fn an_installation_never_gets_the_answer_of_another() {
        let store = Etags::default();
        store.keep(scope(1), "/x", &raw(StatusCode::OK, "one"));
        assert!(store.get(scope(2), "/x").is_none());
        assert!(store.get(scope(1), "/x?page=2").is_none());
        assert!(store.get(scope(1), "/x").is_some_and(|kept| kept.body == "one"));
    }

    #[test]
    fn only_successes_are_kept_and_a_failure_drops_what_was_kept() {
        let store = Etags::default();
        store.keep(scope(1), "/x", &raw(StatusCode::OK, "one"));
        store.keep(scope(1), "/x", &raw(StatusCode::NOT_FOUND, "gone"));
        assert!(store.get(scope(1), "/x").is_none());
    }

    #[test]
    fn the_store_is_bounded_and_gives_up_what_was_used_longest_ago() {
        let store = Etags::default();
        for n in 0..ENTRIES {
            store.keep(scope(1), &format!("/{n}"), &raw(StatusCode::OK, "x"));
        }
        assert!(store.get(scope(1), "/0").is_some());
        store.keep(scope(1), "/new", &raw(StatusCode::OK, "x"));
        assert!(store.get(scope(1), "/0").is_some());
        assert!(store.get(scope(1), "/1").is_none());
        store.keep(scope(1), "/large", &raw(StatusCode::OK, &"x".repeat(LARGEST + 1)));
        assert!(store.get(scope(1), "/large").is_none());
    }
}
