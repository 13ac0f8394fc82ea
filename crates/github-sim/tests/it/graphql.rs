//! GraphQL: the one query that replaces many reads, and mutations.

use github_sim::{Fault, Membership, Push, Verdict};
use serde_json::{Value, json};

use crate::world::{Client, World};

async fn ask(client: &Client, query: &str, variables: Value) -> Value {
    let body = json!({"query": query, "variables": variables});
    let answer = client.post("/graphql", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

const ONE_QUERY: &str = r"
query Everything($owner: String!, $name: String!, $number: Int!, $after: String) {
  rateLimit { cost remaining }
  repository(owner: $owner, name: $name) {
    id databaseId nameWithOwner
    defaultBranchRef { name prefix target { oid ... on Commit { tree { oid } parents(first: 2) { totalCount } } } }
    policy: object(expression: $expr) { oid ... on Blob { text byteSize isTruncated isBinary } }
    pullRequest(number: $number) {
      id fullDatabaseId number title state isDraft merged mergeable mergeStateStatus isCrossRepository
      headRefName headRefOid baseRefName baseRefOid reviewDecision
      headRepository { nameWithOwner databaseId }
      author { ...who }
      files(first: 100) { totalCount nodes { path changeType } }
      reviews(first: 2, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          databaseId fullDatabaseId state submittedAt lastEditedAt authorCanPushToRepository
          author { ...who } commit { oid } body
        }
      }
      latestOpinionatedReviews(first: 100, writersOnly: true) { nodes { state author { login } } }
      comments(first: 100) {
        nodes { databaseId body createdAt lastEditedAt isMinimized editor { login } author { ...who } }
      }
      reviewRequests(first: 10) {
        nodes { requestedReviewer { __typename ... on User { login } ... on Team { slug } } }
      }
      commits(last: 1) {
        totalCount
        nodes { commit {
          oid
          authors(first: 10) { nodes { email name user { databaseId login } } }
          committer { email user { login } }
          statusCheckRollup { state contexts(first: 10) { nodes {
            __typename ... on CheckRun { name conclusion checkSuite { app { databaseId } } }
          } } }
        } }
      }
      labels(first: 10) { nodes { name } }
    }
  }
}
fragment who on Actor { __typename login ... on User { databaseId } ... on Bot { databaseId } }";

#[tokio::test]
async fn one_query_answers_what_many_reads_would() {
    let world = World::new().await;
    let message = "Greet\n\nCo-authored-by: Bob <bob@example.com>";
    world.repo.push(&world.alice, Push::to("topic").file("README.md", "hi\n").message(message)).unwrap();
    let number = world.repo.open_pull(&world.alice, "Greet", "topic", "main").unwrap();
    for verdict in [Verdict::RequestChanges, Verdict::Approve, Verdict::Comment] {
        world.repo.review(&world.bob, number, verdict, None).unwrap();
    }
    let comment = world.repo.comment(&world.alice, number, "one").unwrap();
    world.repo.edit_comment(&world.bob, comment, "two").unwrap();
    let head = world.repo.tip("topic").unwrap();
    let app = world.as_app();
    let run = json!({"name": "gate", "head_sha": head, "status": "in_progress"});
    app.post("/repos/acme/app/check-runs", run).await;

    let query = ONE_QUERY.replace("$after: String", "$after: String, $expr: String = \"main:README.md\"");
    let variables = json!({"owner": "acme", "name": "app", "number": number});
    let body = ask(&app, &query, variables.clone()).await;
    assert_eq!(body["errors"], Value::Null, "{body}");
    let repo = &body["data"]["repository"];
    assert_eq!(repo["policy"]["text"], "hello\n");
    assert_eq!(repo["defaultBranchRef"]["target"]["oid"], world.repo.tip("main").unwrap());
    let pull = &repo["pullRequest"];
    assert_eq!(pull["headRefOid"], head);
    assert_eq!(pull["mergeable"], "MERGEABLE");
    assert_eq!(pull["author"]["databaseId"], world.alice.id);
    let reviews = &pull["reviews"];
    assert_eq!(reviews["nodes"][0]["state"], "CHANGES_REQUESTED");
    assert_eq!(reviews["nodes"][1]["authorCanPushToRepository"], true);
    assert_eq!(reviews["pageInfo"]["hasNextPage"], true);
    assert_eq!(pull["latestOpinionatedReviews"]["nodes"][0]["state"], "APPROVED");
    assert_eq!(pull["comments"]["nodes"][0]["editor"]["login"], "bob");
    let commit = &pull["commits"]["nodes"][0]["commit"];
    assert_eq!(commit["authors"]["nodes"][1]["user"]["login"], "bob");
    let context = &commit["statusCheckRollup"]["contexts"]["nodes"][0];
    assert_eq!(context["checkSuite"]["app"]["databaseId"], world.app.id);

    let mut more = variables;
    more["after"] = reviews["pageInfo"]["endCursor"].clone();
    let body = ask(&app, &query, more).await;
    let rest = &body["data"]["repository"]["pullRequest"]["reviews"];
    assert_eq!(rest["nodes"][0]["state"], "COMMENTED");
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    assert!(world.sim.violations().is_empty(), "{:?}", world.sim.violations());
}

#[tokio::test]
async fn a_bot_has_no_suffix_in_graphql() {
    let world = World::new().await;
    world.pull();
    world.repo.push(&world.bob, Push::to("other").file("x", "x")).unwrap();
    let app = world.as_app();
    let new = json!({"title": "x", "head": "other", "base": "main"});
    let opened = app.post("/repos/acme/app/pulls", new).await;
    assert_eq!(opened.body["user"]["login"], "gate-keeper[bot]");
    let query = r#"{ repository(owner: "acme", name: "app") { pullRequest(number: 2) {
        author { __typename login ... on Bot { databaseId } } } } }"#;
    let author = ask(&app, query, json!({})).await["data"]["repository"]["pullRequest"]["author"].clone();
    let wanted = json!({"__typename": "Bot", "login": "gate-keeper", "databaseId": world.app.bot});
    assert_eq!(author, wanted);
}

