//! How a ledger is forged without the key that signs it: an entry of one's own on top, or an old one rewritten.
//!
//! What comes out here looks as right as it can; telling it apart is the business of `verify`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::domain::{Login, Oid};
use countersign_core::ledger::{Entry, Envelope, RawLink, SigningKey, Statement};
use serde_json::{Map, Value};

use crate::faces::demo::stage::Stop;

fn broken(why: impl std::fmt::Display) -> Stop {
    Stop::unmet("a ledger entry that can be read", why.to_string())
}

fn read(link: &RawLink) -> Result<(Envelope, Statement), Stop> {
    let bytes = link.envelope.as_deref().ok_or_else(|| broken("it holds no entry"))?;
    let envelope = Envelope::parse(bytes).map_err(broken)?;
    let statement = Statement::parse(envelope.payload()).map_err(broken)?;
    Ok((envelope, statement))
}

/// The entry that would come next and says `commit` was merged, signed by a key of the forger's.
pub(super) fn on_top(links: &[RawLink], commit: &str, key: &SigningKey) -> Result<Vec<u8>, Stop> {
    let (last, mut statement) = read(links.last().ok_or_else(|| broken("the ledger is empty"))?)?;
    statement.sequence = statement.sequence.next();
    statement.previous = Some(last.digest());
    statement.key = key.fingerprint();
    if let Entry::Merge(merge) = &mut statement.entry {
        merge.commit = Oid::parse(commit).map_err(broken)?;
    }
    Ok(Envelope::sign(statement.to_bytes().map_err(broken)?, key).to_bytes())
}

/// The last decision with one of its approvers exchanged, under the signature it had; and where it stands.
pub(super) fn rewritten(links: &[RawLink], instead: &str) -> Result<(usize, Vec<u8>), Stop> {
    for (at, link) in links.iter().enumerate().rev() {
        let (_, mut statement) = read(link)?;
        let Entry::Decision(decision) = &mut statement.entry else { continue };
        let approval = decision.approved_by.first_mut().ok_or_else(|| broken("nobody approved"))?;
        approval.login = Login::parse(instead).map_err(broken)?;
        let payload = STANDARD.encode(statement.to_bytes().map_err(broken)?);
        let bytes = link.envelope.as_deref().unwrap_or_default();
        let mut envelope: Map<String, Value> = serde_json::from_slice(bytes).map_err(broken)?;
        envelope.insert("payload".to_owned(), payload.into());
        let mut bytes = serde_json::to_vec(&envelope).map_err(broken)?;
        bytes.push(b'\n');
        return Ok((at, bytes));
    }
    Err(broken("there is no decision"))
}
