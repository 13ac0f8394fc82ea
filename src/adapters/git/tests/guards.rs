//! A remote that is broken, slow or hostile.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use super::server::{Fault, Server, TOKEN};
use super::world::World;
use crate::engine::ports::{Repo as _, RepoError};

async fn filled(change: impl FnOnce(&mut super::super::GitConfig)) -> World {
    let world = World::with(TOKEN, change).await;
    let noise: String = (0..9_000u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    world.work.commit(&[("noise", &noise)]);
    world.push("main");
    world
}

fn nothing_left_aside(world: &World) {
    let left = std::fs::read_dir(world.clone()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with("aside")).count(), 0);
    assert_eq!(std::fs::read_dir(world.clone().join("objects/pack")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_wrong_token_is_shown_once_and_never_printed() {
    let world = World::with("ghs_wrong", |_| ()).await;
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(matches!(&error, RepoError::Later(text) if text.contains("401")), "{error}");
    assert_eq!(world.server.seen().len(), 1);
    assert!(!error.to_string().contains("ghs_wrong"));
}

#[tokio::test]
async fn a_token_echoed_by_the_remote_is_hidden() {
    let world = filled(|_| ()).await;
    world.server.fail("info/refs", Fault::Status(403, format!("you sent \u{1b}[31m{TOKEN}\n{}", basic())));
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err().to_string();
    assert!(error.contains("you sent [31m[hidden]\n[hidden]"), "{error:?}");
}

fn basic() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{TOKEN}"))
}

#[tokio::test]
async fn another_host_is_never_followed_nor_told_the_token() {
    let world = filled(|_| ()).await;
    let other = Server::start(world.dir.path()).await;
    let to = format!("{}/acme/app.git/info/refs?service=git-upload-pack", other.url);
    for at in ["info/refs", "POST"] {
        world.server.fail(at, Fault::Redirect(to.clone()));
        let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
        assert!(matches!(error, RepoError::Later(_)), "{error}");
    }
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_inside_the_host() {
    let world = filled(|_| ()).await;
    std::fs::rename(world.bare(), world.dir.path().join("srv/acme/renamed.git")).unwrap();
    world
        .server
        .fail("/acme/app.git", Fault::Redirect("/acme/renamed.git/info/refs?service=git-upload-pack".to_owned()));
    assert_eq!(world.repos.fetch(&world.repo, &[]).await.unwrap().len(), 1);
    world.server.fail("info/refs", Fault::Redirect("/acme/renamed.git/info/refs?service=git-upload-pack".to_owned()));
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(error.to_string().contains("more than 3 times"), "{error}");
}

#[tokio::test]
async fn silence_ends_with_the_read_timeout() {
    for at in ["info/refs", "POST"] {
        let world = filled(|config| config.read_timeout = Duration::from_millis(300)).await;
        world.server.fail(at, Fault::Hang);
        let start = Instant::now();
        let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
        assert!(matches!(&error, RepoError::Later(text) if text.contains("in time")), "{error}");
        assert!(start.elapsed() < Duration::from_secs(300));
    }
}

#[tokio::test]
async fn a_trickle_ends_with_the_deadline() {
    let world = filled(|config| config.transfer_deadline = Duration::from_secs(1)).await;
    world.server.fail("git-upload-pack", Fault::Drip);
    let start = Instant::now();
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(matches!(&error, RepoError::Later(text) if text.contains("longer than 1 seconds")), "{error}");
    assert!(start.elapsed() < Duration::from_secs(300));
}

#[tokio::test]
async fn a_pack_beyond_the_limit_is_dropped() {
    let world = filled(|config| config.pack_limit = 10_000).await;
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(error.to_string().contains("larger than 10000 bytes"), "{error}");
    nothing_left_aside(&world);
}

#[tokio::test]
async fn a_pack_that_is_cut_off_leaves_nothing_and_the_next_fetch_is_whole() {
    for old in [false, true] {
        let world = filled(|_| ()).await;
        if old {
            world.server.speak_old_protocol();
        }
        world.repos.fetch(&world.repo, &[]).await.unwrap();
        std::fs::remove_dir_all(world.clone()).unwrap();
        world.server.seen();
        world.server.fail("POST", Fault::Truncate);
        let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
        assert!(matches!(error, RepoError::Later(_)), "{error}");
        nothing_left_aside(&world);
        world.server.fail("POST", Fault::None);
        assert_eq!(world.repos.fetch(&world.repo, &[]).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn answers_that_are_not_git_are_refused_by_kind() {
    let world = filled(|_| ()).await;
    let cases = [
        (Fault::Header("content-type", "text/html"), "does not speak Git"),
        (Fault::Header("content-encoding", "gzip"), "compresses its answer"),
        (Fault::Status(503, "<html>unicorn".to_owned()), "503"),
        (Fault::Status(429, String::new()), "429"),
    ];
    for (fault, words) in cases {
        world.server.fail("info/refs", fault);
        let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
        assert!(matches!(&error, RepoError::Later(text) if text.contains(words)), "{error}");
        assert!(!error.to_string().contains("unicorn"));
    }
    world.server.fail("info/refs", Fault::Status(404, "Repository not found.".to_owned()));
    let error = world.repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(matches!(&error, RepoError::Unreachable(text) if text.contains("Repository not found.")), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_a_matter_for_later() {
    let world = filled(|_| ()).await;
    let config = super::super::GitConfig::new(world.dir.path(), "http://127.0.0.1:9").unwrap();
    assert!(config.data_dir.exists());
    let repos = world.elsewhere(config);
    let error = repos.fetch(&world.repo, &[]).await.unwrap_err();
    assert!(matches!(&error, RepoError::Later(text) if text.contains("cannot be reached")), "{error}");
}

#[tokio::test]
async fn no_token_reaches_the_disk() {
    let world = filled(|_| ()).await;
    world.repos.fetch(&world.repo, &[]).await.unwrap();
    let found =
        std::process::Command::new("grep").args(["-rl", "-e", TOKEN, "-e", &basic()]).arg(world.clone()).output();
    assert_eq!(String::from_utf8(found.unwrap().stdout).unwrap(), "");
    assert!(!std::fs::read_to_string(world.clone().join("config")).unwrap().contains("remote"));
}
