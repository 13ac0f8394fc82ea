//! The documentation, held against the code: links, paths, reasons, settings, commands, metrics, words.
//!
//! Judges no style. `COUNTERSIGN_UPDATE_DOCS=1` writes the page of reasons anew instead of comparing it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::faces::config::Key;
use countersign::faces::wire::StepCluster;
use countersign_core::decision::Reason;
use countersign_core::event::command::Verb;
use countersign_core::ledger::ProblemCode;

/// Variables named in documents that are no settings of the server.
const OTHER_VARIABLES: &[&str] = &["COUNTERSIGN_CRASH_AT", "COUNTERSIGN_UPDATE_DOCS"];

/// What stands in repositories that are governed, not in this one.
const ELSEWHERE: &[&str] = &["secrets/", ".countersign/", ".sops.yaml", "entry.json", "refs/heads/"];

/// Commands that are written about before they are there. To be empty at a release.
const COMING: &[&str] = &[];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of this repository, relative to its root; what is built or downloaded left out.
fn files() -> Vec<String> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if matches!(name.as_str(), ".git" | "target" | "node_modules" | "countersign-data" | "fuzz") {
                continue;
            }
            if path.is_dir() {
                walk(&path, root, found);
            } else if let Ok(path) = path.strip_prefix(root) {
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The documents people read: Markdown outside of tests and templates.
fn documents() -> Vec<(String, String)> {
    let apart =
        |path: &String| ["templates/", "tests/"].iter().any(|dir| path.starts_with(dir)) || path.contains("/tests/");
    let prose = |path: &String| path.ends_with(".md") && !apart(path);
    files().into_iter().filter(prose).map(|path| (path.clone(), read(&path))).collect()
}

/// Texts between single backticks, outside of code blocks.
fn spans(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    prose.iter().flat_map(|part| part.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Lines of code blocks.
fn blocks(text: &str) -> Vec<String> {
    text.split("```").skip(1).step_by(2).flat_map(str::lines).map(|line| line.trim().to_owned()).collect()
}

/// Words made of these characters that begin with `prefix`.
fn words_with(text: &str, prefix: &str, fits: impl Fn(char) -> bool) -> BTreeSet<String> {
    let words = text.split(|c: char| !fits(c)).filter(|word| word.len() > prefix.len() && word.starts_with(prefix));
    words.map(str::to_owned).collect()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// GitHub's name for a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut faults = Vec::new();
    for (path, text) in documents() {
        let here = root().join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(&path) } else { here.join(file) };
            let found = target.exists() && {
                let text = fs::read_to_string(&target).unwrap_or_default();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                heading.is_empty()
                    || headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|it| it == heading)
            };
            if !found {
                faults.push(format!("{path}: `{link}` leads nowhere"));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_path_that_is_named_exists() {
    const ENDS: &[&str] = &[".rs", ".md", ".toml", ".yml", ".yaml", ".json", ".sql", ".sh", ".css", ".html", ".mjs"];
    let files = files();
    let exists = |name: &str| {
        let inside = format!("{}/", name.trim_end_matches('/'));
        let is_file = |path: &String| path == name || path.ends_with(&format!("/{name}"));
        files.iter().any(|path| is_file(path) || path.starts_with(&inside) || path.contains(&format!("/{inside}")))
    };
    let mut faults = Vec::new();
    // patterns and the paths they fit are examples
    for (path, text) in documents().into_iter().filter(|(path, _)| path != "docs/globs.md") {
        for name in spans(&text) {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) && !name.starts_with('/');
            let file = ENDS.iter().any(|end| name.ends_with(end) && name.len() > end.len());
            if !plain
                || !(file || name.ends_with('/'))
                || ELSEWHERE.iter().any(|known| name.contains(known))
                || name == "countersign/"
            {
                continue;
            }
            if !exists(&name) {
                faults.push(format!("{path}: there is no `{name}`"));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_page_of_reasons_is_what_the_code_says() {
    is_fresh("docs/reasons.md", &reasons());
}

#[test]
fn the_page_of_commands_is_what_the_table_of_verbs_says() {
    is_fresh("docs/commands.md", &commands());
}

#[test]
fn the_page_of_the_command_line_is_what_the_program_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(["man", "--markdown"]).output();
    let output = output.unwrap_or_else(|fault| panic!("countersign: {fault}"));
    is_fresh("docs/cli.md", &String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_page_of_diagnostics_is_what_the_list_of_codes_says() {
    let mut page = String::from(include_str!("documentation/diagnostics-head.md"));
    for code in countersign_core::policy::Code::ALL {
        let about = code.about();
        let sentence: String =
            about.chars().take(1).flat_map(char::to_uppercase).chain(about.chars().skip(1)).collect();
        let _ = write!(page, "\n### {code}\n\n**{}**: {}.\n", code.title(), sentence);
    }
    is_fresh("docs/diagnostics.md", &page);
}

/// `doctor`, the set-up and the page say the same of what the App needs.
#[test]
fn the_page_for_operators_has_every_permission_and_event_of_the_table() {
    use countersign_core::guard::{EVENTS, PERMISSIONS};
    let word = |always| if always { "needed" } else { "optional" };
    let permission = PERMISSIONS
        .iter()
        .map(|one| format!("| `{}: {}` | {} | {} |", one.name, one.level, one.what_for, word(one.always)));
    let event = EVENTS.iter().map(|one| format!("| `{}` | `{}` | {} |", one.name, one.permission, word(one.always)));
    let expected: Vec<String> = permission.chain(event).collect();
    let page = read("docs/operations.md");
    let section =
        page.split("\n## The GitHub App\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, expected);
}

/// Compares a page that is made from the code, or writes it anew.
fn is_fresh(name: &str, expected: &str) {
    let path = root().join(name);
    if std::env::var_os("COUNTERSIGN_UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, expected).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{name} is stale; COUNTERSIGN_UPDATE_DOCS=1 cargo test --test documentation writes it anew. It should be:\n{expected}"
    );
}

#[test]
fn every_code_of_a_closed_repository_is_documented() {
    let page = reasons();
    for path in files().iter().filter(|path| path.starts_with("src/engine/")) {
        for code in read(path).split("code: \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("| `{code}` |")), "{path}: `{code}` is not in docs/reasons.md");
        }
    }
}

#[test]
fn every_reason_of_a_delivery_is_documented() {
    let page = read("docs/syncs.md");
    for reason in countersign_core::sync::SyncReason::ALL {
        let row = format!("| `{}` | {} | {} |", reason.code(), reason.words(), reason.help());
        assert!(page.contains(&row), "docs/syncs.md lacks:\n{row}");
    }
    for state in countersign_core::domain::RunState::ALL {
        assert!(page.contains(&format!("| `{}` | ", state.word())), "{}", state.word());
    }
}

/// The page of commands.
fn commands() -> String {
    let mut page = String::from(include_str!("documentation/commands-head.md"));
    for verb in Verb::ALL.iter().filter(|verb| verb.is_served()) {
        let entry = verb.entry();
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", verb.usage(), entry.help, entry.who, entry.ground.words());
    }
    page.push_str(include_str!("documentation/commands-tail.md"));
    for verb in Verb::ALL {
        if let Some(instead) = verb.entry().instead {
            let _ = writeln!(page, "- `{}`: {instead}", verb.usage());
        }
    }
    page.push_str("\nExamples:\n\n```\n");
    for verb in Verb::ALL.iter().filter(|verb| verb.is_served()) {
        let _ = writeln!(page, "{}", verb.entry().example);
    }
    page.push_str("```\n");
    page.push_str(include_str!("documentation/commands-rules.md"));
    page
}

#[test]
fn every_finding_about_the_guard_is_documented() {
    let page = read("docs/guard.md");
    for reason in countersign_core::guard::GuardReason::ALL {
        let row =
            format!("| `{}` | {} | {} | {} |", reason.code(), reason.weight().word(), reason.words(), reason.help());
        assert!(page.contains(&row), "docs/guard.md lacks:\n{row}");
    }
}

/// The page of reasons.
fn reasons() -> String {
    let mut page = String::from(include_str!("documentation/reasons-head.md"));
    let mut row =
        |cells: [&str; 4]| _ = writeln!(page, "| `{}` | {} | {} | {} |", cells[0], cells[1], cells[2], cells[3]);
    for reason in Reason::ALL {
        row([reason.code(), reason.verdict().word(), reason.words(), reason.help()]);
    }
    page.push_str(include_str!("documentation/reasons-closed.md"));
    for problem in PROBLEMS {
        let _ = writeln!(page, "| `{}` | {} |", problem.as_str(), problem.help());
    }
    page
}

/// All problems of a ledger; `named` does not compile when one is missing here.
const PROBLEMS: [ProblemCode; 16] = [
    named(ProblemCode::Empty),
    named(ProblemCode::Root),
    named(ProblemCode::Junk),
    named(ProblemCode::Signature),
    named(ProblemCode::RetiredKey),
    named(ProblemCode::RevokedKey),
    named(ProblemCode::Malformed),
    named(ProblemCode::UnknownKind),
    named(ProblemCode::Foreign),
    named(ProblemCode::Gap),
    named(ProblemCode::Repeat),
    named(ProblemCode::Previous),
    named(ProblemCode::Contradiction),
    named(ProblemCode::Missing),
    named(ProblemCode::Replaced),
    named(ProblemCode::DecisionNotReproducible),
];

const fn named(code: ProblemCode) -> ProblemCode {
    match code {
        ProblemCode::Empty
        | ProblemCode::Root
        | ProblemCode::Junk
        | ProblemCode::Signature
        | ProblemCode::RetiredKey
        | ProblemCode::RevokedKey
        | ProblemCode::Malformed
        | ProblemCode::UnknownKind
        | ProblemCode::Foreign
        | ProblemCode::Gap
        | ProblemCode::Repeat
        | ProblemCode::Previous
        | ProblemCode::Contradiction
        | ProblemCode::Missing
        | ProblemCode::Replaced
        | ProblemCode::DecisionNotReproducible => code,
    }
}

#[test]
fn every_variable_that_is_named_is_a_setting_and_every_setting_is_documented() {
    let mut known: BTreeSet<String> = Key::ALL.iter().map(|key| key.variable()).collect();
    known.extend(Key::ALL.iter().filter(|key| key.is_secret()).map(|key| format!("{}_FILE", key.variable())));
    known.extend(OTHER_VARIABLES.iter().chain(&StepCluster::VARIABLES).map(ToString::to_string));
    let tests: String = files()
        .iter()
        .filter(|path| path.ends_with(".rs") && (path.starts_with("tests/") || path.contains("/tests/")))
        .map(|path| read(path))
        .collect();
    let mut faults = Vec::new();
    for (path, text) in documents() {
        let named = words_with(&text, "COUNTERSIGN_", |c| c.is_ascii_uppercase() || c == '_');
        let unread = named.difference(&known).filter(|name| !tests.contains(&format!("\"{name}\"")));
        faults.extend(unread.map(|name| format!("{path}: nothing reads `{name}`")));
    }
    let page = read("docs/syncs.md");
    let silent = StepCluster::VARIABLES.iter().filter(|name| !page.contains(&format!("`{name}`")));
    faults.extend(silent.map(|name| format!("docs/syncs.md: `{name}` is missing")));
    let page = read("docs/operations.md");
    for key in Key::ALL {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", key.variable()))).unwrap_or_default();
        let default = key.default().map_or_else(String::new, |default| format!("`{default}` |"));
        if row.is_empty() || !row.ends_with(&default) {
            faults.push(format!("docs/operations.md: `{}` is missing, or has another default", key.variable()));
        }
    }
    none(&faults);
}

#[test]
fn every_command_that_is_named_exists() {
    let verbs = verbs(&[]);
    let mut faults = Vec::new();
    for (path, text) in documents() {
        for line in spans(&text).into_iter().chain(blocks(&text)) {
            let line =
                line.strip_prefix("cargo run --release -- ").map_or(line.clone(), |rest| format!("countersign {rest}"));
            let mut words = line.split_whitespace();
            let (Some("countersign"), Some(verb)) = (words.next(), words.next()) else { continue };
            if COMING.contains(&verb)
                || verb.starts_with('-')
                || !verb.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            {
                continue;
            }
            let second = words.next().unwrap_or_default();
            let inner = if verb == "ledger" { self::verbs(&["ledger"]) } else { BTreeSet::new() };
            if !verbs.contains(verb) || (!inner.is_empty() && !second.is_empty() && !inner.contains(second)) {
                faults.push(format!("{path}: `{line}` is no command"));
            }
        }
    }
    none(&faults);
}

/// The commands that `countersign … --help` lists.
fn verbs(below: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(below).arg("--help").output();
    let help =
        String::from_utf8_lossy(&output.unwrap_or_else(|fault| panic!("countersign: {fault}")).stdout).into_owned();
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    lines
        .filter(|line| !line.starts_with("    "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn every_policy_that_is_shown_is_one() {
    let mut shown = vec![("templates/starter/policy.yaml".to_owned(), read("templates/starter/policy.yaml"))];
    for (path, text) in documents() {
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        shown.extend(
            blocks
                // cases of `policy test` have a version too; they are tried where they are read
                .filter(|block| block.starts_with("version: 1") && !block.contains("\ncases:"))
                .map(|block| (path.clone(), block.to_owned())),
        );
    }
    assert!(shown.len() > 2, "README.md and docs/policy.md show one each");
    for (path, text) in shown {
        let faults = countersign_core::policy::parse(&text).err().unwrap_or_default();
        assert!(faults.is_empty(), "{path}: {}", faults[0].message);
    }
}

#[test]
fn every_metric_that_is_named_is_kept() {
    let sources: String = files().iter().filter(|path| path.starts_with("src/")).map(|path| read(path)).collect();
    let mut faults = Vec::new();
    for (path, text) in documents() {
        for name in words_with(&text, "countersign_", |c| c.is_ascii_lowercase() || c == '_') {
            if name != "countersign_core" && !sources.contains(&format!("\"{name}\"")) {
                faults.push(format!("{path}: nothing counts `{name}`"));
            }
        }
    }
    none(&faults);
}

#[test]
fn documents_hold_no_words_of_the_workshop() {
    // spelt apart, so that this list does not find itself
    const MACHINE: &[&str] =
        &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("file", "://")];
    const HOSTS: &[&str] = &[
        concat!("crates", ".io/"),
        concat!("registry.npm", "js"),
        concat!("py", "pi.org"),
        concat!("proxy.go", "lang"),
    ];
    const PEOPLE: &[&str] =
        &[concat!("assis", "tant"), concat!("sess", "ion"), concat!("chat", "bot"), concat!("prom", "pt injection")];
    let mut faults = Vec::new();
    for path in files() {
        let prose = path.ends_with(".md") || path.starts_with("templates/") || path.starts_with(".github/");
        let source = path.ends_with(".rs") || path.ends_with(".toml") || path.ends_with(".sql") || path == "justfile";
        if !prose && !source {
            continue;
        }
        let text = read(&path).to_lowercase();
        let words = if prose { [MACHINE, HOSTS, PEOPLE].concat() } else { [&MACHINE[..1], HOSTS].concat() };
        faults.extend(words.iter().filter(|word| text.contains(**word)).map(|word| format!("{path}: `{word}`")));
    }
    none(&faults);
}

#[test]
fn the_map_is_short_and_each_record_says_what_was_decided() {
    assert!(read("ARCHITECTURE.md").lines().count() <= 200);
    let records: Vec<_> = documents().into_iter().filter(|(path, _)| path.starts_with("docs/decisions/")).collect();
    for (at, (path, text)) in records.iter().enumerate() {
        let number = format!("{:04}", at + 1);
        assert!(path.starts_with(&format!("docs/decisions/{number}-")), "{path}: {number} is missing or stands twice");
        assert!(text.starts_with(&format!("# {number} — ")), "{path}: its title begins with its number");
        for heading in ["## Context", "## Decision", "## Consequences", "## What would change our mind"] {
            assert!(text.lines().any(|line| line == heading), "{path}: `{heading}` is missing");
        }
        assert!((30..=60).contains(&text.lines().count()), "{path}: 30 to 60 lines");
    }
}

/// Numbers of the list of scenarios that are in `docs/scenarios.md`. What is missing was dropped, or is tried elsewhere.
const SCENARIOS: &[std::ops::RangeInclusive<u32>] = &[
    1..=5,
    7..=11,
    13..=13,
    15..=19,
    21..=25,
    27..=27,
    29..=40,
    42..=49,
    51..=51,
    53..=57,
    59..=60,
    62..=65,
    67..=68,
    70..=71,
    73..=76,
    78..=83,
    85..=88,
    90..=96,
    98..=101,
    103..=105,
    107..=111,
    113..=114,
    116..=118,
    120..=126,
    128..=131,
    133..=137,
    139..=144,
    146..=146,
    148..=150,
    152..=157,
    159..=159,
    161..=166,
    168..=170,
    172..=178,
];

#[test]
fn every_scenario_has_a_test_that_exists_or_a_reason_why_not() {
    let page = read("docs/scenarios.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').splitn(3, " | ").map(str::trim).collect();
        cells[0].parse::<u32>().ok().map(|number| (number, cells))
    });
    let mut faults = Vec::new();
    let mut numbers = Vec::new();
    for (number, cells) in rows {
        numbers.push(number);
        let proof = cells.get(2).copied().unwrap_or_default();
        let named = spans(proof);
        if named.is_empty() && !proof.trim_end_matches('|').trim().starts_with("later: ") {
            faults.push(format!("scenario {number}: neither a test nor a reason"));
        }
        for test in named {
            let (path, name) = test.split_once("::").unwrap_or((&test, ""));
            let text = fs::read_to_string(root().join(path)).unwrap_or_default();
            // a play that others carry is a function called in its file
            let stands =
                text.contains(&format!("fn {name}(")) && (is_test(&text, name) || text.matches(name).count() > 1);
            if name.is_empty() || !stands {
                faults.push(format!("scenario {number}: there is no test `{test}`"));
            }
        }
    }
    let expected: Vec<u32> = SCENARIOS.iter().cloned().flatten().collect();
    assert_eq!(numbers, expected, "docs/scenarios.md has each number once and in order");
    none(&faults);
}

/// Whether a function of a source text carries a test attribute.
fn is_test(text: &str, name: &str) -> bool {
    let before = text.split(&format!("fn {name}(")).next().unwrap_or_default();
    before.rsplit("\n\n").next().is_some_and(|last| last.contains("#[test]") || last.contains("#[tokio::test"))
}
