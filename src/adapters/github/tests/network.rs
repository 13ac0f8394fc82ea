//! Pages, redirects, limits, confirmed answers, silence.

use countersign_core::domain::{Permission, TeamSlug};
use countersign_core::facts::{Answer as Told, Question};
use serde_json::json;

use super::*;

fn members() -> Question {
    Question::TeamMembers(TeamSlug::parse("acme/security").unwrap())
}

const MEMBERS: &str = "/orgs/acme/teams/security/members";

fn ann_and(next: Option<String>) -> Answer {
    let answer = Answer::ok(&json!([{ "id": 11, "login": "ann", "type": "User" }]));
    match next {
        Some(next) => answer.with("link", &format!("<{next}>; rel=\"next\"")),
        None => answer,
    }
}

fn host(seen: &Seen) -> String {
    format!("http://{}", seen.headers.get("host").unwrap().to_str().unwrap())
}

#[tokio::test]
async fn page_two_keeps_the_authorization() {
    let (github, server, _) = github(|seen| {
        seen.is("GET", MEMBERS).then(|| match seen.path.contains("page=2") {
            true => Answer::ok(&json!([{ "id": 12, "login": "bob", "type": "User" }])),
            false => ann_and(Some(format!("{}{MEMBERS}?per_page=100&page=2", host(seen)))),
        })
    })
    .await;
    let members = github.answer(&repo(), &members(), Freshness::Now).await.unwrap().members().unwrap();
    assert_eq!(members.len(), 2);
    let pages: Vec<_> = server.seen().into_iter().filter(|seen| seen.is("GET", MEMBERS)).collect();
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[0].token, pages[1].token);
    assert!(pages[1].token.starts_with("ghs_77_"));
}

#[tokio::test]
async fn a_page_on_another_host_is_an_error_and_never_asked_for() {
    let other = Server::start("", |_| Some(Answer::ok(&json!([])))).await;
    let evil = format!("{}{MEMBERS}?page=2", other.url());
    let (github, _, _) = github(move |seen| seen.is("GET", MEMBERS).then(|| ann_and(Some(evil.clone())))).await;
    let error = github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Garbled);
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_list_without_end_is_an_error() {
    let (github, _, _) =
        github(|seen| seen.is("GET", MEMBERS).then(|| ann_and(Some(format!("{}{}", host(seen), seen.path))))).await;
    let error = github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Garbled);
}

