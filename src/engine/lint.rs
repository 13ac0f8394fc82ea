//! What is wrong in the files of a repository, as far as it can be seen with the keys at hand: told before anybody pushes it.
//!
//! Decides nothing: what would be refused is refused by the decision, on its own reading. No value and no token is repeated.

mod opened;
mod past;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{RefName, RepoPath};
use countersign_core::policy::{Code, Diagnostic, PathClass, Place, Policy, Severity};
use countersign_core::workflow;
use sops_file::{CreationRules, Format, ParseError, RulesError, SealedDocument};

pub use self::opened::{Integrity, Opener};
pub use self::past::in_the_clear;

/// How an age identity begins. In two parts: this file is looked at as well.
const IDENTITY: &str = concat!("AGE-SECRET-", "KEY-");
/// Shortest tail of one; what is shorter is written about.
const IDENTITY_TAIL: usize = 50;

/// Everything that is known before the files are looked at one by one.
pub struct Linter<'p> {
    policy: &'p Policy,
    default: RefName,
    readers: BTreeSet<String>,
    rules: BTreeMap<String, Option<CreationRules>>,
    open: Option<Opener<'p>>,
    integrity: Cell<Integrity>,
}

impl<'p> Linter<'p> {
    /// `rules` are the `.sops.yaml` files by path.
    #[must_use]
    pub fn new(policy: &'p Policy, default: RefName, rules: &BTreeMap<String, Vec<u8>>) -> Self {
        let readers = policy.recipients_of_people().into_keys().collect();
        let folder = |path: &str| path.strip_suffix(".sops.yaml").unwrap_or_default().to_owned();
        let rules = rules.iter().map(|(path, bytes)| (folder(path), CreationRules::parse(bytes).ok())).collect();
        Self { policy, default, readers, rules, open: None, integrity: Cell::default() }
    }

    /// The same, with whatever identities are at hand: documents are opened as well.
    #[must_use]
    pub fn opening(self, open: Opener<'p>) -> Self {
        Self { open: Some(open), ..self }
    }

    /// What came of the integrity codes so far.
    #[must_use]
    pub fn integrity(&self) -> Integrity {
        self.integrity.get()
    }

    /// What is wrong with one file.
    #[must_use]
    pub fn file(&self, path: &str, bytes: &[u8]) -> Vec<Diagnostic> {
        let mut found = identities(bytes);
        if self.must_be_sealed(path) {
            found.extend(self.document(path, bytes));
        } else if path == ".sops.yaml" || path.ends_with("/.sops.yaml") {
            found.extend(rules(bytes));
        } else if is_workflow(path) {
            found.extend(workflow::lint(&String::from_utf8_lossy(bytes)));
        }
        found
    }

    /// What is wrong with a link or a submodule.
    #[must_use]
    pub fn link(&self, path: &str) -> Option<Diagnostic> {
        self.must_be_sealed(path).then(|| {
            error(Code::NotAFile, "a protected path is a link or a submodule").help("put the sealed file itself there")
        })
    }

    fn must_be_sealed(&self, path: &str) -> bool {
        must_be_sealed(self.policy, &self.default, &RepoPath::new(path))
    }

    fn document(&self, path: &str, bytes: &[u8]) -> Vec<Diagnostic> {
        let document = match SealedDocument::parse(bytes, Format::of_path(path)) {
            Ok(document) => document,
            Err(fault) => return vec![unreadable(path, &fault)],
        };
        let mut found = Vec::new();
        for leaf in document.leaves() {
            if leaf.is_exposed() {
                found.push(
                    error(Code::PlainKey, format!("`{}` stands in the clear", leaf.path))
                        .at(place(leaf.place))
                        .help("store it anew with `countersign set`, and replace the value wherever it is used: it was readable"),
                );
            }
        }
        if document.metadata().mac().is_none() {
            found.push(
                error(Code::MacMissing, "the document has no integrity code")
                    .help(format!("seal it anew: `countersign rotate -i {path}`")),
            );
        }
        // of what is wrong already, an open document says nothing more
        let seen = self.open.filter(|_| found.is_empty()).and_then(|open| opened::look(path, &document, open));
        let mut integrity = self.integrity.get();
        match seen {
            Some(more) => {
                integrity.verified += usize::from(more.iter().all(|one| one.code == Code::StandIn));
                found.extend(more);
            }
            None => integrity.unverified += 1,
        }
        self.integrity.set(integrity);
        let readers: BTreeSet<&str> = document.metadata().recipients().map(|reader| reader.name()).collect();
        for reader in readers.iter().filter(|reader| !self.readers.is_empty() && !self.readers.contains(**reader)) {
            found.push(
                error(Code::UnknownReader, format!("`{reader}` can open it and is nobody's of `people`"))
                    .help("add the recipient to `people`, or take it out with `countersign recipients`"),
            );
        }
        found.extend(self.rule(path, &readers));
        found
    }

