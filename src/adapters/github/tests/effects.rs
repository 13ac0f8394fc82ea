//! Effects: each once, whatever the network does.

use std::sync::Mutex;

use countersign_core::domain::{CheckId, CommentId, TeamSlug};
use countersign_core::effect::{COMMENT_MARKER, Check, CheckState, Effect, Receipt};
use serde_json::{Value, json};

use super::*;

fn open_change() -> Effect {
    Effect::OpenChange { head: branch("feature/x"), base: branch("main"), title: "t".to_owned(), body: "b".to_owned() }
}

fn comment(id: Option<u64>) -> Effect {
    let body = format!("hello\n{COMMENT_MARKER}");
    Effect::Comment { change: CHANGE, id: id.map(CommentId::new), body }
}

fn set_check(id: Option<u64>, state: CheckState) -> Effect {
    let check = Check { state, title: "t".to_owned(), summary: "s".to_owned(), external_id: "key".to_owned() };
    Effect::SetCheck { head: oid('a'), id: id.map(CheckId::new), check }
}

/// What a creating operation looks like: how it is created, how it is found, and what each answers.
struct Creation {
    effect: Effect,
    post: &'static str,
    list: &'static str,
    one: Value,
    listed: fn(Option<Value>) -> Value,
    receipt: Receipt,
}

fn creations() -> [Creation; 3] {
    let plain = |one: Option<Value>| json!(one.into_iter().collect::<Vec<_>>());
    [
        Creation {
            effect: open_change(),
            post: "/repos/acme/app/pulls",
            list: "/repos/acme/app/pulls",
            one: pull(7),
            listed: plain,
            receipt: Receipt::Opened(CHANGE),
        },
        Creation {
            effect: comment(None),
            post: "/repos/acme/app/issues/7/comments",
            list: "/repos/acme/app/issues/7/comments",
            one: json!({ "id": 8, "body": format!("hello\r\n{COMMENT_MARKER}"), "user": { "id": 900, "login": "cs[bot]", "type": "Bot" } }),
            listed: plain,
            receipt: Receipt::Comment(CommentId::new(8)),
        },
        Creation {
            effect: set_check(None, CheckState::Success),
            post: "/repos/acme/app/check-runs",
            list: "/repos/acme/app/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/check-runs",
            one: json!({ "id": 9, "name": "countersign", "status": "completed", "external_id": "key", "app": { "id": 77 } }),
            listed: |one| json!({ "total_count": 0, "check_runs": one.into_iter().collect::<Vec<_>>() }),
            receipt: Receipt::Check(CheckId::new(9)),
        },
    ]
}

/// How the first POST ends, how often it fails, whether it has its effect all the same.
async fn create(
    creation: &Creation,
    failures: usize,
    has_effect: bool,
    failure: Answer,
) -> (Result<Receipt, ForgeErrorKind>, usize) {
    let (post, list, one, listed) = (creation.post, creation.list, creation.one.clone(), creation.listed);
    let there: Mutex<Option<Value>> = Mutex::new(None);
    let (github, server, _) = github(move |seen| {
        if seen.is("POST", post) {
            let fails = seen.before < failures;
            if !fails || has_effect {
                *there.lock().unwrap() = Some(one.clone());
            }
            return Some(if fails { failure.clone() } else { Answer::json(201, &one) });
        }
        seen.is("GET", list).then(|| Answer::ok(&listed(there.lock().unwrap().clone())))
    })
    .await;
    let outcome = github.apply(&repo(), &creation.effect).await.map_err(|error| error.kind);
    (outcome, server.seen().iter().filter(|seen| seen.is("POST", post)).count())
}

#[tokio::test]
async fn a_server_fault_after_the_effect_makes_nothing_twice() {
    for creation in creations() {
        let fault = Answer::error(502, "Bad Gateway");
        assert_eq!(create(&creation, 1, true, fault).await, (Ok(creation.receipt.clone()), 1), "{}", creation.post);
        let late = Answer::error(201, "late").after(Duration::from_secs(60));
        assert_eq!(create(&creation, 1, true, late).await, (Ok(creation.receipt.clone()), 1), "{}", creation.post);
    }
}

#[tokio::test]
async fn a_server_fault_without_effect_is_tried_once_more_and_then_left_for_later() {
    for creation in creations() {
        let fault = || Answer::error(500, "oops");
        assert_eq!(create(&creation, 1, false, fault()).await, (Ok(creation.receipt.clone()), 2), "{}", creation.post);
        assert_eq!(create(&creation, 9, false, fault()).await, (Err(ForgeErrorKind::Later), 2), "{}", creation.post);
    }
}

#[tokio::test]
async fn a_refusal_or_a_limit_is_never_repeated() {
    for creation in creations() {
        for (status, kind) in
            [(403, ForgeErrorKind::Forbidden), (404, ForgeErrorKind::NotFound), (422, ForgeErrorKind::Refused)]
        {
            assert_eq!(
                create(&creation, 9, false, Answer::error(status, "no")).await,
                (Err(kind), 1),
                "{}",
                creation.post
            );
        }
        let limit = Answer::error(429, "slow down").with("retry-after", "10");
        let (outcome, posts) = create(&creation, 9, false, limit).await;
        assert!(matches!(outcome, Err(ForgeErrorKind::Wait(_))));
        assert_eq!(posts, 1);
    }
}

