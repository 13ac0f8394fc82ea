//! The shapes of GitHub's payloads, as far as we look: ids, references, commits, and who acted.
//!
//! Unknown fields are skipped, accounts may be null or odd, times may be numbers or texts. What is not named here is never read:
//! no commit list, no comment text.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::domain::{
    Account, AccountKind, CommentId, DeploymentId, InstallationId, Login, Oid, PrNumber, RefName, RepoId, RepoName,
    ReviewId, RunId, Timestamp, UserId,
};
use crate::event::{Place, Scope};

/// The one field that decides what a payload is.
#[derive(Deserialize)]
pub(super) struct Outline {
    pub(super) action: Option<String>,
}

/// What can be rescued from a payload of an unexpected shape.
#[derive(Deserialize)]
pub(super) struct Rescue {
    pub(super) repository: Option<IdOnly>,
}

#[derive(Deserialize)]
pub(super) struct IdOnly {
    pub(super) id: Option<RepoId>,
}

#[derive(Deserialize)]
pub(super) struct AccountWire {
    id: Option<u64>,
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The account, if it can be named. A kind that is missing is no person's.
pub(super) fn account(wire: Option<AccountWire>) -> Option<Account> {
    let wire = wire?;
    let login = Login::parse(wire.login.as_deref()?).ok()?;
    let kind = wire.kind.as_deref().map_or(AccountKind::Other, AccountKind::from_github);
    Some(Account { id: UserId::new(wire.id?), login, kind })
}

#[derive(Deserialize)]
pub(super) struct RepositoryWire {
    pub(super) id: RepoId,
    full_name: RepoName,
    default_branch: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    pub(super) pushed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct ListedWire {
    pub(super) id: RepoId,
    pub(super) full_name: RepoName,
}

#[derive(Deserialize)]
pub(super) struct InstallationWire {
    pub(super) id: InstallationId,
}

#[derive(Deserialize)]
pub(super) struct OrganizationWire {
    login: Login,
}

pub(super) fn place(repository: RepositoryWire, installation: Option<InstallationWire>) -> Place {
    Place {
        repo: repository.id,
        name: repository.full_name,
        default_branch: repository.default_branch.and_then(|branch| RefName::branch(&branch).ok()),
        installation: installation.map(|installation| installation.id),
    }
}

#[derive(Deserialize)]
pub(super) struct PushWire {
    #[serde(rename = "ref")]
    pub(super) reference: RefName,
    pub(super) before: Oid,
    pub(super) after: Oid,
    #[serde(default)]
    pub(super) created: bool,
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default)]
    pub(super) forced: bool,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct EndWire {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: Oid,
    pub(super) repo: Option<IdOnly>,
}

#[derive(Deserialize)]
pub(super) struct BaseWire {
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

#[derive(Deserialize)]
pub(super) struct PullWire {
    pub(super) number: PrNumber,
    pub(super) head: EndWire,
    pub(super) base: BaseWire,
    pub(super) user: Option<AccountWire>,
    #[serde(default)]
    pub(super) merged: Option<bool>,
    #[serde(default, deserialize_with = "instant")]
    pub(super) updated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct FromWire {
    pub(super) from: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct BaseEditWire {
    #[serde(rename = "ref")]
    pub(super) branch: Option<FromWire>,
}

#[derive(Deserialize)]
pub(super) struct PullEditWire {
    pub(super) base: Option<BaseEditWire>,
}

#[derive(Deserialize)]
pub(super) struct ChangeWire {
    pub(super) pull_request: PullWire,
    pub(super) before: Option<Oid>,
    pub(super) changes: Option<PullEditWire>,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct NumberWire {
    pub(super) number: PrNumber,
}

#[derive(Deserialize)]
pub(super) struct ReviewBodyWire {
    pub(super) id: ReviewId,
    pub(super) state: String,
    pub(super) commit_id: Option<Oid>,
    pub(super) user: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct ReviewedWire {
    pub(super) number: PrNumber,
    pub(super) base: Option<BaseWire>,
}

#[derive(Deserialize)]
pub(super) struct ReviewWire {
    pub(super) review: ReviewBodyWire,
    pub(super) pull_request: ReviewedWire,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct IssueWire {
    pub(super) number: PrNumber,
    /// Present (an object of links) when the issue is a pull request.
    pub(super) pull_request: Option<Present>,
}

/// Something that is there, whatever it is.
#[derive(Deserialize)]
pub(super) struct Present {}

#[derive(Deserialize)]
pub(super) struct CommentIdWire {
    pub(super) id: CommentId,
    pub(super) body: Option<String>,
}

/// What an edit changed.
#[derive(Deserialize)]
pub(super) struct CommentChangesWire {
    pub(super) body: Option<BodyBeforeWire>,
}

/// The text before.
#[derive(Deserialize)]
pub(super) struct BodyBeforeWire {
    pub(super) from: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CommentWire {
    pub(super) issue: IssueWire,
    pub(super) comment: CommentIdWire,
    pub(super) changes: Option<CommentChangesWire>,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct CheckBodyWire {
    pub(super) name: Option<String>,
    pub(super) head_sha: Oid,
    pub(super) pull_requests: Option<Vec<NumberWire>>,
}

#[derive(Deserialize)]
pub(super) struct CheckWire {
    pub(super) check_run: Option<CheckBodyWire>,
    pub(super) check_suite: Option<CheckBodyWire>,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct DeploymentWire {
    pub(super) id: DeploymentId,
}

#[derive(Deserialize)]
pub(super) struct JobWire {
    /// An address: only the number of the run is taken from it, nothing is ever sent there.
    pub(super) deployment_callback_url: String,
    pub(super) deployment: DeploymentWire,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
}

impl JobWire {
    /// The run, by the address of the answer: nothing else in the payload names it.
    pub(super) fn run(&self) -> Option<RunId> {
        let rest = self.deployment_callback_url.strip_suffix("/deployment_protection_rule")?;
        let (_, run) = rest.rsplit_once("/actions/runs/")?;
        run.parse().ok()
    }
}

#[derive(Deserialize)]
pub(super) struct GroupBodyWire {
    pub(super) head_sha: Oid,
    pub(super) head_ref: RefName,
    pub(super) base_ref: RefName,
}

#[derive(Deserialize)]
pub(super) struct MergeGroupWire {
    pub(super) merge_group: GroupBodyWire,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
}

#[derive(Deserialize)]
pub(super) struct InstallationEventWire {
    pub(super) installation: InstallationWire,
    pub(super) repositories: Option<Vec<ListedWire>>,
    pub(super) repositories_added: Option<Vec<ListedWire>>,
    pub(super) repositories_removed: Option<Vec<ListedWire>>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct RepositoryEditWire {
    pub(super) default_branch: Option<FromWire>,
}

#[derive(Deserialize)]
pub(super) struct RepositoryEventWire {
    pub(super) changes: Option<RepositoryEditWire>,
    pub(super) repository: RepositoryWire,
    pub(super) installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

#[derive(Deserialize)]
pub(super) struct ScopeWire {
    repository: Option<RepositoryWire>,
    organization: Option<OrganizationWire>,
    installation: Option<InstallationWire>,
    pub(super) sender: Option<AccountWire>,
}

impl ScopeWire {
    /// Where it bears: the repository if there is one, else the organisation.
    pub(super) fn split(self) -> Option<(Scope, Option<Account>)> {
        let scope = match (self.repository, self.organization) {
            (Some(repository), _) => Scope::Repository(place(repository, self.installation)),
            (None, Some(organization)) => Scope::Organization(organization.login),
            (None, None) => return None,
        };
        Some((scope, account(self.sender)))
    }
}

/// An instant as GitHub writes it: seconds in `push`, RFC 3339 elsewhere, or null. What is neither is no instant, not a fault.
fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    from.deserialize_any(InstantVisitor)
}

struct InstantVisitor;

impl<'de> Visitor<'de> for InstantVisitor {
    type Value = Option<Timestamp>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instant")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
        Ok(Some(Timestamp::from_seconds(seconds)))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(seconds).ok().map(Timestamp::from_seconds))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Timestamp::parse(text).ok())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
