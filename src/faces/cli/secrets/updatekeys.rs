//! `updatekeys`: the readers of documents become those of the creation rules.
//!
//! First everything is compared and shown, then one question, then everything is done. Values, MAC and data key stay as they are
//! unless `--rotate` is given: who was taken out and knows the data key could open later versions with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sops_file::{Format, OpenOptions, SealedDocument};

use super::document::Document;
use super::identities::Identity;
use super::many::found::{self, Found};
use super::many::{self, Said, Step, Words, parallel};
use super::readers::{self, Difference, Group};
use super::rules::{self, Rules};
use super::{open, reads_again, unsealed};
use crate::faces::cli::Outcome;
use crate::faces::cli::args::UpdatekeysArgs;
use crate::faces::exit::{Exit, Report};

const WORDS: Words = Words { done: "updated", same: "up to date", what: "sealed document" };

/// Compares, asks, and updates.
pub(in crate::faces::cli) fn run(args: UpdatekeysArgs, json: bool) -> Outcome {
    let found = found::of_batch(&args.batch)?;
    let rules = Rules::configured(args.config.as_deref())?;
    let format = args.batch.naming.input_type;
    let plan = Plan::of(&found, format, |found, _| {
        rules.readers(&found.path)?.map(readers::of_rule).ok_or_else(rules::no_rules)
    });
    plan.carry_out(&found, format, Manner { yes: args.yes, rotate: args.rotate, json, words: WORDS })
}

/// How changes of readers are carried out.
pub(super) struct Manner {
    /// Without asking.
    pub(super) yes: bool,
    /// With a new data key wherever a reader is taken out.
    pub(super) rotate: bool,
    pub(super) json: bool,
    pub(super) words: Words,
}

/// The differences of all documents; none for what is no document.
pub(super) struct Plan {
    differences: BTreeMap<PathBuf, Result<Option<Compared>, Report>>,
}

/// What one document is to become.
struct Compared {
    difference: Difference,
    /// The document, where it is to change: it need not be taken apart again if it is the same when its turn comes.
    sealed: Option<SealedDocument>,
}

impl Plan {
    /// Compares every document with what `wanted` says of it.
    pub(super) fn of(
        found: &[Found],
        format: Option<Format>,
        wanted: impl Fn(&Found, &SealedDocument) -> Result<Vec<Group>, Report> + Sync,
    ) -> Self {
        let mut outcomes = Vec::with_capacity(found.len());
        parallel::in_order(found.len(), |at| difference(&found[at], format, &wanted), |outcome| outcomes.push(outcome));
        Self { differences: found.iter().map(|one| one.path.clone()).zip(outcomes).collect() }
    }

    /// The sealed documents that were compared.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Path> {
        let is_one = |outcome: &Result<Option<Compared>, Report>| outcome.as_ref().is_ok_and(Option::is_some);
        self.differences.iter().filter(move |(_, outcome)| is_one(outcome)).map(|(path, _)| path.as_path())
    }

    /// Whether somebody of that name reads any of them.
    pub(super) fn has_reader(&self, name: &str) -> bool {
        let known = self.differences.values().filter_map(|outcome| outcome.as_ref().ok()?.as_ref());
        known.flat_map(|compared| compared.difference.present()).any(|reader| readers::label(reader) == name)
    }

    fn question(&self) -> Option<String> {
        let changing = || {
            let known =
                self.differences.iter().filter_map(|(path, outcome)| Some((path, outcome.as_ref().ok()?.as_ref()?)));
            known.map(|(path, compared)| (path, &compared.difference)).filter(|(_, difference)| !difference.is_empty())
        };
        let count = changing().count();
        if count == 0 {
            return None;
        }
        let shown: String =
            changing().map(|(path, difference)| difference.shown(&path.display().to_string())).collect();
        readers::show(&shown);
        Some(if count == 1 {
            "Change its readers?".to_owned()
        } else {
            format!("Change the readers of {count} files?")
        })
    }

    /// Shows, asks, and does.
    pub(super) fn carry_out(&self, found: &[Found], format: Option<Format>, manner: Manner) -> Outcome {
        if let Some(question) = self.question()
            && !manner.yes
            && !readers::is_wanted(&question)?
        {
            crate::faces::cli::output::tell("nothing was changed");
            return Ok(Exit::FINE);
        }
        let identity = Identity::gather();
        many::each(found, format, manner.words, manner.json, |found, document| {
            let Some(outcome) = self.differences.get(&found.path) else { return Ok(Step::NotOurs) };
            let Some(compared) = outcome.as_ref().map_err(Clone::clone)? else { return Ok(Step::NotOurs) };
            let known = compared.sealed.as_ref().filter(|sealed| sealed.as_bytes() == document.bytes.as_slice());
            let sealed = known.map_or_else(|| super::parse(document), |sealed| Ok(sealed.clone()))?;
            change(document, &sealed, &compared.difference, &identity, &manner)
        })
    }
}

fn difference(
    found: &Found,
    format: Option<Format>,
    wanted: impl Fn(&Found, &SealedDocument) -> Result<Vec<Group>, Report>,
) -> Result<Option<Compared>, Report> {
    let document = Document::read(&found.path, format)?;
    let Some(sealed) = many::sealed(found, &document)? else { return Ok(None) };
    let have = readers::of(sealed.metadata());
    let difference = Difference::between(have, wanted(found, &sealed)?);
    let sealed = (!difference.is_empty()).then_some(sealed);
    Ok(Some(Compared { difference, sealed }))
}

fn change(
    document: &Document,
    sealed: &SealedDocument,
    difference: &Difference,
    identity: &Identity,
    manner: &Manner,
) -> Result<Step, Report> {
    let name = &document.name;
    if difference.is_empty() {
        return Ok(Step::Same(Said::new(format!("{name} is up to date"), "unchanged")));
    }
    let fault = |fault: sops_file::SealError| unsealed(document, &fault);
    // The readers are not covered by the MAC: a wrong one does not stand in the way, and stays wrong.
    let rotates = manner.rotate && !difference.removed().is_empty();
    let mut opened = if rotates {
        open(document, sealed, identity, false)?
    } else {
        identity
            .open(sealed, OpenOptions { ignore_mac: true })
            .map_err(|fault| super::unopened(document, &fault, identity))?
    };
    difference.apply(&mut opened).map_err(fault)?;
    let now = super::now()?;
    let bytes = if rotates { opened.rotate_and_reseal(now) } else { opened.reseal(now) }.map_err(fault)?;
    let holds = |again: &sops_file::OpenedDocument| readers::of(again.sealed().metadata()) == difference.wanted();
    let verified = opened.is_verified();
    document.replace(&bytes, |written| {
        if verified { reads_again(document, sealed, &opened, written, identity, holds) } else { Ok(()) }
    })?;
    let words = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let parts = [words(difference.added().len(), "added"), words(difference.removed().len(), "taken out")];
    let rotated = if rotates { ", with a new data key" } else { "" };
    let text = format!("{name}: {}{rotated}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    Ok(Step::Done(
        Said::new(text, "updated").with("recipients", difference.to_json()).with("data_key_changed", rotates),
    ))
}
