//! Pull requests, reviews, comments, merging over REST.

use github_sim::{Push, Role, Verdict};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_pull_request_is_opened_reviewed_and_merged_over_rest() {
    let world = World::new().await;
    world.repo.push(&world.alice, Push::to("topic").file("a.txt", "one\n")).unwrap();
    let (alice, bob) = (world.as_user(&world.alice), world.as_user(&world.bob));
    let new = json!({"title": "A file", "head": "topic", "base": "main"});
    let opened = alice.post("/repos/acme/app/pulls", new.clone()).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.body["changed_files"], 1);
    let again = alice.post("/repos/acme/app/pulls", new).await;
    assert_eq!(again.status, 422);
    let text = "A pull request already exists for acme:topic.";
    assert_eq!(again.body["errors"][0]["message"], text);

    let approve = json!({"event": "APPROVE"});
    let own = alice.post("/repos/acme/app/pulls/1/reviews", approve.clone()).await;
    assert_eq!(own.status, 422);
    assert_eq!(own.body["errors"][0], "Can not approve your own pull request");
    let review = bob.post("/repos/acme/app/pulls/1/reviews", approve).await;
    assert_eq!((review.status, review.body["state"].as_str()), (200, Some("APPROVED")));

    let head = opened.body["head"]["sha"].as_str().unwrap();
    let stale = json!({"sha": "0".repeat(40)});
    let refused = bob.send("PUT", "/repos/acme/app/pulls/1/merge", Some(stale)).await;
    assert_eq!(refused.status, 409);
    let merge = json!({"sha": head});
    let merged = bob.send("PUT", "/repos/acme/app/pulls/1/merge", Some(merge)).await;
    assert_eq!(merged.status, 200, "{}", merged.body);
    assert_eq!(world.repo.tip("main").as_deref(), merged.body["sha"].as_str());
    assert_eq!(bob.get("/repos/acme/app/pulls/1/merge").await.status, 204);
    world.sim.settle().await;
    assert_eq!(
        world.events(),
        ["create", "push", "pull_request.opened", "pull_request_review.submitted", "pull_request.closed", "push",]
    );
    assert!(world.sim.violations().is_empty());
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let world = World::new().await;
    let alice = world.as_user(&world.alice);
    for (head, base, field) in [("nowhere", "main", "head"), ("main", "nowhere", "base")] {
        let new = json!({"title": "x", "head": head, "base": base});
        let answer = alice.post("/repos/acme/app/pulls", new).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
    world.repo.move_branch(&world.alice, "same", "main").unwrap();
    let new = json!({"title": "x", "head": "same", "base": "main"});
    let answer = alice.post("/repos/acme/app/pulls", new).await;
    assert_eq!(answer.body["errors"][0]["message"], "No commits between main and same");
}

#[tokio::test]
async fn a_draft_a_conflict_and_a_missing_check_are_not_merged() {
    let world = World::new().await;
    let pull = world.pull();
    let bob = world.as_user(&world.bob);
    let path = format!("/repos/acme/app/pulls/{pull}/merge");
    world.repo.set_draft(&world.alice, pull, true).unwrap();
    let answer = bob.send("PUT", &path, Some(json!({}))).await;
    assert_eq!((answer.status, answer.body["message"].as_str()), (405, Some("Pull Request is still a draft")));
    world.repo.set_draft(&world.alice, pull, false).unwrap();

    let rule = json!({
        "name": "checks", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}},
        "rules": [{"type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": false,
            "required_status_checks": [{"context": "gate", "integration_id": world.app.id}],
        }}],
    });
    world.repo.ruleset(rule).unwrap();
    let head = world.repo.tip("topic").unwrap();
    let forged = json!({"state": "success", "context": "gate"});
    let status = format!("/repos/acme/app/statuses/{head}");
    assert_eq!(world.as_user(&world.alice).post(&status, forged).await.status, 201);
    let answer = bob.send("PUT", &path, Some(json!({}))).await;
    assert_eq!(answer.status, 405);
    assert!(answer.body["message"].as_str().unwrap().contains("\"gate\" is expected"), "{}", answer.body);

    let run = json!({"name": "gate", "head_sha": head, "conclusion": "success"});
    assert_eq!(world.as_app().post("/repos/acme/app/check-runs", run).await.status, 201);
    world.repo.push(&world.bob, Push::to("rival").file("README.md", "hej\n")).unwrap();
    let rival = world.repo.open_pull(&world.bob, "Rival", "rival", "main").unwrap();
    assert_eq!(bob.send("PUT", &path, Some(json!({}))).await.status, 200);
    let shown = bob.get(&format!("/repos/acme/app/pulls/{rival}")).await;
    assert_eq!(shown.body["mergeable"], false);
    assert_eq!(shown.body["mergeable_state"], "dirty");
}

