//! The same operations through the library, in this process and on one thread: what is left without a process per file.
//!
//! Never measures the making of the files.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sops_file::{Format, OpenOptions, OpenedDocument, RecipientEdit, SealedDocument, Value, diff, open};

use crate::desk::{Desk, now};

/// An operation over all files of a desk.
pub(crate) type Operation = fn(&Desk, &[String]) -> Duration;

pub(crate) fn timed(work: impl FnOnce()) -> Duration {
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
