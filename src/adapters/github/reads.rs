//! Questions about the repository, people and teams.
//!
//! A 404 is never an answer by itself where a policy could rest on it: the thing around it must read fine first (R41).

use countersign_core::domain::{Account, Login, Oid, Permission, RefName, RepoName, TeamId, TeamSlug, Timestamp};
use countersign_core::facts::question::{Movement, RepositoryRead};
use http::StatusCode;
use serde::Deserialize;

use super::address::encode;
use super::client::Call;
use super::fault::Fault;
use super::handed::hidden_team;
use super::wire::{TeamWire, UserWire};
use super::{GitHub, reading};
use crate::engine::ports::{ForgeErrorKind, RepoRef};

/// Pages of the activity list that are read: older moves are of no interest.
const ACTIVITY_PAGES: usize = 10;

#[derive(Deserialize)]
struct RepositoryWire {
    id: u64,
    full_name: String,
    default_branch: String,
}

#[derive(Deserialize)]
struct MembershipWire {
    state: String,
}

#[derive(Deserialize)]
struct PermissionWire {
    permission: String,
    role_name: Option<String>,
    user: Option<UserWire>,
}

#[derive(Deserialize)]
struct ActivityWire {
    before: String,
    after: String,
    #[serde(rename = "ref")]
    reference: String,
    timestamp: String,
    actor: Option<UserWire>,
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}`: also the check that a name still means the repository we know.
    pub(super) async fn repository(&self, repo: &RepoRef) -> Result<RepositoryRead, Fault> {
        let operation = "repos.get";
        let reply = self.client.send(&Call::get(operation, reading(repo), self.repo_path(repo, ""))).await?;
        let wire: RepositoryWire = reply.json()?;
        if wire.id != repo.id.get() {
            return Err(another_repository(operation, repo, wire.id));
        }
        let name = RepoName::parse(&wire.full_name).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
        if reply.moved {
            self.remember_name(repo, name.clone());
        }
        let default_branch =
            RefName::branch(&wire.default_branch).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
        Ok(RepositoryRead { id: repo.id, name, default_branch })
    }

    /// `GET /users/{username}`.
    pub(super) async fn user(&self, repo: &RepoRef, login: &Login) -> Result<Option<Account>, Fault> {
        let path = format!("/users/{}", encode(login.as_str()));
        match self.client.send(&Call::get("users.get", reading(repo), path)).await {
            Ok(reply) => Ok(reply.json::<UserWire>()?.account()),
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// `GET /orgs/{org}/teams/{team_slug}`.
    pub(super) async fn team(&self, repo: &RepoRef, slug: &TeamSlug) -> Result<Option<TeamId>, Fault> {
        match self.client.send(&Call::get("teams.get", reading(repo), team_path(slug, ""))).await {
            Ok(reply) => Ok(Some(TeamId::new(reply.json::<TeamWire>()?.id))),
            Err(fault) => self.unseen_team(slug, fault),
        }
    }

    /// A team that cannot be read: an App that may read members is told that there is none; a handed token may just not see it.
    fn unseen_team(&self, slug: &TeamSlug, fault: Fault) -> Result<Option<TeamId>, Fault> {
        let absent = fault.is(StatusCode::NOT_FOUND);
        match self.client.handed() {
            Some(_) if absent || fault.kind == ForgeErrorKind::Forbidden => {
                Err(hidden_team("teams.get", &slug.to_string()))
            }
            None if absent => Ok(None),
            Some(_) | None => Err(fault),
        }
    }

    /// `GET /orgs/{org}/teams`: what a team that had another slug is called now.
    pub(super) async fn team_name(
        &self,
        repo: &RepoRef,
        known: &TeamSlug,
        team: TeamId,
    ) -> Result<Option<TeamSlug>, Fault> {
        let path = format!("/orgs/{}/teams?per_page=100", encode(known.org()));
        let teams: Vec<TeamWire> = self.client.pages(Call::get("teams.list", reading(repo), path)).all().await?;
        let found = teams.into_iter().find(|wire| wire.id == team.get());
        Ok(found.and_then(|wire| TeamSlug::parse(&format!("{}/{}", known.org(), wire.slug)).ok()))
    }

    /// `GET /orgs/{org}/teams/{team_slug}/members`: active members, child teams included.
    pub(super) async fn team_members(&self, repo: &RepoRef, slug: &TeamSlug) -> Result<Vec<Account>, Fault> {
        let path = team_path(slug, "/members?per_page=100");
        let members: Vec<UserWire> = self.client.pages(Call::get("teams.members", reading(repo), path)).all().await?;
        Ok(members.iter().filter_map(UserWire::account).collect())
    }

    /// `GET /orgs/{org}/teams/{team_slug}/memberships/{username}` (R39, R41).
    pub(super) async fn membership(&self, repo: &RepoRef, team: &TeamSlug, user: &Login) -> Result<bool, Fault> {
        let operation = "teams.membership";
        let path = team_path(team, &format!("/memberships/{}", encode(user.as_str())));
        let fault = match self.client.send(&Call::get(operation, reading(repo), path)).await {
            Ok(reply) => {
                let state = reply.json::<MembershipWire>()?.state.to_ascii_lowercase();
                return match state.as_str() {
                    "active" => Ok(true),
                    "pending" => Ok(false),
                    _ => Err(Fault::garbled(operation, "a membership is neither active nor pending")),
                };
            }
            Err(fault) => fault,
        };
        if self.client.handed().is_some() && fault.kind == ForgeErrorKind::Forbidden {
            return Err(hidden_team(operation, &team.to_string()));
        }
        if !fault.is(StatusCode::NOT_FOUND) {
            return Err(fault);
        }
        match self.team(repo, team).await? {
            Some(_) => Ok(false),
            None => {
                let words = format!(
                    "team `{team}` cannot be read, so nobody's membership is known; help: check its slug and the App's permission `members: read`"
                );
                Err(Fault::new(ForgeErrorKind::NotFound, operation, &words))
            }
        }
    }

    /// `GET /repos/{owner}/{repo}/collaborators/{username}/permission` (R40).
    pub(super) async fn permission(&self, repo: &RepoRef, login: &Login) -> Result<Permission, Fault> {
        let operation = "repos.permission";
        let rest = format!("/collaborators/{}/permission", encode(login.as_str()));
        let wire: PermissionWire = match self.read(repo, operation, &rest).await {
            Ok(reply) => reply.json()?,
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => {
                // Only a repository that reads fine makes "not found" mean this person.
                self.repository(repo).await?;
                return Ok(Permission::None);
            }
            Err(fault) => return Err(fault),
        };
        let answered = wire.user.as_ref().and_then(|user| user.login.as_deref());
        if answered.is_some_and(|answered| !answered.eq_ignore_ascii_case(login.as_str())) {
            return Err(Fault::garbled(operation, "the permission of another account was answered"));
        }
        Ok(match wire.role_name.as_deref().map(Permission::from_github) {
            // A custom role has a name of its own; the four old levels say what it amounts to.
            None | Some(Permission::None) => Permission::from_github(&wire.permission),
            Some(permission) => permission,
        })
    }

    /// `GET /repos/{owner}/{repo}/activity`: the newest thousand moves.
    pub(super) async fn movements(&self, repo: &RepoRef, reference: &RefName) -> Result<Vec<Movement>, Fault> {
        let operation = "repos.activity";
        let rest = format!("/activity?ref={}&per_page=100", encode(reference.as_str()));
        let mut pages = self.client.pages(Call::get(operation, reading(repo), self.repo_path(repo, &rest)));
        let mut movements = Vec::new();
        for _ in 0..ACTIVITY_PAGES {
            let Some(page) = pages.next::<Vec<ActivityWire>>().await? else { break };
            for wire in page.iter().filter(|wire| wire.reference == reference.as_str()) {
                movements.push(movement(wire).map_err(|words| Fault::garbled(operation, &words))?);
            }
        }
        Ok(movements)
    }
}

fn movement(wire: &ActivityWire) -> Result<Movement, String> {
    Ok(Movement {
        before: Oid::parse(&wire.before).map_err(|fault| fault.to_string())?,
        after: Oid::parse(&wire.after).map_err(|fault| fault.to_string())?,
        actor: wire.actor.as_ref().and_then(UserWire::account),
        at: Timestamp::parse(&wire.timestamp).map_err(|fault| fault.to_string())?,
        delivery: None,
    })
}

fn team_path(slug: &TeamSlug, rest: &str) -> String {
    format!("/orgs/{}/teams/{}{rest}", encode(slug.org()), encode(slug.slug()))
}

/// A name we knew belongs to somebody else now.
pub(super) fn another_repository(operation: &'static str, repo: &RepoRef, found: u64) -> Fault {
    let words = format!("`{}` is now repository {found}, not {}", repo.name, repo.id);
    Fault::new(ForgeErrorKind::NotFound, operation, &words)
}
