//! `explain`: how a pull request stands and why, as a turn of the server would judge it now, or as the ledger recorded it.
//!
//! With the settings of the server it asks GitHub; without them it reads the ledger of this clone. Changes nothing.

use countersign_core::decision::{self, Decision, Verdict, decide, explain as to_json};
use countersign_core::domain::{Account, AccountKind, Login, PrNumber};
use countersign_core::facts::{Facts, VoteKind};
use countersign_core::ledger::{Entry, Ledger};
use countersign_core::policy;

use super::args::{ExplainArgs, Said};
use super::ledger::reading::Reading;
use super::{Outcome, adopt, output, settings};
use crate::faces::config::ServeConfig;
use crate::faces::demo::tree;
use crate::faces::exit::{Exit, Report};
use crate::faces::wire;

/// Says how a pull request stands.
pub(super) fn run(args: &ExplainArgs, json: bool) -> Outcome {
    let number = PrNumber::new(args.pr);
    let supposing = match &args.user {
        Some(name) => Some((Login::parse(name).map_err(Report::usage)?, said(args.review))),
        None => None,
    };
    // the settings of the server, if they are here
    let config = settings::read(args.ledger.config.as_deref())
        .and_then(|settings| ServeConfig::read(&settings).map_err(Report::from));
    let (facts, decision) = match (config, args.recorded) {
        (Ok(config), false) => live(config, args, number, supposing.as_ref())?,
        (_, true) => recorded(args, number, supposing.as_ref())?.ok_or_else(|| unknown(number))?,
        (Err(fault), false) => recorded(args, number, supposing.as_ref())?.ok_or(fault)?,
    };
    if json {
        output::json(&to_json(&decision, &facts))?;
    } else {
        let mut text: String = tree::lines(&decision, &facts).iter().map(|line| line.painted() + "\n").collect();
        if !decision.next.is_empty() {
            text += &format!("\nnext: {}\n", crate::faces::exit::printable(&decision.next.join("; ")));
        }
        output::say(&text)?;
    }
    Ok(exit(decision.verdict))
}

/// The exit codes of the contract (`changes.md` 5).
fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::NotApplicable | Verdict::Satisfied | Verdict::Bypassed => Exit::FINE,
        Verdict::Pending | Verdict::Unknown => Exit::PENDING,
        Verdict::Rejected | Verdict::StaleBase | Verdict::Blocked | Verdict::Unreachable => Exit::REFUSED,
    }
}

fn said(review: Option<Said>) -> VoteKind {
    match review {
        Some(Said::Reject) => VoteKind::Reject,
        Some(Said::Approve) | None => VoteKind::Approve,
    }
}

fn unknown(number: PrNumber) -> Report {
    Report::usage(format!("the ledger holds no decision about pull request {number}"))
        .help("only what was decided for a merge is recorded; with the settings of the server GitHub is asked")
}

fn live(
    config: ServeConfig,
    args: &ExplainArgs,
    number: PrNumber,
    supposing: Option<&(Login, VoteKind)>,
) -> Result<(Facts, Decision), Report> {
    let name = adopt::repository(args.repo.as_deref())?;
    let supposing = supposing.map(|(login, kind)| (login, *kind));
    let runtime = settings::runtime()?;
    let explained = runtime.block_on(wire::explained(config, &name, number, supposing));
    let explained = explained.map_err(|error| Report::chain(Exit::FAILED, &error))?;
    Ok((explained.facts, explained.decision))
}

/// The newest decision about the pull request in the ledger, run again under the policy that was in force.
fn recorded(
    args: &ExplainArgs,
    number: PrNumber,
    supposing: Option<&(Login, VoteKind)>,
) -> Result<Option<(Facts, Decision)>, Report> {
    let reading = Reading::of(&args.ledger)?;
    let Some((text, mut facts)) = newest(&reading.ledger, number) else { return Ok(None) };
    let policy = policy::parse(&text)
        .map_err(|_| Report::new(Exit::FAILED, "this version cannot read the policy that was in force"))?;
    if let Some((login, kind)) = supposing {
        let account = account(&facts, login).ok_or_else(|| {
            Report::usage(format!("the recorded facts know nobody called `{login}`"))
                .help("with the settings of the server GitHub is asked")
        })?;
        facts = decision::supposing(&facts, account, *kind);
    }
    let decision = decide(&policy, &facts);
    Ok(Some((facts, decision)))
}

fn newest(ledger: &Ledger, number: PrNumber) -> Option<(String, Facts)> {
    let (_, entry) = ledger.state().decisions().iter().rev().find(|(_, entry)| entry.pull == number)?;
    let facts: Facts = serde_json::from_value(entry.facts.as_json().clone()).ok()?;
    let text = ledger.entries().iter().rev().find_map(|verified| {
        let Entry::Policy(policy) = &verified.entry else { return None };
        (policy.digest == entry.policy_digest).then(|| policy.text.clone())
    })?;
    Some((text, facts))
}

/// An account the recorded facts name.
fn account(facts: &Facts, login: &Login) -> Option<Account> {
    let voters = facts.votes.iter().filter_map(|vote| vote.account.clone());
    let members = facts.rosters.values().filter_map(|roster| roster.answer()).flatten().cloned();
    let named =
        facts.names.users.iter().map(|(login, id)| Account { id: *id, login: login.clone(), kind: AccountKind::User });
    let requester = facts.people.requester.answer().cloned();
    voters.chain(members).chain(requester).chain(named).find(|account| account.login.same_as(login))
}
