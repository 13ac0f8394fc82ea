//! Our check on a commit.
//!
//! Found by name and by our App, so that a check of that name by anybody else is nothing. It never links anywhere.

use countersign_core::domain::{CheckId, Oid};
use countersign_core::effect::{CHECK_NAME, Check, CheckState};
use countersign_core::facts::question::CheckRead;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::Call;
use super::effects::cut;
use super::fault::Fault;
use super::wire::{CheckWire, ChecksWire};
use super::{GitHub, reading, writing};
use crate::engine::ports::RepoRef;

/// Longest title, in characters.
const TITLE: usize = 255;
/// Longest summary, in characters.
const SUMMARY: usize = 65_535;

impl GitHub {
    /// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`: the newest of ours.
    pub(super) async fn our_check(&self, repo: &RepoRef, head: &Oid) -> Result<Option<CheckRead>, Fault> {
        let newest = self.our_checks(repo, head).await?.into_iter().max_by_key(|check| check.id);
        Ok(newest
            .map(|check| CheckRead { id: CheckId::new(check.id), external_id: check.external_id.unwrap_or_default() }))
    }

    async fn our_checks(&self, repo: &RepoRef, head: &Oid) -> Result<Vec<CheckWire>, Fault> {
        if self.client.handed().is_some() {
            // which App a token speaks for is known once it was asked who it is
            self.own_account(Some(repo)).await?;
        }
        let app = self.client.app();
        let rest =
            format!("/commits/{head}/check-runs?check_name={CHECK_NAME}&app_id={app}&filter=latest&per_page=100");
        let mut pages = self.client.pages(Call::get("checks.list", reading(repo), self.repo_path(repo, &rest)));
        let mut checks = Vec::new();
        while let Some(page) = pages.next::<ChecksWire>().await? {
            checks.extend(page.check_runs);
        }
        checks.retain(|check| check.name == CHECK_NAME && check.app.as_ref().is_some_and(|by| by.id == app));
        Ok(checks)
    }

    /// Creates or updates. A check that is gone, or that GitHub will not reopen, is created anew.
    pub(super) async fn set_check(
        &self,
        repo: &RepoRef,
        head: &Oid,
        id: Option<CheckId>,
        check: &Check,
    ) -> Result<CheckId, Fault> {
        let Some(id) = id else { return self.create_check(repo, head, check).await };
        match self.update_check(repo, id, check).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => self.create_check(repo, head, check).await,
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => self.create_check(repo, head, check).await,
            Err(fault) => Err(fault),
        }
    }

    /// `None`: the check stayed completed although it should be in progress again.
    async fn update_check(&self, repo: &RepoRef, id: CheckId, check: &Check) -> Result<Option<CheckId>, Fault> {
        let rest = format!("/check-runs/{id}");
        let call =
            Call::write("checks.update", writing(repo), Method::PATCH, self.repo_path(repo, &rest), body(None, check));
        self.once(
            || async {
                let wire: CheckWire = self.write(repo, call.clone()).await?.json()?;
                let is_completed = wire.status.is_some_and(|status| status.eq_ignore_ascii_case("completed"));
                let stayed = is_completed && check.state == CheckState::InProgress;
                Ok((!stayed).then(|| CheckId::new(wire.id)))
            },
            || async {
                let wire: CheckWire = self.read(repo, "checks.get", &rest).await?.json()?;
                Ok((wire.external_id.as_deref() == Some(&check.external_id)).then_some(Some(id)))
            },
        )
        .await
    }

    async fn create_check(&self, repo: &RepoRef, head: &Oid, check: &Check) -> Result<CheckId, Fault> {
        let path = self.repo_path(repo, "/check-runs");
        let call = Call::write("checks.create", writing(repo), Method::POST, path, body(Some(head), check));
        self.once(
            || async {
                let wire: CheckWire = self.write(repo, call.clone()).await?.json()?;
                Ok(CheckId::new(wire.id))
            },
            || async {
                let found = self
                    .our_checks(repo, head)
                    .await?
                    .into_iter()
                    .filter(|found| found.external_id.as_deref() == Some(&check.external_id));
                Ok(found.map(|found| found.id).max().map(CheckId::new))
            },
        )
        .await
    }
}

fn body(head: Option<&Oid>, check: &Check) -> Value {
    let (status, conclusion) = match check.state {
        CheckState::InProgress => ("in_progress", None),
        CheckState::Success => ("completed", Some("success")),
        CheckState::ActionRequired => ("completed", Some("action_required")),
        CheckState::Failure => ("completed", Some("failure")),
        CheckState::Neutral => ("completed", Some("neutral")),
    };
    let mut body = json!({
        "name": CHECK_NAME,
        "external_id": check.external_id,
        "status": status,
        "output": { "title": cut(&check.title, TITLE), "summary": cut(&check.summary, SUMMARY) },
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = json!(conclusion);
    }
    if let Some(head) = head {
        body["head_sha"] = json!(head.as_str());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_status_and_long_texts_are_cut() {
        for (state, status, conclusion) in [
            (CheckState::InProgress, "in_progress", Value::Null),
            (CheckState::Success, "completed", json!("success")),
            (CheckState::ActionRequired, "completed", json!("action_required")),
            (CheckState::Failure, "completed", json!("failure")),
            (CheckState::Neutral, "completed", json!("neutral")),
        ] {
            let check =
                Check { state, title: "ü".repeat(300), summary: "ü".repeat(70_000), external_id: "x".to_owned() };
            let body = body(None, &check);
            assert_eq!((&body["status"], &body["conclusion"]), (&json!(status), &conclusion));
            assert_eq!(body["output"]["title"].as_str().map(|title| title.chars().count()), Some(255));
            assert_eq!(body["output"]["summary"].as_str().map(|text| text.chars().count()), Some(65_535));
            assert_eq!(body.get("details_url"), None);
        }
    }
}
