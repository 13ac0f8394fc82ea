//! Values that the ledger revoked: no verb brings one back, whatever it is sealed under.

use std::collections::BTreeSet;

use countersign_core::domain::Sequence;
use sops_file::diff::sealed_values;
use sops_file::{KeyPath, SealedDocument};

use super::document::Document;
use crate::engine::revoke::token;
use crate::faces::cli::args::LedgerArgs;
use crate::faces::cli::ledger::reading::Reading;
use crate::faces::exit::{Exit, Report};

/// What was revoked in this repository; nothing where there is no ledger.
pub(super) struct RevokedValues(Option<Reading>);

impl RevokedValues {
    /// Reads the ledger. One that is not valid may hide a revocation, and is refused.
    pub(super) fn read(args: &LedgerArgs) -> Result<Self, Report> {
        let reading = Reading::of(args)?;
        if reading.links.is_empty() {
            return Ok(Self(None));
        }
        if !reading.ledger.is_valid() {
            return Err(Report::new(Exit::UNVERIFIED, "the ledger is not valid, so nobody knows what was revoked")
                .help("`countersign verify` says what is wrong"));
        }
        Ok(Self(Some(reading)))
    }

    /// Refuses when a version of a document holds a revoked value where `now` does not hold the same one.
    pub(super) fn refuse(
        &self,
        (then, before): (&Document, &SealedDocument),
        now: Option<&SealedDocument>,
        concerns: impl Fn(&KeyPath) -> bool,
    ) -> Result<(), Report> {
        let Some(reading) = &self.0 else { return Ok(()) };
        let stands = now.map(sealed_values).unwrap_or_default();
        let returning = sealed_values(before).into_iter().filter(|value| concerns(&value.0) && !stands.contains(value));
        let revoked: BTreeSet<(Sequence, String)> = returning
            .filter_map(|(key, text)| Some((reading.ledger.state().revoked(token(&text))?.0, key.to_string())))
            .collect();
        let Some((entry, _)) = revoked.first() else { return Ok(()) };
        let keys: Vec<_> = revoked.iter().map(|(_, key)| format!("`{key}`")).collect();
        let what = format!("{} of {} was revoked by {}", keys.join(", "), then.name, entry.label());
        Err(Report::new(Exit::REFUSED, what)
            .help("nothing was changed; go back to another state, or give the key a new value with `countersign set`"))
    }
}
