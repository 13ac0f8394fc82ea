//! `man`, and what `--help` says below the flags: an example and the exit codes of each command, from one list.
//!
//! Everything else is read off the arguments as they are parsed, so no page can promise a flag that is not there.

mod entries;
mod markdown;

use std::path::Path;

use clap::{Command, CommandFactory as _};
use serde_json::json;

use self::entries::{ENTRIES, EXITS, Entry};
use super::args::{Arguments, ManArgs};
use super::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// The commands, each with its example and its exit codes.
pub(super) fn command() -> Command {
    let mut command = Arguments::command().after_help(format!(
        "Each command has its own help, with an example and its exit codes: `countersign help COMMAND`.\n\n{}",
        exits(&[0, 1, 2, 10, 11, 12, 13, 14, 51, 100, 128, 200])
    ));
    for entry in &ENTRIES {
        let after = format!("Example:\n  {}\n\n{}", entry.example, ends(entry));
        command = match entry.name.split_once(' ') {
            None => command.mut_subcommand(entry.name, |inner| inner.after_help(after)),
            Some((outer, inner)) => {
                command.mut_subcommand(outer, |outer| outer.mut_subcommand(inner, |inner| inner.after_help(after)))
            }
        };
    }
    command
}

fn ends(entry: &Entry) -> String {
    let child = if entry.name == "run" { "\nOnce the command runs, its own code." } else { "" };
    exits(entry.exits) + child
}

fn exits(numbers: &[u8]) -> String {
    let words = EXITS.iter().filter(|(number, _)| numbers.contains(number));
    let words: Vec<_> = words.map(|(number, words)| format!("{number} {words}")).collect();
    format!("Exit codes: {}", words.join(" · "))
}

/// Prints a page, or writes all.
pub(super) fn run(args: &ManArgs, json: bool) -> Outcome {
    if args.markdown {
        return output::raw(markdown::page().as_bytes());
    }
    let mut all = command();
    all.build();
    let Some(directory) = &args.directory else { return output::raw(&page(&all)?) };
    std::fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error))?;
    let mut names = Vec::new();
    write(&all, directory, &mut names)?;
    if json {
        return output::json(&json!({"version": 1, "directory": directory.display().to_string(), "pages": names}));
    }
    output::tell(format!("{} written to {}", output::count(names.len(), "page"), directory.display()));
    Ok(Exit::FINE)
}

fn write(command: &Command, directory: &Path, names: &mut Vec<String>) -> Result<(), Report> {
    let name = clap_mangen::Man::new(command.clone()).get_filename();
    let path = directory.join(&name);
    std::fs::write(&path, page(command)?).map_err(|error| unwritten(&path, &error))?;
    names.push(name);
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        write(inner, directory, names)?;
    }
    Ok(())
}

/// A page for `man`; of the year it is built in it says nothing, so that it is the same each time.
fn page(command: &Command) -> Result<Vec<u8>, Report> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).manual("countersign").date("");
    man.render(&mut page).map_err(|error| Report::failed("the page cannot be made", &error))?;
    Ok(page)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Report {
    Report::failed(format!("`{}` cannot be written", path.display()), error).help("name a directory you may write to")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all commands that do something.
    fn leaves(command: &Command, above: &str, names: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let name = format!("{above}{}", inner.get_name());
            if inner.has_subcommands() {
                leaves(inner, &format!("{name} "), names);
            } else {
                names.push(name);
            }
        }
    }

    #[test]
    fn every_command_has_an_entry_and_every_entry_a_command() {
        let mut names = Vec::new();
        leaves(&Arguments::command(), "", &mut names);
        let mut known: Vec<String> = ENTRIES.iter().map(|entry| entry.name.to_owned()).collect();
        names.sort();
        known.sort();
        assert_eq!(names, known);
    }

    #[test]
    fn every_example_is_understood() {
        for entry in &ENTRIES {
            let words = shlex::split(entry.example).expect("words");
            let parsed = Arguments::command().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{}: {}", entry.example, parsed.expect_err("refused"));
            let is_of_it = entry.example.starts_with(&format!("countersign {}", entry.name));
            assert!(is_of_it, "{}: {}", entry.name, entry.example);
        }
    }

    #[test]
    fn every_number_has_words() {
        for number in ENTRIES.iter().flat_map(|entry| entry.exits) {
            assert!(EXITS.iter().any(|(known, _)| known == number), "{number}");
        }
    }
}
