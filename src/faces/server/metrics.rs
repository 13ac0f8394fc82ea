//! What is counted, under the names of the contract; anybody counts with the `metrics` macros, and this is where it is collected.
//!
//! Labels come from closed lists or from deliveries with a right signature. Never a login, a path or a value.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::engine::ports::{LetterFigures, QueueDepth};

/// Deliveries taken or refused.
pub const DELIVERIES: &str = "countersign_deliveries_total";
/// Turns.
pub const TURNS: &str = "countersign_turns_total";
/// How long a turn takes, in seconds.
pub const TURN_SECONDS: &str = "countersign_turn_seconds";
/// Open change requests.
pub const CHANGES_OPEN: &str = "countersign_changes_open";
/// How long an approval takes, in seconds.
pub const APPROVAL_WAIT_SECONDS: &str = "countersign_approval_wait_seconds";
/// Merges.
pub const MERGES: &str = "countersign_merges_total";
/// Deliveries to targets.
pub const SYNCS: &str = "countersign_syncs_total";
/// When a target last got something, in seconds since 1970.
pub const SYNC_LAST_SUCCESS: &str = "countersign_sync_last_success_timestamp_seconds";
/// Whether a target differs from what is approved.
pub const DRIFT: &str = "countersign_drift";
/// Subjects due.
pub const QUEUE_DEPTH: &str = "countersign_queue_depth";
/// How long the oldest due subject waits, in seconds.
pub const QUEUE_OLDEST_SECONDS: &str = "countersign_queue_oldest_seconds";
/// How late the sweep is, in seconds.
pub const SWEEP_LAG_SECONDS: &str = "countersign_sweep_lag_seconds";
/// Letters that are not sent.
pub const LETTERS: &str = "countersign_letters";
/// Attempts to send letters.
pub const LETTERS_TOTAL: &str = "countersign_letters_total";
/// Rules of GitHub that got weaker.
pub const GUARD_WEAKENED: &str = "countersign_guard_weakened_total";
/// Requests to GitHub.
pub const GITHUB_REQUESTS: &str = "countersign_github_requests_total";
/// Requests GitHub still allows this hour.
pub const GITHUB_RATE_REMAINING: &str = "countersign_github_rate_remaining";

/// Buckets of a turn: milliseconds to a minute.
const TURN_BUCKETS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Buckets of an approval: a minute to a week.
const WAIT_BUCKETS: [f64; 8] = [60.0, 300.0, 1_800.0, 7_200.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0];

/// Starts collecting, for the whole process; called once.
///
/// # Errors
/// When something else collects already.
pub fn install() -> Result<PrometheusHandle, metrics::SetRecorderError<metrics_exporter_prometheus::PrometheusRecorder>>
{
    let recorder = builder().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    describe();
    Ok(handle)
}

fn builder() -> PrometheusBuilder {
    let buckets = [(TURN_SECONDS, &TURN_BUCKETS[..]), (APPROVAL_WAIT_SECONDS, &WAIT_BUCKETS[..])];
    buckets.into_iter().fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets).expect("the buckets are not empty")
    })
}

fn describe() {
    describe_counter!(DELIVERIES, "Deliveries, by event and what became of them");
    describe_counter!(TURNS, "Turns, by kind of subject and outcome");
    describe_histogram!(TURN_SECONDS, "How long a turn takes");
    describe_gauge!(CHANGES_OPEN, "Open change requests, by environment");
    describe_histogram!(APPROVAL_WAIT_SECONDS, "Time from the request to its last approval");
    describe_counter!(MERGES, "Merges, by environment and verdict");
    describe_counter!(SYNCS, "Attempts and looks at targets, by target and how they ended");
    describe_gauge!(SYNC_LAST_SUCCESS, "When a target last got something");
    describe_gauge!(DRIFT, "1 where a target differs from what is approved, else 0");
    describe_gauge!(QUEUE_DEPTH, "Subjects that are due");
    describe_gauge!(QUEUE_OLDEST_SECONDS, "How long the oldest due subject has waited");
    describe_gauge!(SWEEP_LAG_SECONDS, "How late the sweep is");
    describe_gauge!(LETTERS, "Letters that are not sent, by whether they wait or were given up");
    describe_counter!(LETTERS_TOTAL, "Attempts to send letters, by channel and how they ended");
    describe_counter!(GUARD_WEAKENED, "Rules of GitHub that got weaker, by what is wrong now");
    describe_counter!(GITHUB_REQUESTS, "Requests to GitHub, by operation and status");
    describe_gauge!(GITHUB_RATE_REMAINING, "Requests GitHub still allows this hour");
}

/// Counts a delivery.
pub(super) fn delivered(event: &str, outcome: &'static str) {
    counter!(DELIVERIES, "event" => event.to_owned(), "outcome" => outcome).increment(1);
}

/// Notes the queue.
#[expect(clippy::cast_precision_loss, reason = "a queue of 2^52 subjects")]
pub(super) fn queued(depth: QueueDepth) {
    metrics::gauge!(QUEUE_DEPTH, "queue" => "work").set(depth.due as f64);
    metrics::gauge!(QUEUE_OLDEST_SECONDS, "queue" => "work").set(depth.oldest_seconds as f64);
}

/// How many letters are not sent.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(super) fn letters(figures: LetterFigures) {
    metrics::gauge!(LETTERS, "state" => "waiting").set(figures.waiting as f64);
    metrics::gauge!(LETTERS, "state" => "given-up").set(figures.given_up as f64);
}
