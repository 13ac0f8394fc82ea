//! Values a person asked to see, as JSON and as lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sops_file::Plain;

use crate::faces::exit::printable;

/// A value as JSON: numbers and booleans as such, bytes that are no text in base64.
pub(in crate::faces::cli::secrets) fn of(value: &Plain) -> Value {
    match value {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(*value),
        Plain::Int(value) => Value::from(*value),
        Plain::Float(value) => {
            serde_json::Number::from_f64(*value).map_or_else(|| text(value.to_string()), Value::Number)
        }
        Plain::Time(value) => text(value.as_str().to_owned()),
        Plain::Text(value) | Plain::Comment(value) => text(value.to_string()),
        Plain::Bytes(bytes) => text(STANDARD.encode(bytes.as_slice())),
    }
}

fn text(text: String) -> Value {
    Value::String(text)
}

/// A value as it is shown under its key: one line in JSON spelling, so that no value can imitate another line.
pub(super) fn line(value: &Plain) -> String {
    printable(&of(value).to_string())
}
