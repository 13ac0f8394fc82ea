//! `recipients`: who reads documents; and adding and taking out readers by name.
//!
//! Listing needs no identity. Whoever is taken out is kept from later versions by a new data key.

use std::path::Path;

use anstyle::Style;
use serde_json::{Value, json};
use sops_file::{SealedDocument, check_recipient};

use super::document::Document;
use super::identities::Identity;
use super::many::found::{self, Found};
use super::many::{self, Words};
use super::readers::{self, Difference};
use super::rules::Rules;
use super::updatekeys::{Manner, Plan};
use crate::faces::cli::args::RecipientsArgs;
use crate::faces::cli::{Outcome, output};
use crate::faces::exit::{Exit, Report, printable};

const WORDS: Words = Words { done: "changed", same: "as wanted already", what: "sealed document" };

/// Lists the readers, or changes them.
pub(in crate::faces::cli) fn run(args: RecipientsArgs, json: bool) -> Outcome {
    let found = found::of_batch(&args.batch)?;
    let format = args.batch.naming.input_type;
    if args.add.is_empty() && args.remove.is_empty() {
        return list(&found, format, json);
    }
    for recipient in &args.add {
        check_recipient(recipient)
            .map_err(|fault| Report::new(Exit::of_sops(fault.exit_code()), &fault).help(fault.help()))?;
    }
    let plan = Plan::of(&found, format, |found, sealed| {
        let groups = readers::of(sealed.metadata());
        let group = match (args.group, groups.len()) {
            (Some(number), several) if number <= several && number > 0 => number - 1,
            (None, 1) => 0,
            (None, _) if args.add.is_empty() => 0,
            (Some(_) | None, several) => {
                let what = format!("`{}` has {}", found.path.display(), output::count(several, "key group"));
                return Err(Report::usage(what).help("`--group NUMBER` says which one to add to"));
            }
        };
        Ok(Difference::edit(groups, &args.add, &args.remove, group).into_wanted())
    });
    // A name that is misspelt must not look like one that was taken out.
    if let Some(stranger) = args.remove.iter().find(|name| !plan.has_reader(name.trim())) {
        return Err(Report::new(Exit::FAILED, format!("`{}` reads none of these documents", stranger.trim()))
            .help("`countersign recipients` lists who does"));
    }
    let outcome =
        plan.carry_out(&found, format, Manner { yes: args.yes, rotate: !args.keep_data_key, json, words: WORDS })?;
    warn_of_rules(&plan, &args)?;
    Ok(outcome)
}

/// The creation rules would undo it at the next `updatekeys`.
fn warn_of_rules(plan: &Plan, args: &RecipientsArgs) -> Result<(), Report> {
    let rules = Rules::configured(None)?;
    let disagrees = |path: &&Path| {
        let Some(groups) = rules.readers_if_any(path) else { return false };
        let named: Vec<_> = readers::of_rule(groups).iter().flatten().map(readers::label).collect();
        let is_named = |recipient: &String| named.iter().any(|name| name == recipient.trim());
        !args.add.iter().all(is_named) || args.remove.iter().any(is_named)
    };
    if let Some(first) = plan.documents().find(disagrees) {
        output::warn(
            format!("the creation rule of `{}` names other readers", first.display()),
            "change `.sops.yaml` as well; `countersign updatekeys` would undo this",
        );
    }
    Ok(())
}

fn list(found: &[Found], format: Option<sops_file::Format>, json: bool) -> Outcome {
    let identity = Identity::gather();
    let (mut rows, mut text, mut exit, mut none) = (Vec::new(), String::new(), Exit::FINE, true);
    for one in found {
        let sealed = Document::read(&one.path, format)
            .and_then(|document| Ok(many::sealed(one, &document)?.map(|sealed| (document, sealed))));
        match sealed {
            Ok(None) => {}
            Ok(Some((document, sealed))) => {
                none = false;
                rows.push(machine(&document, &sealed, &identity));
                text += &lines(&document, &sealed, &identity, found.len() > 1);
            }
            Err(report) if found.len() > 1 => {
                none = false;
                report.print(json);
                exit = report.exit();
            }
            Err(report) => return Err(report),
        }
    }
    if none {
        return Err(Report::new(Exit::NO_FILE, "there is no sealed document there").help("name sealed documents"));
    }
    if json {
        output::json(&json!({"version": 1, "files": rows}))?;
    } else {
        output::say(&text)?;
    }
    Ok(exit)
}

fn machine(document: &Document, sealed: &SealedDocument, identity: &Identity) -> Value {
    let metadata = sealed.metadata();
    let reader = |recipient: &sops_file::Recipient| json!({"kind": recipient.kind().name(), "name": recipient.name(), "own": identity.is_own(recipient.name())});
    let groups: Vec<Vec<Value>> = metadata.groups().iter().map(|group| group.iter().map(reader).collect()).collect();
    let threshold = (!metadata.is_flat()).then(|| metadata.threshold());
    json!({"path": document.name, "groups": groups, "threshold": threshold})
}

fn lines(document: &Document, sealed: &SealedDocument, identity: &Identity, headed: bool) -> String {
    let (bold, metadata) = (Style::new().bold(), sealed.metadata());
    let mut text = String::new();
    if headed {
        text += &format!("{bold}{}{bold:#}\n", printable(&document.name));
    }
    let groups = metadata.groups().len();
    for (number, group) in metadata.groups().iter().enumerate() {
        if groups > 1 {
            text += &format!("key group {} of {groups} ({} needed)\n", number + 1, metadata.threshold());
        }
        for recipient in group {
            let own = if identity.is_own(recipient.name()) { "  yours" } else { "" };
            text += &format!("{}{own}\n", printable(&recipient.label()));
        }
    }
    text
}
