//! Everything the stand-in knows apart from Git objects, behind one lock.
//!
//! Functions here are GitHub's behaviour: the REST and GraphQL faces and the people of a test call
//! the same ones. They never know who asked over which wire.

pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod apps;
pub(crate) mod checks;
pub(crate) mod comments;
pub(crate) mod deployments;
pub(crate) mod environments;
pub(crate) mod gates;
pub(crate) mod emit;
pub(crate) mod landed;
pub(crate) mod manifests;
pub(crate) mod merge;
pub(crate) mod pulls;
pub(crate) mod queue;
pub(crate) mod repos;
pub(crate) mod reviews;
pub(crate) mod rules;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::webhooks::Deliveries;

use accounts::{Account, Team};
use apps::{AppRecord, Installation, Token};
use manifests::Registered;
use repos::Repo;

/// The whole state.
pub(crate) struct State {
    pub(crate) clock: Clock,
    ids: Ids,
    /// Base address without a trailing slash.
    pub(crate) base: String,
    /// Directory of the bare repositories.
    pub(crate) root: PathBuf,
    pub(crate) accounts: BTreeMap<u64, Account>,
    pub(crate) teams: BTreeMap<u64, Team>,
    /// Members of organisations: (organisation, person) to "is owner".
    pub(crate) members: BTreeMap<(u64, u64), bool>,
    pub(crate) apps: BTreeMap<u64, AppRecord>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    /// Apps that were registered on the pages and whose credentials were not fetched yet, by code.
    pub(crate) registered: BTreeMap<String, Registered>,
    /// Who is signed in where the pages are looked at.
    pub(crate) signed_in: Option<u64>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) repos: BTreeMap<u64, Repo>,
    /// Former full names in lower case, to the repository.
    pub(crate) former_names: BTreeMap<String, u64>,
    pub(crate) rates: BTreeMap<String, Rate>,
    pub(crate) rate_limit: u64,
    pub(crate) mergeable_polls: u32,
    pub(crate) long_tokens: bool,
    pub(crate) caps: Caps,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) deliveries: Deliveries,
}

/// Where GitHub stops listing. Smaller numbers make the corners quick to test.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    /// Files of a pull request, 3000 on GitHub.
    pub pull_files: usize,
    /// Files of a comparison, 300 on GitHub.
    pub compare_files: usize,
    /// Commits of a pull request, 250 on GitHub.
    pub pull_commits: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { pull_files: 3000, compare_files: 300, pull_commits: 250 }
    }
}

/// Requests of one credential in the current hour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) used: u64,
    pub(crate) reset: Timestamp,
}

/// Numeric ids. Those of people, repositories and Apps are small; those of pull requests, reviews
/// and comments do not fit 32 bits, as on GitHub.
#[derive(Debug)]
struct Ids {
    small: u64,
    big: u64,
}

impl State {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            clock: Clock::default(),
            ids: Ids { small: 1000, big: 3_000_000_000 },
            base: String::new(),
            root,
            accounts: BTreeMap::new(),
            teams: BTreeMap::new(),
            members: BTreeMap::new(),
            apps: BTreeMap::new(),
            installations: BTreeMap::new(),
            registered: BTreeMap::new(),
            signed_in: None,
            tokens: BTreeMap::new(),
            repos: BTreeMap::new(),
            former_names: BTreeMap::new(),
            rates: BTreeMap::new(),
            rate_limit: 5000,
            mergeable_polls: 0,
            long_tokens: false,
            caps: Caps::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            deliveries: Deliveries::default(),
        }
    }

    /// A new small id.
    pub(crate) fn small_id(&mut self) -> u64 {
        self.ids.small += 1;
        self.ids.small
    }

    /// A new id beyond 32 bits.
    pub(crate) fn big_id(&mut self) -> u64 {
        self.ids.big += 1;
        self.ids.big
    }

    /// Now, on the stand-in's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
