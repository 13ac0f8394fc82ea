//! Which comments are commands (R14 to R16, scenarios 44 to 48).

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::domain::{Environment, Login, Oid, TargetName};

const SHA: &str = "8be0d4470fe3c0b1c6a1ffb0d7a5f6d1a2b3c4d5";

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
        "Look at `this`:\n/cs sync",
        "/cs sync\nas *said*",
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
        "/countersign-sync",
        "/css sync",
        "/countersigned",
        "/countersigned sync",
        "/countersign-sync now",
        "/counters sync",
        "/retest",
        "/approve",
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
        "~~old\n/countersign sync\nold~~",
        "x[^1]\n\n[^1]: note\n/countersign sync",
        "> a\n>\n> b\n/countersign sync",
        "/retest now\ncountersign sync",
    ] {
        assert_eq!(read(body), Read::Nothing, "{body:?}");
    }
}

#[test]
fn what_stands_with_its_comment_is_read_by_its_grammar() {
    let oid = || Oid::parse(SHA).unwrap();
    let cases = [
        (format!("/countersign approve {SHA}"), Spoken::Approve(oid())),
        (format!("/cs  approve\t{} ", SHA.to_uppercase()), Spoken::Approve(oid())),
        (
            format!("/cs approve {SHA}{}", &SHA[..24]),
            Spoken::Approve(Oid::parse(&format!("{SHA}{}", &SHA[..24])).unwrap()),
        ),
        ("/cs reject".to_owned(), Spoken::Reject),
        ("/cs reject \"the old one is still in use\"".to_owned(), Spoken::Reject),
        ("/cs unapprove".to_owned(), Spoken::Withdraw),
        ("/cs waive @cy".to_owned(), Spoken::Waive(Login::parse("cy").unwrap())),
        ("/cs pause".to_owned(), Spoken::Pause(None)),
        ("/cs pause \"after  the freeze\"".to_owned(), Spoken::Pause(Some("after the freeze".to_owned()))),
        ("/cs unpause".to_owned(), Spoken::Unpause),
    ];
    for (body, expected) in cases {
        assert_eq!(spoken(&body), Some(expected), "{body}");
    }
    for body in [
        "/cs sync",
        "/cs merge",
        "/cs recheck",
        "/cs help",
        "/cs status",
        "/cs explain",
        "/cs explain @bob",
        "/cs approve",
        "hello",
    ] {
        assert_eq!(spoken(body), None, "{body}");
    }
}

#[test]
fn r16_a_part_of_a_commit_id_is_no_commit() {
    let short = [&SHA[..7], &SHA[..12], &SHA[..39], "HEAD", "main", "0000000000000000000000000000000000000000"];
    for sha in short {
        let Read::Unclear { verb, help, .. } = read(&format!("/cs approve {sha}")) else { panic!("{sha}") };
        assert_eq!((verb, help.as_str()), (Some(Verb::Approve), "write `/countersign approve <full sha>`"), "{sha}");
    }
    for body in ["/cs approve", "/cs approve for sure", &format!("/cs approve {SHA} please")] {
        assert!(matches!(read(body), Read::Unclear { verb: Some(Verb::Approve), .. }), "{body}");
    }
}

#[test]
fn what_is_meant_for_us_and_cannot_be_read_is_answered() {
    let cases = [
        ("/cs", "`/countersign help` lists them"),
        ("/cs snyc", "did you mean `/countersign sync [target]`?"),
        ("/countersign aprove", "did you mean `/countersign approve <full sha>`?"),
        ("/cs Reject", "did you mean `/countersign reject [reason]`?"),
        ("/cs frobnicate", "`/countersign help` lists the commands"),
        ("/cs approve-all", "`/countersign help` lists the commands"),
        ("/cs sync hook other", "write `/countersign sync`, `sync hook` or `sync production/hook`"),
        ("/cs sync Hook!", "write `/countersign sync`, `sync hook` or `sync production/hook`"),
        ("/cs waive", "write `/countersign waive @user`"),
        ("/cs waive cy", "write `/countersign waive @user`"),
        ("/cs waive @cy @dee", "write `/countersign waive @user`"),
        ("/cs merge now", "write `/countersign merge`"),
        ("/cs sync\n/cs sync hook", "write a comment for each"),
        ("/cs merge\n\n/cs reject", "write a comment for each"),
    ];
    for (body, expected) in cases {
        let Read::Unclear { help, .. } = read(body) else { panic!("{body}") };
        assert_eq!(help, expected, "{body}");
    }
}

#[test]
fn r15_a_slip_in_the_prefix_is_hinted_at_and_never_done() {
    for body in [
        "/countersing approve",
        "/coutnersign aprove",
        "//countersign approve",
        "/Countersign approve",
        "／countersign approve",
        "/сountersign approve",
        "/counter\u{200b}sign approve",
        "/countersign\u{a0}approve",
    ] {
        let Read::Unclear { verb: None, help, .. } = read(body) else { panic!("{body:?}") };
        assert_eq!(help, "did you mean `/countersign approve <full sha>`?", "{body:?}");
    }
}

