//! What the API server answers, and what it holds against a request.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::object::{self, Fields, Object};
use super::real::Real;
use super::{NAME, NAMESPACE};
use crate::harness::receiver::{Answer, misbehave, text};

/// Most bytes of data in a Secret.
const LARGEST: usize = 1_048_576;

/// What is known of a cluster.
pub(super) struct Kept {
    pub(super) answers: VecDeque<Answer>,
    pub(super) object: Option<Object>,
    pub(super) token: String,
    pub(super) verbs: BTreeSet<&'static str>,
    pub(super) namespace_exists: bool,
    /// Somebody writes right before the next write.
    pub(super) interferes: bool,
    pub(super) applied: usize,
    pub(super) forced: usize,
    pub(super) faults: Vec<String>,
}

/// A `Status`, as the API server says no.
pub(super) fn status(code: u16, reason: &str, message: &str, details: Value) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
        "details": details, "code": code,
    });
    (StatusCode::from_u16(code).expect("a status"), axum::Json(body)).into_response()
}

fn named() -> Value {
    json!({"name": NAME, "kind": "secrets"})
}

fn invalid(field: &str, message: &str) -> Response {
    let details = json!({"name": NAME, "kind": "Secret", "causes": [{"reason": "FieldValueForbidden", "message": message, "field": field}]});
    status(422, "Invalid", &format!("Secret \"{NAME}\" is invalid: {field}: {message}"), details)
}

impl Kept {
    pub(super) fn change(&mut self, manager: &str, (map, name): (&'static str, &str), value: Option<&[u8]>) {
        let object = self.object.get_or_insert_default();
        let mut fields = object.fields.clone();
        match value {
            Some(value) => drop(fields.insert((map, name.to_owned()), value.to_vec())),
            None => drop(fields.remove(&(map, name.to_owned()))),
        }
        object.update(manager, fields);
        object.version += 1;
    }

    fn forbidden(&self, verb: &'static str) -> Option<Response> {
        (!self.verbs.contains(verb)).then(|| {
            let who = "system:serviceaccount:countersign:countersign";
            let message = format!(
                "secrets \"{NAME}\" is forbidden: User \"{who}\" cannot {verb} resource \"secrets\" in API group \"\" in the \
                 namespace \"{NAMESPACE}\""
            );
            status(403, "Forbidden", &message, named())
        })
    }

    fn read(&self) -> Response {
        if let Some(refused) = self.forbidden("get") {
            return refused;
        }
        match &self.object {
            Some(object) => axum::Json(object.shown(NAMESPACE, NAME)).into_response(),
            None => status(404, "NotFound", &format!("secrets \"{NAME}\" not found"), named()),
        }
    }

    /// What is applied, if the body is as it is described, and the version it asks for.
    fn body(&mut self, body: &[u8]) -> Option<(Fields, Option<String>)> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let only = |value: &Value, names: &[&str]| {
            value.as_object().is_some_and(|object| object.keys().all(|name| names.contains(&name.as_str())))
        };
        let metadata = &body["metadata"];
        let right = only(&body, &["apiVersion", "kind", "metadata", "type", "data"])
            && only(metadata, &["name", "namespace", "annotations", "resourceVersion"])
            && (body["apiVersion"] == "v1" && body["kind"] == "Secret")
            && (metadata["name"] == NAME && metadata["namespace"] == NAMESPACE);
        if !right {
            return None;
        }
        let mut fields = Fields::new();
        fields.insert(("", "type".to_owned()), body["type"].as_str()?.as_bytes().to_vec());
        for (key, value) in body["data"].as_object()? {
            fields.insert(("data", key.clone()), STANDARD.decode(value.as_str()?).ok()?);
        }
        for (name, value) in metadata["annotations"].as_object()? {
            fields.insert(("annotations", name.clone()), value.as_str()?.as_bytes().to_vec());
        }
        let version = &metadata["resourceVersion"];
        let version = if version.is_null() { None } else { Some(version.as_str()?.to_owned()) };
        Some((fields, version))
    }

