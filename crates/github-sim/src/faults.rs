//! Dials: make chosen requests fail, lag, hang or be overtaken by the world.
//!
//! Only says what should happen to a request; the server carries it out.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::sim::Sim;

/// Something a test does to the world in the middle of a request.
type Interruption = Arc<dyn Fn(&Sim) + Send + Sync>;

/// Something a test does to the body of an answer.
type Alteration = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// One rule: which requests it concerns, which of them, what happens to them.
///
/// ```
/// use github_sim::Fault;
/// // The second creation of a pull request happens, but the caller gets a 502.
/// let fault = Fault::operation("pulls/create").skip(1).fail_after(502);
/// ```
#[derive(Clone)]
pub struct Fault {
    matcher: Matcher,
    skip: u32,
    times: u32,
    plan: Plan,
}

#[derive(Debug, Clone)]
enum Matcher {
    Operation(String),
    Path { method: String, pattern: String },
    Graphql(String),
}

/// What happens to one request.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) before: Option<Canned>,
    pub(crate) after: Option<Canned>,
    pub(crate) delay: Option<Duration>,
    pub(crate) hang: bool,
    pub(crate) cut: bool,
    pub(crate) interrupt: Vec<Interruption>,
    pub(crate) alter: Vec<Alteration>,
    headers: Vec<(String, String)>,
}

