//! One REST request on its way through an operation: who, parameters, body, paging.

use http::HeaderMap;
use serde_json::{Value, json};

use super::op::Params;
use super::reply::Reply;
use crate::access::{Actor, InstallationAccess, Who};
use crate::error::{Outcome, Refusal};
use crate::render::Face;
use crate::state::State;

/// A request and the state it may change.
pub(crate) struct Ctx<'a> {
    pub(crate) st: &'a mut State,
    pub(crate) who: Who,
    /// Repository of the route; 0 where there is none.
    pub(crate) repo: u64,
    pub(crate) params: Params,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) headers: &'a HeaderMap,
    /// Base of REST addresses as the caller sees them.
    pub(crate) api: String,
    /// Base of the other addresses.
    pub(crate) html: String,
    /// Path for paging links, below `api`.
    pub(crate) path: String,
}

impl Ctx<'_> {
    /// Renders with the caller's addresses.
    pub(crate) fn face(&self) -> Face<'_> {
        Face::new(self.st, self.api.clone(), self.html.clone())
    }

    /// Who acts.
    ///
    /// # Errors
    /// 401 without a token.
    pub(crate) fn actor(&self) -> Outcome<Actor> {
        match &self.who {
            Who::Nobody | Who::App(_) => Err(Refusal::new(401, "Requires authentication")),
            Who::Installation(access) => Ok(Actor { account: access.bot, app: Some(access.app) }),
            Who::User(person) => Ok(Actor::person(*person)),
        }
    }

    /// The installation behind the token, if it is one.
    pub(crate) fn installation(&self) -> Outcome<&InstallationAccess> {
        match &self.who {
            Who::Installation(access) => Ok(access),
            Who::Nobody | Who::App(_) | Who::User(_) => {
                Err(Refusal::new(403, "You must authenticate with an installation access token in order to do this."))
            }
        }
    }

    /// The App behind the JWT.
    pub(crate) fn app(&self) -> Outcome<u64> {
        match &self.who {
            Who::App(app) => Ok(*app),
            Who::Nobody | Who::Installation(_) | Who::User(_) => {
                Err(Refusal::new(401, "A JSON web token could not be decoded"))
            }
        }
    }

    /// A parameter of the path, decoded.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    /// A number in the path.
    pub(crate) fn number(&self, name: &str) -> Outcome<u64> {
        self.param(name).parse().map_err(|_| Refusal::not_found())
    }

    /// A parameter of the query.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text in the body that must be there.
    pub(crate) fn need_text(&self, key: &str) -> Outcome<String> {
        self.text(key)?.ok_or_else(|| Refusal::missing(key))
    }

    /// A text in the body; null counts as absent.
    pub(crate) fn text(&self, key: &str) -> Outcome<Option<String>> {
        match &self.body[key] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(Refusal::wrong_type(key, "a string"))
            }
        }
    }

    /// A yes or no in the body.
    pub(crate) fn flag(&self, key: &str) -> Outcome<Option<bool>> {
        match &self.body[key] {
            Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(*value)),
            Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(Refusal::wrong_type(key, "a boolean"))
            }
        }
    }

    /// A list of texts in the body.
    pub(crate) fn texts(&self, key: &str) -> Outcome<Vec<String>> {
        match &self.body[key] {
            Value::Null => Ok(Vec::new()),
            Value::Array(list) => list
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| Refusal::wrong_type(key, "an array of strings")),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(Refusal::wrong_type(key, "an array"))
            }
        }
    }

    /// One page of a list.
    pub(crate) fn page(&self, items: Vec<Value>) -> Outcome<Reply> {
        let (items, links) = self.slice(items)?;
        Ok(with_links(Reply::ok(Value::from(items)), links))
    }

    /// One page of a list inside an object with `total_count`.
    pub(crate) fn page_in(&self, key: &str, items: Vec<Value>) -> Outcome<Reply> {
        let total = items.len();
        let (items, links) = self.slice(items)?;
        let reply = Reply::ok(json!({"total_count": total, key: items}));
        Ok(with_links(reply, links))
    }

    /// `page` and `per_page` (default 30, at most 100).
    pub(crate) fn window(&self) -> Outcome<(usize, usize)> {
        let number = |name: &str, default: usize| match self.asked(name) {
            None => Ok(default),
            Some(text) => text.parse::<usize>().map_err(|_| {
                Refusal::new(422, format!("Invalid request.\n\nFor '{name}', \"{text}\" is not a number."))
            }),
        };
        Ok((number("page", 1)?.max(1), number("per_page", 30)?.clamp(1, 100)))
    }

    fn slice(&self, items: Vec<Value>) -> Outcome<(Vec<Value>, Option<String>)> {
        let (page, size) = self.window()?;
        let last = items.len().div_ceil(size).max(1);
        let links = self.links(page, size, last);
        let items = items.into_iter().skip((page - 1) * size).take(size).collect();
        Ok((items, links))
    }

    /// The `Link` header for a place in a list.
    pub(crate) fn links(&self, page: usize, size: usize, last: usize) -> Option<String> {
        let mut wanted = Vec::new();
        if page > 1 {
            wanted.push((page - 1, "prev"));
        }
        if page < last {
            wanted.push((page + 1, "next"));
            wanted.push((last, "last"));
        }
        if page > 1 {
            wanted.push((1, "first"));
        }
        if wanted.is_empty() {
            return None;
        }
        let mut base = String::new();
        for (key, value) in &self.query {
            if key != "page" && key != "per_page" {
                base.push_str(&format!("{}={}&", encode(key), encode(value)));
            }
        }
        let parts: Vec<String> = wanted
            .into_iter()
            .map(|(page, rel)| {
                let (api, path) = (&self.api, &self.path);
                format!("<{api}{path}?{base}per_page={size}&page={page}>; rel=\"{rel}\"")
            })
            .collect();
        Some(parts.join(", "))
    }
}

fn with_links(reply: Reply, links: Option<String>) -> Reply {
    match links {
        Some(links) => reply.header("link", links),
        None => reply,
    }
}

/// Percent-encodes a part of an address.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Decodes a percent-encoded part; `+` stands for itself.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Splits a query string.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}
