//! What happened, told to the Apps that subscribed: payloads are built here and queued.
//!
//! Never sends anything itself; see `webhooks`.

use serde_json::{Map, Value, json};

use super::State;
use crate::access::{Actor, Level};
use crate::render::Face;
use crate::webhooks::{Delivery, Recipient};

/// Permission an App needs to hear of an event; None: everyone does.
fn permission_for(event: &str) -> Option<&'static [&'static str]> {
    match event {
        "push" | "create" | "delete" | "repository_dispatch" | "workflow_dispatch" => Some(&["contents"]),
        "pull_request" | "pull_request_review" => Some(&["pull_requests"]),
        "issue_comment" => Some(&["pull_requests", "issues"]),
        "check_run" | "check_suite" => Some(&["checks"]),
        "status" => Some(&["statuses"]),
        "deployment" | "deployment_status" | "deployment_protection_rule" => Some(&["deployments"]),
        "membership" | "team" | "organization" => Some(&["members"]),
        "merge_group" => Some(&["merge_queues"]),
        "branch_protection_rule" => Some(&["administration"]),
        _ => None,
    }
}

impl State {
    /// Renders with the addresses of the stand-in itself, as payloads do.
    pub(crate) fn web_face(&self) -> Face<'_> {
        Face::new(self, self.base.clone(), self.base.clone())
    }

    /// Queues an event of a repository for every App that hears of it.
    pub(crate) fn emit(&mut self, repo: u64, event: &str, action: Option<&str>, actor: Actor, more: Value) {
        self.emit_to(None, repo, (event, action), actor, more);
    }

    /// Installations that hear of an event of a repository: (installation, App).
    fn hearers(&self, only: Option<u64>, repo: u64, event: &str) -> Vec<(u64, u64)> {
        self.installations
            .values()
            .filter(|found| found.suspended_at.is_none() && found.events.contains(event))
            .filter(|found| only.is_none_or(|app| app == found.app))
            .filter(|found| self.repos_of_installation(found.id).contains(&repo))
            .filter(|found| {
                permission_for(event)
                    .is_none_or(|any| any.iter().any(|name| found.permissions.get(*name) >= Some(&Level::Read)))
            })
            .map(|found| (found.id, found.app))
            .collect()
    }

    /// As [`State::emit`], for one App only.
    pub(super) fn emit_to(
        &mut self,
        only: Option<u64>,
        repo: u64,
        (event, action): (&str, Option<&str>),
        actor: Actor,
        more: Value,
    ) {
        let targets = self.hearers(only, repo, event);
        if targets.is_empty() {
            return;
        }
        let Ok(here) = self.repo(repo) else { return };
        let owner = here.owner;
        let face = self.web_face();
        let mut body = Map::new();
        if let Some(action) = action {
            body.insert("action".to_owned(), action.into());
        }
        if let Value::Object(more) = more {
            body.extend(more);
        }
        body.insert("repository".to_owned(), face.event_repo(repo, event == "push"));
        if face.is_organization(owner) {
            body.insert("organization".to_owned(), face.organization(owner));
        }
        body.insert("sender".to_owned(), face.user(actor.account));
        for (installation, app) in targets {
            let mut body = body.clone();
            let id = json!({
                "id": installation,
                "node_id": format!("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u{installation}"),
            });
            body.insert("installation".to_owned(), id);
            let to = Recipient { app, installation: Some(installation), repo: Some(repo) };
            self.queue(to, event, action, &Value::Object(body));
        }
    }

    /// Queues one delivery for one App.
    pub(crate) fn queue(&mut self, to: Recipient, event: &str, action: Option<&str>, body: &Value) {
        let id = self.big_id();
        let now = self.now();
        let bytes = body.to_string().into_bytes();
        self.deliveries.add(Delivery::new(id, to, (event, action), bytes, now));
    }

    /// Queues an event about an installation itself; needs no subscription.
    pub(crate) fn emit_installation(
        &mut self,
        installation: u64,
        event: &str,
        action: &str,
        actor: Actor,
        more: Value,
    ) {
        let Some(found) = self.installations.get(&installation) else {
            return;
        };
        let app = found.app;
        let face = self.web_face();
        let mut body = json!({
            "action": action,
            "installation": face.installation(installation),
            "sender": face.user(actor.account),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let to = Recipient { app, installation: Some(installation), repo: None };
        self.queue(to, event, Some(action), &body);
    }

    /// Queues an event of an organisation for Apps installed there.
    pub(crate) fn emit_org(&mut self, org: u64, event: &str, action: &str, actor: Actor, more: Value) {
        let targets: Vec<(u64, u64)> = self
            .installations
            .values()
            .filter(|found| found.account == org && found.suspended_at.is_none())
            .filter(|found| found.events.contains(event) && found.permissions.contains_key("members"))
            .map(|found| (found.id, found.app))
            .collect();
        for (installation, app) in targets {
            let face = self.web_face();
            let mut body = json!({
                "action": action,
                "organization": face.organization(org),
                "sender": face.user(actor.account),
                "installation": {"id": installation, "node_id": format!("INS_{installation}")},
            });
            if let (Value::Object(body), Value::Object(more)) = (&mut body, more.clone()) {
                body.extend(more);
            }
            let to = Recipient { app, installation: Some(installation), repo: None };
            self.queue(to, event, Some(action), &body);
        }
    }

    pub(crate) fn emit_pull(&mut self, repo: u64, number: u64, action: &str, actor: Actor, more: Value) {
        let face = self.web_face();
        let mut body = json!({"number": number, "pull_request": face.pull_full(repo, number)});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.emit(repo, "pull_request", Some(action), actor, body);
    }

    pub(crate) fn emit_review(&mut self, repo: u64, number: u64, review: u64, action: &str, actor: Actor) {
        let face = self.web_face();
        let mut shown = face.review(repo, number, review);
        if let Some(state) = shown["state"].as_str() {
            shown["state"] = Value::from(state.to_lowercase());
        }
        shown["updated_at"] = shown["submitted_at"].clone();
        let mut body = json!({"review": shown, "pull_request": face.pull_simple(repo, number)});
        if action == "edited" {
            body["changes"] = json!({});
        }
        self.emit(repo, "pull_request_review", Some(action), actor, body);
    }

    pub(crate) fn emit_comment(&mut self, repo: u64, comment: u64, action: &str, actor: Actor, more: Value) {
        let Ok(found) = self.comment(repo, comment) else {
            return;
        };
        let number = found.number;
        let face = self.web_face();
        let mut body = json!({
            "issue": face.issue_of_pull(repo, number),
            "comment": face.comment(repo, comment),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.emit(repo, "issue_comment", Some(action), actor, body);
    }

    /// Everybody hears of a new or finished run, only its App of a wish to run it again.
    pub(crate) fn emit_run(&mut self, repo: u64, run: u64, action: &str, actor: Actor, more: Value) {
        let owner = self.run(repo, run).ok().map(|run| run.app);
        let only = owner.filter(|_| !["created", "completed"].contains(&action));
        let mut body = json!({"check_run": self.web_face().check_run(repo, run)});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.emit_to(only, repo, ("check_run", Some(action)), actor, body);
    }

    /// Everybody hears of a finished suite, only its App of one that is wanted.
    pub(crate) fn emit_suite(&mut self, repo: u64, suite: u64, action: &str, actor: Actor) {
        let owner = self.repo(repo).ok().and_then(|here| here.suites.get(&suite)).map(|suite| suite.app);
        let only = owner.filter(|_| action != "completed");
        let body = json!({"check_suite": self.web_face().check_suite(repo, suite)});
        self.emit_to(only, repo, ("check_suite", Some(action)), actor, body);
    }

    pub(crate) fn emit_status(&mut self, repo: u64, mut body: Value, actor: Actor) {
        let face = self.web_face();
        if let Some(sha) = body["sha"].as_str() {
            body["commit"] = face.commit(repo, sha);
        }
        body["branches"] = json!([]);
        body["name"] = Value::from(self.repo(repo).map(|r| self.full_name(r)).unwrap_or_default());
        self.emit(repo, "status", None, actor, body);
    }
}
