//! One visit to every operation, mostly for the conformance check: each must succeed.

use github_sim::{Level, Membership, Push, Role, Verdict};
use serde_json::{Value, json};

use crate::world::{Client, World};

/// Calls an operation below the repository and expects a status.
async fn visit(client: &Client, method: &str, path: &str, body: Value, status: u16) -> Value {
    let path = if path.starts_with('/') {
        path.to_owned()
    } else if path.is_empty() {
        "/repos/acme/app".to_owned()
    } else {
        format!("/repos/acme/app/{path}")
    };
    let body = (!body.is_null()).then_some(body);
    let answer = client.send(method, &path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    answer.body
}

async fn read(client: &Client, path: &str) -> Value {
    visit(client, "GET", path, Value::Null, 200).await
}

#[tokio::test]
async fn git_data_and_contents() {
    let world = World::new().await;
    let app = world.as_app();
    let blob = visit(&app, "POST", "git/blobs", json!({"content": "x"}), 201).await;
    let sha = blob["sha"].as_str().unwrap();
    read(&app, &format!("git/blobs/{sha}")).await;
    let main = read(&app, "git/ref/heads/main").await["object"]["sha"].clone();
    let main = main.as_str().unwrap();
    let base = read(&app, &format!("git/commits/{main}")).await["tree"]["sha"].clone();
    let entries = json!([{"path": "d/x", "mode": "100644", "type": "blob", "sha": sha}]);
    let tree = json!({"base_tree": base, "tree": entries});
    let tree = visit(&app, "POST", "git/trees", tree, 201).await;
    let tree = tree["sha"].as_str().unwrap();
    let listed = read(&app, &format!("git/trees/{tree}?recursive=1")).await;
    assert_eq!(listed["tree"][2]["path"], "d/x");
    let commit = json!({"message": "Add x", "tree": tree, "parents": [main]});
    let commit = visit(&app, "POST", "git/commits", commit, 201).await;
    let sha = commit["sha"].as_str().unwrap();
    let new = json!({"ref": "refs/heads/made", "sha": main});
    visit(&app, "POST", "git/refs", new.clone(), 201).await;
    visit(&app, "POST", "git/refs", new, 422).await;
    visit(&app, "PATCH", "git/refs/heads/made", json!({"sha": sha}), 200).await;
    visit(&app, "PATCH", "git/refs/heads/made", json!({"sha": main}), 422).await;
    visit(&app, "PATCH", "git/refs/heads/gone", json!({"sha": main}), 422).await;
    assert_eq!(read(&app, "git/matching-refs/heads/ma").await.as_array().unwrap().len(), 2);
    let merge = json!({"base": "main", "head": "made"});
    visit(&app, "POST", "merges", merge.clone(), 201).await;
    visit(&app, "POST", "merges", merge, 204).await;
    visit(&app, "DELETE", "git/refs/heads/made", Value::Null, 204).await;

    let file = json!({"message": "Write", "content": "aGVsbG8K"});
    let made = visit(&app, "PUT", "contents/docs/a.md", file.clone(), 201).await;
    visit(&app, "PUT", "contents/docs/a.md", file, 422).await;
    let sha = made["content"]["sha"].clone();
    let file = json!({"message": "Rewrite", "content": "aGVs\nbG8=", "sha": sha});
    visit(&app, "PUT", "contents/docs/a.md", file, 200).await;
    let shown = read(&app, "contents/docs/a.md").await;
    assert_eq!(shown["content"], "aGVsbG8=\n");
    read(&app, "contents/docs").await;
    read(&app, "contents").await;
    let delete = json!({"message": "Delete", "sha": shown["sha"]});
    visit(&app, "DELETE", "contents/docs/a.md", delete, 200).await;
    let headers = [("accept", "application/vnd.github.raw+json")];
    let raw = app.send_with("GET", "/repos/acme/app/contents/README.md", None, &headers).await;
    assert_eq!(raw.body, "hello\n");
}

#[tokio::test]
async fn a_repository_its_branches_and_its_history() {
    let world = World::new().await;
    let number = world.pull();
    let app = world.as_app();
    let head = world.repo.tip("topic").unwrap();
    read(&app, "").await;
    assert_eq!(read(&app, "compare/main...topic").await["status"], "ahead");
    read(&app, "compare/main...topic?page=1&per_page=10").await;
    read(&app, "commits?sha=topic&path=README.md").await;
    read(&app, "commits/topic").await;
    assert_eq!(read(&app, &format!("commits/{head}/pulls")).await[0]["number"], number);
    read(&app, &format!("commits/{head}/branches-where-head")).await;
    read(&app, "branches").await;
    assert_eq!(read(&app, "branches/topic").await["commit"]["sha"], head);
    let pushes = read(&app, "activity?ref=refs/heads/topic&per_page=1").await;
    assert_eq!(pushes[0]["actor"]["login"], "alice");
    let role = read(&app, "collaborators/bob/permission").await;
    assert_eq!((role["permission"].as_str(), role["role_name"].as_str()), (Some("write"), Some("write")));
    visit(&app, "GET", "collaborators/nobody-at-all/permission", Value::Null, 404).await;
    read(&app, "collaborators").await;
    visit(&app, "GET", "collaborators/bob", Value::Null, 204).await;
    read(&app, "teams").await;

    let boss = world.sim.user("boss");
    world.acme.member(&boss, true);
    let boss = world.as_user(&boss);
    let ruleset = json!({
        "name": "gate", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "deletion"}, {"type": "pull_request", "parameters": {
            "required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true,
            "require_code_owner_review": false, "require_last_push_approval": false,
            "required_review_thread_resolution": false,
        }}],
        "bypass_actors": [{"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"}],
    });
    let made = visit(&boss, "POST", "rulesets", ruleset, 201).await;
    let id = made["id"].as_u64().unwrap();
    assert_eq!(read(&app, &format!("rulesets/{id}")).await["current_user_can_bypass"], "always");
    read(&app, "rulesets").await;
    assert_eq!(read(&app, "rules/branches/main").await.as_array().unwrap().len(), 2);
    let off = json!({"enforcement": "disabled"});
    visit(&boss, "PUT", &format!("rulesets/{id}"), off, 200).await;
    assert_eq!(read(&app, "rules/branches/main").await, json!([]));
    visit(&boss, "DELETE", &format!("rulesets/{id}"), Value::Null, 204).await;

    visit(&app, "GET", "branches/main/protection", Value::Null, 403).await;
    world.installation.set_permission("administration", Some(Level::Read));
    let app = world.as_app();
    visit(&app, "GET", "branches/main/protection", Value::Null, 404).await;
    let protection = json!({
        "required_status_checks": {"strict": false, "contexts": [], "checks": [
            {"context": "gate", "app_id": world.app.id}]},
        "enforce_admins": true, "required_pull_request_reviews": null, "restrictions": null,
    });
    visit(&boss, "PUT", "branches/main/protection", protection, 200).await;
    let shown = read(&app, "branches/main/protection").await;
    assert_eq!(shown["required_status_checks"]["checks"][0]["app_id"], world.app.id);
    let refused = world.repo.push(&world.alice, Push::to("main").file("x", "x")).unwrap_err();
    assert!(refused.message().contains("\"gate\" is expected"), "{refused}");
    visit(&boss, "DELETE", "branches/main/protection", Value::Null, 204).await;
}

