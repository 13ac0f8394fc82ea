//! Reads `syncs`: targets, their order, the aliases they name.
//!
//! A text that stands where an alias belongs is never repeated: somebody may have pasted the secret itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Alias, RefName, TargetName};
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::model::{EnvironmentRule, OnDrift};
use crate::policy::raw::{Prune, RawDispatch, RawSync, RawWebhook, RunIn};
use crate::policy::read::{Faults, Field, List, Located, nearest};
use crate::policy::syncs::{RunsIn, SyncRule, Target};

use super::{MAX_SYNCS, capped, cluster, gitops, names, vessels};

/// Longest type of a repository event, as GitHub takes it.
const MAX_EVENT: usize = 100;
/// The workflow whose job delivers, where the policy names none.
const WORKFLOW: &str = "countersign-sync.yml";

pub(super) fn all(field: &Field<List<RawSync>>, faults: &mut Faults) -> Vec<SyncRule> {
    let (Some(list), Some(key)) = (field.given(), field.key()) else { return Vec::new() };
    let count = capped(list.value.items.len(), MAX_SYNCS, "targets", key, faults);
    let items = &list.value.items[..count];
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for item in items {
        let Some(name) = item.value.name.given() else { continue };
        if let Some(earlier) = seen.insert(&name.value, name.place) {
            let message = format!("the target `{}` is listed twice", shown(&name.value));
            faults.push(
                Diagnostic::error(Code::Repeated, message)
                    .at(name.place)
                    .label(format!("first in line {}", earlier.line))
                    .help("give each target of an environment a name of its own"),
            );
        }
    }
    let known: BTreeSet<&str> = seen.keys().copied().collect();
    let broken = list.value.broken || items.iter().any(|item| item.value.name.given().is_none());
    let rules: Vec<SyncRule> = items.iter().filter_map(|item| one(item, (!broken).then_some(&known), faults)).collect();
    cycle(&rules, faults);
    rules
}

