//! What we ask as the App.

use serde_json::{Value, json};

use super::*;
use crate::engine::ports::FailedDelivery;

fn installations() -> Answer {
    Answer::ok(&json!([
        { "id": 4, "suspended_at": "2027-01-01T00:00:00Z" },
        { "id": 5, "suspended_at": null },
        { "id": 6 },
    ]))
}

#[tokio::test]
async fn we_are_the_bot_of_our_slug_and_ask_once() {
    let (github, server, _) = github(|seen| seen.is("GET", "/app/installations").then(installations)).await;
    for _ in 0..2 {
        let me = github.ourselves().await.unwrap();
        assert_eq!((me.id.get(), me.login.as_str(), me.is_person()), (900, "cs[bot]", false));
    }
    assert_eq!((server.count("GET", "/users/"), server.mints()), (1, 1));
}

#[tokio::test]
async fn before_anything_is_installed_we_are_known_all_the_same() {
    let (github, _, _) = github(|seen| match seen.path.as_str() {
        "/users/cs%5Bbot%5D" if seen.token.is_empty() => {
            Some(Answer::ok(&json!({ "id": 900, "login": "cs[bot]", "type": "Bot" })))
        }
        path if path.starts_with("/app/installations") => Some(Answer::ok(&json!([]))),
        _ => None,
    })
    .await;
    assert_eq!(github.ourselves().await.unwrap().id.get(), 900);
}

#[tokio::test]
async fn repositories_of_every_installation_but_the_suspended_are_listed() {
    let (github, server, _) = github(|seen| {
        if seen.is("GET", "/app/installations") {
            return Some(installations());
        }
        if seen.path.starts_with("/app/installations/6/") {
            return Some(Answer::error(403, "This installation has been suspended"));
        }
        let page =
            |id: u64| json!({ "total_count": 2, "repositories": [{ "id": id, "full_name": format!("acme/r{id}") }] });
        seen.is("GET", "/installation/repositories").then(|| match seen.path.contains("page=2") {
            true => Answer::ok(&page(2)),
            false => {
                Answer::ok(&page(1)).with("link", r#"</installation/repositories?per_page=100&page=2>; rel="next""#)
            }
        })
    })
    .await;
    let repositories = github.repositories().await.unwrap();
    let names: Vec<_> = repositories.iter().map(|repo| (repo.name.to_string(), repo.installation.get())).collect();
    assert_eq!(names, [("acme/r1".to_owned(), 5), ("acme/r2".to_owned(), 5)]);
    assert_eq!(server.count("POST", "/installations/4/"), 0);
}

#[tokio::test]
async fn a_list_of_repositories_that_is_too_short_is_no_answer() {
    let (github, _, _) = github(|seen| match seen.path.split('?').next().unwrap() {
        "/app/installations" => Some(Answer::ok(&json!([{ "id": 5 }]))),
        "/installation/repositories" => {
            Some(Answer::ok(&json!({ "total_count": 2, "repositories": [{ "id": 1, "full_name": "acme/app" }] })))
        }
        _ => None,
    })
    .await;
    assert_eq!(github.repositories().await.unwrap_err().kind, ForgeErrorKind::Later);
}

fn delivery(id: u64, guid: &str, minute: u64, status_code: u64) -> Value {
    json!({ "id": id, "guid": guid, "delivered_at": format!("2027-01-15T07:{minute:02}:00.5Z"), "status_code": status_code })
}

#[tokio::test]
async fn deliveries_without_any_success_are_found_and_asked_for_again() {
    let (github, server, _) = github(|seen| {
        if seen.is("POST", "/app/hook/deliveries/9/attempts") {
            return Some(Answer::json(202, &json!({})));
        }
        seen.is("GET", "/app/hook/deliveries").then(|| match seen.path.contains("cursor=") {
            false => Answer::ok(&json!([
                delivery(9, "lost-twice", 50, 502),
                delivery(8, "redelivered", 49, 200),
                delivery(7, "lost-once", 48, 0),
            ]))
            .with("link", r#"</app/hook/deliveries?per_page=100&cursor=v1_7>; rel="next""#),
            true => Answer::ok(&json!([
                delivery(6, "redelivered", 40, 500),
                delivery(5, "lost-twice", 39, 502),
                delivery(4, "fine", 38, 202),
                delivery(3, "too-old", 10, 500),
            ])),
        })
    })
    .await;
    let since = Timestamp::parse("2027-01-15T07:30:00Z").unwrap();
    let failed = github.failed_deliveries(since).await.unwrap();
    let found: Vec<_> = failed.iter().map(|one| (one.attempt, one.delivery.to_string())).collect();
    assert_eq!(found, [(9, "lost-twice".to_owned()), (7, "lost-once".to_owned())]);
    github.redeliver(&failed[0]).await.unwrap();
    assert_eq!(server.count("POST", "/app/hook/deliveries/9/attempts"), 1);
    let gone = FailedDelivery { attempt: 1, delivery: failed[0].delivery.clone() };
    assert_eq!(github.redeliver(&gone).await.unwrap_err().kind, ForgeErrorKind::NotFound);
}
