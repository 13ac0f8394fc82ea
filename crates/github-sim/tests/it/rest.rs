//! What every REST answer has: paging, conditional requests, quota, errors.

use github_sim::ViolationKind;

use crate::world::World;

#[tokio::test]
async fn lists_are_paged_by_link_and_pages_are_at_most_a_hundred() {
    let world = World::new().await;
    let pull = world.pull();
    for n in 0..35 {
        world.repo.comment(&world.bob, pull, &format!("comment {n}")).unwrap();
    }
    let app = world.as_app();
    let mut next = Some(format!("/api/v3/repos/acme/app/issues/{pull}/comments"));
    let mut seen = 0;
    let mut pages = 0;
    while let Some(path) = next {
        let answer = app.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        seen += answer.body.as_array().unwrap().len();
        pages += 1;
        let link = answer.headers.get("link").map(|l| l.to_str().unwrap().to_owned());
        next = link.and_then(|link| {
            let part = link.split(", ").find(|part| part.contains("rel=\"next\""))?.to_owned();
            Some(part[1..part.find('>')?].to_owned())
        });
    }
    assert_eq!((seen, pages), (35, 2));
    let big = app.get(&format!("/repos/acme/app/issues/{pull}/comments?per_page=500")).await;
    assert_eq!(big.body.as_array().unwrap().len(), 35);
    assert!(!big.headers.contains_key("link"));
}

#[tokio::test]
async fn an_unchanged_answer_is_a_304_that_costs_nothing() {
    let world = World::new().await;
    let app = world.as_app();
    let path = "/repos/acme/app";
    let first = app.get(path).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let left = |headers: &axum::http::HeaderMap| -> u64 {
        headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap()
    };
    let second = app.send_with("GET", path, None, &[("if-none-match", &tag)]).await;
    assert_eq!(second.status, 304);
    assert_eq!(left(&second.headers), left(&first.headers));
    let other = world.as_user(&world.alice);
    let third = other.send_with("GET", path, None, &[("if-none-match", &tag)]).await;
    assert_eq!(third.status, 200, "a tag belongs to one credential");
}

#[tokio::test]
async fn the_hourly_quota_ends() {
    let world = World::new().await;
    world.sim.set_rate_limit(2);
    let app = world.as_app();
    assert_eq!(app.get("/repos/acme/app").await.status, 200);
    assert_eq!(app.get("/repos/acme/app").await.status, 200);
    let over = app.get("/repos/acme/app").await;
    assert_eq!(over.status, 403);
    assert_eq!(over.headers["x-ratelimit-remaining"], "0");
    assert_eq!(app.get("/rate_limit").await.status, 200);
}

#[tokio::test]
async fn an_unknown_route_is_the_callers_fault_and_a_known_one_a_gap() {
    let world = World::new().await;
    let app = world.as_app();
    assert_eq!(app.get("/repos/acme/app/no/such").await.status, 404);
    assert_eq!(app.get("/repos/acme/app/environments").await.status, 501);
    let kinds: Vec<ViolationKind> = world.sim.violations().iter().map(|v| v.kind).collect();
    assert_eq!(kinds, [ViolationKind::Caller, ViolationKind::Incomplete]);
    assert_eq!(world.sim.gaps().len(), 1);
}

#[tokio::test]
async fn broken_requests_get_githubs_answers() {
    let world = World::new().await;
    let app = world.as_app();
    let version = [("x-github-api-version", "1999-01-01")];
    assert_eq!(app.send_with("GET", "/repos/acme/app", None, &version).await.status, 400);
    let text = app.post("/repos/acme/app/pulls", serde_json::json!("text")).await;
    assert_eq!(text.status, 400);
    let empty = app.post("/repos/acme/app/pulls", serde_json::json!({})).await;
    assert_eq!((empty.status, empty.body["status"].as_str()), (422, Some("422")));
    assert_eq!(world.as_nobody().get("/repos/acme/app").await.status, 404);
}

#[tokio::test]
async fn calls_are_counted_between_marks() {
    let world = World::new().await;
    let app = world.as_app();
    let mark = world.sim.mark();
    app.get("/repos/acme/app").await;
    app.get("/repos/acme/app/pulls").await;
    world.as_user(&world.alice).get("/user").await;
    let since = world.sim.since(mark);
    assert_eq!((since.rest_calls(), since.writes()), (2, 0));
    assert_eq!(since.count("pulls/list"), 1);
}
