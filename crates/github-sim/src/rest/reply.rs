//! What an operation answers.

use serde_json::Value;

/// An answer before it becomes bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
    /// A body that is not JSON: media type and bytes.
    pub(crate) raw: Option<(String, Vec<u8>)>,
}

impl Reply {
    /// An answer with a JSON body; null means no body.
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body, headers: Vec::new(), raw: None }
    }

    /// 200.
    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    /// 201.
    pub(crate) fn created(body: Value) -> Self {
        Self::new(201, body)
    }

    /// 204.
    pub(crate) fn empty() -> Self {
        Self::new(204, Value::Null)
    }

    /// Bytes of a media type.
    pub(crate) fn raw(media: &str, bytes: Vec<u8>) -> Self {
        Self { raw: Some((media.to_owned(), bytes)), ..Self::ok(Value::Null) }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
