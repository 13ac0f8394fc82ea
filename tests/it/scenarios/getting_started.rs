//! "Getting started" of README.md, followed word for word: from an empty directory to an approval that counts.
//!
//! The commands and what they print are read from README. What people do on GitHub, and what workflows do, happens between blocks.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};

use github_sim::User;

use crate::harness::World;
use crate::transcript::{Block, blocks, is_shown};

/// What signs in for a person: hands out the token, and takes what a repository is to keep.
const GH: &str = "#!/bin/sh
case \"$1 $2\" in
  'auth token') echo \"$GH_SIGNED_IN\" ;;
  'secret set') cat > \"$GH_KEEPS/$3\" ;;
  'variable set') echo \"$5\" > \"$GH_KEEPS/$3\" ;;
  'api '*) echo \"$*\" >> \"$GH_KEEPS/calls\" ;;
  *) echo \"unknown: $*\" >&2; exit 1 ;;
esac
";

/// The section, to the next heading of its kind, and the lines before it.
fn section() -> (String, usize) {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let begin = readme.find("## Getting started\n").expect("README says how to start");
    let section = &readme[begin..];
    let section = section[2..].find("\n## ").map_or(section, |end| &section[..end + 2]);
    (section.to_owned(), readme[..begin].lines().count())
}

/// A person at a shell.
struct Shell<'w> {
    world: &'w World,
    who: &'w User,
}

impl Shell<'_> {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.world.path("person").join(name)
    }

    fn prepare(&self) {
        for folder in ["home", "bin", "kept", "work"] {
            std::fs::create_dir_all(self.path(folder)).expect("a folder");
        }
        std::fs::write(self.path("bin/gh"), GH).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path("bin/gh"), mode).expect("made to run");
        std::fs::write(self.path("here"), self.path("work").display().to_string()).expect("written");
        let with_token = self.world.repo.clone_url(self.who).replace("/acme/app.git", "/");
        let config = format!(
            "[init]\ndefaultBranch = main\n[user]\nname = {}\nemail = {}\n[url \"{with_token}\"]\ninsteadOf = https://github.com/\n",
            self.who.login, self.who.email
        );
        std::fs::write(self.path("gitconfig"), config).expect("written");
    }

    /// Runs a command where the one before it left off; both streams, as README would show them.
    fn run(&self, command: &str) -> String {
        let here = self.path("here");
        let script = format!("exec 2>&1\ncd \"$(cat '{0}')\"\n{command}pwd > '{0}'\n", here.display());
        let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let ran = Command::new("sh")
            .args(["-c", &script])
            .env_clear()
            .env("PATH", format!("{}:{program}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GH_SIGNED_IN", &self.who.token)
            .env("GH_KEEPS", self.path("kept"))
            .env("COUNTERSIGN_GITHUB_API_URL", self.world.sim.url())
            .env("COUNTERSIGN_GITHUB_URL", self.world.sim.url())
            .stdin(Stdio::null())
            .output()
            .expect("sh runs");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        said.replace(&self.world.sim.url(), "https://github.com")
    }

    /// Follows a block of README.
    fn follow(&self, block: &Block, above: usize) {
        for step in &block.steps {
            let said = self.run(&step.command);
            let lines: Vec<&str> = said.lines().collect();
            let line = step.line + above;
            assert!(
                is_shown(&step.shown, &lines),
                "README.md, line {line}: `{}` prints something else:\n{said}",
                step.command.trim()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_leads_from_an_empty_directory_to_an_approval_that_counts() {
    let mut world = World::bare().await;
    let (section, above) = section();
    let blocks = blocks(&section);
    let [begin, key, change, counted, merged] = blocks.as_slice() else {
        panic!("README has {} transcripts; this test knows what happens between five", blocks.len());
    };
    let person = world.rita.clone();
    let shell = Shell { world: &world, who: &person };
    shell.prepare();
    shell.follow(begin, above);
    shell.follow(key, above);
    // the workflow has the key from here on, and the fingerprint it trusts
    let kept = |name: &str| std::fs::read_to_string(shell.path("kept").join(name)).unwrap();
    std::fs::write(world.path("signing.pem"), kept("COUNTERSIGN_SIGNING_KEY")).unwrap();
    assert!(kept("COUNTERSIGN_TRUST").starts_with("sha256:"));
    assert!(kept("calls").contains("repos/acme/app/environments/countersign"), "{}", kept("calls"));
    world.start_jobs().await;
    let shell = Shell { world: &world, who: &person };
    shell.follow(change, above);
    let pull = world.pull_of("propose/production");
    world.until_check(pull, "action_required");
    world.approve(&world.ann, pull);
    world.until_counted(pull, "production", &["ann"]);
    world.at_rest();
    shell.follow(counted, above);
    world.approve(&world.bob, pull);
    world.until_merged(pull);
    world.at_rest();
    shell.follow(merged, above);
    world.no_violations();
}