    fn apply(&mut self, query: &str, body: &[u8]) -> Response {
        let force = match query {
            "fieldManager=countersign&force=false" => false,
            "fieldManager=countersign&force=true" => true,
            other => {
                self.faults.push(format!("the query {other}"));
                return status(400, "BadRequest", "fieldManager is required for apply patch", json!({}));
            }
        };
        let Some((fields, version)) = self.body(body) else {
            self.faults.push(String::from_utf8_lossy(body).into_owned());
            return status(400, "BadRequest", "error decoding patch", json!({}));
        };
        if std::mem::take(&mut self.interferes) {
            self.change("kubectl-edit", ("data", "foreign"), Some(b"newer"));
        }
        let verbs: &[&str] = if self.object.is_none() { &["patch", "create"] } else { &["patch"] };
        if let Some(refused) = verbs.iter().find_map(|verb| self.forbidden(verb)) {
            return refused;
        }
        if !self.namespace_exists {
            let details = json!({"name": NAMESPACE, "kind": "namespaces"});
            return status(404, "NotFound", &format!("namespaces \"{NAMESPACE}\" not found"), details);
        }
        let before = self.object.clone();
        let mut object = before.clone().unwrap_or_default();
        let shown = object.shown(NAMESPACE, NAME);
        if version.is_some_and(|version| before.is_some() && shown["metadata"]["resourceVersion"] != version.as_str()) {
            let message = format!(
                "Operation cannot be fulfilled on secrets \"{NAME}\": the object has been modified; please apply your changes \
                 to the latest version and try again"
            );
            return status(409, "Conflict", &message, named());
        }
        let conflicts = object.apply("countersign", &fields, force);
        if !conflicts.is_empty() {
            let path = |(map, name): &object::Field| match *map {
                "annotations" => format!(".metadata.annotations.{name}"),
                map => format!(".{map}{}{name}", if map.is_empty() { "" } else { "." }),
            };
            let says = |manager: &str| format!("conflict with \"{manager}\" using v1");
            let cause = |(manager, field): &(String, object::Field)| json!({"reason": "FieldManagerConflict", "message": says(manager), "field": path(field)});
            let causes: Vec<Value> = conflicts.iter().map(cause).collect();
            let message = match conflicts.as_slice() {
                [(manager, field)] => format!("Apply failed with 1 conflict: {}: {}", says(manager), path(field)),
                many => format!("Apply failed with {} conflicts", many.len()),
            };
            return status(409, "Conflict", &message, json!({"causes": causes}));
        }
        if let Some(refused) = refused(before.as_ref(), &object) {
            return refused;
        }
        let created = before.is_none();
        if before.as_ref() != Some(&object) {
            object.version += 1;
            self.applied += 1;
            self.forced += usize::from(force);
        }
        let shown = object.shown(NAMESPACE, NAME);
        self.object = Some(object);
        (if created { StatusCode::CREATED } else { StatusCode::OK }, axum::Json(shown)).into_response()
    }

    /// Who holds what is written down anew, at the version that was read.
    fn account(&mut self, body: &[u8]) -> Option<Response> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let (metadata, entry) = (&body["metadata"], &body["metadata"]["managedFields"][0]);
        let object = self.object.as_mut()?;
        let version = object.shown(NAMESPACE, NAME)["metadata"]["resourceVersion"].clone();
        let right = (entry["manager"] == "countersign" && entry["operation"] == "Apply")
            && (entry["apiVersion"] == "v1" && entry["fieldsType"] == "FieldsV1")
            && (metadata["resourceVersion"] == version && object.holders.is_empty());
        if !right {
            return None;
        }
        let named = |map: &'static str, held: &Value| -> Option<Vec<object::Field>> {
            held.as_object()?.keys().map(|name| Some((map, name.strip_prefix("f:")?.to_owned()))).collect()
        };
        let fields = &entry["fieldsV1"];
        let mut all = named("data", &fields["f:data"])?;
        all.extend(named("annotations", &fields["f:metadata"]["f:annotations"])?);
        object.account("countersign", all.into_iter().collect());
        object.version += 1;
        Some(axum::Json(object.shown(NAMESPACE, NAME)).into_response())
    }

    fn serve(&mut self, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &[u8]) -> Response {
        if text(headers, "authorization") != format!("Bearer {}", self.token) {
            return status(401, "Unauthorized", "Unauthorized", Value::Null);
        }
        if text(headers, "accept") != "application/json" {
            self.faults.push(format!("{method} {uri} accepts {}", text(headers, "accept")));
        }
        let here = uri.path() == format!("/api/v1/namespaces/{NAMESPACE}/secrets/{NAME}");
        match (method.as_str(), here, uri.query()) {
            ("GET", true, None) if body.is_empty() => self.read(),
            ("PATCH", true, Some(query)) if text(headers, "content-type") == "application/apply-patch+yaml" => {
                self.apply(query, body)
            }
            ("PATCH", true, Some("fieldManager=countersign"))
                if text(headers, "content-type") == "application/merge-patch+json" =>
            {
                self.account(body).unwrap_or_else(|| {
                    self.faults.push(String::from_utf8_lossy(body).into_owned());
                    status(400, "BadRequest", "error decoding patch", json!({}))
                })
            }
            _ => {
                self.faults.push(format!("{method} {uri}"));
                (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
            }
        }
    }
}

/// What the API server checks of a Secret.
fn refused(before: Option<&Object>, after: &Object) -> Option<Response> {
    let data = after.map("data");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let name =
        |key: &String| (1..=253).contains(&key.len()) && key.bytes().all(plain) && key != "." && !key.starts_with("..");
    if let Some(key) = data.keys().find(|key| !name(key)) {
        return Some(invalid(
            &format!("data[{key}]"),
            "Invalid value: a valid config key must consist of alphanumeric characters",
        ));
    }
    if data.values().map(Vec::len).sum::<usize>() > LARGEST {
        return Some(invalid("data", "Too long: may not be more than 1048576 bytes"));
    }
    let before = before?;
    if before.immutable && before.map("data") != data {
        return Some(invalid("data", "Forbidden: field is immutable when `immutable` is set"));
    }
    let r#type = |object: &Object| object.map("").remove("type").unwrap_or_else(|| b"Opaque".to_vec());
    (r#type(before) != r#type(after)).then(|| invalid("type", "Invalid value: field is immutable"))
}

pub(super) async fn answer(
    (kept, real): (&Mutex<Kept>, Option<&Real>),
    place: (&Method, &Uri),
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let next = if place.0 == Method::PATCH { kept.lock().expect("kept").answers.pop_front() } else { None };
    match (next, real) {
        (Some(answer), _) => misbehave(answer).await,
        (None, Some(real)) => real.answer(kept, place, headers, body).await,
        (None, None) => kept.lock().expect("kept").serve(place, headers, body),
    }
}
