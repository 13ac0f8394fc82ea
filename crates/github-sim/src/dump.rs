//! Writes down what was asked, answered and delivered, for a check against GitHub's descriptions.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::journal::Entry;
use crate::sim::Sim;
use crate::webhooks::Delivery;

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Sim {
    /// Writes the journal and the deliveries into a directory, a line of JSON each, in two files of a
    /// new name ending in `-requests.jsonl` and `-deliveries.jsonl`.
    ///
    /// # Errors
    /// When the directory cannot be made or written.
    pub fn dump(&self, dir: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(dir)?;
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{nth}", std::process::id());
        let write = |suffix: &str, lines: Vec<Value>| {
            let mut file = std::fs::File::create(dir.join(format!("{name}-{suffix}.jsonl")))?;
            lines.iter().try_for_each(|line| writeln!(file, "{line}"))
        };
        write("requests", self.journal().entries().iter().map(request).collect())?;
        write("deliveries", self.deliveries().iter().filter(|delivery| !delivery.made_up).map(delivery).collect())
    }
}

fn request(entry: &Entry) -> Value {
    json!({
        "method": entry.method, "path": entry.path, "query": entry.query,
        "operation": entry.operation, "status": entry.status, "actor": entry.actor,
        "faulted": entry.faulted, "request_body": entry.request_body,
        "response_body": entry.response_body,
    })
}

fn delivery(delivery: &Delivery) -> Value {
    let body: Value = serde_json::from_slice(&delivery.body).unwrap_or(Value::Null);
    json!({"event": delivery.event, "action": delivery.action, "body": body})
}
