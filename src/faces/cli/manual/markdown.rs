//! The manual as one page of Markdown: `docs/cli.md`.

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use super::command;

const HEAD: &str = "# The command line

Made from the program by `countersign man --markdown`; a test keeps it so. `countersign man DIR` writes the same as pages for `man`.

Every command takes `--json`: output, and errors on standard error, for machines. Values of secrets are never arguments one must give.
What the verbs on documents do is shown in [secrets.md](secrets.md).
";

/// The whole page.
pub(super) fn page() -> String {
    let mut all = command();
    all.build();
    let mut page = String::from(HEAD);
    sections(&all, "countersign", &mut page);
    page
}

fn sections(command: &Command, above: &str, page: &mut String) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let name = format!("{above} {}", inner.get_name());
        if inner.has_subcommands() {
            sections(inner, &name, page);
        } else {
            section(inner, &name, page);
        }
    }
}

fn section(command: &Command, name: &str, page: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage: ").lines().map(str::trim_start).collect();
    *page += &format!("\n## {name}\n\n{about}.\n\n```sh\n{}\n```\n\n", usage.join("\n"));
    let own = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version" | "json") && !arg.is_hide_set();
    for arg in command.get_arguments().filter(own) {
        *page += &line(arg);
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut parts = after.splitn(2, "\n\n");
    let example = parts.next().and_then(|text| text.strip_prefix("Example:\n  ")).unwrap_or_default();
    let gap = if page.ends_with("\n\n") { "" } else { "\n" };
    *page += &format!("{gap}Example: `{example}`\n\n{}\n", parts.next().unwrap_or_default());
}

fn line(arg: &Arg) -> String {
    let names: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = if arg.get_action().takes_values() { names.join(" ") } else { String::new() };
    let flags: Vec<String> =
        [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))]
            .into_iter()
            .flatten()
            .collect();
    let shown = match (flags.is_empty(), value.is_empty()) {
        (true, _) => value,
        (false, true) => flags.join(", "),
        (false, false) => format!("{} {value}", flags.join(", ")),
    };
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.replace("\n\n", " ").replace('\n', " ");
    let mut text = format!("- `{shown}`: {}.", help.trim_end_matches('.'));
    let choices = arg.get_possible_values();
    let choices: Vec<String> = choices.iter().filter(|_| arg.get_action().takes_values()).map(choice).collect();
    if !choices.is_empty() {
        text += &format!(" One of {}.", choices.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        text += &format!(" Default: `{}`.", defaults.join(" "));
    }
    text + "\n"
}

fn choice(value: &PossibleValue) -> String {
    format!("`{}`", value.get_name())
}
