//! The GraphQL face: parse the request, run its operation, answer as GitHub does.
//!
//! `walk` follows a selection over `node`s; the other modules say what each type has. A field GitHub's
//! schema (or the stand-in's part of it) does not have is an error and a recorded violation.

mod args;
mod mutate;
mod node;
mod objects;
mod people;
mod pulls;
mod query;
mod reported;
mod repository;
mod walk;
mod window;

use graphql_parser::query::{Definition, Document, OperationDefinition, SelectionSet};
use serde_json::{Map, Value, json};

use crate::access::Who;
use crate::error::{Outcome, Refusal};
use crate::journal::ViolationKind;
use crate::rest::reply::Reply;
use crate::server::Call;
use crate::state::State;

use args::Args;
use node::{Node, Out};
use walk::Walk;

/// What goes wrong with one field.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The type has no such field: the whole request is refused.
    Undefined,
    /// The field is null and an error says why: type and message.
    Because(&'static str, String),
}

impl Fault {
    fn not_found(what: impl Into<String>) -> Self {
        Self::Because("NOT_FOUND", format!("Could not resolve to {}.", what.into()))
    }

    fn forbidden() -> Self {
        Self::Because("FORBIDDEN", "Resource not accessible by integration".to_owned())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal.status() {
            404 => Self::Because("NOT_FOUND", refusal.message().to_owned()),
            403 => Self::Because("FORBIDDEN", refusal.message().to_owned()),
            _ => {
                let mut text = refusal.message().trim_end().to_owned();
                for error in refusal.body()["errors"].as_array().into_iter().flatten() {
                    let said = error.as_str().or_else(|| error["message"].as_str());
                    if let Some(said) = said {
                        said.clone_into(&mut text);
                    }
                }
                Self::Because("UNPROCESSABLE", text)
            }
        }
    }
}

type Parsed = Document<'static, String>;

fn parse(body: &[u8]) -> Result<(Parsed, Value, Option<String>), Value> {
    let body: Value = serde_json::from_slice(body).map_err(|_| json!({"message": "Problems parsing JSON"}))?;
    let text = body["query"]
        .as_str()
        .ok_or_else(|| json!({"message": "A query attribute must be specified and must be a string."}))?;
    let document = graphql_parser::parse_query::<String>(text)
        .map_err(|error| json!({"message": format!("Parse error on {error}")}))?
        .into_static();
    let name = body["operationName"].as_str().map(str::to_owned);
    Ok((document, body["variables"].clone(), name))
}

/// Kind, variables with their defaults, and selection of the operation that is meant.
struct Operation<'a> {
    mutation: bool,
    defaults: Vec<(String, Value)>,
    set: &'a SelectionSet<'static, String>,
}

fn chosen<'a>(document: &'a Parsed, name: Option<&str>) -> Option<Operation<'a>> {
    let mut found = document.definitions.iter().filter_map(|definition| {
        let Definition::Operation(operation) = definition else {
            return None;
        };
        let (mutation, own, variables, set) = match operation {
            OperationDefinition::SelectionSet(set) => (false, None, None, set),
            OperationDefinition::Query(q) => {
                (false, q.name.as_deref(), Some(&q.variable_definitions), &q.selection_set)
            }
            OperationDefinition::Mutation(m) => {
                (true, m.name.as_deref(), Some(&m.variable_definitions), &m.selection_set)
            }
            OperationDefinition::Subscription(_) => return None,
        };
        if name.is_some() && own != name {
            return None;
        }
        let defaults = variables
            .into_iter()
            .flatten()
            .filter_map(|v| Some((v.name.clone(), args::constant(v.default_value.as_ref()?))))
            .collect();
        Some(Operation { mutation, defaults, set })
    });
    found.next()
}

