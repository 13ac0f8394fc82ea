//! Check runs and suites. Only Apps report checks.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Auth, Need, Op};
use super::reply::Reply;
use crate::access::Level;
use crate::error::{Outcome, Refusal};
use crate::git;
use crate::state::checks::CheckRun;

const READ: &[Need] = &[("checks", Level::Read)];
const WRITE: &[Need] = &[("checks", Level::Write)];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "skipped", "success", "timed_out"];
/// Title and summary together, and text by itself, in characters.
const LONGEST_OUTPUT: usize = 65_535;

pub(super) const OPS: &[Op] = &[
    Op::new("checks/create", "POST", "/repos/{owner}/{repo}/check-runs", WRITE, create).auth(Auth::Installation),
    Op::new("checks/get", "GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", READ, get),
    Op::new("checks/update", "PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", WRITE, update)
        .auth(Auth::Installation),
    Op::new(
        "checks/list-annotations",
        "GET",
        "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
        READ,
        annotations,
    ),
    Op::new("checks/list-for-ref", "GET", "/repos/{owner}/{repo}/commits/{ref...}/check-runs", READ, for_ref),
    Op::new(
        "checks/list-suites-for-ref",
        "GET",
        "/repos/{owner}/{repo}/commits/{ref...}/check-suites",
        READ,
        suites_for_ref,
    ),
    Op::new("checks/get-suite", "GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}", READ, suite),
    Op::new(
        "checks/list-for-suite",
        "GET",
        "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs",
        READ,
        for_suite,
    ),
];

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let app = ctx.installation()?.app;
    let (name, sha) = (ctx.need_text("name")?, ctx.need_text("head_sha")?);
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let known = git::oid(&sha).is_some_and(|id| opened.find_commit(id).is_ok());
    if !known {
        return Err(Refusal::new(422, format!("No commit found for SHA: {sha}")));
    }
    let branch = git::refs(&opened, "refs/heads/")?
        .into_iter()
        .find(|(_, tip)| tip.to_string() == sha)
        .and_then(|(name, _)| name.strip_prefix("refs/heads/").map(str::to_owned));
    let suite = ctx.st.suite_for(ctx.repo, app, &sha, branch, None)?;
    let id = ctx.st.big_id();
    let mut run = CheckRun {
        id,
        suite,
        app,
        name,
        head_sha: sha,
        external_id: String::new(),
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        started_at: Some(ctx.st.now()),
        completed_at: None,
        output: json!({"title": null, "summary": null, "text": null}),
        annotations: Vec::new(),
        actions: Vec::new(),
    };
    apply(ctx, &mut run)?;
    ctx.st.put_run(ctx.repo, run, "created", actor)?;
    Ok(Reply::created(ctx.face().check_run(ctx.repo, id)))
}

/// Copies what the body says into a run.
fn apply(ctx: &Ctx<'_>, run: &mut CheckRun) -> Outcome<()> {
    let invalid = |field: &str| Refusal::invalid().field("CheckRun", field, "invalid");
    if let Some(name) = ctx.text("name")? {
        run.name = name;
    }
    if let Some(id) = ctx.text("external_id")? {
        run.external_id = id;
    }
    if let Some(url) = ctx.text("details_url")? {
        run.details_url = Some(url);
    }
    if let Some(status) = ctx.text("status")? {
        if !["queued", "in_progress", "completed"].contains(&status.as_str()) {
            return Err(invalid("status"));
        }
        if status != "completed" {
            run.conclusion = None;
            run.completed_at = None;
        }
        run.status = status;
    }
    if let Some(conclusion) = ctx.text("conclusion")? {
        if !CONCLUSIONS.contains(&conclusion.as_str()) {
            return Err(invalid("conclusion"));
        }
        run.conclusion = Some(conclusion);
        "completed".clone_into(&mut run.status);
        run.completed_at = Some(ctx.st.now());
    } else if run.status == "completed" && run.conclusion.is_none() {
        return Err(Refusal::invalid().field("CheckRun", "conclusion", "missing_field"));
    }
    if let Some(at) = ctx.text("started_at")? {
        run.started_at = Some(at.parse().map_err(|_| invalid("started_at"))?);
    }
    if let Some(at) = ctx.text("completed_at")? {
        run.completed_at = Some(at.parse().map_err(|_| invalid("completed_at"))?);
    }
    if let Value::Array(actions) = &ctx.body["actions"] {
        check_actions(actions)?;
        run.actions.clone_from(actions);
    }
    apply_output(ctx, run)
}

