//! An API server of Kubernetes on this machine with one Secret, written from its published interface: server-side apply with holders
//! of fields, versions, roles, and the limits of a Secret. Whatever a request has that is not described there is a fault. A real one
//! takes its place where there is one ([`real`]).

mod api;
mod external;
mod object;
mod real;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};

use self::api::{Kept, answer};
pub(crate) use self::external::{Does, External};
use self::object::{Fields, Object};
use self::real::Real;
use super::receiver::Answer;
use super::{Step, World};
use crate::harness::http::served;

/// Token of every cluster, at first.
pub(crate) const CLUSTER_TOKEN: &str = "eyJ.cluster-token-0123456789";

const NAMESPACE: &str = "payments";
const NAME: &str = "app-secrets";
/// A cluster.
pub(crate) struct Kubernetes {
    kept: Arc<Mutex<Kept>>,
    real: Option<Arc<Real>>,
    pub(crate) url: String,
    pub(crate) namespace: String,
    /// Who vouches for it, where it is not on this machine's word.
    authority: Option<String>,
}

impl Kubernetes {
    /// Starts one whose Secret is not there.
    pub(crate) async fn start() -> Self {
        let kept = Arc::new(Mutex::new(Kept {
            answers: VecDeque::new(),
            object: None,
            token: CLUSTER_TOKEN.to_owned(),
            verbs: BTreeSet::from(["get", "patch", "create"]),
            namespace_exists: true,
            interferes: false,
            applied: 0,
            forced: 0,
            faults: Vec::new(),
        }));
        let real = Real::start().await.map(Arc::new);
        let shared = (kept.clone(), real.clone());
        let app = axum::Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (kept, real) = shared.clone();
            async move { answer((&kept, real.as_deref()), (&method, &uri), &headers, &body).await }
        });
        let url = served(app).await;
        Self { kept, real, url, namespace: NAMESPACE.to_owned(), authority: None }
    }

    /// The same, reached by its own address and name; none: there is no real one.
    pub(crate) fn directly(mut self) -> Option<Self> {
        let token;
        (self.url, self.authority, self.namespace, token) = self.real.as_ref()?.reached();
        self.with(|kept| kept.token = token);
        Some(self)
    }

    /// The target as the policy names it.
    pub(crate) fn target(&self, more: &str) -> String {
        self.target_in("run_in: server, ", more)
    }

    /// The same, delivered to by whoever the policy says.
    pub(crate) fn target_in(&self, place: &str, more: &str) -> String {
        let Self { namespace, .. } = self;
        format!("{{name: k8s, {place}kubernetes: {{namespace: {namespace}, secret: {NAME}, keys: ['db.*']}}{more}}}")
    }

    /// What the step of a job grants: this cluster, with its one namespace.
    pub(crate) fn granted_to(&self, step: Step) -> Step {
        step.set("COUNTERSIGN_KUBERNETES_SERVER", &self.url)
            .set("COUNTERSIGN_KUBERNETES_TOKEN", &self.with(|kept| kept.token.clone()))
            .set("COUNTERSIGN_KUBERNETES_NAMESPACES", NAMESPACE)
            .set("COUNTERSIGN_KUBERNETES_PRIVATE", "true")
    }

    /// What the server's settings grant: the identity of production, and the cluster with these namespaces, if any.
    pub(crate) fn grant(&self, world: &World, namespaces: &[&str]) {
        world.give_identities(&["production"]);
        self.grant_place(world, namespaces);
    }

    /// The cluster alone, beside what is granted already.
    pub(crate) fn grant_place(&self, world: &World, namespaces: &[&str]) {
        grant(world, (&self.url, &self.with(|kept| kept.token.clone())), namespaces);
        if let Some(authority) = &self.authority {
            let file = world.path("countersign.toml");
            let granted = std::fs::read_to_string(&file).expect("read");
            std::fs::write(file, format!("{granted}ca_file = \"{authority}\"\n")).expect("written");
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().expect("kept"))
    }

    /// Answers writes like this, one after the other.
    pub(crate) fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.with(|kept| kept.answers.extend(answers));
    }

    /// Somebody changes a key with a tool that does not apply, or takes it away.
    pub(crate) fn change(&self, key: &str, value: Option<&[u8]>) {
        if let Some(real) = &self.real {
            return real.change(key, value);
        }
        self.with(|kept| kept.change("kubectl-edit", ("data", key), value));
    }

    /// Somebody changes an annotation.
    pub(crate) fn annotate(&self, name: &str, value: &str) {
        if let Some(real) = &self.real {
            return real.annotate(name, value);
        }
        self.with(|kept| kept.change("kubectl-annotate", ("annotations", name), Some(value.as_bytes())));
    }

    /// Another tool applies a key.
    pub(crate) fn apply_by(&self, manager: &str, key: &str, value: &str) {
        if let Some(real) = &self.real {
            return real.apply_by(manager, key, value);
        }
        self.with(|kept| {
            let fields = Fields::from([(("data", key.to_owned()), value.as_bytes().to_vec())]);
            let object = kept.object.get_or_insert_default();
            assert!(object.apply(manager, &fields, true).is_empty(), "it is forced");
            object.version += 1;
        });
    }

    /// Somebody makes the Secret: of a type, and perhaps immutable.
    pub(crate) fn make(&self, r#type: &str, immutable: bool) {
        if let Some(real) = &self.real {
            return real.make_anew(r#type, immutable);
        }
        self.with(|kept| {
            let mut object = Object { immutable, version: 1, ..Object::default() };
            let fields = Fields::from([(("", "type".to_owned()), r#type.as_bytes().to_vec())]);
            object.update("kubectl-create", fields);
            kept.object = Some(object);
        });
    }

    /// The Secret is deleted.
    pub(crate) fn delete(&self) {
        if let Some(real) = &self.real {
            return real.delete();
        }
        self.with(|kept| kept.object = None);
    }

    /// It is forgotten who holds which field: everybody, or we alone.
    pub(crate) fn forget_holders(&self, everybody: bool) {
        if let Some(real) = &self.real {
            return real.forget_holders(everybody);
        }
        self.with(|kept| {
            kept.object
                .as_mut()
                .expect("a Secret")
                .holders
                .retain(|holder| !everybody && holder.manager != "countersign");
        });
    }

    /// Somebody writes right before the next write.
    pub(crate) fn interfere(&self) {
        self.with(|kept| kept.interferes = true);
    }

    /// What the token may do.
    pub(crate) fn allow(&self, verbs: &[&'static str]) {
        if let Some(real) = &self.real {
            return real.allow(verbs);
        }
        self.with(|kept| kept.verbs = verbs.iter().copied().collect());
    }

    /// Whether the namespace is there.
    pub(crate) fn has_namespace(&self, exists: bool) {
        if let Some(real) = &self.real {
            return real.has_namespace(exists);
        }
        self.with(|kept| kept.namespace_exists = exists);
    }

    /// Another token holds from now on; `world`: its file has it, too.
    pub(crate) fn rotate(&self, world: &World, token: &str) {
        self.with(|kept| kept.token = token.to_owned());
        std::fs::write(world.path("cluster.token"), token).expect("written");
    }

    /// What the Secret holds.
    pub(crate) fn data(&self) -> BTreeMap<String, String> {
        let found = match &self.real {
            Some(real) => real.data(),
            None => self.with(|kept| kept.object.as_ref().map(|object| object.map("data")).unwrap_or_default()),
        };
        found.into_iter().map(|(key, value)| (key, String::from_utf8_lossy(&value).into_owned())).collect()
    }

    /// The value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.data().remove(key)
    }

    /// One of the annotations.
    pub(crate) fn annotation(&self, name: &str) -> String {
        if let Some(real) = &self.real {
            return real.annotation(name);
        }
        let found = self.with(|kept| kept.object.as_ref()?.map("annotations").remove(name));
        String::from_utf8(found.unwrap_or_default()).expect("a text")
    }

    /// Applies that changed something, and how many of them were forced.
    pub(crate) fn applied(&self) -> (usize, usize) {
        self.with(|kept| (kept.applied, kept.forced))
    }

    /// Requests that are not as the interface is described.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.with(|kept| kept.faults.clone())
    }
}

/// A cluster at this address with this token, beside what is granted already.
fn grant(world: &World, (url, token): (&str, &str), namespaces: &[&str]) {
    let file = world.path("countersign.toml");
    let mut text = std::fs::read_to_string(&file).unwrap_or_default();
    if !namespaces.is_empty() {
        let path = world.path("cluster.token");
        std::fs::write(&path, format!("{token}\n")).expect("written");
        text += &format!(
            "[repositories.\"acme/app\".environments.production.kubernetes]\n\
             server = \"{url}\"\ntoken_file = \"{}\"\nnamespaces = {namespaces:?}\nallow_private = true\n",
            path.display()
        );
    }
    std::fs::write(file, text).expect("written");
}
