//! What we ask as the App itself: who we are, where we are installed, which deliveries failed.
//!
//! Suspended installations are skipped, never asked.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Account, DeliveryId, InstallationId, RepoId, RepoName, Timestamp};
use countersign_core::guard::{AppFacts, Hook};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::encode;
use super::broker::{Purpose, Scope};
use super::client::{Auth, Call};
use super::fault::Fault;
use super::wire::{RepoWire, UserWire};
use super::{GitHub, reading};
use crate::engine::ports::{FailedDelivery, ForgeErrorKind, RepoRef};

/// Pages of deliveries read in one look; what lies further back is found by the sweep.
const DELIVERY_PAGES: usize = 50;

#[derive(Deserialize)]
struct AppWire {
    slug: String,
}

#[derive(Deserialize)]
struct InstallationWire {
    id: u64,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct GrantedWire {
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    events: BTreeSet<String>,
}

#[derive(Deserialize)]
struct HookWire {
    url: Option<String>,
    content_type: Option<String>,
    insecure_ssl: Option<Value>,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct RepositoriesWire {
    total_count: u64,
    repositories: Vec<RepoWire>,
}

#[derive(Deserialize)]
struct DeliveryWire {
    id: u64,
    guid: String,
    delivered_at: String,
    status_code: Option<i64>,
}

impl GitHub {
    /// Our bot account: `GET /app` for the slug, then `GET /users/{slug}[bot]`; asked once. `through`: a repository whose token may
    /// be used, so that none is minted for this.
    pub(super) async fn own_account(&self, through: Option<&RepoRef>) -> Result<Account, Fault> {
        self.me.get_or_try_init(|| self.read_own_account(through)).await.cloned()
    }

    async fn read_own_account(&self, through: Option<&RepoRef>) -> Result<Account, Fault> {
        if let Some(handed) = self.client.handed() {
            return self.account_of(handed).await;
        }
        let app: AppWire = self.client.send(&Call::get("app.get", Auth::App, "/app".to_owned())).await?.json()?;
        let auth = match through {
            Some(repo) => reading(repo),
            // The App's own token opens no user; a public account can be read without any where nothing is installed yet.
            None => self.installations().await?.first().map_or(Auth::Nobody, |first| Auth::Scope(listing(*first))),
        };
        let path = format!("/users/{}", encode(&format!("{}[bot]", app.slug)));
        let user: UserWire = self.client.send(&Call::get("users.get", auth, path)).await?.json()?;
        user.account().ok_or_else(|| Fault::garbled("users.get", "our own account has no number"))
    }

    /// `GET /app/installations`, suspended ones left out.
    async fn installations(&self) -> Result<Vec<InstallationId>, Fault> {
        let call = Call::get("app.installations", Auth::App, "/app/installations?per_page=100".to_owned());
        let all: Vec<InstallationWire> = self.client.pages(call).all().await?;
        Ok(all.iter().filter(|one| one.suspended_at.is_none()).map(|one| InstallationId::new(one.id)).collect())
    }

