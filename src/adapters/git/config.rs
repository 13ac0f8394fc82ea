//! Where clones are kept, which server they come from, and how long and how much it may take.
//!
//! Holds no credentials: those are asked for at each transfer.

use std::path::PathBuf;
use std::time::Duration;

use countersign_core::domain::RepoName;
use reqwest::Url;
use thiserror::Error;

/// Settings of the Git adapter.
#[derive(Debug, Clone)]
pub struct GitConfig {
    /// Directory of ours; clones are below `repos/`.
    pub data_dir: PathBuf,
    /// Longest wait for a connection (5 s).
    pub connect_timeout: Duration,
    /// Longest silence of the remote (30 s).
    pub read_timeout: Duration,
    /// Longest fetch or push (10 min).
    pub transfer_deadline: Duration,
    /// Longest local operation (2 min).
    pub work_deadline: Duration,
    /// Largest pack received, in bytes (2 GiB).
    pub pack_limit: u64,
    base: Url,
}

/// The server's address cannot be used for Git.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the Git server's address {0}\nhelp: set COUNTERSIGN_GITHUB_URL to something like `https://github.com`")]
pub struct InvalidGitConfig(&'static str);

impl GitConfig {
    /// The usual settings for a server such as `https://github.com`.
    ///
    /// # Errors
    /// When the address is no `http(s)` URL, or carries a login, a query or a fragment.
    pub fn new(data_dir: impl Into<PathBuf>, server: &str) -> Result<Self, InvalidGitConfig> {
        let base = Url::parse(server).map_err(|_| InvalidGitConfig("is no URL"))?;
        let plain = base.username().is_empty() && base.password().is_none();
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(InvalidGitConfig("is neither http nor https"));
        }
        if !plain || base.query().is_some() || base.fragment().is_some() {
            return Err(InvalidGitConfig("carries a login, a query or a fragment"));
        }
        Ok(Self {
            data_dir: data_dir.into(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            transfer_deadline: Duration::from_secs(600),
            work_deadline: Duration::from_secs(120),
            pack_limit: 2 << 30,
            base,
        })
    }

    /// Address of a repository at the server.
    pub(super) fn address(&self, name: &RepoName) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}/{}/{}.git", url.path().trim_end_matches('/'), name.owner(), name.name());
        url.set_path(&path);
        url
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_surplus_is_refused() {
        for bad in
            ["", "github.com", "ssh://github.com", "https://token@github.com", "https://github.com?x=1", "file:///x"]
        {
            assert!(GitConfig::new("data", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_is_below_the_server() {
        let name = RepoName::parse("acme/app.x").unwrap();
        for (server, expected) in [
            ("https://github.com", "https://github.com/acme/app.x.git"),
            ("http://127.0.0.1:8080/git/", "http://127.0.0.1:8080/git/acme/app.x.git"),
        ] {
            assert_eq!(GitConfig::new("data", server).unwrap().address(&name).as_str(), expected);
        }
    }
}
