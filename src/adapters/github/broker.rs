//! Installation tokens: few, narrow, shared.
//!
//! A token serves one repository and one purpose with the least permissions for it. Callers that need the same token at the same
//! time wait for one minting. Tokens are renewed five minutes before they end, and live in memory only.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::domain::{InstallationId, RepoId, Span, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::fault::Fault;
use crate::engine::ports::ForgeErrorKind;

/// How long a token lives.
const LIFE: Span = Span::from_seconds(3_600);
/// A token is not handed out when it ends sooner than this.
const MARGIN: Span = Span::from_seconds(300);
/// How long a refusal an operator must resolve is answered from memory.
const REFUSED_FOR: Span = Span::from_seconds(60);
/// How long we remember that the App lacks a permission to narrow to.
const BROAD_FOR: Span = Span::from_seconds(86_400);
/// Slots kept before dead ones are swept out.
const SLOTS: usize = 2_000;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// Answering questions.
    Read,
    /// Carrying out effects.
    Write,
    /// Git over HTTPS.
    Git,
    /// Recording deliveries as deployments.
    Deploy,
    /// Starting workflows and looking at their runs.
    Actions,
    /// Looking at jobs that wait, and answering them.
    Jobs,
    /// Writing secrets of environments.
    Environments,
    /// Looking at commit statuses.
    Statuses,
    /// Looking at classic branch protection.
    Guard,
    /// Listing the repositories of an installation, and public facts about accounts.
    List,
}

impl Purpose {
    fn permissions(self) -> Value {
        match self {
            Self::Read => json!({
                "metadata": "read", "contents": "read", "pull_requests": "read", "checks": "read", "members": "read"
            }),
            Self::Write => json!({
                "metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write"
            }),
            Self::Git => json!({ "metadata": "read", "contents": "write" }),
            Self::Deploy => json!({ "metadata": "read", "deployments": "write" }),
            Self::Actions => json!({ "metadata": "read", "actions": "write" }),
            Self::Jobs => json!({ "metadata": "read", "actions": "read", "deployments": "write" }),
            Self::Environments => json!({ "metadata": "read", "environments": "write" }),
            Self::Statuses => json!({ "metadata": "read", "statuses": "read" }),
            Self::Guard => json!({ "metadata": "read", "administration": "read" }),
            Self::List => json!({ "metadata": "read" }),
        }
    }
}

/// Whose token, and what for. The repository is `None` for [`Purpose::List`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) installation: InstallationId,
    pub(super) repository: Option<RepoId>,
    pub(super) purpose: Purpose,
}

impl Scope {
    /// Body of the request for a token, narrowed by permission as well unless `broad`.
    pub(super) fn narrowing(&self, broad: bool) -> Value {
        let mut body = serde_json::Map::new();
        if let Some(repository) = self.repository {
            body.insert("repository_ids".to_owned(), json!([repository.get()]));
        }
        if !broad {
            body.insert("permissions".to_owned(), self.purpose.permissions());
        }
        Value::Object(body)
    }
}

/// A token. No `Debug`.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: Arc<SecretString>,
    pub(super) until: Timestamp,
}

impl Token {
    /// A token that was handed to us: nobody knows when it ends, and nobody here can renew it.
    pub(super) fn lasting(secret: &Arc<SecretString>, now: Timestamp) -> Self {
        Self { secret: Arc::clone(secret), until: now.plus(LIFE) }
    }

    /// Whether it was minted longer ago than that.
    pub(super) fn is_older_than(&self, age: Span, now: Timestamp) -> bool {
        self.until.since(now).seconds() + age.seconds() < LIFE.seconds()
    }

    fn serves(&self, now: Timestamp) -> bool {
        now.plus(MARGIN) < self.until
    }
}

/// What is known of one scope.
#[derive(Default)]
enum Slot {
    /// Nothing.
    #[default]
    Empty,
    /// A token.
    Held(Token),
    /// Refused until then.
    Refused(Fault, Timestamp),
}

impl Slot {
    /// The token, a remembered refusal, or `None`: mint one.
    fn known(&self, now: Timestamp) -> Option<Result<Token, Fault>> {
        match self {
            Self::Held(token) if token.serves(now) => Some(Ok(token.clone())),
            Self::Refused(fault, until) if now < *until => Some(Err(fault.clone())),
            Self::Empty | Self::Held(_) | Self::Refused(..) => None,
        }
    }

    /// Forgets this token, unless another caller has replaced it already.
    fn forget(&mut self, token: &Token) {
        if matches!(self, Self::Held(held) if Arc::ptr_eq(&held.secret, &token.secret)) {
            *self = Self::Empty;
        }
    }

    fn is_dead(&self, now: Timestamp) -> bool {
        self.known(now).is_none()
    }
}

/// One scope, shared by all who need its token.
#[derive(Default)]
pub(super) struct Shared {
    slot: tokio::sync::Mutex<Slot>,
    failures: AtomicU64,
}

impl Shared {
    /// The token: the one there is, else one from `mint`. Those who waited for a minting share its outcome, failure included.
    pub(super) async fn token<F>(&self, now: impl Fn() -> Timestamp, mint: impl FnOnce() -> F) -> Result<Token, Fault>
    where
        F: Future<Output = Result<Token, Fault>>,
    {
        let failures = self.failures.load(Ordering::Acquire);
        let mut slot = self.slot.lock().await;
        if let Some(known) = slot.known(now()) {
            return known;
        }
        if let (true, Slot::Refused(fault, _)) = (failures != self.failures.load(Ordering::Acquire), &*slot) {
            return Err(fault.clone());
        }
        let outcome = mint().await;
        *slot = match &outcome {
            Ok(token) => Slot::Held(token.clone()),
            Err(fault) => {
                self.failures.fetch_add(1, Ordering::AcqRel);
                let remembered =
                    if fault.kind == ForgeErrorKind::Credentials { REFUSED_FOR } else { Span::from_seconds(0) };
                Slot::Refused(fault.clone(), now().plus(remembered))
            }
        };
        outcome
    }

    /// Forgets a token GitHub refused.
    pub(super) async fn forget(&self, token: &Token) {
        self.slot.lock().await.forget(token);
    }
}

/// All tokens.
#[derive(Default)]
pub(super) struct Broker {
    slots: Mutex<HashMap<Scope, Arc<Shared>>>,
    broad: Mutex<HashMap<(InstallationId, Purpose), Timestamp>>,
}

impl Broker {
    /// The slot of a scope.
    pub(super) fn slot(&self, scope: Scope, now: Timestamp) -> Arc<Shared> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS && !slots.contains_key(&scope) {
            slots.retain(|_, slot| slot.slot.try_lock().map_or(true, |slot| !slot.is_dead(now)));
        }
        Arc::clone(slots.entry(scope).or_default())
    }

    /// Whether narrowing by permission was refused for this purpose lately.
    pub(super) fn is_broad(&self, scope: Scope, now: Timestamp) -> bool {
        let broad = self.broad.lock().unwrap_or_else(PoisonError::into_inner);
        broad.get(&(scope.installation, scope.purpose)).is_some_and(|until| now < *until)
    }

    /// Remembers that narrowing by permission is refused.
    pub(super) fn remember_broad(&self, scope: Scope, now: Timestamp) {
        let mut broad = self.broad.lock().unwrap_or_else(PoisonError::into_inner);
        broad.insert((scope.installation, scope.purpose), now.plus(BROAD_FOR));
    }
}
