//! The real program, one process per question, in a folder of its own.
//!
//! Never sees the environment of whoever runs the tests.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use sops_file::{Format, Identities};

use crate::model::Case;

const FIRST: &str = include_str!("../fixtures/identities/id1.txt");
const SECOND: &str = include_str!("../fixtures/identities/id2.txt");
const POST_QUANTUM: &str = include_str!("../fixtures/identities/idpq.txt");

/// Who opens everything here.
pub(crate) fn identities() -> Identities {
    Identities::parse(FIRST).unwrap()
}

/// The recipient that everything is sealed to.
pub(crate) fn first() -> String {
    identities().recipients().next().unwrap().to_owned()
}

/// A further recipient, who comes and goes.
pub(crate) fn second() -> String {
    Identities::parse(SECOND).unwrap().recipients().next().unwrap().to_owned()
}

/// Every identity of the vectors, as a key file.
pub(crate) fn key_file() -> String {
    format!("{FIRST}\n{SECOND}\n{POST_QUANTUM}\n")
}

/// A folder for the program to work in.
pub(crate) struct Sops {
    dir: tempfile::TempDir,
    pub(crate) started: usize,
    /// Set once sops has written a file anew: it prints some comments in a place where it then reads them as those of
    /// another container, and cannot open them again itself.
    pub(crate) lenient: bool,
}

/// Whether the program is there; where it must be, its absence is a failure.
pub(crate) fn is_there() -> bool {
    let found = Command::new("sops").args(["--version", "--disable-version-check"]).output();
    if let Ok(output) = found
        && output.status.success()
    {
        let text = String::from_utf8_lossy(&output.stdout);
        eprintln!("compared with {}", text.lines().next().unwrap_or("sops of unknown version"));
        return true;
    }
    let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "the program `sops` is not on the PATH, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
    eprintln!("SKIPPED: the program `sops` is not on the PATH; nothing was compared with it");
    false
}

/// The name that makes the program choose the format.
pub(crate) fn file_name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "x.yaml",
        Format::Json => "x.json",
        Format::Dotenv => "x.env",
        Format::Ini => "x.ini",
        Format::Binary => "x.bin",
    }
}

impl Sops {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("keys.txt"), key_file()).unwrap();
        let sops = Self { dir, started: 0, lenient: false };
        sops.configure(&[first()], None, false);
        sops
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the creation rule of every file to come.
    pub(crate) fn configure(&self, to: &[String], setting: Option<(&str, &str)>, mac_only_encrypted: bool) {
        let mut rule = format!("creation_rules:\n  - age: {}\n", to.join(","));
        if let Some((name, value)) = setting {
            let _ = writeln!(rule, "    {name}: '{value}'");
        }
        if mac_only_encrypted {
            rule.push_str("    mac_only_encrypted: true\n");
        }
        fs::write(self.path(".sops.yaml"), rule).unwrap();
    }

    fn run(&mut self, args: &[&str]) -> Result<Output, String> {
        self.started += 1;
        let output = Command::new("sops")
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("SOPS_AGE_KEY_FILE", self.path("keys.txt"))
            .env("GOGC", "off")
            .output()
            .unwrap();
        let faults = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("sops {args:?} ended with {:?}: {faults}", output.status.code()));
        }
        if faults.contains("unencrypted comment") && !self.lenient {
            return Err(format!("sops {args:?} could not open a comment: {faults}"));
        }
        Ok(output)
    }

    /// Seals the case under its settings.
    pub(crate) fn encrypt(&mut self, case: &Case) -> Result<Vec<u8>, String> {
        self.configure(&[first()], case.setting, case.mac_only_encrypted);
        let name = file_name(case.format);
        fs::write(self.path(name), &case.bytes).unwrap();
        self.run(&["encrypt", name]).map(|output| output.stdout)
    }

    /// Opens; `as_json` prints it as JSON, which drops comments.
    pub(crate) fn decrypt(&mut self, sealed: &[u8], format: Format, as_json: bool) -> Result<Vec<u8>, String> {
        let name = file_name(format);
        fs::write(self.path(name), sealed).unwrap();
        let args: &[&str] = if as_json { &["decrypt", "--output-type", "json", name] } else { &["decrypt", name] };
        self.run(args).map(|output| output.stdout)
    }

    /// Whether sops opens every comment of a file that it has just sealed.
    pub(crate) fn opens_its_comments(&mut self, sealed: &[u8], format: Format) -> bool {
        self.lenient = false;
        self.decrypt(sealed, format, false).is_ok()
    }

    /// Changes a file in place and gives it back.
    pub(crate) fn change(&mut self, sealed: &[u8], format: Format, args: &[&str]) -> Result<Vec<u8>, String> {
        let name = file_name(format);
        fs::write(self.path(name), sealed).unwrap();
        let mut all: Vec<&str> = args.to_vec();
        // Flags stand before the name of the file, arguments behind it.
        let behind = all.iter().position(|arg| arg.starts_with('[')).unwrap_or(all.len());
        all.insert(behind, name);
        self.run(&all)?;
        Ok(fs::read(self.path(name)).unwrap())
    }
}
