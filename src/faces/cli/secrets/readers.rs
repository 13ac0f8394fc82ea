//! Who reads a document, who is to read it, and the way from one to the other.
//!
//! Names are public. Nobody is added or taken out without being shown first.

use std::collections::BTreeSet;
use std::io::{BufRead as _, Write as _};

use anstyle::AnsiColor;
use serde_json::{Value, json};
use sops_file::{KeyKind, Metadata, OpenedDocument, RuleKey, SealError};

use crate::faces::exit::{Exit, Report, colour, printable};

/// The readers of one key group.
pub(super) type Group = BTreeSet<RuleKey>;

/// One reader: `age1…`, or kind and name.
pub(super) fn label(key: &RuleKey) -> String {
    match key.kind {
        KeyKind::Age => key.name.clone(),
        KeyKind::Pgp | KeyKind::Kms | KeyKind::GcpKms | KeyKind::Hckms | KeyKind::AzureKv | KeyKind::HcVault => {
            format!("{}:{}", key.kind.name(), key.name)
        }
    }
}

/// An age recipient as a person writes it.
pub(super) fn age(name: &str) -> RuleKey {
    RuleKey { kind: KeyKind::Age, name: name.trim().to_owned() }
}

/// The readers of a document, one set per key group.
pub(super) fn of(metadata: &Metadata) -> Vec<Group> {
    let key = |recipient: &sops_file::Recipient| RuleKey { kind: recipient.kind(), name: recipient.name().to_owned() };
    metadata.groups().iter().map(|group| group.iter().map(key).collect()).collect()
}

/// The readers a creation rule wants.
pub(super) fn of_rule(groups: &[Vec<RuleKey>]) -> Vec<Group> {
    let key = |key: &RuleKey| RuleKey { kind: key.kind, name: key.name.trim().to_owned() };
    groups.iter().filter(|group| !group.is_empty()).map(|group| group.iter().map(key).collect()).collect()
}

/// What is to change, key group by key group.
pub(super) struct Difference {
    have: Vec<Group>,
    want: Vec<Group>,
}

impl Difference {
    pub(super) fn between(have: Vec<Group>, want: Vec<Group>) -> Self {
        Self { have, want }
    }

    /// The readers of the file with some age recipients taken out, and some added to one group.
    pub(super) fn edit(have: Vec<Group>, add: &[String], remove: &[String], group: usize) -> Self {
        let mut want = have.clone();
        for name in remove {
            // Any kind of reader is taken out by its label.
            want.iter_mut().for_each(|group| group.retain(|key| label(key) != name.trim()));
        }
        if let Some(group) = want.get_mut(group) {
            group.extend(add.iter().map(|name| age(name)));
        }
        Self { have, want }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.have == self.want
    }

    fn groups(&self) -> impl Iterator<Item = (&Group, &Group)> {
        static NONE: Group = Group::new();
        let count = self.have.len().max(self.want.len());
        (0..count).map(|at| (self.have.get(at).unwrap_or(&NONE), self.want.get(at).unwrap_or(&NONE)))
    }

    /// Readers that are to be added to a group.
    pub(super) fn added(&self) -> Vec<String> {
        self.groups().flat_map(|(have, want)| want.difference(have)).map(label).collect()
    }

    /// Readers that are to be taken out of a group.
    pub(super) fn removed(&self) -> Vec<String> {
        self.groups().flat_map(|(have, want)| have.difference(want)).map(label).collect()
    }

    /// Everybody who reads it now.
    pub(super) fn present(&self) -> impl Iterator<Item = &RuleKey> {
        self.have.iter().flatten()
    }

    /// The same, to be kept.
    pub(super) fn into_wanted(self) -> Vec<Group> {
        self.want
    }

    /// Everybody who is to read it, group by group.
    pub(super) fn wanted(&self) -> &[Group] {
        &self.want
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
                let shown = printable(&label(reader));
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
        let groups: Vec<Vec<RuleKey>> = self.want.iter().map(|group| group.iter().cloned().collect()).collect();
        opened.set_groups(&groups, None)
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
