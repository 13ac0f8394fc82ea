//! What the repository is to be like: said by flags, asked on a terminal, or taken by default.
//!
//! People are never guessed: who approves is said by somebody, or nothing is written.

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use countersign_core::domain::{Environment, Login, TeamSlug};
use countersign_core::policy::Policy;

use super::found::Found;
use crate::faces::cli::args::{Gate, InitArgs};
use crate::faces::exit::Report;

/// The action, as it is released.
const ACTION: &str = concat!("countersign/countersign@v", env!("CARGO_PKG_VERSION"));

/// People and teams.
#[derive(Clone, Default)]
pub(super) struct People {
    pub(super) users: Vec<Login>,
    pub(super) teams: Vec<TeamSlug>,
}

/// Who decides about a new policy.
pub(super) struct Deciders {
    pub(super) approvers: People,
    pub(super) required: u16,
    pub(super) admins: People,
}

pub(super) struct Answers {
    /// Each environment with its paths.
    pub(super) environments: Vec<(String, Vec<String>)>,
    /// None where a policy is there already.
    pub(super) deciders: Option<Deciders>,
    pub(super) gate: Gate,
    /// The action in workflows.
    pub(super) action: String,
}

impl Answers {
    pub(super) fn of(args: &InitArgs, found: &Found, json: bool) -> Result<Self, Report> {
        let desk = Desk::of(args, json);
        let action = args.action.clone().unwrap_or_else(|| ACTION.to_owned());
        let is_action = action.split_once('@').is_some_and(|(name, reference)| {
            let plain = |text: &str| {
                !text.is_empty()
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
            };
            name.contains('/') && plain(name) && plain(reference)
        });
        if !is_action {
            return Err(Report::usage(format!("`{action}` is no action")).help("write it as `OWNER/NAME@COMMIT`"));
        }
        if let Some(policy) = &found.policy {
            if let Some(flag) = unused(args) {
                return Err(Report::usage(format!("`{flag}` has no effect: there is a policy already"))
                    .help("leave it out, and change `.countersign/policy.yaml` by a pull request"));
            }
            let gate = args.gate.map_or_else(|| desk.gate(), Ok)?;
            return Ok(Self { environments: of_policy(policy), deciders: None, gate, action });
        }
        let environments = environments(args, found, &desk)?;
        let approvers = match args.approvers.as_slice() {
            [] => desk.people(found)?,
            named => people(named)?,
        };
        let required = required(args, &approvers, &desk)?;
        let admins = if args.admins.is_empty() { approvers.clone() } else { people(&args.admins)? };
        let gate = args.gate.map_or_else(|| desk.gate(), Ok)?;
        Ok(Self { environments, deciders: Some(Deciders { approvers, required, admins }), gate, action })
    }
}

