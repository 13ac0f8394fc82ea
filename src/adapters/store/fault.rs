//! What goes wrong below the port, and how numbers and texts pass in and out of columns. A message never repeats content.

use std::str::FromStr;

use thiserror::Error;

use crate::engine::ports::JournalError;

/// A failure, before it is known what was being tried.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The database or its pool.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A number no column can hold.
    #[error("a number is larger than a column can hold")]
    TooLarge,
    /// Something in a row that this version did not write.
    #[error("a row of `{0}` holds something this version cannot read")]
    Unreadable(&'static str),
    /// A value that has no JSON form.
    #[error("a value cannot be written as JSON")]
    Unwritable,
    /// The schema is of a later version.
    #[error("a newer countersign has changed it")]
    Newer,
}

/// Names what was tried.
pub(super) fn during(action: &'static str) -> impl Fn(Fault) -> JournalError {
    move |fault| {
        let message = match &fault {
            Fault::Sql(sqlx::Error::Database(error)) => error.message().to_owned(),
            Fault::Sql(error) => error.to_string(),
            Fault::TooLarge | Fault::Unreadable(_) | Fault::Unwritable | Fault::Newer => fault.to_string(),
        };
        JournalError { action, message }
    }
}

/// A number for a column.
pub(super) fn into_column(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| Fault::TooLarge)
}

/// A number from a column of `table`.
pub(super) fn from_column(number: i64, table: &'static str) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::Unreadable(table))
}

/// A parsed text from a column of `table`.
pub(super) fn parsed<T: FromStr>(text: &str, table: &'static str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::Unreadable(table))
}

/// A value as JSON, for a column.
pub(super) fn into_json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::Unwritable)
}

/// A value from JSON in a column of `table`.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str, table: &'static str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::Unreadable(table))
}