#[tokio::test]
async fn an_unknown_field_is_refused_and_a_missing_thing_is_null_with_an_error() {
    let world = World::new().await;
    let app = world.as_app();
    let query = r#"{ repository(owner: "acme", name: "app") { id colour } }"#;
    let body = ask(&app, query, json!({})).await;
    assert_eq!(body["data"], Value::Null);
    assert_eq!(body["errors"][0]["message"], "Field 'colour' doesn't exist on type 'Repository'");
    assert_eq!(world.sim.violations().len(), 1);
    let query = r#"{ repository(owner: "acme", name: "gone") { id } }"#;
    let body = ask(&app, query, json!({})).await;
    assert_eq!(body["data"]["repository"], Value::Null);
    assert_eq!(body["errors"][0]["type"], "NOT_FOUND");
    let query = r#"{ repository(owner: "acme", name: "app") { pullRequests { totalCount } } }"#;
    let body = ask(&app, query, json!({})).await;
    assert_eq!(body["errors"][0]["type"], "MISSING_PAGINATION_BOUNDARIES");
    world.installation.set_permission("pull_requests", None);
    let query = r#"{ repository(owner: "acme", name: "app") { id pullRequests(first: 1) { totalCount } } }"#;
    let body = ask(&app, query, json!({})).await;
    assert_eq!(body["errors"][0]["type"], "FORBIDDEN");
    assert!(body["data"]["repository"]["id"].is_string());
}

const UPDATE: &str = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

