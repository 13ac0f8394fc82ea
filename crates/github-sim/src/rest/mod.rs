//! The REST face: which operation a request means, whether the caller may, and paging.
//!
//! Operations are data; a resource file lists its own. GitHub's behaviour is in `state`.

pub(crate) mod ctx;
pub(crate) mod known;
pub(crate) mod op;
pub(crate) mod reply;

mod actions;
mod admin;
mod apps;
mod branches;
mod checks;
mod commits;
mod contents;
mod deployments;
mod environments;
mod gate;
mod git_data;
mod hooks;
mod issues;
mod merge;
mod meta;
mod orgs;
mod pulls;
mod repos;
mod reviews;
mod rulesets;
mod runs;
mod statuses;

use op::{Op, Params};

pub(crate) use gate::{Routed, carry_out};
pub(crate) use merge::method as merge_method;

/// Every operation, in the order routes are tried.
const TABLES: &[&[Op]] = &[
    admin::OPS,
    apps::OPS,
    hooks::OPS,
    repos::OPS,
    meta::OPS,
    orgs::OPS,
    reviews::OPS,
    merge::OPS,
    pulls::OPS,
    issues::OPS,
    checks::OPS,
    statuses::OPS,
    deployments::OPS,
    environments::OPS,
    actions::OPS,
    runs::OPS,
    rulesets::OPS,
    branches::OPS,
    git_data::OPS,
    contents::OPS,
    commits::OPS,
];

/// The operation a method and a path mean.
pub(crate) fn route(method: &str, path: &str) -> Option<(&'static Op, Params)> {
    let segments: Vec<String> = path.split('/').skip(1).map(ctx::decode).collect();
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .filter(|op| op.method == method)
        .find_map(|op| op.fits(&segments).map(|params| (op, params)))
}
