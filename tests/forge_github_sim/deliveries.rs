//! What deliveries and commands ask of GitHub and tell it.

use countersign_core::domain::{CommentId, DeploymentId, Environment, RunId, Sequence, TargetId, TargetName};
use countersign_core::effect::{JobVerdict, Reaction, reply_marker};
use countersign_core::sync::{DeploymentState, Order};
use serde_json::json;

use super::*;

fn target() -> TargetId {
    "production/hook".parse().unwrap()
}

fn record(commit: Oid) -> Effect {
    Effect::CreateDeployment { commit, id: target(), generation: Sequence::new(7) }
}

fn order(commit: Oid) -> Order {
    let names = (Environment::parse("production").unwrap(), TargetName::parse("workflow").unwrap());
    Order::new(RepoName::parse("acme/app").unwrap(), names, (commit, Sequence::new(7)), Sequence::new(6))
}

#[tokio::test]
async fn a_delivery_is_recorded_once_whatever_the_answers() {
    let world = World::new().await;
    world.sim.fault(Fault::operation("repos/create-deployment").fail_after(502));
    world.sim.fault(Fault::operation("repos/create-deployment-status").fail_after(502));
    let Receipt::Deployment(id) = world.apply(record(world.head())).await.unwrap() else { panic!("a deployment") };
    assert_eq!(world.apply(record(world.head())).await, Ok(Receipt::Deployment(id)));
    let say = |state, description: &str| Effect::SetDeployment {
        deployment: id,
        environment: target().environment,
        state,
        description: description.to_owned(),
        log_url: Some("https://github.example/acme/app/pull/1".to_owned()),
    };
    world.apply(say(DeploymentState::InProgress, "on its way")).await.unwrap();
    world.apply(say(DeploymentState::Success, &"ä".repeat(300))).await.unwrap();
    let [made] = world.repo.deployments().try_into().unwrap();
    assert_eq!((made["task"].as_str(), made["environment"].as_str()), (Some("countersign:hook"), Some("production")));
    assert_eq!((made["sha"].as_str(), made["payload"]["generation"].as_u64()), (Some(world.head().as_str()), Some(7)));
    let states: Vec<_> = made["statuses"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["in_progress", "success"]);
    // one of the same shape by somebody else is not ours
    let question = |generation| Question::OurDeployment {
        task: "countersign:hook".to_owned(),
        environment: target().environment,
        generation: Sequence::new(generation),
    };
    assert_eq!(world.ask(question(7)).await.unwrap().deployment(), Ok(Some(id)));
    assert_eq!(world.ask(question(8)).await.unwrap().deployment(), Ok(None));
    world.check();
}

#[tokio::test]
async fn a_workflow_is_started_with_the_order_and_found_again() {
    let world = World::new().await;
    let text = "on:\n  workflow_dispatch:\n    inputs:\n      countersign: {type: string}\n";
    world.repo.push(&world.ann, Push::to("main").file(".github/workflows/deploy.yml", text)).unwrap();
    let start = |file: &str| Effect::StartWorkflow {
        file: file.to_owned(),
        reference: branch("main"),
        order: order(world.head()).json(),
    };
    let Receipt::Started(Some(run)) = world.apply(start("deploy.yml")).await.unwrap() else { panic!("a run") };
    assert_eq!(world.apply(start("other.yml")).await, Err(ForgeErrorKind::NotFound));
    let sent = world.repo.dispatches().pop().unwrap();
    let told: serde_json::Value = serde_json::from_str(sent["inputs"]["countersign"].as_str().unwrap()).unwrap();
    assert_eq!((told["generation"].as_u64(), told["decision"].as_str()), (Some(7), Some("L-6")));
    let since =
        |seconds| Question::OurWorkflowRuns { file: "deploy.yml".to_owned(), since: Timestamp::from_seconds(seconds) };
    let now = world.sim.now().as_second();
    assert_eq!(world.ask(since(now - 5)).await.unwrap().workflows().unwrap()[0].id, run);
    assert_eq!(world.ask(since(now + 5)).await.unwrap().workflows().unwrap(), []);
    let read = async || world.ask(Question::WorkflowRun(run)).await.unwrap().workflow().unwrap().unwrap().conclusion;
    assert_eq!(read().await, None);
    world.repo.end_workflow(run.get(), "failure").unwrap();
    assert_eq!(read().await.as_deref(), Some("failure"));
    assert_eq!(world.ask(Question::WorkflowRun(RunId::new(1))).await.unwrap().workflow(), Ok(None));
    let event = Effect::SendEvent { event: "secrets-approved".to_owned(), order: order(world.head()) };
    assert_eq!(world.apply(event).await, Ok(Receipt::Done));
    world.check();
}

