//! What leaves, per channel: rendered, with the secrets that were granted. One attempt each.

use countersign_core::domain::{Alias, Digest, Occasion, RepoPath};
use countersign_core::notify::{self, Letter, Rendered, Templates};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::warn;

use crate::engine::Engine;
use crate::engine::ports::{
    Granted, HostPattern, Mail, NoteKey, OutboundKind, Post, RepoRef, SendError, SendKind, WebhookMessage,
};

/// Where a repository keeps its own templates.
const TEMPLATES: &str = ".countersign/templates/notify";
/// Largest template, in bytes.
const TEMPLATE: usize = 64 * 1024;
/// Slack's own API.
const SLACK: &str = "https://slack.com/api";

/// The card of a thread in Slack.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    channel: String,
    ts: String,
}

impl Engine {
    /// Our templates, those of the operator above them, and above these what is approved in the repository.
    pub(super) async fn templates(&self, repo: &RepoRef) -> Templates {
        let mut templates = self.settings.templates.clone();
        let Ok(Some((_, commit))) = self.journal.ledger_head(repo.id).await else { return templates };
        let Ok(book) = self.book(repo, &commit).await else { return templates };
        let state = book.ledger.state();
        let Some(branch) = state.default_branch() else { return templates };
        for name in notify::NAMES {
            let path = RepoPath::new(&format!("{TEMPLATES}/{name}"));
            let Some(entry) = state.approved(branch).get(&path) else { continue };
            match self.repo.blob(repo, &entry.oid, TEMPLATE).await {
                Ok(Some(bytes)) => match String::from_utf8(bytes) {
                    Ok(text) => templates.replace(name, text),
                    Err(_) => warn!(repository = %repo.name, %path, "a template is no text, and is not used"),
                },
                Ok(None) => warn!(repository = %repo.name, %path, "a template is larger than 64 KiB, and is not used"),
                Err(fault) => warn!(repository = %repo.name, %path, %fault, "a template cannot be read"),
            }
        }
        templates
    }

    pub(super) async fn send_mail(
        &self,
        repo: &RepoRef,
        letter: &Letter,
        templates: &Templates,
        address: &str,
    ) -> Result<(), SendError> {
        let Some(mailer) = &self.mailer else {
            return Err(refused("this server has no mail server: `COUNTERSIGN_SMTP_URL` is not set".to_owned()));
        };
        let text = plainly(repo, templates.mail(&letter.notice));
        let first = self.journal.first_sent(repo.id, letter.destination.digest(), &letter.thread).await;
        let answers = first.map_err(|fault| again(fault.to_string()))?.map(hex);
        let mail = Mail {
            to: address.to_owned(),
            text,
            id: hex(letter.id),
            answers: answers.filter(|first| *first != hex(letter.id)),
            list: repo.name.to_string(),
            at: letter.notice.at,
        };
        mailer.send(&mail).await
    }

    pub(super) async fn send_to_slack_hook(
        &self,
        repo: &RepoRef,
        letter: &Letter,
        templates: &Templates,
        url: &Alias,
    ) -> Result<(), SendError> {
        let card = slack_card(repo, letter, templates);
        self.post(Post { url: self.granted(repo, url)?, token: None, body: card.to_string() }).await.map(drop)
    }

    pub(super) async fn send_to_teams(
        &self,
        repo: &RepoRef,
        letter: &Letter,
        templates: &Templates,
        url: &Alias,
    ) -> Result<(), SendError> {
        let headline = plainly(repo, templates.headline(&letter.notice));
        let text = plainly(repo, templates.chat("teams.card", &letter.notice));
        let card = notify::teams_card(&letter.notice, &headline, &text);
        self.post(Post { url: self.granted(repo, url)?, token: None, body: card.to_string() }).await.map(drop)
    }

