//! What comments say about a change: votes, and what is asked for. Read from the comments that stand there now, joined with what
//! deliveries and the ledger said when they were first seen.
//!
//! Judges nobody. A word that gives something counts only while its comment stands there as it was written (R14); one that only
//! makes things stricter outlives that somebody else edits, hides or deletes it (R18).

use std::collections::BTreeMap;

use countersign_core::domain::{Account, CommentId, Oid, Timestamp};
use countersign_core::event::command::{self, Spoken};
use countersign_core::facts::question::{ChangeRead, CommentText};
use countersign_core::facts::{Asked, AskedFor, BypassAsked, BypassSource, Question, VoteFacts, VoteKind, VoteSource};
use countersign_core::ledger::VoteEntry;

use super::book::Place;
use super::ports::{CommentTold, Freshness, Sighting};
use super::timeline::{Aimed, aimed_at};
use super::{Engine, TurnError, lock};

/// Comments of which we remember whether they were written through an App.
const REMEMBERED: usize = 20_000;

/// What the comments come to.
#[derive(Default)]
pub(super) struct Said {
    pub votes: Vec<VoteFacts>,
    pub asked: Vec<Asked>,
    pub bypasses: Vec<BypassAsked>,
}

/// Among what something is said.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The change as it is read now.
    pub read: &'a ChangeRead,
    /// Its head.
    pub head: &'a Oid,
    /// When it was merged by a bypass, when that was asked for: from then on it can be ratified.
    pub bypassed: Option<Timestamp>,
}

/// What is known of a comment besides what is read now.
#[derive(Default)]
struct Heard<'a> {
    /// What it said when it was delivered; by whom, and when that arrived.
    delivered: Option<(&'a Spoken, Option<&'a Account>, Timestamp)>,
    /// Who is known to have edited or deleted it.
    changed_by: Vec<&'a Account>,
    /// The ledger's first sight of its vote.
    recorded: Option<&'a VoteEntry>,
}

/// A word as it was first heard.
struct Word {
    id: CommentId,
    what: Spoken,
    by: Option<Account>,
    at: Timestamp,
}

impl Engine {
    /// Votes of all kinds, and what is asked for, of a change that was merged by a bypass.
    pub(super) async fn said_of(
        &self,
        place: &Place,
        read: &ChangeRead,
        (head, bypassed): (&Oid, Option<Timestamp>),
    ) -> Result<(Vec<VoteFacts>, Vec<Asked>), TurnError> {
        let mut votes = self.votes(place, read).await?;
        let around = Around { read, head, bypassed: bypassed.or(Some(Timestamp::from_seconds(0))) };
        let said = self.said(place, read, around).await?;
        votes.extend(said.votes);
        Ok((votes, said.asked))
    }

    /// Reads the comments of a change.
    pub(super) async fn said(&self, place: &Place, read: &ChangeRead, around: Around<'_>) -> Result<Said, TurnError> {
        let sightings = self.journal.comments(place.repo.id, read.number).await?;
        let mut heard = heard(&sightings);
        for (source, known) in place.state().votes() {
            if let VoteSource::Comment(id) = source
                && known.first.pull == read.number
            {
                heard.entry(*id).or_default().recorded = Some(&known.first);
            }
        }
        let nothing = Heard::default();
        let mut said = Said::default();
        for comment in &read.comments {
            let known = heard.get(&comment.id).unwrap_or(&nothing);
            if comment.edited {
                gone(comment.id, known, comment.editor.as_ref(), around, &mut said);
            } else if let Some(what) = command::spoken(&comment.body) {
                let word = Word { id: comment.id, what, by: comment.author.clone(), at: comment.at };
                self.heard_now(place, (comment, word), known, around, &mut said).await?;
            }
        }
        let shown = |id: &CommentId| read.comments.iter().any(|comment| comment.id == *id);
        for (id, known) in heard.iter().filter(|(id, _)| !shown(id)) {
            gone(*id, known, None, around, &mut said);
        }
        said.asked.sort_by_key(|asked| (asked.at, asked.comment));
        said.bypasses.sort_by(|one, other| (one.at, &one.source).cmp(&(other.at, &other.source)));
        Ok(said)
    }

