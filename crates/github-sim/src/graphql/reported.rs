//! Fields of check runs, suites and statuses, and the roll-up over them.

use serde_json::Value;

use super::Fault;
use super::args::Args;
use super::node::{Node, Out};
use super::walk::Walk;
use crate::clock::{stamp, stamp_opt};
use crate::state::checks::Status;

fn upper(text: &str) -> String {
    text.to_uppercase()
}

impl Walk<'_> {
    fn context(&self, status: &Status) -> Node {
        Node::Plain(
            "StatusContext",
            vec![
                ("id", format!("SC_{}", status.id).into()),
                ("context", status.context.as_str().into()),
                ("state", upper(&status.state).into()),
                ("description", status.description.clone().into()),
                ("targetUrl", status.target_url.clone().into()),
                ("createdAt", stamp(status.at).into()),
                ("creator", Out::One(Node::Account(status.by.account))),
            ],
        )
    }

    /// Runs and statuses of a commit as one; null if there are none.
    pub(super) fn rollup(&self, repo: u64, sha: &str) -> Result<Out, Fault> {
        self.need(repo, "checks").or_else(|_| self.need(repo, "statuses"))?;
        let runs = self.st.latest_runs(repo, sha);
        let statuses = self.st.latest_statuses(repo, sha);
        if runs.is_empty() && statuses.is_empty() {
            return Ok(Out::null());
        }
        let mut words: Vec<&str> = Vec::new();
        for run in &runs {
            words.push(match run.conclusion.as_deref() {
                None => "PENDING",
                Some("success" | "neutral" | "skipped") => "SUCCESS",
                Some(_) => "FAILURE",
            });
        }
        for status in &statuses {
            words.push(match status.state.as_str() {
                "success" => "SUCCESS",
                "pending" => "PENDING",
                _ => "FAILURE",
            });
        }
        let state = ["FAILURE", "PENDING"].into_iter().find(|word| words.contains(word)).unwrap_or("SUCCESS");
        let mut all: Vec<Node> = runs.iter().map(|run| Node::CheckRun(repo, run.id)).collect();
        all.extend(statuses.iter().map(|status| self.context(status)));
        Ok(Out::One(Node::Plain("StatusCheckRollup", vec![("state", state.into()), ("contexts", Out::Page(all))])))
    }

    pub(super) fn status(&self, repo: u64, sha: &str) -> Result<Out, Fault> {
        self.need(repo, "statuses")?;
        let found = self.st.latest_statuses(repo, sha);
        if found.is_empty() {
            return Ok(Out::null());
        }
        let any = |word: &str| found.iter().any(|status| status.state == word);
        let state = if any("failure") || any("error") {
            "FAILURE"
        } else if any("pending") {
            "PENDING"
        } else {
            "SUCCESS"
        };
        let contexts = found.iter().map(|status| self.context(status)).collect();
        Ok(Out::One(Node::Plain("Status", vec![("state", state.into()), ("contexts", Out::Many(contexts))])))
    }

    pub(super) fn suites(&self, repo: u64, sha: &str, args: &Args) -> Result<Out, Fault> {
        self.need(repo, "checks")?;
        let app = args.get("filterBy").and_then(|filter| filter["appId"].as_u64());
        let here = self.st.repo(repo)?;
        let fits = here.suites.values().filter(|suite| suite.head_sha == sha && app.is_none_or(|app| app == suite.app));
        Ok(Out::Page(fits.map(|suite| Node::CheckSuite(repo, suite.id)).collect()))
    }

    pub(super) fn check_suite(&self, repo: u64, id: u64, name: &str, args: &Args) -> Result<Out, Fault> {
        let here = self.st.repo(repo)?;
        let Some(suite) = here.suites.get(&id) else {
            return Ok(Out::null());
        };
        let shown = self.face.check_suite(repo, id);
        let word = |key: &str| shown[key].as_str().map(upper);
        Ok(match name {
            "id" => format!("CS_{id}").into(),
            "databaseId" | "fullDatabaseId" => id.into(),
            "status" => word("status").into(),
            "conclusion" => word("conclusion").into(),
            "app" => Out::One(Node::App(suite.app)),
            "commit" => commit(repo, &suite.head_sha),
            "checkRuns" => {
                let filter = args.get("filterBy").cloned().unwrap_or(Value::Null);
                let wanted = filter["checkName"].as_str();
                let app = filter["appId"].as_u64();
                let fits = here.runs.values().filter(|run| {
                    run.suite == id
                        && wanted.is_none_or(|wanted| wanted == run.name)
                        && app.is_none_or(|app| app == run.app)
                });
                Out::Page(fits.map(|run| Node::CheckRun(repo, run.id)).collect())
            }
            _ => return Err(Fault::Undefined),
        })
    }

    pub(super) fn check_run(&self, repo: u64, id: u64, name: &str) -> Result<Out, Fault> {
        let run = self.st.run(repo, id)?;
        let shown = self.face.check_run(repo, id);
        Ok(match name {
            "id" => format!("CR_{id}").into(),
            "databaseId" => id.into(),
            "fullDatabaseId" => id.to_string().into(),
            "name" => run.name.as_str().into(),
            "status" => upper(&run.status).into(),
            "conclusion" => run.conclusion.as_deref().map(upper).into(),
            "externalId" => run.external_id.as_str().into(),
            "detailsUrl" => shown["details_url"].clone().into(),
            "url" | "permalink" => shown["html_url"].clone().into(),
            "title" => run.output["title"].clone().into(),
            "summary" => run.output["summary"].clone().into(),
            "text" => run.output["text"].clone().into(),
            "startedAt" => stamp_opt(run.started_at).into(),
            "completedAt" => stamp_opt(run.completed_at).into(),
            "checkSuite" => Out::One(Node::CheckSuite(repo, run.suite)),
            _ => return Err(Fault::Undefined),
        })
    }
}

fn commit(repo: u64, sha: &str) -> Out {
    Out::maybe(crate::git::oid(sha).map(|id| Node::Commit(repo, id)))
}
