//! `.sops.yaml`: who a new document is sealed to and what is sealed in it (SOPS reference 18).
//!
//! Never looks for the file; the caller finds it and gives paths relative to its folder. Unknown fields have no
//! effect, as with sops, but they are told.

mod read;
#[cfg(test)]
mod tests;

use regex::Regex;

use crate::error::{ParseError, Place, SealError};
use crate::format::Format;
use crate::metadata::KeyKind;
use crate::recipient::check_recipient;
use crate::seal::SealOptions;
use crate::sealed::{read_tree, text_of};
use crate::selection::{SETTINGS, Selection};
use crate::tree::Node;

/// A configuration file.
#[derive(Clone, Debug)]
pub struct CreationRules {
    rules: Option<Vec<CreationRule>>,
    indents: Indents,
    unknown: Vec<(String, Place)>,
}

/// `stores`: how new lines of each format are indented.
#[derive(Clone, Copy, Debug, Default)]
struct Indents {
    yaml: Option<usize>,
    json: Option<usize>,
    binary: Option<usize>,
}

/// One rule: whom and how to seal documents whose path fits.
#[derive(Clone, Debug)]
pub struct CreationRule {
    path_regex: Option<Regex>,
    place: Place,
    groups: Vec<Vec<RuleKey>>,
    shamir_threshold: u32,
    selection: Option<Selection>,
    mac_only_encrypted: bool,
}

/// A master key that a rule names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleKey {
    /// What kind of key.
    pub kind: KeyKind,
    /// Its public name, as in [`crate::Recipient::name`].
    pub name: String,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RulesError {
    /// Not a YAML map.
    #[error("the configuration cannot be read: {0}")]
    Parse(ParseError),
    /// A field of a rule is wrong.
    #[error("{place}: {what}")]
    Rule {
        /// Where the rule begins.
        place: Place,
        /// A fixed sentence.
        what: &'static str,
    },
    /// There is a list of rules and none fits.
    #[error("no creation rule fits this path")]
    NoRule,
}

impl RulesError {
    /// The exit status for this.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Parse(_) | Self::Rule { .. } => 5,
            Self::NoRule => 1,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Parse(_) | Self::Rule { .. } => "correct .sops.yaml at that place",
            Self::NoRule => "add a rule whose `path_regex` fits, or one without `path_regex` at the end",
        }
    }
}

const RULE_FIELDS: [&str; 12] = [
    "path_regex",
    "kms",
    "aws_profile",
    "age",
    "pgp",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "mac_only_encrypted",
];

impl CreationRules {
    /// Reads a `.sops.yaml`.
    ///
    /// ```
    /// use sops_file::CreationRules;
    ///
    /// let text = "creation_rules:\n  - path_regex: ^prod/\n    encrypted_regex: ^data$\n    age: age1…\n  - age: age1…\n";
    /// let rules = CreationRules::parse(text.as_bytes())?;
    /// // The path is relative to the folder of the configuration.
    /// let rule = rules.rule_for("prod/secret.yaml")?.ok_or("no rules")?;
    /// assert_eq!(rule.selection().map(|selection| selection.setting()), Some(("encrypted_regex", "^data$")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RulesError::Parse`], or the first wrong rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, RulesError> {
        let text = text_of(bytes).map_err(RulesError::Parse)?;
        let tree = read_tree(text, Format::Yaml).map_err(RulesError::Parse)?;
        let mut rules = Self { rules: None, indents: Indents::default(), unknown: Vec::new() };
        let Some(document) = tree.documents.first() else {
            return Ok(rules);
        };
        for entry in document.root.entries() {
            match entry.key.as_str() {
                "creation_rules" => rules.rules = rules.read_rules(&entry.node)?,
                "stores" => rules.indents = Indents::read(&entry.node),
                "destination_rules" => {}
                _ => rules.unknown.push((entry.key.clone(), entry.node.place)),
            }
        }
        Ok(rules)
    }

    fn read_rules(&mut self, list: &Node) -> Result<Option<Vec<CreationRule>>, RulesError> {
        if list.scalar().is_some_and(|scalar| scalar.value.is_empty()) {
            return Ok(None);
        }
        if !list.is_list() {
            return Err(RulesError::Rule { place: list.place, what: "`creation_rules` must be a list" });
        }
        for entry in list.entries() {
            for field in entry.node.entries() {
                let name = field.key.as_str();
                if !RULE_FIELDS.contains(&name) && !SETTINGS.contains(&name) {
                    self.unknown.push((field.key.clone(), field.node.place));
                }
            }
        }
        list.entries().map(|entry| read::read_rule(&entry.node)).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// The first rule that fits. The path is relative to the folder of the configuration if it lies below it, else
    /// absolute. `None` when the file has no list of rules at all: then it does not count as a configuration.
    ///
    /// # Errors
    /// [`RulesError::NoRule`] when there are rules and none fits.
    pub fn rule_for(&self, path: &str) -> Result<Option<&CreationRule>, RulesError> {
        let Some(rules) = &self.rules else {
            return Ok(None);
        };
        let fits = |rule: &&CreationRule| rule.path_regex.as_ref().is_none_or(|regex| regex.is_match(path));
        rules.iter().find(fits).map(Some).ok_or(RulesError::NoRule)
    }

    /// All rules in order.
    #[must_use]
    pub fn rules(&self) -> &[CreationRule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// `stores.yaml.indent`.
    #[must_use]
    pub fn yaml_indent(&self) -> Option<usize> {
        self.indents.yaml
    }

    /// The indent that the configuration wants for new lines of a format, for [`SealOptions::indent`]. None where it
    /// says nothing, or wants tabs.
    #[must_use]
    pub fn indent(&self, format: Format) -> Option<usize> {
        match format {
            Format::Yaml => self.indents.yaml,
            Format::Json => self.indents.json,
            Format::Binary => self.indents.binary,
            Format::Dotenv | Format::Ini => None,
        }
    }

    /// Fields that have no effect, most likely misspelt, and where they stand.
    #[must_use]
    pub fn unknown_fields(&self) -> &[(String, Place)] {
        &self.unknown
    }
}

impl CreationRule {
    /// Where the rule begins in the file.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The key groups; a rule with flat keys has one.
    #[must_use]
    pub fn groups(&self) -> &[Vec<RuleKey>] {
        &self.groups
    }

    /// What is sealed, if the rule says so.
    #[must_use]
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// Whether the MAC covers sealed values only.
    #[must_use]
    pub fn mac_only_encrypted(&self) -> bool {
        self.mac_only_encrypted
    }

    /// Everything [`crate::seal`] needs.
    ///
    /// # Errors
    /// [`SealError::Recipient`] when the rule names a key that this version cannot seal to.
    pub fn options(&self) -> Result<SealOptions, SealError> {
        let name = |key: &RuleKey| {
            if key.kind == KeyKind::Age {
                check_recipient(&key.name)?;
                return Ok(key.name.clone());
            }
            let recipient = format!("{}:{}", key.kind.name(), key.name);
            Err(SealError::Recipient { recipient, why: "only age recipients are supported" })
        };
        let group = |keys: &Vec<RuleKey>| keys.iter().map(name).collect::<Result<Vec<_>, SealError>>();
        Ok(SealOptions {
            groups: self.groups.iter().map(group).collect::<Result<_, _>>()?,
            shamir_threshold: self.shamir_threshold,
            selection: self.selection.clone(),
            mac_only_encrypted: self.mac_only_encrypted,
            indent: None,
        })
    }
}
