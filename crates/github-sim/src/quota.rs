//! Hourly quotas: REST and GraphQL are counted apart, by credential.

use jiff::SignedDuration;
use serde_json::json;

use crate::access::Who;
use crate::error::{Outcome, Refusal};
use crate::rest::reply::Reply;
use crate::server::Call;
use crate::state::{Rate, State};

/// The bucket a credential's calls are counted in.
pub(crate) fn bucket(who: &Who) -> String {
    match who {
        Who::Nobody => "anonymous".to_owned(),
        Who::App(app) => format!("app {app}"),
        Who::Installation(access) => format!("installation {}", access.installation),
        Who::User(person) => format!("user {person}"),
    }
}

/// The bucket a credential's GraphQL points are counted in.
pub(crate) fn graphql_bucket(who: &Who) -> String {
    format!("{} graphql", bucket(who))
}

/// A credential's REST quota of this hour.
pub(crate) fn rate(st: &mut State, who: &Who) -> Rate {
    rate_of(st, bucket(who))
}

pub(crate) fn rate_of(st: &mut State, bucket: String) -> Rate {
    let now = st.now();
    let fresh = Rate { used: 0, reset: now.checked_add(SignedDuration::from_hours(1)).unwrap_or(now) };
    let found = st.rates.entry(bucket).or_insert(fresh);
    if found.reset <= now {
        *found = fresh;
    }
    *found
}

pub(crate) fn counted_in(who: &Who, call: &Call) -> String {
    if call.graphql { graphql_bucket(who) } else { bucket(who) }
}

/// The answer to a call beyond the quota: GraphQL says it with 200.
pub(crate) fn over_quota(st: &mut State, who: &Who, call: &Call) -> Outcome<Option<Reply>> {
    if call.path == "/rate_limit" || rate_of(st, counted_in(who, call)).used < st.rate_limit {
        return Ok(None);
    }
    if call.graphql {
        let error = json!({"type": "RATE_LIMITED", "message": "API rate limit exceeded"});
        return Ok(Some(Reply::ok(json!({"errors": [error]}))));
    }
    Err(Refusal::new(403, "API rate limit exceeded for installation."))
}
