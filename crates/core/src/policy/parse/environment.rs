//! Reads `environments`.
//!
//! Also proves, where patterns are written out, that no path lies in two environments of one branch; what cannot be proven here
//! is caught path by path when a change is judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Environment, Span};
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::glob::{Glob, Globs};
use crate::policy::model::{Binding, DirectPush, EnvironmentRule, MergeMode, Mode};
use crate::policy::raw::{RawBinding, RawEnvironment, RawPolicy};
use crate::policy::read::{Faults, Field, Located};

use super::{MAX_ENVIRONMENTS, capped, globs, names, some_globs, syncs};

/// What needs no sealing unless the file says otherwise.
const PLAIN: &[&str] = &["**/kustomization.yaml", "**/README.md", "**/.gitkeep"];

/// The names policies may refer to; `None` when they cannot be known for the faults in them.
pub(super) fn known_names(raw: &RawPolicy) -> Option<BTreeSet<&str>> {
    let table = &raw.environments.given()?.value;
    (!table.broken).then(|| table.entries.iter().map(|(name, _)| name.value.as_str()).collect())
}

pub(super) fn all(raw: &RawPolicy, faults: &mut Faults) -> Vec<EnvironmentRule> {
    let (Some(table), Some(key)) = (raw.environments.given(), raw.environments.key()) else { return Vec::new() };
    if table.value.entries.is_empty() && !table.value.broken {
        faults.push(
            Diagnostic::error(Code::Empty, "there is no environment")
                .at(key)
                .help("name at least one, with the `paths` it protects"),
        );
    }
    let count = capped(table.value.entries.len(), MAX_ENVIRONMENTS, "environments", key, faults);
    let entries = &table.value.entries[..count];
    let rules = entries.iter().filter_map(|(name, raw)| one(name, &raw.value, faults)).collect();
    overlaps(entries, faults);
    rules
}

fn one(name: &Located<String>, raw: &RawEnvironment, faults: &mut Faults) -> Option<EnvironmentRule> {
    let paths = some_globs(&raw.paths, "paths", "name what is protected, for instance `secrets/production/`", faults);
    let plain = if raw.plain.is_absent() {
        Globs::new(PLAIN.iter().filter_map(|text| Glob::parse(text).ok()).collect())
    } else {
        globs(&raw.plain, "plain", faults)
    };
    let branch = names::branch(&raw.branch, faults);
    let word = |field: &Field<RawBinding>| field.given().map(|binding| binding.value);
    let binding = match word(&raw.binding) {
        Some(RawBinding::Commit) => Binding::Commit,
        Some(RawBinding::Change) => Binding::Change,
        Some(RawBinding::Delta) | None => Binding::Delta,
    };
    let syncs = syncs::all(&raw.syncs, faults);
    let Ok(parsed) = Environment::parse(&name.value) else {
        faults.push(names::malformed_name(&name.value, name.place));
        return None;
    };
    Some(EnvironmentRule {
        name: parsed,
        place: name.place,
        paths,
        plain,
        branch,
        binding,
        mode: raw.mode.given().map_or(Mode::Enforce, |mode| mode.value),
        merge: raw.merge.given().map_or(MergeMode::Auto, |merge| merge.value),
        comment_votes: raw.comment_votes.given().is_none_or(|votes| votes.value),
        direct_push: raw.direct_push.given().map_or(DirectPush::PutBack, |push| push.value),
        approval_ttl: span(&raw.approval_ttl, "approval_ttl", faults),
        expires: span(&raw.expires, "expires", faults),
        syncs,
    })
}

/// Reads a span of at least a minute.
pub(super) fn span(field: &Field<String>, name: &str, faults: &mut Faults) -> Option<Span> {
    let text = field.given()?;
    let fault = |message: String| Diagnostic::error(Code::Malformed, message).at(text.place);
    match text.value.parse::<Span>() {
        Ok(span) if span.seconds() >= 60 => return Some(span),
        Ok(span) => {
            faults.push(fault(format!("`{name}` is {span}")).help("a minute is the least: write `10m`, `8h` or `7d`"))
        }
        Err(_) => faults
            .push(fault(format!("`{}` is not a span of time", shown(&text.value))).help("write `10m`, `8h` or `7d`")),
    }
    None
}

/// A pattern without wildcards, and whose it is.
struct Literal<'r> {
    environment: &'r str,
    text: String,
    place: Place,
}

/// Reports every written-out pattern that another environment of the same branch covers too.
fn overlaps(entries: &[(Located<String>, Located<RawEnvironment>)], faults: &mut Faults) {
    let mut by_place: BTreeMap<(&str, Vec<String>), Vec<Literal<'_>>> = BTreeMap::new();
    for (name, raw) in entries {
        let branch = raw.value.branch.given().map_or("", |branch| branch.value.as_str());
        for item in raw.value.paths.given().map(|list| list.value.items.as_slice()).unwrap_or_default() {
            let Ok(glob) = Glob::parse(&item.value) else { continue };
            if glob.is_literal() {
                let literal = Literal { environment: &name.value, text: item.value.clone(), place: item.place };
                by_place.entry((branch, glob.literal_prefix())).or_default().push(literal);
            }
        }
    }
    for ((branch, components), literals) in &by_place {
        for (index, literal) in literals.iter().enumerate() {
            let above = (1..components.len()).filter_map(|end| by_place.get(&(*branch, components[..end].to_vec())));
            let other =
                above.flatten().chain(&literals[..index]).find(|other| other.environment != literal.environment);
            if let Some(other) = other {
                faults.push(overlap(literal, other));
            }
        }
    }
}

fn overlap(literal: &Literal<'_>, other: &Literal<'_>) -> Diagnostic {
    let message = format!(
        "`{}` lies in two environments, `{}` and `{}`",
        shown(&literal.text),
        shown(other.environment),
        shown(literal.environment)
    );
    Diagnostic::error(Code::Overlap, message)
        .at(literal.place)
        .label(format!("also covered by `{}` in line {}", shown(&other.text), other.place.line))
        .help("give each path to one environment, or the environments to different branches")
}
