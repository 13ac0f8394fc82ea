//! What nobody can go below, measured in the same run: the arithmetic that the age format asks for, storing files so that they
//! survive a loss of power, and starting a process.
//!
//! Never measures anything of ours, but for the two figures of [`Bare`] that are set beside them.

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sops_file::{Format, Identities, OpenOptions, SealOptions, SealedDocument, open, seal};
use x25519_dalek::{EphemeralSecret, PublicKey, StaticSecret};

use crate::desk::{Desk, now};
use crate::library::timed;

/// As many as the command line has for two cores.
const WRITERS: usize = 16;
/// Processes that do nothing.
const PROCESSES: u32 = 100;

/// The costs of one file, of all files, and of one process.
pub(crate) struct Bare {
    /// Two scalar multiplications: what opening a stanza takes, and what making one takes.
    pub(crate) x25519: Duration,
    /// Opening a file of one value, age included.
    pub(crate) one_value: Duration,
    /// Reading, opening and checking a file of 20 values.
    pub(crate) open: Duration,
    /// Putting every file in the place of the old one: beside it, synced, renamed.
    pub(crate) stored: Duration,
    /// Starting a program that does nothing.
    pub(crate) process: Duration,
}

/// Measures them; of the arithmetic the means over so many files.
pub(crate) fn bare(desk: &Desk) -> Bare {
    let names = desk.names();
    let files = names.len();
    let identities = Identities::generate();
    let options = SealOptions::to(identities.recipients());
    let make = |values: usize| -> Vec<Vec<u8>> {
        let plain: String = (0..values).map(|value| format!("key_{value}: value {value}\n")).collect();
        (0..files).map(|_| seal(plain.as_bytes(), Format::Yaml, &options, now()).expect("sealed")).collect()
    };
    let open_all = |files: &[Vec<u8>]| {
        for bytes in files {
            let sealed = SealedDocument::parse(bytes, Format::Yaml).expect("read");
            black_box(open(&sealed, &identities, OpenOptions::default()).expect("opened"));
        }
    };
    let (small, usual) = (make(1), make(20));
    let secret = StaticSecret::random();
    let others: Vec<PublicKey> = (0..files).map(|_| PublicKey::from(&EphemeralSecret::random())).collect();
    let multiply = || {
        for other in &others {
            black_box((secret.diffie_hellman(other), PublicKey::from(&secret)));
        }
    };
    // The best of several: a noisy moment hits none of them alone.
    let best = |work: &dyn Fn()| (0..5).map(|_| timed(work)).min().unwrap_or_default();
    let mean = |took: Duration| took / u32::try_from(files).unwrap_or(1);
    Bare {
        x25519: mean(best(&multiply)),
        one_value: mean(best(&|| open_all(&small))),
        open: mean(best(&|| open_all(&usual))),
        stored: best(&|| store_all(desk, &names)),
        process: best(&nothing) / PROCESSES,
    }
}

fn store_all(desk: &Desk, names: &[String]) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let bytes = desk.read(name);
                    let mut fresh = tempfile::NamedTempFile::new_in(desk.folder()).expect("a file");
                    fresh.write_all(&bytes).expect("written");
                    fresh.as_file().sync_all().expect("synced");
                    fresh.persist(desk.folder().join(name)).expect("in its place");
                }
            });
        }
    });
}

fn nothing() {
    for _ in 0..PROCESSES {
        let mut nothing = Command::new("true");
        nothing.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        assert!(nothing.output().expect("it runs").status.success());
    }
}
