//! Merging two sides of sealed files beside what people do with the real `sops`: `sops decrypt` three times, a merge of the plain
//! texts by git, `sops encrypt` once. In one run, on the same files.
//!
//! `cargo bench --bench merge -- [--quick]`. Without `sops` on the PATH it says so and measures ours alone. Figures depend on the
//! machine; the ratios are what counts. `--quick` takes 50 pairs instead of 1,000.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sops_file::merge::{Outcome, Scope, merge};
use sops_file::{Format, Identities, OpenOptions, OpenedDocument, SealOptions, SealedDocument, Value, open, seal};

/// Values in each file.
const VALUES: usize = 20;

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_780_000_000).expect("an instant")
}

/// A folder with three versions of every file.
struct Desk {
    dir: tempfile::TempDir,
    identities: Identities,
    files: usize,
}

impl Desk {
    fn new(files: usize) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Self { dir, identities: Identities::generate(), files };
        std::fs::write(desk.path("identity.txt"), desk.identities.expose().as_bytes()).expect("written");
        let rule = format!("creation_rules:\n  - age: {}\n", desk.reader());
        std::fs::write(desk.path(".sops.yaml"), rule).expect("written");
        let options = SealOptions::to(desk.identities.recipients());
        for file in 0..files {
            let plain: String =
                (0..VALUES).map(|value| format!("key_{value}: value {value} of file {file}\n")).collect();
            let base = seal(plain.as_bytes(), Format::Yaml, &options, now()).expect("sealed");
            for (side, key) in [("ours", "key_3"), ("theirs", "key_11")] {
                let mut opened = desk.opened(&base);
                opened.set(&key.parse().expect("a path"), &Value::text(side)).expect("set");
                std::fs::write(desk.at(side, file), opened.reseal(now()).expect("sealed")).expect("written");
            }
            std::fs::write(desk.at("base", file), base).expect("written");
        }
        desk
    }

    fn reader(&self) -> &str {
        self.identities.recipients().next().expect("one reader")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn at(&self, side: &str, file: usize) -> PathBuf {
        self.path(&format!("{file:04}.{side}.yaml"))
    }

    fn opened(&self, bytes: &[u8]) -> OpenedDocument {
        let sealed = SealedDocument::parse(bytes, Format::Yaml).expect("read");
        open(&sealed, &self.identities, OpenOptions::default()).expect("opened")
    }

    /// Runs a program; its standard output.
    fn run(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.dir.path())
            .env("SOPS_AGE_KEY_FILE", self.path("identity.txt"))
            .env("HOME", self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|fault| panic!("{program}: {fault}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn name(&self, side: &str, file: usize) -> String {
        self.at(side, file).display().to_string()
    }

    /// Through the library, in this process and on one thread, from and to disk; one age operation per version.
    fn library(&self, file: usize) {
        let [base, ours, theirs] =
            ["base", "ours", "theirs"].map(|side| std::fs::read(self.at(side, file)).expect("read"));
        let base = self.opened(&base);
        let version = |bytes: &[u8]| {
            let sealed = SealedDocument::parse(bytes, Format::Yaml).expect("read");
            base.open_version(&sealed, OpenOptions::default()).expect("opened")
        };
        let outcome = merge(&base, &version(&ours), &version(&theirs), Scope::Everything, now()).expect("merged");
        let Outcome::Merged(bytes) = black_box(outcome) else { panic!("a conflict") };
        std::fs::write(self.at("merged", file), bytes).expect("written");
    }

    /// One process for each pair, as git's driver runs.
    fn ours(&self, file: usize) {
        let [base, ours, theirs, merged] = ["base", "ours", "theirs", "merged"].map(|side| self.name(side, file));
        self.run(env!("CARGO_BIN_EXE_countersign"), &["merge", &base, &ours, &theirs, "-o", &merged]);
    }

    /// Three texts in the clear, merged as text, sealed again.
    fn sops(&self, file: usize) {
        for side in ["base", "ours", "theirs"] {
            let plain = self.run("sops", &["decrypt", &self.name(side, file)]);
            std::fs::write(self.at(&format!("{side}.plain"), file), plain).expect("written");
        }
        let [base, ours, theirs] = ["base.plain", "ours.plain", "theirs.plain"].map(|side| self.name(side, file));
        self.run("git", &["merge-file", &ours, &base, &theirs]);
        self.run("sops", &["encrypt", &ours]);
    }

    fn timed(&self, work: impl Fn(&Self, usize)) -> Duration {
        let begun = Instant::now();
        (0..self.files).for_each(|file| work(self, file));
        begun.elapsed()
    }
}

fn main() {
    let files = if std::env::args().any(|argument| argument == "--quick") { 50 } else { 1_000 };
    let desk = Desk::new(files);
    let library = desk.timed(Desk::library);
    let ours = desk.timed(Desk::ours);
    let merged = desk.opened(&std::fs::read(desk.at("merged", 0)).expect("read")).to_plain().expect("printed");
    let text = String::from_utf8_lossy(&merged).into_owned();
    assert!(text.contains("key_3: ours\n") && text.contains("key_11: theirs\n"), "both sides are in the result");
    let has_sops = Command::new("sops").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let theirs = has_sops.then(|| desk.timed(Desk::sops));
    println!("{files} pairs of files with {VALUES} values, one change on either side, one reader\n");
    println!("| | all | a pair |\n| --- | ---: | ---: |");
    let row = |what: &str, took: Duration| {
        println!("| {what} | {:.2} s | {:.2} ms |", took.as_secs_f64(), took.as_secs_f64() * 1e3 / files as f64);
    };
    match theirs {
        Some(theirs) => row("`sops decrypt` three times, `git merge-file`, `sops encrypt`", theirs),
        None => println!("| sops is not on the PATH: ours is measured alone | – | – |"),
    }
    row("`countersign merge`, a process for each pair", ours);
    row("the library, one thread", library);
    if let Some(theirs) = theirs {
        let times = |own: Duration| (theirs.as_secs_f64() / own.as_secs_f64()).floor();
        println!("\n{}× the speed of sops with a process each, {}× in one process", times(ours), times(library));
    }
}
