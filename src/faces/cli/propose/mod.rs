//! `propose`: what changed in the working tree becomes a pull request.
//!
//! Made beside the working tree: no branch, index or file of the user is touched. What is protected goes out sealed, or not at all.

mod changed;
mod guard;

use std::path::Path;

use countersign_core::domain::Oid;
use serde_json::json;

use self::changed::{Change, Changes};
use self::guard::{Class, Guard};
use super::args::ProposeArgs;
use super::proposal::{self, Desk, Files, Proposal, Proposed};
use super::{Outcome, output};
use crate::faces::exit::{Exit, Report};

/// Proposes.
pub(super) fn run(args: &ProposeArgs, json: bool) -> Outcome {
    let place = Place::find(args)?;
    let (base, tip) = place.base();
    let changes = Changes::between(tip, base)?;
    let guard = Guard::of(&changes, base)?;
    let chosen = choose(args, &changes, &guard, base)?;
    changes.refuse_overtaken(&chosen, base)?;
    for change in &chosen {
        guard.look(change)?;
    }
    let words = Words::of(args, &chosen, &guard);
    let files: Files = chosen.iter().map(|change| (change.path.clone(), change.bytes.clone())).collect();
    let proposal = Proposal {
        branch: &words.branch,
        title: &words.title,
        body: &words.body,
        files: &files,
        message: &words.message,
        draft: args.draft,
    };
    let Some(made) = place.propose(&proposal)? else { return Ok(nothing(base)) };
    if json {
        let files: Vec<_> = chosen.iter().map(|change| json!({"path": change.path, "change": change.word()})).collect();
        return output::json(&match made {
            Made::Asked(proposed) => {
                json!({"version": 1, "base": base, "files": files, "pull_request": proposed.to_json()})
            }
            Made::Branch { name, commit } => {
                json!({"version": 1, "base": base, "files": files, "branch": name, "commit": commit})
            }
        });
    }
    for change in &chosen {
        output::tell(format!("{}  {}", change.word(), change.path));
    }
    match made {
        Made::Asked(proposed) => proposed.tell(),
        Made::Branch { name, commit } => output::tell(format!(
            "branch `{name}` holds it as {}; `git push origin {name}` asks for it",
            commit.short()
        )),
    }
    Ok(Exit::FINE)
}

fn nothing(base: &str) -> Exit {
    output::tell(format!("nothing to propose: `{base}` holds all of it already"));
    Exit::NOT_MODIFIED
}

/// Where it goes.
enum Place {
    /// To a pull request.
    There(Box<Desk>),
    /// To a branch of this clone.
    Here { base: String, tip: Oid, branch: Option<String> },
}

/// What came of it.
enum Made {
    Asked(Proposed),
    Branch { name: String, commit: Oid },
}

impl Place {
    fn find(args: &ProposeArgs) -> Result<Self, Report> {
        if !args.local {
            return Ok(Self::There(Box::new(Desk::open(&args.proposal, args.config.as_ref())?)));
        }
        let (base, tip) = proposal::local::base(&args.proposal)?;
        Ok(Self::Here { base, tip, branch: args.proposal.branch.clone() })
    }

    fn base(&self) -> (&str, &Oid) {
        match self {
            Self::There(desk) => (&desk.base, &desk.tip),
            Self::Here { base, tip, .. } => (base, tip),
        }
    }

    fn propose(&self, proposal: &Proposal<'_>) -> Result<Option<Made>, Report> {
        match self {
            Self::There(desk) => Ok(desk.propose(proposal)?.map(Made::Asked)),
            Self::Here { tip, branch, .. } => {
                let made = proposal::local::branch(tip, branch.as_deref(), proposal)?;
                Ok(made.map(|(name, commit)| Made::Branch { name, commit }))
            }
        }
    }
}

/// The files that are meant: those named, or everything protected. Never control and secret files together.
fn choose(args: &ProposeArgs, changes: &Changes, guard: &Guard, base: &str) -> Result<Vec<Change>, Report> {
    let named = !args.paths.is_empty();
    let chosen: Vec<&Change> = if named {
        changes.below(&args.paths)?
    } else {
        let protected = |change: &&Change| guard.class(&change.path) != Class::Free;
        changes.all().iter().filter(protected).collect()
    };
    if chosen.is_empty() {
        let others = changes.all().len();
        let help = match (named, guard.is_managed(), others) {
            (false, false, _) => {
                "there is no policy, so nothing is protected; name the files to be proposed".to_owned()
            }
            (false, true, 1..) => format!(
                "{} changed that no policy protects; name what is to be proposed all the same",
                output::count(others, "file")
            ),
            (false, true, 0) | (true, ..) => "change a file first, for instance with `countersign set`".to_owned(),
        };
        let report =
            Report::new(Exit::NOT_MODIFIED, format!("nothing to propose: nothing protected differs from `{base}`"));
        return Err(report.help(help));
    }
    let is = |class: Class| chosen.iter().find(|change| guard.class(&change.path) == class);
    if let (Some(control), Some(secret)) = (is(Class::Control), is(Class::Secret)) {
        return Err(Report::new(
            Exit::REFUSED,
            format!(
                "`{}` says who decides and `{}` is decided about: both at once are refused",
                control.path, secret.path
            ),
        )
        .help(format!("ask for them one after the other: `countersign propose {}` first", control.path)));
    }
    chosen.into_iter().map(|change| changes.with_bytes(change)).collect()
}

/// How it is called.
struct Words {
    branch: String,
    title: String,
    body: String,
    message: String,
}

impl Words {
    fn of(args: &ProposeArgs, chosen: &[Change], guard: &Guard) -> Self {
        let environments = guard.environments(chosen);
        let subject = match environments.as_slice() {
            [one] => one.clone(),
            [] if chosen.iter().all(|change| guard.class(&change.path) == Class::Control) => "policy".to_owned(),
            [] | [_, _, ..] => "files".to_owned(),
        };
        let title = args.title.clone().unwrap_or_else(|| match chosen {
            [one] => format!("{} {}", one.verb(), one.path),
            several => format!("Change {} of {}", output::count(several.len(), "file"), place_of(&environments)),
        });
        let list: String = chosen.iter().map(|change| format!("- `{}` {}\n", change.path, change.word())).collect();
        let body = args.description.clone().map_or_else(|| list.clone(), |text| format!("{text}\n\n{list}"));
        let message =
            args.description.as_ref().map_or_else(|| format!("{title}\n"), |text| format!("{title}\n\n{text}\n"));
        Self { branch: format!("propose/{subject}"), title, body, message }
    }
}

fn place_of(environments: &[String]) -> String {
    if environments.is_empty() { "the repository".to_owned() } else { environments.join(" and ") }
}

/// Where git's work tree begins.
fn root() -> Result<std::path::PathBuf, Report> {
    proposal::work_tree(Path::new("."))
}
