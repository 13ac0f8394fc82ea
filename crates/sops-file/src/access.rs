//! Who can open a document: recipients come and go, key groups are formed (SOPS reference 9, 17).
//!
//! Never seals a data key to somebody whom the first document's metadata, or the caller, does not name; never drops
//! a key of a kind it cannot serve without being told to.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::cipher::DataKey;
use crate::creation_rules::RuleKey;
use crate::error::SealError;
use crate::metadata::{KeyKind, Metadata, Recipient};
use crate::metadata_edit::{Change, change, copies_agree};
use crate::opened::OpenedDocument;
use crate::path::{KeyPath, Step};
use crate::plain::Plain;
use crate::seal::{group_value, stanza, threshold};
use crate::shamir;
use crate::value::Value;

/// How recipients are to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientEdit {
    /// Who is to be able to open the document, too.
    pub add: Vec<String>,
    /// Whose stanza is taken out. Without a rotation they keep what they have seen and can still open old versions.
    pub remove: Vec<String>,
}

/// What each group is given: the data key itself, or its share.
pub(crate) type Payloads = Vec<Zeroizing<Vec<u8>>>;

impl OpenedDocument {
    /// Adds and removes recipients under the same data key; values, MAC and time stay as they are, as with
    /// `updatekeys`. With key groups this removes from every group; [`OpenedDocument::edit_group`] adds. Returns
    /// whether anything changed.
    ///
    /// # Errors
    /// [`SealError::Metadata`] when nobody would be left, or when there are key groups and nothing says to which of
    /// them to add.
    pub fn edit_recipients(&mut self, edit: &RecipientEdit) -> Result<bool, SealError> {
        let groups = self.sealed.metadata().groups().len();
        if groups > 1 && !edit.add.is_empty() {
            return Err(SealError::Metadata { what: "the document has key groups: name the one to add to" });
        }
        let mut wanted = named(self.sealed.metadata());
        wanted.iter_mut().for_each(|group| take_out(group, &edit.remove));
        if let Some(group) = wanted.first_mut() {
            put_in(group, &edit.add);
        }
        self.regroup(&wanted, None)
    }

    /// Adds and removes recipients of one key group, counted from 0.
    ///
    /// # Errors
    /// [`SealError::Metadata`] when there is no such group, or nobody would be left in it.
    pub fn edit_group(&mut self, group: usize, edit: &RecipientEdit) -> Result<bool, SealError> {
        let mut wanted = named(self.sealed.metadata());
        let group = wanted.get_mut(group).ok_or(SealError::Metadata { what: "there is no such key group" })?;
        take_out(group, &edit.remove);
        put_in(group, &edit.add);
        self.regroup(&wanted, None)
    }

    /// Makes these the key groups, as `updatekeys` does with those of a creation rule: the data key, the values, the
    /// MAC and the time stay. Groups are compared as sets. Without a threshold the file's is kept, but at most the
    /// number of groups. Returns whether anything changed.
    ///
    /// Keys of kinds that cannot be served keep their stanza where their group keeps its share; otherwise the change
    /// is refused.
    ///
    /// # Errors
    /// [`SealError::Recipient`] naming a key that would have to be served and cannot.
    pub fn set_groups(&mut self, groups: &[Vec<RuleKey>], shamir_threshold: Option<u32>) -> Result<bool, SealError> {
        let groups: Vec<_> = groups.iter().filter(|group| !group.is_empty()).map(|group| distinct(group)).collect();
        self.regroup(&groups, shamir_threshold)
    }

