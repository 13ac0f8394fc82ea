//! The exact command that closes what is open at a place: a ruleset with the App above it.
//!
//! Only written down; whoever may administer the repository runs it.

use serde_json::{Value, json};

use super::Place;
use crate::domain::RepoName;

/// A command of GitHub's `gh` that adds the ruleset a place should have. It changes no ruleset that is there.
#[must_use]
pub fn remedy(place: &Place, repository: &RepoName, check: &str, app: u64) -> String {
    let pinned = json!({"type": "required_status_checks", "parameters": {
        "strict_required_status_checks_policy": false,
        "required_status_checks": [{"context": check, "integration_id": app}],
    }});
    let by_request = json!({"type": "pull_request", "parameters": {
        "required_approving_review_count": 0, "dismiss_stale_reviews_on_push": false,
        "require_code_owner_review": false, "require_last_push_approval": false,
        "required_review_thread_resolution": false,
    }});
    let plain = |kind: &str| json!({"type": kind});
    let (name, pattern, rules): (&str, String, Vec<Value>) = match place {
        Place::Governed(branch) => {
            ("countersign", branch.to_string(), vec![by_request, pinned, plain("deletion"), plain("non_fast_forward")])
        }
        Place::Ledger(ledger) => ("countersign: ledger", ledger.to_string(), closed(plain).to_vec()),
        Place::Held(_) => ("countersign: held", "refs/heads/countersign/held/**".to_owned(), closed(plain).to_vec()),
    };
    let body = json!({
        "name": name, "target": "branch", "enforcement": "active",
        "bypass_actors": [{"actor_id": app, "actor_type": "Integration", "bypass_mode": "always"}],
        "conditions": {"ref_name": {"include": [pattern], "exclude": []}},
        "rules": rules,
    });
    format!("gh api -X POST repos/{repository}/rulesets --input - <<< '{body}'")
}

fn closed(plain: impl Fn(&str) -> Value) -> [Value; 4] {
    ["creation", "update", "deletion", "non_fast_forward"].map(plain)
}