#[test]
fn a_hint_that_a_comment_could_hold_a_command_misses_none() {
    for body in ["/cs sync", "a\r\n/cs sync", "x\n\n/countersing merge", "／countersign sync"] {
        assert!(may_hold_one(body), "{body:?}");
    }
    for body in ["", "see /countersign", "> /cs sync", "    /cs sync"] {
        assert!(!may_hold_one(body), "{body:?}");
    }
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
fn a_bypass_names_the_whole_head_and_a_reason() {
    let head = "8be0d4470fe3c0b1c6a1ffb0d7a5f6d1a2b3c4d5";
    let said = |reason: &str| {
        let reason = reason.to_owned();
        Read::Command(Command::Spoken(Spoken::Bypass { head: Oid::parse(head).unwrap(), reason }))
    };
    assert_eq!(read(&format!("/countersign bypass {head} \"the database is down\"")), said("the database is down"));
    assert_eq!(read(&format!("/cs bypass {} it burns", head.to_uppercase())), said("it burns"));
    for line in
        ["bypass", "bypass 8be0d44 \"now\"", &format!("bypass {head}"), &format!("bypass {head} \"\""), "bypass now"]
    {
        let found = read(&format!("/countersign {line}"));
        assert!(matches!(&found, Read::Unclear { verb: Some(Verb::Bypass), .. }), "{line}: {found:?}");
    }
    assert_eq!(read("/cs ratify"), Read::Command(Command::Spoken(Spoken::Ratify)));
    assert!(matches!(read("/cs ratify now"), Read::Unclear { verb: Some(Verb::Ratify), .. }));
    assert!(!Spoken::Ratify.restrains(), "it ends with its comment");
    let bare = Spoken::Bypass { head: Oid::parse(head).unwrap(), reason: String::new() };
    assert_eq!(command_of(&said("a secret word")).bare(), bare, "free words are not remembered");
}

fn command_of(read: &Read) -> Spoken {
    let Read::Command(Command::Spoken(spoken)) = read else { panic!("{read:?}") };
    spoken.clone()
}

#[test]
fn the_table_is_complete_and_every_example_is_what_it_says() {
    assert_eq!(Verb::ALL.len(), 16);
    for verb in Verb::ALL {
        let entry = verb.entry();
        assert!(!entry.who.is_empty() && !entry.help.is_empty());
        let Read::Command(command) = read(entry.example) else { panic!("{}", entry.example) };
        assert_eq!(command.verb(), *verb);
        assert_eq!(verb.is_served(), command != Command::NotYet(*verb));
    }
    let later: Vec<&str> = Verb::ALL.iter().filter(|verb| !verb.is_served()).map(|verb| verb.word()).collect();
    assert_eq!(later, ["rollback", "access"]);
}

#[test]
fn r18_only_what_makes_things_stricter_outlives_its_comment() {
    let commit = || Oid::parse(SHA).unwrap();
    for (word, restrains) in [
        (Spoken::Reject, true),
        (Spoken::Withdraw, true),
        (Spoken::Pause(None), true),
        (Spoken::Approve(commit()), false),
        (Spoken::Waive(Login::parse("cy").unwrap()), false),
        (Spoken::Unpause, false),
        (Spoken::Bypass { head: commit(), reason: String::new() }, false),
        (Spoken::Ratify, false),
    ] {
        assert_eq!(word.restrains(), restrains, "{word:?}");
    }
}

#[test]
fn a_slip_is_answered_with_the_verb_that_is_near_and_a_part_of_a_commit_with_why_it_is_none() {
    let told = |body: &str| match read(body) {
        Read::Unclear { why, help, .. } => (why, help),
        Read::Nothing | Read::Command(_) => panic!("{body}"),
    };
    let meant = |verb: &str| format!("did you mean `/countersign {verb}`?");
    // one slip in three letters
    assert_eq!(told("/cs rehcekc").1, meant("recheck"));
    assert_eq!(told("/cs hepl").1, meant("help"));
    assert_eq!(told("/cs helyz").1, "`/countersign help` lists the commands");
    let part = "a part of a commit's name can be forged, so the whole of it is needed";
    assert_eq!(told(&format!("/cs approve {}", &SHA[..12])).0, part);
    assert_eq!(told("/cs approve HEAD").0, "that is no commit");
}

#[test]
fn three_verbs_only_ask_and_each_says_under_which_requests_it_belongs() {
    let asking: Vec<_> = Verb::ALL.iter().filter(|verb| verb.only_asks()).map(|verb| verb.word()).collect();
    assert_eq!(asking, ["explain", "status", "help"]);
    for (verb, words) in
        [(Verb::Approve, "an open request"), (Verb::Ratify, "a merged request"), (Verb::Explain, "a request")]
    {
        assert_eq!(verb.entry().ground.words(), words, "{}", verb.word());
    }
}
