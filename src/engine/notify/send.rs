//! One letter after the other to one destination.
//!
//! An attempt is noted before it is made. When it is not known how it ended, mail and chat are left as they are, so that nobody is
//! told twice; a letter that must arrive is repeated under the same id. A letter that cannot be sent stops none to other places.

use countersign_core::domain::{Digest, RepoId, Span, Timestamp};
use countersign_core::notify::{Destination, Letter};
use metrics::counter;
use tracing::{info, warn};

use crate::engine::crash::{Point, here};
use crate::engine::ports::{Claim, Mark, RepoRef, SendError, SendKind, Waiting};
use crate::engine::{Engine, TurnError};

/// Letters of one turn: a turn does not last for ever.
const AT_ONCE: usize = 20;
/// Most attempts; together somewhat more than an hour.
const ATTEMPTS: u32 = 12;
/// Most attempts of a letter that must arrive: about a day.
const SURE_ATTEMPTS: u32 = 40;
/// The first pause is at most this long; each further one at most twice the one before.
const FIRST_PAUSE: u64 = 5;
/// The longest pause of our own.
const LONGEST_PAUSE: u64 = 3_600;

impl Engine {
    /// Sends what waits for a destination, in order.
    pub(in crate::engine) async fn look_at_letters(
        &self,
        claim: &Claim,
        repo: RepoId,
        destination: Digest,
    ) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        for _ in 0..AT_ONCE {
            let Some(waiting) = self.journal.next_letter(repo.id, destination).await? else { return Ok(None) };
            let now = self.clock.now();
            if waiting.due > now {
                return Ok(Some(waiting.due));
            }
            self.still_ours(claim).await?;
            self.attempt_letter(&repo, &waiting).await?;
        }
        Ok(Some(self.clock.now()))
    }

    async fn attempt_letter(&self, repo: &RepoRef, waiting: &Waiting) -> Result<(), TurnError> {
        let letter = &waiting.letter;
        if waiting.begun && !letter.sure {
            let why =
                "an attempt was cut short, and may have arrived; it is not repeated, so that nobody is told twice";
            return self.end_letter(repo, letter, given_up(self.clock.now(), why)).await;
        }
        self.journal.mark_letter(repo.id, letter.id, &Mark::Begun).await?;
        here(Point::LetterBegun);
        let outcome = self.send(repo, letter).await;
        here(Point::LetterSent);
        let (attempts, now) = (waiting.attempts + 1, self.clock.now());
        let mark = match outcome {
            Ok(()) => Mark::Sent,
            Err(fault) => after(&fault, letter, attempts, now),
        };
        self.end_letter(repo, letter, mark).await
    }

    async fn end_letter(&self, repo: &RepoRef, letter: &Letter, mark: Mark) -> Result<(), TurnError> {
        let (channel, key) = (letter.destination.channel(), &letter.notice.key);
        let outcome = match &mark {
            Mark::Sent => {
                info!(channel, key, repository = %repo.name, "a letter is sent");
                "sent"
            }
            Mark::Later { reason, .. } => {
                warn!(channel, key, repository = %repo.name, "a letter is tried again later: {reason}");
                "later"
            }
            Mark::GivenUp { reason, .. } => {
                warn!(channel, key, repository = %repo.name, "a letter is given up: {reason}");
                "given-up"
            }
            Mark::Begun => "begun",
        };
        counter!("countersign_letters_total", "channel" => channel, "outcome" => outcome).increment(1);
        Ok(self.journal.mark_letter(repo.id, letter.id, &mark).await?)
    }

    async fn send(&self, repo: &RepoRef, letter: &Letter) -> Result<(), SendError> {
        let templates = self.templates(repo).await;
        match &letter.destination {
            Destination::Mail { address } => self.send_mail(repo, letter, &templates, address).await,
            Destination::SlackHook { url } => self.send_to_slack_hook(repo, letter, &templates, url).await,
            Destination::SlackBot { token, channel, api } => {
                self.send_as_slack_bot(repo, letter, &templates, (token, channel, api.as_ref())).await
            }
            Destination::Teams { url } => self.send_to_teams(repo, letter, &templates, url).await,
            Destination::Webhook { url, secret } => self.send_webhook(repo, letter, (url, secret)).await,
        }
    }
}

