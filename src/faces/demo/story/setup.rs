//! The team sets it up: a key for the ledger, sealed files, a policy, adoption.

use crate::faces::demo::desk::Shown;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::values;
use crate::faces::demo::world::{LEDGER, World};

const POLICY: &str = include_str!("../../../../templates/demo/policy.yaml");

/// Plays it; the fingerprint of the ledger's key.
pub(super) fn play(stage: &mut Stage, world: &mut World) -> Result<String, Stop> {
    stage.act(
        "A team and its policy",
        "The organisation acme: **ann**, **bob** and **cy** are the team security, **dee** is payments, **zoe** administers, **rita** \
         develops. zoe makes the key that signs the ledger and starts the server.",
    );
    let made = world.zoe.types(stage, &["countersign", "keygen", "-o", "ledger.pem"], Shown::Nothing)?;
    let fingerprint =
        made.err.lines().find_map(|line| line.strip_prefix("fingerprint ")).unwrap_or_default().to_owned();
    stage.told(&format!("fingerprint {fingerprint}"));
    let key = world.zoe.read("ledger.pem")?;
    stage.typed("zoe", "countersign serve");
    let since = std::time::Instant::now();
    let server = world.start_server(&key)?;
    let (public, admin) = (server.public.clone(), server.admin.clone());
    stage.said(&format!("listening on {public}\nadmin on {admin}"), 2);
    stage.holds("the server runs, and GitHub delivers to it", since);
    stage.does("zoe", "settles at GitHub that only the App countersign may move `env/**`");
    world.guard_targets()?;
    repository(stage, world)?;
    Ok(fingerprint)
}

fn repository(stage: &mut Stage, world: &mut World) -> Result<(), Stop> {
    stage.say("A repository with the secrets of two environments, sealed before they are ever committed, and the policy beside them.");
    let address = world.address(&world.zoe);
    world.zoe.types(stage, &["git", "clone", &address], Shown::Nothing)?;
    let zoe = &mut world.zoe;
    zoe.enter("app");
    zoe.write("README.md", "# app\n")?;
    zoe.write(
        ".sops.yaml",
        &format!("creation_rules:\n  - path_regex: ^secrets/\n    age: {}\n", world.recipients.join(",")),
    )?;
    zoe.write(".countersign/policy.yaml", POLICY)?;
    zoe.write("secrets/staging/app.yaml", &values::staging())?;
    zoe.write("secrets/production/payments.yaml", &values::production())?;
    zoe.types(stage, &["countersign", "encrypt", "-i", "secrets/staging/app.yaml"], Shown::All)?;
    zoe.types(stage, &["countersign", "encrypt", "-i", "secrets/production/payments.yaml"], Shown::All)?;
    zoe.types(stage, &["head", "-n", "3", "secrets/production/payments.yaml"], Shown::Lines(3))?;
    zoe.types(stage, &["cat", ".countersign/policy.yaml"], Shown::Lines(30))?;
    zoe.types(stage, &["countersign", "check"], Shown::All)?;
    zoe.types(stage, &["git", "add", "."], Shown::Nothing)?;
    zoe.types(stage, &["git", "commit", "-qm", "Sealed secrets, and who may change them"], Shown::Nothing)?;
    zoe.types(stage, &["git", "push", "origin", "main"], Shown::Moves)?;
    let repo = &world.repo;
    stage.wait(
        "the repository to be adopted",
        || repo.tip(LEDGER),
        |_| "adopted: what stands on main now is the starting point; from here on the policy decides".to_owned(),
        || "no ledger".to_owned(),
    )?;
    let receiver = &world.receiver;
    stage.wait(
        "the first delivery",
        || Some(receiver.taken()).filter(|taken| taken.len() == 1),
        |_| "what runs the app was told where production starts: a signed message, the first of three".to_owned(),
        || format!("{} messages, {} refused", receiver.taken().len(), receiver.refused()),
    )?;
    Ok(())
}
