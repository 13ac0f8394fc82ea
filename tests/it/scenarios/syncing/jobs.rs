//! Jobs that wait for their environment: countersign as its custom deployment protection rule, asked once and answering once.

use github_sim::{DeliveryFault, Push, User};

use super::{PATH, merged, policy};
use crate::harness::{Post, Secrets, World, at_once};

/// A world where production and preview have countersign as their rule, in quiet.
async fn world() -> World {
    let mut world = World::without_server(&policy(&[])).await;
    for environment in ["Production", "preview"] {
        world.repo.gate(environment, &world.app);
    }
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    world.until_quiet();
    world
}

/// A job on a branch or commit, started by a push.
fn job(world: &World, at: &str, environment: &str) -> u64 {
    job_of(world, &world.rita, (at, "push"), environment)
}

fn job_of(world: &World, who: &User, (at, event): (&str, &'static str), environment: &str) -> u64 {
    world.repo.start_job(who, ("deploy.yml", at, event), environment).expect("a job")
}

/// How a run stands: GitHub's status, and its conclusion.
fn status(world: &World, run: u64) -> String {
    let runs = world.repo.workflow_runs();
    let found = runs.iter().find(|one| one["id"] == run).expect("a run");
    found["conclusion"].as_str().or(found["status"].as_str()).unwrap_or_default().to_owned()
}

/// What a run was told: verdict and comment.
fn told(world: &World, run: u64) -> Vec<(Option<String>, String)> {
    world.repo.gate_answers(run).into_iter().map(|(_, state, comment)| (state, comment)).collect()
}

/// Waits until a run has its verdict: exactly one, with a code or words in it.
#[track_caller]
fn until_told(world: &World, run: u64, verdict: &str, words: &str) {
    let verdicts = |world: &World| told(world, run).into_iter().filter(|one| one.0.is_some()).collect::<Vec<_>>();
    world.until(&format!("a verdict on run {run}"), |world| !verdicts(world).is_empty());
    world.until_quiet();
    let said = verdicts(world);
    assert_eq!(said.len(), 1, "one verdict: {said:#?}");
    assert_eq!(said[0].0.as_deref(), Some(verdict), "{said:#?}");
    assert!(said[0].1.contains(words), "{said:#?}");
}

/// Whoever deploys what is approved goes on; the next job of the run is asked for anew; a delivery that comes again changes nothing.
async fn what_is_approved_goes_on_and_is_answered_once() {
    let world = world().await;
    let pull = merged(&world, 2);
    world.until_comment(pull, "**Merged for `production`**");
    world.until_quiet();
    let run = job(&world, "main", "Production");
    until_told(&world, run, "approved", "holds exactly what is approved for `production` (L-");
    assert_eq!(status(&world, run), "in_progress");

    let sent = world.sim.deliveries();
    let asked = sent.iter().find(|one| one.event == "deployment_protection_rule").expect("asked");
    world.post(Post::signed(&asked.guid, &asked.event, asked.body.clone()));
    world.post(Post::signed("11111111-1111-4111-8111-111111111111", &asked.event, asked.body.clone()));
    world.until_quiet();
    assert_eq!(told(&world, run).len(), 1, "asked again, nothing is said again");

    // a reviewer is still missing: our answer is given, and not given again by the next look
    world.repo.require_reviewer("Production");
    world.repo.next_job(run, "Production").expect("a job");
    world.until("the second job is answered", |world| told(world, run).len() == 2);
    world.post(Post::signed("22222222-2222-4222-8222-222222222222", &asked.event, asked.body.clone()));
    world.until_quiet();
    assert_eq!((told(&world, run).len(), status(&world, run).as_str()), (2, "waiting"));
    world.repo.review_jobs(run).expect("reviewed");
    assert_eq!(status(&world, run), "in_progress");
    world.end();
}

/// What is not the newest approved content of the environment's branch is refused, with the reason.
async fn what_is_not_approved_now_is_refused() {
    let world = world().await;
    let before = world.repo.tip("main").expect("a tip");
    world.push(&world.rita, Push::to("main").file("README.md", "# more\n"));
    world.until_quiet();
    let run = job(&world, &before, "Production");
    until_told(&world, run, "approved", "production");
    let pull = merged(&world, 2);
    world.until_comment(pull, "**Merged for `production`**");
    world.until_quiet();
    let aside = Push::to("rita/code").from("main").file("README.md", "# aside\n");
    world.push(&world.rita, aside);
    world.until_quiet();
    for (at, event, environment, code) in [
        (before.as_str(), "push", "Production", "gate-commit-older"),
        ("rita/code", "push", "Production", "gate-commit-elsewhere"),
        ("main", "pull_request", "Production", "gate-event"),
        ("main", "push", "preview", "gate-environment-unknown"),
    ] {
        let run = job_of(&world, &world.rita, (at, event), environment);
        until_told(&world, run, "rejected", &format!("`{code}`"));
        assert_eq!(status(&world, run), "failure", "{code}");
    }
    let run = job(&world, "main", "Production");
    until_told(&world, run, "approved", "production");
    world.end();
}

/// A push that nobody approved is put back, and what was started on it goes nowhere.
async fn a_push_that_is_put_back_deploys_nothing() {
    let world = world().await;
    world.sim.pause_deliveries();
    let pushed = world.push(&world.zoe, Push::to("main").file(PATH, Secrets::sealed("production", 2)));
    let run = job(&world, "main", "Production");
    world.sim.resume_deliveries();
    until_told(&world, run, "rejected", "`gate-commit-uncovered`");
    assert_ne!(world.repo.tip("main"), Some(pushed), "it was put back before the verdict");
    let reports = told(&world, run).into_iter().filter(|one| one.0.is_none()).count();
    assert!(reports <= 1, "the same doubt is said once: {:#?}", told(&world, run));
    world.end();
}

/// What cannot be decided yet is said to be so, once, and answered when it can; no restart forgets it.
async fn what_is_not_decided_yet_waits() {
    let mut world = World::without_server(&policy(&[])).await;
    world.repo.gate("Production", &world.app);
    world.set("COUNTERSIGN_ADOPT", "");
    world.start();
    let run = job(&world, "main", "Production");
    world.until("it is told why it waits", |world| !told(world, run).is_empty());
    world.until_quiet();
    world.kill();
    assert_eq!(status(&world, run), "waiting");
    let said = told(&world, run);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].0.is_none() && said[0].1.starts_with("Not answered yet (`not-adopted`): "), "{said:#?}");
    let tip = world.repo.tip("main").expect("a tip");
    let adopted = world.with_settings("adopt").args(["--repo", "acme/app", &tip]).output().expect("it runs");
    assert!(adopted.status.success(), "{}", String::from_utf8_lossy(&adopted.stderr));
    world.start();
    until_told(&world, run, "approved", "production");
    assert_eq!(told(&world, run).len(), 2, "{:#?}", told(&world, run));
    world.end();
}

