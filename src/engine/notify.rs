//! Telling people: notices of what stands or is recorded become letters in the outbox, and letters leave one after the other.
//!
//! Never inside a decision: a notice that cannot be told now is told by the next look, and nothing waits for it. A notice is told
//! once, because the store keeps its key together with its letters; how a letter is sent is in [`send`].

mod prepare;
mod send;

use std::collections::BTreeSet;

use countersign_core::decision::Decision;
use countersign_core::domain::{
    Account, AccountKind, Digest, Occasion, PrNumber, RepoId, Sequence, Span, TargetId, Timestamp,
};
use countersign_core::facts::{Known, Question};
use countersign_core::guard::Finding;
use countersign_core::ledger::Verified;
use countersign_core::notify::{self, History, Notice};
use countersign_core::policy::Group;
use tracing::{info, warn};

use super::book::{Found, Place};
use super::gather::Gathered;
use super::ports::{Claim, Freshness, NoteKey, RepoRef, Subject};
use super::{Engine, TurnError};

/// What is older is no news: after a long standstill nobody gets a flood of the past.
const NEWS: Span = Span::from_seconds(7 * 86_400);

impl Engine {
    /// Tells what is to be told of an open change as it is judged now. What goes wrong is told by the next look.
    pub(super) async fn tell_of_change(&self, place: &Place, (gathered, decision): (&Gathered, &Decision)) {
        let notices = notify::of_change(decision, &gathered.facts, self.clock.now());
        self.tell_or_warn(place, notices).await;
    }

    /// Tells that a change is closed because nobody touched it.
    pub(super) async fn tell_of_expiry(&self, place: &Place, (gathered, decision): (&Gathered, &Decision)) {
        self.tell_or_warn(place, vec![notify::expired(decision, &gathered.facts, self.clock.now())]).await;
    }

    /// Tells that a target gets nothing because our side is not set up for it.
    pub(super) async fn tell_of_block(&self, place: &Place, id: &TargetId, trouble: (&str, &str)) {
        let url = self.page_of(&place.repo);
        let notice = notify::blocked(history(place, &url), id, self.clock.now(), trouble);
        self.tell_or_warn(place, vec![notice]).await;
    }

    /// Tells that rules of GitHub got weaker. `before` names what it was compared with: the same step is told once.
    pub(super) async fn tell_of_guard(&self, place: &Place, worse: &[Finding], before: &str) {
        let (now, url) = (self.clock.now(), self.page_of(&place.repo));
        let notices = worse.iter().map(|finding| {
            let what = format!("{}\0{}\0{}\0{before}", finding.place.name(), finding.reason.code(), finding.detail);
            let about = format!("{}/{}", day(now), Digest::of(what.as_bytes()));
            let mut notice = Notice::new(Occasion::GuardWeakened, &about, now, (&place.repo.name, &url));
            notice.reason = Some(finding.reason.code().to_owned());
            notice.detail = Some(format!("{}: {}", finding.place.name(), finding.reason.words()));
            notice
        });
        self.tell_or_warn(place, notices.collect()).await;
    }

    /// Tells that the ledger was found moved back, and what it was restored to.
    pub(super) async fn tell_of_tampering(&self, found: &Found, seen: Sequence, held: &str) {
        let Found::Managed(place) = found else { return };
        let (now, url) = (self.clock.now(), self.page_of(&place.repo));
        let about = format!("{}/{held}/{}", seen.label(), day(now));
        let mut notice = Notice::new(Occasion::LedgerTampered, &about, now, (&place.repo.name, &url));
        notice.entry = Some(seen);
        notice.detail = Some(format!("it no longer held {}, and was restored", seen.label()));
        self.tell_or_warn(place, vec![notice]).await;
    }

    async fn tell_or_warn(&self, place: &Place, notices: Vec<Notice>) {
        if let Err(fault) = self.tell_all(place, notices).await {
            warn!(%fault, "people cannot be told yet");
        }
    }

    /// Asks for a look at what the ledger says, where somebody is to be told.
    pub(super) async fn ask_for_notices(&self, place: &Place) -> Result<(), TurnError> {
        let told = self.told_up_to(place.repo.id).await?;
        let head = place.sequence();
        match (told, notify::tells(&place.policy)) {
            (Some(told), _) if told == head && !self.owes_word(place).await? => {}
            (Some(_), true) => self.journal.schedule(&Subject::Notices(place.repo.id), self.clock.now()).await?,
            // what happens before anybody is to be told is told to nobody
            (None, _) | (Some(_), false) => self.note_told(place.repo.id, head).await?,
        }
        Ok(())
    }

    /// Whether a bypass became overdue that nobody was told of.
    async fn owes_word(&self, place: &Place) -> Result<bool, TurnError> {
        let (now, url) = (self.clock.now(), self.page_of(&place.repo));
        for (decision, known) in place.state().bypasses().filter(|(_, known)| known.is_overdue(now)) {
            let notice = notify::overdue(history(place, &url), decision, known, now);
            if !self.journal.is_told(place.repo.id, &notice.key).await? {
                return Ok(notify::tells(&place.policy));
            }
        }
        Ok(false)
    }

