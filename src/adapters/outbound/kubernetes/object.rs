//! A Secret as the API server sends it: its data, what we noted there, and who holds which of its fields (`managedFields`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::domain::{Oid, Sequence};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::api::MANAGER;
use crate::engine::ports::{Held, Holders, Seen, Tag};

pub(super) const TARGET: &str = "countersign.dev/target";
pub(super) const GENERATION: &str = "countersign.dev/generation";
const COMMIT: &str = "countersign.dev/commit";
const DECISION: &str = "countersign.dev/decision";
const CONTENT: &str = "countersign.dev/content";

/// A Secret, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretWire {
    pub(super) kind: Option<String>,
    pub(super) metadata: MetadataWire,
    pub(super) r#type: Option<String>,
    pub(super) immutable: Option<bool>,
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataWire {
    pub(super) resource_version: Option<String>,
    pub(super) deletion_timestamp: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    managed_fields: Option<Vec<HolderWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HolderWire {
    manager: Option<String>,
    operation: Option<String>,
    fields_v1: Option<Map<String, Value>>,
}

impl SecretWire {
    /// What it holds. `None`: it is not as the API describes it.
    pub(super) fn held(self) -> Option<Held> {
        let wire = self;
        let version = wire.metadata.resource_version?;
        let mut values = BTreeMap::new();
        for (key, text) in wire.data.unwrap_or_default() {
            let text = Zeroizing::new(text);
            let value = Zeroizing::new(STANDARD.decode(text.as_bytes()).ok()?);
            values.insert(key, Seen::Value(value));
        }
        let tag = wire.metadata.annotations.as_ref().and_then(tag);
        let managed = wire.metadata.managed_fields.unwrap_or_default();
        let mut holders = Holders { forgotten: managed.is_empty(), ..Holders::default() };
        for holder in managed {
            let ours = holder.manager.as_deref() == Some(MANAGER) && holder.operation.as_deref() == Some("Apply");
            let into = if ours { &mut holders.ours } else { &mut holders.theirs };
            let fields = holder.fields_v1.unwrap_or_default();
            into.extend(below(&fields, &["f:data"]).filter(|key| values.contains_key(*key)).map(str::to_owned));
            if !ours {
                let noted = below(&fields, &["f:metadata", "f:annotations"]).filter(|name| is_note(name));
                into.extend(noted.map(str::to_owned));
            }
        }
        Some(Held { values, version: Some(version), tag, live: true, blind: false, holders })
    }
}

/// Nothing is there yet.
pub(super) fn nothing() -> Held {
    let (values, holders) = (BTreeMap::new(), Holders::default());
    Held { values, version: None, tag: None, live: false, blind: false, holders }
}

/// Whether somebody else holds one of our notes. No key has a name with a slash.
pub(super) fn notes_are_taken(held: &Held) -> bool {
    held.holders.theirs.iter().any(|name| is_note(name))
}

fn is_note(name: &str) -> bool {
    [TARGET, GENERATION, COMMIT, DECISION, CONTENT].contains(&name)
}

/// Names of the fields at a place, as `fieldsV1` writes them: `f:` and the name.
pub(super) fn below<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> impl Iterator<Item = &'a str> {
    let at = path.iter().try_fold(fields, |fields, part| fields.get(*part)?.as_object());
    at.into_iter().flatten().filter_map(|(name, _)| name.strip_prefix("f:"))
}

/// The account of who holds what, where we alone hold anything: these keys, and our notes if there are any.
pub(super) fn account<'a>(keys: impl Iterator<Item = &'a String>, noted: Option<&Tag>) -> Value {
    let held = |names: &mut dyn Iterator<Item = &str>| -> Map<String, Value> {
        names.map(|name| (format!("f:{name}"), json!({}))).collect()
    };
    let data = held(&mut keys.map(String::as_str));
    let notes = held(&mut noted.map(annotations).unwrap_or_default().into_keys());
    json!([{
        "manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": data, "f:metadata": {"f:annotations": notes}},
    }])
}

