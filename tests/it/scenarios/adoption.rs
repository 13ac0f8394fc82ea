//! Adoption as an act: nothing is decided before it, and it names exactly one commit.

use countersign_core::ledger::Entry;
use github_sim::Push;

use crate::harness::{POLICY, Secrets, World, a_second_later};

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
    let branch = Push::to("rita/db").from("main").file("secrets/staging/db.yaml", "x: 1\n");
    world.push(&world.rita, branch);
    let pull = world.repo.open_pull(&world.rita, "Change staging", "rita/db", "main").unwrap();
    world.until_check(pull, "failure");
    let check = world.check(pull).unwrap();
    assert!(check["output"]["title"].as_str().unwrap().contains("not-adopted"), "{check:#}");
    assert_eq!(world.ledger_tip(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_branch_is_taken_in_by_the_approved_change_that_governs_it() {
    let mut world = World::without_server(POLICY).await;
    world.set("COUNTERSIGN_RECONCILE_INTERVAL", "2s");
    world.start();
    world.until("the repository is adopted", |world| world.ledger_tip().is_some());
    let stood = world.push(&world.rita, Push::to("release").from("main").file("README.md", "# release\n"));
    let policy = POLICY
        .replace("  staging: {paths", "  release: {paths: [secrets/production/], branch: release}\n  staging: {paths")
        .replace(
            "  - name: staging",
            "  - {name: release, environments: [release], approvers: {users: [ann]}}\n  - name: staging",
        );
    let push = Push::to("policy").from("main").file(".countersign/policy.yaml", &policy);
    let change = world.change_of("policy", push);
    for user in [&world.ann, &world.zoe] {
        world.approve(user, change);
    }
    world.until_merged(change);
    let adopted = || {
        let ledger = world.ledger();
        let entries = ledger.entries().iter().filter_map(|entry| match &entry.entry {
            Entry::Adopted(entry) => Some((entry.branch.short().to_owned(), entry.commit.as_str().to_owned())),
            Entry::Policy(_)
            | Entry::Key(_)
            | Entry::Push(_)
            | Entry::Vote(_)
            | Entry::Decision(_)
            | Entry::Merge(_)
            | Entry::PutBack(_)
            | Entry::Bypass(_)
            | Entry::Ratification(_)
            | Entry::Revocation(_)
            | Entry::Sync(_) => None,
        });
        entries.collect::<Vec<_>>()
    };
    world.until("the branch is taken in", |_| adopted().len() == 2);
    assert_eq!(adopted()[1], ("release".to_owned(), stood));

    // from now on it is governed like any other
    let path = "secrets/production/db.yaml";
    let pushed = world.push(&world.rita, Push::to("release").file(path, Secrets::sealed("production", 2)));
    let pull = world.pull_of(&format!("countersign/held/{pushed}"));
    world.until("it is back", |world| {
        world.repo.file("release", path) == Some(Secrets::sealed("production", 1).into_bytes())
    });
    a_second_later();
    world.approve(&world.ann, pull);
    world.until_merged(pull);
    assert_eq!(world.repo.file("release", path), Some(Secrets::sealed("production", 2).into_bytes()));
    assert!(world.main_has("production", 1));
}