    /// A comment that stands there as it was written.
    async fn heard_now(
        &self,
        place: &Place,
        (comment, word): (&CommentText, Word),
        known: &Heard<'_>,
        around: Around<'_>,
        said: &mut Said,
    ) -> Result<(), TurnError> {
        if comment.author.as_ref().is_some_and(|author| !author.is_person()) {
            return Ok(());
        }
        match comment.hidden {
            Some(true) if !word.what.restrains() => {
                gone(word.id, known, None, around, said);
                return Ok(());
            }
            // what cannot be told is not counted, and not remembered as gone either
            None if !word.what.restrains() => return Ok(()),
            Some(_) | None => {}
        }
        let sender = known.delivered.and_then(|(_, by, _)| by);
        let own = match (sender, &comment.author) {
            (Some(sender), Some(author)) => sender.id == author.id,
            (None, _) | (_, None) => true,
        };
        if own && self.is_own_words(place, comment).await? {
            said.stands(word, known, around);
        }
        Ok(())
    }

    /// Whether a comment was written by its author, not by an App in their name (R14). That never changes, so it is asked once.
    async fn is_own_words(&self, place: &Place, comment: &CommentText) -> Result<bool, TurnError> {
        if let Some(through) = comment.through_an_app {
            return Ok(!through);
        }
        let key = (place.repo.id, comment.id);
        if let Some(own) = lock(&self.memory.own_words).get(&key) {
            return Ok(*own);
        }
        let read = self.forge.answer(&place.repo, &Question::Comment(comment.id), Freshness::Display).await?;
        let Some(through) = read.comment()?.and_then(|comment| comment.through_an_app) else { return Ok(false) };
        let mut known = lock(&self.memory.own_words);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, !through);
        Ok(!through)
    }
}

fn heard(sightings: &[Sighting]) -> BTreeMap<CommentId, Heard<'_>> {
    let mut heard: BTreeMap<CommentId, Heard<'_>> = BTreeMap::new();
    for sighting in sightings {
        let Sighting::Comment { comment, told, by, at, .. } = sighting else { continue };
        let known = heard.entry(*comment).or_default();
        match told {
            CommentTold::Written(spoken) => known.delivered = Some((spoken, by.as_ref(), *at)),
            CommentTold::Edited | CommentTold::Deleted => known.changed_by.extend(by),
        }
    }
    heard
}

/// A comment that no longer stands there as it was written. One that was never heard before says nothing (R14).
fn gone(id: CommentId, known: &Heard<'_>, editor: Option<&Account>, around: Around<'_>, said: &mut Said) {
    let Some(word) = known.word(id) else { return };
    let changed = known.changed_by.iter().copied().chain(editor);
    let own = word.by.as_ref().is_some_and(|author| changed.into_iter().any(|by| by.id == author.id));
    match word.what {
        Spoken::Approve(_) | Spoken::Withdraw => said.ended(word, known, around, None),
        Spoken::Ratify if around.ratifies(word.at) => said.ended(word, known, around, None),
        Spoken::Reject if own => {
            let by = word.by.clone();
            said.ended(word, known, around, by);
        }
        Spoken::Pause(_) if own => {}
        Spoken::Reject | Spoken::Pause(_) => said.stands(word, known, around),
        Spoken::Waive(_) | Spoken::Unpause | Spoken::Bypass { .. } | Spoken::Ratify => {}
    }
}

impl Around<'_> {
    /// Whether the change aimed at its present base when something was said, as far as the timeline tells.
    fn aims_as_it_did(&self, at: Timestamp) -> bool {
        match aimed_at(self.read, at) {
            Aimed::At(base) => base.is_none_or(|base| base == self.read.base),
            Aimed::Elsewhere => false,
        }
    }

    /// Whether a ratification of this time can be one: of a change that was merged by a bypass, after that was asked for.
    fn ratifies(&self, at: Timestamp) -> bool {
        self.bypassed.is_some_and(|bypassed| at >= bypassed)
    }
}

