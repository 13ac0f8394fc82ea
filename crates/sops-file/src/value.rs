//! A value to be stored: a scalar, or a map or list of values.
//!
//! Never shown, like [`Plain`]: no `Debug`, `Display`, `Clone` or `Serialize`.

use zeroize::Zeroizing;

use crate::plain::Plain;

/// What `set` stores and what a plain document consists of.
pub enum Value {
    /// A scalar.
    Scalar(Plain),
    /// An ordered map.
    Map(Vec<(String, Value)>),
    /// A list.
    List(Vec<Value>),
}

/// The text is not JSON, or holds a number that no document can.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}, column {column}: not a JSON value (help: put text into double quotes)")]
pub struct JsonError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Scalar(Plain::text(text))
    }

    /// Reads a JSON value as `sops set` does: a bare number is a `float`, numbers inside an object are typed as
    /// in a JSON file (SOPS reference 4.7). A bare list is accepted here.
    ///
    /// # Errors
    /// [`JsonError`] with the place.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let place = |fault: &serde_json::Error| JsonError { line: fault.line(), column: fault.column() };
        let json: serde_json::Value = serde_json::from_str(text).map_err(|fault| place(&fault))?;
        let Some(number) = json.as_number() else {
            return Ok(Self::of_json(json));
        };
        number.as_f64().map(|number| Self::Scalar(Plain::Float(number))).ok_or(JsonError { line: 1, column: 1 })
    }

    /// A second copy; kept inside the crate so that copies stay countable.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Scalar(plain) => Self::Scalar(plain.duplicate()),
            Self::Map(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), value.duplicate())).collect())
            }
            Self::List(elements) => Self::List(elements.iter().map(Self::duplicate).collect()),
        }
    }

    fn of_json(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Scalar(Plain::Null),
            serde_json::Value::Bool(value) => Self::Scalar(Plain::Bool(value)),
            serde_json::Value::Number(number) => Self::Scalar(match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Plain::Int(number),
                (None, Some(number)) => Plain::Float(number),
                (None, None) => Plain::text(number.to_string()),
            }),
            serde_json::Value::String(text) => Self::Scalar(Plain::Text(Zeroizing::new(text))),
            serde_json::Value::Array(elements) => Self::List(elements.into_iter().map(Self::of_json).collect()),
            serde_json::Value::Object(entries) => {
                Self::Map(entries.into_iter().map(|(key, value)| (key, Self::of_json(value))).collect())
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Value;
    use crate::plain::Plain;

    #[test]
    fn a_bare_number_is_a_float_and_one_in_an_object_is_not() {
        assert!(matches!(Value::from_json("5").unwrap(), Value::Scalar(Plain::Float(_))));
        let Value::Map(entries) = Value::from_json("{\"b\": 5, \"a\": [true, null]}").unwrap() else {
            panic!("not a map");
        };
        assert_eq!(entries[0].0, "b");
        assert!(matches!(entries[0].1, Value::Scalar(Plain::Int(5))));
        assert!(Value::from_json("hunter2").err().is_some_and(|fault| !fault.to_string().contains("hunter2")));
    }
}
