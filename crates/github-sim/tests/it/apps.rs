//! Apps: JWT, installation tokens, permissions, teams.

use github_sim::Membership;
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{Client, World};

#[tokio::test]
async fn a_jwt_is_checked_as_github_does() {
    let world = World::new().await;
    let app = world.by_jwt(-60, 540).get("/app").await;
    assert_eq!((app.status, app.body["slug"].as_str()), (200, Some("gate-keeper")));
    for (iat, exp) in [(60, 300), (-60, 700), (-600, -1)] {
        assert_eq!(world.by_jwt(iat, exp).get("/app").await.status, 401, "{iat} {exp}");
    }
    assert_eq!(world.as_app().get("/app").await.status, 401);
    assert_eq!(world.sim.violations().len(), 1, "a token where a JWT belongs");
}

#[tokio::test]
async fn a_token_is_narrowed_expires_and_is_revoked() {
    let world = World::new().await;
    world.sim.repo("acme/other", "main").unwrap();
    let jwt = world.by_jwt(-60, 540);
    let path = format!("/app/installations/{}/access_tokens", world.installation.id);
    let narrow = json!({"repositories": ["app"], "permissions": {"contents": "read"}});
    let minted = jwt.post(&path, narrow).await;
    assert_eq!(minted.status, 201, "{}", minted.body);
    assert_eq!(minted.body["permissions"], json!({"contents": "read", "metadata": "read"}));
    let token = minted.body["token"].as_str().unwrap().to_owned();
    let client = Client::new(&world.sim, Some(token));
    assert_eq!(client.get("/repos/acme/app/commits").await.status, 200);
    let refused = client.get("/repos/acme/app/pulls").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["message"], "Resource not accessible by integration");
    assert_eq!(refused.headers["x-accepted-github-permissions"], "pull_requests=read");
    assert_eq!(client.get("/repos/acme/other").await.status, 404);
    let wide = json!({"permissions": {"administration": "write"}});
    assert_eq!(jwt.post(&path, wide).await.status, 422);
    assert_eq!(jwt.post(&path, json!({"repositories": ["other"]})).await.status, 422);

    world.sim.advance(SignedDuration::from_mins(61));
    assert_eq!(client.get("/repos/acme/app/commits").await.status, 401);
    let fresh = world.as_app();
    assert_eq!(fresh.send("DELETE", "/installation/token", None).await.status, 204);
    assert_eq!(fresh.get("/installation/repositories").await.status, 401);
}

#[tokio::test]
async fn a_suspended_installation_mints_nothing() {
    let world = World::new().await;
    world.installation.suspend(true);
    let path = format!("/app/installations/{}/access_tokens", world.installation.id);
    let answer = world.by_jwt(-60, 540).post(&path, json!({})).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.body["message"], "This installation has been suspended");
    world.installation.suspend(false);
    assert_eq!(world.by_jwt(-60, 540).post(&path, json!({})).await.status, 201);
}

#[tokio::test]
async fn both_spellings_of_a_token_work() {
    let world = World::new().await;
    let path = format!("/app/installations/{}/access_tokens", world.installation.id);
    let jwt = world.by_jwt(-60, 540);
    let headers = [("x-github-token-format", "long")];
    let minted = jwt.send_with("POST", &path, Some(json!({})), &headers).await;
    let token = minted.body["token"].as_str().unwrap().to_owned();
    assert!(token.len() > 500 && token.matches('.').count() == 2);
    let client = Client::new(&world.sim, Some(token));
    assert_eq!(client.get("/repos/acme/app").await.status, 200);
}

#[tokio::test]
async fn a_team_membership_is_active_or_pending_and_children_count() {
    let world = World::new().await;
    let (carol, dan) = (world.sim.user("carol"), world.sim.user("dan"));
    let parent = world.acme.team("Security");
    let child = world.acme.team("Red Team");
    child.below(&parent).member(&carol, Membership::Active);
    parent.member(&dan, Membership::Pending);
    let app = world.as_app();
    let path = |login: &str| format!("/orgs/acme/teams/security/memberships/{login}");
    assert_eq!(app.get(&path("carol")).await.body["state"], "active");
    assert_eq!(app.get(&path("dan")).await.body["state"], "pending");
    assert_eq!(app.get(&path("alice")).await.status, 404);
    let members = app.get("/orgs/acme/teams/security/members").await;
    assert_eq!(members.body.as_array().unwrap().len(), 1);
    world.installation.set_permission("members", None);
    assert_eq!(app.get(&path("carol")).await.status, 403);
}