    /// What the ledger says and was not told yet; and which bypasses are overdue.
    pub(super) async fn look_at_notices(&self, claim: &Claim, repo: RepoId) -> Result<Option<Timestamp>, TurnError> {
        let Some(repo) = self.reach(repo).await? else { return Ok(None) };
        let Found::Managed(place) = self.find(claim, &repo, &[]).await? else { return Ok(None) };
        let head = place.sequence();
        let Some(told) = self.told_up_to(repo.id).await? else {
            self.note_told(repo.id, head).await?;
            return Ok(None);
        };
        let url = self.page_of(&repo);
        let history = history(&place, &url);
        let now = self.clock.now();
        for (at, entry) in history.entries.iter().enumerate() {
            if entry.sequence <= told || now.since(entry.at) > NEWS {
                continue;
            }
            if let Some(notice) = notify::of_entry(history, at) {
                self.tell_all(&place, vec![notice]).await?;
            }
        }
        for (decision, known) in place.state().bypasses().filter(|(_, known)| known.is_overdue(now)) {
            self.tell_all(&place, vec![notify::overdue(history, decision, known, now)]).await?;
        }
        if head != told {
            self.still_ours(claim).await?;
            self.note_told(repo.id, head).await?;
        }
        Ok(None)
    }

    async fn told_up_to(&self, repo: RepoId) -> Result<Option<Sequence>, TurnError> {
        let text = self.journal.note(repo, &NoteKey::Told).await?;
        Ok(text.and_then(|text| text.parse().ok()).map(Sequence::new))
    }

    async fn note_told(&self, repo: RepoId, up_to: Sequence) -> Result<(), TurnError> {
        Ok(self.journal.keep_note(repo, &NoteKey::Told, &up_to.get().to_string()).await?)
    }

    /// Puts letters of notices into the outbox that were not told yet.
    async fn tell_all(&self, place: &Place, notices: Vec<Notice>) -> Result<(), TurnError> {
        if !notify::tells(&place.policy) {
            return Ok(());
        }
        for notice in notices {
            if self.journal.is_told(place.repo.id, &notice.key).await? {
                continue;
            }
            let approvers = match notify::needs_approvers(&place.policy, &notice) {
                true => self.approvers(place, &notice).await?,
                false => Vec::new(),
            };
            let told = notify::letters(&place.policy, &notice, &approvers, self.mailer.is_some());
            if !told.unreached.is_empty() {
                let names: Vec<_> = told.unreached.iter().map(ToString::to_string).collect();
                warn!(
                    key = notice.key,
                    names = names.join(", "),
                    "people who must be told have no address in `people`"
                );
            }
            let now = self.clock.now();
            if self.journal.tell(place.repo.id, &notice.key, &told.letters, now).await? && !told.letters.is_empty() {
                info!(key = notice.key, letters = told.letters.len(), "told");
            }
        }
        Ok(())
    }

    /// Who must be told of a bypass and has no address: said under the request, where they are.
    pub(super) async fn unreached_note(&self, place: &Place, pull: PrNumber) -> Option<String> {
        if !notify::tells(&place.policy) {
            return None;
        }
        let (decision, known) = place.state().bypass_of_pull(pull)?;
        let url = self.page_of(&place.repo);
        let mut notice = notify::overdue(history(place, &url), decision, known, self.clock.now());
        notice.occasion = Occasion::ChangeBypassed;
        let approvers = self.approvers(place, &notice).await;
        let approvers =
            approvers.inspect_err(|fault| warn!(%fault, "who must be told of a bypass is not known")).ok()?;
        let unreached = notify::letters(&place.policy, &notice, &approvers, self.mailer.is_some()).unreached;
        let names: Vec<_> = unreached.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| {
            format!("\nNot told of the bypass by mail, because `people` has no address of them: {}\n", names.join(", "))
        })
    }

    /// Everybody who may approve what a notice is about, each once. A team whose members cannot be read is an error: the notice is
    /// told by a later look.
    async fn approvers(&self, place: &Place, notice: &Notice) -> Result<Vec<Account>, TurnError> {
        let policy = &place.policy;
        let matched = |name: &str| match notice.policies.is_empty() {
            true => policy.policies().iter().any(|rule| {
                rule.name() == name
                    && (notice.environments.is_empty() && !notice.control
                        || notice.environments.iter().any(|one| rule.environments().holds(one)))
            }),
            false => notice.policies.iter().any(|one| one == name),
        };
        let mut groups: Vec<&Group> =
            policy.policies().iter().filter(|rule| matched(rule.name())).flat_map(|rule| rule.groups()).collect();
        if notice.control {
            groups.push(&policy.admin_rule().group);
        }
        let mut found: Vec<Account> = Vec::new();
        let mut teams = BTreeSet::new();
        for group in groups {
            for login in &group.approvers.users {
                if let Some(id) = place.names.users.get(login) {
                    found.push(Account { id: *id, login: login.clone(), kind: AccountKind::User });
                }
            }
            teams.extend(group.approvers.teams.iter().filter_map(|slug| Some((slug, *place.names.teams.get(slug)?))));
        }
        for (slug, id) in teams {
            if let Known::Is(slug) = self.present_slug(place, (slug, id), Freshness::Display).await? {
                let members = Question::TeamMembers(slug);
                found.extend(self.forge.answer(&place.repo, &members, Freshness::Display).await?.members()?);
            }
        }
        found.sort_by_key(|account| account.id);
        found.dedup_by_key(|account| account.id);
        Ok(found)
    }

    /// Where people look at a repository.
    fn page_of(&self, repo: &RepoRef) -> String {
        format!("{}/{}", self.settings.pages, repo.name)
    }
}

fn history<'a>(place: &'a Place, url: &'a str) -> History<'a> {
    let entries: &[Verified] = place.entries();
    let (policy, default_branch, repository) = (&place.policy, &place.default_branch, &place.repo.name);
    History { entries, policy, default_branch, repository, url }
}

/// The day of an instant: `2026-11-25`.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
