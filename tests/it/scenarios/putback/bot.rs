//! A bot that pushes the same again and again: twice it is put back, the third time it is left and quarantined.

use countersign_core::facts::Quarantine;

use super::{body, directly, held, put_backs, until_put_back};
use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_push_is_put_back_twice_and_quarantined_the_third_time() {
    let world = World::new().await;
    let first = directly(&world, &world.rita, "production", 2);
    let pull = until_put_back(&world, &first);
    world.until_quiet();
    let second = directly(&world, &world.rita, "production", 2);
    world.until("main is back again", |world| world.main_has("production", 1));
    world.until("the request says so", |world| body(world, pull).contains("the same was pushed 2 times"));
    world.until_quiet();
    assert_eq!(world.repo.tip(&held(&second)), None, "one request for the same change");
    let third = directly(&world, &world.rita, "production", 2);
    let quarantined = super::until_quarantined(&world, &third, Quarantine::Repeated);
    world.until_quiet();
    assert_ne!(quarantined, pull);
    assert_eq!(world.repo.tip("main").as_deref(), Some(third.as_str()), "the branch is left as it is");
    let entries = put_backs(&world);
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.delta_digest == entries[0].delta_digest));

    // somebody runs the line that the request names, and the quarantine is over
    let text = body(&world, quarantined);
    let restored = entries[2].restored.as_ref().unwrap().as_str();
    assert!(text.contains(&format!("git push origin {restored}:main")), "{text}");
    world.repo.move_branch(&world.zoe, "main", restored).unwrap();
    world.until_check(quarantined, "action_required");
    world.until("it is said", |world| body(world, quarantined).contains("`main` is back to what was approved"));
    assert!(world.main_has("production", 1));
    world.until_quiet();
    assert_eq!(put_backs(&world).len(), 3, "ending it needs no entry");
    world.end();
}
