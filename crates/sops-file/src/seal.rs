//! Plain document to sealed document: the values are replaced where they stand, the metadata appended
//! (SOPS reference 16, 17 `encrypt`, 10.8).
//!
//! Never lets anything out that does not open again to what went in.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cipher::DataKey;
use crate::draft::{Appended, Draft, Reuse, read_back, sealed_comments};
use crate::error::SealError;
use crate::format::Format;
use crate::opened::{OpenOptions, open_with};
use crate::plain::Plain;
use crate::recipient::wrap;
use crate::selection::Selection;
use crate::shamir;
use crate::value::Value;

/// The version of sops whose behaviour new files follow (reference 7.4).
pub(crate) const VERSION: &str = "3.13.3";

/// For whom and how a new document is sealed.
#[derive(Clone, Debug, Default)]
pub struct SealOptions {
    /// Key groups of age recipients; with one group each recipient opens the document alone.
    pub groups: Vec<Vec<String>>,
    /// How many groups are needed; 0 means all. Only with two or more groups.
    pub shamir_threshold: u32,
    /// What is sealed; none means sops's default, the suffix `_unencrypted` for what is not.
    pub selection: Option<Selection>,
    /// Whether the MAC covers sealed values only.
    pub mac_only_encrypted: bool,
    /// Indent of new lines where the document has none of its own (YAML: 2 to 9, for all new lines). None means that
    /// of the document, else 4 in YAML and a tab in JSON.
    pub indent: Option<usize>,
}

impl SealOptions {
    /// One group of recipients and sops's default settings.
    ///
    /// ```
    /// use sops_file::{Identities, SealOptions, Selection};
    ///
    /// let me = Identities::generate();
    /// let selection = Some(Selection::parse("encrypted_regex", "^(data|stringData)$")?);
    /// let options = SealOptions { selection, ..SealOptions::to(me.recipients()) };
    /// assert_eq!(options.groups.len(), 1);
    /// # Ok::<(), sops_file::SealError>(())
    /// ```
    pub fn to<I, S>(recipients: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self { groups: vec![recipients.into_iter().map(Into::into).collect()], ..Self::default() }
    }
}

/// Seals a plain document. `now` becomes `lastmodified` (whole seconds).
///
/// ```
/// use sops_file::{Format, Identities, SealOptions, seal};
///
/// let options = SealOptions::to(Identities::generate().recipients());
/// let sealed = seal(b"A=1\n", Format::Dotenv, &options, "2026-11-25T12:00:00Z".parse()?)?;
/// assert!(sealed.starts_with(b"A=ENC[AES256_GCM,data:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SealError`]; `AlreadySealed` when it has metadata (or any top-level key `sops`).
pub fn seal(plain: &[u8], format: Format, options: &SealOptions, now: Timestamp) -> Result<Vec<u8>, SealError> {
    let key = DataKey::generate()?;
    let selection = match format {
        Format::Binary => Selection::everything(),
        Format::Yaml | Format::Json | Format::Dotenv | Format::Ini => {
            options.selection.clone().unwrap_or_else(Selection::default_suffix)
        }
    };
    let draft = Draft::read(plain, format, options.indent)?;
    let (patches, mac) = draft.sealed_values(&selection, options.mac_only_encrypted, &key, &Reuse::default())?;
    let metadata = new_metadata(options, &selection, &key, mac, now)?;
    let text = draft.with_metadata(patches, &Appended::New(&metadata));
    let text = sealed_comments(&text, format, &key, &Reuse::default())?;
    let sealed = read_back(&text, format)?;
    let opened =
        open_with(&sealed, key, OpenOptions::default()).map_err(|_| SealError::ReadBack("it does not open"))?;
    draft.compare(&opened)?;
    Ok(text.as_bytes().to_vec())
}

pub(crate) fn seal_value(key: &DataKey, value: &Plain, aad: &str) -> Result<String, SealError> {
    Ok(value.with_bytes(|plain| key.seal(plain, aad.as_bytes(), value.kind()))?.to_string())
}

/// The sealed MAC for a time that is already rendered.
pub(crate) fn seal_mac(key: &DataKey, mac: &str, lastmodified: &str) -> Result<String, SealError> {
    seal_value(key, &Plain::text(mac), lastmodified)
}

/// `2026-11-23T07:05:41Z`
pub(crate) fn time_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The metadata of a new document, keys sorted as sops 3.13 does.
fn new_metadata(
    options: &SealOptions,
    selection: &Selection,
    key: &DataKey,
    mac: String,
    now: Timestamp,
) -> Result<Value, SealError> {
    let lastmodified = time_text(now);
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let groups: Vec<_> = options.groups.iter().filter(|group| !group.is_empty()).collect();
    match groups.as_slice() {
        [] => return Err(SealError::NoRecipients),
        [group] => {
            put("age", stanzas(group, key.expose())?);
        }
        groups => {
            let threshold = threshold(options.shamir_threshold, groups.len())?;
            let shares = shamir::split(key.expose(), groups.len(), threshold)?;
            let list: Result<Vec<_>, SealError> =
                groups.iter().zip(&shares).map(|(group, share)| group_value(group, share)).collect();
            put("key_groups", Value::List(list?));
            put("shamir_threshold", Value::Scalar(Plain::Int(i64::from(threshold))));
        }
    }
    put("mac", Value::text(seal_mac(key, &mac, &lastmodified)?));
    put("lastmodified", Value::text(lastmodified));
    let (setting, text) = selection.setting();
    if !text.is_empty() {
        put(setting, Value::text(text));
    }
    if options.mac_only_encrypted {
        put("mac_only_encrypted", Value::Scalar(Plain::Bool(true)));
    }
    put("version", Value::text(VERSION));
    Ok(Value::Map(fields.into_iter().collect()))
}

/// A key group; sops always writes the list `hc_vault`, even an empty one.
pub(crate) fn group_value(recipients: &[String], share: &[u8]) -> Result<Value, SealError> {
    let empty = ("hc_vault".to_owned(), Value::List(Vec::new()));
    Ok(Value::Map(vec![("age".to_owned(), stanzas(recipients, share)?), empty]))
}

pub(crate) fn threshold(asked: u32, groups: usize) -> Result<u8, SealError> {
    let all = u8::try_from(groups).ok().filter(|all| *all < 255);
    let all = all.ok_or(SealError::Settings { what: "too many key groups" })?;
    match asked {
        0 => Ok(all),
        1 => Err(SealError::Settings { what: "`shamir_threshold` must be at least 2" }),
        asked => u8::try_from(asked)
            .ok()
            .filter(|asked| *asked <= all)
            .ok_or(SealError::Settings { what: "`shamir_threshold` is larger than the number of key groups" }),
    }
}

fn stanzas(recipients: &[String], payload: &[u8]) -> Result<Value, SealError> {
    let stanza = |recipient: &String| stanza(recipient, payload);
    recipients.iter().map(stanza).collect::<Result<Vec<_>, _>>().map(Value::List)
}

/// One entry of the `age` list.
pub(crate) fn stanza(recipient: &str, payload: &[u8]) -> Result<Value, SealError> {
    let name = recipient.trim();
    let enc = wrap(name, payload)?;
    Ok(Value::Map(vec![("enc".to_owned(), Value::text(enc)), ("recipient".to_owned(), Value::text(name))]))
}
