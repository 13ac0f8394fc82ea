//! The GraphQL face.

use serde_json::Value;

use crate::access::Who;
use crate::error::{Outcome, Refusal};
use crate::rest::reply::Reply;
use crate::server::Call;
use crate::state::State;

/// Name of a request for the journal: `graphql/query` or `graphql/<mutation>`.
pub(crate) fn operation_of(_body: &[u8]) -> String {
    "graphql/query".to_owned()
}

/// Answers a GraphQL request.
pub(crate) fn serve(_st: &mut State, _who: &Who, _call: &Call) -> Outcome<Reply> {
    let _: Value = Value::Null;
    Err(Refusal::new(501, "stand-in incomplete: GraphQL"))
}