    /// Compares the readers with the nearest `.sops.yaml` above the path.
    fn rule(&self, path: &str, readers: &BTreeSet<&str>) -> Option<Diagnostic> {
        let above = self.rules.iter().filter(|(folder, _)| path.starts_with(folder.as_str()));
        let (folder, rules) = above.max_by_key(|(folder, _)| folder.len())?;
        let rule = match rules.as_ref()?.rule_for(&path[folder.len()..]) {
            Ok(rule) => rule?,
            Err(_) => {
                return Some(
                    Diagnostic::new(Severity::Warning, Code::NoRule, "no creation rule fits this document")
                        .help("add a rule whose `path_regex` fits, or one without `path_regex` at the end"),
                );
            }
        };
        let wanted: BTreeSet<&str> = rule.groups().iter().flatten().map(|key| key.name.as_str()).collect();
        if wanted.is_empty() || wanted == *readers {
            return None;
        }
        let list =
            |names: BTreeSet<&str>| names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let (missing, more) = (&wanted - readers, readers - &wanted);
        let message = match (missing.is_empty(), more.is_empty()) {
            (false, true) => format!("{} of the creation rule cannot open it", list(missing)),
            (true, _) => format!("{} can open it and is not in the creation rule", list(more)),
            (false, false) => {
                format!("{} of the creation rule cannot open it, but {} can", list(missing), list(more))
            }
        };
        Some(error(Code::ReadersDiffer, message).help(format!("make them the same: `countersign updatekeys {path}`")))
    }
}

/// Whether some environment wants the path sealed, whichever branch it governs.
#[must_use]
pub fn must_be_sealed(policy: &Policy, default: &RefName, path: &RepoPath) -> bool {
    let sealed = |branch: &RefName| match policy.classify(path, branch, default) {
        PathClass::Governed { plain, .. } => !plain,
        PathClass::Ambiguous { .. } => true,
        PathClass::Free | PathClass::Control => false,
    };
    policy.environments().iter().any(|rule| sealed(rule.branch_or(default)))
}

/// Whether the path is a workflow of GitHub's.
#[must_use]
pub fn is_workflow(path: &str) -> bool {
    let name = path.strip_prefix(".github/workflows/").unwrap_or_default();
    !name.contains('/') && (name.ends_with(".yml") || name.ends_with(".yaml"))
}

fn error(code: Code, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Severity::Error, code, message)
}

fn place(place: sops_file::Place) -> Place {
    Place { line: place.line, column: place.column, length: 1 }
}

fn unreadable(path: &str, fault: &ParseError) -> Diagnostic {
    match fault {
        ParseError::NotSealed | ParseError::NotText { .. } => error(Code::PlainFile, "the file is not sealed")
            .help(format!("seal it with `countersign encrypt -i {path}`; what was pushed like this has leaked")),
        ParseError::BadExpression { .. } => error(Code::BrokenSelection, format!("{fault}")).help(fault.help()),
        ParseError::Broken { .. } | ParseError::Metadata { .. } | ParseError::TooLarge => {
            error(Code::BrokenDocument, format!("no sealed document: {fault}")).help(fault.help())
        }
    }
}

/// Faults of a `.sops.yaml`.
fn rules(bytes: &[u8]) -> Vec<Diagnostic> {
    match CreationRules::parse(bytes) {
        Ok(rules) => {
            let unknown = rules.unknown_fields().iter();
            unknown
                .map(|(field, at)| {
                    Diagnostic::new(Severity::Warning, Code::UnknownRuleField, format!("`{field}` has no effect"))
                        .at(place(*at))
                        .help("correct its spelling, or remove it")
                })
                .collect()
        }
        Err(fault) => {
            let at = match &fault {
                RulesError::Rule { place, .. } => Some(*place),
                RulesError::Parse(_) | RulesError::NoRule => None,
            };
            let finding = error(Code::RulesBroken, fault.to_string()).help(fault.help());
            vec![match at {
                Some(at) => finding.at(place(at)),
                None => finding,
            }]
        }
    }
}

/// Age identities, wherever they stand.
fn identities(bytes: &[u8]) -> Vec<Diagnostic> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(start) = line.find(IDENTITY) else { continue };
        let tail = &line[start + IDENTITY.len()..];
        let length = tail.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        if length >= IDENTITY_TAIL {
            let column = line[..start].chars().count() + 1;
            found.push(
                error(Code::PrivateKey, "an age identity stands in a file of the repository")
                    .at(Place { line: number + 1, column, length: IDENTITY.len() })
                    .help("take it out, take its recipient out of every document, and replace what it could open"),
            );
        }
    }
    found
}
