//! Files of the runner: outputs and the summary of the step.
//!
//! Values stand between random delimiters, so that no value can end its own block and set another output. No secret is an output.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::job::Job;
use super::runner::random;
use crate::faces::exit::Report;

/// Largest summary of a step, in bytes; the runner takes 1 MiB.
const SUMMARY: usize = 1_000_000;
/// Largest single output, in bytes; all outputs of a job may have 1 MiB.
const OUTPUT: usize = 900_000;

/// Outputs to write, and the summary.
pub(super) struct Outputs {
    file: Option<PathBuf>,
    summary_file: Option<PathBuf>,
    values: BTreeMap<&'static str, String>,
    summary: String,
}

impl Outputs {
    pub(super) fn new(job: &Job) -> Self {
        let path = |name| job.get(name).map(PathBuf::from);
        let (file, summary_file) = (path("GITHUB_OUTPUT"), path("GITHUB_STEP_SUMMARY"));
        Self { file, summary_file, values: BTreeMap::new(), summary: String::new() }
    }

    /// Sets an output of `action.yml`.
    pub(super) fn set(&mut self, name: &'static str, value: impl ToString) {
        self.values.insert(name, value.to_string());
    }

    /// Adds a paragraph to the summary.
    pub(super) fn say(&mut self, text: &str) {
        if !self.summary.is_empty() {
            self.summary.push('\n');
        }
        self.summary.push_str(text);
        self.summary.push('\n');
    }

    /// Writes both files.
    pub(super) fn write(&self) -> Result<(), Report> {
        if let Some(path) = &self.file {
            let mut text = String::new();
            for (name, value) in &self.values {
                let value = if value.len() > OUTPUT { "" } else { value };
                text.push_str(&block(name, value, &random()?));
            }
            append(path, text.as_bytes())?;
        }
        if let Some(path) = self.summary_file.as_ref().filter(|_| !self.summary.is_empty()) {
            append(path, cut(&self.summary, SUMMARY).as_bytes())?;
        }
        Ok(())
    }
}

/// One value, as the runner reads it.
fn block(name: &str, value: &str, word: &str) -> String {
    format!("{name}<<end_{word}\n{value}\nend_{word}\n")
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Adds to a file of the runner's.
pub(super) fn append(path: &Path, bytes: &[u8]) -> Result<(), Report> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Report::failed("a file of the runner cannot be written", &error))
}
