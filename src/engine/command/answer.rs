//! What is answered to a command: read off the decision, as a person would be told.
//!
//! Decides nothing about the change: the next look at it does, from the same facts.

use countersign_core::decision::{self, Decision, Reason, Verdict};
use countersign_core::domain::{Account, CommentId, Login, Oid};
use countersign_core::event::command::{Spoken, Verb};
use countersign_core::facts::{BypassSource, Facts, Known, VoteFacts, VoteKind, VoteSource};
use countersign_core::policy::Policy;

use super::{Answered, refused};

/// A command and the facts it was given among.
pub(super) struct Hearing<'a> {
    pub policy: &'a Policy,
    pub facts: &'a Facts,
    pub decision: &'a Decision,
    pub comment: CommentId,
    pub speaker: &'a Account,
}

impl Hearing<'_> {
    /// Whether the facts hold what the comment says: it may be hidden, or not listed yet.
    pub(super) fn is_heard(&self) -> bool {
        let source = BypassSource::Comment(self.comment);
        self.vote().is_some()
            || self.facts.asked.iter().any(|asked| asked.comment == self.comment)
            || self.facts.bypasses.iter().any(|asked| asked.source == source)
    }

    fn vote(&self) -> Option<&VoteFacts> {
        self.facts.votes.iter().find(|vote| vote.source == VoteSource::Comment(self.comment))
    }

    /// What became of something that stands with its comment.
    pub(super) fn of(&self, spoken: &Spoken) -> Answered {
        match spoken {
            Spoken::Approve(commit) => self.of_approval(commit),
            Spoken::Reject => self.of_rejection(),
            Spoken::Withdraw => self.of_withdrawal(),
            Spoken::Waive(login) => self.of_waiver(login),
            Spoken::Pause(_) => self.of_a_writer(spoken.verb()),
            Spoken::Unpause => self.of_unpausing(),
            Spoken::Bypass { .. } => self.of_bypass(),
            Spoken::Ratify => self.of_approval(&self.decision.head),
        }
    }

    /// Refuses who may not write; not told is not refused, and asked again (R41).
    pub(super) fn of_a_writer(&self, verb: Verb) -> Answered {
        match self.facts.authority.get(&self.speaker.id).map(|authority| &authority.permission) {
            Some(Known::Is(permission)) if *permission >= countersign_core::domain::Permission::Write => Answered::Done,
            Some(Known::Is(permission)) => {
                let why = format!("`{}` needs write on this repository; you have {}", verb.word(), permission.word());
                refused(why, "ask somebody with write")
            }
            Some(Known::Unknown(_)) | None => Answered::NotYet,
        }
    }

    fn of_approval(&self, commit: &Oid) -> Answered {
        let groups = || {
            let policies = self.decision.scopes.iter().flat_map(|scope| &scope.policies);
            policies.flat_map(|policy| &policy.groups)
        };
        let counted = groups().flat_map(|group| &group.counted).any(|vote| vote.account.id == self.speaker.id);
        let mut reasons: Vec<Reason> = groups()
            .flat_map(|group| &group.not_counted)
            .filter(|vote| vote.account.as_ref().is_some_and(|account| account.id == self.speaker.id))
            .map(|vote| vote.reason)
            .collect();
        // somebody counts in one group and is no approver of another: that is as it should be
        reasons.sort_by_key(|reason| *reason == Reason::NotAnApprover);
        let head = &self.decision.head;
        match reasons.first() {
            _ if self.decision.scopes.is_empty() => {
                refused("nothing protected changes here: no approval is needed", "nothing to do")
            }
            None => Answered::Done,
            Some(_) if counted => Answered::Done,
            Some(Reason::StaleApproval | Reason::CommitUnreadable) => refused(
                format!("you approved {commit}, the head is now {head}"),
                format!("look at the new head; the line to approve it is `/countersign approve {head}`"),
            ),
            Some(Reason::MembershipUnknown) => Answered::NotYet,
            Some(reason) => refused(
                format!("your approval is not counted: `{}` — {}", reason.code(), reason.words()),
                reason.help(),
            ),
        }
    }

    /// What became of a bypass; what is only waited for is told, not refused.
    fn of_bypass(&self) -> Answered {
        let head = &self.decision.head;
        let Some(refusal) = decision::refusal_of(self.decision, &BypassSource::Comment(self.comment)) else {
            return Answered::Done;
        };
        let (code, words, help) = (refusal.reason.code(), refusal.words(), refusal.reason.help());
        if refusal.reason == Reason::MembershipUnknown {
            return Answered::NotYet;
        }
        if matches!(refusal.reason, Reason::BypassSecondPerson | Reason::BypassOwnChange) {
            return Answered::Told(format!("Heard, and not enough yet: `{code}` — {words}. Next: {help}.\n"));
        }
        let next = if refusal.reason == Reason::BypassStale {
            format!("look at the present head; the line for it is `/countersign bypass {head} \"<reason>\"`")
        } else {
            help.to_owned()
        };
        refused(format!("nothing is bypassed: `{code}` — {words}"), next)
    }

    fn of_rejection(&self) -> Answered {
        if decision::has_say(self.policy, self.facts, self.decision, self.speaker) {
            return Answered::Done;
        }
        let code = Reason::NotAnApprover.code();
        let why =
            format!("your rejection holds nothing up: `{code}` — you are not among the approvers of what changes");
        refused(why, "ask one of the approvers to look at it")
    }

    fn of_withdrawal(&self) -> Answered {
        let mine = self.facts.votes.iter().filter(|vote| vote.source != VoteSource::Comment(self.comment));
        let mut mine = mine.filter(|vote| vote.account.as_ref().is_some_and(|account| account.id == self.speaker.id));
        match mine.any(|vote| vote.kind != VoteKind::Withdraw) {
            true => Answered::Done,
            false => refused("there is no approval and no rejection of yours to take back", "nothing to do"),
        }
    }

    fn of_waiver(&self, whose: &Login) -> Answered {
        let rejected = |vote: &VoteFacts| {
            let veto = vote.kind == VoteKind::Reject || vote.first_kind == Some(VoteKind::Reject);
            veto && vote.account.as_ref().is_some_and(|account| account.login.same_as(whose))
        };
        if !self.facts.votes.iter().any(rejected) {
            return refused(format!("{whose} has not rejected this change"), "nothing to do");
        }
        if decision::may_waive(self.policy, self.facts, self.speaker) {
            return Answered::Done;
        }
        let approvers = &self.policy.admin_rule().group.approvers;
        let teams = approvers.teams.iter().map(ToString::to_string);
        let names: Vec<String> = teams.chain(approvers.users.iter().map(ToString::to_string)).collect();
        refused(
            "`waive` needs an approver of `admins` who neither asked for this change nor had a part in it",
            format!("ask one of {}", names.join(", ")),
        )
    }

    fn of_unpausing(&self) -> Answered {
        let mut before = self.facts.clone();
        before.asked.retain(|asked| asked.comment != self.comment);
        if decision::paused(self.policy, &before, self.decision).is_none() {
            return refused("nothing is paused here", "nothing to do");
        }
        match decision::paused(self.policy, self.facts, self.decision) {
            None => Answered::Done,
            Some(pause) => refused(
                format!("{} paused this change", pause.by.login),
                format!("{}, or an approver who did not ask for the change, ends the pause", pause.by.login),
            ),
        }
    }

    /// `merge`: not before all of it is there.
    pub(super) fn of_merging(&self) -> Answered {
        let paused = decision::paused(self.policy, self.facts, self.decision);
        match (self.of_a_writer(Verb::Merge), self.decision.verdict) {
            (Answered::Done, Verdict::Unknown) => Answered::NotYet,
            (Answered::Done, Verdict::Satisfied) => match paused {
                None => Answered::Done,
                Some(pause) => refused(
                    format!("not yet: {} paused this change", pause.by.login),
                    format!("{}, or an approver who did not ask for it, ends the pause", pause.by.login),
                ),
            },
            (Answered::Done, _) => {
                let why = format!("not yet: `{}` — {}", self.decision.reason.code(), self.decision.reason.words());
                Answered::Refused(why, Some(self.decision.next.join("; ")).filter(|next| !next.is_empty()))
            }
            (answered, _) => answered,
        }
    }
}
