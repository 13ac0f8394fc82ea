//! The running stand-in: start, address, clock, dials, journal, rest.
//!
//! Never decides how GitHub behaves; that is in `state`. People and Apps are in `cast` and `people`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::serve::ListenerExt;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::delivery_faults::DeliveryFault;
use crate::faults::Fault;
use crate::journal::{Excerpt, Mark, Violation, ViolationKind};
use crate::state::{Caps, State};
use crate::webhooks::Delivery;

/// How to start a [`Sim`].
#[derive(Debug, Clone, Default)]
pub struct SimConfig {
    /// Address to listen on; None: loopback, any free port.
    pub listen: Option<SocketAddr>,
    /// Reads of a pull request after which `mergeable` is known; 0: at once.
    pub mergeable_polls: u32,
    /// Whether installation tokens are spelled the long way, about 520 characters.
    pub long_tokens: bool,
    /// Where lists end.
    pub caps: Caps,
}

/// What the server, the sender and the handle share.
pub(crate) struct Inner {
    state: Mutex<State>,
    _dir: TempDir,
}

impl Inner {
    /// The state. A panic of another holder does not stop the stand-in.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running GitHub stand-in. Clones are the same one; it stops when the last clone is dropped.
#[derive(Clone)]
pub struct Sim {
    pub(crate) inner: Arc<Inner>,
    _tasks: Option<Arc<Tasks>>,
}

struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Sim {
    /// Starts on the running tokio runtime.
    ///
    /// # Errors
    /// When the address is taken or no temporary directory can be made.
    pub async fn start(config: SimConfig) -> std::io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("github-sim-").tempdir()?;
        crate::push_rules::write_hooks(dir.path())?;
        let address = config.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = TcpListener::bind(address).await?;
        let mut state = State::new(dir.path().to_owned());
        state.base = format!("http://{}", listener.local_addr()?);
        state.mergeable_polls = config.mergeable_polls;
        state.long_tokens = config.long_tokens;
        state.caps = config.caps;
        let inner = Arc::new(Inner { state: Mutex::new(state), _dir: dir });
        let app = crate::server::app(inner.clone());
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "small answers may lag");
            }
        });
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the stand-in stopped serving");
            }
        });
        let sending = tokio::spawn(crate::webhooks::run(inner.clone()));
        Ok(Self { inner, _tasks: Some(Arc::new(Tasks(vec![serving, sending]))) })
    }

    /// A handle for the middle of a request.
    pub(crate) fn borrowed(inner: &Arc<Inner>) -> Self {
        Self { inner: inner.clone(), _tasks: None }
    }

    /// Base address without a trailing slash: REST at `/` and `/api/v3`, GraphQL at `/graphql` and
    /// `/api/graphql`, git at `/{owner}/{repo}.git`.
    #[must_use]
    pub fn url(&self) -> String {
        self.inner.lock().base.clone()
    }

    /// Now, on the stand-in's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.lock().now()
    }

    /// Stops the clock at a moment.
    pub fn set_time(&self, at: Timestamp) {
        self.inner.lock().clock.fix(at);
    }

    /// Moves the clock, forwards or back.
    pub fn advance(&self, by: SignedDuration) {
        self.inner.lock().clock.advance(by);
    }

    /// Sets a rule for requests to come.
    pub fn fault(&self, fault: Fault) {
        self.inner.lock().faults.add(fault);
    }

    /// Takes all request rules away.
    pub fn clear_faults(&self) {
        self.inner.lock().faults.clear();
    }

    /// Number of request rules that were not used up.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.inner.lock().faults.left()
    }

    /// Sets a rule for deliveries to come.
    pub fn delivery_fault(&self, fault: DeliveryFault) {
        self.inner.lock().deliveries.dial(fault);
    }

    /// Holds deliveries back until [`Sim::resume_deliveries`].
    pub fn pause_deliveries(&self) {
        self.inner.lock().deliveries.pause();
    }

    /// Sends what was held back, in order.
    pub fn resume_deliveries(&self) {
        self.inner.lock().deliveries.resume(false);
    }

    /// Sends what was held back, last first.
    pub fn resume_deliveries_backwards(&self) {
        self.inner.lock().deliveries.resume(true);
    }

    /// All deliveries so far, oldest first, sent or not.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.inner.lock().deliveries.log.values().cloned().collect()
    }

    /// Waits until every queued delivery was answered. Returns at once while deliveries are paused
    /// and none is on its way.
    pub async fn settle(&self) {
        loop {
            let rest = self.inner.lock().deliveries.rest.clone();
            let mut changed = std::pin::pin!(rest.notified());
            changed.as_mut().enable();
            if self.inner.lock().deliveries.at_rest() {
                return;
            }
            changed.await;
        }
    }

    /// How many deliveries there were so far, sent or not.
    #[must_use]
    pub fn told(&self) -> usize {
        self.inner.lock().deliveries.log.len()
    }

    /// Sets the hourly quota of every credential from now on.
    pub fn set_rate_limit(&self, requests: u64) {
        self.inner.lock().rate_limit = requests;
    }

    /// Sets after how many reads `mergeable` is known, for heads and bases that move from now on.
    pub fn set_mergeable_polls(&self, polls: u32) {
        self.inner.lock().mergeable_polls = polls;
    }

    /// Sets where lists end.
    pub fn set_caps(&self, caps: Caps) {
        self.inner.lock().caps = caps;
    }

    /// Every request so far.
    #[must_use]
    pub fn journal(&self) -> Excerpt {
        Excerpt::new(self.inner.lock().journal.entries.clone())
    }

    /// This place in the journal.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.inner.lock().journal.entries.len() as u64)
    }

    /// Requests since a mark.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Excerpt {
        let st = self.inner.lock();
        let entries = st.journal.entries.iter();
        Excerpt::new(entries.filter(|entry| entry.seq > mark.0).cloned().collect())
    }

    /// Faults of the caller (routes and fields GitHub does not have, credentials of the wrong kind) and
    /// gaps of the stand-in; [`ViolationKind`] tells which.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.inner.lock().journal.violations.clone()
    }

    /// Whatever was asked for that GitHub has and the stand-in has not.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let st = self.inner.lock();
        st.journal
            .violations
            .iter()
            .filter(|violation| violation.kind == ViolationKind::Incomplete)
            .map(|violation| violation.text.clone())
            .collect()
    }
}
