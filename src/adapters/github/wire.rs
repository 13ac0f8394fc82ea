//! GitHub's JSON, as little of it as we need, and what it means in our words.
//!
//! Unknown fields are ignored and most known ones optional: GitHub adds and drops fields between versions. What a decision rests
//! on is required, and its absence is an error, never a default.

use countersign_core::domain::{Account, AccountKind, Login, UserId};
use countersign_core::facts::VoteKind;
use serde::Deserialize;

/// The account GitHub shows for deleted ones.
const GHOST: (u64, &str) = (10_137, "ghost");

/// An account in REST. Commits may hold an empty object here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct UserWire {
    pub(super) id: Option<u64>,
    pub(super) login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// An account in GraphQL.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ActorWire {
    #[serde(rename = "__typename")]
    kind: Option<String>,
    pub(super) login: Option<String>,
    #[serde(rename = "databaseId")]
    id: Option<u64>,
}

impl UserWire {
    pub(super) fn account(&self) -> Option<Account> {
        account(self.id?, self.login.as_deref()?, AccountKind::from_github(self.kind.as_deref().unwrap_or_default()))
    }
}

impl ActorWire {
    /// `assumed`: the kind where the field can hold no other (`GitActor.user`).
    pub(super) fn account(&self, assumed: &str) -> Option<Account> {
        let kind = AccountKind::from_github(self.kind.as_deref().unwrap_or(assumed));
        account(self.id?, &display_login(self.login.as_deref()?, kind), kind)
    }

    /// The login as REST spells it.
    pub(super) fn rest_login(&self) -> Option<String> {
        let kind = AccountKind::from_github(self.kind.as_deref().unwrap_or_default());
        Some(display_login(self.login.as_deref()?, kind))
    }
}

/// GraphQL leaves out the `[bot]` REST shows.
fn display_login(login: &str, kind: AccountKind) -> String {
    if kind == AccountKind::Bot && !login.ends_with("[bot]") { format!("{login}[bot]") } else { login.to_owned() }
}

/// `None` for the ghost, and for a login we cannot name: it then counts for nobody.
pub(super) fn account(id: u64, login: &str, kind: AccountKind) -> Option<Account> {
    if (id, login) == GHOST || login == GHOST.1 {
        return None;
    }
    let login = Login::parse(login).ok()?;
    Some(Account { id: UserId::new(id), login, kind })
}

/// What a review state says (R11), however it is spelled.
pub(super) fn vote_kind(state: &str) -> Option<VoteKind> {
    match state.to_ascii_uppercase().as_str() {
        "APPROVED" => Some(VoteKind::Approve),
        "CHANGES_REQUESTED" => Some(VoteKind::Reject),
        "COMMENTED" | "PENDING" => None,
        "DISMISSED" => Some(VoteKind::Ended),
        _ => Some(VoteKind::Unrecognised),
    }
}

/// A repository inside another answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RepoWire {
    pub(super) id: u64,
    pub(super) full_name: String,
}

/// One side of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SideWire {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    /// `null`: a deleted fork.
    pub(super) repo: Option<RepoWire>,
}

/// A pull request, in lists and alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PullWire {
    pub(super) number: u64,
    #[serde(default)]
    pub(super) html_url: String,
    #[serde(default)]
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) state: String,
    pub(super) merged: Option<bool>,
    pub(super) merged_at: Option<String>,
    pub(super) draft: Option<bool>,
    pub(super) head: SideWire,
    pub(super) base: SideWire,
    pub(super) user: Option<UserWire>,
    #[serde(default)]
    pub(super) requested_reviewers: Vec<UserWire>,
    #[serde(default)]
    pub(super) requested_teams: Vec<TeamWire>,
    #[serde(default)]
    pub(super) updated_at: String,
    pub(super) merge_commit_sha: Option<String>,
}

impl PullWire {
    pub(super) fn is_open(&self) -> bool {
        self.state.eq_ignore_ascii_case("open")
    }

    pub(super) fn is_merged(&self) -> bool {
        self.merged.unwrap_or(self.merged_at.is_some())
    }
}

/// A team.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TeamWire {
    pub(super) id: u64,
    pub(super) slug: String,
}

/// A review.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReviewWire {
    pub(super) id: u64,
    pub(super) user: Option<UserWire>,
    pub(super) state: String,
    pub(super) commit_id: Option<String>,
    pub(super) submitted_at: Option<String>,
}

/// An issue comment.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommentWire {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) user: Option<UserWire>,
}

/// A check run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckWire {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    pub(super) status: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) app: Option<AppWire>,
}

/// An App, where only its number matters.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct AppWire {
    pub(super) id: u64,
}

/// A page of check runs.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ChecksWire {
    pub(super) check_runs: Vec<CheckWire>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn review_states_mean_the_same_in_any_spelling() {
        for (state, kind) in [
            ("APPROVED", Some(VoteKind::Approve)),
            ("approved", Some(VoteKind::Approve)),
            ("Changes_Requested", Some(VoteKind::Reject)),
            ("commented", None),
            ("PENDING", None),
            ("DISMISSED", Some(VoteKind::Ended)),
            ("ENDORSED", Some(VoteKind::Unrecognised)),
            ("", Some(VoteKind::Unrecognised)),
        ] {
            assert_eq!(vote_kind(state), kind, "{state}");
        }
    }

    #[test]
    fn a_bot_has_one_login_in_both_interfaces_and_the_ghost_none() {
        let rest: UserWire = serde_json::from_str(r#"{"id":7,"login":"cs[bot]","type":"Bot"}"#).expect("json");
        let graphql: ActorWire =
            serde_json::from_str(r#"{"__typename":"Bot","databaseId":7,"login":"cs"}"#).expect("json");
        assert_eq!(rest.account(), graphql.account("User"));
        assert!(rest.account().is_some());
        let ghost: UserWire = serde_json::from_str(r#"{"id":10137,"login":"ghost","type":"User"}"#).expect("json");
        assert_eq!(ghost.account(), None);
        let nothing: UserWire = serde_json::from_str("{}").expect("json");
        assert_eq!(nothing.account(), None);
    }
}