#[tokio::test]
async fn pull_requests_and_their_conversation() {
    let world = World::new().await;
    let number = world.pull();
    world.repo.role(&world.bob, Some(Role::Maintain));
    let team = world.acme.team("Security");
    world.repo.team_role(&team, Some(Role::Read));
    let (app, bob) = (world.as_app(), world.as_user(&world.bob));
    let pull = format!("pulls/{number}");
    let issue = format!("issues/{number}");
    let ask = json!({"reviewers": ["bob"], "team_reviewers": ["security"]});
    visit(&app, "POST", &format!("{pull}/requested_reviewers"), ask.clone(), 201).await;
    let asked = read(&app, &format!("{pull}/requested_reviewers")).await;
    assert_eq!(asked["users"][0]["login"], "bob");
    visit(&app, "DELETE", &format!("{pull}/requested_reviewers"), ask, 200).await;
    let edit = json!({"title": "New title", "body": "New body"});
    visit(&app, "PATCH", &pull, edit, 200).await;
    read(&app, "pulls?state=all&base=main&sort=updated&direction=desc").await;
    assert_eq!(read(&app, &format!("{pull}/files")).await[0]["status"], "modified");
    read(&app, &format!("{pull}/commits")).await;
    visit(&app, "GET", &format!("{pull}/merge"), Value::Null, 404).await;

    let pending = visit(&bob, "POST", &format!("{pull}/reviews"), json!({}), 200).await;
    let review = pending["id"].as_u64().unwrap();
    assert_eq!(read(&app, &format!("{pull}/reviews")).await, json!([]));
    let events = format!("{pull}/reviews/{review}/events");
    visit(&bob, "POST", &events, json!({"event": "APPROVE"}), 200).await;
    let edit = json!({"body": "Fine"});
    visit(&bob, "PUT", &format!("{pull}/reviews/{review}"), edit, 200).await;
    read(&app, &format!("{pull}/reviews/{review}")).await;
    let dismissals = format!("{pull}/reviews/{review}/dismissals");
    visit(&app, "PUT", &dismissals, json!({"message": "stale"}), 200).await;
    visit(&app, "PUT", &dismissals, json!({"message": "stale"}), 422).await;

    let said = visit(&app, "POST", &format!("{issue}/comments"), json!({"body": "one"}), 201).await;
    let comment = format!("issues/comments/{}", said["id"]);
    visit(&app, "PATCH", &comment, json!({"body": "two"}), 200).await;
    read(&app, &comment).await;
    let reactions = format!("{comment}/reactions");
    visit(&app, "POST", &reactions, json!({"content": "eyes"}), 201).await;
    visit(&app, "POST", &reactions, json!({"content": "eyes"}), 200).await;
    assert_eq!(read(&app, &reactions).await[0]["content"], "eyes");
    read(&app, &issue).await;
    visit(&app, "POST", &format!("{issue}/labels"), json!({"labels": ["bypassed"]}), 200).await;
    read(&app, &format!("{issue}/labels")).await;
    visit(&app, "DELETE", &format!("{issue}/labels/bypassed"), Value::Null, 200).await;
    read(&app, &format!("{issue}/timeline")).await;
    visit(&app, "DELETE", &comment, Value::Null, 204).await;
    visit(&app, "PATCH", &pull, json!({"state": "closed"}), 200).await;
    visit(&app, "PATCH", &pull, json!({"state": "open"}), 200).await;
    world.repo.set_draft(&world.alice, number, true).unwrap();
    world.repo.set_draft(&world.alice, number, false).unwrap();
    world.repo.review(&world.bob, number, Verdict::RequestChanges, None).unwrap();
    world.repo.push(&world.alice, Push::to("release").file("r", "r")).unwrap();
    world.repo.retarget(&world.alice, number, "release").unwrap();
}