/// A flag that says what only a new policy could.
fn unused(args: &InitArgs) -> Option<&'static str> {
    let given = [
        ("--environment", !args.environments.is_empty()),
        ("--approver", !args.approvers.is_empty()),
        ("--required", args.required.is_some()),
        ("--admin", !args.admins.is_empty()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
}

fn of_policy(policy: &Policy) -> Vec<(String, Vec<String>)> {
    let rules = policy.environments().iter();
    let paths = |globs: &countersign_core::policy::Globs| globs.iter().map(|glob| glob.as_str().to_owned()).collect();
    rules.map(|rule| (rule.name().to_string(), paths(rule.paths()))).collect()
}

fn environments(args: &InitArgs, found: &Found, desk: &Desk) -> Result<Vec<(String, Vec<String>)>, Report> {
    if !args.environments.is_empty() {
        return args.environments.iter().map(|text| environment(text)).collect();
    }
    // folders that look like environments
    let below = found.files.iter().filter_map(|file| file.strip_prefix("secrets/")?.split_once('/'));
    let names: BTreeSet<&str> = below.map(|(name, _)| name).filter(|name| Environment::parse(name).is_ok()).collect();
    let guessed: Vec<String> = names.iter().map(|name| format!("{name}=secrets/{name}/")).collect();
    let default = if guessed.is_empty() { "production=secrets/production/".to_owned() } else { guessed.join(" ") };
    let said = desk.ask("Which environments, as NAME=PATH", Some(&default), "--environment")?;
    said.split_whitespace().map(environment).collect()
}

fn environment(text: &str) -> Result<(String, Vec<String>), Report> {
    let wrong = || {
        Report::usage(format!("`{text}` is no environment with its files"))
            .help("write it as `production=secrets/production/`; several paths are separated by commas")
    };
    let (name, paths) = text.split_once('=').ok_or_else(wrong)?;
    Environment::parse(name).map_err(Report::usage)?;
    let paths: Vec<String> = paths.split(',').map(|path| path.trim_start_matches("./").to_owned()).collect();
    if paths.iter().any(String::is_empty) {
        return Err(wrong());
    }
    Ok((name.to_owned(), paths))
}

fn people(words: &[String]) -> Result<People, Report> {
    let mut people = People::default();
    for word in words.iter().flat_map(|word| word.split([',', ' '])).map(|word| word.trim_start_matches('@')) {
        if word.contains('/') {
            let team = TeamSlug::parse(word).map_err(Report::usage)?;
            people.teams.extend((!people.teams.contains(&team)).then_some(team));
        } else if !word.is_empty() {
            let login = Login::parse(word).map_err(Report::usage)?;
            people.users.extend((!people.users.iter().any(|known| known.same_as(&login))).then_some(login));
        }
    }
    Ok(people)
}

/// As many as can be asked for while one of them may be the one who asks.
fn required(args: &InitArgs, people: &People, desk: &Desk) -> Result<u16, Report> {
    if let Some(number) = args.required {
        return Ok(number);
    }
    let default = if people.teams.is_empty() { people.users.len().saturating_sub(1).clamp(1, 2) } else { 2 };
    let said = desk.ask("How many of them for each change", Some(&default.to_string()), "--required")?;
    said.trim().parse().map_err(|_| Report::usage(format!("`{said}` is no number")).help("write it in digits"))
}

/// Where questions are asked, if anywhere.
struct Desk {
    asks: bool,
    takes_defaults: bool,
}

impl Desk {
    fn of(args: &InitArgs, json: bool) -> Self {
        let takes_defaults = args.yes || args.dry_run;
        Self { asks: !takes_defaults && !json && std::io::stdin().is_terminal(), takes_defaults }
    }

    fn gate(&self) -> Result<Gate, Report> {
        let said = self.ask("Who counts approvals, `action` or `server`", Some("action"), "--gate")?;
        match said.trim() {
            "action" => Ok(Gate::Action),
            "server" => Ok(Gate::Server),
            other => Err(Report::usage(format!("`{other}` is neither")).help("say `action` or `server`")),
        }
    }

    fn people(&self, found: &Found) -> Result<People, Report> {
        let example = found.login.as_ref().map_or("alice,bob".to_owned(), |login| format!("{login},SOMEBODY"));
        let nobody = || {
            Report::usage("nobody is named who approves, and that is not guessed")
                .help(format!("name them: `--approver {example}`, or a team as `--approver org/team-slug`"))
        };
        if !self.asks {
            return Err(nobody());
        }
        let said = self.ask("Who approves changes (logins, or org/team-slug)", None, "--approver")?;
        let people = people(&[said])?;
        if people.users.is_empty() && people.teams.is_empty() { Err(nobody()) } else { Ok(people) }
    }

    /// One answer: said, or the default.
    fn ask(&self, question: &str, default: Option<&str>, flag: &str) -> Result<String, Report> {
        if !self.asks {
            return default.filter(|_| self.takes_defaults).map(str::to_owned).ok_or_else(|| {
                Report::usage("there is no terminal to ask on, and nothing was written")
                    .help(format!("`--yes` takes the defaults, `{flag}` answers what would be asked next"))
            });
        }
        let mut to = anstream::stderr();
        let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        let _ = write!(to, "{question}{shown}: ").and_then(|()| to.flush());
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.map_err(|error| Report::failed("the answer cannot be read", &error))?;
        if answer.is_empty() {
            let _ = writeln!(to);
            return Err(Report::usage("nobody answered, and nothing was written").help("`--yes` does not ask"));
        }
        let answer = answer.trim();
        Ok(if answer.is_empty() { default.unwrap_or_default().to_owned() } else { answer.to_owned() })
    }
}
