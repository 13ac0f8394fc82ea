//! What is wrong with a setting, and what to do about it.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}\nhelp: {help}")]
pub struct Fault {
    what: String,
    help: String,
}

impl Fault {
    /// A lower-case sentence of what is wrong, and the next action. Never the value of a secret.
    pub fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }

    /// What is wrong.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The next action.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// Everything that is wrong, so that one run tells all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The single faults, in the order of the settings.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Keeps a value, or notes the fault.
    pub(super) fn note<T>(&mut self, value: Result<T, Fault>) -> Option<T> {
        value.map_err(|fault| self.0.push(fault)).ok()
    }

    /// The value, when nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