    /// `GET /installation/repositories` of each installation.
    pub(super) async fn installed_repositories(&self) -> Result<Vec<RepoRef>, Fault> {
        if let Some(handed) = self.client.handed() {
            return Ok(vec![self.repository_of(handed).await?]);
        }
        let mut repositories = Vec::new();
        for installation in self.installations().await? {
            match self.repositories_of(installation).await {
                Ok(found) => repositories.extend(found),
                // Suspended a moment ago, or closed to us: an operator sees it, the others go on.
                Err(fault) if fault.kind == ForgeErrorKind::Credentials => {
                    tracing::warn!(%installation, reason = fault.message, "an installation is left out");
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(repositories)
    }

    async fn repositories_of(&self, installation: InstallationId) -> Result<Vec<RepoRef>, Fault> {
        let operation = "installation.repositories";
        let auth = Auth::Scope(listing(installation));
        let mut pages =
            self.client.pages(Call::get(operation, auth, "/installation/repositories?per_page=100".to_owned()));
        let mut found: BTreeMap<u64, RepoRef> = BTreeMap::new();
        let mut total = 0;
        while let Some(page) = pages.next::<RepositoriesWire>().await? {
            total = page.total_count;
            for wire in page.repositories {
                let name =
                    RepoName::parse(&wire.full_name).map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
                found.insert(wire.id, RepoRef { id: RepoId::new(wire.id), name, installation });
            }
        }
        if (found.len() as u64) < total {
            let words = format!("{} of {total} repositories were listed", found.len());
            return Err(Fault::new(ForgeErrorKind::Later, operation, &words));
        }
        Ok(found.into_values().collect())
    }

    /// `GET /app/installations/{installation_id}`: what was granted there, and `GET /app/hook/config`.
    pub(super) async fn app_facts(&self, installation: InstallationId) -> Result<AppFacts, Fault> {
        let GrantedWire { permissions, events } = self.installed_as(installation).await?;
        let call = Call::get("app.hook", Auth::App, "/app/hook/config".to_owned());
        let wire: HookWire = self.client.send(&call).await?.json()?;
        let url = wire.url.unwrap_or_default();
        let insecure = wire.insecure_ssl.is_some_and(|word| word == "1" || word == 1);
        let hook = Hook {
            has_address: !url.is_empty(),
            https: url.starts_with("https://"),
            content_type: wire.content_type.unwrap_or_default(),
            checks_certificates: !insecure,
            has_secret: wire.secret.is_some_and(|masked| !masked.is_empty()),
        };
        Ok(AppFacts { permissions, events, hook })
    }

    /// Permissions that were granted to an installation.
    pub(super) async fn granted(&self, installation: InstallationId) -> Result<BTreeMap<String, String>, Fault> {
        // what a handed token may do it does not tell
        if self.client.handed().is_some() {
            return Ok(BTreeMap::new());
        }
        Ok(self.installed_as(installation).await?.permissions)
    }

    async fn installed_as(&self, installation: InstallationId) -> Result<GrantedWire, Fault> {
        let call = Call::get("app.installation", Auth::App, format!("/app/installations/{installation}"));
        self.client.send(&call).await?.json()
    }

    /// `GET /app/hook/deliveries`, grouped by delivery: those without any success since then, newest first.
    pub(super) async fn deliveries_without_success(&self, since: Timestamp) -> Result<Vec<FailedDelivery>, Fault> {
        // nothing is delivered to a token
        if self.client.handed().is_some() {
            return Ok(Vec::new());
        }
        let operation = "app.deliveries";
        let call = Call::get(operation, Auth::App, "/app/hook/deliveries?per_page=100".to_owned());
        let mut pages = self.client.pages(call);
        let (mut failed, mut seen, mut succeeded) = (Vec::<FailedDelivery>::new(), BTreeSet::new(), BTreeSet::new());
        'pages: for _ in 0..DELIVERY_PAGES {
            let Some(page) = pages.next::<Vec<DeliveryWire>>().await? else { break };
            for wire in page {
                let at = Timestamp::parse(&wire.delivered_at)
                    .map_err(|fault| Fault::garbled(operation, &fault.to_string()))?;
                if at < since {
                    break 'pages;
                }
                let Ok(delivery) = DeliveryId::parse(&wire.guid) else { continue };
                if wire.status_code.is_some_and(|code| (200..300).contains(&code)) {
                    succeeded.insert(delivery);
                } else if seen.insert(delivery.clone()) {
                    failed.push(FailedDelivery { attempt: wire.id, delivery });
                }
            }
        }
        failed.retain(|one| !succeeded.contains(&one.delivery));
        Ok(failed)
    }

    /// `POST /app/hook/deliveries/{delivery_id}/attempts`.
    pub(super) async fn ask_again(&self, delivery: &FailedDelivery) -> Result<(), Fault> {
        let path = format!("/app/hook/deliveries/{}/attempts", delivery.attempt);
        let call = Call::write("app.redeliver", Auth::App, Method::POST, path, json!({}));
        self.client.send(&call).await.map(|_| ())
    }
}

fn listing(installation: InstallationId) -> Scope {
    Scope { installation, repository: None, purpose: Purpose::List }
}
