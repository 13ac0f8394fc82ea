//! The difference as a person reads it.
//!
//! Every mark stands beside a word that says the same; values appear only when they were asked for.

use anstyle::{AnsiColor, Style};
use sops_file::diff::{ChangeKind, DataKeyChange, Integrity, KeyChange, OtherChange, SettingChange};

use super::{Compared, FileChange, sides_of as sides, values};
use crate::faces::cli::output;
use crate::faces::exit::{colour, printable};

/// Whether a document found by itself is worth a paragraph.
pub(super) fn is_worth_showing(file: &Compared) -> bool {
    !file.diff.is_empty() || file.file != FileChange::Kept
}

/// One document.
pub(super) fn of(file: &Compared, reveal: bool) -> String {
    let mut text = heading(file);
    let width = file.diff.keys.iter().map(|key| name(key).chars().count()).max().unwrap_or(0).min(60);
    for key in &file.diff.keys {
        text += &line(key, width);
        if reveal {
            text += &revealed(file, key);
        }
    }
    text += &readers(file);
    text += &file.diff.settings.iter().map(setting).collect::<String>();
    text += &file.diff.other.iter().map(other).collect::<String>();
    if file.diff.keys.is_empty() && !is_worth_showing(file) {
        text += "  no difference\n";
    }
    text + &foot(file)
}

/// Readers that came and went; of a removed file there is nothing to open any more.
fn readers(file: &Compared) -> String {
    let mut text = String::new();
    if file.file == FileChange::Removed {
        return text;
    }
    for label in &file.diff.recipients.added {
        text += &mark(AnsiColor::Green, '+', &format!("reader {}", printable(label)), "can open it now");
    }
    for label in &file.diff.recipients.removed {
        text += &mark(AnsiColor::Red, '-', &format!("reader {}", printable(label)), "no longer among the readers");
    }
    text
}

fn heading(file: &Compared) -> String {
    let bold = Style::new().bold();
    let what = match file.file {
        FileChange::Added => " · new file",
        FileChange::Removed => " · removed",
        FileChange::Kept => "",
    };
    format!("{bold}{}{bold:#}{what}\n", printable(&file.path))
}

fn name(key: &KeyChange) -> String {
    let document = match key.document {
        0 => String::new(),
        more => format!("document {}: ", more + 1),
    };
    format!("{document}{}", printable(&key.key.to_string()))
}

fn line(key: &KeyChange, width: usize) -> String {
    let from = key.from.as_ref().map(|from| format!(" (was {})", printable(&from.to_string()))).unwrap_or_default();
    let (colour, sign, word) = match key.change {
        ChangeKind::Added => (AnsiColor::Green, '+', "added"),
        ChangeKind::Removed => (AnsiColor::Red, '-', "removed"),
        ChangeKind::Changed => (AnsiColor::Yellow, '~', "changed"),
        ChangeKind::TypeChanged => (AnsiColor::Yellow, '~', "changed, and is of another type"),
        ChangeKind::Moved => (AnsiColor::Blue, '~', "moved, same value"),
        ChangeKind::Reencrypted => (AnsiColor::Blue, '~', "sealed again, same value"),
        ChangeKind::Renamed => (AnsiColor::Blue, '~', "renamed, same value"),
        ChangeKind::BecamePlain => (AnsiColor::Red, '!', "stands in the clear now"),
        ChangeKind::BecameEncrypted => (AnsiColor::Green, '~', "is sealed now"),
    };
    mark(colour, sign, &output::pad(&name(key), width), &format!("{word}{from}"))
}

fn mark(shade: AnsiColor, sign: char, what: &str, word: &str) -> String {
    let style = colour(shade);
    format!("  {style}{sign}{style:#} {what}  {style}{word}{style:#}\n")
}

fn revealed(file: &Compared, key: &KeyChange) -> String {
    let (old, new) = sides(file, key);
    let (old, new) = (old.map(values::line), new.map(values::line));
    match (old, new) {
        (Some(old), Some(new)) if old == new => format!("      = {old}\n"),
        (old, new) => {
            let side = |sign: char, value: Option<String>| value.map(|value| format!("      {sign} {value}\n"));
            [side('-', old), side('+', new)].into_iter().flatten().collect()
        }
    }
}

fn setting(change: &SettingChange) -> String {
    let side = |text: &Option<String>| {
        text.as_deref().map_or_else(|| "not set".to_owned(), |text| format!("`{}`", printable(text)))
    };
    mark(
        AnsiColor::Yellow,
        '!',
        &format!("setting {}", printable(&change.name)),
        &format!("{} → {}", side(&change.old), side(&change.new)),
    )
}

fn other(change: &OtherChange) -> String {
    let change_text = match (&change.old, &change.new) {
        (None, None) => String::new(),
        (old, new) => {
            let side = |text: &Option<String>| text.as_deref().map_or_else(|| "nothing".to_owned(), printable);
            format!("{} → {}", side(old), side(new))
        }
    };
    let style = colour(AnsiColor::Yellow);
    format!("  {style}!{style:#} {}  {change_text}", printable(&change.what)).trim_end().to_owned() + "\n"
}

fn foot(file: &Compared) -> String {
    let red = colour(AnsiColor::Red);
    let integrity = match file.diff.integrity {
        Integrity::Verified => "integrity verified".to_owned(),
        Integrity::Unverified => "integrity not checked here (no key)".to_owned(),
        Integrity::Broken => format!("{red}integrity broken: it was changed without sops{red:#}"),
    };
    let key = match file.diff.data_key {
        DataKeyChange::Same => " · data key unchanged",
        DataKeyChange::Changed => " · data key is another one",
        DataKeyChange::Unknown => "",
    };
    format!("  {integrity}{key}\n")
}
