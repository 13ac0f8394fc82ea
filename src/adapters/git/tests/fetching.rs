//! What a fetch brings, and what it leaves alone.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use countersign_core::domain::RefName;

use super::world::{World, branch, git};
use crate::engine::ports::Repo as _;

#[tokio::test]
async fn a_clone_brings_everything_and_later_fetches_only_the_rest() {
    let world = World::new().await;
    let big: String = (0..20_000).map(|n| format!("{}\n", n * 7919 % 10_007)).collect();
    let one = world.work.commit(&[("README", "hello"), ("deep/down/file", &big)]);
    world.push("main");

    let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
    assert_eq!(refs, BTreeMap::from([(branch("main"), one.clone())]));
    assert_eq!(world.repos.entries(&world.repo, &one).await.unwrap().len(), 2);

    world.server.seen();
    assert_eq!(world.repos.fetch(&world.repo, &[]).await.unwrap(), refs);
    let lines: Vec<_> = world.server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines.len(), 2, "nothing new: list only, {lines:?}");

    let two = world.work.commit(&[("README", "hello again")]);
    world.push("main:other");
    let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
    assert_eq!(refs, BTreeMap::from([(branch("main"), one.clone()), (branch("other"), two.clone())]));
    let asked = String::from_utf8_lossy(&world.server.seen()[2].body).into_owned();
    assert!(asked.contains(&format!("want {two}")) && asked.contains(&format!("have {one}")), "{asked}");
    let packs = std::fs::read_dir(world.clone().join("objects/pack")).unwrap();
    let sizes: Vec<_> = packs.map(|pack| pack.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.iter().min().unwrap() < &2_000 && sizes.iter().max().unwrap() > &20_000, "{sizes:?}");
    git(&world.clone(), &["fsck", "--strict", "--no-dangling"]);
}

#[tokio::test]
async fn a_long_history_arrives_whole_in_every_protocol() {
    for old in [false, true] {
        let world = World::new().await;
        if old {
            world.server.speak_old_protocol();
        }
        let root = world.work.commit(&[("n", "0")]);
        world.work.history(100);
        world.push("main");
        world.repos.fetch(&world.repo, &[]).await.unwrap();
        world.work.history(99);
        let tip = world.work.head();
        world.push("main");
        world.push("main:refs/pull/1/head");
        let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
        assert_eq!(refs, BTreeMap::from([(branch("main"), tip.clone())]));
        let commits = world.repos.commits(&world.repo, &root, &tip).await.unwrap();
        assert_eq!((commits.len(), &commits[0].oid), (199, &tip));
        assert_eq!(commits[0].author_email, "ann@example.com");
        assert_eq!(commits[0].committer_email, "carl@example.com");
        assert_eq!(commits[0].message, "a change\n");
        assert!(world.repos.reaches(&world.repo, &tip, &root).await.unwrap());
        assert!(!world.repos.reaches(&world.repo, &root, &tip).await.unwrap());
        git(&world.clone(), &["fsck", "--strict", "--no-dangling"]);
    }
}

#[tokio::test]
async fn a_pull_request_is_fetched_when_wanted_and_only_exactly() {
    let world = World::new().await;
    let main = world.work.commit(&[("a", "1")]);
    world.push("main");
    let one = world.work.commit(&[("a", "2")]);
    world.push("main:refs/pull/1/head");
    world.work.commit(&[("a", "3")]);
    world.push("main:refs/pull/1/headless");
    world.push("main:refs/tags/v1");
    let wanted = RefName::parse("refs/pull/1/head").unwrap();
    let absent = RefName::parse("refs/pull/9/head").unwrap();

    let refs = world.repos.fetch(&world.repo, &[wanted.clone(), absent]).await.unwrap();
    assert_eq!(refs, BTreeMap::from([(branch("main"), main.clone()), (wanted, one.clone())]));
    assert_eq!(world.repos.delta(&world.repo, &main, &one).await.unwrap().entries().len(), 1);
}

#[tokio::test]
async fn a_rewritten_branch_is_followed_and_its_past_stays_readable() {
    let world = World::new().await;
    world.work.commit(&[("a", "1")]);
    let past = world.work.commit(&[("a", "2")]);
    world.push("main");
    world.repos.fetch(&world.repo, &[]).await.unwrap();
    world.work.git(&["commit", "-q", "--amend", "-m", "otherwise"]);
    let now = world.work.head();
    world.push("main");

    let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
    assert_eq!(refs[&branch("main")], now);
    assert!(world.repos.delta(&world.repo, &past, &now).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_gone_is_forgotten_even_when_a_name_becomes_a_directory() {
    let world = World::new().await;
    world.work.commit(&[("a", "1")]);
    world.push("main");
    world.push("main:x");
    world.push("main:gone");
    world.repos.fetch(&world.repo, &[]).await.unwrap();
    world.push(":x");
    world.push(":gone");
    world.push("main:x/y");

    let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
    let names: Vec<_> = refs.keys().map(RefName::short).collect();
    assert_eq!(names, ["main", "x/y"]);
    let kept = git(&world.clone(), &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(kept.lines().collect::<Vec<_>>(), ["refs/remote/heads/main", "refs/remote/heads/x/y"]);
}

#[tokio::test]
async fn an_empty_repository_has_no_references() {
    for old in [false, true] {
        let world = World::new().await;
        if old {
            world.server.speak_old_protocol();
        }
        assert_eq!(world.repos.fetch(&world.repo, &[]).await.unwrap(), BTreeMap::new());
    }
}

#[tokio::test]
async fn submodules_links_and_odd_names_are_brought_as_they_are() {
    let world = World::new().await;
    world.work.commit(&[("plain", "1")]);
    let elsewhere = "1234567890123456789012345678901234567890";
    std::os::unix::fs::symlink("/etc/passwd", world.work.at.join("link")).unwrap();
    std::fs::write(world.work.at.join("new\nline \u{202e}"), "x").unwrap();
    world.work.git(&["add", "."]);
    world.work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{elsewhere},sub")]);
    world.work.git(&["commit", "-q", "-m", "odd"]);
    world.push("main");

    let refs = world.repos.fetch(&world.repo, &[]).await.unwrap();
    let entries = world.repos.entries(&world.repo, &refs[&branch("main")]).await.unwrap();
    let modes: Vec<_> = entries.iter().map(|(path, entry)| format!("{path}:{:o}", entry.mode.bits())).collect();
    assert_eq!(modes.len(), 4, "{modes:?}");
    assert!(modes.contains(&"link:120000".to_owned()) && modes.contains(&"sub:160000".to_owned()), "{modes:?}");
}

#[tokio::test]
async fn fetching_twice_at_once_is_the_same_as_once() {
    let world = World::new().await;
    world.work.commit(&[("a", "1")]);
    world.push("main");
    let (one, other) = tokio::join!(world.repos.fetch(&world.repo, &[]), world.repos.fetch(&world.repo, &[]));
    assert_eq!(one.unwrap(), other.unwrap());
    let packs = std::fs::read_dir(world.clone().join("objects/pack")).unwrap().count();
    assert_eq!(packs, 2, "one pack and its index");
}
