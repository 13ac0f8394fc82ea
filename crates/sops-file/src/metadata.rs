//! The `sops` part of a document: who can open it, which settings hold, when and under which MAC it was
//! sealed (SOPS reference 7).
//!
//! Never changes anything and never drops what it does not know: edits work on the text.

use sha2::{Digest as _, Sha256};

use crate::error::ParseError;
use crate::moment::Moment;
use crate::plain::Plain;
use crate::selection::{SETTINGS, Selection};
use crate::tree::{Entry, Node};

/// What kind of master key an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// age, named by its recipient.
    Age,
    /// OpenPGP, named by its fingerprint.
    Pgp,
    /// AWS KMS, named by its ARN.
    Kms,
    /// Google Cloud KMS, named by its resource id.
    GcpKms,
    /// Huawei Cloud KMS, named by its key id.
    Hckms,
    /// Azure Key Vault, named by its URL.
    AzureKv,
    /// HashiCorp Vault, named by its URL.
    HcVault,
}

impl KeyKind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Age, Self::Pgp, Self::Kms, Self::GcpKms, Self::Hckms, Self::AzureKv, Self::HcVault];

    /// The name of the list in the metadata.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Pgp => "pgp",
            Self::Kms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::Hckms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
        }
    }

    fn naming_fields(self) -> &'static [&'static str] {
        match self {
            Self::Age => &["recipient"],
            Self::Pgp => &["fp"],
            Self::Kms => &["arn", "role"],
            Self::GcpKms => &["resource_id"],
            Self::Hckms => &["key_id"],
            Self::AzureKv => &["vault_url", "name", "version"],
            Self::HcVault => &["vault_address", "engine_path", "key_name"],
        }
    }
}

/// One master key and the data key (or share) sealed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub(crate) kind: KeyKind,
    pub(crate) name: String,
    pub(crate) enc: String,
    /// A digest of what else the entry says.
    pub(crate) details: [u8; 32],
}

impl Recipient {
    /// The kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public name: `age1…`, a fingerprint, an ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data key sealed for this recipient, exactly as it stands in the file. Two documents with an equal
    /// stanza have the same data key (reference 23.2).
    #[must_use]
    pub fn stanza(&self) -> &str {
        &self.enc
    }

    /// `age1…` for age, else kind and name, as `kms:arn:…`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.kind {
            KeyKind::Age => self.name.clone(),
            KeyKind::Pgp | KeyKind::Kms | KeyKind::GcpKms | KeyKind::Hckms | KeyKind::AzureKv | KeyKind::HcVault => {
                format!("{}:{}", self.kind.name(), self.name)
            }
        }
    }
}

/// The metadata of a document.
#[derive(Clone, Debug)]
pub struct Metadata {
    groups: Vec<Vec<Recipient>>,
    flat: bool,
    shamir_threshold: u32,
    lastmodified: String,
    /// In quotes, as sops wants it since 3.13.0.
    time_is_text: bool,
    moment: Moment,
    mac: Option<String>,
    selection: Option<Selection>,
    mac_only_encrypted: bool,
    version: Option<String>,
    unknown: Vec<(String, [u8; 32])>,
}

impl Metadata {
    /// All recipients, group by group in file order.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.groups.iter().flatten()
    }

    /// The age recipients among them, as they are written.
    pub fn age_recipients(&self) -> impl Iterator<Item = &str> {
        self.recipients().filter(|recipient| recipient.kind() == KeyKind::Age).map(Recipient::name)
    }

    /// The key groups; one when there is no secret sharing.
    #[must_use]
    pub fn groups(&self) -> &[Vec<Recipient>] {
        &self.groups
    }

    /// Whether the recipients stand directly under `sops` (one group).
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.flat
    }

    /// How many groups are needed: the field, or all groups when it is 0.
    #[must_use]
    pub fn threshold(&self) -> usize {
        match self.shamir_threshold {
            0 => self.groups.len(),
            threshold => threshold as usize,
        }
    }

    /// `shamir_threshold` as it stands; 0 when absent.
    #[must_use]
    pub fn shamir_threshold(&self) -> u32 {
        self.shamir_threshold
    }

    /// `lastmodified` as it stands in the file.
    #[must_use]
    pub fn lastmodified(&self) -> &str {
        &self.lastmodified
    }

    /// Whether `lastmodified` is a text; the sops program refuses a YAML timestamp without quotes since 3.13.0.
    #[must_use]
    pub fn time_is_text(&self) -> bool {
        self.time_is_text
    }

    /// The additional data of the MAC: `lastmodified` rendered again with whole seconds (reference 6.1).
    pub(crate) fn mac_aad(&self) -> String {
        self.moment.whole_seconds()
    }

    /// The sealed MAC; none when missing or empty.
    #[must_use]
    pub fn mac(&self) -> Option<&str> {
        self.mac.as_deref()
    }

    /// The selection setting that stands in the file, if any.
    #[must_use]
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// The selection that holds: the setting, else the suffix `_unencrypted`.
    pub(crate) fn effective_selection(&self) -> Selection {
        self.selection.clone().unwrap_or_else(Selection::default_suffix)
    }

    /// Whether only sealed values are hashed (reference 6.5).
    #[must_use]
    pub fn mac_only_encrypted(&self) -> bool {
        self.mac_only_encrypted
    }

    /// The version of sops that wrote the file. The sops program refuses a file without one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Fields that no version of sops writes, with a digest of what they hold. They are kept.
    pub(crate) fn unknown(&self) -> &[(String, [u8; 32])] {
        &self.unknown
    }

    /// Reads the metadata entry of the first document.
    pub(crate) fn read(sops: &Entry) -> Result<Self, ParseError> {
        let node = &sops.node;
        if !node.is_map() {
            return Err(fault("`sops` is not a map"));
        }
        let lastmodified = text(node, "lastmodified").ok_or(fault("`lastmodified` is missing"))?;
        let moment = Moment::rfc3339(&lastmodified).ok_or(fault("`lastmodified` is not a time"))?;
        let (groups, flat) = groups(node)?;
        let threshold = text(node, "shamir_threshold").unwrap_or_default();
        let threshold = threshold.strip_suffix(".0").unwrap_or(&threshold);
        let shamir_threshold = match threshold {
            "" => 0,
            digits => digits.parse().map_err(|_| fault("`shamir_threshold` is not a number"))?,
        };
        Ok(Self {
            groups,
            flat,
            shamir_threshold,
            lastmodified,
            time_is_text: node
                .get("lastmodified")
                .and_then(|entry| entry.node.scalar())
                .is_some_and(|scalar| scalar.value.as_text().is_some()),
            moment,
            mac: text(node, "mac").filter(|mac| !mac.is_empty()),
            selection: selection(node)?,
            mac_only_encrypted: text(node, "mac_only_encrypted")
                .is_some_and(|word| matches!(word.as_str(), "True" | "true" | "1")),
            version: text(node, "version").filter(|version| !version.is_empty()),
            unknown: unknown(node),
        })
    }
}

