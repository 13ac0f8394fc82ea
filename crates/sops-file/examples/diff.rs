//! Says what changed between two versions of a sealed document, without any key: `cargo run --example diff -- OLD NEW`
//!
//! Never shows a value, sealed or open: only keys, and what happened to them.
#![expect(
    clippy::disallowed_methods,
    reason = "an example does the input and output that the library leaves to others"
)]

use sops_file::{Format, SealedDocument, diff};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (old, new) = args.next().zip(args.next()).ok_or("usage: diff OLD NEW")?;
    let read = |path: &str| -> Result<SealedDocument, Box<dyn std::error::Error>> {
        Ok(SealedDocument::parse(&std::fs::read(path)?, Format::of_path(path))?)
    };
    let diff = diff::keyless(Some(&read(&old)?), Some(&read(&new)?));
    println!("{}", serde_json::to_string_pretty(&diff)?);
    Ok(())
}