#[tokio::test]
async fn a_request_that_is_open_already_is_the_one_opened() {
    let (github, server, _) = github(|seen| {
        if seen.is("POST", "/repos/acme/app/pulls") {
            let body = json!({ "message": "Validation Failed", "errors": [{ "message": "A pull request already exists for acme:feature/x." }] });
            return Some(Answer::json(422, &body));
        }
        seen.is("GET", "/repos/acme/app/pulls").then(|| Answer::ok(&json!([pull(7)])))
    })
    .await;
    assert_eq!(github.apply(&repo(), &open_change()).await.unwrap(), Receipt::Opened(CHANGE));
    let posted = server.seen().into_iter().find(|seen| seen.method == "POST" && seen.path.ends_with("/pulls")).unwrap();
    assert_eq!(posted.body, json!({ "head": "feature/x", "base": "main", "title": "t", "body": "b" }));
}

#[tokio::test]
async fn a_write_to_a_renamed_repository_keeps_its_method_and_body() {
    let (github, server, _) = github(|seen| {
        let host = seen.headers.get("host").unwrap().to_str().unwrap().to_owned();
        let to = |path: &str| Some(Answer::error(307, "Moved").with("location", &format!("http://{host}{path}")));
        match (seen.method.as_str(), seen.path.as_str()) {
            ("POST", "/repos/acme/app/issues/7/comments") => to("/repositories/1/issues/7/comments"),
            ("POST", "/repositories/1/issues/7/comments") => {
                Some(Answer::json(201, &json!({ "id": 8, "body": seen.body["body"] })))
            }
            ("GET", "/repos/acme/app") => to("/repositories/1"),
            ("GET", "/repositories/1") => {
                Some(Answer::ok(&json!({ "id": 1, "full_name": "acme/new", "default_branch": "main" })))
            }
            _ => None,
        }
    })
    .await;
    assert_eq!(github.apply(&repo(), &comment(None)).await.unwrap(), Receipt::Comment(CommentId::new(8)));
    let posted = server.seen().into_iter().find(|seen| seen.path.starts_with("/repositories/1/issues")).unwrap();
    assert_eq!(posted.body["body"], json!(format!("hello\n{COMMENT_MARKER}")));
}

#[tokio::test]
async fn a_comment_somebody_deleted_is_written_anew() {
    let (github, server, _) = github(|seen| match (seen.method.as_str(), seen.path.split('?').next().unwrap()) {
        ("GET", "/repos/acme/app/issues/7/comments") => {
            // The marker in another person's comment is nothing.
            let theirs =
                json!({ "id": 1, "body": COMMENT_MARKER, "user": { "id": 11, "login": "ann", "type": "User" } });
            Some(Answer::ok(&json!([theirs])))
        }
        ("POST", "/repos/acme/app/issues/7/comments") => Some(Answer::json(201, &json!({ "id": 9, "body": "" }))),
        _ => None,
    })
    .await;
    assert_eq!(github.apply(&repo(), &comment(Some(8))).await.unwrap(), Receipt::Comment(CommentId::new(9)));
    assert_eq!((server.count("PATCH", "/comments/8"), server.count("PATCH", "/comments/1")), (1, 0));
}

#[tokio::test]
async fn a_check_that_is_gone_or_cannot_be_reopened_is_made_anew() {
    for stays_completed in [false, true] {
        let (github, server, _) = github(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
            ("PATCH", "/repos/acme/app/check-runs/5") if stays_completed => {
                Some(Answer::ok(&json!({ "id": 5, "status": "completed" })))
            }
            ("POST", "/repos/acme/app/check-runs") => {
                Some(Answer::json(201, &json!({ "id": 6, "status": "in_progress" })))
            }
            _ => None,
        })
        .await;
        let receipt = github.apply(&repo(), &set_check(Some(5), CheckState::InProgress)).await.unwrap();
        assert_eq!(receipt, Receipt::Check(CheckId::new(6)));
        let posted =
            server.seen().into_iter().find(|seen| seen.method == "POST" && seen.path.ends_with("/check-runs")).unwrap();
        assert_eq!(posted.body["head_sha"], json!("a".repeat(40)));
        assert_eq!(posted.body["name"], json!("countersign"));
    }
}

