//! Which comments are commands (R14 to R16, scenarios 44 to 48).

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::domain::{Environment, TargetName};

fn sync() -> Read {
    Read::Command(Command::Sync { environment: None, target: None })
}

fn target(environment: Option<&str>, target: &str) -> Read {
    let environment = environment.map(|name| Environment::parse(name).unwrap());
    Read::Command(Command::Sync { environment, target: Some(TargetName::parse(target).unwrap()) })
}

#[test]
fn a_command_is_a_line_of_its_own_in_plain_text() {
    for body in [
        "/countersign sync",
        "/cs sync",
        "/countersign\tsync \t",
        "Please:\n/countersign sync\r\nThank you.",
        "Please.\r\n\r\n/cs sync\r\n",
        "> what was said\n\n/cs sync",
        "```\n/cs bypass\n```\n/cs sync",
    ] {
        assert_eq!(read(body), sync(), "{body:?}");
    }
    assert_eq!(read("/cs sync hook"), target(None, "hook"));
    assert_eq!(read("/cs sync production/hook"), target(Some("production"), "hook"));
}

#[test]
fn what_only_looks_like_a_command_is_none() {
    for body in [
        "",
        "sync",
        "please /countersign sync",
        " /countersign sync",
        "   /countersign sync",
        "    /countersign sync",
        "//countersign sync",
        "/countersigned sync",
        "/countersign-sync",
        "/css sync",
        "/Countersign sync",
        "／countersign sync",
        "/сountersign sync",
        "/counter\u{200b}sign sync",
        "/countersign\u{a0}sync",
        "> /countersign sync",
        "> quoted\n/countersign sync",
        "```\n/countersign sync\n```",
        "~~~\n/countersign sync\n~~~",
        "`/countersign sync`",
        "- /countersign sync",
        "1. /countersign sync",
        "# /countersign sync",
        "/countersign sync\n===",
        "<details>\n/countersign sync\n</details>",
        "<!--\n/countersign sync\n-->",
        "<b>bold</b> text\n<i>\n/countersign sync</i>\n`x\n/countersign sync`",
        "[a\n/countersign sync](https://example.com)",
        "[x]: https://example.com '\n/countersign sync'",
        "| a |\n|---|\n/countersign sync",
    ] {
        assert_eq!(read(body), Read::Nothing, "{body:?}");
    }
}

#[test]
fn what_is_meant_for_us_and_cannot_be_read_is_answered() {
    let cases = [
        ("/cs", "write `/countersign sync`, for instance"),
        ("/cs snyc", "did you mean `/countersign sync`?"),
        ("/cs frobnicate", "the commands are in docs/syncs.md"),
        ("/cs sync hook other", "write `/countersign sync`, `sync hook` or `sync production/hook`"),
        ("/cs sync Hook!", "write `/countersign sync`, `sync hook` or `sync production/hook`"),
        ("/cs sync\n/cs sync hook", "write a comment for each"),
    ];
    for (body, expected) in cases {
        let Read::Unclear { help, .. } = read(body) else { panic!("{body}") };
        assert_eq!(help, expected, "{body}");
    }
    assert!(matches!(read("/cs approve abc"), Read::Command(Command::NotYet(Verb::Approve))));
}

#[test]
fn a_long_comment_is_read_in_bounded_time() {
    let many = "/countersign sync\n".repeat(10_000);
    assert!(matches!(read(&many), Read::Unclear { .. }));
    let last = format!("{}\n\n/countersign sync", "word ".repeat(13_000));
    assert_eq!(read(&last), sync());
    assert_eq!(read(&format!("{}/countersign sync", "> ".repeat(30_000))), Read::Nothing);
}

#[test]
fn the_table_is_complete() {
    assert_eq!(Verb::ALL.len(), 16);
    for verb in Verb::ALL {
        assert!(!verb.who().is_empty() && !verb.place().is_empty() && !verb.help().is_empty());
    }
    assert_eq!(Verb::ALL.iter().filter(|verb| verb.is_served()).count(), 1);
}
