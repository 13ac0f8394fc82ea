//! One pull request, read in two ways.

use std::sync::atomic::AtomicBool;

use countersign_core::facts::question::{ChangeRead, CommentText, Moment};
use countersign_core::facts::{Question, VoteKind};
use serde_json::{Value, json};

use super::*;

fn user(id: u64, name: &str) -> Value {
    json!({ "id": id, "login": name, "type": "User" })
}

fn actor(id: u64, name: &str) -> Value {
    json!({ "__typename": "User", "databaseId": id, "login": name })
}

fn rest_pull() -> Value {
    let mut pull = pull(7);
    pull["requested_reviewers"] = json!([user(12, "bob"), { "id": 31, "login": "helper[bot]", "type": "Bot" }]);
    pull["requested_teams"] = json!([{ "id": 3, "slug": "security" }]);
    pull["user"] = json!({ "id": 900, "login": "cs[bot]", "type": "Bot" });
    pull
}

/// REST: two pages of reviews, two commits, comments of others before ours.
fn by_rest(seen: &Seen) -> Option<Answer> {
    let path = seen.path.split('?').next().unwrap().strip_prefix("/repos/acme/app")?;
    let review = |id: u64, who: Value, state: &str| json!({ "id": id, "user": who, "state": state, "commit_id": "a".repeat(40), "submitted_at": "2027-01-15T07:00:00Z" });
    Some(match path {
        "/pulls/7" => Answer::ok(&rest_pull()),
        "/pulls/7/reviews" if seen.path.contains("page=2") => {
            let mut last = review(5, user(13, "cy"), "ENDORSED");
            last["commit_id"] = json!(null);
            Answer::ok(&json!([review(4, user(10_137, "ghost"), "DISMISSED"), last]))
        }
        "/pulls/7/reviews" => {
            let all = [
                review(3_000_000_001, user(11, "ann"), "APPROVED"),
                review(2, user(12, "bob"), "CHANGES_REQUESTED"),
                review(3, user(12, "bob"), "COMMENTED"),
            ];
            Answer::ok(&json!(all)).with("link", r#"</repos/acme/app/pulls/7/reviews?per_page=100&page=2>; rel="next""#)
        }
        "/pulls/7/commits" => Answer::ok(&json!([
            { "sha": "1".repeat(40), "author": user(14, "dee"), "committer": user(19_864_447, "web-flow"), "commit": {
                "message": "one\n\nCo-authored-by: Eve <15+eve@users.noreply.github.com>\nCo-authored-by: X <x@nowhere.io>",
                "author": { "email": "Dee@acme.io" }, "committer": { "email": "noreply@github.com" } } },
            { "sha": "2".repeat(40), "author": {}, "committer": null, "commit": {
                "message": "two", "author": { "email": "31+helper[bot]@users.noreply.github.com" }, "committer": { "email": "x@nowhere.io" } } },
        ])),
        "/issues/7/timeline" => Answer::ok(&json!([
            { "event": "labeled", "created_at": "2027-01-15T07:30:00Z" },
            { "event": "review_dismissed", "created_at": "2027-01-15T08:00:00Z", "actor": user(11, "ann"),
              "dismissed_review": { "state": "changes_requested", "review_id": 4 } },
        ])),
        "/issues/7/comments" => {
            let bot = || json!({ "id": 900, "login": "cs[bot]", "type": "Bot" });
            let comment = |id: u64, who: Value, body: &str, edited: bool| {
                let updated = if edited { "2027-01-15T07:00:09Z" } else { "2027-01-15T07:00:00Z" };
                json!({ "id": id, "body": body, "user": who, "created_at": "2027-01-15T07:00:00Z", "updated_at": updated })
            };
            Answer::ok(&json!([
                comment(1, user(11, "ann"), "<!-- countersign --> mine", false),
                comment(2, bot(), "hello", false),
                comment(3, bot(), "<!-- countersign --> state", false),
                comment(4, bot(), "<!-- countersign --> newer", false),
                comment(5, user(11, "ann"), "/countersign reject", false),
                comment(6, user(12, "bob"), "/countersign merge", true),
            ]))
        }
        _ => return None,
    })
}

fn list(nodes: &[Value], next: Option<&str>) -> Value {
    json!({ "pageInfo": { "hasNextPage": next.is_some(), "endCursor": next }, "nodes": nodes })
}

fn by_graphql(seen: &Seen) -> Answer {
    let (query, after) = (seen.body["query"].as_str().unwrap(), &seen.body["variables"]["after"]);
    assert_eq!(seen.body["variables"]["number"], json!(7));
    let review = |id: &str, who: Value, state: &str| json!({ "fullDatabaseId": id, "author": who, "state": state, "commit": { "oid": "a".repeat(40) }, "submittedAt": "2027-01-15T07:00:00Z", "authorCanPushToRepository": true });
    let bot = json!({ "__typename": "Bot", "databaseId": 900, "login": "cs" });
    let comment = |id: &str, who: &Value, body: &str| {
        json!({ "fullDatabaseId": id, "body": body, "author": who, "createdAt": "2027-01-15T07:00:00Z",
                "lastEditedAt": null, "isMinimized": false, "editor": null })
    };
    let mut edited = comment("6", &actor(12, "bob"), "/countersign merge");
    (edited["lastEditedAt"], edited["editor"]) = (json!("2027-01-15T07:00:09Z"), actor(13, "cy"));
    let pull = if *after == json!("r2") {
        assert!(query.contains("reviews(first: 100, after: $after)") && !query.contains("commits("));
        let mut last = review("5", actor(13, "cy"), "ENDORSED");
        last["commit"] = json!(null);
        json!({ "reviews": list(&[review("4", json!(null), "DISMISSED"), last], None) })
    } else if *after == json!("c2") {
        json!({ "comments": list(&[comment("3", &bot, "<!-- countersign --> state"), comment("4", &bot, "<!-- countersign --> newer"), comment("5", &actor(11, "ann"), "/countersign reject"), edited], None) })
    } else {
        let reviews = [
            review("3000000001", actor(11, "ann"), "approved"),
            review("2", actor(12, "bob"), "CHANGES_REQUESTED"),
            review("3", actor(12, "bob"), "COMMENTED"),
        ];
        let signature = |email: &str, who: Value| json!({ "email": email, "user": who });
        let dee = signature("dee@acme.io", json!({ "databaseId": 14, "login": "dee" }));
        let eve = signature("15+eve@users.noreply.github.com", json!({ "databaseId": 15, "login": "eve" }));
        let first = json!({ "commit": { "oid": "1".repeat(40), "message": "one\n\nCo-authored-by: X <x@nowhere.io>",
            "authors": list(&[dee, eve], None), "committer": signature("noreply@github.com", json!(null)) } });
        let helper = signature("31+helper[bot]@users.noreply.github.com", json!(null));
        let second = json!({ "commit": { "oid": "2".repeat(40), "message": "two",
            "authors": list(&[helper], None), "committer": signature("x@nowhere.io", json!(null)) } });
        let requested = |who: Value| json!({ "requestedReviewer": who });
        let requests = [
            requested(json!({ "__typename": "User", "login": "bob" })),
            requested(json!({ "__typename": "Bot", "login": "helper" })),
            requested(json!({ "__typename": "Team", "slug": "security" })),
        ];
        let dismissed = json!({ "__typename": "ReviewDismissedEvent", "createdAt": "2027-01-15T08:00:00Z", "actor": actor(11, "ann"),
            "previousReviewState": "CHANGES_REQUESTED", "review": { "fullDatabaseId": "4" } });
        json!({
            "timelineItems": list(&[dismissed], None),
            "number": 7, "url": "https://github.com/acme/app/pull/7", "title": "t", "body": "", "state": "OPEN", "isDraft": false, "updatedAt": "2027-01-15T08:00:00Z",
            "headRefName": "feature/x", "headRefOid": "a".repeat(40), "baseRefName": "main", "headRepository": { "databaseId": 1 },
            "author": bot, "reviews": list(&reviews, Some("r2")), "commits": list(&[first, second], None),
            "reviewRequests": list(&requests, None),
            "comments": list(&[comment("1", &actor(11, "ann"), "<!-- countersign --> mine"), comment("2", &bot, "hello")], Some("c2")),
        })
    };
    let repository = json!({ "databaseId": 1, "owner": { "login": "acme" }, "pullRequest": pull });
    Answer::ok(&json!({ "data": { "repository": repository, "rateLimit": { "cost": 1, "remaining": 4999 } } }))
}

async fn read(github: &GitHub) -> ChangeRead {
    *github.answer(&repo(), &Question::Change(CHANGE), Freshness::Now).await.unwrap().change().unwrap()
}

#[tokio::test]
async fn both_ways_of_reading_a_change_say_the_same() {
    let (by_graph, server, _) = github(|seen| seen.is("POST", "/graphql").then(|| by_graphql(seen))).await;
    let mut graph = read(&by_graph).await;
    assert_eq!((server.count("POST", "/graphql"), server.count("GET", "/pulls")), (3, 0));
    let (by_plain, _, _) = github(|seen| match seen.is("POST", "/graphql") {
        true => Some(Answer::ok(&json!({ "errors": [{ "message": "Field 'fullDatabaseId' doesn't exist" }] }))),
        false => by_rest(seen),
    })
    .await;
    let mut rest = read(&by_plain).await;
    assert!(graph.read_at.is_some() && rest.read_at.is_some());
    (graph.read_at, rest.read_at) = (None, None);
    let ann = rest.reviews[0].author.clone();
    assert_eq!(
        rest.moments[0].what,
        Moment::Dismissed { review: rest.reviews[3].id, said: Some(VoteKind::Reject), by: ann }
    );
    assert!(graph.reviews.iter().all(|review| review.may_push == Some(true)));
    graph.reviews.iter_mut().for_each(|review| review.may_push = None);
    let said = |comments: &[CommentText]| {
        comments.iter().map(|comment| (comment.id.get(), comment.edited)).collect::<Vec<_>>()
    };
    assert_eq!(said(&rest.comments), [(5, false), (6, true)]);
    // each way knows something that the other does not
    assert_eq!(graph.comments[1].editor.as_ref().map(|editor| editor.id.get()), Some(13));
    for comment in &mut graph.comments {
        assert_eq!((comment.hidden.take(), comment.through_an_app.replace(false)), (Some(false), None));
        comment.editor = None;
    }
    assert_eq!(graph, rest);

    let kinds: Vec<_> = rest.reviews.iter().map(|review| review.kind).collect();
    assert_eq!(
        kinds,
        [Some(VoteKind::Approve), Some(VoteKind::Reject), None, Some(VoteKind::Ended), Some(VoteKind::Unrecognised)]
    );
    assert_eq!(rest.reviews[0].id.get(), 3_000_000_001);
    assert_eq!((rest.reviews[3].author.as_ref(), rest.reviews[4].commit.as_ref()), (None, None));
    assert_eq!(rest.head_ref, Some(branch("feature/x")));
    assert_eq!(rest.our_comment.as_ref().unwrap().id.get(), 3);
    assert_eq!(rest.requested_users, [login("bob"), login("helper[bot]")]);
    assert_eq!(rest.requested_teams[0].to_string(), "acme/security");
    let people =
        |n: usize| rest.commits[n].authors.iter().map(|(_, who)| who.as_ref().map(|a| a.id.get())).collect::<Vec<_>>();
    assert_eq!((people(0), people(1)), (vec![Some(14), Some(15), None], vec![Some(31)]));
    assert_eq!(rest.commits[0].authors[0].0, "dee@acme.io");
}

#[tokio::test]
async fn graphql_that_fails_is_left_alone_for_some_minutes() {
    static WORKS: AtomicBool = AtomicBool::new(false);
    let (github, server, clock) = github(|seen| match seen.is("POST", "/graphql") {
        true if WORKS.load(Ordering::SeqCst) => Some(by_graphql(seen)),
        true => Some(Answer::error(502, "Bad Gateway")),
        false => by_rest(seen),
    })
    .await;
    read(&github).await;
    read(&github).await;
    assert_eq!(server.count("POST", "/graphql"), 1);
    WORKS.store(true, Ordering::SeqCst);
    clock.advance(300);
    let before = server.count("GET", "/repos/");
    read(&github).await;
    assert_eq!((server.count("POST", "/graphql"), server.count("GET", "/repos/")), (4, before));
}

#[tokio::test]
async fn incomplete_data_is_never_a_shorter_answer() {
    let broken: [fn(&mut Value); 4] = [
        |pull| pull["reviews"] = json!(null),
        |pull| pull["reviews"]["nodes"][0] = json!(null),
        |pull| pull["commits"]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": null }),
        |pull| pull["headRefOid"] = json!(null),
    ];
    for (n, spoil) in broken.into_iter().enumerate() {
        let (github, server, _) = github(move |seen| match seen.is("POST", "/graphql") {
            true => {
                let mut body: Value = serde_json::from_str(by_graphql(seen).text()).unwrap();
                spoil(&mut body["data"]["repository"]["pullRequest"]);
                Some(Answer::ok(&body))
            }
            false => by_rest(seen),
        })
        .await;
        assert_eq!(read(&github).await.reviews.len(), 5, "{n}");
        assert!(server.count("GET", "/pulls/7/reviews") > 0, "{n}");
    }
}

#[tokio::test]
async fn the_graphql_limit_comes_with_status_200_and_holds_rest_too() {
    let (github, server, clock) = github(|seen| match seen.is("POST", "/graphql") {
        true => Some(
            Answer::ok(&json!({ "errors": [{ "type": "RATE_LIMITED", "message": "API rate limit exceeded" }] }))
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", "1800000120")
                .with("x-ratelimit-resource", "graphql"),
        ),
        false => by_rest(seen),
    })
    .await;
    let error = github.answer(&repo(), &Question::Change(CHANGE), Freshness::Now).await.unwrap_err();
    let until = Timestamp::from_seconds(clock.now().seconds() + 120);
    assert_eq!(error.kind, ForgeErrorKind::Wait(until));
    github.answer(&repo(), &Question::Repository, Freshness::Now).await.unwrap_err();
    assert_eq!(server.count("GET", "/repos/"), 0);
}

#[tokio::test]
async fn a_change_that_is_not_there_is_not_found_and_graphql_stays_in_use() {
    let (github, server, _) = github(|seen| {
        seen.is("POST", "/graphql").then(|| {
            let error = json!({ "type": "NOT_FOUND", "message": "Could not resolve to a PullRequest with the number of 7." });
            Answer::ok(&json!({ "data": { "repository": { "databaseId": 1, "owner": { "login": "acme" }, "pullRequest": null } }, "errors": [error] }))
        })
    })
    .await;
    for _ in 0..2 {
        let error = github.answer(&repo(), &Question::Change(CHANGE), Freshness::Now).await.unwrap_err();
        assert_eq!(error.kind, ForgeErrorKind::NotFound);
    }
    assert_eq!(server.count("POST", "/graphql"), 2);
}

#[tokio::test]
async fn a_change_of_another_repository_is_no_answer() {
    let (github, _, _) = github(|seen| match seen.is("POST", "/graphql") {
        true => Some(Answer::error(404, "Not Found")),
        false if seen.is("GET", "/repos/acme/app/pulls/7") => {
            let mut other = rest_pull();
            other["base"]["repo"]["id"] = json!(2);
            Some(Answer::ok(&other))
        }
        false => by_rest(seen),
    })
    .await;
    let error = github.answer(&repo(), &Question::Change(CHANGE), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound);
}

#[test]
fn queries_use_what_they_define() {
    for query in crate::adapters::github::graphql::queries() {
        assert_eq!(query.contains("fragment who"), query.contains("...who"), "{query}");
        assert_eq!(query.matches('{').count(), query.matches('}').count(), "{query}");
    }
}
