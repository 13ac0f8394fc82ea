//! Three-way merges: vectors that the real sops wrote, a table of cases, and generated edits against a plain model.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod cases;
mod desk;
mod formats;
mod model;
mod random;
mod vectors;
