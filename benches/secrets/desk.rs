//! A folder of sealed files, and both programs to run there.
//!
//! Never uses an identity or a configuration of whoever runs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sops_file::{Format, Identities, SealOptions, seal};

pub(crate) struct Desk {
    dir: tempfile::TempDir,
    sealed: Vec<Vec<u8>>,
    pub(crate) identities: Identities,
    pub(crate) second: String,
}

pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_780_000_000).expect("an instant")
}

impl Desk {
    pub(crate) fn has_sops() -> bool {
        let mut sops = Command::new("sops");
        sops.args(["--version", "--disable-version-check"]).stdout(Stdio::null()).stderr(Stdio::null());
        sops.status().is_ok_and(|status| status.success())
    }

    /// So many files with so many values each, sealed for one reader.
    pub(crate) fn new(files: usize, values: usize) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let identities = Identities::generate();
        let second = Identities::generate().recipients().next().expect("one").to_owned();
        let options = SealOptions::to(identities.recipients());
        let plain = |file: usize| -> String {
            (0..values).map(|value| format!("key_{value}: value {value} of file {file}\n")).collect()
        };
        let seal = |file| seal(plain(file).as_bytes(), Format::Yaml, &options, now()).expect("sealed");
        let sealed = (0..files).map(seal).collect();
        let desk = Self { dir, sealed, identities, second };
        std::fs::write(desk.path("identity.txt"), desk.identities.expose().as_bytes()).expect("written");
        desk.configure(&[desk.first()]);
        desk.restore();
        desk
    }

    fn first(&self) -> &str {
        self.identities.recipients().next().expect("one reader")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, readers: &[&str]) {
        let rule = format!("creation_rules:\n  - age: {}\n", readers.join(","));
        std::fs::write(self.path(".sops.yaml"), rule).expect("written");
    }

    /// Lets the creation rule name a second reader.
    pub(crate) fn add_reader(&self) {
        self.configure(&[self.first(), &self.second]);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.sealed.len()).map(|file| format!("s{file:04}.yaml")).collect()
    }

    /// Puts all files back as they were.
    pub(crate) fn restore(&self) {
        for (name, sealed) in self.names().iter().zip(&self.sealed) {
            std::fs::write(self.path(name), sealed).expect("written");
        }
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Duration {
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.dir.path())
            .env("SOPS_AGE_KEY_FILE", self.path("identity.txt"))
            .env("HOME", self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{program}: {fault}"));
        child.stdin.take().expect("piped").write_all(input).expect("taken");
        let output = child.wait_with_output().expect("it ends");
        let took = begun.elapsed();
        let faults = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:.4?}: {faults}");
        took
    }

    /// One run of our program.
    pub(crate) fn ours(&self, arguments: &[&str]) -> Duration {
        self.ours_with(arguments, b"")
    }

    /// One run of our program with something on standard input.
    pub(crate) fn ours_with(&self, arguments: &[&str], input: &[u8]) -> Duration {
        self.run(env!("CARGO_BIN_EXE_countersign"), arguments, input)
    }

    /// One run of sops.
    pub(crate) fn sops(&self, arguments: &[&str]) -> Duration {
        self.run("sops", arguments, b"")
    }

    /// Something for every file, one after the other.
    pub(crate) fn for_each(&self, names: &[String], run: impl Fn(&Self, &str) -> Duration) -> Duration {
        names.iter().map(|name| run(self, name)).sum()
    }

    fn git(&self, arguments: &[&str]) -> Duration {
        let always = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"];
        self.run("git", &[&always, arguments].concat(), b"")
    }

    /// Two commits: the files, and the files with one value changed in each.
    pub(crate) fn commit_change(&self) {
        self.write(".gitattributes", b"*.yaml diff=sops\n");
        self.git(&["init", "-q"]);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "one"]);
        crate::library::set(self, &self.names());
        self.git(&["commit", "-qam", "two"]);
    }

    /// What people have today: git, and sops for either side of every file.
    pub(crate) fn git_diff(&self) -> Duration {
        self.git(&["-c", "diff.sops.textconv=sops decrypt", "diff", "HEAD~1", "HEAD"])
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }
}
