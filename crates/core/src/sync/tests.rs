//! What is planned in each situation, and that no history of merges, faults and crashes delivers old over new.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::domain::{Environment, Oid, RefName, RunState, Sequence, Span, SyncReceipt, TargetId, Timestamp};
use crate::policy::{Policy, parse};

const POLICY: &str = "\
version: 1
environments:
  production:
    paths: [secrets/production/]
    syncs:
      - {name: workflow, dispatch: {workflow: deploy.yml}, after: [hook, branch]}
      - {name: branch, branch: {ref: env/production}}
      - {name: hook, webhook: {url_from: HOOK_URL, secret_from: HOOK_SECRET}}
  staging: {paths: [secrets/staging/]}
policies:
  - {name: all, environments: '*', approvers: {teams: [acme/security]}}
";

/// Read once: the histories below plan thousands of times.
fn policy() -> &'static Policy {
    static READ: LazyLock<Policy> = LazyLock::new(|| parse(POLICY).unwrap());
    &READ
}

fn id(name: &str) -> TargetId {
    format!("production/{name}").parse().unwrap()
}

fn commit(number: u64) -> Oid {
    Oid::parse(&format!("{number:040x}")).unwrap()
}

fn approved(generation: u64) -> Approved {
    Approved { generation: Sequence::new(generation), commit: commit(generation) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Everything around one target, to be planned with.
#[derive(Default)]
struct Play {
    standing: BTreeMap<Environment, Standing>,
    delivered: BTreeMap<TargetId, SyncReceipt>,
    runs: BTreeMap<TargetId, Run>,
    asked: BTreeMap<TargetId, u64>,
    now: i64,
}

impl Play {
    fn covered(generation: u64) -> Self {
        let mut play = Self { now: 100, ..Self::default() };
        play.approve(generation);
        play
    }

    fn approve(&mut self, generation: u64) {
        for name in ["production", "staging"] {
            let name = Environment::parse(name).unwrap();
            self.standing.insert(name, Standing::Covered(approved(generation)));
        }
    }

    fn plan(&self) -> Vec<Planned> {
        self.plan_by(policy())
    }

    fn plan_by(&self, policy: &Policy) -> Vec<Planned> {
        let default_branch = RefName::branch("main").unwrap();
        plan(&Situation {
            policy,
            default_branch: &default_branch,
            standing: &self.standing,
            delivered: &self.delivered,
            runs: &self.runs,
            asked: &self.asked,
            now: at(self.now),
        })
    }

    fn step(&self, name: &str) -> Step {
        self.plan().into_iter().find(|planned| planned.id == id(name)).unwrap().step
    }

    fn run(&mut self, name: &str, generation: u64, outcome: Outcome) -> &mut Run {
        let mut run = Run::new(&approved(generation), at(self.now));
        run.begin(at(self.now));
        run.ended(outcome, at(self.now), u32::MAX);
        self.runs.insert(id(name), run);
        self.runs.get_mut(&id(name)).unwrap()
    }

    fn deliver(&mut self, name: &str, generation: u64) {
        self.run(name, generation, Outcome::Accepted).recorded = true;
    }
}

const FIRST: Step = Step::Deliver { supersedes: None, again: false };

fn trouble() -> Trouble {
    SyncReason::Refused.into()
}

#[test]
fn nothing_leaves_from_what_is_not_covered_and_a_branch_target_needs_every_environment() {
    let mut play = Play::covered(3);
    let uncovered = Trouble::from(SyncReason::Uncovered);
    play.standing.insert(Environment::parse("staging").unwrap(), Standing::Withheld(uncovered.clone()));
    assert_eq!(play.step("hook"), FIRST);
    assert!(matches!(play.step("branch"), Step::Withhold(why) if why.code == "other-environment-uncovered"));
    play.standing.insert(Environment::parse("production").unwrap(), Standing::Withheld(uncovered.clone()));
    assert_eq!(play.step("hook"), Step::Withhold(uncovered.clone()));
    play.standing.clear();
    assert_eq!(play.step("hook"), Step::Withhold(uncovered));
}

#[test]
fn a_target_waits_for_those_it_comes_after_and_stands_after_them() {
    let mut play = Play::covered(3);
    let names: Vec<String> = play.plan().iter().map(|planned| planned.id.target.to_string()).collect();
    assert_eq!(names, ["branch", "hook", "workflow"]);
    assert_eq!(play.step("workflow"), Step::Wait(id("hook").target));
    play.deliver("hook", 3);
    assert_eq!(play.step("workflow"), Step::Wait(id("branch").target));
    play.deliver("branch", 2);
    assert_eq!(play.step("workflow"), Step::Wait(id("branch").target));
    play.deliver("branch", 3);
    assert_eq!(play.step("workflow"), FIRST);
}

#[test]
fn a_run_goes_on_where_it_stands() {
    let mut play = Play::covered(3);
    play.deliver("hook", 3);
    assert_eq!(play.step("hook"), Step::Rest);
    play.run("hook", 3, Outcome::Accepted);
    assert_eq!(play.step("hook"), Step::Record);
    play.run("hook", 3, Outcome::Again(Some(Span::from_seconds(60)), trouble()));
    assert_eq!(play.step("hook"), Step::At(at(160)));
    play.now = 160;
    assert_eq!(play.step("hook"), FIRST);
    play.run("hook", 3, Outcome::Blocked(trouble()));
    assert_eq!(play.step("hook"), FIRST);
    play.run("hook", 3, Outcome::Refused(trouble())).recorded = true;
    assert_eq!(play.step("hook"), Step::Dead(trouble()));
    play.asked.insert(id("hook"), 7);
    assert_eq!(play.step("hook"), Step::Deliver { supersedes: None, again: true });
    let revived = play.runs[&id("hook")].clone().asked_again(7, at(170));
    assert_eq!((revived.state, revived.evidence.attempts, revived.asked), (RunState::Queued, 0, 7));
    play.runs.insert(id("hook"), revived);
    play.now = 180;
    assert_eq!(play.step("hook"), FIRST);
    play.run("workflow", 3, Outcome::Triggered(None));
    assert!(matches!(play.step("workflow"), Step::At(_)));
    play.now += 10;
    assert_eq!(play.step("workflow"), Step::Look);
}

#[test]
fn something_newer_takes_over_and_something_older_never_follows() {
    let mut play = Play::covered(5);
    play.run("hook", 3, Outcome::Again(None, trouble()));
    assert_eq!(play.step("hook"), Step::Deliver { supersedes: Some(Sequence::new(3)), again: false });
    play.deliver("hook", 6);
    assert!(matches!(play.step("hook"), Step::Withhold(why) if why.code == "older-generation"));
    // the same from the ledger alone, after the loss of a database
    let receipt = play.runs.remove(&id("hook")).unwrap().receipt(&id("hook"), crate::domain::TargetKind::Webhook);
    play.delivered.insert(id("hook"), receipt);
    assert!(matches!(play.step("hook"), Step::Withhold(why) if why.code == "older-generation"));
}

#[test]
fn a_branch_follows_commits_that_change_nothing_protected() {
    let mut play = Play::covered(3);
    play.deliver("branch", 3);
    play.deliver("hook", 3);
    for standing in play.standing.values_mut() {
        *standing = Standing::Covered(Approved { generation: Sequence::new(3), commit: commit(99) });
    }
    assert_eq!((play.step("branch"), play.step("hook")), (FIRST, Step::Rest));
    play.run("branch", 3, Outcome::Drifted(SyncReason::TargetMoved.into())).recorded = true;
    assert_eq!(play.step("branch"), FIRST, "a branch is set back unless the policy says to report");
}

#[test]
fn what_is_looked_at_is_looked_at_when_it_is_due() {
    let mut play = Play::covered(3);
    let due = play.run("hook", 3, Outcome::Triggered(None)).due;
    play.now = due.seconds() - 1;
    assert_eq!(play.step("hook"), Step::At(due));
    play.now = due.seconds();
    assert_eq!(play.step("hook"), Step::Look);
}

#[test]
fn what_the_ledger_says_was_delivered_need_not_be_waited_for() {
    let mut play = Play::covered(3);
    for (generation, step) in [(2, Step::Wait(id("hook").target)), (3, FIRST)] {
        for name in ["hook", "branch"] {
            play.deliver(name, generation);
            let run = play.runs.remove(&id(name)).unwrap();
            play.delivered.insert(id(name), run.receipt(&id(name), crate::domain::TargetKind::Webhook));
        }
        assert_eq!(play.step("workflow"), step, "{generation}");
    }
}

#[test]
fn what_strayed_is_delivered_again_where_the_policy_says_so_or_somebody_asks() {
    let drifted = Trouble::from(SyncReason::TargetDiffers);
    for (on_drift, asked, step) in [
        ("report", false, Step::Drifted(drifted.clone())),
        ("report", true, Step::Deliver { supersedes: None, again: true }),
        ("reapply", false, FIRST),
    ] {
        let target = "{name: one, argocd: {url: \"https://argo.example\", application: app, token_from: T}";
        let text = POLICY
            .replace("{name: branch, branch: {ref: env/production}}", &format!("{target}, on_drift: {on_drift}}}"));
        let policy = parse(&text.replace("after: [hook, branch]", "after: [hook]"))
            .unwrap_or_else(|faults| panic!("{faults:?}"));
        let mut play = Play::covered(3);
        play.run("one", 3, Outcome::Drifted(drifted.clone())).recorded = true;
        if asked {
            play.asked.insert(id("one"), 7);
        }
        let planned = play.plan_by(&policy).into_iter().find(|planned| planned.id == id("one")).unwrap();
        assert_eq!(planned.step, step, "{on_drift} {asked}");
    }
}

#[test]
fn targets_stand_after_those_they_wait_for_however_they_are_listed() {
    let hook = |name: &str, after: &str| {
        format!("      - {{name: {name}, webhook: {{url_from: U, secret_from: S}}, after: [{after}]}}\n")
    };
    let listed = [hook("c", "b"), hook("b", "a"), hook("a", ""), hook("d", "c, a")].concat().replace(", after: []", "");
    let (before, rest) = POLICY.split_once("      - {name: workflow").unwrap();
    let text = format!("{before}{listed}{}", &rest[rest.find("  staging").unwrap()..]);
    let policy = parse(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    let names: Vec<_> = Play::covered(3).plan_by(&policy).iter().map(|planned| planned.id.target.to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn a_run_keeps_when_its_state_began_and_an_attempt_that_never_left_is_none() {
    let mut run = Run::new(&approved(3), at(0));
    run.on(crate::domain::DeploymentId::new(9));
    run.begin(at(5));
    assert_eq!((run.evidence.attempts, run.begun), (1, Some(at(5))));
    run.withdraw(None);
    assert_eq!((run.evidence.attempts, run.begun), (0, None));
    run.begin(at(6));
    run.begin(at(7));
    run.withdraw(Some(at(6)));
    assert_eq!((run.evidence.attempts, run.begun), (1, Some(at(6))));
    run.ended(Outcome::Again(None, trouble()), at(10), 0);
    assert_eq!((run.state, run.since), (RunState::Queued, at(0)), "it waits as before");
    run.ended(Outcome::Accepted, at(20), 0);
    assert_eq!((run.state, run.since), (RunState::Accepted, at(20)));
    run.begin(at(25));
    run.supersede(at(30));
    assert_eq!((run.state, run.since, run.begun), (RunState::Superseded, at(30), None));
    assert_eq!(run.evidence.deployment, Some(crate::domain::DeploymentId::new(9)));
}

#[test]
fn a_deployment_says_where_its_run_stands_in_githubs_words_and_ours() {
    use RunState::{Accepted, Blocked, Converged, Drifted, Failed, Queued, Superseded, Triggered};
    for (state, troubled, word, text) in [
        (Queued, false, "queued", "L-3 waits for its turn"),
        (Queued, true, "queued", "refused, tried again: no"),
        (Triggered, false, "in_progress", "production/hook was asked to take L-3"),
        (Triggered, true, "in_progress", "refused, looked at again: no"),
        (Converged, true, "success", "production/hook runs L-3"),
        (Accepted, true, "success", "production/hook accepted L-3, not verified"),
        (Failed, true, "failure", "refused: no"),
        (Failed, false, "failure", "L-3: failed"),
        (Drifted, true, "failure", "refused: no"),
        (Blocked, true, "error", "refused: no"),
        (Superseded, true, "inactive", "a newer generation than L-3 took over"),
    ] {
        let trouble = Trouble { code: "refused".to_owned(), words: "no".to_owned(), help: String::new() };
        let run = Run { state, trouble: troubled.then_some(trouble), ..Run::new(&approved(3), at(0)) };
        assert_eq!(
            (DeploymentState::of(state).word(), describe(&id("hook"), &run).as_str()),
            (word, text),
            "{state:?}"
        );
    }
    assert_eq!(deployment_task(&id("hook").target), "countersign:hook");
}

#[test]
fn attempts_are_used_up_and_a_look_ends() {
    let mut run = Run::new(&approved(3), at(0));
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(run.state, RunState::Queued, "{attempt}");
        run.begin(at(0));
        run.ended(Outcome::Again(None, trouble()), at(0), 0);
    }
    assert_eq!((run.state, run.trouble.unwrap().code.as_str()), (RunState::Failed, "attempts-used-up"));
    let mut run = Run::new(&approved(3), at(0));
    run.ended(Outcome::Triggered(None), at(0), 0);
    run.ended(Outcome::NotYet, at(60), 0);
    assert_eq!((run.state, run.due), (RunState::Triggered, at(75)));
    run.ended(Outcome::NotYet, at(6 * 3_600), 0);
    assert_eq!((run.state, run.trouble.unwrap().code.as_str()), (RunState::Failed, "deadline-passed"));
}

#[test]
fn what_blocks_counts_no_attempt() {
    let mut run = Run::new(&approved(3), at(0));
    for _ in 0..100 {
        run.begin(at(0));
        run.ended(Outcome::Blocked(trouble()), at(0), 0);
    }
    assert_eq!((run.state, run.evidence.attempts), (RunState::Blocked, 0));
}

#[test]
fn every_state_has_its_face_on_github_and_a_short_sentence() {
    for state in RunState::ALL {
        let mut run = Run::new(&approved(3), at(0));
        run.state = state;
        run.trouble = Some(Trouble::new(SyncReason::AttemptsUsedUp, &"ä".repeat(400)));
        let text = describe(&id("hook"), &run);
        assert!(text.chars().count() <= MAX_DESCRIPTION && !text.is_empty(), "{text}");
        assert!(!DeploymentState::of(state).word().is_empty());
    }
    for reason in SyncReason::ALL {
        assert!(reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        assert!(!reason.words().ends_with('.') && !reason.help().ends_with('.'), "{}", reason.code());
    }
}

/// What happens to a target, and to us.
#[derive(Debug, Clone)]
enum Happening {
    /// A change is merged.
    Merge,
    /// Time passes.
    Wait(u16),
    /// A turn, with what the target answers; `dies`: after the answer, before anything is remembered.
    Turn { answer: u8, dies: bool },
    /// A person asks again.
    Ask,
    /// Somebody pushes past us, or it is put back.
    Uncovered(bool),
    /// The database is lost; the ledger stays.
    Forget,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => Just(Happening::Merge),
        3 => (0_u16..5_000).prop_map(Happening::Wait),
        8 => (0_u8..6, prop::bool::weighted(0.2)).prop_map(|(answer, dies)| Happening::Turn { answer, dies }),
        1 => Just(Happening::Ask),
        1 => any::<bool>().prop_map(Happening::Uncovered),
        1 => Just(Happening::Forget),
    ]
}

/// A turn as the engine takes it; `Some`: something left, of that generation.
fn turn(play: &mut Play, name: &str, answer: u8, dies: bool) -> Option<u64> {
    let now = at(play.now);
    let planned = play.plan().into_iter().find(|planned| planned.id == id(name)).unwrap();
    let known = play.runs.get(&id(name)).cloned();
    let mut left = None;
    let mut run = match (planned.step, planned.approved) {
        (Step::Deliver { supersedes, again }, Some(approved)) => {
            let known = known.filter(|known| known.generation == approved.generation);
            assert!(supersedes.is_none_or(|older| older < approved.generation));
            let mut run = match known {
                Some(run) if again => run.asked_again(play.asked[&id(name)], now),
                Some(run) => run,
                None => Run::new(&approved, now),
            };
            run.begin(now);
            play.runs.insert(id(name), run.clone());
            let outcome = match answer {
                0 | 1 => Outcome::Accepted,
                2 => Outcome::Triggered(None),
                3 => Outcome::Again(None, trouble()),
                4 => Outcome::Refused(trouble()),
                _ => Outcome::Blocked(trouble()),
            };
            if !matches!(outcome, Outcome::Blocked(_)) {
                left = Some(run.generation.get());
            }
            run.ended(outcome, now, u32::from(answer) * 1_000);
            run
        }
        (Step::Look, _) => {
            let mut run = known.unwrap();
            let outcome = if answer < 3 { Outcome::Converged } else { Outcome::NotYet };
            run.ended(outcome, now, 0);
            run
        }
        (Step::Record, _) => known.unwrap(),
        (
            Step::Rest
            | Step::Withhold(_)
            | Step::Wait(_)
            | Step::At(_)
            | Step::Dead(_)
            | Step::Drifted(_)
            | Step::Deliver { .. },
            _,
        ) => return None,
    };
    if dies {
        return left;
    }
    if run.is_to_record() {
        let receipt = run.receipt(&id(name), crate::domain::TargetKind::Webhook);
        if run.state.is_delivered() {
            play.delivered.insert(id(name), receipt);
        }
        run.recorded = true;
    }
    play.runs.insert(id(name), run);
    left
}

proptest! {
    #[test]
    fn no_history_delivers_old_over_new_or_anything_uncovered_or_again_what_is_known_to_be_there(
        happenings in prop::collection::vec(happening(), 1..120),
    ) {
        let mut play = Play::covered(2);
        let (mut generation, mut uncovered, mut newest, mut known) = (2, false, 0, 0);
        for happening in happenings {
            match happening {
                Happening::Merge => {
                    generation += 1;
                    if !uncovered { play.approve(generation); }
                }
                Happening::Wait(seconds) => play.now += i64::from(seconds),
                Happening::Ask => { *play.asked.entry(id("hook")).or_default() += 1; }
                Happening::Forget => { play.runs.clear(); }
                Happening::Uncovered(is) => {
                    uncovered = is;
                    play.approve(generation);
                    if is { play.standing.clear(); }
                }
                Happening::Turn { answer, dies } => {
                    let before = known;
                    let left = turn(&mut play, "hook", answer, dies);
                    if let Some(left) = left {
                        prop_assert!(!uncovered, "something left from an uncovered branch");
                        prop_assert!(left >= newest, "{left} after {newest}");
                        prop_assert!(left > before, "{left} again, though it is in the ledger");
                        newest = left;
                    }
                    known = play.delivered.get(&id("hook")).map_or(0, |receipt| receipt.generation.get());
                }
            }
        }
    }

    #[test]
    fn whatever_happened_a_target_that_answers_gets_the_newest_in_the_end(
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut play = Play::covered(2);
        let mut generation = 2;
        for happening in happenings {
            match happening {
                Happening::Merge => { generation += 1; play.approve(generation); }
                Happening::Wait(seconds) => play.now += i64::from(seconds),
                Happening::Turn { answer, dies } => { turn(&mut play, "hook", answer, dies); }
                Happening::Forget => { play.runs.clear(); }
                Happening::Ask | Happening::Uncovered(_) => {}
            }
        }
        *play.asked.entry(id("hook")).or_default() += 1_000;
        for _ in 0..6 {
            play.now += 100_000;
            turn(&mut play, "hook", 0, false);
        }
        prop_assert_eq!(play.delivered.get(&id("hook")).map(|receipt| receipt.generation.get()), Some(generation));
        prop_assert_eq!(play.step("hook"), Step::Rest);
    }
}
