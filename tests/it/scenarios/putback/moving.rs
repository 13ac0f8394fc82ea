//! Somebody else moves the branch at the same time, and the server dies at any moment.

use std::time::Duration;

use github_sim::{Fault, Push};

use super::{directly, held, put_backs, until_put_back};
use crate::harness::{Secrets, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_comes_in_between_is_part_of_what_is_put_back() {
    let world = World::new().await;
    world.until_quiet();
    // while the server asks how the commit came in, somebody else pushes on top of it
    let (repo, zoe) = (world.repo.clone(), world.zoe.clone());
    let more = Push::to("main").file("secrets/staging/db.yaml", Secrets::sealed("staging", 4));
    let more = std::sync::Mutex::new(Some(more));
    world.sim.fault(Fault::operation("repos/list-pull-requests-associated-with-commit").times(1).then(move |_| {
        if let Some(push) = more.lock().expect("no panic").take() {
            repo.push(&zoe, push).expect("pushed");
        }
    }));
    directly(&world, &world.rita, "production", 2);
    world.until("all is back", |world| world.main_has("production", 1) && world.main_has("staging", 1));
    let entries = put_backs(&world);
    let last = entries.last().unwrap();
    let pull = world.pull_of(&held(last.pushed.as_str()));
    assert_eq!(last.paths.len(), 2);
    let excluded: Vec<_> = last.excluded.iter().map(|account| account.login.as_str()).collect();
    assert!(excluded.contains(&"rita") && excluded.contains(&"zoe"), "{excluded:?}");
    world.until_check(pull, "action_required");
    world.until_quiet();
    let open = (1..9).filter(|number| world.repo.pull_json(*number)["state"] == "open").count();
    assert_eq!(open, 1, "what never stood for itself has no request");
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_at_any_moment_puts_back_once() {
    let mut world = World::new().await;
    for (round, pause) in [5_u64, 60, 150, 250, 400].into_iter().enumerate() {
        let version = u32::try_from(round).unwrap() + 2;
        let pushed = directly(&world, &world.rita, "production", version);
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(pause));
            world.kill();
            world.start();
        }
        let pull = until_put_back(&world, &pushed);
        world.until_check(pull, "action_required");
        assert!(world.main_has("production", 1), "round {round}");
        world.until_quiet();
    }
    let entries = put_backs(&world);
    let mut pushed: Vec<_> = entries.iter().map(|entry| entry.pushed.clone()).collect();
    pushed.dedup();
    assert_eq!((entries.len(), pushed.len()), (5, 5), "one entry for each push");
    let open = (1..20).filter(|number| world.repo.pull_json(*number)["state"] == "open").count();
    assert_eq!(open, 5, "one request for each push");
    world.end();
}
