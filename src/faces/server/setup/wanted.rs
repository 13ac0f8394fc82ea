//! What the person fills in, and the manifest that comes of it.

use std::collections::BTreeSet;

use countersign_core::guard::{PERMISSIONS, registration};
use serde_json::{Value, json};
use url::Url;

use super::guard::field;

/// GitHub's limit for the name of an App.
const LONGEST_NAME: usize = 34;
/// GitHub's limit for the name of an account.
const LONGEST_LOGIN: usize = 39;

/// The fields of the first page.
#[derive(Default)]
pub(super) struct Wanted {
    /// Where GitHub reaches the server.
    pub(super) address: String,
    /// Who will own the App; empty: whoever registers it.
    pub(super) organization: String,
    /// Permissions that not everybody needs.
    pub(super) also: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn of(form: &str) -> Self {
        let text = |name| field(form, name).unwrap_or_default().trim().to_owned();
        let ticked = |name: &str| field(form, &format!("also-{name}")).is_some();
        Self {
            address: text("address"),
            organization: text("organization"),
            also: PERMISSIONS
                .iter()
                .filter(|one| !one.always && ticked(one.name))
                .map(|one| one.name.to_owned())
                .collect(),
        }
    }

    /// What GitHub is asked for, or what is wrong with the fields. `host` is where the browser finds this page.
    pub(super) fn manifest(&self, host: &str) -> Result<Value, String> {
        let address = self.public_address()?;
        let is_login = |text: &str| {
            text.len() <= LONGEST_LOGIN
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !is_login(&self.organization) {
            return Err("An organization's name has letters, digits and hyphens: as in github.com/NAME.".to_owned());
        }
        let (permissions, events) = registration(&self.also);
        let name = format!("countersign {}", self.organization);
        Ok(json!({
            "name": name.trim().chars().take(LONGEST_NAME).collect::<String>(),
            "url": address,
            "description": "Counts the approvals of changes to secrets, and merges what was approved.",
            "hook_attributes": {"url": format!("{address}/webhooks/github"), "active": true},
            "redirect_url": format!("http://{host}/setup/created"),
            "public": false,
            "default_permissions": permissions,
            "default_events": events,
        }))
    }

    fn public_address(&self) -> Result<String, String> {
        let url = Url::parse(&self.address).ok().filter(|url| {
            url.scheme() == "https"
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let url = url.ok_or("The address is one GitHub can reach, such as https://countersign.example.com.")?;
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Where GitHub takes the manifest.
    pub(super) fn target(&self, github: &str, state: &str) -> String {
        if self.organization.is_empty() {
            format!("{github}/settings/apps/new?state={state}")
        } else {
            format!("{github}/organizations/{}/settings/apps/new?state={state}", self.organization)
        }
    }
}
