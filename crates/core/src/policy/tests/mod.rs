//! What a policy file may say, what it may not, and which rule a path falls under.

#![expect(clippy::unwrap_used, reason = "tests")]

mod broken;
mod globs;
mod hostile;
mod lints;
mod meaning;
mod schema;
mod strengths;

use super::*;

/// The example of the documentation, reduced to what this release carries out.
const EXAMPLE: &str = include_str!("example.yaml");

/// Reads a text that must be a policy.
fn policy(text: &str) -> Policy {
    parse(text).unwrap_or_else(|faults| {
        let list: String = faults.iter().map(|fault| fault.render("policy.yaml", text)).collect();
        panic!("not a policy:\n{list}")
    })
}