#[tokio::test]
async fn a_branch_is_guarded_only_by_a_rule_that_the_app_alone_may_pass() {
    let world = World::new().await;
    let ask = async || world.ask(Question::Guard(branch("env/production"))).await.unwrap().guard().unwrap();
    assert!(!ask().await.restricted);
    let ruleset = |kind: &str, actors: serde_json::Value| {
        json!({
            "name": "targets", "target": "branch", "enforcement": "active", "bypass_actors": actors,
            "conditions": {"ref_name": {"include": ["refs/heads/env/*"], "exclude": []}}, "rules": [{"type": kind}],
        })
    };
    world.repo.ruleset(ruleset("deletion", json!([]))).unwrap();
    assert!(!ask().await.restricted, "another rule is none");
    let nobody = world.repo.ruleset(ruleset("update", json!([]))).unwrap();
    let guard = ask().await;
    assert_eq!((guard.restricted, guard.ours_to_move), (true, false));
    world.repo.drop_ruleset(nobody).unwrap();
    let us = json!({"actor_id": world.app.id, "actor_type": "Integration", "bypass_mode": "always"});
    world.repo.ruleset(ruleset("update", json!([us]))).unwrap();
    let guard = ask().await;
    assert_eq!((guard.restricted, guard.ours_to_move, guard.others), (true, true, Vec::new()));
    world.check();
}

#[tokio::test]
async fn a_comment_is_read_reacted_to_and_answered_once() {
    let world = World::new().await;
    let pull = world.pull();
    let written = CommentId::new(world.repo.comment(&world.bob, pull.get(), "/countersign sync").unwrap());
    let read = async || world.ask(Question::Comment(written)).await.unwrap().comment().unwrap().unwrap();
    let comment = read().await;
    assert_eq!((comment.change, comment.body.as_str()), (pull, "/countersign sync"));
    assert_eq!(comment.author.unwrap().login.as_str(), "bob");
    assert!(!comment.edited && comment.through_an_app == Some(false));
    world.sim.advance(SignedDuration::from_secs(5));
    world.repo.edit_comment(&world.bob, written.get(), "/countersign sync hook").unwrap();
    assert!(read().await.edited);
    for _ in 0..2 {
        world.apply(Effect::React { comment: written, reaction: Reaction::Confused }).await.unwrap();
    }
    assert_eq!(world.repo.reactions(written.get()), [(world.app.bot_login(), "confused".to_owned())]);
    world.sim.fault(Fault::operation("issues/create-comment").fail_after(500));
    let body = format!("{}\n@bob no", reply_marker(written));
    let reply = || Effect::Reply { change: pull, to: written, body: body.clone() };
    let first = world.apply(reply()).await.unwrap();
    assert_eq!(world.apply(reply()).await, Ok(first));
    assert_eq!(world.repo.comments(pull.get()).len(), 2);
    world.repo.delete_comment(&world.bob, written.get()).unwrap();
    assert_eq!(world.ask(Question::Comment(written)).await.unwrap().comment(), Ok(None));
    world.check();
}

#[tokio::test]
async fn a_job_that_waits_is_read_and_answered_once() {
    let world = World::new().await;
    world.repo.gate("Production", &world.app);
    let begin = || world.repo.start_job(&world.ann, ("deploy.yml", "main", "push"), "Production").unwrap();
    let deployment = |at: usize| DeploymentId::new(world.repo.deployments()[at]["id"].as_u64().unwrap());
    let (one, other) = (RunId::new(begin()), RunId::new(begin()));
    let read =
        async |run, at| world.ask(Question::Job { run, deployment: deployment(at) }).await.unwrap().job().unwrap();
    let job = read(one, 0).await.unwrap();
    let main = Oid::parse(&world.repo.tip("main").unwrap()).unwrap();
    assert_eq!((job.environment.as_str(), job.event.as_str(), job.waits), ("Production", "push", true));
    assert_eq!((&job.commit, &job.head), (&main, &main));
    // of two runs of one commit each has its own deployment
    let waiting = world.ask(Question::WaitingJobs).await.unwrap().jobs().unwrap();
    assert_eq!(waiting, [(other, deployment(1)), (one, deployment(0))]);

    let answer = |run, verdict| Effect::AnswerJob {
        run,
        environment: "Production".to_owned(),
        verdict,
        comment: "because".to_owned(),
    };
    let of = |run: RunId| world.repo.gate_answers(run.get()).into_iter().map(|said| said.1).collect::<Vec<_>>();
    // an answer that got lost is looked for, not repeated
    world.sim.fault(Fault::operation("actions/review-custom-gates-for-run").fail_after(502));
    assert_eq!(world.apply(answer(one, Some(JobVerdict::Approved))).await, Ok(Receipt::Done));
    assert_eq!(of(one), [Some("approved".to_owned())]);
    world.sim.fault(Fault::operation("actions/review-custom-gates-for-run").fail_after(502));
    assert_eq!(world.apply(answer(other, None)).await, Ok(Receipt::Done));
    assert_eq!(of(other), [None]);
    assert!(!read(one, 0).await.unwrap().waits);
    assert!(read(other, 1).await.unwrap().waits);
    let again = world.apply(answer(one, Some(JobVerdict::Rejected))).await;
    assert_eq!(again, Err(ForgeErrorKind::Refused));
    world.apply(answer(other, Some(JobVerdict::Rejected))).await.unwrap();
    assert!(!read(other, 1).await.unwrap().waits);
    assert_eq!(world.ask(Question::WaitingJobs).await.unwrap().jobs(), Ok(Vec::new()));
    assert_eq!(read(RunId::new(1), 0).await, None);
}
