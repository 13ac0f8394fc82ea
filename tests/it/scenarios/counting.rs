//! Whose approval counts, and for which content.

use github_sim::{AppConfig, Level, Push, Role, User, Verdict};

use crate::harness::{POLICY, Secrets, World};

const PRODUCTION: &str = "secrets/production/db.yaml";
const STAGING: &str = "secrets/staging/db.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_or_pushed_a_part_is_not_counted_and_the_rest_may_be_too_few() {
    let world = World::new().await;
    let message = format!("Change\n\nCO-AUTHORED-BY: Ann <{}>\n", world.ann.email);
    let push = Push::to("rita/db").from("main").message(&message).file(PRODUCTION, Secrets::sealed("production", 2));
    let pull = world.change_of("rita/db", push);
    world.approve(&world.ann, pull);
    world.until_uncounted(pull, "ann", "contributor");

    world.push(&world.bob, Push::to("rita/db").file(PRODUCTION, Secrets::sealed("production", 3)));
    world.until_check(pull, "failure");
    world.until_comment(pull, "`unreachable`");
    world.approve(&world.bob, pull);
    world.until_uncounted(pull, "bob", "pusher");
    world.approve(&world.cy, pull);
    world.until_counted(pull, "production", &["cy"]);
    assert_eq!(world.conclusion(pull), "failure");
    assert!(!world.merged(pull));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebase_with_equal_content_keeps_approvals_under_delta_and_not_under_commit() {
    let world = World::with(
        "\
version: 1
environments:
  production: {paths: [secrets/production/], binding: delta}
  staging: {paths: [secrets/staging/], binding: commit}
policies:
  - {name: production, environments: [production], approvers: {users: [ann, bob]}, required_approvals: 2}
  - {name: staging, environments: [staging], approvers: {users: [ann, bob]}, required_approvals: 2}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
",
    )
    .await;
    let kept = world.by_rita("rita/production", "production");
    let lost = world.by_rita("rita/staging", "staging");
    for pull in [kept, lost] {
        world.approve(&world.ann, pull);
    }
    world.until_counted(kept, "production", &["ann"]);
    world.until_counted(lost, "staging", &["ann"]);

    world.push(&world.zoe, Push::to("main").file("README.md", "# app, moved on\n"));
    for (branch, path, environment) in
        [("rita/production", PRODUCTION, "production"), ("rita/staging", STAGING, "staging")]
    {
        let rebased =
            Push::to(branch).from("main").file(path, Secrets::sealed(environment, 2)).message("Rebased").force();
        world.push(&world.rita, rebased);
    }
    world.until_uncounted(lost, "ann", "stale-approval");
    let heads = [kept, lost].map(|pull| world.repo.pull_json(pull)["head"]["sha"].clone());
    for (pull, head) in [kept, lost].into_iter().zip(heads) {
        world.until("the head is judged", |world| world.comment(pull).contains(head.as_str().unwrap()));
    }
    world.until_counted(kept, "production", &["ann"]);
    for pull in [kept, lost] {
        world.approve(&world.bob, pull);
    }
    world.until_merged(kept);
    world.until_counted(lost, "staging", &["bob"]);
    assert!(!world.merged(lost));
    assert!(world.main_has("production", 2) && world.main_has("staging", 1));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn self_approval_lifts_the_requester_only_where_others_must_approve_too() {
    let world = World::with(
        "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: production, environments: [production], approvers: {users: [rita, ann]}, required_approvals: 2, self_approval: true}
  - {name: staging, environments: [staging], approvers: {users: [rita, ann]}, self_approval: true}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
",
    )
    .await;
    let two = world.by_rita("rita/production", "production");
    let one = world.by_rita("rita/staging", "staging");
    world.approve(&world.rita, two);
    world.approve(&world.rita, one);
    world.until_counted(two, "production", &["rita"]);
    world.until_uncounted(one, "rita", "requester");
    assert!(!world.merged(one) && !world.merged(two));
    world.approve(&world.ann, two);
    world.approve(&world.ann, one);
    world.until_merged(two);
    world.until_merged(one);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_matching_policy_and_every_group_is_filled_by_distinct_people() {
    let world = World::with(
        "\
version: 1
environments:
  production: {paths: [secrets/production/]}
  staging: {paths: [secrets/staging/]}
policies:
  - name: owners
    environments: [production]
    groups:
      - {name: any, approvers: {users: [ann, bob]}}
      - {name: lead, approvers: {users: [ann]}}
  - {name: staging, environments: [staging], approvers: {users: [ann]}}
  - {name: second, environments: '*', secret_paths: [secrets/staging/], approvers: {users: [bob]}}
admins: {approvers: {users: [zoe, ann]}, required_approvals: 2}
",
    )
    .await;
    let grouped = world.by_rita("rita/production", "production");
    let doubled = world.by_rita("rita/staging", "staging");
    for pull in [grouped, doubled] {
        world.approve(&world.ann, pull);
        world.until_comment(pull, "**1 of 2 approvals");
    }
    assert!(!world.merged(grouped) && !world.merged(doubled));
    for pull in [grouped, doubled] {
        world.approve(&world.bob, pull);
    }
    world.until_merged(grouped);
    world.until_merged(doubled);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_asks_and_a_commit_of_nobody_cost_one_more_seat() {
    let world = World::new().await;
    let rotator = world.sim.app(AppConfig::new("rotator", &[("contents", Level::Write)], &[]));
    let token = rotator.install(&world.acme, &[&world.repo]).token().unwrap();
    let bot = User { id: rotator.bot, login: rotator.bot_login(), token, email: "rotator@acme.example".to_owned() };
    world.repo.role(&bot, Some(Role::Write));
    world.push(&bot, Push::to("rotator/db").from("main").file(STAGING, Secrets::sealed("staging", 2)));
    let pull = world.pull_of("rotator/db");
    world.until_comment(pull, "One more approval is needed in each group");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "staging", &["ann"]);
    assert!(!world.merged(pull));
    world.approve(&world.rita, pull);
    world.until_merged(pull);

    let stranger = Push::to("rita/db").from("main").author("Nobody", "nobody@nowhere.example");
    let pull = world.change_of("rita/db", stranger.file(PRODUCTION, Secrets::sealed("production", 2)));
    world.until_comment(pull, "**0 of 3 approvals for `production`**");
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_comment(pull, "**2 of 3");
    world.approve(&world.cy, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn remarks_and_repeated_approvals_are_no_further_votes() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.repo.review_saying(&world.bob, pull, Verdict::Comment, None, "LGTM, approved").unwrap();
    world.approve(&world.ann, pull);
    world.approve(&world.ann, pull);
    world.repo.review(&world.ann, pull, Verdict::Comment, None).unwrap();
    world.until_counted(pull, "production", &["ann"]);
    world.until_comment(pull, "**1 of 2");
    let first = world.repo.review(&world.cy, pull, Verdict::Comment, None).unwrap();
    world.repo.edit_review(&world.cy, pull, first, "/countersign approve").unwrap();
    world.until_quiet();
    assert_eq!(world.counted(pull, "production"), ["ann"]);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_veto_stands_when_its_author_leaves_the_team() {
    let world = World::new().await;
    world.repo.role(&world.cy, Some(Role::Write));
    let pull = world.by_rita("rita/db", "production");
    let veto = world.repo.review(&world.cy, pull, Verdict::RequestChanges, None).unwrap();
    world.until_check(pull, "failure");
    world.security.remove(&world.cy);
    world.approve(&world.ann, pull);
    world.approve(&world.bob, pull);
    world.until_counted(pull, "production", &["ann", "bob"]);
    assert_eq!(world.conclusion(pull), "failure");
    assert!(!world.merged(pull));
    // the way out: an admin without part in the change waives it
    world.repo.dismiss(&world.zoe, pull, veto).unwrap();
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_of_the_policy_changes_values_alone_and_nothing_else() {
    let world = World::new().await;
    let rotator = world.sim.app(AppConfig::new("rotator", &[("contents", Level::Write)], &[]));
    let token = rotator.install(&world.acme, &[&world.repo]).token().unwrap();
    let login = rotator.bot_login();
    let email = format!("{}+{login}@users.noreply.github.com", rotator.bot);
    let bot = User { id: rotator.bot, login, token, email };
    world.repo.role(&bot, Some(Role::Write));
    let machines =
        format!("machines:\n  - {{id: {}, login: '{}', environments: [staging], keys: ['db.*']}}\n", bot.id, bot.login);
    let control = world.change_of(
        "zoe/bots",
        Push::to("zoe/bots").from("main").file(".countersign/policy.yaml", &(POLICY.to_owned() + &machines)),
    );
    world.until_comment(control, "This change makes the policy weaker");
    world.until_comment(control, "may change values without a person");
    world.approve(&world.zoe, control);
    world.approve(&world.ann, control);
    world.until_merged(control);
    let pull = {
        world.push(&bot, Push::to("rotator/db").from("main").file(STAGING, Secrets::sealed("staging", 2)));
        world.pull_of("rotator/db")
    };
    world.until_merged(pull);
    // production is none of its environments
    world.push(&bot, Push::to("rotator/more").from("main").file(PRODUCTION, Secrets::sealed("production", 2)));
    let refused = world.pull_of("rotator/more");
    world.until_comment(refused, "**0 of 3 approvals for `production`**");
    assert!(!world.merged(refused));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r48_what_a_looser_policy_alone_makes_enough_waits_for_a_fresh_word() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "production");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    let looser = POLICY.replacen("required_approvals: 2", "required_approvals: 1", 1);
    let control =
        world.change_of("rita/looser", Push::to("rita/looser").from("main").file(".countersign/policy.yaml", &looser));
    world.until_comment(control, "This change makes the policy weaker");
    world.approve(&world.zoe, control);
    world.approve(&world.ann, control);
    world.until_merged(control);
    world.until_comment(pull, "which held when it was approved, it would not be enough");
    world.until_check(pull, "success");
    assert!(!world.merged(pull));
    world.sim.advance(jiff::SignedDuration::from_secs(5));
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_only_observed_say_how_it_would_stand_and_hold_nothing_up() {
    let policy = POLICY
        .replace("  staging: {paths: [secrets/staging/]}", "  staging: {paths: [secrets/staging/], mode: observe}");
    let world = World::with(&policy).await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_check(pull, "success");
    world.until_comment(pull, "**Only observed, nothing is held up** · `staging` would be pending");
    // pushed past everybody, and left there
    world.push(&world.ann, Push::to("main").file(STAGING, Secrets::sealed("staging", 3)));
    world.until_quiet();
    assert!(world.main_has("staging", 3));
    assert!(!world.merged(pull));
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn r31_whoever_asked_for_a_change_stays_its_requester_when_another_rewrites_the_branch() {
    let world = World::new().await;
    let pull = world.by_rita("rita/db", "staging");
    world.until_check(pull, "action_required");
    world.until_quiet();
    let rewritten = Push::to("rita/db").from("main").file(STAGING, Secrets::sealed("staging", 3)).force();
    let head = world.push(&world.ann, rewritten);
    world.until("the head is judged", |world| world.comment(pull).contains(&head));
    world.approve(&world.rita, pull);
    world.until_uncounted(pull, "rita", "requester");
    world.approve(&world.ann, pull);
    world.until_uncounted(pull, "ann", "pusher");
    world.until_check(pull, "failure");
    assert!(!world.merged(pull));
    world.end();
}