#[tokio::test]
async fn reviewers_need_access_and_are_not_the_author() {
    let world = World::new().await;
    let pull = world.pull();
    let carol = world.sim.user("carol");
    let bob = world.as_user(&world.bob);
    let path = format!("/repos/acme/app/pulls/{pull}/requested_reviewers");
    for login in ["carol", "alice", "nobody-at-all"] {
        let answer = bob.post(&path, json!({"reviewers": [login]})).await;
        assert_eq!(answer.status, 422, "{login}");
    }
    world.repo.role(&carol, Some(Role::Read));
    let team = world.acme.team("Security");
    world.repo.team_role(&team, Some(Role::Write));
    let wanted = json!({"reviewers": ["carol"], "team_reviewers": ["security"]});
    let answer = bob.post(&path, wanted).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["requested_reviewers"][0]["login"], "carol");
    assert_eq!(answer.body["requested_teams"][0]["slug"], "security");
}

#[tokio::test]
async fn an_edited_comment_tells_who_edited_it() {
    let world = World::new().await;
    let pull = world.pull();
    let comment = world.repo.comment(&world.alice, pull, "/gate approve").unwrap();
    world.repo.edit_comment(&world.bob, comment, "/gate reject").unwrap();
    let app = world.as_app();
    let list = app.get(&format!("/repos/acme/app/issues/{pull}/comments")).await;
    assert_eq!(list.body[0]["body"], "/gate reject");
    let foreign = json!({"body": "mine now"});
    let path = format!("/repos/acme/app/issues/comments/{comment}");
    assert_eq!(app.send("PATCH", &path, Some(foreign)).await.status, 403);
}

#[tokio::test]
async fn a_pull_request_comes_from_a_fork_and_follows_it() {
    let world = World::new().await;
    let carol = world.sim.user("carol");
    world.repo.role(&carol, Some(Role::Read));
    let fork = world.repo.fork(&carol).unwrap();
    fork.push(&carol, Push::to("idea").file("idea.txt", "one\n")).unwrap();
    let new = json!({"title": "An idea", "head": "carol:idea", "base": "main"});
    let opened = world.as_user(&carol).post("/repos/acme/app/pulls", new).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.body["head"]["repo"]["full_name"], "carol/app");
    let second = fork.push(&carol, Push::to("idea").file("idea.txt", "two\n")).unwrap();
    world.sim.settle().await;
    assert_eq!(world.events(), ["pull_request.opened", "pull_request.synchronize"]);
    assert_eq!(world.repo.pull_json(1)["head"]["sha"], second);
    let dir = tempfile::tempdir().unwrap();
    let url = world.repo.clone_url(&world.alice);
    let (ok, text) = crate::world::run_git(dir.path(), &["clone", "-q", &url, "."]).await;
    assert!(ok, "{text}");
    let (ok, text) = crate::world::run_git(dir.path(), &["fetch", "-q", "origin", "refs/pull/1/head"]).await;
    assert!(ok, "{text}");
    world.repo.merge(&world.bob, 1).unwrap();
    assert_eq!(world.repo.file("main", "idea.txt").unwrap(), b"two\n");
    assert_eq!(
        world.sim.deliveries().iter().filter(|d| d.event == "push").count(),
        2,
        "the fork's pushes are not ours"
    );
}