fn fault(what: &'static str) -> ParseError {
    ParseError::Metadata { what }
}

/// Numbers, booleans and times are taken as text (reference 7.2).
fn text(node: &Node, key: &str) -> Option<String> {
    let scalar = node.get(key)?.node.scalar()?;
    match &scalar.value {
        Plain::Null => None,
        Plain::Bool(_)
        | Plain::Int(_)
        | Plain::Float(_)
        | Plain::Time(_)
        | Plain::Text(_)
        | Plain::Bytes(_)
        | Plain::Comment(_) => scalar.value.with_bytes(|bytes| String::from_utf8(bytes.to_vec()).ok()),
    }
}

fn group(node: &Node) -> Result<Vec<Recipient>, ParseError> {
    let mut recipients = Vec::new();
    for kind in KeyKind::ALL {
        let Some(list) = node.get(kind.name()) else {
            continue;
        };
        for entry in list.node.entries() {
            let parts: Vec<String> = kind.naming_fields().iter().filter_map(|field| text(&entry.node, field)).collect();
            if parts.is_empty() {
                return Err(fault("a recipient has no name"));
            }
            let enc = text(&entry.node, "enc").unwrap_or_default();
            let details = details(&entry.node, kind);
            recipients.push(Recipient { kind, name: parts.join("/").trim().to_owned(), enc, details });
        }
    }
    Ok(recipients)
}

fn details(entry: &Node, kind: KeyKind) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in
        entry.entries().filter(|field| field.key != "enc" && !kind.naming_fields().contains(&field.key.as_str()))
    {
        hash.update(digest(&field.node));
        hash.update(&field.key);
    }
    hash.finalize().into()
}

/// The flat lists if any of them has an entry, else `key_groups` (reference 7.2).
fn groups(node: &Node) -> Result<(Vec<Vec<Recipient>>, bool), ParseError> {
    let flat = group(node)?;
    if !flat.is_empty() {
        return Ok((vec![flat], true));
    }
    let Some(list) = node.get("key_groups") else {
        return Err(fault("it names no recipient"));
    };
    let groups: Result<Vec<_>, _> = list.node.entries().map(|entry| group(&entry.node)).collect();
    let groups = groups?;
    if groups.iter().all(Vec::is_empty) {
        return Err(fault("it names no recipient"));
    }
    Ok((groups, false))
}

fn selection(node: &Node) -> Result<Option<Selection>, ParseError> {
    let mut found = None;
    for setting in SETTINGS {
        let Some(value) = text(node, setting).filter(|value| !value.is_empty()) else {
            continue;
        };
        let selection = Selection::new(setting, &value).and_then(Result::ok);
        let selection = selection.ok_or(ParseError::BadExpression { setting })?;
        if found.replace(selection).is_some() {
            return Err(fault("more than one selection setting"));
        }
    }
    Ok(found)
}

const FIELDS: [&str; 6] = ["key_groups", "shamir_threshold", "lastmodified", "mac", "mac_only_encrypted", "version"];

fn unknown(node: &Node) -> Vec<(String, [u8; 32])> {
    let known = |key: &str| {
        FIELDS.contains(&key) || SETTINGS.contains(&key) || KeyKind::ALL.iter().any(|kind| kind.name() == key)
    };
    node.entries().filter(|entry| !known(&entry.key)).map(|entry| (entry.key.clone(), digest(&entry.node))).collect()
}

pub(crate) fn digest(node: &Node) -> [u8; 32] {
    let mut hash = Sha256::new();
    absorb(node, &mut hash);
    hash.finalize().into()
}

fn absorb(node: &Node, hash: &mut Sha256) {
    if let Some(scalar) = node.scalar() {
        let bytes = scalar.value.bytes();
        hash.update(scalar.value.kind_name());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&*bytes);
        return;
    }
    hash.update(if node.is_map() { "{" } else { "[" });
    for entry in node.entries() {
        hash.update((entry.key.len() as u64).to_be_bytes());
        hash.update(&entry.key);
        absorb(&entry.node, hash);
    }
    hash.update("]");
}