impl Plan {
    /// Waits as long as the rules say, perhaps for ever.
    pub(crate) async fn lag(&self) {
        if let Some(wait) = self.delay {
            tokio::time::sleep(wait).await;
        }
        if self.hang {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the answer is not what the stand-in would have said.
    pub(crate) fn is_a_lie(&self) -> bool {
        self.before.is_some() || self.after.is_some() || self.cut || !self.alter.is_empty()
    }

    /// Sets the headers the rules ask for.
    pub(crate) fn put_headers(&self, response: &mut Response) {
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

/// An answer that replaces the real one.
#[derive(Debug, Clone)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether the body is a page instead of JSON.
    pub(crate) html: bool,
}

impl Canned {
    /// The answer as git sees it.
    pub(crate) fn response(&self) -> Response {
        crate::dress::plain(self.status, &self.body.to_string())
    }

    fn plain(status: u16) -> Self {
        let message = match status {
            401 => "Bad credentials",
            403 => "Resource not accessible by integration",
            404 => "Not Found",
            409 => "Conflict",
            422 => "Validation Failed",
            _ => "Server Error",
        };
        Self {
            status,
            body: json!({"message": message, "status": status.to_string()}),
            headers: Vec::new(),
            html: false,
        }
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fault")
            .field("matcher", &self.matcher)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

impl Fault {
    fn on(matcher: Matcher) -> Self {
        Self { matcher, skip: 0, times: 1, plan: Plan::default() }
    }

    /// Requests of one operation: GitHub's operation id such as `pulls/merge`, `graphql/query`,
    /// `graphql/updateRefs`, `git/receive-pack`.
    #[must_use]
    pub fn operation(id: &str) -> Self {
        Self::on(Matcher::Operation(id.to_owned()))
    }

    /// Requests by method and path; `*` stands for one segment, `**` for any number.
    #[must_use]
    pub fn path(method: &str, pattern: &str) -> Self {
        Self::on(Matcher::Path { method: method.to_owned(), pattern: pattern.to_owned() })
    }

    /// GraphQL requests whose document contains a text.
    #[must_use]
    pub fn graphql(text: &str) -> Self {
        Self::on(Matcher::Graphql(text.to_owned()))
    }

    /// Lets the first `n` matching requests pass.
    #[must_use]
    pub fn skip(mut self, n: u32) -> Self {
        self.skip = n;
        self
    }

    /// Concerns `n` requests; 1 unless set.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = n;
        self
    }

    /// Answers with a status and does nothing.
    #[must_use]
    pub fn fail(mut self, status: u16) -> Self {
        self.plan.before = Some(Canned::plain(status));
        self
    }

    /// Does what was asked, then answers with a status as if it had not.
    #[must_use]
    pub fn fail_after(mut self, status: u16) -> Self {
        self.plan.after = Some(Canned::plain(status));
        self
    }

    /// Answers with a status and a body of the test's choice, and does nothing.
    #[must_use]
    pub fn answer(mut self, status: u16, body: Value) -> Self {
        self.plan.before = Some(Canned { body, ..Canned::plain(status) });
        self
    }

    /// Answers with a page for people, as GitHub does when it is down, and does nothing.
    #[must_use]
    pub fn page(mut self, status: u16) -> Self {
        let page = "<html><body><h1>This page is taking too long to load.</h1></body></html>";
        self.plan.before = Some(Canned { body: page.into(), html: true, ..Canned::plain(status) });
        self
    }

    /// Does what was asked; the connection breaks in the middle of the answer.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.plan.cut = true;
        self
    }

    /// The hourly quota is used up: 403, nothing remaining, reset in `seconds`.
    #[must_use]
    pub fn rate_limited(mut self, seconds: i64) -> Self {
        let mut canned = Canned::plain(403);
        canned.body = json!({
            "message": "API rate limit exceeded for installation.",
            "documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
            "status": "403",
        });
        canned.headers = vec![
            ("x-ratelimit-remaining".to_owned(), "0".to_owned()),
            ("x-ratelimit-reset-in".to_owned(), seconds.to_string()),
        ];
        self.plan.before = Some(canned);
        self
    }

    /// A secondary limit: 403, with `retry-after` in seconds or without.
    #[must_use]
    pub fn secondary_limit(mut self, retry_after: Option<u64>) -> Self {
        let mut canned = Canned::plain(403);
        canned.body = json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
            "status": "403",
        });
        if let Some(seconds) = retry_after {
            canned.headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        self.plan.before = Some(canned);
        self
    }

    /// Changes the body of the real answer: leave a field out, add one, make a user null.
    #[must_use]
    pub fn alter(mut self, how: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.plan.alter.push(Arc::new(how));
        self
    }

    /// Sets a header of the answer, real or not: a foreign `link`, a `location`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.plan.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Waits before doing what was asked.
    #[must_use]
    pub fn delay(mut self, wait: Duration) -> Self {
        self.plan.delay = Some(wait);
        self
    }

    /// Never answers and does nothing.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.plan.hang = true;
        self
    }

    /// Does something to the world after the request was carried out and before its answer leaves:
    /// what the caller reads is already out of date.
    #[must_use]
    pub fn then(mut self, what: impl Fn(&Sim) + Send + Sync + 'static) -> Self {
        self.plan.interrupt.push(Arc::new(what));
        self
    }

    fn concerns(&self, request: &Request<'_>) -> bool {
        match &self.matcher {
            Matcher::Operation(id) => request.operation == Some(id.as_str()),
            Matcher::Path { method, pattern } => {
                request.method.eq_ignore_ascii_case(method) && crate::state::rules::matches(pattern, request.path)
            }
            Matcher::Graphql(text) => request.document.is_some_and(|d| d.contains(text.as_str())),
        }
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) document: Option<&'a str>,
}

/// All rules that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Number of rules that have not been used up.
    pub(crate) fn left(&self) -> usize {
        self.rules.len()
    }

    /// What happens to this request; counts it. Used-up rules go away.
    pub(crate) fn plan(&mut self, request: &Request<'_>) -> Plan {
        let mut plan = Plan::default();
        for rule in &mut self.rules {
            if !rule.concerns(request) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            plan.before = plan.before.or_else(|| rule.plan.before.clone());
            plan.after = plan.after.or_else(|| rule.plan.after.clone());
            plan.delay = plan.delay.or(rule.plan.delay);
            plan.hang |= rule.plan.hang;
            plan.cut |= rule.plan.cut;
            plan.interrupt.extend(rule.plan.interrupt.iter().cloned());
            plan.alter.extend(rule.plan.alter.iter().cloned());
            plan.headers.extend(rule.plan.headers.iter().cloned());
        }
        self.rules.retain(|rule| rule.times > 0);
        plan
    }
}
