//! A place to run the program in: a folder of its own, an environment with nothing else in it, one reader.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sops_file::Identities;
use tempfile::TempDir;

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output of a run that went well.
    #[track_caller]
    pub(crate) fn fine(self) -> String {
        assert_eq!(self.code, 0, "out: {}\nerr: {}", self.out, self.err);
        self.out
    }

    /// Standard error of a run that ended so.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> String {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self.err
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", self.out, self.err))
    }
}

/// A folder with a reader, and the environment the program is given.
pub(crate) struct Bench {
    dir: TempDir,
    /// Name of the folder below the home directory.
    folder: String,
    reader: Identities,
    variables: Vec<(String, String)>,
}

impl Bench {
    /// An empty folder; the reader's identity is in `SOPS_AGE_KEY_FILE`.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let reader = Identities::generate();
        let mut bench = Self { dir, folder: "work".to_owned(), reader, variables: Vec::new() };
        std::fs::write(bench.home().join("identity.txt"), &*bench.reader.expose()).expect("written");
        let file = bench.home().join("identity.txt").display().to_string();
        bench.set("SOPS_AGE_KEY_FILE", &file);
        bench
    }

    /// Folder of the program's user; documents are in a folder below it.
    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Where the program runs.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join(&self.folder)
    }

    /// Goes to another folder below the home directory.
    pub(crate) fn enter(&mut self, folder: &str) {
        folder.clone_into(&mut self.folder);
    }

    /// A path there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The reader, as documents name it.
    pub(crate) fn recipient(&self) -> String {
        self.reader.recipients().next().expect("one reader").to_owned()
    }

    /// The reader's identity, to be handed to a program.
    pub(crate) fn identity(&self) -> String {
        self.reader.expose().trim().to_owned()
    }

    /// Sets a variable for all runs to come.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(self.folder()).expect("made");
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("made");
        }
        std::fs::write(path, text).expect("written");
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    /// Writes a document sealed for the reader.
    #[track_caller]
    pub(crate) fn sealed(&self, name: &str, plain: &str) {
        self.write("plain.yaml", plain);
        if let Some(parent) = self.path(name).parent() {
            std::fs::create_dir_all(parent).expect("made");
        }
        self.run(&["encrypt", "--age", &self.recipient(), "-o", name, "plain.yaml"]).fine();
        std::fs::remove_file(self.path("plain.yaml")).expect("removed");
    }

    /// A second reader: its recipient and its identity.
    pub(crate) fn other_reader() -> (String, String) {
        let other = Identities::generate();
        let recipient = other.recipients().next().expect("one reader").to_owned();
        (recipient, other.expose().trim().to_owned())
    }

    /// Files below a folder, without those in `.git`.
    pub(crate) fn files(&self, below: &Path) -> Vec<String> {
        let (mut found, mut folders) = (Vec::new(), vec![below.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().expect("known").is_dir() {
                    true if entry.file_name() != ".git" => folders.push(entry.path()),
                    true => {}
                    false => found.push(entry.path().strip_prefix(below).expect("below").display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    /// Starts the program and leaves it running; what it prints on standard output comes through the pipe.
    pub(crate) fn start(&self, arguments: &[&str]) -> std::process::Child {
        // what a shell starts in the background ignores interrupts, and so would everything we start
        let mut command = if interrupts_are_ignored() {
            let mut command = Command::new("env");
            command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_countersign")]);
            command
        } else {
            Command::new(env!("CARGO_BIN_EXE_countersign"))
        };
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    /// Runs the program without input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, "")
    }

    /// Runs the program with something on standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        self.program(env!("CARGO_BIN_EXE_countersign"), arguments, input)
    }

    /// Runs any program in the folder.
    pub(crate) fn program(&self, program: &str, arguments: &[&str], input: &str) -> Ran {
        std::fs::create_dir_all(self.folder()).expect("made");
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{program}: {fault}"));
        // A program that does not read its input may be gone already.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs git in the folder.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut all =
            vec!["-c", "user.name=rita", "-c", "user.email=rita@example.com", "-c", "init.defaultBranch=main"];
        all.extend(arguments);
        self.program("git", &all, "").fine().trim().to_owned()
    }
}

/// A document with several types, and comments.
pub(crate) const DOCUMENT: &str = "\
# who reads this
db:
    password: hunter2
    port: 5432
hosts:
    - a.example
    - b.example
note_unencrypted: readable
";

/// Whether this process was started with interrupts ignored (Linux says so).
fn interrupts_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 0b10 != 0)
}