    pub(super) async fn send_webhook(
        &self,
        repo: &RepoRef,
        letter: &Letter,
        (url, secret): (&Alias, &Alias),
    ) -> Result<(), SendError> {
        let message = WebhookMessage {
            url: self.granted(repo, url)?,
            secret: self.granted(repo, secret)?,
            id: format!("evt_{}", hex(letter.id)),
            body: notify::webhook_body(&letter.notice).into_bytes(),
        };
        match self.outbound.webhook(&message).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(match fault.kind {
                OutboundKind::Retry { after } => SendError { kind: SendKind::Again { after }, what: fault.what },
                OutboundKind::Busy => again(fault.what),
                OutboundKind::Permanent | OutboundKind::Conflict => refused(fault.what),
                // our side is not set up for it, which an operator can change
                OutboundKind::Blocked(_) => again(fault.what),
            }),
        }
    }

    /// One card per thread, kept up to date; what happened is told under it. The card is written first: writing it again changes
    /// nothing, the line under it is told once.
    pub(super) async fn send_as_slack_bot(
        &self,
        repo: &RepoRef,
        letter: &Letter,
        templates: &Templates,
        (token, channel, api): (&Alias, &str, Option<&Alias>),
    ) -> Result<(), SendError> {
        let note = NoteKey::Card(letter.destination.digest(), letter.thread.clone());
        let known = self.journal.note(repo.id, &note).await.map_err(|fault| again(fault.to_string()))?;
        let known = known.and_then(|text| serde_json::from_str::<Card>(&text).ok());
        let card = slack_card(repo, letter, templates);
        if let Some(known) = known {
            let body = with(&card, json!({"channel": known.channel, "ts": known.ts}));
            match self.slack(repo, (token, api), "chat.update", &body).await {
                Ok(_) => {
                    let headline = plainly(repo, templates.headline(&letter.notice));
                    let line = plainly(repo, templates.chat("slack_line.mrkdwn", &letter.notice));
                    let line = notify::slack_line(&headline, &line);
                    let loud = is_failure(letter.notice.occasion);
                    let under = json!({"channel": known.channel, "thread_ts": known.ts, "reply_broadcast": loud});
                    return self.slack(repo, (token, api), "chat.postMessage", &with(&line, under)).await.map(drop);
                }
                // somebody deleted it: there will be another one
                Err(fault) if fault.what.ends_with("`message_not_found`") => {}
                // an update that may have been made can be made again
                Err(SendError { kind: SendKind::Doubtful, what }) => return Err(again(what)),
                Err(fault) => return Err(fault),
            }
        }
        let answer =
            self.slack(repo, (token, api), "chat.postMessage", &with(&card, json!({"channel": channel}))).await?;
        let (Some(channel), Some(ts)) = (answer["channel"].as_str(), answer["ts"].as_str()) else {
            warn!(repository = %repo.name, "Slack does not say where the card is; the next event gets another one");
            return Ok(());
        };
        let card = json!(Card { channel: channel.to_owned(), ts: ts.to_owned() }).to_string();
        if let Err(fault) = self.journal.keep_note(repo.id, &note, &card).await {
            warn!(%fault, "where the card is cannot be kept; the next event gets another one");
        }
        Ok(())
    }

    /// A call of Slack's API: `ok` or an error code, also under status 200.
    async fn slack(
        &self,
        repo: &RepoRef,
        (token, api): (&Alias, Option<&Alias>),
        method: &str,
        body: &Value,
    ) -> Result<Value, SendError> {
        let url = match api {
            Some(alias) => {
                let base = self.granted(repo, alias)?;
                base.map(|base| format!("{}/{method}", base.trim_end_matches('/')))
            }
            None => {
                let hosts = HostPattern::parse("slack.com").into_iter().collect();
                Granted::new(format!("{SLACK}/{method}").into(), hosts, false)
            }
        };
        let token = Some(self.granted(repo, token)?);
        let answer = self.post(Post { url, token, body: body.to_string() }).await?;
        let answer = answer.ok_or_else(|| SendError {
            kind: SendKind::Doubtful,
            what: "Slack's answer is not understood".to_owned(),
        })?;
        if answer["ok"] == true {
            return Ok(answer);
        }
        let code: String = answer["error"]
            .as_str()
            .unwrap_or("unknown")
            .chars()
            .filter(|c| c.is_ascii_lowercase() || *c == '_')
            .take(60)
            .collect();
        let kind = match code.as_str() {
            "ratelimited" | "rate_limited" | "service_unavailable" | "team_added_to_org" => {
                SendKind::Again { after: None }
            }
            "internal_error" | "fatal_error" | "request_timeout" | "unknown" => SendKind::Doubtful,
            _ => SendKind::Refused,
        };
        Err(SendError { kind, what: format!("Slack answers `{code}`") })
    }

    async fn post(&self, post: Post) -> Result<Option<Value>, SendError> {
        self.outbound.post(&post).await
    }

    /// A secret that is not granted now may be granted later.
    fn granted(&self, repo: &RepoRef, alias: &Alias) -> Result<Granted, SendError> {
        let granted = self.grants.secret(&repo.name, alias);
        granted.map_err(|fault| again(fault.to_string().lines().next().unwrap_or_default().to_owned()))
    }
}

fn slack_card(repo: &RepoRef, letter: &Letter, templates: &Templates) -> Value {
    let headline = plainly(repo, templates.headline(&letter.notice));
    let text = plainly(repo, templates.chat("slack.mrkdwn", &letter.notice));
    notify::slack_card(&letter.notice, &headline, &text)
}

/// What a failure is worth: the whole channel sees it, not only the thread.
fn is_failure(occasion: Occasion) -> bool {
    matches!(
        occasion,
        Occasion::SyncFailed
            | Occasion::DriftFound
            | Occasion::ChangeBypassed
            | Occasion::BypassOverdue
            | Occasion::EnvironmentQuarantined
    )
}

/// The text; what went wrong with a template of somebody is told in the log.
fn plainly<T>(repo: &RepoRef, rendered: Rendered<T>) -> T {
    for warning in rendered.warnings {
        warn!(repository = %repo.name, "{warning}");
    }
    rendered.text
}

fn with(body: &Value, more: Value) -> Value {
    let (mut body, more) = (body.clone(), more);
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// The digits of a digest.
fn hex(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

fn again(what: String) -> SendError {
    SendError { kind: SendKind::Again { after: None }, what }
}

fn refused(what: String) -> SendError {
    SendError { kind: SendKind::Refused, what }
}
