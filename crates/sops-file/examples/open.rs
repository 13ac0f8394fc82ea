//! Prints the values of a sealed document: `SOPS_AGE_KEY=AGE-SECRET-KEY-1… cargo run --example open -- FILE`
//!
//! Never prints anything of a document whose MAC is wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "an example does the input and output that the library leaves to others"
)]

use sops_file::{Format, Identities, OpenOptions, SealedDocument, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: open FILE")?;
    let identities = Identities::parse(&std::env::var("SOPS_AGE_KEY")?)?;
    let sealed = SealedDocument::parse(&std::fs::read(&path)?, Format::of_path(&path))?;
    let opened = open(&sealed, &identities, OpenOptions::default())?;
    for (document, key, value) in opened.values() {
        println!("{document} {key} = {}", String::from_utf8_lossy(&value.bytes()));
    }
    Ok(())
}
