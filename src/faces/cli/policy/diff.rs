//! `policy diff`: stronger, equal, weaker or neither, in what, and which past merges would have come out otherwise.
//!
//! The merges are tried from the facts the ledger recorded; nothing is asked of anybody but Git.

use std::path::Path;

use anstyle::AnsiColor;
use countersign_core::domain::RepoPath;
use countersign_core::effect::TRIED_ON;
use countersign_core::ledger::{POLICY_PATH, Replayed};
use countersign_core::policy::{Comparison, Difference, Strength, compare};
use serde_json::{Value, json};

use super::parsed;
use crate::faces::cli::args::PolicyDiffArgs;
use crate::faces::cli::ledger::reading::{self, Reading};
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report, colour, printable};
use crate::faces::wire;

/// Largest policy file.
const LIMIT: usize = 1 << 20;

/// Compares two texts.
pub(super) fn run(args: &PolicyDiffArgs, json: bool) -> Outcome {
    let (old, new) = (text(&args.old)?, text(&args.new)?);
    let (old, new) = (parsed(&args.old, &old)?, parsed(&args.new, &new)?);
    let comparison = compare(&old, &new);
    // outside a clone there is nothing to try it on
    let merges = match wire::local_repo(Path::new(".")) {
        Ok(_) => Reading::of(&args.ledger)?.ledger.replayed(&new, TRIED_ON),
        Err(_) => Vec::new(),
    };
    if json {
        output::json(&machine(&comparison, &merges))?;
    } else {
        output::say(&text_of(&comparison, &merges))?;
    }
    Ok(Exit::FINE)
}

/// A file, `REV:path`, or a revision whose policy is meant.
fn text(word: &str) -> Result<String, Report> {
    let path = Path::new(word);
    if path.exists() {
        return std::fs::read_to_string(path)
            .map_err(|error| Report::failed(format!("`{word}` cannot be read"), &error));
    }
    let (revision, path) = match word.split_once(':') {
        Some((revision, path)) if !revision.is_empty() => (revision, path),
        Some(_) | None => (word, POLICY_PATH),
    };
    let none = || {
        Report::new(Exit::NO_FILE, format!("there is no policy `{word}`"))
            .help("name a file, a revision as `main`, or `REV:path` from the root of the repository")
    };
    let repo = wire::local_repo(Path::new(".")).map_err(|_| none())?;
    let commit = repo.resolve(revision).map_err(|_| none())?;
    let entries = repo.entries(&commit).map_err(reading::unreadable)?;
    let entry = entries.get(&RepoPath::new(path)).ok_or_else(none)?;
    let bytes = repo.blob(&entry.oid, LIMIT).map_err(reading::unreadable)?;
    let bytes = bytes.ok_or_else(|| Report::failed(format!("`{word}` is larger than 1 MiB"), &std::fmt::Error))?;
    String::from_utf8(bytes).map_err(|error| Report::failed(format!("`{word}` is no text"), &error))
}

fn word(strength: Strength) -> &'static str {
    match strength {
        Strength::Stronger => "stronger",
        Strength::Equal => "equal",
        Strength::Weaker => "weaker",
        Strength::Incomparable => "incomparable",
    }
}

fn machine(comparison: &Comparison, merges: &[Replayed]) -> Value {
    let rows = |differences: &[Difference], words: fn(&Difference) -> String| -> Vec<Value> {
        let row =
            |one: &Difference| json!({"environment": one.environment(), "policy": one.policy(), "what": words(one)});
        differences.iter().map(row).collect()
    };
    let other = merges.iter().filter(|merge| merge.is_other()).map(|merge| {
        json!({
            "entry": merge.entry.label(), "pr": merge.pull.get(), "commit": merge.commit.as_str(),
            "verdict": merge.verdict.map(|verdict| verdict.word()), "reason": merge.reason.code(),
        })
    });
    json!({
        "version": 1,
        "strength": word(comparison.strength),
        "losses": rows(&comparison.losses, Difference::words),
        "gains": rows(&comparison.gains, Difference::gained),
        "replay": {
            "merges": merges.len(),
            "other": other.collect::<Vec<_>>(),
            "untold": merges.iter().filter(|merge| merge.verdict.is_none()).count(),
        },
    })
}

fn text_of(comparison: &Comparison, merges: &[Replayed]) -> String {
    let (red, green, yellow) = (colour(AnsiColor::Red), colour(AnsiColor::Green), colour(AnsiColor::Yellow));
    let (style, says) = match comparison.strength {
        Strength::Stronger => (green, "it asks for more, and for nothing less"),
        Strength::Equal => (green, "it asks for the same"),
        Strength::Weaker => (red, "it asks for less, and for nothing more"),
        Strength::Incomparable => (yellow, "it asks for more here and for less there"),
    };
    let mut text = format!("{style}{}{style:#}: {says}\n", word(comparison.strength));
    for loss in &comparison.losses {
        text += &format!("  {red}-{red:#} {}\n", printable(&loss.words()));
    }
    for gain in &comparison.gains {
        text += &format!("  {green}+{green:#} {}\n", printable(&gain.gained()));
    }
    text + "\n" + &tried(merges)
}

fn tried(merges: &[Replayed]) -> String {
    if merges.is_empty() {
        return "no merge is recorded that it could be tried on\n".to_owned();
    }
    let other: Vec<_> = merges.iter().filter(|merge| merge.is_other()).collect();
    let untold = merges.iter().filter(|merge| merge.verdict.is_none()).count();
    let of = output::count(merges.len(), "merged change");
    let mut text = match other.len() {
        0 => format!("tried on the last {of}: none would have come out otherwise\n"),
        some => format!("tried on the last {of}: {some} would not have been merged\n"),
    };
    for merge in other {
        let (entry, commit) = (merge.entry.label(), merge.commit.short());
        text += &format!("  {entry}  #{}  {commit}  {}: {}\n", merge.pull, merge.reason.code(), merge.reason.words());
    }
    if untold > 0 {
        text += &format!("{untold} of them cannot be told from the record\n");
    }
    text
}
