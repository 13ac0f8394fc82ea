//! The policy file: from text to rules that mean something.
//!
//! [`parse`] reads the text as typed (`raw`) and turns it into a [`Policy`] as meant, reporting every fault of the file in one
//! run, each with place and help; [`lint`] adds what is allowed but hardly meant. [`Policy::classify`] and
//! [`Policy::policies_for`] say which rule a path falls under. Nothing here knows who people are, reads a file, or judges a
//! change.

mod bypass;
mod cases;
mod code;
mod diagnostic;
mod glob;
mod index;
mod lint;
mod machines;
mod matching;
mod model;
mod parse;
mod raw;
mod reach;
mod read;
mod routes;
mod strength;
mod syncs;
pub(crate) mod tree;

pub use crate::domain::ResolvedNames;
pub use bypass::BypassRule;
pub use cases::{Case, FileStep, Setting, read_cases};
pub use diagnostic::{Code, Diagnostic, Place, Severity};
pub use glob::{Glob, GlobFault, Globs};
pub use lint::{lint, lint_files};
pub use machines::{KeyPattern, Machine};
pub use matching::{CONTROL_PATHS, Located, OnBranch, PathClass};
pub use model::{
    AdminRule, Approvers, Binding, DirectPush, Enforcement, EnvironmentRule, EnvironmentSelector, Group, MergeMode,
    Mode, OnDrift, Person, Policy, PolicyRule,
};
pub use parse::parse;
pub use raw::Prune;
pub use routes::{Channel, MailTo, Occasions, Route};
pub use strength::{Comparison, Difference, Strength, compare};
pub use syncs::{
    ExternalSecretsRule, KubernetesRule, Room, RunsIn, ServiceAddress, StatusPattern, SyncRule, Target, VaultRule,
};

/// JSON Schema (draft 7) of the policy file, from the same declarations that read it.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    settings.into_generator().into_root_schema_for::<raw::RawPolicy>().to_value()
}

#[cfg(test)]
mod tests;
