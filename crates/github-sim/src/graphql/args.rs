//! Arguments of a field, with variables put in.

use graphql_parser::query::{Field, Value as Literal};
use serde_json::{Map, Value};

/// Arguments by name; absent ones are null.
#[derive(Debug, Clone, Default)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    pub(super) fn of(field: &Field<'static, String>, variables: &Map<String, Value>) -> Self {
        let each = field.arguments.iter().map(|(name, value)| (name.clone(), filled(value, variables)));
        Self(each.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(Value::as_u64)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// A list of texts; a single text counts as a list of one.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name)? {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(list) => Some(list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }
}

/// A literal with variables put in.
pub(super) fn filled(literal: &Literal<'static, String>, variables: &Map<String, Value>) -> Value {
    match literal {
        Literal::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => (*number).into(),
        Literal::String(text) | Literal::Enum(text) => text.clone().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Null => Value::Null,
        Literal::List(list) => list.iter().map(|item| filled(item, variables)).collect(),
        Literal::Object(map) => {
            map.iter().map(|(name, item)| (name.clone(), filled(item, variables))).collect::<Map<_, _>>().into()
        }
    }
}

/// A literal without variables.
pub(super) fn constant(literal: &Literal<'static, String>) -> Value {
    filled(literal, &Map::new())
}