#[tokio::test]
async fn a_later_page_that_fails_fails_the_whole_list() {
    for (status, kind) in
        [(502, ForgeErrorKind::Later), (404, ForgeErrorKind::NotFound), (200, ForgeErrorKind::Garbled)]
    {
        let (github, _, _) = github(move |seen| {
            seen.is("GET", MEMBERS).then(|| match seen.path.contains("page=2") {
                true => Answer::json(status, &json!("no list")),
                false => ann_and(Some(format!("{}{MEMBERS}?per_page=100&page=2", host(seen)))),
            })
        })
        .await;
        assert_eq!(github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_rate_limit_holds_its_installation_until_it_ends_and_no_other() {
    let limited = |seen: &Seen| seen.before == 0 && seen.path.contains("/collaborators/ann/");
    let (github, server, clock) = github(move |seen| {
        seen.path.contains("/collaborators/").then(|| match limited(seen) {
            true => Answer::error(403, "You have exceeded a secondary rate limit").with("retry-after", "30"),
            false => Answer::ok(&json!({ "permission": "write" })),
        })
    })
    .await;
    let until = Timestamp::from_seconds(clock.now().seconds() + 30);
    let ask = |name| Question::Permission(login(name));
    for name in ["ann", "bob", "cy"] {
        let error = github.answer(&repo(), &ask(name), Freshness::Now).await.unwrap_err();
        assert_eq!(error.kind, ForgeErrorKind::Wait(until), "{name}");
    }
    assert_eq!(server.count("GET", "/collaborators/"), 1);
    clock.advance(29);
    github.answer(&repo(), &ask("bob"), Freshness::Now).await.unwrap_err();
    assert_eq!(server.count("GET", "/collaborators/"), 1);
    github.answer(&repo_in(6), &ask("bob"), Freshness::Now).await.unwrap();
    clock.advance(1);
    github.answer(&repo(), &ask("ann"), Freshness::Now).await.unwrap();
    assert_eq!(server.count("GET", "/collaborators/"), 3);
}

#[tokio::test]
async fn a_missing_permission_is_named_and_not_asked_twice() {
    let (github, server, _) = github(|seen| {
        seen.is("GET", MEMBERS).then(|| {
            Answer::error(403, "Resource not accessible by integration")
                .with("x-accepted-github-permissions", "members=read")
        })
    })
    .await;
    let error = github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Forbidden);
    assert!(error.message.contains("`members=read`"), "{error}");
    assert_eq!(server.count("GET", MEMBERS), 1);
}

#[tokio::test]
async fn an_unchanged_answer_is_confirmed_not_sent_and_never_crosses_installations() {
    let (github, server, _) = github(|seen| {
        seen.is("GET", MEMBERS).then(|| match seen.headers.get("if-none-match") {
            Some(_) => Answer::json(304, &json!(null)),
            None => ann_and(None).with("etag", "\"one\""),
        })
    })
    .await;
    let first = github.answer(&repo(), &members(), Freshness::Now).await.unwrap();
    assert_eq!(first, github.answer(&repo(), &members(), Freshness::Now).await.unwrap());
    github.answer(&repo_in(6), &members(), Freshness::Now).await.unwrap();
    let sent: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.is("GET", MEMBERS))
        .map(|seen| seen.headers.get("if-none-match").map(|etag| etag.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(sent, [None, Some("\"one\"".to_owned()), None]);
}

#[tokio::test]
async fn for_display_a_minute_old_answer_will_do_and_for_a_merge_none() {
    let (github, server, clock) = github(|seen| {
        seen.path.contains("/collaborators/").then(|| {
            let permission = if seen.path.contains("/ann/") { "write" } else { "none" };
            Answer::ok(&json!({ "permission": permission }))
        })
    })
    .await;
    let (repo, ann, bob) = (repo(), Question::Permission(login("ann")), Question::Permission(login("bob")));
    github.answer(&repo, &ann, Freshness::Now).await.unwrap();
    clock.advance(60);
    assert_eq!(github.answer(&repo, &ann, Freshness::Display).await.unwrap(), Told::Permission(Permission::Write));
    assert_eq!(server.count("GET", "/collaborators/ann/"), 1);
    github.answer(&repo_in(6), &ann, Freshness::Display).await.unwrap();
    assert_eq!(server.count("GET", "/collaborators/ann/"), 2);
    github.answer(&repo, &ann, Freshness::Now).await.unwrap();
    assert_eq!(server.count("GET", "/collaborators/ann/"), 3);
    clock.advance(61);
    github.answer(&repo, &ann, Freshness::Display).await.unwrap();
    assert_eq!(server.count("GET", "/collaborators/ann/"), 4);
    github.answer(&repo, &bob, Freshness::Display).await.unwrap();
    github.answer(&repo, &bob, Freshness::Display).await.unwrap();
    assert_eq!(server.count("GET", "/collaborators/bob/"), 2);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_with_the_token_and_its_new_name_learnt() {
    let (github, server, _) = github(|seen| match seen.path.as_str() {
        "/repos/acme/app" => {
            Some(Answer::error(301, "Moved").with("location", &format!("{}/repositories/1", host(seen))))
        }
        "/repositories/1" | "/repos/acme/new" => {
            Some(Answer::ok(&json!({ "id": 1, "full_name": "acme/new", "default_branch": "main" })))
        }
        path if path.starts_with("/repos/acme/app/") => {
            let rest = path.trim_start_matches("/repos/acme/app");
            Some(Answer::error(301, "Moved").with("location", &format!("{}/repositories/1{rest}", host(seen))))
        }
        path if path.contains("/collaborators/ann/") => Some(Answer::ok(&json!({ "permission": "admin" }))),
        _ => None,
    })
    .await;
    let ask = Question::Permission(login("ann"));
    assert_eq!(github.answer(&repo(), &ask, Freshness::Now).await.unwrap(), Told::Permission(Permission::Admin));
    let read = github.answer(&repo(), &Question::Repository, Freshness::Now).await.unwrap().repository().unwrap();
    assert_eq!(read.name.to_string(), "acme/new");
    github.answer(&repo(), &ask, Freshness::Now).await.unwrap();
    assert_eq!(server.count("GET", "/repos/acme/new/collaborators/ann/permission"), 1);
}

#[tokio::test]
async fn a_name_that_now_means_another_repository_answers_nothing() {
    let (github, server, _) = github(|seen| match seen.path.as_str() {
        path if path.starts_with("/repos/acme/app") => {
            Some(Answer::error(301, "Moved").with("location", &format!("{}/repositories/2", host(seen))))
        }
        _ => None,
    })
    .await;
    let error = github.answer(&repo(), &Question::Permission(login("ann")), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound);
    assert_eq!(server.count("GET", "/repositories/2"), 0);
    let (github, _, _) = super::github(|seen| {
        seen.is("GET", "/repos/acme/app")
            .then(|| Answer::ok(&json!({ "id": 2, "full_name": "acme/app", "default_branch": "main" })))
    })
    .await;
    let error = github.answer(&repo(), &Question::Repository, Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::NotFound);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let other = Server::start("", |_| Some(Answer::ok(&json!({ "permission": "admin" })))).await;
    let evil = format!("{}/repositories/1/collaborators/ann/permission", other.url());
    let (github, _, _) = github(move |seen| {
        seen.path.contains("/collaborators/").then(|| Answer::error(302, "Moved").with("location", &evil))
    })
    .await;
    let error = github.answer(&repo(), &Question::Permission(login("ann")), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Garbled);
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn silence_ends_in_later() {
    let (github, server, _) =
        github(|seen| seen.is("GET", MEMBERS).then(|| ann_and(None).after(Duration::from_secs(60)))).await;
    let started = std::time::Instant::now();
    let error = github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Later);
    assert!(error.message.contains("in time"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(50));
    assert_eq!(server.count("GET", MEMBERS), 1);
}

#[tokio::test]
async fn nobody_at_the_address_is_later_too() {
    let clock = Stopped::new();
    let github = github_at("http://127.0.0.1:9".to_owned(), &clock);
    let error = github.answer(&repo(), &members(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Later);
}

#[tokio::test]
async fn an_enterprise_server_has_its_own_addresses_for_rest_pages_and_graphql() {
    let server = Server::start("/api/v3", |seen| {
        if seen.is("POST", "/api/graphql") {
            return Some(Answer::error(404, "Not Found"));
        }
        seen.is("GET", MEMBERS).then(|| match seen.path.contains("page=2") {
            true => Answer::ok(&json!([])),
            false => ann_and(Some(format!("{}/api/v3{MEMBERS}?per_page=100&page=2", host(seen)))),
        })
    })
    .await;
    let clock = Stopped::new();
    let github = github_at(server.url(), &clock);
    assert_eq!(github.answer(&repo(), &members(), Freshness::Now).await.unwrap().members().unwrap().len(), 1);
    assert_eq!(server.count("GET", MEMBERS), 2);
    github.answer(&repo(), &Question::Change(CHANGE), Freshness::Now).await.unwrap_err();
    assert_eq!(server.count("POST", "/api/graphql"), 1);
    assert!(server.seen().iter().all(|seen| !seen.path.contains("/api/v3")));
}

#[tokio::test]
async fn every_request_names_its_version_and_who_we_are() {
    let (github, server, _) = github(|seen| seen.is("GET", MEMBERS).then(|| ann_and(None))).await;
    github.answer(&repo(), &members(), Freshness::Now).await.unwrap();
    for seen in server.seen() {
        let header =
            |name: &str| seen.headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(header("accept"), ["application/vnd.github+json"]);
        assert_eq!(header("x-github-api-version"), ["2022-11-28"]);
        assert!(header("user-agent")[0].starts_with("countersign/"));
        assert_eq!(header("authorization").len(), 1);
    }
}
