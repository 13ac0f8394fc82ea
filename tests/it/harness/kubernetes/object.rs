//! A Secret as an API server keeps it: data, annotations, and who holds which field (server-side apply, as its documentation
//! describes merging, conflicts and what is taken away).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A field: the map it is in, `data`, `annotations` or ``, and its name.
pub(super) type Field = (&'static str, String);

/// Fields with what they hold.
pub(super) type Fields = BTreeMap<Field, Vec<u8>>;

/// Somebody who holds fields.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) manager: String,
    operation: &'static str,
    fields: BTreeSet<Field>,
}

/// One Secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Object {
    pub(super) fields: Fields,
    pub(super) holders: Vec<Holder>,
    pub(super) immutable: bool,
    pub(super) version: u64,
}

impl Object {
    /// Somebody changes it without applying: what changed is theirs alone from now on.
    pub(super) fn update(&mut self, manager: &str, fields: Fields) {
        let changed = |(field, value): &(&Field, &Vec<u8>)| self.fields.get(*field) != Some(*value);
        let changed: BTreeSet<Field> = fields.iter().filter(changed).map(|(field, _)| field.clone()).collect();
        let tracked = self.fields.is_empty() || !self.holders.is_empty();
        for holder in &mut self.holders {
            holder.fields.retain(|field| !changed.contains(field) && fields.contains_key(field));
        }
        self.fields = fields;
        // once nobody is known to hold anything, only an apply begins to keep account again
        if tracked {
            self.hold(manager, "Update", |held| held.extend(changed));
        }
    }

    /// Somebody writes down who holds what, and that is only themselves.
    pub(super) fn account(&mut self, manager: &str, fields: BTreeSet<Field>) {
        self.holders = vec![Holder { manager: manager.to_owned(), operation: "Apply", fields }];
    }

    /// Somebody applies these fields: conflicts, as holder and field, or nothing where it is done.
    pub(super) fn apply(&mut self, manager: &str, fields: &Fields, force: bool) -> Vec<(String, Field)> {
        let own = |holder: &Holder| holder.manager == manager && holder.operation == "Apply";
        if self.holders.is_empty() && !self.fields.is_empty() {
            let all: Vec<Field> = self.fields.keys().cloned().collect();
            self.hold("before-first-apply", "Update", |held| held.extend(all));
        }
        let differs = |field: &Field| fields.get(field).is_some_and(|value| self.fields.get(field) != Some(value));
        let others = self.holders.iter().filter(|holder| !own(holder));
        let conflicts: Vec<(String, Field)> = others
            .flat_map(|holder| holder.fields.iter().map(|field| (holder.manager.clone(), field.clone())))
            .filter(|(_, field)| differs(field))
            .collect();
        if !conflicts.is_empty() && !force {
            return conflicts;
        }
        for holder in self.holders.iter_mut().filter(|holder| !own(holder)) {
            holder.fields.retain(|field| !conflicts.iter().any(|(_, taken)| taken == field));
        }
        let before: BTreeSet<Field> =
            self.holders.iter().filter(|holder| own(holder)).flat_map(|holder| holder.fields.clone()).collect();
        for field in before.iter().filter(|field| !fields.contains_key(*field)) {
            if !self.holders.iter().any(|holder| !own(holder) && holder.fields.contains(field)) {
                self.fields.remove(field);
            }
        }
        self.fields.extend(fields.clone());
        self.hold(manager, "Apply", |held| *held = fields.keys().cloned().collect());
        Vec::new()
    }

    fn hold(&mut self, manager: &str, operation: &'static str, change: impl FnOnce(&mut BTreeSet<Field>)) {
        let own = |holder: &Holder| holder.manager == manager && holder.operation == operation;
        if !self.holders.iter().any(own) {
            self.holders.push(Holder { manager: manager.to_owned(), operation, fields: BTreeSet::new() });
        }
        if let Some(holder) = self.holders.iter_mut().find(|holder| own(holder)) {
            change(&mut holder.fields);
        }
        self.holders.retain(|holder| !holder.fields.is_empty());
    }

    /// What is in one of the maps.
    pub(super) fn map(&self, map: &str) -> BTreeMap<String, Vec<u8>> {
        let of = self.fields.iter().filter(|((of, _), _)| *of == map);
        of.map(|((_, name), value)| (name.clone(), value.clone())).collect()
    }

    fn r#type(&self) -> String {
        let value = self.fields.get(&("", "type".to_owned())).cloned();
        value.map_or_else(|| "Opaque".to_owned(), |value| String::from_utf8(value).expect("a type"))
    }

    /// As the API shows it.
    pub(super) fn shown(&self, namespace: &str, name: &str) -> Value {
        let data = self.map("data").into_iter().map(|(key, value)| (key, Value::from(STANDARD.encode(value))));
        let text = |value: Vec<u8>| Value::from(String::from_utf8(value).expect("a text"));
        let annotations = self.map("annotations").into_iter().map(|(key, value)| (key, text(value)));
        let mut metadata = json!({
            "name": name, "namespace": namespace, "uid": "8f1c3a0e-1111-4222-8333-444455556666",
            "resourceVersion": format!("{}", 4_000_000_000_u64 + self.version), "creationTimestamp": "2026-11-25T12:00:00Z",
            "annotations": annotations.collect::<Map<_, _>>(),
            "managedFields": self.holders.iter().map(Holder::shown).collect::<Vec<_>>(),
        });
        if metadata["annotations"].as_object().is_some_and(Map::is_empty) {
            metadata.as_object_mut().expect("an object").remove("annotations");
        }
        let mut shown = json!({"kind": "Secret", "apiVersion": "v1", "metadata": metadata});
        let data: Map<String, Value> = data.collect();
        if !data.is_empty() {
            shown["data"] = data.into();
        }
        if self.immutable {
            shown["immutable"] = true.into();
        }
        shown["type"] = self.r#type().into();
        shown
    }
}

impl Holder {
    fn shown(&self) -> Value {
        // who updates holds the map too; who applies holds what was applied
        let dot = || if self.operation == "Update" { json!({".": {}}) } else { json!({}) };
        let mut fields = json!({});
        for (map, name) in &self.fields {
            let place = match *map {
                "data" => fields.as_object_mut().expect("an object").entry("f:data").or_insert_with(dot),
                "annotations" => {
                    let metadata = fields.as_object_mut().expect("an object").entry("f:metadata").or_insert(json!({}));
                    metadata.as_object_mut().expect("an object").entry("f:annotations").or_insert_with(dot)
                }
                _ => &mut fields,
            };
            place[format!("f:{name}")] = json!({});
        }
        json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": "v1", "time": "2026-11-25T12:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        })
    }
}
