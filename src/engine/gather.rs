//! Fills the facts of one change: questions to the forge, listings from Git, sightings from the journal.
//!
//! Judges nothing. What cannot be read becomes `Unknown` or the error of the turn, never a guess.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::domain::{Account, Delta, Digest, Login, Oid, PrNumber, RefName, TeamId, TeamSlug, UserId};
use countersign_core::facts::compare::{self, Branches};
use countersign_core::facts::question::{ChangeRead, ReviewRead};
use countersign_core::facts::{
    Authority, BypassAsked, BypassSource, ChangeFacts, Facts, HeldPush, History, Known, MergeBase, Question, VoteFacts,
    VoteKind, VoteSource,
};

use super::book::Place;
use super::joint::Joint;
use super::ports::{ForgeErrorKind, Freshness, RepoError, RepoRef, Sighting};
use super::spoken::Around;
use super::timeline::{Aimed, aimed_at, dismissal};
use super::{Engine, TurnError};

/// Members of the policy's teams, as far as they could be read.
pub(super) type Rosters = BTreeMap<TeamId, Known<Vec<Account>>>;

/// Facts of a change and what was read on the way.
pub(super) struct Gathered {
    pub facts: Facts,
    pub read: ChangeRead,
    /// Both sides of every file in which the base moved, merged key by key; `None`: nothing moved, or something cannot be merged.
    pub joint: Option<Joint>,
}

impl Engine {
    /// Gathers the facts of an open change whose base is governed.
    pub(super) async fn gather(
        &self,
        place: &Place,
        read: ChangeRead,
        freshness: Freshness,
    ) -> Result<Gathered, TurnError> {
        let repo = &place.repo;
        self.ourselves().await?;
        let mut change = self.change_facts(place, &read)?;
        let (history, joint) = self.history(place, &change).await?;
        let documents = self.documents(place, &change.base, &change.base_tip, &history.delta).await?;
        let made = self.people(place, &change, &read).await?;
        change.head_since = made.head_since;
        change.unvouched = change.from_fork && !self.is_vouched(repo, &read).await?;
        let mut votes = self.votes(place, &read).await?;
        let around = Around { read: &read, head: &change.head, bypassed: None };
        let mut said = self.said(place, &read, around).await?;
        votes.extend(said.votes);
        said.bypasses.extend(bypass_of_push(place, change.head_ref.as_ref()));
        let speakers = said.asked.iter().map(|asked| &asked.by).chain(said.bypasses.iter().map(|asked| &asked.by));
        let speakers: Vec<Account> = speakers.cloned().collect();
        let delta_at = self.deltas_at(repo, &change, &votes).await?;
        let change_at = self.changes_at(place, &change, &votes).await?;
        let rosters = self.rosters(place).await?;
        let authority = self.authority(place, (&votes, &speakers), (&read.reviews, &rosters), freshness).await?;
        let names_now = self.names_now(place, (&votes, &speakers), freshness).await?;
        let merge_asked = self.merge_asked(repo.id, change.number).await?;
        let held = held_push(place, change.head_ref.as_ref(), !history.base_uncovered.is_empty());
        let facts = Facts {
            at: self.clock.now(),
            repository: repo.id,
            repository_name: repo.name.clone(),
            default_branch: place.default_branch.clone(),
            policy_digest: place.policy.digest(),
            names: place.names.clone(),
            names_now,
            change,
            history,
            documents,
            people: made.people,
            votes,
            asked: said.asked,
            delta_at,
            change_at,
            authority,
            rosters,
            held,
            forge_time: read.read_at,
            merge_asked,
            bypasses: said.bypasses,
            debts: place.state().debts(),
            ratifying: None,
            ourselves: self.ourselves.get().map(|us| us.id),
        };
        Ok(Gathered { facts, read, joint })
    }

    fn change_facts(&self, place: &Place, read: &ChangeRead) -> Result<ChangeFacts, TurnError> {
        let tip = |reference: &RefName| place.refs.get(reference).cloned();
        let head = read.head_ref.as_ref().and_then(&tip).or_else(|| tip(&pull_ref(read.number)));
        let base_tip =
            tip(&read.base).ok_or_else(|| RepoError::Unreachable(format!("branch `{}` is gone", read.base)))?;
        Ok(ChangeFacts {
            number: read.number,
            url: read.url.clone(),
            open: read.open,
            draft: read.draft,
            from_fork: read.head_ref.is_none(),
            unvouched: false,
            head: head.unwrap_or_else(|| read.head.clone()),
            head_ref: read.head_ref.clone(),
            head_since: None,
            base: read.base.clone(),
            base_tip,
            updated: read.updated,
            landed: None,
        })
    }