/// Name of a request for the journal: `graphql/query` or `graphql/<mutation>`.
pub(crate) fn operation_of(body: &[u8]) -> String {
    let word = parse(body).ok().and_then(|(document, _, name)| {
        let operation = chosen(&document, name.as_deref())?;
        let first = operation.set.items.first()?;
        match first {
            graphql_parser::query::Selection::Field(field) if operation.mutation => Some(field.name.clone()),
            graphql_parser::query::Selection::Field(_)
            | graphql_parser::query::Selection::FragmentSpread(_)
            | graphql_parser::query::Selection::InlineFragment(_) => None,
        }
    });
    format!("graphql/{}", word.as_deref().unwrap_or("query"))
}

/// Answers a GraphQL request.
pub(crate) fn serve(st: &mut State, who: &Who, call: &Call) -> Outcome<Reply> {
    if matches!(who, Who::Nobody | Who::App(_)) {
        return Err(Refusal::new(401, "This endpoint requires you to be authenticated."));
    }
    if call.method != "POST" {
        return Err(Refusal::not_found());
    }
    let (document, given, name) = match parse(&call.body) {
        Ok(parsed) => parsed,
        Err(error) => {
            let text = format!("GraphQL that does not parse: {error}");
            st.journal.blame(ViolationKind::Caller, text);
            return Ok(Reply::ok(json!({"errors": [error]})));
        }
    };
    let Some(operation) = chosen(&document, name.as_deref()) else {
        let error = json!({"message": "An operation name is required"});
        return Ok(Reply::ok(json!({"errors": [error]})));
    };
    let mut variables = Map::new();
    variables.extend(operation.defaults.iter().cloned());
    if let Value::Object(given) = given {
        variables.extend(given);
    }
    let body = if operation.mutation {
        mutation(st, who, call, &document, &operation, &variables)
    } else {
        let mut walk = Walk::new(st, who, call, &document, &variables);
        let data = walk.object(&Node::Query, operation.set, &mut Vec::new());
        let body = walk.answer(data);
        if String::from_utf8_lossy(&call.body).contains("mergeable") {
            count_polls(st);
        }
        body
    };
    blame_undefined(st, &body);
    Ok(Reply::ok(body))
}

/// Mutations run one after the other; each payload is read from the state it left behind.
fn mutation(
    st: &mut State,
    who: &Who,
    call: &Call,
    document: &Parsed,
    operation: &Operation<'_>,
    variables: &Map<String, Value>,
) -> Value {
    let mut data = Map::new();
    let mut errors = Vec::new();
    for item in &operation.set.items {
        let graphql_parser::query::Selection::Field(field) = item else {
            continue;
        };
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        let args = Args::of(field, variables);
        let input = args.get("input").cloned().unwrap_or(Value::Null);
        let done = mutate::run(st, who, &field.name, &input);
        let mut walk = Walk::new(st, who, call, document, variables);
        let mut path = vec![Value::from(key.clone())];
        let value = match done {
            Ok(payload) => {
                let payload = Out::One(payload);
                walk.complete(field, payload, &args, &mut path)
            }
            Err(fault) => {
                walk.report(&fault, "Mutation", field, &path);
                Value::Null
            }
        };
        if walk.is_refused() {
            return walk.answer(Map::new());
        }
        errors.extend(walk.take_errors());
        data.insert(key, value);
    }
    let mut body = json!({"data": data});
    if !errors.is_empty() {
        body["errors"] = errors.into();
    }
    body
}

/// A query for `mergeable` sets GitHub to work on it; the stand-in does not look which ones.
fn count_polls(st: &mut State) {
    for pull in st.repos.values_mut().flat_map(|repo| repo.pulls.values_mut()) {
        pull.polls_left = pull.polls_left.saturating_sub(1);
    }
}

fn blame_undefined(st: &mut State, body: &Value) {
    for error in body["errors"].as_array().into_iter().flatten() {
        if error["extensions"]["code"] == "undefinedField" {
            let text = format!("GraphQL: {}", error["message"].as_str().unwrap_or_default());
            st.journal.blame(ViolationKind::Caller, text);
        }
    }
}
