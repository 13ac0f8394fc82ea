//! Sets one text in a sealed document: `SOPS_AGE_KEY=… cargo run --example set -- FILE KEY < VALUE`
//!
//! Never touches another line than those of the value, the time and the MAC. The new document goes to standard output.
#![expect(
    clippy::disallowed_methods,
    reason = "an example does the input and output that the library leaves to others"
)]

use std::io::{Read as _, Write as _};

use sops_file::{Format, Identities, KeyPath, OpenOptions, SealedDocument, Value, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (path, key) = args.next().zip(args.next()).ok_or("usage: set FILE KEY < VALUE")?;
    let key: KeyPath = key.parse()?;
    let mut value = String::new();
    std::io::stdin().read_to_string(&mut value)?;
    let identities = Identities::parse(&std::env::var("SOPS_AGE_KEY")?)?;
    let sealed = SealedDocument::parse(&std::fs::read(&path)?, Format::of_path(&path))?;
    let mut opened = open(&sealed, &identities, OpenOptions::default())?;
    opened.set(&key, &Value::text(value.trim_end_matches('\n')))?;
    std::io::stdout().write_all(&opened.reseal(jiff::Timestamp::now())?)?;
    Ok(())
}
