//! A push moves a branch from what we saw to what we made, or says why not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;

use countersign_core::domain::Oid;

use super::server::Fault;
use super::world::{World, branch, git};
use crate::engine::ports::{NewEntry, Repo as _, RepoError};

/// A world whose clone is fetched, with a commit that only our clone and the person have.
async fn ready() -> (World, Oid, Oid) {
    let world = World::new().await;
    let old = world.work.commit(&[("a", "1"), ("b/c", "2")]);
    world.push("main");
    world.repos.fetch(&world.repo, &[]).await.unwrap();
    let new = world.append_locally("main", &old).await;
    world.server.seen();
    (world, old, new)
}

fn entry(text: &str, second: i64) -> NewEntry {
    NewEntry { envelope: text.as_bytes().to_vec(), at: World::at(second), message: format!("L: {text}") }
}

impl World {
    /// A commit on top of `old` in our clone that the remote does not have.
    async fn append_locally(&self, from: &str, old: &Oid) -> Oid {
        self.push(&format!("{from}:tmp"));
        let new =
            self.repos.append(&self.repo, &branch("tmp"), (Some(old), Some(old)), &[entry("x", 0)]).await.unwrap();
        git(&self.bare(), &["update-ref", "-d", "refs/heads/tmp"]);
        git(&self.bare(), &["-c", "gc.pruneExpire=now", "prune", "--expire=now"]);
        self.repos.fetch(&self.repo, &[]).await.unwrap();
        new
    }

