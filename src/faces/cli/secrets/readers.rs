//! Who reads a document, who is to read it, and the way from one to the other.
//!
//! Names are public. Nobody is added or taken out without being shown first.

use std::collections::BTreeSet;
use std::io::{BufRead as _, Write as _};

use anstyle::AnsiColor;
use serde_json::{Value, json};
use sops_file::{KeyKind, Metadata, OpenedDocument, RecipientEdit, RuleKey, SealError};

use crate::faces::exit::{Exit, Report, colour, printable};

/// One reader: `age1…`, or kind and name.
fn label(kind: KeyKind, name: &str) -> String {
    match kind {
        KeyKind::Age => name.to_owned(),
        KeyKind::Pgp | KeyKind::Kms | KeyKind::GcpKms | KeyKind::Hckms | KeyKind::AzureKv | KeyKind::HcVault => {
            format!("{}:{name}", kind.name())
        }
    }
}

/// The readers of a document, one set per key group.
pub(super) fn of(metadata: &Metadata) -> Vec<BTreeSet<String>> {
    metadata.groups().iter().map(|group| group.iter().map(sops_file::Recipient::label).collect()).collect()
}

/// The readers a creation rule wants.
pub(super) fn of_rule(groups: &[Vec<RuleKey>]) -> Vec<BTreeSet<String>> {
    let group = |group: &Vec<RuleKey>| group.iter().map(|key| label(key.kind, key.name.trim())).collect();
    groups.iter().filter(|group| !group.is_empty()).map(group).collect()
}

/// What is to change, key group by key group.
pub(super) struct Difference {
    have: Vec<BTreeSet<String>>,
    want: Vec<BTreeSet<String>>,
}

impl Difference {
    pub(super) fn between(have: Vec<BTreeSet<String>>, want: Vec<BTreeSet<String>>) -> Self {
        Self { have, want }
    }

    /// The readers of the file with some added and some taken out; one group only.
    pub(super) fn edit(have: Vec<BTreeSet<String>>, add: &[String], remove: &[String]) -> Self {
        let mut want = have.clone();
        for name in remove {
            want.iter_mut().for_each(|group| _ = group.remove(name.trim()));
        }
        if let Some(first) = want.first_mut() {
            first.extend(add.iter().map(|name| name.trim().to_owned()));
        }
        Self { have, want }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.have == self.want
    }

    fn groups(&self) -> impl Iterator<Item = (&BTreeSet<String>, &BTreeSet<String>)> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        let count = self.have.len().max(self.want.len());
        (0..count).map(|at| (self.have.get(at).unwrap_or(&NONE), self.want.get(at).unwrap_or(&NONE)))
    }

    /// Readers that are to be added.
    pub(super) fn added(&self) -> Vec<String> {
        self.groups().flat_map(|(have, want)| want.difference(have)).cloned().collect()
    }

    /// Readers that are to be taken out of a group.
    pub(super) fn removed(&self) -> Vec<String> {
        self.groups().flat_map(|(have, want)| have.difference(want)).cloned().collect()
    }

    /// Everybody who is to read it.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &String> {
        self.want.iter().flatten()
    }

    /// The same, group by group.
    pub(super) fn into_wanted(self) -> Vec<BTreeSet<String>> {
        self.want
    }

    /// What a person is asked about: kept readers too, so that it is plain who remains.
    pub(super) fn shown(&self, name: &str) -> String {
        let (green, red) = (colour(AnsiColor::Green), colour(AnsiColor::Red));
        let mut text = format!("{}\n", printable(name));
        let several = self.have.len().max(self.want.len()) > 1;
        for (number, (have, want)) in self.groups().enumerate() {
            if several {
                text += &format!("  key group {}\n", number + 1);
            }
            for reader in have.union(want) {
                let shown = printable(reader);
                text += &match (have.contains(reader), want.contains(reader)) {
                    (false, _) => format!("  {green}+{green:#} {shown}  can open it from now on\n"),
                    (true, false) => format!("  {red}-{red:#} {shown}  no longer among the readers\n"),
                    (true, true) => format!("    {shown}\n"),
                };
            }
        }
        text
    }

    /// The same for machines.
    pub(super) fn to_json(&self) -> Value {
        json!({"added": self.added(), "removed": self.removed()})
    }

    /// Makes the change in an opened document, under the same data key.
    pub(super) fn apply(&self, opened: &mut OpenedDocument) -> Result<bool, SealError> {
        opened.edit_recipients(&RecipientEdit { add: self.added(), remove: self.removed() })
    }
}

/// Asks on standard error; the answer is a line of standard input, and only `y` or `yes` is one.
pub(super) fn is_wanted(question: &str) -> Result<bool, Report> {
    let mut to = anstream::stderr();
    let _ = write!(to, "{question} (y/n): ").and_then(|()| to.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Report::failed("the answer cannot be read", &error))?;
    if answer.is_empty() {
        let _ = writeln!(to);
        return Err(Report::new(Exit::USAGE, "nobody answered, and nothing was changed").help("`--yes` does not ask"));
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Shows differences on standard error.
pub(super) fn show(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}
