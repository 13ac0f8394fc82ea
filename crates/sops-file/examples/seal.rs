//! Seals a plain document for some recipients: `cargo run --example seal -- FILE RECIPIENT…`
//!
//! Never changes the file: the sealed document goes to standard output.
#![expect(
    clippy::disallowed_methods,
    reason = "an example does the input and output that the library leaves to others"
)]

use std::io::Write as _;

use sops_file::{Format, SealOptions, seal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: seal FILE RECIPIENT…")?;
    let options = SealOptions::to(args);
    let sealed = seal(&std::fs::read(&path)?, Format::of_path(&path), &options, jiff::Timestamp::now())?;
    std::io::stdout().write_all(&sealed)?;
    Ok(())
}