    fn hook(&self, name: &str, script: &str) {
        let path = self.bare().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_branch_moves_and_a_new_one_appears() {
    let (world, old, new) = ready().await;
    world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap();
    assert_eq!(world.there(&branch("main")), Some(new.clone()));
    world.repos.push(&world.repo, &branch("held/x"), None, &new).await.unwrap();
    assert_eq!(world.there(&branch("held/x")), Some(new.clone()));
    git(&world.bare(), &["fsck", "--strict"]);
    for seen in world.server.seen().iter().filter(|seen| seen.line.starts_with("POST")) {
        assert!(seen.headers.contains_key("content-length") && !seen.headers.contains_key("transfer-encoding"));
    }
    world.server.seen();
    assert_eq!(world.repos.fetch(&world.repo, &[]).await.unwrap().len(), 2);
    assert_eq!(world.server.seen().len(), 2, "what we pushed need not be fetched");
}

#[tokio::test]
async fn a_lease_is_lost_when_the_branch_is_not_what_we_saw() {
    let (world, old, new) = ready().await;
    let other = world.work.commit(&[("a", "3")]);
    world.push("main");
    let main = branch("main");
    for wrong in [Some(&old), None] {
        let error = world.repos.push(&world.repo, &main, wrong, &new).await.unwrap_err();
        assert_eq!(error, RepoError::LeaseLost(main.clone()));
    }
    let absent = branch("absent");
    let error = world.repos.push(&world.repo, &absent, Some(&old), &new).await.unwrap_err();
    assert_eq!(error, RepoError::LeaseLost(absent));
    assert_eq!(world.there(&main), Some(other));
}

#[tokio::test]
async fn a_lease_lost_between_looking_and_pushing_is_lost_as_well() {
    let (world, old, new) = ready().await;
    let other = world.work.commit(&[("a", "3")]);
    world.push("main:side");
    let update = ["git", "--git-dir", "acme/app.git", "update-ref", "refs/heads/main", other.as_str()];
    world.server.fail("POST", Fault::Before(update.map(str::to_owned).to_vec()));
    let error = world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap_err();
    assert_eq!(error, RepoError::LeaseLost(branch("main")));
    assert_eq!(world.there(&branch("main")), Some(other));
}

#[tokio::test]
async fn a_rule_refuses_in_its_own_words() {
    let (world, old, new) = ready().await;
    world.hook(
        "pre-receive",
        "echo 'error: GH013: Repository rule violations found' >&2; echo 'stale info' >&2; exit 1",
    );
    let error = world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap_err();
    let RepoError::Refused { reference, message } = error else { panic!("{error}") };
    assert_eq!(reference, branch("main"));
    assert!(message.contains("hook declined") && message.contains("GH013: Repository rule"), "{message}");
    world.server.fail("info/refs", Fault::Status(403, "Resource not accessible by integration".to_owned()));
    let error = world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap_err();
    assert!(matches!(&error, RepoError::Refused { message, .. } if message.contains("not accessible")), "{error}");
    assert_eq!(world.there(&branch("main")), Some(old));
}

#[tokio::test]
async fn a_broken_answer_is_settled_by_looking_again() {
    let (world, old, new) = ready().await;
    world.server.fail("POST", Fault::Status(502, String::new()));
    let error = world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap_err();
    assert!(matches!(&error, RepoError::Later(text) if text.contains("502")), "{error}");
    assert_eq!(world.there(&branch("main")), Some(old.clone()));
    world.server.fail("POST", Fault::DoneButLost);
    world.repos.push(&world.repo, &branch("main"), Some(&old), &new).await.unwrap();
    assert_eq!(world.there(&branch("main")), Some(new));
}

#[tokio::test]
async fn the_ledger_grows_entry_by_entry_and_is_read_back_in_order() {
    let world = World::new().await;
    let ledger = branch("countersign/ledger");
    let one = world.repos.append(&world.repo, &ledger, (None, None), &[entry("1", 1)]).await.unwrap();
    let three = world
        .repos
        .append(&world.repo, &ledger, (Some(&one), Some(&one)), &[entry("2", 2), entry("3", 3)])
        .await
        .unwrap();
    assert_eq!(world.there(&ledger), Some(three.clone()));

    let error = world.repos.append(&world.repo, &ledger, (Some(&one), Some(&one)), &[entry("4", 4)]).await.unwrap_err();
    assert_eq!(error, RepoError::LeaseLost(ledger.clone()));
    let error = world.repos.append(&world.repo, &ledger, (None, None), &[entry("4", 4)]).await.unwrap_err();
    assert_eq!(error, RepoError::LeaseLost(ledger.clone()));

    let texts = |chain: Vec<(Oid, Option<Vec<u8>>)>| -> Vec<String> {
        chain.into_iter().map(|(_, bytes)| String::from_utf8(bytes.unwrap()).unwrap()).collect()
    };
    assert_eq!(texts(world.repos.chain(&world.repo, &three, None).await.unwrap()), ["1", "2", "3"]);
    assert_eq!(texts(world.repos.chain(&world.repo, &three, Some(&one)).await.unwrap()), ["2", "3"]);
    assert_eq!(texts(world.repos.chain(&world.repo, &three, Some(&three)).await.unwrap()), [""; 0]);

    let shown = git(&world.bare(), &["log", "-1", "--format=%an <%ae> %ct %cn%n%B", ledger.as_str()]);
    let expected = "countersign <countersign@users.noreply.github.com> 1700000003 countersign\nL: 3\n\n[skip ci]";
    assert_eq!(shown, expected);
    assert_eq!(git(&world.bare(), &["ls-tree", "-r", "--name-only", ledger.as_str()]), "entry.json");
    git(&world.bare(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn of_two_appending_at_once_one_wins_and_one_knows() {
    let world = World::new().await;
    let ledger = branch("countersign/ledger");
    let (left, right) = ([entry("left", 1)], [entry("right", 1)]);
    let (one, other) = tokio::join!(
        world.repos.append(&world.repo, &ledger, (None, None), &left),
        world.repos.append(&world.repo, &ledger, (None, None), &right),
    );
    let there = world.there(&ledger);
    let lost = Err(RepoError::LeaseLost(ledger));
    assert!((one.clone().ok() == there && other == lost) || (other.ok() == there && one == lost));
}
