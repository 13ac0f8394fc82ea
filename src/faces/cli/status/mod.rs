//! `status`: what is open in a repository and who is waited for, once or again and again.
//!
//! With the settings of the server, or with a token of the person's. Changes nothing.

mod text;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::decision::{Verdict, explain};
use countersign_core::domain::RepoName;
use serde_json::{Value, json};

use super::args::StatusArgs;
use super::proposal::token;
use super::{Outcome, adopt, output, settings, sync};
use crate::engine::Engine;
use crate::engine::overview::Overview;
use crate::faces::config::{ByToken, Key, ServeConfig};
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Shortest time between two looks: GitHub counts requests.
const SHORTEST: u64 = 1;

/// Looks once, or until it is interrupted.
pub(super) fn run(args: &StatusArgs, json: bool) -> Outcome {
    let name = adopt::repository(args.repo.as_deref())?;
    let runtime = settings::runtime()?;
    let folder = tempfile::tempdir().map_err(|error| Report::failed("no temporary folder can be made", &error))?;
    runtime.block_on(async {
        let engine = engine(args, &name, folder.path()).await?;
        if args.watch { watch(args, &engine, &name, json).await } else { look(&engine, &name, json, false).await }
    })
}

/// With the settings of the server, if they are here; else with a token, which needs no App.
async fn engine(args: &StatusArgs, name: &RepoName, folder: &std::path::Path) -> Result<Arc<Engine>, Report> {
    let settings = settings::read(args.config.as_deref())?;
    let setup = |error: wire::ServeError| Report::chain(Exit::FAILED, &error);
    if let Ok(mut config) = ServeConfig::read(&settings) {
        config.trust.extend(args.trust.iter().cloned());
        return wire::engine_of_server(&config).await.map_err(setup);
    }
    let github = settings.text(Key::GithubUrl).unwrap_or_default().to_owned();
    let host = github.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let token = token::find(host).ok_or_else(|| {
        Report::usage("there is no token to ask GitHub with").help("set GH_TOKEN, or sign in with `gh auth login`")
    })?;
    let mut config = ByToken::read(&settings, token.secret, name.clone(), folder.to_owned()).map_err(Report::from)?;
    config.trust.extend(args.trust.iter().cloned());
    wire::engine_by_token(&config).await.map_err(setup)
}

/// One look, printed.
async fn look(engine: &Engine, name: &RepoName, json: bool, on_a_line: bool) -> Outcome {
    let overview = engine.overview(name).await.map_err(|error| Report::chain(Exit::FAILED, &error))?;
    if json {
        let value = to_json(&overview);
        if on_a_line {
            output::raw(format!("{value}\n").as_bytes())?;
        } else {
            output::json(&value)?;
        }
    } else {
        if on_a_line && output::on_terminal() {
            output::raw(b"\x1b[2J\x1b[H")?;
        }
        output::say(&text::overview(&overview, wire::now()))?;
    }
    Ok(exit(&overview))
}

/// Looks until Ctrl-C; ends as the last look did. A look that fails is told, and the next one comes all the same.
async fn watch(args: &StatusArgs, engine: &Engine, name: &RepoName, json: bool) -> Outcome {
    let seconds = args.interval.seconds().max(SHORTEST);
    let mut last = Exit::PENDING;
    // one listener for all looks: an interrupt between two waits is not lost
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let seen = tokio::select! {
            _ = &mut interrupted => return Ok(last),
            seen = look(engine, name, json, true) => seen,
        };
        match seen {
            Ok(exit) => last = exit,
            Err(report) => {
                report.print(json);
                last = report.exit();
            }
        }
        if !json {
            output::raw(b"\n")?;
        }
        let _ = std::io::stdout().flush();
        tokio::select! {
            _ = &mut interrupted => return Ok(last),
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}

/// The worst of what is open.
fn exit(overview: &Overview) -> Exit {
    let now = wire::now();
    let is = |fits: fn(Verdict) -> bool| overview.open.iter().any(|open| fits(open.decision.verdict));
    let refused = |verdict| match verdict {
        Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked | Verdict::Unreachable => true,
        Verdict::NotApplicable | Verdict::Satisfied | Verdict::Bypassed | Verdict::Pending | Verdict::Unknown => false,
    };
    if is(refused) || overview.debts.iter().any(|debt| debt.due < now) {
        Exit::REFUSED
    } else if is(|verdict| matches!(verdict, Verdict::Pending | Verdict::Unknown))
        || !overview.unread.is_empty()
        || !overview.debts.is_empty()
    {
        Exit::PENDING
    } else {
        Exit::FINE
    }
}

fn to_json(overview: &Overview) -> Value {
    let trust = if overview.is_pinned { "pinned" } else { "unpinned" };
    let now = wire::now();
    json!({
        "version": 1,
        "repository": overview.repository,
        "ledger": {
            "entries": overview.entries, "newest": overview.newest.map(|newest| newest.label()),
            "root": overview.root.map(|root| root.to_string()), "trust": trust,
        },
        "changes": overview.open.iter().map(|open| explain(&open.decision, &open.facts)).collect::<Vec<_>>(),
        "unread": overview.unread.iter()
            .map(|unread| json!({"pr": unread.number, "why": unread.fault.to_string()})).collect::<Vec<_>>(),
        "debts": overview.debts.iter().map(|debt| json!({
            "pr": debt.pull, "decision": debt.decision.label(), "environments": debt.environments,
            "due": debt.due.to_string(), "overdue": debt.due < now,
        })).collect::<Vec<_>>(),
        "targets": sync::rows(&overview.targets),
    })
}
