//! Reads `bypass`: who may bypass a soft policy, and what that costs.
//!
//! Every list names somebody, every number is in range. Who is in a team is asked when a change is judged.

use crate::policy::bypass::{BypassRule, MIN_REASON, RATIFY_WITHIN};
use crate::policy::diagnostic::{Code, Diagnostic};
use crate::policy::model::Enforcement;
use crate::policy::raw::{RawBypass, RawRule};
use crate::policy::read::{Faults, Field, Located};

use super::{environment, names};

/// Most characters a reason can be asked to have.
const LONGEST_REASON: u64 = 200;

/// The rule of a soft policy; `None` under a hard one, and where nothing could be read.
pub(super) fn one(raw: &RawRule, faults: &mut Faults) -> Option<BypassRule> {
    belongs(raw, faults);
    let written = raw.bypass.given()?;
    let key = raw.bypass.key()?;
    let rule = &written.value;
    Some(BypassRule {
        people: names::people((&rule.users, &rule.teams), (key, "nobody may bypass"), faults),
        min_reason: min_reason(rule, faults),
        second_person: said(&rule.second_person),
        own_change: said(&rule.own_change),
        ratify_within: environment::span(&rule.ratify_within, "ratify_within", faults).unwrap_or(RATIFY_WITHIN),
    })
}

fn said(switch: &Field<bool>) -> bool {
    switch.given().is_some_and(|switch| switch.value)
}

fn min_reason(raw: &RawBypass, faults: &mut Faults) -> u16 {
    let Some(Located { value, place }) = raw.min_reason.given() else { return MIN_REASON };
    match u16::try_from(*value) {
        Ok(least) if (1..=LONGEST_REASON).contains(value) => least,
        Ok(_) | Err(_) => {
            let message = format!("`min_reason` is {value}, it must be 1 to {LONGEST_REASON}");
            let help = "a bypass without a reason helps nobody who reads the record later";
            faults.push(Diagnostic::error(Code::OutOfRange, message).at(*place).help(help));
            MIN_REASON
        }
    }
}

/// `bypass` belongs to `soft`, and only there.
fn belongs(raw: &RawRule, faults: &mut Faults) {
    let soft = raw.enforcement.given().filter(|word| word.value == Enforcement::Soft);
    match (soft, raw.bypass.key()) {
        (Some(word), None) if raw.bypass.is_absent() => faults.push(
            Diagnostic::error(Code::Companion, "a soft policy must say who may bypass it")
                .at(word.place)
                .help("add `bypass` with `users` or `teams`"),
        ),
        (None, Some(place)) if !matches!(raw.enforcement, Field::Faulty) => faults.push(
            Diagnostic::error(Code::Conflict, "a hard policy cannot be bypassed")
                .at(place)
                .help("leave `bypass` out: it belongs to `enforcement: soft`"),
        ),
        (Some(_) | None, Some(_) | None) => {}
    }
}
