//! Countersign beside the real `sops`, in one run, on the same files.
//!
//! `cargo bench --bench secrets -- [--quick] [--update-readme]`. Without `sops` on the PATH it says so and measures ours alone.
//! Figures depend on the machine; the ratios are what counts. `--quick` takes 100 files instead of 1,000 (and says so in the
//! table); `--update-readme` puts the table between its two markers in `README.md`.

mod bound;
mod desk;
mod library;
mod table;

use std::path::Path;
use std::time::Duration;

use crate::desk::Desk;
use crate::table::{Row, Table};

/// Values in each of the many files.
const VALUES: usize = 20;
/// Values in the one large file.
const MANY_VALUES: usize = 5_000;

fn main() {
    let flag = |name: &str| std::env::args().any(|argument| argument == name);
    let files = if flag("--quick") { 100 } else { 1_000 };
    let with_sops = Desk::has_sops();
    if !with_sops {
        println!("sops is not on the PATH: nothing to compare with, ours is measured alone");
    }
    let mut table = Table::new(files);
    many(&mut table, files, with_sops);
    large(&mut table, with_sops);
    let text = table.markdown();
    println!("{text}");
    if flag("--update-readme") {
        assert!(with_sops, "a table without sops is not put into the README");
        table::put_into(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), &text);
    }
}

/// Every operation over many files: one call of ours where it takes many, a process per file where it does not.
fn many(table: &mut Table, files: usize, with_sops: bool) {
    let desk = Desk::new(files, VALUES);
    let names = desk.names();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();

    let ours = desk.ours(&[&["decrypt", "-o", "plain"], all.as_slice()].concat());
    let theirs = with_sops.then(|| desk.for_each(&names, |desk, name| desk.sops(&["decrypt", name])));
    table.push(Row::new("decrypt", library::decrypt(&desk, &names), ours, theirs));

    desk.restore();
    let library = library::set(&desk, &names);
    desk.restore();
    let ours = desk.for_each(&names, |desk, name| desk.ours_with(&["set", name, "key_7", "-"], b"new"));
    desk.restore();
    let set = |desk: &Desk, name: &str| desk.sops(&["set", name, "[\"key_7\"]", "\"new\""]);
    let theirs = with_sops.then(|| desk.for_each(&names, set));
    table.push(Row::new("set one value (a process per file)", library, ours, theirs));

    desk.restore();
    let library = library::rotate(&desk, &names);
    let ours = desk.ours(&[&["rotate", "-i"], all.as_slice()].concat());
    desk.restore();
    let theirs = with_sops.then(|| desk.for_each(&names, |desk, name| desk.sops(&["rotate", "-i", name])));
    table.push(Row::new("rotate", library, ours, theirs));

    desk.restore();
    desk.add_reader();
    let library = library::updatekeys(&desk, &names);
    let ours = desk.ours(&[&["updatekeys", "-y"], all.as_slice()].concat());
    desk.restore();
    let theirs = with_sops.then(|| desk.for_each(&names, |desk, name| desk.sops(&["updatekeys", "-y", name])));
    table.push(Row::new("updatekeys, one reader more", library, ours, theirs));

    desk.restore();
    desk.commit_change();
    let library = library::diff(&desk, &names);
    let ours = desk.ours(&["diff", "--reveal", "HEAD~1", "HEAD", "--", "."]);
    let theirs = with_sops.then(|| desk.git_diff());
    table.push(Row::new("diff of two commits (git with `sops decrypt` as textconv)", library, ours, theirs));
    table.bare = Some(bound::bare(&desk));
}

/// The verbs on one file with many values; the median of a few runs, in turns.
fn large(table: &mut Table, with_sops: bool) {
    let desk = Desk::new(1, MANY_VALUES);
    let names = desk.names();
    let name = names[0].as_str();
    type Arguments<'a> = Vec<&'a str>;
    let cases: [(&str, Arguments<'_>, Arguments<'_>, library::Operation); 3] = [
        ("decrypt, 5,000 values in one file", vec!["decrypt", name], vec!["decrypt", name], library::decrypt),
        (
            "set, 5,000 values in one file",
            vec!["set", name, "key_7", "-"],
            vec!["set", name, "[\"key_7\"]", "\"new\""],
            library::set,
        ),
        ("rotate, 5,000 values in one file", vec!["rotate", "-i", name], vec!["rotate", "-i", name], library::rotate),
    ];
    for (what, ours, theirs, library) in cases {
        let (mut our_times, mut their_times, mut in_library) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..5 {
            desk.restore();
            our_times.push(desk.ours_with(&ours, b"new"));
            desk.restore();
            if with_sops {
                their_times.push(desk.sops(&theirs));
            }
            desk.restore();
            in_library.push(library(&desk, &names));
        }
        let theirs = with_sops.then(|| median(their_times));
        table.push(Row::new(what, median(in_library), median(our_times), theirs));
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
