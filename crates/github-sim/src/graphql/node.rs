//! Nodes of the object graph and what a field of one yields.

use serde_json::{Map, Value};

/// An object of the schema.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Query,
    Repository(u64),
    /// Repository, full name.
    Ref(u64, String),
    /// Repository, id.
    Commit(u64, git2::Oid),
    Tree(u64, git2::Oid),
    Blob(u64, git2::Oid),
    /// Repository, number.
    Pull(u64, u64),
    /// Repository, number, review.
    Review(u64, u64, u64),
    /// Repository, comment.
    Comment(u64, u64),
    /// Person, bot or organisation.
    Account(u64),
    Team(u64),
    App(u64),
    /// Repository, run.
    CheckRun(u64, u64),
    /// Repository, suite.
    CheckSuite(u64, u64),
    /// An object that is only fields: its type and what they yield.
    Plain(&'static str, Vec<(&'static str, Out)>),
}

/// What a field yields.
#[derive(Debug, Clone)]
pub(super) enum Out {
    Leaf(Value),
    One(Node),
    Many(Vec<Node>),
    /// A connection over these.
    Page(Vec<Node>),
}

impl Out {
    pub(super) fn null() -> Self {
        Self::Leaf(Value::Null)
    }

    /// One node or null.
    pub(super) fn maybe(node: Option<Node>) -> Self {
        node.map_or_else(Self::null, Self::One)
    }
}

impl<T: Into<Value>> From<T> for Out {
    fn from(value: T) -> Self {
        Self::Leaf(value.into())
    }
}

/// Whether an object of a type satisfies a type condition.
pub(super) fn is_a(typename: &str, condition: &str) -> bool {
    typename == condition
        || matches!(
            (typename, condition),
            (
                "User" | "Bot" | "Organization",
                "Actor" | "RepositoryOwner" | "UniformResourceLocatable" | "ProfileOwner"
            ) | ("User" | "Bot" | "Team", "RequestedReviewer")
                | ("Commit" | "Tree" | "Blob", "GitObject")
                | ("PullRequest", "IssueOrPullRequest" | "Comment" | "Labelable" | "Closable" | "Updatable")
                | (
                    "IssueComment" | "PullRequestReview",
                    "Comment" | "Updatable" | "Deletable" | "Minimizable" | "Reactable"
                )
                | ("CheckRun" | "StatusContext", "StatusCheckRollupContext")
        )
        || (condition == "Node" && !typename.is_empty())
        || condition.ends_with("TimelineItems")
        || condition.ends_with("TimelineItem")
}

/// Merges answers for the same key, as when two fragments select parts of one field.
pub(super) fn merge(into: &mut Map<String, Value>, key: String, value: Value) {
    match (into.get_mut(&key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (key, value) in new {
                merge(old, key, value);
            }
        }
        (Some(Value::Array(old)), Value::Array(new)) if old.len() == new.len() => {
            for (old, new) in old.iter_mut().zip(new) {
                if let (Value::Object(old), Value::Object(new)) = (old, new) {
                    for (key, value) in new {
                        merge(old, key, value);
                    }
                }
            }
        }
        (_, value) => {
            into.insert(key, value);
        }
    }
}
