//! The stand-in from outside: over HTTP, with real git, with a real receiver of webhooks.

#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

mod apps;
mod environments;
mod faults;
mod git;
mod graphql;
mod manifest;
mod pulls;
mod rest;
mod serve;
mod tour;
mod webhooks;
