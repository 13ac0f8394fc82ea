//! A runner of GitHub Actions, as far as the action can tell: variables, files, and what becomes of its standard output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// One step that runs the packaged script.
pub(crate) struct Step {
    dir: TempDir,
    script: PathBuf,
    variables: BTreeMap<String, String>,
}

/// What a step came to, as the runner has it.
#[derive(Debug)]
pub(crate) struct Stepped {
    pub(crate) code: Option<i32>,
    /// The log as people read it: masked, commands taken out.
    pub(crate) log: String,
    /// Messages of `::error`, as people read them.
    pub(crate) errors: Vec<String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) summary: String,
    /// Commands that were no `add-mask`, `stop-commands`, `error`, `warning` or `notice`.
    pub(crate) other_commands: Vec<String>,
    /// What is masked.
    pub(crate) masks: Vec<String>,
    /// How many lines were printed before the last mask, that were no masks.
    pub(crate) before_the_masks: usize,
}

impl Step {
    pub(crate) fn new(command: &str) -> Self {
        Self::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("action/run.sh"), command)
    }

    /// A step of another copy of the action.
    pub(crate) fn of(script: &Path, command: &str) -> Self {
        let dir = TempDir::new().expect("a folder");
        let step = Self { dir, script: script.to_owned(), variables: BTreeMap::new() };
        let path = |name: &str| step.dir.path().join(name).display().to_string();
        let mut variables = BTreeMap::new();
        for (name, value) in [
            ("ACTION_COMMAND", command.to_owned()),
            ("ACTION_BINARY_PATH", env!("CARGO_BIN_EXE_countersign").to_owned()),
            ("ACTION_FALLBACK", "none".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("CI", "true".to_owned()),
            ("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR").to_owned()),
            ("RUNNER_TEMP", path("temp")),
            ("GITHUB_OUTPUT", path("output")),
            ("GITHUB_ENV", path("env")),
            ("GITHUB_STEP_SUMMARY", path("summary")),
            ("GITHUB_EVENT_PATH", path("event.json")),
            ("GITHUB_RUN_ID", "4711".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("HOME", path("home")),
        ] {
            variables.insert(name.to_owned(), value);
        }
        std::fs::create_dir_all(step.dir.path().join("temp")).expect("a folder");
        for name in ["output", "env", "summary"] {
            std::fs::write(step.dir.path().join(name), "").expect("written");
        }
        Self { variables, ..step }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn event(self, name: &str, payload: &Value) -> Self {
        std::fs::write(self.dir.path().join("event.json"), payload.to_string()).expect("written");
        self.set("GITHUB_EVENT_NAME", name)
    }

    /// A file of the step's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs it in a folder; `secrets` must not be seen anywhere.
    pub(crate) fn run(&self, folder: &Path, secrets: &[&str]) -> Stepped {
        let ran = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &format!("bash '{}'", self.script.display())])
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&self.variables)
            .output()
            .expect("bash runs");
        // the script sends everything one way; what escaped it would be a second stream
        let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let read = |name: &str| std::fs::read_to_string(self.file(name)).expect("the runner's file");
        // 128 and more: a signal ended it, and nobody let commands through again
        let died = ran.status.code().is_none_or(|code| code >= 128);
        let mut stepped = replay(&text, died);
        stepped.code = ran.status.code();
        stepped.outputs = blocks(&read("output"));
        stepped.environment = blocks(&read("env"));
        stepped.summary = read("summary");
        for secret in secrets {
            assert!(!stepped.log.contains(secret), "a secret is in the log:\n{}", stepped.log);
            for (name, value) in &stepped.outputs {
                assert!(!value.contains(secret), "a secret is the output {name}");
            }
            assert!(!stepped.summary.contains(secret), "a secret is in the summary");
        }
        stepped
    }
}

/// What the runner makes of standard output, line by line.
fn replay(text: &str, died: bool) -> Stepped {
    let mut masks: Vec<String> = Vec::new();
    let mut stopped: Option<String> = None;
    let (mut log, mut errors, mut other_commands) = (Vec::new(), Vec::new(), Vec::new());
    let (mut printed, mut before_the_masks) = (0, 0);
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(word) = &stopped {
            if trimmed.trim_end() == format!("::{word}::") {
                stopped = None;
            } else {
                log.push(masked(line, &masks));
                printed += 1;
            }
            continue;
        }
        let command = trimmed.strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let Some((head, data)) = command else {
            log.push(masked(line, &masks));
            printed += usize::from(!line.is_empty());
            continue;
        };
        let data = data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
        match head.split(' ').next().unwrap_or_default() {
            "add-mask" => {
                // longest first, as nothing may be left of one that holds another
                masks.push(data);
                masks.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
                before_the_masks = printed;
            }
            "stop-commands" => stopped = Some(data),
            "error" | "warning" | "notice" => {
                printed += 1;
                errors.push(masked(&data, &masks));
                log.push(masked(&data, &masks));
            }
            _ => other_commands.push(line.to_owned()),
        }
    }
    assert!(stopped.is_none() || died, "commands stay stopped:\n{text}");
    Stepped {
        code: None,
        log: log.join("\n"),
        errors,
        outputs: BTreeMap::new(),
        environment: BTreeMap::new(),
        summary: String::new(),
        other_commands,
        masks,
        before_the_masks,
    }
}

fn masked(line: &str, masks: &[String]) -> String {
    masks.iter().filter(|mask| !mask.is_empty()).fold(line.to_owned(), |line, mask| line.replace(mask.as_str(), "***"))
}

/// `name<<word`, lines, `word`; and nothing else.
fn blocks(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, word) = line.split_once("<<").unwrap_or_else(|| panic!("no block begins here: {line}"));
        let mut value = Vec::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("`{name}` does not end"));
            if line == word {
                break;
            }
            value.push(line);
        }
        let before = found.insert(name.to_owned(), value.join("\n"));
        assert!(before.is_none(), "`{name}` is set twice");
    }
    found
}
