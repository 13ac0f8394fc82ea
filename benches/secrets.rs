//! Reading a sealed file: our program beside `sops`, both as whole processes on the same file, in one run, as a ratio.
//!
//! `cargo bench --bench secrets`. Without `sops` on the PATH it says so and measures ours alone. Figures depend on the machine; the
//! ratio is what counts.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sops_file::{Format, Identities, SealOptions, seal};

/// Runs of each program; they take turns, so that a noisy moment hits both.
const RUNS: usize = 15;

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let reader = Identities::generate();
    let key = dir.path().join("age.txt");
    std::fs::write(&key, reader.expose().as_bytes()).expect("written");
    let to: Vec<String> = reader.recipients().map(str::to_owned).collect();
    let sops = Command::new("sops").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !sops {
        println!("sops is not on the PATH: nothing to compare with, ours is measured alone");
    }
    for keys in [10, 1_000] {
        let plain: String = (0..keys).map(|n| format!("key_{n}: value number {n}\n")).collect();
        let now = jiff::Timestamp::from_second(1_780_000_000).expect("an instant");
        let sealed = seal(plain.as_bytes(), Format::Yaml, &SealOptions::to(to.clone()), now).expect("sealed");
        let file = dir.path().join(format!("{keys}.yaml"));
        std::fs::write(&file, sealed).expect("written");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(timed(env!("CARGO_BIN_EXE_countersign"), "decrypt", &file, &key));
            if sops {
                theirs.push(timed("sops", "decrypt", &file, &key));
            }
        }
        let ours = median(ours);
        print!("decrypt, {keys} values: countersign {:.1} ms", ours.as_secs_f64() * 1e3);
        if sops {
            let theirs = median(theirs);
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            print!(" · sops {:.1} ms · sops takes {ratio:.1} times as long", theirs.as_secs_f64() * 1e3);
        }
        println!();
    }
}

fn timed(program: &str, verb: &str, file: &Path, key: &Path) -> Duration {
    let begun = Instant::now();
    let status = Command::new(program).arg(verb).arg(file).env("SOPS_AGE_KEY_FILE", key).stdout(Stdio::null()).status();
    assert!(status.expect("it runs").success(), "{program} {verb} failed");
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
