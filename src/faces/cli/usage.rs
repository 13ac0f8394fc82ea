//! Arguments that cannot be read: what clap says, in our form, without repeating what may be a secret.

use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ErrorKind};

use crate::faces::exit::{Exit, Report};

const HELP_WITHOUT_ARGUMENTS: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
const SET: &str = "`countersign set FILE KEY` asks for the value; put quotes around a value with spaces, and `--` before one that \
    begins with `-`";

/// Prints help, the version, or the fault, and says how to end.
pub(super) fn end(error: &Error, words: &[OsString]) -> Exit {
    let kind = error.kind();
    if kind == ErrorKind::DisplayHelp || kind == ErrorKind::DisplayVersion {
        // There is nowhere to tell that help cannot be printed.
        let _ = error.print();
        return Exit::FINE;
    }
    let may_hold_a_value = is_set(words) && !is_nearly_a_flag(error) && kind != HELP_WITHOUT_ARGUMENTS;
    if may_hold_a_value {
        Report::usage("the arguments of `set` cannot be read (they are not repeated here: one may be a secret)")
            .help(SET)
            .print(wants_json(words));
    } else if wants_json(words) {
        Report::usage(sentence(error)).help("see `countersign help`").print(true);
    } else {
        let _ = error.print();
    }
    Exit::USAGE
}

fn wants_json(words: &[OsString]) -> bool {
    words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json")
}

fn is_set(words: &[OsString]) -> bool {
    words.iter().skip(1).find(|word| *word != "--json").is_some_and(|word| word == "set")
}

/// Whether the fault is about a word that is nearly a flag of ours: a value would not be.
fn is_nearly_a_flag(error: &Error) -> bool {
    error.get(ContextKind::SuggestedArg).is_some() && error.get(ContextKind::InvalidValue).is_none()
}

/// The first sentence of what clap says, without its styles.
fn sentence(error: &Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.trim().trim_start_matches("error: ").to_owned()
}