    async fn history(&self, place: &Place, change: &ChangeFacts) -> Result<(History, Option<Joint>), TurnError> {
        let repo = &place.repo;
        let branches = Branches { base: &change.base, default: &place.default_branch };
        let merge_base = self.repo.merge_base(repo, &change.base_tip, &change.head).await?;
        let base_entries = self.repo.entries(repo, &change.base_tip).await?;
        let present = compare::protected(&place.policy, branches, &base_entries);
        // what a narrower policy no longer governs stays in the record, and is nobody's business any more
        let approved = compare::protected(&place.policy, branches, place.approved(&change.base));
        let base_uncovered = compare::differing(&approved, &present);
        let MergeBase::One(origin) = &merge_base else {
            let history = History {
                merge_base,
                delta: Delta::default(),
                base_moved: Vec::new(),
                apart: BTreeMap::new(),
                base_uncovered,
                clashes: Vec::new(),
                plain_commits: Vec::new(),
                policy_fault: None,
            };
            return Ok((history, None));
        };
        let delta = self.repo.delta(repo, origin, &change.head).await?;
        let plain_commits = self.plain_commits(place, change, origin).await?;
        let base_moved = compare::moved(&place.policy, branches, &delta, &base_entries);
        let (joint, apart) = if base_moved.is_empty() || !base_uncovered.is_empty() {
            (None, BTreeMap::new())
        } else {
            self.joined(place, change, &delta, (&base_moved, &base_entries)).await?
        };
        let history = History {
            base_moved,
            apart,
            clashes: compare::clashes(&place.policy, branches, &delta, &base_entries),
            policy_fault: self.policy_fault(place, &change.base, &delta).await?,
            merge_base,
            delta,
            base_uncovered,
            plain_commits,
        };
        Ok((history, joint))
    }

    /// Reviews as the API shows them now, joined with what deliveries and the ledger said at first sight (R12).
    pub(super) async fn votes(&self, place: &Place, read: &ChangeRead) -> Result<Vec<VoteFacts>, TurnError> {
        let seen = self.journal.reviews(place.repo.id, read.number).await?;
        let mut votes = Vec::new();
        for review in &read.reviews {
            let Some(kind) = review.kind else { continue };
            let told = seen.iter().filter_map(|sighting| match sighting {
                Sighting::Review { review: id, kind, commit, base, by, .. } if *id == review.id => {
                    Some((*kind, commit.clone(), base.clone(), by.clone()))
                }
                Sighting::Review { .. }
                | Sighting::Push { .. }
                | Sighting::Comment { .. }
                | Sighting::Installed { .. } => None,
            });
            let told: Vec<_> = told.collect();
            let first = told.iter().find(|(kind, ..)| *kind != VoteKind::Ended);
            let ended = told.iter().rev().find(|(kind, ..)| *kind == VoteKind::Ended);
            let recorded = place.vote_seen(review.id);
            let delivered = [
                recorded.as_ref().and_then(|vote| vote.commit.clone()),
                first.and_then(|(_, commit, ..)| commit.clone()),
            ];
            let (said, dismissed_by) = dismissal(read, review);
            let at = review.submitted_at.unwrap_or(self.clock.now());
            let aimed = first.map_or_else(|| aimed_at(read, at), |(_, _, base, _)| Aimed::At(base.clone()));
            let bases = [
                match &aimed {
                    Aimed::At(base) => base.clone(),
                    Aimed::Elsewhere => None,
                },
                Some(recorded.as_ref().map_or_else(|| read.base.clone(), |vote| vote.base.clone())),
            ];
            votes.push(VoteFacts {
                source: VoteSource::Review(review.id),
                account: review.author.clone(),
                kind,
                first_kind: first_kind([recorded.as_ref().map(|vote| vote.kind), first.map(|(kind, ..)| *kind), said]),
                // given for a base nobody names: it cannot be tied to this change
                commit: review.commit.clone().filter(|_| recorded.is_some() || aimed != Aimed::Elsewhere),
                delivered_commit: differing(delivered, review.commit.as_ref()),
                first_base: differing(bases, Some(&read.base)).unwrap_or_else(|| read.base.clone()),
                at,
                ended_by: ended.and_then(|(.., by)| by.clone()).or(dismissed_by),
                stood: recorded.as_ref().is_some_and(|vote| vote.stood),
            });
        }
        Ok(votes)
    }

    /// The digest of the delta at every commit that was voted on (R5); `None` where the commit cannot be read any more.
    pub(super) async fn deltas_at(
        &self,
        repo: &RepoRef,
        change: &ChangeFacts,
        votes: &[VoteFacts],
    ) -> Result<BTreeMap<Oid, Option<Digest>>, TurnError> {
        let commits: BTreeSet<&Oid> = votes.iter().filter_map(|vote| vote.commit.as_ref()).collect();
        let mut digests = BTreeMap::new();
        for commit in commits {
            digests.insert(commit.clone(), self.delta_digest(repo, change, commit).await?);
        }
        Ok(digests)
    }

