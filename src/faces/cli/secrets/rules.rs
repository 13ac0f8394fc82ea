//! For whom and how a document is sealed: what the command line says, then `SOPS_AGE_RECIPIENTS`, then the creation rule that fits
//! (SOPS reference 18). The configuration is read once for all documents.
//!
//! Never looks at a document.

use std::path::{Path, PathBuf};

use sops_file::{CreationRule, CreationRules, Format, RuleKey, RulesError, SETTINGS, SealOptions, Selection};

use super::identities;
use crate::faces::cli::args::Sealing;
use crate::faces::cli::{check, output};
use crate::faces::exit::{Exit, Report};

/// Directories looked through upwards, as sops does.
const LEVELS: usize = 100;

/// The configuration, and what the command line says instead.
pub(super) struct Rules {
    config: Option<Config>,
    recipients: Option<String>,
    selection: Option<Selection>,
    mac_only_encrypted: bool,
    threshold: Option<u32>,
}

struct Config {
    file: PathBuf,
    rules: CreationRules,
}

impl Rules {
    /// The rules new documents are sealed by.
    pub(super) fn of(sealing: &Sealing) -> Result<Self, Report> {
        Ok(Self {
            config: Config::read(sealing.config.as_deref())?,
            recipients: sealing.age.clone().or_else(identities::recipients_of_environment),
            selection: selection(sealing)?,
            mac_only_encrypted: sealing.mac_only_encrypted,
            threshold: sealing.shamir_secret_sharing_threshold,
        })
    }

    /// The rules of the configuration alone.
    pub(super) fn configured(config: Option<&Path>) -> Result<Self, Report> {
        let config = Config::read(config)?;
        Ok(Self { config, recipients: None, selection: None, mac_only_encrypted: false, threshold: None })
    }

    /// How to seal a document of this name.
    pub(super) fn options(&self, name: &Path) -> Result<SealOptions, Report> {
        let mut options = self.recipients_and_settings(name)?;
        if let Some(selection) = &self.selection {
            options.selection = Some(selection.clone());
        }
        let format = Format::of_path(&name.to_string_lossy());
        options.indent = self.config.as_ref().and_then(|config| config.rules.indent(format));
        options.mac_only_encrypted |= self.mac_only_encrypted;
        options.shamir_threshold = self.threshold.unwrap_or(options.shamir_threshold);
        Ok(options)
    }

    fn recipients_and_settings(&self, name: &Path) -> Result<SealOptions, Report> {
        let config = self.config.as_ref();
        let Some(list) = &self.recipients else {
            let rule = config.map(|config| config.rule(name)).transpose()?.flatten();
            let (Some(config), Some(rule)) = (config, rule) else { return Err(no_rules()) };
            return config.options(rule);
        };
        // The recipients of the rule may be of a kind that is not supported: they are not used.
        let groups = SealOptions::to(split(list)).groups;
        let rule = config.and_then(|config| config.rules.rule_for(&config.relative(name)).ok().flatten());
        Ok(SealOptions {
            groups,
            selection: rule.and_then(CreationRule::selection).cloned(),
            mac_only_encrypted: rule.is_some_and(CreationRule::mac_only_encrypted),
            ..SealOptions::default()
        })
    }

    /// Who the creation rule wants to read a document of this name, group by group; none without a configuration.
    pub(super) fn readers(&self, name: &Path) -> Result<Option<&[Vec<RuleKey>]>, Report> {
        let Some(config) = &self.config else { return Ok(None) };
        Ok(config.rule(name)?.map(CreationRule::groups))
    }

    /// The same, where a document that no rule fits is no fault.
    pub(super) fn readers_if_any(&self, name: &Path) -> Option<&[Vec<RuleKey>]> {
        let config = self.config.as_ref()?;
        let rule = config.rules.rule_for(&config.relative(name)).ok().flatten()?;
        Some(rule.groups()).filter(|groups| groups.iter().any(|group| !group.is_empty()))
    }
}

/// Nothing says for whom to seal.
pub(super) fn no_rules() -> Report {
    Report::new(
        Exit::NO_CONFIG,
        "nothing says for whom to seal: there is no `.sops.yaml` with creation rules here or above",
    )
    .help("name recipients with `--age age1…`, or write a creation rule")
}