fn given_up(at: Timestamp, why: &str) -> Mark {
    Mark::GivenUp { at, reason: why.to_owned() }
}

/// What follows an attempt that failed.
fn after(fault: &SendError, letter: &Letter, attempts: u32, now: Timestamp) -> Mark {
    let most = if letter.sure { SURE_ATTEMPTS } else { ATTEMPTS };
    match fault.kind {
        SendKind::Refused => given_up(now, &fault.what),
        SendKind::Doubtful if !letter.sure => {
            given_up(now, &format!("{}; it may have arrived, so it is not repeated", fault.what))
        }
        SendKind::Again { .. } | SendKind::Doubtful if attempts >= most => {
            given_up(now, &format!("{}, {attempts} times", fault.what))
        }
        SendKind::Again { after } => {
            let pause = pause(attempts, uuid::Uuid::new_v4().as_fields().0).max(after.unwrap_or(Span::from_seconds(0)));
            Mark::Later { due: now.plus(pause), reason: fault.what.clone() }
        }
        SendKind::Doubtful => {
            let pause = pause(attempts, uuid::Uuid::new_v4().as_fields().0);
            Mark::Later { due: now.plus(pause), reason: fault.what.clone() }
        }
    }
}

/// Exponential with full jitter: anything between one second and the most that this attempt may wait.
fn pause(attempts: u32, roll: u32) -> Span {
    let most = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    Span::from_seconds(1 + u64::from(roll) % most)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::{Occasion, RepoName};
    use countersign_core::notify::Notice;

    use super::*;

    fn letter(sure: bool) -> Letter {
        let repository = RepoName::parse("acme/app").unwrap();
        let notice =
            Notice::new(Occasion::ChangeOpened, "1", Timestamp::from_seconds(0), (&repository, "https://github.com"));
        let destination = Destination::Mail { address: "ann@example.com".to_owned() };
        Letter { id: Digest::of(b"x"), thread: "change/1".to_owned(), destination, notice, sure }
    }

    #[test]
    fn a_pause_grows_is_never_nothing_and_never_more_than_an_hour() {
        assert_eq!(
            (pause(1, 0), pause(1, 4), pause(1, 5)),
            (Span::from_seconds(1), Span::from_seconds(5), Span::from_seconds(1))
        );
        assert_eq!(pause(3, 19), Span::from_seconds(20));
        for attempts in 0..60 {
            assert!(pause(attempts, u32::MAX).seconds() <= LONGEST_PAUSE);
        }
    }

    #[test]
    fn what_may_have_arrived_is_repeated_only_where_it_must_arrive() {
        let now = Timestamp::from_seconds(100);
        let fault = |kind| SendError { kind, what: "no answer".to_owned() };
        let ends =
            |sure, kind, attempts| matches!(after(&fault(kind), &letter(sure), attempts, now), Mark::GivenUp { .. });
        assert!(ends(false, SendKind::Doubtful, 1) && !ends(true, SendKind::Doubtful, 1));
        let again = SendKind::Again { after: None };
        assert!(!ends(false, again, 1) && !ends(true, again, ATTEMPTS));
        assert!(ends(false, again, ATTEMPTS) && ends(true, again, SURE_ATTEMPTS));
        assert!(ends(true, SendKind::Refused, 1));
        let asked = SendKind::Again { after: Some(Span::from_seconds(900)) };
        let Mark::Later { due, .. } = after(&fault(asked), &letter(false), 1, now) else { panic!("later") };
        assert_eq!(due, now.plus(Span::from_seconds(900)));
    }
}