    fn regroup(&mut self, wanted: &[Vec<RuleKey>], shamir_threshold: Option<u32>) -> Result<bool, SealError> {
        self.must_agree()?;
        if wanted.is_empty() || wanted.iter().any(Vec::is_empty) {
            return Err(SealError::Metadata { what: "nobody would be left to open the document" });
        }
        let metadata = self.sealed.metadata();
        let count = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
        let needed = match (wanted.len(), shamir_threshold, metadata.shamir_threshold()) {
            (1, _, _) => 0,
            (_, Some(0), _) | (_, None, 0) => count,
            (_, Some(asked), _) => asked,
            (_, None, kept) => kept.min(count),
        };
        let (old, new) = (sets(&named(metadata)), sets(wanted));
        let before = u32::try_from(metadata.threshold()).unwrap_or(u32::MAX);
        let same_sharing = metadata.groups().len() == wanted.len() && (wanted.len() == 1 || before == needed);
        if old == new && same_sharing {
            return Ok(false);
        }
        let changes = match self.kept_payloads().filter(|_| same_sharing) {
            Some(payloads) => (exchanged(metadata, wanted, &payloads)?, self.shares.clone()),
            None => self.shared_anew(wanted, needed)?,
        };
        let had_changed = self.changed;
        let text = change(&self.sealed, &changes.0)?;
        let all = self.elsewhere(None);
        self.take_if_same(&text, all)?;
        self.shares = changes.1;
        // The MAC does not cover recipients: nothing has to be sealed again for them.
        self.changed = had_changed;
        self.recipients_changed = true;
        Ok(true)
    }

    /// What each group holds now, where that is known: the key, or the shares that those opened determine.
    fn kept_payloads(&self) -> Option<Payloads> {
        let metadata = self.sealed.metadata();
        let count = metadata.groups().len();
        if count == 1 {
            return Some(vec![Zeroizing::new(self.key.expose().to_vec())]);
        }
        let enough = self.shares.len() >= metadata.threshold().max(2);
        let in_place =
            self.shares.iter().all(|(group, share)| share.last().map(|x| usize::from(*x)) == Some(group + 1));
        if !enough || !in_place {
            return None;
        }
        let shares: Vec<_> = self.shares.iter().map(|(_, share)| share.clone()).collect();
        (1..=u8::try_from(count).ok()?).map(|x| shamir::share_at(&shares, x)).collect()
    }

    /// New shares for all groups, or the key for the one group that is left.
    fn shared_anew(&self, wanted: &[Vec<RuleKey>], needed: u32) -> Result<(Vec<Change>, Shares), SealError> {
        let payloads = payloads(&self.key, wanted.len(), needed)?;
        let names: Vec<Vec<String>> = wanted.iter().map(|group| served_names(group)).collect::<Result<_, _>>()?;
        let (root, sops) = (KeyPath::root, self.sealed.tree.documents.first().and_then(|d| d.sops.as_ref()));
        let has = |field: &str| sops.is_some_and(|sops| sops.node.get(field).is_some());
        let kinds = KeyKind::ALL.map(KeyKind::name);
        let mut changes = Vec::new();
        let mut take_out = |field: &str| {
            if has(field) {
                changes.push(Change::Remove { at: root().key(field) });
            }
        };
        if let ([names], [payload]) = (names.as_slice(), payloads.as_slice()) {
            ["key_groups", "shamir_threshold"].into_iter().for_each(&mut take_out);
            kinds.into_iter().filter(|kind| *kind != "age").for_each(&mut take_out);
            let value = names.iter().map(|name| stanza(name, payload)).collect::<Result<_, _>>().map(Value::List)?;
            changes.insert(0, Change::Field { map: root(), name: "age", value });
            return Ok((changes, Vec::new()));
        }
        kinds.into_iter().for_each(&mut take_out);
        let groups: Result<_, SealError> =
            names.iter().zip(&payloads).map(|(names, share)| group_value(names, share)).collect();
        let number = Value::Scalar(Plain::Int(i64::from(needed)));
        changes.insert(0, Change::Field { map: root(), name: "shamir_threshold", value: number });
        changes.insert(0, Change::Field { map: root(), name: "key_groups", value: Value::List(groups?) });
        Ok((changes, payloads.into_iter().enumerate().collect()))
    }

    /// Only the first document's metadata count; the copies in the others must say the same.
    pub(crate) fn must_agree(&self) -> Result<(), SealError> {
        if copies_agree(&self.sealed.tree) { Ok(()) } else { Err(DISAGREE) }
    }
}

/// Shares by the number of their group.
pub(crate) type Shares = Vec<(usize, Zeroizing<Vec<u8>>)>;

