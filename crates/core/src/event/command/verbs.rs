//! The table of verbs: name, grammar, who, where, what for, an example. Parser, help, documentation and tests are made from it.

/// What may follow a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Nothing.
    Nothing,
    /// A whole commit id (R16).
    Commit,
    /// A whole commit id, and why.
    CommitAndReason,
    /// Free words, or none.
    Reason,
    /// Somebody.
    Person,
    /// Somebody, or nobody.
    PersonOrNobody,
    /// A target of the policy, or none.
    Target,
    /// Arguments of a verb that is not served: shown as they will be, not read.
    Later(&'static str),
}

impl Grammar {
    /// As in the help page.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Commit => "<full sha>",
            Self::CommitAndReason => "<full sha> \"<reason>\"",
            Self::Reason => "[reason]",
            Self::Person => "@user",
            Self::PersonOrNobody => "[@user]",
            Self::Target => "[target]",
            Self::Later(words) => words,
        }
    }
}

/// Under which requests a verb may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// An open one.
    Open,
    /// A merged one.
    Merged,
    /// Any.
    Any,
}

impl Ground {
    /// As in the help page.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "an open request",
            Self::Merged => "a merged request",
            Self::Any => "a request",
        }
    }
}

/// What there is to say about a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The verb as written.
    pub word: &'static str,
    /// What may follow.
    pub grammar: Grammar,
    /// Who may say it.
    pub who: &'static str,
    /// Where.
    pub ground: Ground,
    /// What it does.
    pub help: &'static str,
    /// A line that works, but for names.
    pub example: &'static str,
    /// What to do instead, while this release does not carry it out.
    pub instead: Option<&'static str>,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident { $word:literal, $grammar:expr, $who:literal, $ground:ident, $help:literal, $example:literal $(, instead $instead:literal)? })*) => {
        /// A verb.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $($(#[$doc])* $name,)*
        }

        impl Verb {
            /// Every verb, in the order of the help page.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its line of the table.
            #[must_use]
            pub fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        word: $word, grammar: $grammar, who: $who, ground: Ground::$ground, help: $help, example: $example,
                        instead: verbs!(@instead $($instead)?),
                    },)*
                }
            }
        }
    };
    (@instead) => { None };
    (@instead $instead:literal) => { Some($instead) };
}

verbs! {
    /// A vote.
    Approve { "approve", Grammar::Commit, "an eligible approver", Open, "approves exactly that commit",
        "/countersign approve 8be0d4470fe3c0b1c6a1ffb0d7a5f6d1a2b3c4d5" }
    /// The end of a vote.
    Unapprove { "unapprove", Grammar::Nothing, "an eligible approver", Open, "takes your approval, or your rejection, back",
        "/countersign unapprove" }
    /// A veto.
    Reject { "reject", Grammar::Reason, "an eligible approver, also one who had a part in the change", Open,
        "holds the change until you approve or take it back", "/countersign reject the old value is still in use" }
    /// The merge of a satisfied change.
    Merge { "merge", Grammar::Nothing, "somebody with write", Open, "merges a change whose approvals are there", "/countersign merge" }
    /// The end of somebody's veto.
    Waive { "waive", Grammar::Person, "an approver of `admins` who had no part in the change", Open,
        "lifts the rejection of somebody who is away", "/countersign waive @cy" }
    /// A way around soft policies.
    Bypass { "bypass", Grammar::CommitAndReason, "the people of `bypass` of every policy that is not satisfied", Open,
        "merges without the approvals of soft policies, to be ratified",
        "/countersign bypass 8be0d4470fe3c0b1c6a1ffb0d7a5f6d1a2b3c4d5 \"the database is down, the password leaked\"" }
    /// The approval of a bypass.
    Ratify { "ratify", Grammar::Nothing, "an eligible approver of the bypassed policies who did not bypass", Merged,
        "approves what was merged by a bypass", "/countersign ratify" }
    /// Another delivery.
    Sync { "sync", Grammar::Target, "somebody with write", Any, "delivers to the targets again, also to those that have failed",
        "/countersign sync production/hook" }
    /// A way back.
    Rollback { "rollback", Grammar::Later("<L-n>"), "somebody with write", Any, "opens a request that restores earlier values",
        "/countersign rollback L-128", instead "run `countersign rollback -e ENV --to L-n` in a clone: it opens the pull request" }
    /// The end of an access.
    Access { "access", Grammar::Later("revoke"), "an approver of that access, or the one who has it", Merged,
        "ends a temporary access", "/countersign access revoke",
        instead "take the reader out of `.sops.yaml` and of the files by a change request" }
    /// A standstill.
    Pause { "pause", Grammar::Reason, "somebody with write", Open, "keeps a change from being merged", "/countersign pause after the freeze" }
    /// Its end.
    Unpause { "unpause", Grammar::Nothing, "who paused, or an eligible approver other than the requester", Open,
        "lets a paused change go on", "/countersign unpause" }
    /// Another look.
    Recheck { "recheck", Grammar::Nothing, "somebody with write", Any,
        "looks at the change again; under a fork's request also asks its reviewers", "/countersign recheck" }
    /// Why it stands as it stands.
    Explain { "explain", Grammar::PersonOrNobody, "anybody who may read", Any, "says who counts and why, or how one person counts",
        "/countersign explain @bob" }
    /// How it stands.
    Status { "status", Grammar::Nothing, "anybody who may read", Any, "says how the change stands", "/countersign status" }
    /// This list.
    Help { "help", Grammar::Nothing, "anybody who may read", Any, "lists the commands", "/countersign help" }
}

impl Verb {
    /// The verb as written.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.entry().word
    }

    /// Verb and arguments, as in the help page.
    #[must_use]
    pub fn usage(self) -> String {
        format!("{} {}", self.word(), self.entry().grammar.words()).trim_end().to_owned()
    }

    /// Whether this release carries it out.
    #[must_use]
    pub fn is_served(self) -> bool {
        self.entry().instead.is_none()
    }

    /// Whether it only asks for something to read: said by anybody, and not often (interfaces.md).
    #[must_use]
    pub fn only_asks(self) -> bool {
        match self {
            Self::Explain | Self::Status | Self::Help => true,
            Self::Approve
            | Self::Unapprove
            | Self::Reject
            | Self::Merge
            | Self::Waive
            | Self::Bypass
            | Self::Ratify
            | Self::Sync
            | Self::Rollback
            | Self::Access
            | Self::Pause
            | Self::Unpause
            | Self::Recheck => false,
        }
    }
}