fn one(item: &Located<RawSync>, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Option<SyncRule> {
    let (raw, place) = (&item.value, item.place);
    let name = names::name(&raw.name, faults);
    let after = after(raw, known, faults);
    let target = target(raw, place, faults)?;
    let runs_in = runs_in(raw, &target, faults)?;
    let usual = match target {
        Target::Branch { .. } => OnDrift::Reapply,
        Target::Workflow { .. }
        | Target::Event { .. }
        | Target::Webhook { .. }
        | Target::Flux { .. }
        | Target::ArgoCd { .. }
        | Target::GithubEnvironment { .. }
        | Target::Vault { .. }
        | Target::Kubernetes { .. }
        | Target::ExternalSecrets { .. } => OnDrift::Report,
    };
    Some(SyncRule {
        name: TargetName::parse(&name?.value).ok()?,
        place,
        target,
        after,
        on_drift: raw.on_drift.given().map_or(usual, |word| word.value),
        runs_in,
        prune: raw.prune.given().map_or(Prune::Never, |word| word.value),
        adopt: raw.adopt.given().is_some_and(|word| word.value),
    })
}

/// Who delivers: a job, where values are delivered and nothing else is written. Elsewhere the other words are refused by name.
fn runs_in(raw: &RawSync, target: &Target, faults: &mut Faults) -> Option<RunsIn> {
    if !target.holds_values() {
        return Some(RunsIn::Server);
    }
    if raw.run_in.given().is_some_and(|word| word.value == RunIn::Server) {
        if let Some(key) = raw.runner.key() {
            faults.push(
                Diagnostic::error(Code::Conflict, "`runner` and `run_in: server` exclude each other")
                    .at(key)
                    .help("let a job deliver, or the server: leave one of them out"),
            );
            return None;
        }
        return Some(RunsIn::Server);
    }
    let Some(file) = raw.runner.given().and_then(|runner| runner.value.workflow.given()) else {
        return Some(RunsIn::Runner { workflow: WORKFLOW.to_owned() });
    };
    workflow_file(file, faults).map(|workflow| RunsIn::Runner { workflow })
}

fn after(raw: &RawSync, known: Option<&BTreeSet<&str>>, faults: &mut Faults) -> Vec<TargetName> {
    let mut first = Vec::new();
    for item in raw.after.given().map(|list| list.value.items.as_slice()).unwrap_or_default() {
        let fault = |code, message: String| Diagnostic::error(code, message).at(item.place);
        if known.is_some_and(|known| !known.contains(item.value.as_str())) {
            let fault = fault(Code::UnknownTarget, format!("there is no target `{}`", shown(&item.value)));
            let near = nearest(&item.value, known.into_iter().flatten().copied());
            faults.push(match near {
                Some(near) => {
                    fault.label(format!("did you mean `{near}`?")).help("`after` names targets of the same environment")
                }
                None => fault.help("`after` names targets of the same environment"),
            });
            continue;
        }
        match TargetName::parse(&item.value) {
            Ok(name) if !first.contains(&name) => first.push(name),
            Ok(_) => faults.push(
                fault(Code::Repeated, format!("`{}` is listed twice", shown(&item.value)))
                    .help("leave one of the two out"),
            ),
            // a name that cannot be one is reported where it is given
            Err(_) => {}
        }
    }
    first
}

/// The one target of a sync. Several, or none, are a fault.
fn target(raw: &RawSync, place: Place, faults: &mut Faults) -> Option<Target> {
    let served = [
        ("branch", raw.branch.key(), raw.branch.is_faulty()),
        ("flux", raw.flux.key(), raw.flux.is_faulty()),
        ("argocd", raw.argocd.key(), raw.argocd.is_faulty()),
        ("github_environment", raw.github_environment.key(), raw.github_environment.is_faulty()),
        ("vault", raw.vault.key(), raw.vault.is_faulty()),
        ("kubernetes", raw.kubernetes.key(), raw.kubernetes.is_faulty()),
        ("external_secrets", raw.external_secrets.key(), raw.external_secrets.is_faulty()),
        ("dispatch", raw.dispatch.key(), raw.dispatch.is_faulty()),
        ("webhook", raw.webhook.key(), raw.webhook.is_faulty()),
    ];
    let given: Vec<(&str, Place)> = served.iter().filter_map(|(name, key, _)| Some((*name, (*key)?))).collect();
    let unread = served.iter().any(|(_, _, faulty)| *faulty);
    match given.as_slice() {
        [] if unread => return None,
        [] => {
            faults.push(Diagnostic::error(Code::MissingField, "the sync has no target").at(place).help(
                "give it one of `branch`, `flux`, `argocd`, `github_environment`, `vault`, `kubernetes`, `external_secrets`, `dispatch` or `webhook`",
            ));
            return None;
        }
        [_] => {}
        [(first, _), (second, second_place), ..] => {
            faults.push(
                Diagnostic::error(Code::Conflict, format!("`{first}` and `{second}` exclude each other"))
                    .at(*second_place)
                    .help("give each target a sync of its own"),
            );
            return None;
        }
    }
    if let Some(branch) = raw.branch.given() {
        let reference = names::branch(&branch.value.r#ref, faults)?;
        return Some(Target::Branch { reference });
    }
    if let Some(dispatch) = raw.dispatch.given() {
        return self::dispatch(dispatch, faults);
    }
    if let Some(flux) = raw.flux.given() {
        return gitops::flux(&flux.value, faults);
    }
    if let Some(argo) = raw.argocd.given() {
        return gitops::argo(&argo.value, faults);
    }
    if let Some(environment) = raw.github_environment.given() {
        return vessels::github_environment(&environment.value, faults);
    }
    if let Some(vault) = raw.vault.given() {
        return vessels::vault(&vault.value, faults);
    }
    if let Some(kubernetes) = raw.kubernetes.given() {
        return vessels::kubernetes(&kubernetes.value, faults);
    }
    if let Some(external) = raw.external_secrets.given() {
        return cluster::external_secrets(&external.value, faults);
    }
    raw.webhook.given().and_then(|webhook| self::webhook(&webhook.value, faults))
}

fn dispatch(raw: &Located<RawDispatch>, faults: &mut Faults) -> Option<Target> {
    let (workflow, event) = (&raw.value.workflow, &raw.value.event);
    match (workflow.given(), event.given()) {
        (Some(_), Some(event)) => {
            faults.push(
                Diagnostic::error(Code::Conflict, "`workflow` and `event` exclude each other")
                    .at(event.place)
                    .help("start a workflow, or send an event that workflows listen to"),
            );
            None
        }
        (None, None) if workflow.is_absent() && event.is_absent() => {
            faults.push(
                Diagnostic::error(Code::MissingField, "`dispatch` has neither `workflow` nor `event`")
                    .at(raw.place)
                    .help("write `workflow: deploy.yml`, or `event: secrets-approved`"),
            );
            None
        }
        (None, None) => None,
        (Some(file), None) => {
            let branch = names::branch(&raw.value.r#ref, faults);
            workflow_file(file, faults).map(|file| Target::Workflow { file, branch })
        }
        (None, Some(event)) => {
            if let Some(key) = raw.value.r#ref.key() {
                faults.push(
                    Diagnostic::error(Code::Conflict, "`event` and `ref` exclude each other")
                        .at(key)
                        .help("leave `ref` out: a repository event runs workflows of the default branch"),
                );
                return None;
            }
            is_event(&event.value).then(|| Target::Event { event: event.value.clone() }).or_else(|| {
                faults.push(
                    Diagnostic::error(Code::Malformed, format!("`{}` is not an event type", shown(&event.value)))
                        .at(event.place)
                        .help("use letters, digits, `_`, `-` and `.`, at most 100 characters"),
                );
                None
            })
        }
    }
}

/// Reads the file name of a workflow.
fn workflow_file(file: &Located<String>, faults: &mut Faults) -> Option<String> {
    if is_workflow(&file.value) {
        return Some(file.value.clone());
    }
    faults.push(
        Diagnostic::error(Code::Malformed, format!("`{}` is not a workflow file", shown(&file.value)))
            .at(file.place)
            .help("write the file name below `.github/workflows/`, such as `deploy.yml`"),
    );
    None
}

fn is_workflow(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    text.len() <= 100 && plain && (text.ends_with(".yml") || text.ends_with(".yaml")) && !text.starts_with('.')
}

fn is_event(text: &str) -> bool {
    (1..=MAX_EVENT).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn webhook(raw: &RawWebhook, faults: &mut Faults) -> Option<Target> {
    let (url, secret) = (alias(&raw.url_from, "url_from", faults), alias(&raw.secret_from, "secret_from", faults));
    Some(Target::Webhook { url: url?, secret: secret? })
}

/// Reads an alias.
pub(super) fn alias(field: &Field<String>, name: &str, faults: &mut Faults) -> Option<Alias> {
    let text = field.given()?;
    Alias::parse(&text.value)
        .map_err(|_| {
            faults.push(Diagnostic::error(Code::NoAlias, format!("`{name}` is not an alias")).at(text.place).help(
                "write a name such as `HOOK_URL`; the settings of the server say what it stands for, never this file",
            ));
        })
        .ok()
}

/// Reports targets that wait for each other, once per circle.
fn cycle(rules: &[SyncRule], faults: &mut Faults) {
    let mut done: BTreeSet<&TargetName> = BTreeSet::new();
    loop {
        let ready: Vec<&TargetName> = rules
            .iter()
            .filter(|rule| !done.contains(&rule.name))
            .filter(|rule| {
                rule.after.iter().all(|first| done.contains(first) || !rules.iter().any(|other| other.name == *first))
            })
            .map(|rule| &rule.name)
            .collect();
        if ready.is_empty() {
            break;
        }
        done.extend(ready);
    }
    let stuck: Vec<&SyncRule> = rules.iter().filter(|rule| !done.contains(&rule.name)).collect();
    if let Some(first) = stuck.first() {
        let names: Vec<String> = stuck.iter().map(|rule| format!("`{}`", rule.name)).collect();
        faults.push(
            Diagnostic::error(Code::Cycle, format!("none of {} can ever come first", names.join(", ")))
                .at(first.place)
                .help("take one `after` out of the circle"),
        );
    }
}

/// What can only be judged over all environments: a branch target that is governed, or a place that has two masters.
pub(super) fn judge(environments: &[EnvironmentRule], faults: &mut Faults) {
    vessels::judge(environments, faults);
    let governed: BTreeSet<&RefName> = environments.iter().filter_map(EnvironmentRule::branch).collect();
    let mut taken: BTreeMap<&RefName, Place> = BTreeMap::new();
    for sync in environments.iter().flat_map(EnvironmentRule::syncs) {
        let Target::Branch { reference } = sync.target() else { continue };
        let fault = |message: String| Diagnostic::error(Code::TargetBranch, message).at(sync.place());
        if governed.contains(reference) {
            faults.push(
                fault(format!("`{}` is a governed branch, so it can be no target", reference.short()))
                    .help("name a branch that nobody merges into, such as `env/production`"),
            );
        }
        if let Some(earlier) = taken.insert(reference, sync.place()) {
            faults.push(
                fault(format!("`{}` is the target of two syncs", reference.short()))
                    .label(format!("first in line {}", earlier.line))
                    .help("give each of them a branch of its own"),
            );
        }
    }
}
