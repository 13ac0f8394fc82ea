//! Adoption as an act: nothing is decided before it, and it names exactly one commit.

use crate::harness::{POLICY, World};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_until_the_operator_adopts_exactly_what_stands_there() {
    let mut world = World::without_server(POLICY).await;
    world.set("COUNTERSIGN_ADOPT", "");
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    let tip = world.repo.tip("main").unwrap();
    let adopt = |commit: &str| {
        let output = world.with_settings("adopt").args(["--repo", "acme/app", commit]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (code, said) = adopt(&"1".repeat(40));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the default branch is at") && said.contains("help: look at what changed"), "{said}");
    assert_eq!(world.ledger_tip(), None);

    let (code, said) = adopt(&tip);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("adopted acme/app at") && said.contains("3 protected paths taken in"), "{said}");
    let ledger = world.ledger_tip().unwrap();

    let (code, said) = adopt(&tip);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has a ledger already"), "{said}");
    assert_eq!(world.ledger_tip(), Some(ledger));

    world.start();
    let pull = world.change(&world.rita, "rita/db", "staging");
    world.approve(&world.ann, pull);
    world.until("it is merged under the adopted ledger", |world| world.merged(pull));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_a_policy_that_nobody_adopted_is_blocked_and_says_so() {
    let mut world = World::without_server(POLICY).await;
    world.set("COUNTERSIGN_ADOPT", "");
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "1s");
    world.start();
    let branch = github_sim::Push::to("rita/db").from("main").file("secrets/staging/db.yaml", "x: 1\n");
    world.push(&world.rita, branch);
    let pull = world.repo.open_pull(&world.rita, "Change staging", "rita/db", "main").unwrap();
    world.until_check(pull, "failure");
    let check = world.check(pull).unwrap();
    assert!(check["output"]["title"].as_str().unwrap().contains("not-adopted"), "{check:#}");
    assert_eq!(world.ledger_tip(), None);
}