#[tokio::test]
async fn required_reviews_count_writers_and_go_stale_with_a_push() {
    let world = World::new().await;
    let pull = world.pull();
    let carol = world.sim.user("carol");
    world.repo.role(&carol, Some(Role::Read));
    let rule = json!({
        "name": "review", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "pull_request", "parameters": {
            "required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true,
        }}],
    });
    world.repo.ruleset(rule).unwrap();
    let direct = world.repo.push(&world.alice, Push::to("main").file("x", "x")).unwrap_err();
    assert!(direct.message().contains("Changes must be made through a pull request."));
    world.repo.review(&carol, pull, Verdict::Approve, None).unwrap();
    assert_eq!(world.repo.merge(&world.bob, pull).unwrap_err().status(), 405, "a reader does not count");
    let review = world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.repo.push(&world.alice, Push::to("topic").file("y", "y")).unwrap();
    let shown = world.as_app().get(&format!("/repos/acme/app/pulls/{pull}/reviews/{review}")).await;
    assert_eq!(shown.body["state"], "DISMISSED");
    assert_eq!(world.repo.merge(&world.bob, pull).unwrap_err().status(), 405);
    world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.repo.merge(&world.bob, pull).unwrap();
}

#[tokio::test]
async fn a_deleted_account_leaves_a_review_without_a_user() {
    let world = World::new().await;
    let pull = world.pull();
    world.repo.review(&world.bob, pull, Verdict::Approve, None).unwrap();
    world.sim.delete_user(&world.bob);
    let shown = world.as_app().get(&format!("/repos/acme/app/pulls/{pull}/reviews")).await;
    assert!(shown.body[0]["user"].is_null());
    assert_eq!(world.as_user(&world.bob).get("/user").await.status, 401);
}

#[tokio::test]
async fn squash_and_rebase_merge_as_github_does() {
    let world = World::new().await;
    let first = world.pull();
    world.repo.push(&world.alice, Push::to("topic").file("b", "b")).unwrap();
    let bob = world.as_user(&world.bob);
    let wish = json!({"merge_method": "squash", "commit_title": "Both at once"});
    assert_eq!(bob.send("PUT", &format!("/repos/acme/app/pulls/{first}/merge"), Some(wish)).await.status, 200);
    let tip = bob.get("/repos/acme/app/commits/main").await;
    assert_eq!(tip.body["commit"]["message"], "Both at once");
    assert_eq!(tip.body["parents"].as_array().unwrap().len(), 1);
    world.repo.push(&world.alice, Push::to("more").file("c", "c").message("C")).unwrap();
    let second = world.repo.open_pull(&world.alice, "More", "more", "main").unwrap();
    world.repo.push(&world.bob, Push::to("main").file("d", "d")).unwrap();
    let wish = json!({"merge_method": "rebase"});
    assert_eq!(bob.send("PUT", &format!("/repos/acme/app/pulls/{second}/merge"), Some(wish)).await.status, 200);
    let tip = bob.get("/repos/acme/app/commits/main").await;
    assert_eq!(tip.body["commit"]["message"], "C");
    assert_eq!(world.repo.file("main", "d").unwrap(), b"d");
}

#[tokio::test]
async fn a_strict_check_wants_the_head_up_to_date() {
    let world = World::new().await;
    let pull = world.pull();
    let rule = json!({
        "name": "strict", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}},
        "rules": [{"type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": true, "required_status_checks": [{"context": "ci"}],
        }}],
    });
    world.repo.push(&world.bob, Push::to("main").file("other", "x")).unwrap();
    world.repo.ruleset(rule).unwrap();
    let report = |sha: String| {
        let app = world.as_app();
        async move {
            app.post(&format!("/repos/acme/app/statuses/{sha}"), json!({"state": "success", "context": "ci"})).await
        }
    };
    report(world.repo.tip("topic").unwrap()).await;
    let refused = world.repo.merge(&world.bob, pull).unwrap_err();
    assert!(refused.message().contains("not up to date"), "{refused}");
    let merge = json!({"base": "topic", "head": "main"});
    assert_eq!(world.as_user(&world.alice).post("/repos/acme/app/merges", merge).await.status, 201);
    report(world.repo.tip("topic").unwrap()).await;
    world.repo.merge(&world.bob, pull).unwrap();
}
