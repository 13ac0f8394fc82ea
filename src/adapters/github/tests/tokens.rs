//! Tokens: how many, how narrow, and what happens when they are refused.

use countersign_core::facts::Question;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;

const PERMISSION: &str = "/repos/acme/app/collaborators/ann/permission";

fn permission_answer() -> Answer {
    Answer::ok(&json!({ "permission": "write", "role_name": "write", "user": { "id": 11, "login": "ann" } }))
}

fn ask_permission() -> Question {
    Question::Permission(login("ann"))
}

#[tokio::test]
async fn eight_at_once_mint_one_token() {
    let (github, server, _) = github(|seen| seen.is("GET", PERMISSION).then(permission_answer)).await;
    let (repo, question) = (repo(), ask_permission());
    let asked = (0..8).map(|_| github.answer(&repo, &question, Freshness::Now));
    for answer in futures::future::join_all(asked).await {
        answer.unwrap();
    }
    assert_eq!((server.mints(), server.count("GET", PERMISSION)), (1, 8));
}

#[tokio::test]
async fn eight_at_once_share_one_failure_and_the_next_call_tries_again() {
    let (github, server, _) = github(|seen| {
        seen.path
            .ends_with("/access_tokens")
            .then(|| Answer::error(502, "bad gateway").after(Duration::from_millis(100)))
    })
    .await;
    let (repo, question) = (repo(), ask_permission());
    let asked = (0..8).map(|_| github.answer(&repo, &question, Freshness::Now));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer.unwrap_err().kind, ForgeErrorKind::Later);
    }
    assert_eq!(server.mints(), 1);
    github.answer(&repo, &question, Freshness::Now).await.unwrap_err();
    assert_eq!(server.mints(), 2);
}

#[tokio::test]
async fn tokens_are_narrow_and_renewed_five_minutes_before_they_end() {
    let (github, server, clock) = github(|seen| seen.is("GET", PERMISSION).then(permission_answer)).await;
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    clock.advance(3_299);
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    assert_eq!(server.mints(), 1);
    clock.advance(1);
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    assert_eq!(server.mints(), 2);
    let credentials = github.git_credentials(&repo()).await.unwrap();
    assert_eq!(credentials.user, "x-access-token");
    assert!(credentials.secret.expose_secret().starts_with("ghs_77_3."));
    let bodies: Vec<_> = server.seen().into_iter().filter(|seen| seen.path.ends_with("/access_tokens")).collect();
    assert_eq!(bodies[0].path, "/app/installations/5/access_tokens");
    assert_eq!(
        bodies[0].body,
        json!({ "repository_ids": [1], "permissions": {
            "metadata": "read", "contents": "read", "pull_requests": "read", "checks": "read", "members": "read" } })
    );
    assert_eq!(
        bodies[2].body,
        json!({ "repository_ids": [1], "permissions": { "metadata": "read", "contents": "write" } })
    );
}

#[tokio::test]
async fn the_app_s_own_token_is_short_lived_and_dated_by_our_clock() {
    let (github, server, clock) = github(|seen| seen.is("GET", PERMISSION).then(permission_answer)).await;
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    let token = server.seen()[0].token.clone();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let now = clock.now().seconds();
    assert_eq!(claims, json!({ "iss": 77, "iat": now - 60, "exp": now + 540 }));
}

#[tokio::test]
async fn a_refused_token_is_minted_anew_once() {
    let (github, server, _) = github(|seen| {
        seen.is("GET", PERMISSION)
            .then(|| if seen.before == 0 { Answer::error(401, "Bad credentials") } else { permission_answer() })
    })
    .await;
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    assert_eq!((server.mints(), server.count("GET", PERMISSION)), (2, 2));
    let tokens: Vec<_> = server.seen().into_iter().filter(|seen| seen.is("GET", PERMISSION)).map(|s| s.token).collect();
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_token_refused_twice_is_a_matter_for_an_operator() {
    let (github, server, _) = github(|seen| {
        seen.is("GET", PERMISSION).then(|| Answer::error(401, &format!("Bad credentials {}", seen.token)))
    })
    .await;
    let error = github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Credentials);
    assert!(!error.to_string().contains("ghs_77"), "{error}");
    assert_eq!((server.mints(), server.count("GET", PERMISSION)), (2, 2));
}

#[tokio::test]
async fn a_suspended_installation_is_not_asked_again_for_a_minute() {
    let (github, server, clock) = github(|seen| {
        seen.path.ends_with("/access_tokens").then(|| Answer::error(403, "This installation has been suspended"))
    })
    .await;
    for _ in 0..3 {
        let error = github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap_err();
        assert_eq!(error.kind, ForgeErrorKind::Credentials);
    }
    assert_eq!(server.mints(), 1);
    clock.advance(61);
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap_err();
    assert_eq!(server.mints(), 2);
}

#[tokio::test]
async fn an_app_that_lacks_a_permission_is_narrowed_by_repository_only() {
    let (github, server, _) = github(|seen| {
        if seen.path.ends_with("/access_tokens") && seen.body.get("permissions").is_some() {
            return Some(Answer::error(422, "The permissions requested are not granted to this installation."));
        }
        seen.path.contains("/collaborators/").then(permission_answer)
    })
    .await;
    github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap();
    assert_eq!(server.mints(), 2);
    let other = RepoRef { id: RepoId::new(2), name: RepoName::parse("acme/other").unwrap(), ..repo() };
    github.answer(&other, &ask_permission(), Freshness::Now).await.unwrap();
    assert_eq!(server.mints(), 3);
    let last = server.seen().into_iter().rfind(|seen| seen.path.ends_with("/access_tokens")).unwrap();
    assert_eq!(last.body, json!({ "repository_ids": [2] }));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let (github, _, _) = github(|seen| {
        seen.path.ends_with("/access_tokens").then(|| {
            Answer::error(401, "'Issued at' claim ('iat') must be an Integer")
                .with("date", "Fri, 15 Jan 2027 08:20:00 GMT")
        })
    })
    .await;
    let error = github.answer(&repo(), &ask_permission(), Freshness::Now).await.unwrap_err();
    assert_eq!(error.kind, ForgeErrorKind::Credentials);
    assert!(error.message.contains("1200 s apart"), "{error}");
}
