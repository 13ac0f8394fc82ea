//! The loop: claim what is due, look at it, put it back.
//!
//! Knows nothing of what a turn does. A turn that panics is a failed turn, not a dead server.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::domain::{Span, Timestamp};
use futures::FutureExt as _;
use metrics::{counter, gauge, histogram};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span, warn};

use super::crash::{Point, here};
use super::ports::{Claim, Subject};
use super::{Engine, TurnError};

/// How long a subject is leased; renewed before every write.
pub(super) const LEASE: Span = Span::from_seconds(60);

/// How long a turn may take.
const LONGEST: Span = Span::from_seconds(900);

/// What the loop has done, for readiness and tests.
#[derive(Debug, Default)]
pub struct Progress {
    turns: AtomicU64,
    failures: AtomicU64,
}

impl Progress {
    /// Turns that ended well.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Turns that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Runs `workers` workers until told to stop; a turn that has begun is finished.
pub async fn run(
    engine: Arc<Engine>,
    workers: usize,
    poke: Arc<Notify>,
    progress: Arc<Progress>,
    stop: CancellationToken,
) {
    let owner = uuid::Uuid::new_v4().to_string();
    let mut running = tokio::task::JoinSet::new();
    for worker in 0..workers.max(1) {
        let (engine, poke, progress, stop) = (engine.clone(), poke.clone(), progress.clone(), stop.clone());
        let owner = format!("{owner}/{worker}");
        running.spawn(async move { work(&engine, &owner, &poke, &progress, &stop).await });
    }
    while running.join_next().await.is_some() {}
}

async fn work(engine: &Engine, owner: &str, poke: &Notify, progress: &Progress, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match engine.journal.claim(owner, engine.clock.now(), LEASE).await {
            Ok(Some(claim)) => {
                // somebody else may be needed for the next one
                poke.notify_one();
                here(Point::TurnClaimed);
                // a failure is logged, and the subject is looked at again
                let _end = turn(engine, &claim, progress).await;
            }
            Ok(None) => wait(engine, poke, stop).await,
            Err(fault) => {
                error!(%fault, "the queue cannot be read");
                idle(Duration::from_secs(2), poke, stop).await;
            }
        }
    }
}

/// Sleeps until something is due, somebody pokes, or the loop is to stop.
async fn wait(engine: &Engine, poke: &Notify, stop: &CancellationToken) {
    let now = engine.clock.now();
    let pause = match engine.journal.next_due().await {
        Ok(Some(due)) if due > now => Duration::from_secs(due.since(now).seconds().min(5)),
        Ok(_) => Duration::from_millis(500),
        Err(_) => Duration::from_secs(2),
    };
    idle(pause, poke, stop).await;
}

async fn idle(pause: Duration, poke: &Notify, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = poke.notified() => {}
        () = stop.cancelled() => {}
    }
}

/// One turn, from its claim to its end; how it ended.
pub(super) async fn turn(engine: &Engine, claim: &Claim, progress: &Progress) -> End {
    let kind = kind(&claim.subject);
    let started = std::time::Instant::now();
    let span = info_span!("turn", subject = %name(&claim.subject), fence = claim.fence);
    let look = AssertUnwindSafe(engine.look(claim).instrument(span.clone())).catch_unwind();
    let outcome = tokio::select! {
        outcome = look => outcome,
        never = keep(engine, claim) => match never {},
    };
    histogram!("countersign_turn_seconds", "subject" => kind).record(started.elapsed().as_secs_f64());
    let _entered = span.enter();
    let (word, ended) = match outcome {
        Ok(Ok(again)) => {
            engine.readiness.github_answered(engine.clock.now());
            progress.turns.fetch_add(1, Ordering::Relaxed);
            ("done", End::Complete(again))
        }
        Ok(Err(fault)) => {
            warn!(%fault, attempts = claim.attempts, "the turn did not end well");
            if let TurnError::Forge(fault) = &fault {
                engine.readiness.github_failed(engine.clock.now(), fault);
            }
            let unsure = matches!(fault, TurnError::Unsure);
            (
                "failed",
                End::Fail { again: fault.again(engine.clock.now(), claim.attempts), reason: fault.to_string(), unsure },
            )
        }
        Err(_panic) => {
            error!("the turn panicked");
            let again = engine.clock.now().plus(Span::from_seconds(60));
            ("panicked", End::Fail { again, reason: "a bug in countersign".to_owned(), unsure: false })
        }
    };
    drop(_entered);
    if word != "done" {
        progress.failures.fetch_add(1, Ordering::Relaxed);
    }
    counter!("countersign_turns_total", "subject" => kind, "outcome" => word).increment(1);
    here(Point::TurnLooked);
    put_back(engine, claim, &ended).await;
    here(Point::TurnEnded);
    if let Ok(depth) = engine.journal.depth(engine.clock.now()).await {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        {
            gauge!("countersign_queue_depth", "queue" => "work").set(depth.due as f64);
            gauge!("countersign_queue_oldest_seconds", "queue" => "work").set(depth.oldest_seconds as f64);
        }
    }
    ended
}