/// A job of which no delivery ever told is found by the sweep.
async fn a_job_nobody_told_of_is_found() {
    let mut world = World::without_server(&policy(&[])).await;
    world.repo.gate("Production", &world.app);
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let first = job(&world, "main", "Production");
    world.until("it is answered", |world| told(world, first).len() == 1);
    world.sim.delivery_fault(DeliveryFault::drop("*").times(100_000));
    let lost = job(&world, "main", "Production");
    world.until("it is found", |world| !told(world, lost).is_empty());
    let said = told(&world, lost);
    assert_eq!(said[0].0.as_deref(), Some("approved"), "{said:#?}");
    assert_eq!((told(&world, first).len(), said.len()), (1, 1));
    world.no_violations();
}

#[test]
fn a_job_is_let_through_by_the_ledger_alone() {
    at_once(&[
        ("goes on", || Box::pin(what_is_approved_goes_on_and_is_answered_once())),
        ("refused", || Box::pin(what_is_not_approved_now_is_refused())),
    ]);
    at_once(&[
        ("put back", || Box::pin(a_push_that_is_put_back_deploys_nothing())),
        ("waits", || Box::pin(what_is_not_decided_yet_waits())),
        ("found", || Box::pin(a_job_nobody_told_of_is_found())),
    ]);
}
