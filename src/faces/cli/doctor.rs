//! `doctor`: what is missing for countersign to do its work and to be the only way, and how to mend each thing.
//!
//! With the settings of the server it asks GitHub as the App; without them it looks at this clone alone and says what it did not
//! see. Changes nothing.

use anstyle::AnsiColor;
use countersign_core::domain::RepoName;
use countersign_core::guard::{AppFinding, Weight};
use countersign_core::policy;
use serde::Serialize;
use serde_json::json;

use super::args::DoctorArgs;
use super::ledger::reading::Reading;
use super::{Outcome, check, output, settings};
use crate::engine::doctor::{Checkup, Examined, Standing};
use crate::faces::config::ServeConfig;
use crate::faces::exit::{Exit, Report, colour, printable};
use crate::faces::wire;

/// One thing to say.
#[derive(Debug, Serialize)]
struct Line {
    /// What it is about: `app`, a repository, `this clone`.
    about: String,
    /// A branch, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    code: String,
    /// `gap`, `unknown` or `hint`.
    weight: &'static str,
    words: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    help: String,
    /// A command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

/// What was looked at and found in order.
#[derive(Debug, Serialize)]
struct Fine {
    about: String,
    words: String,
}

#[derive(Debug, Default)]
struct Told {
    fine: Vec<Fine>,
    lines: Vec<Line>,
}

/// Looks, and tells.
pub(super) fn run(args: &DoctorArgs, json: bool) -> Outcome {
    let config = settings::read(args.ledger.config.as_deref())
        .and_then(|settings| ServeConfig::read(&settings).map_err(Report::from));
    let (told, mode) = match config {
        Ok(config) => (as_the_app(config, args)?, "server"),
        Err(fault) if args.repo.is_some() => return Err(fault),
        Err(fault) => (in_this_clone(args, &fault), "clone"),
    };
    let number = |weight: &str| told.lines.iter().filter(|line| line.weight == weight).count();
    let (gaps, unknown) = (number("gap"), number("unknown"));
    if json {
        output::json(&json!({
            "version": 1, "mode": mode, "fine": told.fine, "findings": told.lines,
            "count": {"gaps": gaps, "unknown": unknown},
        }))?;
    } else {
        output::say(&text(&told, (gaps, unknown)))?;
    }
    Ok(if gaps > 0 { Exit::FINDINGS } else { Exit::FINE })
}

fn as_the_app(config: ServeConfig, args: &DoctorArgs) -> Result<Told, Report> {
    let name = args.repo.as_deref().map(|name| RepoName::parse(name).map_err(Report::usage)).transpose()?;
    let runtime = settings::runtime()?;
    let checkup = runtime.block_on(wire::checkup(config, name.as_ref()));
    let checkup = checkup.map_err(|error| Report::chain(Exit::FAILED, &error))?;
    let mut told = Told::default();
    app(&checkup, &mut told);
    for repository in &checkup.repositories {
        examined(repository, &mut told);
    }
    Ok(told)
}

fn app(checkup: &Checkup, told: &mut Told) {
    let several = checkup.installations.len() > 1;
    for (installation, found) in &checkup.installations {
        let about = if several { format!("app (installation {installation})") } else { "app".to_owned() };
        if found.iter().all(|one| one.reason.weight().is_none()) {
            let words = format!("App {} may do and is told what it needs", checkup.app);
            told.fine.push(Fine { about: about.clone(), words });
        }
        told.lines.extend(found.iter().map(|one| of_app(&about, one)));
    }
    match checkup.lost {
        Some(0) => told.fine.push(Fine { about: "webhook".to_owned(), words: "every delivery of three days arrived".to_owned() }),
        Some(lost) => told.lines.push(Line {
            words: format!("{} of the last three days never arrived", output::count(lost, "delivery")),
            help: "see that GitHub can reach `https://HOST/webhooks/github` and what it was answered: the App's settings, Advanced; the server asks for them again".to_owned(),
            ..line("webhook", "deliveries-lost", "gap")
        }),
        None => told.lines.push(Line {
            words: "GitHub did not say which deliveries arrived".to_owned(),
            help: "try again later".to_owned(),
            ..line("webhook", "deliveries-unknown", "unknown")
        }),
    }
}

fn of_app(about: &str, one: &AppFinding) -> Line {
    let weight = one.reason.weight().map_or("hint", Weight::word);
    Line { words: one.words.clone(), help: one.help.clone(), ..line(about, one.reason.code(), weight) }
}

fn line(about: &str, code: &str, weight: &'static str) -> Line {
    Line {
        about: about.to_owned(),
        branch: None,
        code: code.to_owned(),
        weight,
        words: String::new(),
        detail: String::new(),
        help: String::new(),
        run: None,
    }
}

fn examined(one: &Examined, told: &mut Told) {
    let about = one.name.to_string();
    match &one.standing {
        Standing::Unmanaged => {
            let words = "holds no policy: nothing is decided there".to_owned();
            told.fine.push(Fine { about, words });
            return;
        }
        Standing::NotAdopted { tip } => {
            told.lines.push(Line {
                words: "it holds a policy and was never adopted: nothing is decided there".to_owned(),
                help: "look at what stands there, then adopt it".to_owned(),
                run: Some(format!("countersign adopt {tip} --repo {about}")),
                ..line(&about, "not-adopted", "gap")
            });
            return;
        }
        Standing::Closed { code, words, help } => {
            told.lines.push(Line { words: words.clone(), help: (*help).to_owned(), ..line(&about, code, "gap") });
            return;
        }
        Standing::Managed(head) => {
            let words = format!("policy in force, ledger valid up to {}", head.label());
            told.fine.push(Fine { about: about.clone(), words });
        }
    }
    for (id, trouble) in &one.targets {
        match trouble {
            None => told.fine.push(Fine { about: about.clone(), words: format!("the target `{id}` can be read") }),
            Some(trouble) => told.lines.push(Line {
                words: format!("the target `{id}`: {}", trouble.words),
                help: trouble.help.clone(),
                ..line(&about, &trouble.code, "gap")
            }),
        }
    }
    if one.guard.is_empty() {
        told.fine.push(Fine { about: about.clone(), words: "the guard has no gap".to_owned() });
    }
    let mut commands = std::collections::BTreeSet::new();
    for (finding, command) in &one.guard {
        let weight = finding.reason.weight();
        // one ruleset closes all gaps of a place: the command is told once
        let run = (weight == Weight::Gap && finding.reason.is_closed_by_a_ruleset() && commands.insert(command))
            .then(|| command.clone());
        told.lines.push(Line {
            branch: Some(finding.place.name().to_owned()),
            words: finding.reason.words().to_owned(),
            detail: finding.detail.clone(),
            help: finding.reason.help().to_owned(),
            run,
            ..line(&about, finding.reason.code(), weight.word())
        });
    }
}

/// What can be seen without the App.
fn in_this_clone(args: &DoctorArgs, fault: &Report) -> Told {
    const ABOUT: &str = "this clone";
    let mut told = Told::default();
    told.lines.push(Line {
        words: "the App, its webhook and the guard were not looked at: the settings of the server are not here"
            .to_owned(),
        detail: fault.what().to_owned(),
        help: "run it with the settings of the server (`--config`), or in its environment".to_owned(),
        ..line("server", "not-looked-at", "unknown")
    });
    match check::find(std::path::Path::new(".")).and_then(|path| std::fs::read_to_string(path).ok()) {
        None => told.lines.push(Line {
            words: "there is no `.countersign/policy.yaml`".to_owned(),
            help: "write one; `countersign schema` prints its schema".to_owned(),
            ..line(ABOUT, "policy-missing", "gap")
        }),
        Some(text) if policy::parse(&text).is_err() => told.lines.push(Line {
            words: "the policy cannot be read".to_owned(),
            help: "`countersign check` names line and column".to_owned(),
            ..line(ABOUT, "policy-broken", "gap")
        }),
        Some(_) => told.fine.push(Fine { about: ABOUT.to_owned(), words: "the policy can be read".to_owned() }),
    }
    match Reading::of(&args.ledger) {
        Err(fault) => told.lines.push(Line {
            words: "the ledger cannot be read".to_owned(),
            detail: fault.what().to_owned(),
            help: "run it in a clone of the repository".to_owned(),
            ..line(ABOUT, "ledger-unknown", "unknown")
        }),
        Ok(reading) if reading.ledger.entries().is_empty() => told.lines.push(Line {
            words: "there is no ledger: the repository was never adopted".to_owned(),
            help: "adopt it with the settings of the server: `countersign adopt`".to_owned(),
            ..line(ABOUT, "not-adopted", "gap")
        }),
        Ok(reading) if !reading.ledger.is_valid() => told.lines.push(Line {
            words: "the ledger is not valid".to_owned(),
            help: "`countersign verify` names the entry".to_owned(),
            ..line(ABOUT, "ledger-invalid", "gap")
        }),
        Ok(reading) => {
            let words = format!("the ledger is valid, {}", output::count(reading.ledger.entries().len(), "entry"));
            told.fine.push(Fine { about: ABOUT.to_owned(), words });
            if !reading.ledger.is_pinned() {
                let root = reading.ledger.state().root().map(|root| root.to_string()).unwrap_or_default();
                told.lines.push(Line {
                    words: "nobody said which root key is the right one".to_owned(),
                    detail: root.clone(),
                    help: format!(
                        "compare it with what `countersign keygen` printed, then set COUNTERSIGN_TRUST={root}"
                    ),
                    ..line(ABOUT, "trust-unpinned", "gap")
                });
            }
        }
    }
    told
}

/// What is said, thing by thing.
fn text(told: &Told, (gaps, unknown): (usize, usize)) -> String {
    let (red, green, yellow, cyan) =
        (colour(AnsiColor::Red), colour(AnsiColor::Green), colour(AnsiColor::Yellow), colour(AnsiColor::Cyan));
    let bold = anstyle::Style::new().bold();
    let mut abouts: Vec<&str> = Vec::new();
    for about in told.fine.iter().map(|fine| &fine.about).chain(told.lines.iter().map(|line| &line.about)) {
        if !abouts.contains(&about.as_str()) {
            abouts.push(about);
        }
    }
    let mut text = String::new();
    for about in abouts {
        text += &format!("{bold}{}{bold:#}\n", printable(about));
        for fine in told.fine.iter().filter(|fine| fine.about == about) {
            text += &format!("  {green}✔{green:#} {}\n", printable(&fine.words));
        }
        for line in told.lines.iter().filter(|line| line.about == about) {
            let mark = match line.weight {
                "gap" => format!("{red}✗{red:#}"),
                "unknown" => format!("{yellow}?{yellow:#}"),
                _ => "·".to_owned(),
            };
            let branch = line.branch.as_ref().map(|branch| format!("{branch}: ")).unwrap_or_default();
            let detail = if line.detail.is_empty() { String::new() } else { format!(" ({})", line.detail) };
            text += &format!("  {mark} {} · {}\n", line.code, printable(&format!("{branch}{}{detail}", line.words)));
            text += &format!("      {cyan}help{cyan:#}: {}\n", printable(&line.help));
            if let Some(run) = &line.run {
                text += &format!("      {cyan}run{cyan:#}:  {}\n", printable(run));
            }
        }
        text.push('\n');
    }
    let not_told = if unknown == 0 { String::new() } else { format!(", {unknown} cannot be told") };
    text + &match gaps {
        0 => format!("{green}✔{green:#} no gap{not_told}\n"),
        gaps => format!("{red}✗{red:#} {}{not_told}\n", output::count(gaps, "gap")),
    }
}