    async fn delta_digest(
        &self,
        repo: &RepoRef,
        change: &ChangeFacts,
        commit: &Oid,
    ) -> Result<Option<Digest>, TurnError> {
        match self.repo.merge_base(repo, &change.base_tip, commit).await {
            Ok(MergeBase::One(origin)) => {
                Ok(self.repo.delta(repo, &origin, commit).await?.digest(repo.id, &change.base))
            }
            Ok(MergeBase::None | MergeBase::Many) | Err(RepoError::Missing(_)) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// What each voter or speaker may do, every answer asked anew.
    pub(super) async fn authority_of(
        &self,
        place: &Place,
        (votes, speakers): (&[VoteFacts], &[Account]),
        freshness: Freshness,
    ) -> Result<BTreeMap<UserId, Authority>, TurnError> {
        self.authority(place, (votes, speakers), (&[], &Rosters::new()), freshness).await
    }

    /// What each voter, and whoever asks for something, may do: permission, and membership in every team of the policy they are not named without (R38–R42).
    pub(super) async fn authority(
        &self,
        place: &Place,
        (votes, speakers): (&[VoteFacts], &[Account]),
        (reviews, rosters): (&[ReviewRead], &Rosters),
        freshness: Freshness,
    ) -> Result<BTreeMap<UserId, Authority>, TurnError> {
        let listed = |team: &TeamId, user: UserId| match rosters.get(team) {
            Some(Known::Is(members)) => {
                freshness == Freshness::Display && members.iter().any(|member| member.id == user)
            }
            Some(Known::Unknown(_)) | None => false,
        };
        let mut authority = BTreeMap::new();
        let endings = votes.iter().filter_map(|vote| vote.ended_by.as_ref());
        // an ended veto may still stand, if its author is an approver
        let speaks = |vote: &&VoteFacts| vote.kind != VoteKind::Ended || vote.first_kind == Some(VoteKind::Reject);
        let voters = votes.iter().filter(speaks).filter_map(|vote| vote.account.as_ref());
        for account in voters.chain(endings).chain(speakers).filter(|account| account.is_person()) {
            if authority.contains_key(&account.id) {
                continue;
            }
            let mut teams = BTreeMap::new();
            for (slug, id) in place.names.teams.iter().filter(|(slug, _)| needs_team(place, slug, account)) {
                let membership =
                    self.membership(place, (slug, *id), (&account.login, listed(id, account.id)), freshness);
                teams.insert(*id, membership.await?);
            }
            let hinted = reviews.iter().any(|review| {
                review.may_push == Some(true) && review.author.as_ref().is_some_and(|author| author.id == account.id)
            });
            let permission = if hinted && freshness == Freshness::Display {
                Known::Is(countersign_core::domain::Permission::Write)
            } else {
                let question = Question::Permission(account.login.clone());
                self.asked(&place.repo, &question, freshness, |answer| answer.permission()).await?
            };
            authority.insert(account.id, Authority { permission, teams });
        }
        Ok(authority)
    }

    /// Whether somebody is an active member of the team that the policy meant, whatever it is called now (R39). Where it is not found,
    /// nobody knows (R41).
    async fn membership(
        &self,
        place: &Place,
        (slug, id): (&TeamSlug, TeamId),
        (login, listed): (&Login, bool),
        freshness: Freshness,
    ) -> Result<Known<bool>, TurnError> {
        let team = match self.present_slug(place, (slug, id), freshness).await? {
            Known::Is(_) if listed => return Ok(Known::Is(true)),
            Known::Is(team) => team,
            Known::Unknown(why) => return Ok(Known::Unknown(why)),
        };
        let question = Question::Membership { team, user: login.clone() };
        self.asked(&place.repo, &question, freshness, |answer| answer.membership()).await
    }

    /// What a team of the policy is called now: by its slug if that still leads to it, else looked for by its number.
    pub(super) async fn present_slug(
        &self,
        place: &Place,
        (slug, id): (&TeamSlug, TeamId),
        freshness: Freshness,
    ) -> Result<Known<TeamSlug>, TurnError> {
        let team = self.asked(&place.repo, &Question::Team(slug.clone()), freshness, |answer| answer.team()).await?;
        match team {
            Known::Is(Some(now)) if now == id => return Ok(Known::Is(slug.clone())),
            Known::Is(_) => {}
            Known::Unknown(why) => return Ok(Known::Unknown(why)),
        }
        let question = Question::TeamName { known: slug.clone(), team: id };
        Ok(match self.asked(&place.repo, &question, freshness, |answer| answer.team_name()).await? {
            Known::Is(Some(team)) => Known::Is(team),
            Known::Is(None) => Known::Unknown(format!("`{slug}` is no longer the team the policy meant")),
            Known::Unknown(why) => Known::Unknown(why),
        })
    }

    /// What names of the policy mean today, asked where a voter bears the id of a name but not the name.
    pub(super) async fn names_now(
        &self,
        place: &Place,
        (votes, speakers): (&[VoteFacts], &[Account]),
        freshness: Freshness,
    ) -> Result<BTreeMap<Login, Known<Option<UserId>>>, TurnError> {
        let mut names = BTreeMap::new();
        for account in votes.iter().filter_map(|vote| vote.account.as_ref()).chain(speakers) {
            for (login, _) in
                place.names.users.iter().filter(|(login, id)| **id == account.id && !login.same_as(&account.login))
            {
                let question = Question::User(login.clone());
                let now = self.asked(&place.repo, &question, freshness, |answer| answer.user()).await?;
                let id = match now {
                    Known::Is(account) => Known::Is(account.map(|account: Account| account.id)),
                    Known::Unknown(why) => Known::Unknown(why),
                };
                names.insert(login.clone(), id);
            }
        }
        Ok(names)
    }

    /// Members of the policy's teams, to say who could approve.
    pub(super) async fn rosters(&self, place: &Place) -> Result<Rosters, TurnError> {
        let mut rosters = BTreeMap::new();
        for (slug, id) in &place.names.teams {
            let question = Question::TeamMembers(slug.clone());
            let members = self.asked(&place.repo, &question, Freshness::Display, |answer| answer.members()).await?;
            rosters.insert(*id, members);
        }
        Ok(rosters)
    }

    /// Asks; what the forge cannot or will not say is unknown, a limit or an outage ends the turn.
    async fn asked<T>(
        &self,
        repo: &RepoRef,
        question: &Question,
        freshness: Freshness,
        take: impl FnOnce(countersign_core::facts::Answer) -> Result<T, countersign_core::facts::WrongAnswer>,
    ) -> Result<Known<T>, TurnError> {
        match self.forge.answer(repo, question, freshness).await {
            Ok(answer) => Ok(Known::Is(take(answer)?)),
            Err(fault) => match fault.kind {
                ForgeErrorKind::Wait(_) | ForgeErrorKind::Credentials => Err(fault.into()),
                ForgeErrorKind::Later
                | ForgeErrorKind::Forbidden
                | ForgeErrorKind::NotFound
                | ForgeErrorKind::Refused
                | ForgeErrorKind::Garbled => Ok(Known::Unknown(fault.to_string())),
            },
        }
    }
}

/// Whether it matters that somebody is in a team: some list names the team and not them.
fn needs_team(place: &Place, team: &TeamSlug, account: &Account) -> bool {
    let named = |login: &Login| login.same_as(&account.login) && place.names.user(login) == Some(account.id);
    place.policy.every_list().any(|approvers| approvers.teams.contains(team) && !approvers.users.iter().any(named))
}

/// What a vote was at first: a veto, if any source says so; else what it was before it ended.
fn first_kind(told: [Option<VoteKind>; 3]) -> Option<VoteKind> {
    let lasting = || told.into_iter().flatten().find(|kind| *kind != VoteKind::Ended);
    if told.contains(&Some(VoteKind::Reject)) { Some(VoteKind::Reject) } else { lasting().or(told[0]) }
}

/// Of what was seen at first sight, that which differs from what is read now: it may void a vote, never make it count.
fn differing<T: PartialEq>(seen: [Option<T>; 2], now: Option<&T>) -> Option<T> {
    let mut seen: Vec<T> = seen.into_iter().flatten().collect();
    let at = seen.iter().position(|one| Some(one) != now).unwrap_or(0);
    (at < seen.len()).then(|| seen.swap_remove(at))
}

/// What a change is that holds a direct push: whether its branch is back by now, and what of the push is missing in it.
fn held_push(place: &Place, head: Option<&RefName>, uncovered: bool) -> Option<HeldPush> {
    let (_, newest) = place.state().held_at(head?).next_back()?;
    let quarantined = newest.quarantine().filter(|_| uncovered);
    Some(HeldPush { quarantined, left_out: newest.left_out.clone() })
}

/// What the tip of a direct push asked for in its trailer, when the change holds that push (decision 0039).
fn bypass_of_push(place: &Place, head: Option<&RefName>) -> Option<BypassAsked> {
    let (_, newest) = place.state().held_at(head?).next_back()?;
    Some(BypassAsked {
        source: BypassSource::Push(newest.pushed.clone()),
        by: newest.sender.answer()?.clone(),
        head: newest.kept.clone()?,
        reason: newest.bypass_reason.clone()?,
        at: newest.at,
        elsewhere: false,
    })
}

/// Where GitHub keeps the head of a pull request, also of a fork's.
pub(super) fn pull_ref(change: PrNumber) -> RefName {
    RefName::parse(&format!("refs/pull/{change}/head")).expect("digits make a reference name")
}
