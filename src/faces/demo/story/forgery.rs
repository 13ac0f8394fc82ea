//! Somebody forges, on a copy of the repository where nothing stops a push: an approval that never was, and a history that was
//! otherwise. `verify` tells both.

use countersign_core::ledger::{RawLink, SigningKey};

use super::{Memory, forging};
use crate::faces::demo::desk::{Desk, Shown};
use crate::faces::demo::record::Record;
use crate::faces::demo::stage::{Stage, Stop};
use crate::faces::demo::values;
use crate::faces::demo::world::{LEDGER, World};

/// Exit code of `verify` when something is not covered or not valid.
const UNVERIFIED: i32 = 14;

/// Plays it.
pub(super) fn play(stage: &mut Stage, world: &mut World, memory: &Memory) -> Result<(), Stop> {
    stage.act(
        "Forgeries",
        "**mallory** got hold of a key that opens the secrets and offers a mirror of the repository, where no rule of GitHub stops a \
         push. What mallory lacks is the key that signs the ledger.",
    );
    let address = world.address(&world.mallory);
    world.mallory.types(stage, &["git", "clone", "-q", "--bare", &address, "mirror.git"], Shown::Nothing)?;
    world.mallory.types(stage, &["git", "clone", "-q", "mirror.git", "work"], Shown::Nothing)?;
    world.mallory.enter("work");
    let record = Record::read(&world.mallory.path("."), &format!("refs/remotes/origin/{LEDGER}"), &memory.fingerprint)?;
    on_top(stage, world, (&record.links, memory))?;
    rewritten(stage, world, (&record.links, memory))
}

/// A change nobody approved, and an entry that says somebody did.
fn on_top(stage: &mut Stage, world: &mut World, (links, memory): (&[RawLink], &Memory)) -> Result<(), Stop> {
    stage.say("First forgery: another password on main, and on top of the ledger an entry that says it was approved and merged.");
    let mallory = &world.mallory;
    let set = ["countersign", "set", "-e", "production", "db.password", "--stdin"];
    mallory.feeds(stage, &set, ("mine", values::PRODUCTION))?;
    mallory.types(stage, &["git", "commit", "-qam", "Merge pull request #3"], Shown::Nothing)?;
    let commit = mallory.quietly(stage, &["git", "rev-parse", "HEAD"], b"")?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Stop::machine("the system gave no random bytes", error))?;
    let entry = forging::on_top(links, commit.trim(), &SigningKey::from_randomness(&seed))?;
    let tip = links.last().map(|link| link.commit.to_string()).unwrap_or_default();
    let forged = committed(stage, mallory, (&tip, "merge: change 3"), &entry)?;
    mallory.quietly(stage, &["git", "tag", "forged", &forged], b"")?;
    stage.does("mallory", "writes the next entry of the ledger, signed with another key, and tags it `forged`");
    mallory.types(stage, &["git", "push", "origin", "main", &format!("forged:refs/heads/{LEDGER}")], Shown::Moves)?;
    let said = judged(stage, world, ("with-an-entry-on-top", memory))?;
    let what = "verify names the entry on top as signed by nobody, and production as not approved";
    let named = said.contains("ledger-junk") && said.contains(short(&forged));
    let told = named && said.contains("✗ production") && said.contains("not approved");
    stage.check(what, told, || said.clone())
}

/// The same ledger with one approver exchanged in the middle, everything after it put back on top.
fn rewritten(stage: &mut Stage, world: &mut World, (links, memory): (&[RawLink], &Memory)) -> Result<(), Stop> {
    let (at, entry) = forging::rewritten(links, "mallory")?;
    let label = format!("L-{}", at + 1);
    stage.say(&format!(
        "Second forgery: main as it was, and a ledger rewritten from {label} on, where the decision about production names \
         mallory instead of ann."
    ));
    let mallory = &world.mallory;
    let mut tip = links.get(at.saturating_sub(1)).map(|link| link.commit.to_string()).unwrap_or_default();
    let mut first = None;
    for (number, link) in links.iter().enumerate().skip(at) {
        let bytes = if number == at { entry.as_slice() } else { link.envelope.as_deref().unwrap_or_default() };
        let subject = mallory.quietly(stage, &["git", "log", "-1", "--format=%s", link.commit.as_str()], b"")?;
        tip = committed(stage, mallory, (&tip, subject.trim()), bytes)?;
        first.get_or_insert_with(|| tip.clone());
    }
    let first = first.unwrap_or_default();
    mallory.quietly(stage, &["git", "tag", "-f", "forged", &tip], b"")?;
    stage.does("mallory", &format!("rewrites {label} and puts every later entry back on top, tagged `forged`"));
    let ledger = format!("forged:refs/heads/{LEDGER}");
    mallory.types(stage, &["git", "push", "--force", "origin", "HEAD~1:refs/heads/main", &ledger], Shown::Moves)?;
    let said = judged(stage, world, ("rewritten", memory))?;
    let what = "verify names the rewritten entry, and vouches for nothing under such a ledger";
    let named = said.contains("ledger-signature") && said.contains(short(&first));
    let told = named && said.contains("the ledger is not valid") && !said.contains('✔');
    stage.check(what, told, || said.clone())
}

/// As commits are shown.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// A commit with one entry, as the ledger has them.
fn committed(stage: &Stage, who: &Desk, (parent, subject): (&str, &str), entry: &[u8]) -> Result<String, Stop> {
    let one = |words: &[&str], input: &[u8]| who.quietly(stage, words, input).map(|out| out.trim().to_owned());
    let blob = one(&["git", "hash-object", "-w", "--stdin"], entry)?;
    let tree = one(&["git", "mktree"], format!("100644 blob {blob}\tentry.json\n").as_bytes())?;
    one(&["git", "commit-tree", &tree, "-p", parent, "-m", subject], b"")
}

/// What ivy learns about the mirror from a clone of it.
fn judged(stage: &mut Stage, world: &mut World, (folder, memory): (&str, &Memory)) -> Result<String, Stop> {
    world.ivy.enter("");
    world.ivy.types(stage, &["git", "clone", "-q", "../mallory/mirror.git", folder], Shown::Nothing)?;
    world.ivy.enter(folder);
    let verify = ["countersign", "verify", "--trust", &memory.fingerprint];
    let said = world.ivy.types_for(stage, &verify, Shown::All, UNVERIFIED)?;
    stage.holds("it ends with 14: not verified", std::time::Instant::now());
    Ok(anstream::adapter::strip_str(&format!("{}{}", said.out, said.err)).to_string())
}
