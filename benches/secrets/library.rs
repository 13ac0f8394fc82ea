//! The same operations through the library, in this process and on one thread: what is left without a process per file.
//!
//! Never measures the making of the files.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sops_file::{
    Format, Identities, OpenOptions, OpenedDocument, RecipientEdit, SealOptions, SealedDocument, Value, diff, open,
    seal,
};
use x25519_dalek::{EphemeralSecret, PublicKey, StaticSecret};

use crate::desk::{Desk, now};

/// An operation over all files of a desk.
pub(crate) type Operation = fn(&Desk, &[String]) -> Duration;

/// What nobody can go below: the arithmetic of X25519 that opening a data key takes.
pub(crate) struct Bare {
    /// Two scalar multiplications, as the age format asks for.
    pub(crate) x25519: Duration,
    /// Opening a file of one value, age included.
    pub(crate) one_value: Duration,
    /// Reading, opening and checking a file of 20 values.
    pub(crate) open: Duration,
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn opened(desk: &Desk, bytes: &[u8]) -> OpenedDocument {
    let sealed = SealedDocument::parse(bytes, Format::Yaml).expect("read");
    open(&sealed, &desk.identities, OpenOptions::default()).expect("opened")
}

pub(crate) fn decrypt(desk: &Desk, names: &[String]) -> Duration {
    timed(|| {
        for name in names {
            black_box(opened(desk, &desk.read(name)).to_plain().expect("printed"));
        }
    })
}

fn change(desk: &Desk, names: &[String], each: impl Fn(&mut OpenedDocument)) -> Duration {
    timed(|| {
        for name in names {
            let mut document = opened(desk, &desk.read(name));
            each(&mut document);
            desk.write(name, &document.reseal(now()).expect("sealed"));
        }
    })
}

pub(crate) fn set(desk: &Desk, names: &[String]) -> Duration {
    let path = "key_7".parse().expect("a path");
    change(desk, names, |document| assert!(document.set(&path, &Value::text("new")).expect("set")))
}

pub(crate) fn rotate(desk: &Desk, names: &[String]) -> Duration {
    timed(|| {
        for name in names {
            let mut document = opened(desk, &desk.read(name));
            desk.write(name, &document.rotate_and_reseal(now()).expect("rotated"));
        }
    })
}

pub(crate) fn updatekeys(desk: &Desk, names: &[String]) -> Duration {
    let edit = RecipientEdit { add: vec![desk.second.clone()], remove: Vec::new() };
    let took = change(desk, names, |document| assert!(document.edit_recipients(&edit).expect("changed")));
    desk.restore();
    took
}

/// Both sides of every file, from disk: the old side is the file as it was sealed.
pub(crate) fn diff(desk: &Desk, names: &[String]) -> Duration {
    let new: Vec<_> = names.iter().map(|name| desk.read(name)).collect();
    let old: Vec<_> = names
        .iter()
        .map(|name| {
            let output = std::process::Command::new("git")
                .args(["show", &format!("HEAD~1:{name}")])
                .current_dir(desk.folder())
                .output();
            output.expect("git").stdout
        })
        .collect();
    timed(|| {
        for (old, new) in old.iter().zip(&new) {
            let (old, new) = (opened(desk, old), opened(desk, new));
            assert!(!black_box(diff::opened(Some(&old), Some(&new))).is_empty());
        }
    })
}

/// The cost of one file and of its parts, as means over so many files.
pub(crate) fn bare(files: usize) -> Bare {
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
    // In turns, the best of several: a noisy moment hits none of them alone.
    let best = |work: &dyn Fn()| (0..5).map(|_| timed(work)).min().unwrap_or_default();
    let mean = |took: Duration| took / u32::try_from(files).unwrap_or(1);
    Bare {
        x25519: mean(best(&multiply)),
        one_value: mean(best(&|| open_all(&small))),
        open: mean(best(&|| open_all(&usual))),
    }
}
