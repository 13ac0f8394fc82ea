//! What GitHub answers instead of doing what was asked: status, message and the `errors` list.
//!
//! Never holds a credential: the text is GitHub's own wording plus names the caller sent.

use serde_json::{Value, json};

/// A refusal in GitHub's words. The same value reaches a person acting through [`crate::Sim`] and a
/// program calling over HTTP.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status}: {message}{}", describe(.errors))]
pub struct Refusal {
    status: u16,
    message: String,
    errors: Vec<Value>,
    location: Option<String>,
}

fn describe(errors: &[Value]) -> String {
    if errors.is_empty() {
        return String::new();
    }
    format!(" {}", Value::from(errors.to_vec()))
}

impl Refusal {
    /// A refusal with an HTTP status and GitHub's message.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new(), location: None }
    }

    /// 404 with the only text GitHub ever gives.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 422 `Validation Failed`; add the entries with [`Refusal::field`] or [`Refusal::custom`].
    pub(crate) fn invalid() -> Self {
        Self::new(422, "Validation Failed")
    }

    /// 422 for a body that misses a required key.
    pub(crate) fn missing(key: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n\"{key}\" wasn't supplied."))
    }

    /// 422 for a body whose key has the wrong type.
    pub(crate) fn wrong_type(key: &str, wanted: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\nFor '{key}', the value is not {wanted}."))
    }

    /// Adds an entry with a resource, a field and a code such as `invalid` or `missing`.
    pub(crate) fn field(mut self, resource: &str, field: &str, code: &str) -> Self {
        self.errors.push(json!({"resource": resource, "field": field, "code": code}));
        self
    }

    /// Adds an entry of code `custom` with a text.
    pub(crate) fn custom(mut self, resource: &str, message: impl Into<String>) -> Self {
        self.errors.push(json!({"resource": resource, "code": "custom", "message": message.into()}));
        self
    }

    /// Adds an entry that is only a text.
    pub(crate) fn text(mut self, message: &str) -> Self {
        self.errors.push(Value::from(message));
        self
    }

    /// 301 to where a renamed repository now lives.
    pub(crate) fn moved(location: String) -> Self {
        Self { location: Some(location), ..Self::new(301, "Moved Permanently") }
    }

    /// The HTTP status GitHub would send.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// GitHub's message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The body GitHub would send.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"message": self.message});
        if !self.errors.is_empty() {
            body["errors"] = Value::from(self.errors.clone());
        }
        if let Some(location) = &self.location {
            body["url"] = Value::from(location.as_str());
        }
        body["documentation_url"] = Value::from("https://docs.github.com/rest");
        body["status"] = Value::from(self.status.to_string());
        body
    }
}

/// What an operation yields.
pub(crate) type Outcome<T> = Result<T, Refusal>;
