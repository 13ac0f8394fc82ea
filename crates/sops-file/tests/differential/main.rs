//! This library beside the real `sops` program, on generated documents, both ways and in turns.
//!
//! Every document follows from a number: a failure names it, and `COUNTERSIGN_TEST_SOPS_SEED=N` plays it again.
//! `COUNTERSIGN_TEST_SOPS_DOCUMENTS` says how many there are (default 60; CI takes 2,000). Skipped,
//! loudly, where `sops` is not on the PATH; `COUNTERSIGN_TEST_REQUIRE_ALL=1` makes that a failure.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test that starts a program and draws numbers"
)]

mod compare;
mod generate;
mod model;
mod rng;
mod sops;
mod turns;
mod vectors;
mod write;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sops_file::{Format, seal};

use crate::model::Case;
use crate::rng::Rng;
use crate::sops::Sops;

#[derive(Default)]
struct Figures {
    by_format: BTreeMap<Format, usize>,
    values: usize,
    turns: turns::Done,
    started: usize,
    failures: Vec<u64>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

#[test]
fn generated_documents_mean_the_same_to_both_programs() {
    if !sops::is_there() {
        return;
    }
    let begun = Instant::now();
    let seeds = match number("COUNTERSIGN_TEST_SOPS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("COUNTERSIGN_TEST_SOPS_DOCUMENTS").unwrap_or(60),
    };
    let (next, figures) = (AtomicU64::new(seeds.start), Mutex::new(Figures::default()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut sops = Sops::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || figures.lock().unwrap().failures.len() >= 12 {
                        break;
                    }
                    one(seed, &mut sops, &figures);
                }
                figures.lock().unwrap().started += sops.started;
            });
        }
    });
    let figures = figures.into_inner().unwrap();
    let formats: Vec<_> = figures.by_format.iter().map(|(format, count)| format!("{format} {count}")).collect();
    eprintln!(
        "{} documents ({}) with {} values, each sealed by both and opened by the other; then {} turns of ours and {} of sops; \
         sops was started {} times; {:.0} s",
        figures.by_format.values().sum::<usize>(),
        formats.join(", "),
        figures.values,
        figures.turns.ours,
        figures.turns.theirs,
        figures.started,
        begun.elapsed().as_secs_f64(),
    );
    assert!(figures.failures.is_empty(), "these documents differ, see above: {:?}", figures.failures);
}

fn one(seed: u64, sops: &mut Sops, figures: &Mutex<Figures>) {
    let case = generate::case(seed);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare_case(seed, &case, sops)));
    let outcome = outcome.unwrap_or_else(|_| Err("it panicked".to_owned()));
    let mut figures = figures.lock().unwrap();
    *figures.by_format.entry(case.format).or_default() += 1;
    figures.values += case.seen().len();
    match outcome {
        Ok(done) => {
            figures.turns.ours += done.ours;
            figures.turns.theirs += done.theirs;
        }
        Err(fault) => {
            let source = String::from_utf8_lossy(&case.bytes);
            let setting = case.setting.map_or("none".to_owned(), |(name, value)| format!("{name}: {value}"));
            let fault = format!("{}, setting {setting}: {fault}\n--- source\n{source}", case.format);
            // At once: a long run that is ended has still said what it found.
            eprintln!("=== COUNTERSIGN_TEST_SOPS_SEED={seed}\n{fault}\n");
            figures.failures.push(seed);
        }
    }
}

fn compare_case(seed: u64, case: &Case, sops: &mut Sops) -> Result<turns::Done, String> {
    let rng = &mut Rng::new(seed ^ 0x7475_726e);
    sops.lenient = false;
    let ours = seal(&case.bytes, case.format, &compare::options(case), compare::now())
        .map_err(|fault| format!("ours cannot seal it: {fault}"))?;
    compare::both_see(case, &ours, sops, rng)
        .map_err(|fault| format!("sealed here: {fault}\n{}", String::from_utf8_lossy(&ours)))?;
    let theirs = sops.encrypt(case)?;
    let mut opened = compare::open_ours(&theirs, case.format, false);
    // Only what sops itself cannot open again of its comments excuses one that does not open here.
    if opened.is_err() && !sops.opens_its_comments(&theirs, case.format) {
        opened = compare::open_ours(&theirs, case.format, true);
    }
    let opened = opened.map_err(|fault| format!("sealed by sops: {fault}\n{}", String::from_utf8_lossy(&theirs)))?;
    if case.format == Format::Binary {
        let plain = opened.to_plain().map_err(|fault| fault.to_string())?;
        if plain.as_slice() != case.bytes {
            return Err("sealed by sops: the bytes differ".to_owned());
        }
    } else {
        compare::same("sealed by sops", &compare::seen_ours(&opened), &case.seen())?;
        compare::same_are_sealed(&ours, &theirs, case)?;
    }
    if rng.chance(50) {
        return turns::play(case, ours, sops, rng, false);
    }
    let mut again = rng.clone();
    turns::play(case, theirs.clone(), sops, rng, false).or_else(|fault| {
        if sops.opens_its_comments(&theirs, case.format) {
            return Err(fault);
        }
        turns::play(case, theirs, sops, &mut again, true)
    })
}