/// Keeps the lease of a turn that takes long without writing (a first clone, a slow GitHub), so that nobody begins the same turn
/// beside it. Not for ever: a turn that hangs is taken over.
async fn keep(engine: &Engine, claim: &Claim) -> std::convert::Infallible {
    for _ in 0..LONGEST.seconds() / (LEASE.seconds() / 3) {
        tokio::time::sleep(Duration::from_secs(LEASE.seconds() / 3)).await;
        if !matches!(engine.journal.renew(claim, engine.clock.now(), LEASE).await, Ok(true)) {
            break;
        }
    }
    std::future::pending().await
}

/// Gives a subject back. A store that does not answer is asked again until the lease has run out: then others may have it anyway.
async fn put_back(engine: &Engine, claim: &Claim, ended: &End) {
    let patience = engine.clock.now().plus(LEASE);
    loop {
        let outcome = match ended {
            End::Complete(again) => engine.journal.complete(claim, *again).await,
            End::Fail { again, reason, .. } => engine.journal.fail(claim, *again, reason).await,
        };
        match outcome {
            Ok(true) => return,
            Ok(false) => return info!(subject = %name(&claim.subject), "the turn had been taken over"),
            Err(fault) if engine.clock.now() > patience => {
                return error!(%fault, "the turn cannot be put back; its lease runs out");
            }
            Err(fault) => warn!(%fault, "the turn cannot be put back yet"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// How a turn ended.
pub(super) enum End {
    /// Well; when to look again.
    Complete(Option<Timestamp>),
    /// Not well.
    Fail {
        /// When to try again.
        again: Timestamp,
        /// Why.
        reason: String,
        /// All was done and said, but something that decides could not be read.
        unsure: bool,
    },
}

fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Branch(..) => "branch",
        Subject::Change(..) => "change",
        Subject::Repository(_) => "repository",
        Subject::Changes(_) => "changes",
        Subject::Guard(_) => "guard",
        Subject::Sync(..) => "sync",
        Subject::Command(..) => "command",
        Subject::Job(..) => "job",
        Subject::Notices(_) => "notices",
        Subject::Letters(..) => "letters",
        Subject::Installations => "installations",
    }
}

/// A subject in words.
pub(super) fn name(subject: &Subject) -> String {
    match subject {
        Subject::Branch(repo, branch) => format!("branch {branch} of {repo}"),
        Subject::Change(repo, change) => format!("change {change} of {repo}"),
        Subject::Repository(repo) => format!("repository {repo}"),
        Subject::Changes(repo) => format!("open changes of {repo}"),
        Subject::Guard(repo) => format!("guard of {repo}"),
        Subject::Sync(repo, target) => format!("target {target} of {repo}"),
        Subject::Command(repo, comment) => format!("comment {comment} of {repo}"),
        Subject::Job(repo, run, deployment) => format!("job of run {run} of {repo}, deployment {deployment}"),
        Subject::Notices(repo) => format!("notices of {repo}"),
        Subject::Letters(repo, destination) => format!("letters {} of {repo}", destination.short()),
        Subject::Installations => "installations".to_owned(),
    }
}

impl Engine {
    /// One turn; when to look again, if not only when asked.
    async fn look(&self, claim: &Claim) -> Result<Option<Timestamp>, TurnError> {
        match &claim.subject {
            Subject::Installations => self.look_at_installations().await,
            Subject::Repository(repo) => self.look_at_repository(claim, *repo).await,
            Subject::Changes(repo) => self.look_at_changes(*repo).await,
            Subject::Guard(repo) => self.look_at_guard(claim, *repo).await,
            Subject::Branch(repo, branch) => self.look_at_branch(claim, *repo, branch).await,
            Subject::Change(repo, change) => self.look_at_change(claim, *repo, *change).await,
            Subject::Sync(repo, target) => self.look_at_sync(claim, *repo, target).await,
            Subject::Command(repo, comment) => self.look_at_command(claim, *repo, *comment).await,
            Subject::Job(repo, run, deployment) => self.look_at_job(claim, *repo, (*run, *deployment)).await,
            Subject::Notices(repo) => self.look_at_notices(claim, *repo).await,
            Subject::Letters(repo, destination) => self.look_at_letters(claim, *repo, *destination).await,
        }
    }
}
