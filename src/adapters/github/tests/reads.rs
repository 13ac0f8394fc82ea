//! Questions: what each answer of GitHub means.

use countersign_core::domain::{Permission, TeamSlug};
use countersign_core::facts::{Answer as Told, Question};
use serde_json::json;

use super::*;

#[tokio::test]
async fn only_an_active_membership_is_one_and_only_a_readable_team_makes_nobody_a_fact() {
    let active = || Answer::ok(&json!({ "state": "active", "role": "member" }));
    let team_reads = || Answer::ok(&json!({ "id": 3, "slug": "security" }));
    let none = || Answer::error(404, "Not Found");
    type Make = fn() -> Answer;
    let cases: [(&str, Make, Make, Result<bool, ForgeErrorKind>); 6] = [
        ("active", active, none, Ok(true)),
        ("pending", || Answer::ok(&json!({ "state": "PENDING" })), none, Ok(false)),
        ("nobody", none, team_reads, Ok(false)),
        ("invisible team", none, none, Err(ForgeErrorKind::NotFound)),
        ("server fault", || Answer::error(502, ""), team_reads, Err(ForgeErrorKind::Later)),
        ("new state", || Answer::ok(&json!({ "state": "frozen" })), team_reads, Err(ForgeErrorKind::Garbled)),
    ];
    for (name, membership, team, expected) in cases {
        let (github, _, _) = github(move |seen| match seen.path.as_str() {
            "/orgs/acme/teams/security/memberships/ann" => Some(membership()),
            "/orgs/acme/teams/security" => Some(team()),
            _ => None,
        })
        .await;
        let question = Question::Membership { team: TeamSlug::parse("acme/security").unwrap(), user: login("ann") };
        let told = github.answer(&repo(), &question, Freshness::Now).await.map(|answer| answer.membership().unwrap());
        assert_eq!(told.map_err(|error| error.kind), expected, "{name}");
    }
}

#[tokio::test]
async fn the_true_role_counts_and_a_custom_one_by_what_it_amounts_to() {
    for (body, expected) in [
        (json!({ "permission": "write", "role_name": "maintain" }), Ok(Permission::Maintain)),
        (json!({ "permission": "read", "role_name": "triage" }), Ok(Permission::Triage)),
        (json!({ "permission": "write", "role_name": "security reviewer" }), Ok(Permission::Write)),
        (json!({ "permission": "admin" }), Ok(Permission::Admin)),
        (json!({ "permission": "none", "role_name": "none" }), Ok(Permission::None)),
        (json!({ "permission": "write", "user": { "id": 11, "login": "ANN" } }), Ok(Permission::Write)),
        (json!({ "permission": "admin", "user": { "id": 12, "login": "bob" } }), Err(ForgeErrorKind::Garbled)),
    ] {
        let told = body.clone();
        let (github, _, _) = github(move |seen| seen.path.contains("/collaborators/").then(|| Answer::ok(&told))).await;
        let answer = github.answer(&repo(), &Question::Permission(login("ann")), Freshness::Now).await;
        assert_eq!(answer.map(|told| told.permission().unwrap()).map_err(|error| error.kind), expected, "{body}");
    }
}

#[tokio::test]
async fn an_unknown_account_has_no_permission_only_where_the_repository_reads_fine() {
    let (github, _, _) = github(|_| None).await;
    let ask = Question::Permission(login("ann"));
    assert_eq!(github.answer(&repo(), &ask, Freshness::Now).await.unwrap(), Told::Permission(Permission::None));
    let (github, _, _) =
        super::github(|seen| seen.path.starts_with("/repos/").then(|| Answer::error(404, "Not Found"))).await;
    assert_eq!(github.answer(&repo(), &ask, Freshness::Now).await.unwrap_err().kind, ForgeErrorKind::NotFound);
}

