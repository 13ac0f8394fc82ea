//! What a target is told: which approved commit of which environment, and by which decision. Never a value, never an address.

use serde::Serialize;

use crate::domain::{Environment, Oid, RepoName, Sequence, TargetName};

/// The order to take something over (`delivery.md`). Its JSON is the body of a webhook, the input of a workflow, the payload of a
/// repository event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    version: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    repository: RepoName,
    environment: Environment,
    target: TargetName,
    commit: Oid,
    generation: Sequence,
    decision: String,
}

impl Order {
    /// Puts an order together. `decision`: the entry that decided the merge, or took the branch in.
    #[must_use]
    pub fn new(
        repository: RepoName,
        (environment, target): (Environment, TargetName),
        (commit, generation): (Oid, Sequence),
        decision: Sequence,
    ) -> Self {
        let kind = "sync.requested";
        Self { version: 1, kind, repository, environment, target, commit, generation, decision: decision.label() }
    }

    /// The JSON, always the same for the same order.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_the_published_one() {
        let order = Order::new(
            RepoName::parse("acme/app").unwrap(),
            (Environment::parse("production").unwrap(), TargetName::parse("hook").unwrap()),
            (Oid::parse(&"ab".repeat(20)).unwrap(), Sequence::new(12)),
            Sequence::new(11),
        );
        let commit = "ab".repeat(20);
        let expected = format!(
            r#"{{"version":1,"type":"sync.requested","repository":"acme/app","environment":"production","target":"hook","commit":"{commit}","generation":12,"decision":"L-11"}}"#
        );
        assert_eq!(order.json(), expected);
    }
}