pub(crate) const DISAGREE: SealError =
    SealError::Metadata { what: "the documents of this file carry different metadata" };

/// The key for one group, its shares for several.
pub(crate) fn payloads(key: &DataKey, groups: usize, asked: u32) -> Result<Payloads, SealError> {
    if groups == 1 {
        return Ok(vec![Zeroizing::new(key.expose().to_vec())]);
    }
    Ok(shamir::split(key.expose(), groups, threshold(asked, groups)?)?)
}

pub(crate) fn unserved(key: &RuleKey) -> SealError {
    let why = "only age keys can be served here; this one would lose access";
    SealError::Recipient { recipient: format!("{}:{}", key.kind.name(), key.name), why }
}

fn served_names(group: &[RuleKey]) -> Result<Vec<String>, SealError> {
    let name = |key: &RuleKey| match key.kind {
        KeyKind::Age => Ok(key.name.clone()),
        KeyKind::Pgp | KeyKind::Kms | KeyKind::GcpKms | KeyKind::Hckms | KeyKind::AzureKv | KeyKind::HcVault => {
            Err(unserved(key))
        }
    };
    group.iter().map(name).collect()
}

fn named(metadata: &Metadata) -> Vec<Vec<RuleKey>> {
    let key = |recipient: &Recipient| RuleKey { kind: recipient.kind(), name: recipient.name().to_owned() };
    metadata.groups().iter().map(|group| group.iter().map(key).collect()).collect()
}

fn sets(groups: &[Vec<RuleKey>]) -> Vec<BTreeSet<RuleKey>> {
    groups.iter().map(|group| group.iter().cloned().collect()).collect()
}

fn distinct(group: &[RuleKey]) -> Vec<RuleKey> {
    let mut seen = BTreeSet::new();
    group.iter().filter(|key| seen.insert(*key)).cloned().collect()
}

/// Age recipients by name, other keys as `kms:arn:…`, as labels show them.
fn take_out(group: &mut Vec<RuleKey>, names: &[String]) {
    let is_named = |key: &RuleKey| {
        names.iter().map(|name| name.trim()).any(|name| match key.kind {
            KeyKind::Age => key.name == name,
            KeyKind::Pgp | KeyKind::Kms | KeyKind::GcpKms | KeyKind::Hckms | KeyKind::AzureKv | KeyKind::HcVault => {
                name.strip_prefix(key.kind.name()).and_then(|rest| rest.strip_prefix(':')) == Some(&key.name)
            }
        })
    };
    group.retain(|key| !is_named(key));
}

fn put_in(group: &mut Vec<RuleKey>, names: &[String]) {
    for name in names {
        let key = RuleKey { kind: KeyKind::Age, name: name.trim().to_owned() };
        if !group.contains(&key) {
            group.push(key);
        }
    }
}

/// Where the lists of a group stand.
pub(crate) fn place(metadata: &Metadata, group: usize) -> KeyPath {
    if metadata.is_flat() { KeyPath::root() } else { KeyPath::root().key("key_groups").index(group) }
}

/// What goes is taken out, what comes is sealed to; everybody else keeps the stanza.
fn exchanged(metadata: &Metadata, wanted: &[Vec<RuleKey>], payloads: &Payloads) -> Result<Vec<Change>, SealError> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for (number, (old, new)) in named(metadata).iter().zip(wanted).enumerate() {
        let place = place(metadata, number);
        let fresh: Vec<_> = new.iter().filter(|key| !old.contains(key)).cloned().collect();
        for name in served_names(&fresh)? {
            let value = stanza(&name, &payloads[number])?;
            added.push(Change::Element { map: place.clone(), list: KeyKind::Age.name(), value });
        }
        let mut positions = std::collections::BTreeMap::<KeyKind, usize>::new();
        for key in old {
            let position = positions.entry(key.kind).or_default();
            if !new.contains(key) {
                removed.push(place.key(key.kind.name()).with(Step::Index(*position)));
            }
            *position += 1;
        }
    }
    // From behind, so that the positions still hold.
    added.extend(removed.into_iter().rev().map(|at| Change::Remove { at }));
    Ok(added)
}
