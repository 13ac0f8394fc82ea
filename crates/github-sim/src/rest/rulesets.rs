//! Rulesets of a repository, and the rules that hold for a branch.

use serde_json::{Value, json};

use super::ctx::Ctx;
use super::op::{Need, Op};
use super::reply::Reply;
use crate::access::{Actor, Level, Role};
use crate::clock::stamp;
use crate::error::{Outcome, Refusal};
use crate::state::State;
use crate::state::repos::Ruleset;
use crate::state::rules::Via;

const ADMIN: &[Need] = &[("administration", Level::Write)];

pub(super) const OPS: &[Op] = &[
    Op::new("repos/get-branch-rules", "GET", "/repos/{owner}/{repo}/rules/branches/{branch...}", &[], for_branch),
    Op::new("repos/get-repo-rulesets", "GET", "/repos/{owner}/{repo}/rulesets", &[], list),
    Op::new("repos/create-repo-ruleset", "POST", "/repos/{owner}/{repo}/rulesets", ADMIN, create).role(Role::Admin),
    Op::new("repos/get-repo-ruleset", "GET", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", &[], get),
    Op::new("repos/update-repo-ruleset", "PUT", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", ADMIN, update)
        .role(Role::Admin),
    Op::new("repos/delete-repo-ruleset", "DELETE", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", ADMIN, delete)
        .role(Role::Admin),
];

fn for_branch(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let here = ctx.st.repo(ctx.repo)?;
    let name = ctx.st.full_name(here);
    let items = ctx
        .st
        .rules_for(here, &format!("refs/heads/{}", ctx.param("branch")))
        .into_iter()
        .map(|rule| {
            let mut body = json!({"type": rule.kind});
            if !rule.parameters.is_null() {
                body["parameters"] = rule.parameters;
            }
            body["ruleset_source_type"] = "Repository".into();
            body["ruleset_source"] = name.clone().into();
            body["ruleset_id"] = rule.ruleset.into();
            body
        })
        .collect();
    ctx.page(items)
}

fn show(ctx: &Ctx<'_>, ruleset: &Ruleset, full: bool) -> Outcome<Value> {
    let here = ctx.st.repo(ctx.repo)?;
    let face = ctx.face();
    let id = ruleset.id;
    let text = |key: &str, default: &str| ruleset.body[key].as_str().unwrap_or(default).to_owned();
    let mut body = json!({
        "id": id, "name": text("name", ""), "target": text("target", "branch"),
        "source_type": "Repository", "source": ctx.st.full_name(here),
        "enforcement": text("enforcement", "disabled"), "node_id": format!("RRS_{id}"),
        "_links": {
            "self": {"href": format!("{}/rulesets/{id}", face.repo_url(ctx.repo))},
            "html": {"href": format!("{}/rules/{id}", face.repo_page(ctx.repo))},
        },
        "created_at": stamp(ruleset.created_at), "updated_at": stamp(ruleset.updated_at),
    });
    if !full {
        return Ok(body);
    }
    body["conditions"] = ruleset.body.get("conditions").cloned().unwrap_or(json!({}));
    body["rules"] = ruleset.body.get("rules").cloned().unwrap_or(json!([]));
    let may_write = match ctx.actor() {
        Ok(Actor { account, app: None }) => ctx.st.role_of(here, account) == Some(Role::Admin),
        Ok(Actor { app: Some(_), .. }) => {
            ctx.installation().is_ok_and(|access| access.permissions.get("administration") == Some(&Level::Write))
        }
        Err(_) => false,
    };
    if may_write {
        body["bypass_actors"] = ruleset.body.get("bypass_actors").cloned().unwrap_or(json!([]));
    }
    if let Ok(actor) = ctx.actor() {
        let always = ctx.st.bypasses(here, id, actor, Via::Push);
        let by_pull = ctx.st.bypasses(here, id, actor, Via::Pull(0));
        body["current_user_can_bypass"] = match (always, by_pull) {
            (true, _) => "always",
            (false, true) => "pull_requests_only",
            (false, false) => "never",
        }
        .into();
    }
    Ok(body)
}

fn list(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let all = ctx.st.repo(ctx.repo)?.rulesets.values();
    let items = all.map(|ruleset| show(ctx, ruleset, false)).collect::<Outcome<_>>()?;
    ctx.page(items)
}

fn found(ctx: &Ctx<'_>) -> Outcome<Ruleset> {
    let id = ctx.number("ruleset_id")?;
    let here = ctx.st.repo(ctx.repo)?;
    here.rulesets.get(&id).cloned().ok_or_else(Refusal::not_found)
}

fn get(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    Ok(Reply::ok(show(ctx, &found(ctx)?, true)?))
}

fn create(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    ctx.need_text("name")?;
    let enforcement = ctx.need_text("enforcement")?;
    if !["active", "disabled", "evaluate"].contains(&enforcement.as_str()) {
        return Err(Refusal::invalid().field("Ruleset", "enforcement", "invalid"));
    }
    let body = ctx.body.clone();
    let id = ctx.st.add_ruleset(ctx.repo, actor, body)?;
    let ruleset = ctx.st.repo(ctx.repo)?.rulesets.get(&id).cloned();
    let ruleset = ruleset.ok_or_else(Refusal::not_found)?;
    Ok(Reply::created(show(ctx, &ruleset, true)?))
}

fn update(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let mut ruleset = found(ctx)?;
    if let (Value::Object(old), Value::Object(new)) = (&mut ruleset.body, ctx.body.clone()) {
        old.extend(new);
    }
    ruleset.updated_at = ctx.st.now();
    let id = ruleset.id;
    ctx.st.repo_mut(ctx.repo)?.rulesets.insert(id, ruleset.clone());
    ctx.st.emit_ruleset(ctx.repo, id, "edited", actor);
    Ok(Reply::ok(show(ctx, &ruleset, true)?))
}

fn delete(ctx: &mut Ctx<'_>) -> Outcome<Reply> {
    let actor = ctx.actor()?;
    let id = found(ctx)?.id;
    ctx.st.emit_ruleset(ctx.repo, id, "deleted", actor);
    ctx.st.repo_mut(ctx.repo)?.rulesets.remove(&id);
    Ok(Reply::empty())
}

impl State {
    /// Adds a ruleset in the shape GitHub's API takes.
    pub(crate) fn add_ruleset(&mut self, repo: u64, actor: Actor, body: Value) -> Outcome<u64> {
        let id = self.small_id();
        let now = self.now();
        let ruleset = Ruleset { id, body, created_at: now, updated_at: now };
        self.repo_mut(repo)?.rulesets.insert(id, ruleset);
        self.emit_ruleset(repo, id, "created", actor);
        Ok(id)
    }

    fn emit_ruleset(&mut self, repo: u64, id: u64, action: &str, actor: Actor) {
        let Ok(here) = self.repo(repo) else { return };
        let Some(ruleset) = here.rulesets.get(&id) else {
            return;
        };
        let body = json!({
            "id": id, "name": ruleset.body["name"], "target": ruleset.body["target"],
            "source_type": "Repository", "source": self.full_name(here),
            "enforcement": ruleset.body["enforcement"], "node_id": format!("RRS_{id}"),
            "conditions": ruleset.body["conditions"], "rules": ruleset.body["rules"],
            "created_at": stamp(ruleset.created_at), "updated_at": stamp(ruleset.updated_at),
        });
        let mut more = json!({"repository_ruleset": body});
        if action == "edited" {
            more["changes"] = json!({});
        }
        self.emit(repo, "repository_ruleset", Some(action), actor, more);
    }
}