#[tokio::test]
async fn accounts_and_teams_that_are_not_there_are_none() {
    let (github, _, _) = github(|seen| match seen.path.as_str() {
        "/users/ann" => Some(Answer::ok(&json!({ "id": 11, "login": "ann", "type": "User" }))),
        "/orgs/acme/teams/security" => Some(Answer::ok(&json!({ "id": 3, "slug": "security" }))),
        _ => None,
    })
    .await;
    let user = |name| Question::User(login(name));
    let team = |name| Question::Team(TeamSlug::parse(name).unwrap());
    let repo = repo();
    let ann = github.answer(&repo, &user("ann"), Freshness::Now).await.unwrap().user().unwrap().unwrap();
    assert_eq!((ann.id.get(), ann.is_person()), (11, true));
    assert_eq!(github.answer(&repo, &user("bob"), Freshness::Now).await.unwrap(), Told::User(None));
    let security = github.answer(&repo, &team("acme/security"), Freshness::Now).await.unwrap().team().unwrap();
    assert_eq!(security.unwrap().get(), 3);
    assert_eq!(github.answer(&repo, &team("acme/none"), Freshness::Now).await.unwrap(), Told::Team(None));
}

#[tokio::test]
async fn requests_of_a_branch_are_those_of_this_repository_and_this_base() {
    let mut fork = pull(3);
    fork["head"]["repo"] = json!({ "id": 2, "full_name": "eve/app" });
    let mut gone = pull(4);
    gone["head"]["repo"] = json!(null);
    let mut other_base = pull(5);
    other_base["base"]["ref"] = json!("release");
    let list = json!([pull(2), pull(2), fork, gone, other_base]);
    let (github, server, _) =
        github(move |seen| seen.is("GET", "/repos/acme/app/pulls").then(|| Answer::ok(&list))).await;
    let question = Question::ChangesOfBranch { head: branch("feature/x"), base: branch("main") };
    let changes = github.answer(&repo(), &question, Freshness::Now).await.unwrap().changes().unwrap();
    assert_eq!(changes.iter().map(|change| change.number.get()).collect::<Vec<_>>(), [2]);
    assert_eq!((changes[0].open, changes[0].merged, &changes[0].head), (true, false, &oid('a')));
    assert!(server.seen().iter().any(|seen| seen.path.contains("state=all&head=acme%3Afeature%2Fx&base=main")));
    let open = github.answer(&repo(), &Question::OpenChanges, Freshness::Now).await.unwrap().changes().unwrap();
    assert_eq!(open.iter().map(|change| change.number.get()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(open[1].head_ref, None);
}

#[tokio::test]
async fn only_our_app_s_check_is_ours() {
    let check = |id: u64, app: u64, name: &str| json!({ "id": id, "name": name, "status": "completed", "external_id": format!("x{id}"), "app": { "id": app } });
    let list = json!({ "total_count": 4, "check_runs": [check(1, 77, "countersign"), check(4, 15, "countersign"), check(3, 77, "countersign"), check(9, 77, "other")] });
    let (github, _, _) = github(move |seen| seen.path.contains("/check-runs?").then(|| Answer::ok(&list))).await;
    let check =
        github.answer(&repo(), &Question::OurCheck(oid('a')), Freshness::Now).await.unwrap().check().unwrap().unwrap();
    assert_eq!((check.id.get(), check.external_id.as_str()), (3, "x3"));
}

#[tokio::test]
async fn moves_of_a_branch_name_their_actor() {
    let list = json!([
        { "before": "a".repeat(40), "after": "b".repeat(40), "ref": "refs/heads/x", "timestamp": "2027-01-15T07:00:00Z",
          "activity_type": "force_push", "actor": { "id": 11, "login": "ann", "type": "User" } },
        { "before": "0".repeat(40), "after": "a".repeat(40), "ref": "refs/heads/x", "timestamp": "2027-01-15T06:00:00Z",
          "activity_type": "branch_creation", "actor": null },
    ]);
    let (github, server, _) = github(move |seen| seen.path.contains("/activity?").then(|| Answer::ok(&list))).await;
    let moves =
        github.answer(&repo(), &Question::Movements(branch("x")), Freshness::Now).await.unwrap().movements().unwrap();
    assert_eq!(moves[0].actor.as_ref().unwrap().login.as_str(), "ann");
    assert_eq!((moves[1].before.is_null(), moves[1].actor.is_none()), (true, true));
    assert!(server.seen().iter().any(|seen| seen.path.contains("ref=refs%2Fheads%2Fx")));
}