impl Config {
    fn read(named: Option<&Path>) -> Result<Option<Self>, Report> {
        let named = named.map(Path::to_owned).or_else(identities::config_of_environment);
        let Some(file) = named.or_else(find) else { return Ok(None) };
        let shown = check::shown(&file);
        let bytes = std::fs::read(&file).map_err(|error| {
            Report::new(Exit::NO_CONFIG, format!("the configuration `{shown}` cannot be read"))
                .cause(error)
                .help("name an existing file")
        })?;
        let rules = CreationRules::parse(&bytes).map_err(|fault| wrong(&shown, &fault))?;
        for (field, place) in rules.unknown_fields() {
            output::warn(format!("`{field}` in {shown}, {place}, has no effect"), "correct its spelling, or remove it");
        }
        Ok(Some(Self { file, rules }))
    }

    /// The rule that fits; none when the configuration has no rules at all.
    fn rule(&self, name: &Path) -> Result<Option<&CreationRule>, Report> {
        self.rules.rule_for(&self.relative(name)).map_err(|fault| {
            let shown = check::shown(&self.file);
            match &fault {
                RulesError::NoRule => {
                    let what = format!("no creation rule of `{shown}` fits `{}`", name.display());
                    Report::new(Exit::NO_CONFIG, what).help(fault.help())
                }
                RulesError::Parse(_) | RulesError::Rule { .. } => wrong(&shown, &fault),
            }
        })
    }

    fn options(&self, rule: &CreationRule) -> Result<SealOptions, Report> {
        rule.options().map_err(|fault| {
            let place = format!("`{}`, {}", check::shown(&self.file), rule.place());
            Report::new(Exit::of_sops(fault.exit_code()), format!("{place}: {fault}")).help(fault.help())
        })
    }

    fn relative(&self, name: &Path) -> String {
        relative(&self.file, name)
    }
}

fn wrong(shown: &str, fault: &RulesError) -> Report {
    Report::new(Exit::of_sops(fault.exit_code()), format!("`{shown}`: {fault}")).help(fault.help())
}

/// The selection setting of the command line: at most one.
fn selection(sealing: &Sealing) -> Result<Option<Selection>, Report> {
    let given = [
        &sealing.unencrypted_suffix,
        &sealing.encrypted_suffix,
        &sealing.unencrypted_regex,
        &sealing.encrypted_regex,
        &sealing.unencrypted_comment_regex,
        &sealing.encrypted_comment_regex,
    ];
    let flag = |setting: &str| format!("`--{}`", setting.replace('_', "-"));
    let mut given = SETTINGS.into_iter().zip(given).filter_map(|(setting, text)| Some((setting, text.as_ref()?)));
    let Some((setting, text)) = given.next() else { return Ok(None) };
    if let Some((other, _)) = given.next() {
        let what = format!("{} and {} contradict each other", flag(setting), flag(other));
        return Err(Report::new(Exit::CONTRADICTION, what).help("give one of them"));
    }
    Selection::parse(setting, text).map(Some).map_err(|_| {
        Report::usage(format!("{} holds a broken regular expression: nothing would be sealed", flag(setting)))
            .help("correct the expression; its syntax is that of Go")
    })
}

/// The document's path relative to the configuration's directory if it is below it, else the absolute path.
fn relative(file: &Path, name: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let whole = match name.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent }) {
        Some(parent) => parent.canonicalize().ok().zip(name.file_name()).map(|(parent, last)| parent.join(last)),
        None => None,
    };
    let whole = whole.unwrap_or_else(|| absolute(name));
    let home = file.canonicalize().unwrap_or_else(|_| absolute(file));
    let below = home.parent().and_then(|home| whole.strip_prefix(home).ok()).unwrap_or(&whole);
    below.to_string_lossy().replace('\\', "/")
}

/// `.sops.yaml` here or in a directory above.
fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().take(LEVELS).map(|directory| directory.join(".sops.yaml")).find(|file| file.is_file())
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