fn check_actions(actions: &[Value]) -> Outcome<()> {
    let invalid = || Refusal::invalid().field("CheckRun", "actions", "invalid");
    if actions.len() > 3 {
        return Err(invalid());
    }
    for action in actions {
        for (key, most) in [("label", 20), ("identifier", 20), ("description", 40)] {
            let text = action[key].as_str().ok_or_else(invalid)?;
            if text.chars().count() > most {
                return Err(invalid());
            }
        }
    }
    Ok(())
}

fn apply_output(ctx: &Ctx<'_>, run: &mut CheckRun) -> Outcome<()> {
    let Value::Object(output) = &ctx.body["output"] else {
        return Ok(());
    };
    if !output.get("summary").is_some_and(Value::is_string) {
        return Err(Refusal::missing("summary"));
    }
    for key in ["title", "summary", "text"] {
        let Some(value) = output.get(key) else {
            continue;
        };
        let long = value.as_str().is_some_and(|text| text.chars().count() > LONGEST_OUTPUT);
        if long {
            return Err(
                Refusal::invalid().custom("CheckRun", format!("{key} exceeds a maximum bytesize of {LONGEST_OUTPUT}"))
            );
        }
        run.output[key] = value.clone();
    }
    if let Some(Value::Array(annotations)) = output.get("annotations") {
        if annotations.len() > 50 {
            return Err(Refusal::invalid().field("CheckRun", "annotations", "invalid"));
        }
        run.annotations.extend(annotations.iter().cloned());
    }
    Ok(())
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let id = ctx.number("check_run_id")?;
    ctx.st.run(ctx.repo, id)?;
    Ok(Reply::ok(ctx.face().check_run(ctx.repo, id)))
}

fn update(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let (actor, id) = (ctx.actor()?, ctx.number("check_run_id")?);
    let app = ctx.installation()?.app;
    let mut run = ctx.st.run(ctx.repo, id)?.clone();
    if run.app != app {
        return Err(Refusal::new(403, "Invalid app_id `check_run` was not created by this app."));
    }
    apply(ctx, &mut run)?;
    let body = run.clone();
    ctx.st.update_run(ctx.repo, body, actor)?;
    Ok(Reply::ok(ctx.face().check_run(ctx.repo, id)))
}

fn annotations(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let run = ctx.st.run(ctx.repo, ctx.number("check_run_id")?)?;
    let items = run.annotations.clone();
    ctx.page(items)
}

/// The commit a `{ref}` means.
pub(super) fn commit_of(ctx: &Ctx<'_>) -> Outcome<String> {
    let opened = git::open(&ctx.st.repo(ctx.repo)?.dir)?;
    let name = ctx.param("ref");
    git::commit_at(&opened, name)
        .map(|id| id.to_string())
        .ok_or_else(|| Refusal::new(422, format!("No commit found for SHA: {name}")))
}

fn filtered(ctx: &Ctx<'_>, run: &CheckRun) -> bool {
    let is = |key: &str, value: &str| ctx.asked(key).is_none_or(|wanted| wanted == value);
    is("check_name", &run.name) && is("status", &run.status) && is("app_id", &run.app.to_string())
}

fn for_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = commit_of(ctx)?;
    let runs: Vec<&CheckRun> = if ctx.asked("filter") == Some("all") {
        let all = ctx.st.repo(ctx.repo)?.runs.values();
        all.filter(|run| run.head_sha == sha).collect()
    } else {
        ctx.st.latest_runs(ctx.repo, &sha)
    };
    let face = ctx.face();
    let items =
        runs.into_iter().rev().filter(|run| filtered(ctx, run)).map(|run| face.check_run(ctx.repo, run.id)).collect();
    ctx.page_in("check_runs", items)
}

fn suites_for_ref(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let sha = commit_of(ctx)?;
    let app = ctx.asked("app_id").and_then(|text| text.parse::<u64>().ok());
    let face = ctx.face();
    let all = ctx.st.repo(ctx.repo)?.suites.values();
    let items = all
        .filter(|suite| suite.head_sha == sha && app.is_none_or(|app| app == suite.app))
        .map(|suite| face.check_suite(ctx.repo, suite.id))
        .collect();
    ctx.page_in("check_suites", items)
}

fn suite(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let body = ctx.face().check_suite(ctx.repo, ctx.number("check_suite_id")?);
    if body.is_null() {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(body))
}

fn for_suite(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let suite = ctx.number("check_suite_id")?;
    let face = ctx.face();
    let all = ctx.st.repo(ctx.repo)?.runs.values();
    let items = all
        .filter(|run| run.suite == suite && filtered(ctx, run))
        .map(|run| face.check_run(ctx.repo, run.id))
        .collect();
    ctx.page_in("check_runs", items)
}
