//! The figures as a Markdown table, and its place in the README.
//!
//! Never rounds a ratio up.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::bound::Bare;

const BEGIN: &str = "<!-- bench: secrets -->";
const END: &str = "<!-- end of bench: secrets -->";

pub(crate) struct Row {
    what: String,
    library: Duration,
    ours: Duration,
    theirs: Option<Duration>,
}

impl Row {
    pub(crate) fn new(what: &str, library: Duration, ours: Duration, theirs: Option<Duration>) -> Self {
        Self { what: what.to_owned(), library, ours, theirs }
    }
}

pub(crate) struct Table {
    files: usize,
    rows: Vec<Row>,
    pub(crate) bare: Option<Bare>,
}

impl Table {
    pub(crate) fn new(files: usize) -> Self {
        Self { files, rows: Vec::new(), bare: None }
    }

    pub(crate) fn push(&mut self, row: Row) {
        println!("measured: {}", row.what);
        self.rows.push(row);
    }

    pub(crate) fn markdown(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut out = format!(
            "{} files of 20 values, one reader, {cores} cores; sops takes one file per call.\n\n\
             | | sops | countersign | ratio | library, one thread |\n| --- | ---: | ---: | ---: | ---: |\n",
            self.files
        );
        for row in &self.rows {
            let (theirs, ratio) = match row.theirs {
                Some(theirs) => (shown(theirs), times(theirs, row.ours)),
                None => ("–".to_owned(), "–".to_owned()),
            };
            let _ =
                writeln!(out, "| {} | {theirs} | {} | {ratio} | {} |", row.what, shown(row.ours), shown(row.library));
        }
        if let Some(bare) = &self.bare {
            self.say_bound(bare, &mut out);
        }
        out
    }

    /// How far we are from what nobody can go below.
    fn say_bound(&self, bare: &Bare, out: &mut String) {
        let above = bare.open.as_secs_f64() / bare.x25519.as_secs_f64();
        let _ = write!(
            out,
            "\nOpening one such file takes {}, MAC checked; {} with a single value; the two X25519 multiplications that age \
             asks for take {} of it (all: {above:.2} times these).\n",
            shown(bare.open),
            shown(bare.one_value),
            shown(bare.x25519),
        );
        let cores = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
        let files = u32::try_from(self.files).unwrap_or(1);
        let pairs = |count: u32| shown(bare.x25519 * count * files / cores);
        let empty = bare.process * files;
        let _ = write!(
            out,
            "\nNobody can go below this, measured in the same run: `rotate` multiplies three such pairs for each file (to open it, to \
             wrap the new key, to open what was written), {} on these cores, and `updatekeys` two, {}; putting {files} files \
             in the place of the old ones, each synced and renamed, takes {} before anything is computed; {files} processes \
             that do nothing take {}",
            pairs(3),
            pairs(2),
            shown(bare.stored),
            shown(empty),
        );
        let set = self.rows.iter().find(|row| row.what.contains("a process per file")).and_then(|row| row.theirs);
        let _ = match set {
            Some(theirs) => writeln!(out, ", so that `set` could be {} as fast as sops at most.", times(theirs, empty)),
            None => writeln!(out, "."),
        };
    }
}

fn shown(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

fn times(theirs: Duration, ours: Duration) -> String {
    format!("{:.0}×", (theirs.as_secs_f64() / ours.as_secs_f64()).floor())
}

/// Puts the table between its markers.
pub(crate) fn put_into(readme: &Path, table: &str) {
    let text = std::fs::read_to_string(readme).expect("the README");
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        panic!("README.md has no `{BEGIN}` followed by `{END}`: put both where the table is to stand");
    };
    std::fs::write(readme, format!("{before}{BEGIN}\n{table}{END}{after}")).expect("written");
}
