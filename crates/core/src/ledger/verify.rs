//! Walks a ledger from its first entry and says how far it is good.
//!
//! Every entry must be signed by a key that entries before it named, follow the one before it by hash and number, speak of this
//! repository and this ledger, and make sense after what was said before. What lies above the last signed entry and is signed by
//! nobody is junk and only noted; anything else makes the ledger invalid from there. No decision is run again here.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Ledger, RawLink, Trust, Verified};
use super::entry::{Entry, EntryError, KeyAction};
use super::envelope::{Envelope, EnvelopeError};
use super::keys::{KeyFingerprint, PublicKey};
use super::problem::{Problem, ProblemCode, Severity};
use super::state::{Head, KeyStatus, LedgerState};
use super::statement::{Statement, StatementError};
use crate::domain::{Digest, Oid, RefName, RepoId, Sequence};

/// Walks the links of a ledger, **oldest first**. `repository`: `None` when it is not known; then all entries must agree.
#[must_use]
pub fn verify(
    links: impl IntoIterator<Item = RawLink>,
    repository: Option<RepoId>,
    ledger_ref: &RefName,
    trust: &Trust,
) -> Ledger {
    let links: Vec<Link> = links.into_iter().map(Link::read).collect();
    let mut revocations = Revocations::default();
    // Each round learns one revocation, which may void entries before it, or that one is void itself; neither is learnt twice.
    loop {
        let start = LedgerState::empty(repository, ledger_ref.clone());
        let mut walk = Walk::new(&links, start, trust, &revocations);
        match walk.run() {
            Round::Finished => return walk.into_ledger(),
            Round::Revoked(key, revocation) => {
                revocations.in_force.insert(key, revocation);
            }
            Round::Undone(at) => {
                revocations.in_force.retain(|_, revocation| revocation.by != at);
                revocations.undone.insert(at);
            }
        }
    }
}

/// A link, taken apart once.
struct Link {
    commit: Oid,
    envelope: Result<Envelope, Option<EnvelopeError>>,
}

impl Link {
    fn read(raw: RawLink) -> Self {
        let envelope = raw.envelope.ok_or(None).and_then(|bytes| Envelope::parse(&bytes).map_err(Some));
        Self { commit: raw.commit, envelope }
    }
}

/// A revocation that is known before the walk comes to it.
#[derive(Clone, Copy)]
struct Revocation {
    from: Sequence,
    by: Sequence,
}

/// What earlier rounds found out.
#[derive(Default)]
struct Revocations {
    in_force: BTreeMap<KeyFingerprint, Revocation>,
    /// Entries that revoked a key and turned out to be void: a later revocation took back the key they were signed with.
    undone: BTreeSet<Sequence>,
}

impl Revocations {
    fn is_by(&self, here: Sequence) -> bool {
        self.in_force.values().any(|revocation| revocation.by == here)
    }

    fn in_range(&self, here: Sequence) -> bool {
        self.in_force.values().any(|revocation| revocation.from <= here && here < revocation.by)
    }
}

enum Round {
    Finished,
    Revoked(KeyFingerprint, Revocation),
    Undone(Sequence),
}

/// What one link comes to.
enum Step {
    /// Taken in.
    Good,
    /// Signed by nobody.
    Unsigned(ProblemCode, String),
    /// Signed, and not good.
    Bad(ProblemCode, Option<Sequence>, String),
    /// A key is revoked, of which this round did not know.
    Revoked(KeyFingerprint, Revocation),
    /// A revocation of which this round knew is void.
    Undone(Sequence),
}

