//! Nothing of what is secret was seen by anybody it was not meant for.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::values::SECRETS;
use crate::faces::demo::world::World;

/// Files of the server's folder that hold secrets because they were put there.
const GIVEN: [&str; 4] = ["app.pem", "webhook-secret", "ledger.pem", "hook-secret"];

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &World) -> Result<(), Stop> {
    stage.act(
        "Silence",
        "Every secret value, every token and every private key of this demo, looked for in all that the server wrote and sent.",
    );
    let credentials = world.credentials();
    let values = SECRETS.iter().map(|value| ("secret value".to_owned(), *value));
    let needles: Vec<(String, &str)> = credentials.iter().cloned().chain(values).collect();
    let since = Instant::now();
    let mut files = Vec::new();
    if let Some(server) = &world.server {
        collect(&server.dir, &mut files).map_err(|error| Stop::machine("the server's folder cannot be read", error))?;
    }
    let pems = [("key of the App", world.app.private_key_pem.clone()), ("key of the ledger", ledger_key(world)?)];
    let bodies = pems.iter().filter_map(|(what, pem)| Some(((*what).to_owned(), pem.lines().nth(1)?)));
    let in_files: Vec<_> =
        needles.iter().cloned().chain(bodies).chain([("token of the App".to_owned(), "ghs_")]).collect();
    for (name, bytes) in &files {
        search(name, bytes, &in_files)?;
    }
    stage.holds(&format!("{} files of the server: log, database, clones", files.len()), since);
    let since = Instant::now();
    let journal = world.sim.journal();
    let ours = journal.entries().iter().filter(|entry| matches!(entry.actor, "app" | "installation"));
    let mut calls = 0;
    for entry in ours {
        calls += 1;
        let text = format!("{}?{} {} {}", entry.path, entry.query, entry.request_body, entry.response_body);
        search(&format!("call {} {}", entry.method, entry.path), text.as_bytes(), &needles)?;
    }
    stage.holds(&format!("{calls} calls to GitHub: pull requests, comments, checks"), since);
    stage.check(
        "every call was one that GitHub knows, with what GitHub wants in it",
        world.sim.violations().is_empty(),
        || world.sim.violations().iter().map(|violation| violation.text.clone()).collect::<Vec<_>>().join("\n"),
    )
}

/// What zoe made and gave to the server.
fn ledger_key(world: &World) -> Result<String, Stop> {
    let path = world.machine.root.join("zoe/ledger.pem");
    fs::read_to_string(path).map_err(|error| Stop::machine("the ledger's key is gone", error))
}

fn search(place: &str, bytes: &[u8], needles: &[(String, &str)]) -> Result<(), Stop> {
    let text = String::from_utf8_lossy(bytes);
    for (what, needle) in needles {
        if text.contains(needle) {
            return Err(Stop::unmet(format!("no {what} in {place}"), "one is there (not shown)"));
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if !GIVEN.contains(&name.as_str()) {
            // a file of the database or a clone may be gone by now
            if let Ok(bytes) = fs::read(entry.path()) {
                files.push((name, bytes));
            }
        }
    }
    Ok(())
}