impl Heard<'_> {
    /// What it said when it was first heard: as delivered, else as the ledger has it.
    fn word(&self, id: CommentId) -> Option<Word> {
        if let Some((what, by, at)) = self.delivered {
            let at = self.recorded.map_or(at, |vote| vote.at);
            return Some(Word { id, what: what.clone(), by: by.cloned(), at });
        }
        let vote = self.recorded?;
        let what = match vote.kind {
            VoteKind::Reject => Spoken::Reject,
            VoteKind::Withdraw => Spoken::Withdraw,
            VoteKind::Approve | VoteKind::Ended | VoteKind::Unrecognised => Spoken::Approve(vote.commit.clone()),
        };
        Some(Word { id, what, by: vote.user.clone(), at: vote.at })
    }

    /// The commit that a delivery told it names; a vote first seen by reading has none (R13).
    fn told_commit(&self) -> Option<Oid> {
        let recorded = self.recorded.filter(|vote| vote.delivery.is_some()).map(|vote| vote.commit.clone());
        recorded.or_else(|| match self.delivered {
            Some((Spoken::Approve(commit), ..)) => Some(commit.clone()),
            Some(_) | None => None,
        })
    }
}

impl Said {
    /// A word that holds.
    fn stands(&mut self, word: Word, known: &Heard<'_>, around: Around<'_>) {
        let what = match &word.what {
            Spoken::Approve(_) => return self.votes.push(vote(&word, VoteKind::Approve, known, around)),
            Spoken::Reject => return self.votes.push(vote(&word, VoteKind::Reject, known, around)),
            Spoken::Withdraw => return self.votes.push(vote(&word, VoteKind::Withdraw, known, around)),
            Spoken::Waive(login) => AskedFor::Waive(login.clone()),
            Spoken::Pause(reason) => AskedFor::Pause(reason.clone()),
            Spoken::Unpause => AskedFor::Unpause,
            Spoken::Ratify if around.ratifies(word.at) => {
                return self.votes.push(vote(&word, VoteKind::Approve, known, around));
            }
            Spoken::Ratify => return,
            Spoken::Bypass { head, reason } => {
                let (head, reason) = (head.clone(), reason.clone());
                let source = BypassSource::Comment(word.id);
                let elsewhere = !around.aims_as_it_did(word.at);
                self.bypasses.extend(word.by.map(|by| BypassAsked {
                    source,
                    by,
                    head,
                    reason,
                    at: word.at,
                    elsewhere,
                }));
                return;
            }
        };
        if let Some(by) = word.by {
            self.asked.push(Asked { comment: word.id, by, what, at: word.at });
        }
    }

    /// A vote that was given, and is over.
    fn ended(&mut self, word: Word, known: &Heard<'_>, around: Around<'_>, by: Option<Account>) {
        let first = match word.what {
            Spoken::Reject => VoteKind::Reject,
            Spoken::Withdraw => VoteKind::Withdraw,
            Spoken::Approve(_)
            | Spoken::Waive(_)
            | Spoken::Pause(_)
            | Spoken::Unpause
            | Spoken::Bypass { .. }
            | Spoken::Ratify => VoteKind::Approve,
        };
        let standing = vote(&word, first, known, around);
        self.votes.push(VoteFacts { kind: VoteKind::Ended, ended_by: by, ..standing });
    }
}

/// The vote of a word. A veto and a withdrawal name no commit: theirs is the head at which they were first seen. A ratification is of
/// the head that was merged.
fn vote(word: &Word, kind: VoteKind, known: &Heard<'_>, around: Around<'_>) -> VoteFacts {
    let commit = match &word.what {
        Spoken::Approve(commit) => commit.clone(),
        Spoken::Ratify => around.head.clone(),
        Spoken::Reject
        | Spoken::Withdraw
        | Spoken::Waive(_)
        | Spoken::Pause(_)
        | Spoken::Unpause
        | Spoken::Bypass { .. } => known.recorded.map_or_else(|| around.head.clone(), |vote| vote.commit.clone()),
    };
    let aimed = match known.recorded {
        Some(vote) => Aimed::At(Some(vote.base.clone())),
        None => aimed_at(around.read, word.at),
    };
    VoteFacts {
        source: VoteSource::Comment(word.id),
        account: word.by.clone(),
        kind,
        first_kind: Some(kind),
        delivered_commit: if word.what == Spoken::Ratify { Some(commit.clone()) } else { known.told_commit() },
        // said of a base nobody names: it cannot be tied to this change
        commit: (aimed != Aimed::Elsewhere).then_some(commit),
        first_base: match aimed {
            Aimed::At(Some(base)) => base,
            Aimed::At(None) | Aimed::Elsewhere => around.read.base.clone(),
        },
        at: word.at,
        ended_by: None,
        stood: known.recorded.is_some_and(|vote| vote.stood),
    }
}