struct Walk<'a> {
    links: &'a [Link],
    trust: &'a Trust,
    revocations: &'a Revocations,
    state: LedgerState,
    /// Keys that only void entries named.
    shadow: BTreeMap<KeyFingerprint, PublicKey>,
    entries: Vec<Verified>,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn new(links: &'a [Link], state: LedgerState, trust: &'a Trust, revocations: &'a Revocations) -> Self {
        let shadow = BTreeMap::new();
        Self { links, trust, revocations, state, shadow, entries: Vec::new(), problems: Vec::new() }
    }

    fn run(&mut self) -> Round {
        if self.links.is_empty() {
            self.problem(ProblemCode::Empty, Severity::Invalid, None, None, "the ledger has no entry".into());
        }
        for (index, link) in self.links.iter().enumerate() {
            let step = match &link.envelope {
                Ok(envelope) if index == 0 => self.root(link, envelope),
                Ok(envelope) => self.entry(link, envelope),
                Err(_) if index == 0 => Step::Bad(ProblemCode::Root, None, "the ledger starts with no entry".into()),
                Err(None) => Step::Unsigned(ProblemCode::Junk, "it holds no `entry.json`".into()),
                Err(Some(error)) => Step::Unsigned(ProblemCode::Junk, error.to_string()),
            };
            match step {
                Step::Good => continue,
                Step::Revoked(key, revocation) => return Round::Revoked(key, revocation),
                Step::Undone(at) => return Round::Undone(at),
                Step::Unsigned(code, message) => self.unsigned(index, code, &message),
                Step::Bad(code, sequence, message) => {
                    self.problem(code, Severity::Invalid, sequence, Some(&link.commit), message);
                }
            }
            break;
        }
        Round::Finished
    }

    /// The first entry names its own key.
    fn root(&mut self, link: &Link, envelope: &Envelope) -> Step {
        let bad = |message: String| Step::Bad(ProblemCode::Root, Some(Sequence::new(1)), message);
        let statement = match Statement::parse(envelope.payload()) {
            Ok(statement) => statement,
            Err(error) => return bad(format!("the first entry cannot be read: {error}")),
        };
        let Entry::Adopted(adopted) = &statement.entry else {
            return bad(format!("the first entry is no adoption but `{}`", statement.entry.kind().as_str()));
        };
        let root = adopted.root_key.public_key;
        if !envelope.is_signed_by(&root) {
            return bad("the first entry is not signed by the root key it names".into());
        }
        if !self.trust.accepts(root.fingerprint()) {
            return bad(format!("the root key is {}, which is not trusted here", root.fingerprint()));
        }
        self.state.repository = self.state.repository.or(Some(statement.repository));
        self.place(link, envelope, statement)
    }

    fn entry(&mut self, link: &Link, envelope: &Envelope) -> Step {
        let Some(key) = self.public(envelope.key()) else {
            return Step::Unsigned(ProblemCode::Signature, "it is signed with a key the ledger does not know".into());
        };
        if !envelope.is_signed_by(&key) {
            return Step::Unsigned(ProblemCode::Signature, "its signature is wrong".into());
        }
        match Statement::parse(envelope.payload()) {
            Ok(statement) => self.place(link, envelope, statement),
            Err(error) => {
                let code = match error {
                    StatementError::Entry(EntryError::UnknownKind(_)) => ProblemCode::UnknownKind,
                    StatementError::Entry(EntryError::Shape { .. })
                    | StatementError::Shape(_)
                    | StatementError::NotCanonical
                    | StatementError::Unwritable => ProblemCode::Malformed,
                };
                Step::Bad(code, None, error.to_string())
            }
        }
    }

    /// Whether it may stand here; then takes it in.
    fn place(&mut self, link: &Link, envelope: &Envelope, statement: Statement) -> Step {
        let here = statement.sequence;
        let bad = |code, message: String| Step::Bad(code, Some(here), message);
        if statement.key != envelope.key() {
            return bad(ProblemCode::Signature, "it says it is signed with another key".into());
        }
        if self.state.repository != Some(statement.repository) {
            return bad(ProblemCode::Foreign, format!("it belongs to repository {}", statement.repository));
        }
        if self.state.ledger_ref != statement.ledger_ref {
            return bad(ProblemCode::Foreign, format!("it belongs to the ledger at `{}`", statement.ledger_ref));
        }
        let expected = self.state.next_sequence();
        if here > expected {
            return bad(ProblemCode::Gap, format!("it is {}, but {} is missing", here.label(), expected.label()));
        }
        if here < expected {
            return bad(ProblemCode::Repeat, format!("{} stands in the ledger already", here.label()));
        }
        if statement.previous != self.state.head.as_ref().map(|head| head.envelope) {
            return bad(ProblemCode::Previous, "it names another entry as the one before it".into());
        }
        match self.void(&statement) {
            Err(step) => step,
            Ok(void) => self.take(link, envelope.digest(), statement, void),
        }
    }

    /// Whether a revocation takes back what this key signs here; an error when the key may not sign at all.
    fn void(&self, statement: &Statement) -> Result<bool, Step> {
        let (here, name) = (statement.sequence, statement.key);
        let bad = |code, message: String| Err(Step::Bad(code, Some(here), message));
        if let Some(revocation) = self.revocations.in_force.get(&name).filter(|revocation| here >= revocation.from) {
            let by = revocation.by.label();
            let late = here >= revocation.by;
            return if late { bad(ProblemCode::RevokedKey, format!("its key was revoked by {by}")) } else { Ok(true) };
        }
        match self.state.keys.get(&name).map(|key| key.status) {
            Some(KeyStatus::Active) => Ok(false),
            Some(KeyStatus::Retired { by }) => {
                bad(ProblemCode::RetiredKey, format!("its key was retired by {}", by.label()))
            }
            Some(KeyStatus::Revoked { by, .. }) => {
                bad(ProblemCode::RevokedKey, format!("its key was revoked by {}", by.label()))
            }
            None if here == Sequence::new(1) => Ok(false),
            None if self.revocations.in_range(here) => Ok(true),
            None => bad(ProblemCode::RevokedKey, "its key was only named by an entry that is void".into()),
        }
    }

    fn take(&mut self, link: &Link, envelope: Digest, statement: Statement, mut void: bool) -> Step {
        let Statement { sequence: here, key, at, entry, .. } = statement;
        if !void && let Err(reason) = self.state.apply(here, key, &entry) {
            let code = if here == Sequence::new(1) { ProblemCode::Root } else { ProblemCode::Contradiction };
            if !self.revocations.in_range(here) {
                return Step::Bad(code, Some(here), reason);
            }
            // It rested on something that is void.
            void = true;
        }
        if void {
            if self.revocations.is_by(here) {
                return Step::Undone(here);
            }
            if let Entry::Key(named) = &entry {
                self.shadow.insert(named.public_key.fingerprint(), named.public_key);
            }
            let message = format!("{} does not count: a key it rests on was revoked", here.label());
            self.problem(ProblemCode::RevokedKey, Severity::Note, Some(here), Some(&link.commit), message);
        }
        match self.news(here, &entry).filter(|_| !void) {
            Some(_) if self.revocations.undone.contains(&here) => {
                return Step::Bad(ProblemCode::Contradiction, Some(here), "revocations undo each other".into());
            }
            Some((key, revocation)) => return Step::Revoked(key, revocation),
            None => {}
        }
        let class = self.state.keys.get(&key).map(|key| key.class);
        self.state.head = Some(Head { sequence: here, envelope, commit: Some(link.commit.clone()) });
        self.entries.push(Verified {
            sequence: here,
            commit: link.commit.clone(),
            envelope,
            key,
            class,
            at,
            entry,
            void,
        });
        Step::Good
    }

    /// A revocation this round did not know of.
    fn news(&self, here: Sequence, entry: &Entry) -> Option<(KeyFingerprint, Revocation)> {
        let Entry::Key(entry) = entry else { return None };
        let KeyAction::Revoke { from_sequence: from } = entry.action else { return None };
        let name = entry.public_key.fingerprint();
        if self.revocations.in_force.contains_key(&name) { None } else { Some((name, Revocation { from, by: here })) }
    }

    fn public(&self, name: KeyFingerprint) -> Option<PublicKey> {
        self.state.keys.get(&name).map(|key| key.public).or_else(|| self.shadow.get(&name).copied())
    }

    /// Junk if nothing signed comes after it; else the ledger was changed.
    fn unsigned(&mut self, index: usize, code: ProblemCode, message: &str) {
        let (link, above) = (&self.links[index], &self.links[index + 1..]);
        let commit = Some(&link.commit);
        let is_signed = |link: &Link| {
            let Ok(envelope) = &link.envelope else { return false };
            self.public(envelope.key()).is_some_and(|key| envelope.is_signed_by(&key))
        };
        if above.iter().any(is_signed) {
            let message = format!("a commit between two entries is no good entry: {message}");
            self.problem(code, Severity::Invalid, None, commit, message);
        } else {
            let last = self.entries.len();
            let count = match above.len() {
                0 => "one commit".to_owned(),
                more => format!("{} commits", more + 1),
            };
            let message = format!("{count} above L-{last} signed by nobody; of the first: {message}");
            self.problem(ProblemCode::Junk, Severity::Note, None, commit, message);
        }
    }

    fn problem(
        &mut self,
        code: ProblemCode,
        severity: Severity,
        entry: Option<Sequence>,
        commit: Option<&Oid>,
        message: String,
    ) {
        self.problems.push(Problem::new(code, severity, message).at(entry, commit));
    }

    fn into_ledger(self) -> Ledger {
        let pinned = self.trust.is_pinned() && !self.entries.is_empty();
        Ledger { state: self.state, entries: self.entries, problems: self.problems, pinned }
    }
}
