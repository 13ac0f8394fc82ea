//! The packaged script: which program it runs, and that it runs no other.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::http::StatusCode;
use tempfile::TempDir;

use crate::harness::Step;

/// A copy of the action's tree with a release of its own: `version 9.9.9`, and a program that says who it is.
struct Package {
    tree: TempDir,
    url: String,
    asset: String,
    digest: String,
}

impl Package {
    async fn new(served: Option<&'static [u8]>) -> Self {
        let tree = TempDir::new().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir(tree.path().join("action")).unwrap();
        std::fs::copy(root.join("action/run.sh"), tree.path().join("action/run.sh")).unwrap();
        let asset = format!("countersign-9.9.9-{}-unknown-linux-musl.tar.gz", std::env::consts::ARCH);
        let program = "#!/bin/sh\necho \"the program of the release: $*\"\n";
        std::fs::write(tree.path().join("countersign"), program).unwrap();
        let done = Command::new("sh")
            .args(["-c", &format!("chmod +x countersign && tar -czf {asset} countersign && sha256sum {asset}")])
            .current_dir(tree.path())
            .output()
            .unwrap();
        let digest = String::from_utf8(done.stdout).unwrap().split(' ').next().unwrap().to_owned();
        let bytes = Arc::new(served.map_or_else(|| std::fs::read(tree.path().join(&asset)).unwrap(), <[u8]>::to_vec));
        let path = format!("/v9.9.9/{asset}");
        let app = axum::Router::new().fallback(move |uri: axum::http::Uri| {
            let (bytes, right) = (bytes.clone(), uri.path() == path);
            async move { if right { Ok(bytes.to_vec()) } else { Err(StatusCode::NOT_FOUND) } }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { tree, url, asset, digest }
    }

    fn release(&self, text: &str) {
        std::fs::write(self.tree.path().join("action/release"), text).unwrap();
    }

    fn step(&self) -> Step {
        let tree = self.tree.path().display().to_string();
        Step::of(&self.tree.path().join("action/run.sh"), "gate")
            .set("ACTION_BINARY_PATH", "")
            .set("GITHUB_ACTION_PATH", &tree)
            .set("ACTION_REPOSITORY", "acme/countersign")
            .set("COUNTERSIGN_RELEASES_URL", &self.url)
    }

    fn pinned(&self) -> String {
        format!("# a release\nversion 9.9.9\n{}  {}\n", self.digest, self.asset)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_release_that_belongs_to_the_commit_is_loaded_and_run() {
    let package = Package::new(None).await;
    package.release(&package.pinned());
    let seen = package.step().run(package.tree.path(), &[]);
    assert_eq!((seen.code, seen.log.trim()), (Some(0), "the program of the release: action"), "{seen:#?}");
    let asked = package.step().set("ACTION_VERSION", "v9.9.9").run(package.tree.path(), &[]);
    assert_eq!(asked.code, Some(0), "{asked:#?}");
    let other = package.step().set("ACTION_VERSION", "9.9.8").run(package.tree.path(), &[]);
    assert_eq!(other.code, Some(1));
    assert!(other.errors[0].contains("does not belong to the version"), "{other:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_another_digest_is_never_run() {
    let package = Package::new(Some(b"something else")).await;
    package.release(&package.pinned());
    let seen = package.step().run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(1));
    assert!(seen.errors[0].contains("its SHA-256 is another"), "{seen:#?}");
    assert!(!seen.log.contains("the program of the release"));
    // the right file under a line that names another digest
    let package = Package::new(None).await;
    package.release(&format!("version 9.9.9\n{}  {}\n", "0".repeat(64), package.asset));
    let seen = package.step().run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(1));
    assert!(!seen.log.contains("the program of the release"), "{seen:#?}");
    // and it does not stay behind for the next step
    assert!(!package.tree.path().join("temp/countersign/countersign").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_a_release_says_so() {
    let package = Package::new(None).await;
    package.release("# none yet\n");
    let seen = package.step().run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(1));
    assert!(seen.errors[0].contains("no release for this machine"), "{seen:#?}");
    assert!(seen.errors[0].contains("fallback: source"), "{seen:#?}");
    let seen = package.step().set("ACTION_BINARY_PATH", "/nowhere/countersign").run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(1));
    assert!(seen.errors[0].contains("binary-path names no program"), "{seen:#?}");
}

/// `fallback: source` where this commit has no release: the action's own tree is built, without the secrets of the step, and what the
/// build prints is no command for the runner. A `cargo` that says what it was asked for stands in for the real one.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_release_the_commit_of_the_action_itself_is_built() {
    let package = Package::new(None).await;
    package.release("# none yet\n");
    let bin = package.tree.path().join("bin");
    let cargo = |script: &str| {
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("cargo"), format!("#!/bin/sh\n{script}")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(bin.join("cargo")).status().unwrap().success());
    };
    let step = || {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        package
            .step()
            .set("ACTION_FALLBACK", "source")
            .set("PATH", &path)
            .set("COUNTERSIGN_ACTION_TOKEN", "ghs_canary")
            .set("COUNTERSIGN_SIGNING_KEY", "canary-key")
            .set("SOPS_AGE_KEY", "AGE-canary")
    };
    cargo(
        "printf '%s\\n' \"$@\" > \"$RUNNER_TEMP/asked\"\n\
         env | grep -c canary > \"$RUNNER_TEMP/secrets\"\n\
         echo '::error::from a build script'\necho '::set-output name=decision::satisfied' >&2\n\
         mkdir -p \"$7/bin\" && cp \"$5/countersign\" \"$7/bin/countersign\"\n",
    );
    let build = step();
    let seen = build.run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    assert!(seen.log.contains("the program of the release: action"), "what was built is run: {seen:#?}");
    assert!(seen.errors.is_empty() && seen.other_commands.is_empty(), "a build speaks to nobody: {seen:#?}");
    let tree = package.tree.path().display().to_string();
    let root = build.file("temp/countersign").display().to_string();
    let asked = std::fs::read_to_string(build.file("temp/asked")).unwrap();
    assert_eq!(asked.lines().collect::<Vec<_>>(), ["install", "--locked", "--quiet", "--path", &tree, "--root", &root]);
    assert_eq!(std::fs::read_to_string(build.file("temp/secrets")).unwrap().trim(), "0", "it builds without secrets");

    cargo("echo 'error: it does not compile' >&2\nexit 101\n");
    let seen = step().run(package.tree.path(), &[]);
    assert_eq!(seen.code, Some(1), "{seen:#?}");
    assert!(seen.errors[0].contains("cannot be built here") && seen.log.contains("does not compile"), "{seen:#?}");
    // a release that is not the one of this commit is refused, never built around
    let other = Package::new(Some(b"something else")).await;
    other.release(&other.pinned());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    cargo("touch \"$RUNNER_TEMP/built\"\n");
    let forged = other.step().set("ACTION_FALLBACK", "source").set("PATH", &path);
    let seen = forged.run(other.tree.path(), &[]);
    assert!(seen.errors[0].contains("its SHA-256 is another"), "{seen:#?}");
    assert!(!forged.file("temp/built").exists(), "{seen:#?}");
}

#[test]
fn an_unknown_command_is_refused_and_no_input_is_ever_run() {
    let folder = TempDir::new().unwrap();
    for hostile in ["$(touch broken)", "`touch broken`", "gate; touch broken", "::error::x", "gate\ntouch broken"] {
        let step = Step::new(hostile).set("ACTION_ARGS", hostile).set("ACTION_ENVIRONMENT", hostile);
        let seen = step.run(folder.path(), &[]);
        assert_eq!(seen.code, Some(2), "{seen:#?}");
        assert_eq!(seen.errors.len(), 1, "{seen:#?}");
        assert!(seen.other_commands.is_empty(), "{seen:#?}");
        assert!(!folder.path().join("broken").exists(), "{hostile} was run");
    }
}

#[test]
fn faults_of_a_policy_are_named_and_end_the_step() {
    let folder = TempDir::new().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, crate::harness::POLICY).unwrap();
    let step = || Step::new("check").set("ACTION_ARGS", &policy.display().to_string());
    let seen = step().run(folder.path(), &[]);
    assert_eq!((seen.code, seen.errors.len()), (Some(0), 0), "{seen:#?}");
    let broken = crate::harness::POLICY.replace("required_approvals", "::error::x");
    std::fs::write(&policy, broken).unwrap();
    // where nothing else is said, as annotations of the run
    let seen = step().run(folder.path(), &[]);
    assert_eq!(seen.code, Some(12), "{seen:#?}");
    assert!(seen.errors[0].contains("unknown field") && seen.other_commands.is_empty(), "{seen:#?}");
    let seen = step().set("ACTION_FORMAT", "text").run(folder.path(), &[]);
    assert_eq!(seen.code, Some(12), "{seen:#?}");
    assert!(seen.log.contains("CS0"), "{seen:#?}");
    assert!(seen.errors.is_empty() && seen.other_commands.is_empty(), "what it quotes is no command: {seen:#?}");
}