#[tokio::test]
async fn checks_statuses_deployments_and_dispatches() {
    let world = World::new().await;
    world.installation.set_permission("actions", Some(Level::Write));
    let head = world.repo.tip("main").unwrap();
    let app = world.as_app();
    let output = json!({"title": "Waiting", "summary": "one approval missing", "text": "more"});
    let actions = json!([{"label": "Recheck", "identifier": "recheck", "description": "Look again"}]);
    let run = json!({
        "name": "gate", "head_sha": head, "status": "in_progress", "external_id": "e-1",
        "output": output, "actions": actions,
    });
    let run = visit(&app, "POST", "check-runs", run, 201).await;
    let path = format!("check-runs/{}", run["id"]);
    read(&app, &path).await;
    visit(&app, "PATCH", &path, json!({"conclusion": "success"}), 200).await;
    read(&app, &format!("{path}/annotations")).await;
    world.sim.settle().await;
    world.received.lock().unwrap().clear();
    world.repo.press(&world.bob, run["id"].as_u64().unwrap(), "recheck").unwrap();
    world.repo.rerun(&world.bob, run["id"].as_u64().unwrap()).unwrap();
    world.sim.settle().await;
    assert_eq!(world.events(), ["check_run.requested_action", "check_run.rerequested"]);
    let list = read(&app, &format!("commits/{head}/check-runs?check_name=gate")).await;
    assert_eq!(list["total_count"], 1);
    let suites = read(&app, "commits/main/check-suites").await;
    let suite = format!("check-suites/{}", suites["check_suites"][0]["id"]);
    read(&app, &suite).await;
    read(&app, &format!("{suite}/check-runs")).await;
    let status = json!({"state": "pending", "context": "ci", "description": "soon"});
    visit(&app, "POST", &format!("statuses/{head}"), status, 201).await;
    assert_eq!(read(&app, "commits/main/status").await["state"], "pending");
    read(&app, "commits/main/statuses").await;

    let wish = json!({"ref": "main", "auto_merge": false, "environment": "production"});
    visit(&app, "POST", "deployments", wish, 409).await;
    let wish = json!({
        "ref": "main", "auto_merge": false, "required_contexts": ["gate"],
        "environment": "production", "payload": {"id": "L-1"},
    });
    let made = visit(&app, "POST", "deployments", wish, 201).await;
    let path = format!("deployments/{}", made["id"]);
    read(&app, &path).await;
    read(&app, "deployments?environment=production").await;
    let done = json!({"state": "success", "log_url": "https://example.com/log"});
    let status = visit(&app, "POST", &format!("{path}/statuses"), done, 201).await;
    read(&app, &format!("{path}/statuses")).await;
    read(&app, &format!("{path}/statuses/{}", status["id"])).await;

    let event = json!({"event_type": "synced", "client_payload": {"id": 1}});
    visit(&app, "POST", "dispatches", event, 204).await;
    world
        .repo
        .push(&world.alice, Push::to("main").file(".github/workflows/deploy.yml", "on: workflow_dispatch\n"))
        .unwrap();
    let path = "actions/workflows/deploy.yml/dispatches";
    visit(&app, "POST", path, json!({"ref": "main"}), 204).await;
    assert_eq!(world.repo.dispatches().len(), 2);
}