#[tokio::test]
async fn references_move_together_or_not_at_all_and_only_from_where_they_were_seen() {
    let world = World::new().await;
    let main = world.repo.tip("main").unwrap();
    let topic = world.repo.push(&world.alice, Push::to("topic").file("a", "a")).unwrap();
    let app = world.as_app();
    let query = r#"{ repository(owner: "acme", name: "app") { id } }"#;
    let id = ask(&app, query, json!({})).await["data"]["repository"]["id"].clone();
    let zero = "0".repeat(40);
    let moves = |main_before: &str| {
        json!({"input": {"repositoryId": id, "clientMutationId": "m", "refUpdates": [
            {"name": "refs/heads/new", "beforeOid": zero, "afterOid": topic},
            {"name": "refs/heads/main", "beforeOid": main_before, "afterOid": topic},
        ]}})
    };
    let lost = ask(&app, UPDATE, moves(&topic)).await;
    assert_eq!(lost["data"]["updateRefs"], Value::Null);
    assert_eq!(lost["errors"][0]["type"], "STALE_DATA");
    assert_eq!(world.repo.tip("new"), None);
    assert_eq!(world.repo.tip("main").unwrap(), main);
    let won = ask(&app, UPDATE, moves(&main)).await;
    assert_eq!(won["data"]["updateRefs"]["clientMutationId"], "m", "{won}");
    assert_eq!(world.repo.tip("main").unwrap(), topic);
    assert_eq!(world.repo.tip("new").unwrap(), topic);
    assert_eq!(world.sim.journal().count("graphql/updateRefs"), 2);
}

#[tokio::test]
async fn rules_hold_for_mutations_too() {
    let world = World::new().await;
    let topic = world.repo.push(&world.alice, Push::to("topic").file("a", "a")).unwrap();
    let rule = json!({
        "name": "locked", "target": "branch", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "update"}],
    });
    world.repo.ruleset(rule).unwrap();
    let input = json!({"input": {"repositoryId": format!("R_{}", world.repo.id), "refUpdates": [
        {"name": "refs/heads/main", "afterOid": topic},
    ]}});
    let body = ask(&world.as_app(), UPDATE, input).await;
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("Cannot update this protected ref."));
}

#[tokio::test]
async fn a_pull_request_is_merged_and_a_commit_made_over_graphql() {
    let world = World::new().await;
    let number = world.pull();
    let app = world.as_app();
    let id = format!("PR_{}", world.repo.pull_json(number)["id"]);
    let merge = "mutation($id: ID!, $head: GitObjectID!) {
        mergePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { pullRequest { merged mergedBy { login } } } }";
    let main = world.repo.tip("main").unwrap();
    let wrong = ask(&app, merge, json!({"id": id, "head": main})).await;
    assert!(wrong["errors"][0]["message"].as_str().unwrap().starts_with("Head branch was modified"));
    let head = world.repo.tip("topic").unwrap();
    let right = ask(&app, merge, json!({"id": id, "head": head})).await;
    assert_eq!(right["data"]["mergePullRequest"]["pullRequest"]["merged"], true, "{right}");

    let commit = "mutation($input: CreateCommitOnBranchInput!) {
        createCommitOnBranch(input: $input) { commit { oid message } } }";
    let tip = world.repo.tip("main").unwrap();
    let input = json!({
        "branch": {"repositoryNameWithOwner": "acme/app", "branchName": "main"},
        "message": {"headline": "Write", "body": "More"}, "expectedHeadOid": tip,
        "fileChanges": {"additions": [{"path": "d/e", "contents": "aGVsbG8="}], "deletions": [{"path": "README.md"}]},
    });
    let made = ask(&app, commit, json!({"input": input})).await;
    assert_eq!(made["data"]["createCommitOnBranch"]["commit"]["message"], "Write\n\nMore", "{made}");
    assert_eq!(world.repo.file("main", "d/e").unwrap(), b"hello");
    assert_eq!(world.repo.file("main", "README.md"), None);
    let stale = ask(
        &app,
        commit,
        json!({"input": {
            "branch": {"repositoryNameWithOwner": "acme/app", "branchName": "main"},
            "message": {"headline": "x"}, "expectedHeadOid": tip, "fileChanges": {},
        }}),
    )
    .await;
    assert_eq!(stale["errors"][0]["type"], "STALE_DATA");
}