#[tokio::test]
async fn those_who_cannot_be_asked_are_skipped() {
    const PATH: &str = "/repos/acme/app/pulls/7/requested_reviewers";
    let (github, server, _) = github(|seen| {
        seen.is("POST", PATH).then(|| {
            let has = |list: &str, name: &str| seen.body[list].as_array().is_some_and(|l| l.contains(&json!(name)));
            let refused = has("reviewers", "eve");
            if refused {
                Answer::error(422, "Reviews may only be requested from collaborators")
            } else {
                Answer::json(201, &json!({}))
            }
        })
    })
    .await;
    let team = |name| TeamSlug::parse(name).unwrap();
    let effect = |users: &[&str], teams: Vec<TeamSlug>| Effect::RequestReviewers {
        change: CHANGE,
        users: users.iter().map(|name| login(name)).collect(),
        teams,
    };
    let all = effect(&["ann", "eve"], vec![team("acme/security"), team("other/team")]);
    assert_eq!(github.apply(&repo(), &all).await.unwrap(), Receipt::Done);
    let asked: Vec<_> = server.seen().into_iter().filter(|seen| seen.is("POST", PATH)).map(|seen| seen.body).collect();
    assert_eq!(
        asked,
        [
            json!({ "reviewers": ["ann", "eve"], "team_reviewers": ["security"] }),
            json!({ "reviewers": ["ann"] }),
            json!({ "reviewers": ["eve"] }),
            json!({ "team_reviewers": ["security"] }),
        ]
    );
    assert_eq!(github.apply(&repo(), &effect(&["eve"], vec![])).await.unwrap(), Receipt::Done);
    assert_eq!(github.apply(&repo(), &effect(&[], vec![])).await.unwrap(), Receipt::Done);
    assert_eq!(server.count("POST", PATH), 5);
}

/// Merges with the given answers to the merge and, after doubt, to the read.
async fn merge(merge: Answer, read: Value) -> (Result<countersign_core::domain::Oid, ForgeErrorKind>, usize) {
    let (github, server, _) = github(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", "/repos/acme/app/pulls/7/merge") => Some(merge.clone()),
        ("GET", "/repos/acme/app/pulls/7") => Some(Answer::ok(&read)),
        ("GET", "/repos/acme/app/git/ref/heads/main") => {
            Some(Answer::ok(&json!({ "object": { "sha": "e".repeat(40) } })))
        }
        _ => None,
    })
    .await;
    let outcome = github.merge(&repo(), CHANGE, (&oid('a'), &branch("main")), "title", "message").await;
    let sent: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(
        sent[0].body,
        json!({ "sha": "a".repeat(40), "merge_method": "merge", "commit_title": "title", "commit_message": "message" })
    );
    (outcome.map_err(|fault| fault.kind), sent.len())
}

#[tokio::test]
async fn a_merge_names_its_head_and_is_sent_once() {
    let merged = |sha: Value, head: char| {
        let mut pull = pull(7);
        pull["state"] = json!("closed");
        pull["merged"] = json!(true);
        pull["merge_commit_sha"] = sha;
        pull["head"]["sha"] = json!(head.to_string().repeat(40));
        pull
    };
    let c = json!("c".repeat(40));
    let fault = || Answer::error(502, "Bad Gateway");
    for (name, answer, read, expected) in [
        ("fine", Answer::ok(&json!({ "sha": "d".repeat(40), "merged": true })), pull(7), Ok(oid('d'))),
        ("conflict", Answer::error(405, "not mergeable"), pull(7), Err(ForgeErrorKind::Refused)),
        ("moved", Answer::error(409, "Head branch was modified"), pull(7), Err(ForgeErrorKind::Refused)),
        ("invalid", Answer::error(422, "no"), pull(7), Err(ForgeErrorKind::Refused)),
        ("fault, merged", fault(), merged(c.clone(), 'a'), Ok(oid('c'))),
        ("fault, merged, commit not told", fault(), merged(json!(null), 'a'), Ok(oid('e'))),
        ("fault, not merged", fault(), pull(7), Err(ForgeErrorKind::Later)),
        ("fault, merged otherwise", fault(), merged(c.clone(), 'f'), Err(ForgeErrorKind::Refused)),
        (
            "silence, merged",
            Answer::ok(&json!({})).after(Duration::from_secs(60)),
            merged(c.clone(), 'a'),
            Ok(oid('c')),
        ),
    ] {
        assert_eq!(merge(answer, read).await, (expected, 1), "{name}");
    }
}

#[tokio::test]
async fn a_description_that_went_through_is_not_sent_again() {
    let written: Mutex<Value> = Mutex::new(pull(7));
    let (github, server, _) = github(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PATCH", "/repos/acme/app/pulls/7") => {
            let mut pull = written.lock().unwrap();
            pull["title"] = seen.body["title"].clone();
            pull["body"] = seen.body["body"].clone();
            Some(Answer::error(503, "unavailable"))
        }
        ("GET", "/repos/acme/app/pulls/7") => Some(Answer::ok(&written.lock().unwrap())),
        _ => None,
    })
    .await;
    let effect = Effect::DescribeChange { change: CHANGE, title: "new".to_owned(), body: "text".to_owned() };
    assert_eq!(github.apply(&repo(), &effect).await.unwrap(), Receipt::Done);
    assert_eq!(server.count("PATCH", "/pulls/7"), 1);
}
