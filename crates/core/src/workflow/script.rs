//! The lines of a step's script. No shell is understood here: a line is judged by the words in it.

use crate::policy::{Code, Diagnostic, Place, Severity};

use super::read::{Job, Run, mentions_secret};
use super::traced;

/// Commands that print what they open.
const OPENERS: [&str; 6] =
    ["sops -d", "sops --decrypt", "sops decrypt", "countersign decrypt", "countersign export", "countersign get"];
/// What takes the output of a command away from the log.
const ELSEWHERE: [&str; 9] = ["|", ">", "$(", "`", "<(", " -o", " --output", " -i", " --in-place"];

/// What is wrong in a script.
pub(super) fn lint(run: &Run, job: &Job, text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let opens = run.text.lines().any(|line| opener(line).is_some());
    for line in run.text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let at = || place(line, run.place, text);
        if mentions_secret(line) {
            found.push(
                Diagnostic::new(Severity::Warning, Code::SecretInScript, "a secret becomes part of the script")
                    .at(at())
                    .help("put it into `env` of the step and write the variable in quotes"),
            );
        }
        if prints(line, &job.secret_variables) {
            found.push(
                Diagnostic::new(Severity::Error, Code::PrintsSecret, "this prints a secret into the log")
                    .at(at())
                    .help("write it to a file or a pipe, or hand it to the command with `countersign run`"),
            );
        }
        if (opens || job.holds_secrets()) && traces(line) {
            found.push(traced(at()));
        }
    }
    found
}

/// Files that a script opens into the clear.
pub(super) fn opened(script: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in script.lines().filter(|line| opener(line).is_some()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            match *word {
                ">" | "-o" | "--output" => files.extend(words.get(at + 1).map(|file| (*file).to_owned())),
                "-i" | "--in-place" => files.extend(words.last().map(|file| (*file).to_owned())),
                word => files.extend(word.strip_prefix('>').map(|file| file.trim_start_matches('>').to_owned())),
            }
        }
    }
    files.retain(|file| !file.is_empty() && !file.starts_with('$') && file != "/dev/null");
    files
}

fn opener(line: &str) -> Option<&'static str> {
    let line = line.trim();
    OPENERS.into_iter().find(|command| line.contains(command) && !line.starts_with('#'))
}

fn prints(line: &str, variables: &[String]) -> bool {
    if line.contains("::add-mask::") || ELSEWHERE.iter().any(|sign| line.contains(sign)) {
        return false;
    }
    let says = ["echo ", "printf "].iter().any(|command| line.starts_with(command));
    let names =
        |variable: &String| line.contains(&format!("${variable}")) || line.contains(&format!("${{{variable}}}"));
    opener(line).is_some() || (says && (mentions_secret(line) || variables.iter().any(names)))
}

fn traces(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let is_flag = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('x');
    match first {
        "set" => line.contains("xtrace") || words.any(is_flag),
        "bash" | "sh" => words.next().is_some_and(is_flag),
        _ => false,
    }
}

/// Where a line of a script stands in the file: the first line from its start that holds it.
fn place(line: &str, from: Place, text: &str) -> Place {
    let lines = text.lines().enumerate().skip(from.line.saturating_sub(1));
    let found = lines.filter_map(|(number, whole)| Some((number + 1, whole.find(line)?, whole))).next();
    found.map_or(from, |(number, start, whole)| Place {
        line: number,
        column: whole[..start].chars().count() + 1,
        length: line.chars().count().max(1),
    })
}