#[tokio::test]
async fn teams_people_and_nodes_are_found_and_the_ghes_address_works() {
    let world = World::new().await;
    let team = world.acme.team("Security");
    team.member(&world.bob, Membership::Active);
    let query = r#"query($id: ID!) {
        organization(login: "acme") { team(slug: "security") { databaseId members(first: 10) { nodes { login } } } }
        user(login: "alice") { databaseId login }
        node(id: $id) { __typename ... on Repository { nameWithOwner } }
    }"#;
    let body = json!({"query": query, "variables": {"id": format!("R_{}", world.repo.id)}});
    let answer = world.as_app().post("/api/graphql", body).await;
    let data = &answer.body["data"];
    assert_eq!(data["organization"]["team"]["members"]["nodes"][0]["login"], "bob", "{}", answer.body);
    assert_eq!(data["user"]["databaseId"], world.alice.id);
    assert_eq!(data["node"]["nameWithOwner"], "acme/app");
}

#[tokio::test]
async fn a_mutation_fails_after_its_effect() {
    let world = World::new().await;
    let number = world.pull();
    world.sim.fault(Fault::operation("graphql/markPullRequestReadyForReview").fail_after(502));
    world.repo.set_draft(&world.alice, number, true).unwrap();
    let id = format!("PR_{}", world.repo.pull_json(number)["id"]);
    let query =
        "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
    let body = json!({"query": query, "variables": {"id": id}});
    assert_eq!(world.as_app().post("/graphql", body).await.status, 502);
    assert_eq!(world.repo.pull_json(number)["draft"], false);
}

