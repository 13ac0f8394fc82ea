//! Fields of the root.

use serde_json::Value;

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::walk::Walk;
use crate::access::Who;
use crate::clock::stamp;
use crate::state::State;

impl Walk<'_> {
    pub(super) fn root(&self, name: &str, args: &Args) -> Result<Out, Fault> {
        match name {
            "repository" => {
                let owner = args.text("owner").unwrap_or_default();
                let repo = args.text("name").unwrap_or_default();
                let follow = args.flag("followRenames").unwrap_or(true);
                let found = self
                    .st
                    .repo_named(owner, repo)
                    .or_else(|| follow.then(|| self.st.repo_formerly(owner, repo)).flatten());
                let id = found.map(|repo| repo.id).filter(|id| sees(self.st, self.who, *id));
                id.map(|id| Out::One(Node::Repository(id)))
                    .ok_or_else(|| Fault::not_found(format!("a Repository with the name '{owner}/{repo}'")))
            }
            "organization" | "user" => {
                let login = args.text("login").unwrap_or_default();
                let wants_org = name == "organization";
                let found = self.st.account_named(login).map(|account| account.id);
                let id = found.filter(|id| self.face.is_organization(*id) == wants_org);
                let word = if wants_org { "an Organization" } else { "a User" };
                id.map(|id| Out::One(Node::Account(id)))
                    .ok_or_else(|| Fault::not_found(format!("{word} with the login of '{login}'")))
            }
            "viewer" => match self.who {
                Who::User(person) => Ok(Out::One(Node::Account(*person))),
                // an App is a `User` here, with the login REST gives it
                Who::Installation(access) => {
                    let login = self.st.accounts.get(&access.bot).map(|bot| bot.login.clone()).unwrap_or_default();
                    let id = format!("BOT_{}", access.bot);
                    let fields = vec![("id", id.into()), ("login", login.into()), ("databaseId", access.bot.into())];
                    Ok(Out::One(Node::Plain("User", fields)))
                }
                Who::Nobody | Who::App(_) => Ok(Out::null()),
            },
            "node" => {
                let id = args.text("id").unwrap_or_default();
                find(self.st, self.who, id)
                    .map(Out::One)
                    .ok_or_else(|| Fault::not_found(format!("a node with the global id of '{id}'")))
            }
            "nodes" => Ok(Out::Many(
                args.texts("ids").unwrap_or_default().iter().filter_map(|id| find(self.st, self.who, id)).collect(),
            )),
            "rateLimit" => {
                let key = crate::quota::graphql_bucket(self.who);
                let rate = self.st.rates.get(&key).copied();
                let used = rate.map_or(0, |rate| rate.used) + 1;
                let reset = rate.map_or_else(|| self.st.now(), |rate| rate.reset);
                let limit = self.st.rate_limit;
                Ok(Out::One(Node::Plain(
                    "RateLimit",
                    vec![
                        ("cost", 1.into()),
                        ("limit", limit.into()),
                        ("used", used.into()),
                        ("remaining", limit.saturating_sub(used).into()),
                        ("resetAt", stamp(reset).into()),
                        ("nodeCount", 1.into()),
                    ],
                )))
            }
            _ => Err(Fault::Undefined),
        }
    }
}

/// Whether a caller sees a repository.
pub(super) fn sees(st: &State, who: &Who, repo: u64) -> bool {
    let Some(found) = st.repos.get(&repo) else {
        return false;
    };
    match who {
        Who::Installation(access) => !found.private || access.repos.contains(&repo),
        Who::User(person) => st.role_of(found, *person).is_some(),
        Who::Nobody | Who::App(_) => false,
    }
}

/// The node of a global id, if the caller sees it.
pub(super) fn find(st: &State, who: &Who, id: &str) -> Option<Node> {
    let (kind, rest) = id.split_once('_')?;
    let number = || rest.parse::<u64>().ok();
    let repos = || st.repos.values().filter(|repo| sees(st, who, repo.id));
    match kind {
        "R" => number().filter(|id| sees(st, who, *id)).map(Node::Repository),
        "U" | "O" | "BOT" => number().filter(|id| st.accounts.contains_key(id)).map(Node::Account),
        "T" => number().filter(|id| st.teams.contains_key(id)).map(Node::Team),
        "PR" => {
            let id = number()?;
            repos().find_map(|repo| {
                let pull = repo.pulls.values().find(|pull| pull.id == id)?;
                Some(Node::Pull(repo.id, pull.number))
            })
        }
        "PRR" => {
            let id = number()?;
            repos().find_map(|repo| {
                let pull = repo.pulls.values().find(|p| p.reviews.iter().any(|r| r.id == id))?;
                Some(Node::Review(repo.id, pull.number, id))
            })
        }
        "IC" => {
            let id = number()?;
            let repo = repos().find(|repo| repo.comments.contains_key(&id))?;
            Some(Node::Comment(repo.id, id))
        }
        "CR" => {
            let id = number()?;
            let repo = repos().find(|repo| repo.runs.contains_key(&id))?;
            Some(Node::CheckRun(repo.id, id))
        }
        "REF" | "C" => {
            let (repo, rest) = rest.split_once('_')?;
            let repo: u64 = repo.parse().ok().filter(|id| sees(st, who, *id))?;
            if kind == "C" {
                return Some(Node::Commit(repo, crate::git::oid(rest)?));
            }
            let name = String::from_utf8(hex::decode(rest).ok()?).ok()?;
            Some(Node::Ref(repo, name))
        }
        _ => None,
    }
}

/// A text of an input object.
pub(super) fn text<'v>(input: &'v Value, key: &str) -> Option<&'v str> {
    input[key].as_str()
}
