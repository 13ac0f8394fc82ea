//! For whom a new document is sealed: `--age`, `SOPS_AGE_RECIPIENTS`, or the creation rule that fits (SOPS reference 18).

use std::path::{Path, PathBuf};

use sops_file::{CreationRules, RulesError, SealOptions};

use super::identities;
use crate::faces::cli::{check, output};
use crate::faces::exit::{Exit, Report};

/// Directories looked through upwards, as sops does.
const LEVELS: usize = 100;

/// How to seal a document of this name: settings of the rule that fits, recipients of the command line before those of the rule.
pub(super) fn options(name: &Path, config: Option<&Path>, age: Option<&str>) -> Result<SealOptions, Report> {
    let named = age.map(str::to_owned).or_else(identities::recipients_of_environment);
    let file = config.map(Path::to_owned).or_else(identities::config_of_environment).or_else(find);
    let rule = match &file {
        Some(file) => of_file(file, name, named.is_some())?,
        None => None,
    };
    match (named, rule) {
        (Some(list), rule) => {
            let groups = SealOptions::to(split(&list)).groups;
            Ok(SealOptions { groups, shamir_threshold: 0, ..rule.unwrap_or_default() })
        }
        (None, Some(rule)) => Ok(rule),
        (None, None) => Err(Report::new(
            Exit::NO_CONFIG,
            "nothing says for whom to seal: there is no `.sops.yaml` with creation rules here or above",
        )
        .help("name recipients with `--age age1…`, or write a creation rule")),
    }
}

/// The rule of a configuration. Only its settings count when the recipients are named already.
fn of_file(file: &Path, name: &Path, named: bool) -> Result<Option<SealOptions>, Report> {
    let shown = check::shown(file);
    let bytes = std::fs::read(file).map_err(|error| {
        Report::new(Exit::NO_CONFIG, format!("the configuration `{shown}` cannot be read"))
            .cause(error)
            .help("name an existing file")
    })?;
    let wrong = |fault: &RulesError| {
        Report::new(Exit::of_sops(fault.exit_code()), format!("`{shown}`: {fault}")).help(fault.help())
    };
    let rules = CreationRules::parse(&bytes).map_err(|fault| wrong(&fault))?;
    for (field, place) in rules.unknown_fields() {
        output::warn(format!("`{field}` in {shown}, {place}, has no effect"), "correct its spelling, or remove it");
    }
    let rule = match rules.rule_for(&relative(file, name)) {
        Ok(Some(rule)) => rule,
        Ok(None) => return Ok(None),
        Err(RulesError::NoRule) if named => return Ok(None),
        Err(RulesError::NoRule) => {
            let what = format!("no creation rule of `{shown}` fits `{}`", name.display());
            return Err(Report::new(Exit::NO_CONFIG, what).help(RulesError::NoRule.help()));
        }
        Err(fault @ (RulesError::Parse(_) | RulesError::Rule { .. })) => return Err(wrong(&fault)),
    };
    let indent = rules.yaml_indent();
    if named {
        // The recipients of the rule may be of a kind that is not supported: they are not used.
        let selection = rule.selection().cloned();
        let mac_only_encrypted = rule.mac_only_encrypted();
        return Ok(Some(SealOptions { selection, mac_only_encrypted, indent, ..SealOptions::default() }));
    }
    let options = rule.options().map_err(|fault| {
        Report::new(Exit::of_sops(fault.exit_code()), format!("`{shown}`, {}: {fault}", rule.place()))
            .help(fault.help())
    })?;
    Ok(Some(SealOptions { indent, ..options }))
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