/// Every field the stand-in knows, for the conformance check: GitHub's schema must know it too.
const EVERYTHING: &str = r#"
query {
  rateLimit { cost limit used remaining resetAt nodeCount }
  viewer { id login }
  organization(login: "acme") {
    id databaseId login url avatarUrl resourcePath createdAt name email
    teams(first: 5) { nodes { id databaseId slug name combinedSlug url organization { login } parentTeam { slug } } }
    membersWithRole(first: 5) { totalCount edges { cursor node { login } } }
  }
  user(login: "alice") { id databaseId login url avatarUrl resourcePath createdAt name email isViewer }
  nodes(ids: []) { __typename }
  repository(owner: "acme", name: "app", followRenames: true) {
    id databaseId name nameWithOwner owner { id login url } url isPrivate isArchived isFork isEmpty visibility
    parent { id } createdAt pushedAt updatedAt mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed
    viewerPermission
    ref(qualifiedName: "refs/heads/topic") {
      id name prefix repository { id } branchProtectionRule { id }
      associatedPullRequests(first: 5, states: [OPEN]) { nodes { number } }
      target { id oid abbreviatedOid commitUrl repository { id } }
    }
    refs(refPrefix: "refs/heads/", first: 10, query: "to") { totalCount nodes { name } }
    commit: object(expression: "topic") { ... on Commit {
      id oid abbreviatedOid url message messageHeadline messageBody committedDate authoredDate committedViaWeb
      author { name email date user { login } } signature { isValid } repository { id }
      file(path: "README.md") { name path mode type size oid object { oid } }
      history(first: 2) { nodes { oid } }
      associatedPullRequests(first: 2) { nodes { number } }
      status { state contexts { id context state description targetUrl createdAt creator { login } } }
      checkSuites(first: 5, filterBy: {appId: 1}) { nodes {
        id databaseId status conclusion app { id databaseId slug name url } commit { oid }
        checkRuns(first: 5, filterBy: {checkName: "gate"}) { nodes { id } }
      } }
      suites: checkSuites(first: 5) { nodes { checkRuns(first: 5) { nodes {
        id databaseId name status conclusion externalId detailsUrl url permalink title summary text
        startedAt completedAt checkSuite { id }
      } } } }
      tree { id oid abbreviatedOid repository { id } entries { name object { ... on Blob {
        id oid abbreviatedOid byteSize isBinary isTruncated text repository { id } } } } }
    } }
    pullRequests(first: 5, states: [OPEN], headRefName: "topic", orderBy: {field: UPDATED_AT, direction: DESC}) {
      nodes {
        id databaseId fullDatabaseId number title body bodyText url permalink state closed merged isDraft locked
        isInMergeQueue isMergeQueueEnabled maintainerCanModify mergeQueueEntry { id }
        autoMergeRequest { enabledAt } isCrossRepository createdAt updatedAt closedAt mergedAt
        mergedBy { login } mergeCommit { oid } authorAssociation repository { id } baseRepository { id }
        headRepository { id } headRepositoryOwner { login } headRefName headRefOid baseRefName baseRefOid
        headRef { name } baseRef { name } viewerDidAuthor mergeable mergeStateStatus reviewDecision
        changedFiles additions deletions potentialMergeCommit { oid }
        files(first: 5) { nodes { path changeType additions deletions viewerViewedState } }
        commits(first: 5) { nodes { id url commit { oid } } }
        labels(first: 5) { nodes { id name } }
        statusCheckRollup { state }
        reviewRequests(first: 5) { nodes { asCodeOwner requestedReviewer { __typename } } }
        timelineItems(first: 5, itemTypes: [CLOSED_EVENT, REOPENED_EVENT]) { nodes {
          __typename ... on ClosedEvent { id createdAt actor { login } } } }
        latestReviews(first: 5) { nodes { id } }
        reviews(first: 5, states: [APPROVED]) { nodes {
          id databaseId fullDatabaseId state body bodyText url submittedAt createdAt publishedAt updatedAt
          lastEditedAt editor { login } author { login } authorAssociation authorCanPushToRepository
          commit { oid } pullRequest { number } isMinimized
          onBehalfOf(first: 1) { totalCount } comments(first: 1) { totalCount }
        } }
        comments(first: 5) { nodes {
          id databaseId fullDatabaseId body bodyText url createdAt publishedAt updatedAt lastEditedAt
          includesCreatedEdit editor { login } author { login } authorAssociation isMinimized minimizedReason
          viewerDidAuthor pullRequest { number } repository { id }
          reactions(first: 5) { nodes { content user { login } } }
        } }
      }
    }
  }
}"#;

#[tokio::test]
async fn every_field_is_answered() {
    let world = World::new().await;
    let number = world.pull();
    world.repo.review(&world.bob, number, Verdict::Approve, None).unwrap();
    let comment = world.repo.comment(&world.alice, number, "one").unwrap();
    world.repo.label(&world.alice, number, "x", true).unwrap();
    world.repo.set_open(&world.alice, number, false).unwrap();
    world.repo.set_open(&world.alice, number, true).unwrap();
    let app = world.as_app();
    let head = world.repo.tip("topic").unwrap();
    let run = json!({"name": "gate", "head_sha": head, "conclusion": "success"});
    app.post("/repos/acme/app/check-runs", run).await;
    app.post(&format!("/repos/acme/app/statuses/{head}"), json!({"state": "success"})).await;
    let path = format!("/repos/acme/app/issues/comments/{comment}/reactions");
    app.post(&path, json!({"content": "+1"})).await;
    world.acme.team("Security");
    let body = ask(&app, EVERYTHING, json!({})).await;
    assert_eq!(body["errors"], Value::Null, "{body}");
    let pull = &body["data"]["repository"]["pullRequests"]["nodes"][0];
    assert_eq!(pull["timelineItems"]["nodes"][0]["__typename"], "ClosedEvent");
    assert_eq!(pull["statusCheckRollup"]["state"], "SUCCESS");
    assert_eq!(pull["comments"]["nodes"][0]["reactions"]["nodes"][0]["content"], "THUMBS_UP");
}
