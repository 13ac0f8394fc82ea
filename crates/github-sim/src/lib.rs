//! GitHub on loopback: a faithful stand-in for tests and demonstrations.
//!
//! One listener serves REST (`/` and `/api/v3`), GraphQL (`/graphql` and `/api/graphql`) and git
//! (`/{owner}/{repo}.git`, real bare repositories behind `git http-backend`), and sends signed
//! webhooks. Tokens, permissions, roles, rules, paging, conditional requests and quotas behave as on
//! GitHub; what GitHub has and this has not answers 501, what GitHub has not either answers 404 and is
//! recorded in [`Sim::violations`].
//!
//! It knows nothing of the programs that are tested against it, and it never sleeps unless a dial says
//! so.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use github_sim::{AppConfig, Level, Push, Role, Sim, SimConfig, Verdict};
//!
//! let sim = Sim::start(SimConfig::default()).await?;
//! let (alice, bob) = (sim.user("alice"), sim.user("bob"));
//! let acme = sim.org("acme");
//! let repo = sim.repo("acme/app", "main")?;
//! repo.role(&alice, Some(Role::Write)).role(&bob, Some(Role::Write));
//! let app = sim.app(
//!     AppConfig::new("gate", &[("contents", Level::Write)], &["push"])
//!         .webhook("http://127.0.0.1:8080/webhooks/github", "secret"),
//! );
//! app.install(&acme, &[&repo]);
//! repo.push(&alice, Push::to("main").file("README.md", "hello\n"))?;
//! repo.push(&alice, Push::to("topic").file("README.md", "hello, world\n"))?;
//! let pull = repo.open_pull(&alice, "Greet the world", "topic", "main")?;
//! repo.review(&bob, pull, Verdict::Approve, None)?;
//! sim.settle().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod auth;
mod bare;
mod cast;
mod clock;
mod delivery_faults;
mod dress;
mod dump;
mod error;
mod faults;
mod git;
mod git_http;
mod graphql;
mod jobs;
mod journal;
mod keys;
mod look;
mod oidc;
mod people;
mod pkt;
mod push;
mod push_rules;
mod quota;
mod render;
mod rest;
mod seed;
mod settings;
mod server;
mod sim;
mod state;
mod web;
mod webhooks;

pub use access::{Level, Role};
pub use cast::{App, AppConfig, Installation, Org, Repo, Team, User};
pub use delivery_faults::DeliveryFault;
pub use error::Refusal;
pub use faults::Fault;
pub use jobs::GateSaid;
pub use journal::{Entry, Excerpt, Mark, Violation, ViolationKind};
pub use push::Push;
pub use seed::{Seed, SeedError};
pub use sim::{Sim, SimConfig};
pub use state::Caps;
pub use state::accounts::Membership;
pub use state::reviews::Verdict;
pub use webhooks::Delivery;