/// What is noted at an object.
pub(super) fn annotations(tag: &Tag) -> BTreeMap<&'static str, String> {
    let mut noted = BTreeMap::from([
        (TARGET, tag.target.clone()),
        (GENERATION, tag.generation.to_string()),
        (COMMIT, tag.commit.as_str().to_owned()),
        (DECISION, tag.decision.clone()),
    ]);
    noted.extend(tag.content.clone().map(|content| (CONTENT, content)));
    noted
}

fn tag(noted: &BTreeMap<String, String>) -> Option<Tag> {
    Some(Tag {
        target: noted.get(TARGET)?.clone(),
        generation: Sequence::new(noted.get(GENERATION)?.parse().ok()?),
        commit: Oid::parse(noted.get(COMMIT)?).ok()?,
        decision: noted.get(DECISION)?.clone(),
        content: noted.get(CONTENT).cloned(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn found(secret: Value) -> Option<Held> {
        serde_json::from_value::<SecretWire>(secret).unwrap().held()
    }

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn who_holds_a_key_is_read_from_the_managed_fields() {
        // the shape of an answer of a cluster: an apply of ours, a `kubectl edit`, a manager of the same name that updates
        let held = found(json!({
            "kind": "Secret", "apiVersion": "v1", "type": "Opaque",
            "metadata": {"name": "app", "namespace": "payments", "resourceVersion": "41", "annotations": {"a": "b"},
                "managedFields": [
                    {"manager": "countersign", "operation": "Apply", "apiVersion": "v1", "time": "2026-11-26T08:00:00Z",
                     "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:db.password": {}, "f:both": {}},
                        "f:metadata": {"f:annotations": {"f:countersign.dev/target": {}}}, "f:type": {}}},
                    {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                     "fieldsV1": {"f:data": {".": {}, "f:foreign": {}, "f:both": {}, "f:gone": {}}, "f:type": {},
                        "f:metadata": {"f:annotations": {".": {}, "f:a": {}}}}},
                    {"manager": "countersign", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                     "fieldsV1": {"f:data": {"f:updated": {}}}}]},
            "data": {"db.password": "YQ==", "both": "Yg==", "foreign": "//4=", "updated": "", "unheld": "Yw=="},
        }))
        .unwrap();
        assert_eq!(names(&held.holders.ours), ["both", "db.password"]);
        assert_eq!(names(&held.holders.theirs), ["both", "foreign", "updated"]);
        assert!(!notes_are_taken(&held) && held.tag.is_none() && held.live && !held.blind);
        let Seen::Value(value) = &held.values["foreign"] else { panic!("a value") };
        assert_eq!((value.as_slice(), held.version.as_deref()), ([0xff, 0xfe].as_slice(), Some("41")));
    }

    #[test]
    fn what_is_noted_reads_back_and_who_took_a_note_is_seen() {
        let tag = Tag {
            target: "acme/app production/k8s".to_owned(),
            generation: Sequence::new(12),
            commit: Oid::parse(&"ab".repeat(20)).unwrap(),
            decision: "L-11".to_owned(),
            content: Some("0b8e".to_owned()),
        };
        let held = found(json!({
            "metadata": {"resourceVersion": "1", "annotations": annotations(&tag), "managedFields": [
                {"manager": "kubectl-annotate", "operation": "Update",
                 "fieldsV1": {"f:metadata": {"f:annotations": {"f:countersign.dev/commit": {}}}}}]},
        }))
        .unwrap();
        assert_eq!(held.tag, Some(tag));
        assert!(notes_are_taken(&held) && held.values.is_empty());
    }

    #[test]
    fn what_is_no_secret_is_none() {
        for odd in [json!({"metadata": {}}), json!({"metadata": {"resourceVersion": "1"}, "data": {"a": "%"}})] {
            assert!(found(odd).is_none());
        }
    }
}
