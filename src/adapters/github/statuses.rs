//! Commit statuses: what others say of a commit. We set none.

use countersign_core::domain::Oid;
use countersign_core::facts::question::{StatusRead, StatusState};
use serde::Deserialize;

use super::broker::Purpose;
use super::client::{Auth, Call};
use super::fault::Fault;
use super::{GitHub, scope};
use crate::engine::ports::RepoRef;

#[derive(Deserialize)]
struct CombinedWire {
    statuses: Vec<StatusWire>,
}

#[derive(Deserialize)]
struct StatusWire {
    context: String,
    state: String,
}

impl GitHub {
    /// `GET /repos/{owner}/{repo}/commits/{ref}/status`: the newest status of each context.
    pub(super) async fn statuses(&self, repo: &RepoRef, commit: &Oid) -> Result<Vec<StatusRead>, Fault> {
        let path = self.repo_path(repo, &format!("/commits/{commit}/status?per_page=100"));
        let auth = Auth::Scope(scope(repo, Purpose::Statuses));
        let mut pages = self.client.pages(Call::get("repos.status", auth, path));
        let mut found = Vec::new();
        while let Some(page) = pages.next::<CombinedWire>().await? {
            found.extend(page.statuses.into_iter().map(read));
        }
        Ok(found)
    }
}

fn read(wire: StatusWire) -> StatusRead {
    let state = match wire.state.as_str() {
        "success" => StatusState::Success,
        "pending" => StatusState::Pending,
        _ => StatusState::Failure,
    };
    StatusRead { context: wire.context, state }
}