#[tokio::test]
async fn apps_people_and_the_rest() {
    let world = World::new().await;
    let (app, jwt) = (world.as_app(), world.by_jwt(-60, 540));
    let alice = world.as_user(&world.alice);
    let team = world.acme.team("Security");
    team.member(&world.bob, Membership::Active);
    let id = world.installation.id;
    for path in [
        "/app",
        "/app/installations",
        "/app/hook/config",
        "/repos/acme/app/installation",
        "/orgs/acme/installation",
        "/app/hook/deliveries",
    ] {
        read(&jwt, path).await;
    }
    read(&jwt, &format!("/app/installations/{id}")).await;
    let tokens = format!("/app/installations/{id}/access_tokens");
    visit(&jwt, "POST", &tokens, json!({"repository_ids": [world.repo.id]}), 201).await;
    visit(&jwt, "PATCH", "/app/hook/config", json!({"content_type": "json"}), 200).await;
    for path in [
        "/installation/repositories",
        "/apps/gate-keeper",
        "/orgs/acme/teams",
        "/orgs/acme/teams/security",
        "/orgs/acme/teams/security/members",
        "/orgs/acme/teams/security/memberships/bob",
        "/orgs/acme/members",
        "/orgs/acme/memberships/bob",
        "/users/bob",
        "/users/gate-keeper[bot]",
        "/rate_limit",
        "/meta",
    ] {
        read(&app, path).await;
    }
    read(&app, &format!("/user/{}", world.bob.id)).await;
    visit(&app, "GET", "/orgs/acme/members/bob", Value::Null, 204).await;
    read(&alice, "/user").await;
    read(&alice, "/user/repos").await;
    let suspended = format!("/app/installations/{id}/suspended");
    visit(&jwt, "PUT", &suspended, Value::Null, 204).await;
    visit(&jwt, "DELETE", &suspended, Value::Null, 204).await;
    let other = world.sim.repo("acme/other", "main").unwrap();
    world.installation.select(&other, true);
    world.installation.select(&other, false);
    team.remove(&world.bob);
    world.installation.delete();
}

#[tokio::test]
async fn administrators_change_roles_teams_and_names() {
    let world = World::new().await;
    let (boss, carol) = (world.sim.user("boss"), world.sim.user("carol"));
    world.acme.member(&boss, true).member(&carol, false);
    world.acme.team("Security");
    let (boss, alice) = (world.as_user(&boss), world.as_user(&world.alice));
    let member = "/orgs/acme/teams/security/memberships/carol";
    visit(&alice, "PUT", member, json!({}), 403).await;
    assert_eq!(visit(&boss, "PUT", member, json!({"role": "member"}), 200).await["state"], "active");
    let stranger = "/orgs/acme/teams/security/memberships/bob";
    assert_eq!(visit(&boss, "PUT", stranger, json!({}), 200).await["state"], "pending");
    let repo = "/orgs/acme/teams/security/repos/acme/app";
    visit(&boss, "PUT", repo, json!({"permission": "push"}), 204).await;
    let role = |body: Value| body["role_name"].clone();
    assert_eq!(role(read(&boss, "collaborators/carol/permission").await), "write");
    visit(&boss, "DELETE", member, Value::Null, 204).await;
    assert_eq!(role(read(&boss, "collaborators/carol/permission").await), "read");
    visit(&boss, "PUT", "collaborators/carol", json!({"permission": "triage"}), 204).await;
    let triage = read(&boss, "collaborators/carol/permission").await;
    assert_eq!((triage["permission"].as_str(), triage["role_name"].as_str()), (Some("read"), Some("triage")));
    visit(&boss, "DELETE", "collaborators/carol", Value::Null, 204).await;
    visit(&boss, "PATCH", "", json!({"name": "product"}), 200).await;
    assert_eq!(world.repo.full_name(), "acme/product");
}

#[tokio::test]
async fn the_test_merge_is_there_once_the_pull_request_was_read() {
    let world = World::new().await;
    let number = world.pull();
    let app = world.as_app();
    let shown = read(&app, &format!("pulls/{number}")).await;
    let merge = read(&app, &format!("git/ref/pull/{number}/merge")).await;
    assert_eq!(shown["merge_commit_sha"], merge["object"]["sha"]);
    let commit = read(&app, &format!("git/commits/{}", merge["object"]["sha"].as_str().unwrap())).await;
    assert_eq!(commit["parents"][1]["sha"], shown["head"]["sha"]);
}
