//! The adapter against the stand-in for GitHub: permissions and rules answer as GitHub words them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use countersign_core::domain::{InstallationId, RefName, RepoId, RepoName};
use github_sim::{AppConfig, Level, Push, Sim, SimConfig};
use serde_json::json;

use super::super::{GitConfig, GitRepos};
use super::world::{Credentials, World, branch, oid};
use crate::engine::ports::{NewEntry, Repo as _, RepoError, RepoRef};

#[tokio::test]
async fn an_installation_fetches_pushes_and_hears_rules() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let (alice, acme) = (sim.user("alice"), sim.org("acme"));
    let there = sim.repo("acme/app", "main").unwrap();
    there.role(&alice, Some(github_sim::Role::Write));
    let app = sim.app(AppConfig::new("Countersign", &[("contents", Level::Write)], &[]));
    let installation = app.install(&acme, &[&there]);
    there.push(&alice, Push::to("main").file("a", "1")).unwrap();
    there.push(&alice, Push::to("topic").file("a", "2")).unwrap();
    let number = there.open_pull(&alice, "Two", "topic", "main").unwrap();

    let data = tempfile::TempDir::new().unwrap();
    let server = there.git_url().replace("/acme/app.git", "");
    let with = |token: String| {
        let config = GitConfig::new(data.path(), &server).unwrap();
        GitRepos::new(config, Arc::new(Credentials(token))).unwrap()
    };
    let repos = with(installation.token().unwrap());
    let repo = RepoRef {
        id: RepoId::new(3),
        name: RepoName::parse("acme/app").unwrap(),
        installation: InstallationId::new(1),
    };
    let pull = RefName::parse(&format!("refs/pull/{number}/head")).unwrap();
    let refs = repos.fetch(&repo, std::slice::from_ref(&pull)).await.unwrap();
    assert_eq!(refs.len(), 3, "{refs:?}");
    assert_eq!(refs[&pull], refs[&branch("topic")]);

    let (main, ledger) = (branch("main"), branch("countersign/ledger"));
    let entry = NewEntry { envelope: b"{}".to_vec(), at: World::at(0), message: "L-1".to_owned() };
    let tip = repos.append(&repo, &ledger, (None, None), &[entry]).await.unwrap();
    assert_eq!(there.tip("countersign/ledger"), Some(tip.to_string()));

    repos.push(&repo, &main, Some(&refs[&main]), &refs[&pull]).await.unwrap();
    let lost = repos.push(&repo, &main, Some(&refs[&main]), &refs[&pull]).await.unwrap_err();
    assert_eq!(lost, RepoError::LeaseLost(main.clone()));

    there
        .ruleset(json!({
            "name": "closed", "target": "branch", "enforcement": "active",
            "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
            "rules": [{"type": "update"}],
        }))
        .unwrap();
    let now = oid(&there.tip("main").unwrap());
    let error = repos.push(&repo, &main, Some(&now), &tip).await.unwrap_err();
    assert!(matches!(&error, RepoError::Refused { message, .. } if message.contains("GH013")), "{error}");

    installation.set_permission("contents", Some(Level::Read));
    let error = repos.push(&repo, &branch("x"), None, &tip).await.unwrap_err();
    assert!(matches!(&error, RepoError::Refused { message, .. } if message.contains("403")), "{error}");
    let error = with("ghs_nonsense".to_owned()).fetch(&repo, &[]).await.unwrap_err();
    assert!(matches!(&error, RepoError::Later(text) if text.contains("401")), "{error}");
}
