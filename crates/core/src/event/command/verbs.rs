//! The table of verbs: name, arguments, who, where, what for. Answers, help and documentation are made from it.

use crate::domain::{Environment, TargetName};

use super::Read;

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $arguments:literal, $who:literal, $place:literal, $help:literal, $served:literal;)*) => {
        /// A verb.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $($(#[$doc])* $name,)*
        }

        impl Verb {
            /// Every verb, in the order of the help page.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The verb as written.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Its arguments, as in the help page.
            #[must_use]
            pub fn arguments(self) -> &'static str {
                match self { $(Self::$name => $arguments,)* }
            }

            /// Who may say it.
            #[must_use]
            pub fn who(self) -> &'static str {
                match self { $(Self::$name => $who,)* }
            }

            /// Where it may be said.
            #[must_use]
            pub fn place(self) -> &'static str {
                match self { $(Self::$name => $place,)* }
            }

            /// What it does.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }

            /// Whether this release carries it out.
            #[must_use]
            pub fn is_served(self) -> bool {
                match self { $(Self::$name => $served,)* }
            }
        }
    };
}

verbs! {
    /// A vote.
    Approve = "approve", "<full sha>", "an eligible approver", "an open request", "approves exactly that commit", false;
    /// The end of a vote.
    Unapprove = "unapprove", "", "an eligible approver", "an open request", "takes your approval back", false;
    /// A veto.
    Reject = "reject", "[reason]", "an eligible approver", "an open request", "holds the change until you approve", false;
    /// The merge of a satisfied change.
    Merge = "merge", "", "somebody with write", "a request", "merges a change whose approvals are there", false;
    /// The end of somebody's veto.
    Waive = "waive", "@user", "an approver of `admins` with no part in the change", "an open request", "lifts the rejection of somebody who is away", false;
    /// A way around soft policies.
    Bypass = "bypass", "<full sha> \"<reason>\"", "the people of `bypass`", "an open request", "merges without approvals, loudly", false;
    /// The approval of a bypass.
    Ratify = "ratify", "", "an eligible approver of the bypassed policies", "a merged request", "approves a bypass afterwards", false;
    /// Another delivery.
    Sync = "sync", "[target]", "somebody with write", "a request", "delivers to the targets again, also to those that have failed", true;
    /// A way back.
    Rollback = "rollback", "<L-n>", "somebody with write", "a request", "opens a request that restores earlier values", false;
    /// The end of an access.
    Access = "access", "revoke", "an approver of that access, or the one who has it", "a merged grant", "ends a temporary access", false;
    /// A standstill.
    Pause = "pause", "[reason]", "somebody with write", "an open request", "keeps a change from being merged", false;
    /// Its end.
    Unpause = "unpause", "", "who paused, or an eligible approver", "an open request", "lets a paused change go on", false;
    /// Another look.
    Recheck = "recheck", "", "somebody with write", "a request", "looks at the change again", false;
    /// Why it stands as it stands.
    Explain = "explain", "[@user]", "anybody who may read", "a request", "says who counts and why", false;
    /// How it stands.
    Status = "status", "", "anybody who may read", "a request", "says how the change stands", false;
    /// This list.
    Help = "help", "", "anybody who may read", "a request", "lists the commands", false;
}

impl Verb {
    /// Verb and arguments, as in the help page.
    #[must_use]
    pub fn usage(self) -> String {
        format!("{} {}", self.word(), self.arguments()).trim_end().to_owned()
    }
}

/// A command that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Deliver again.
    Sync {
        /// The environment, when one is named.
        environment: Option<Environment>,
        /// The target; `None`: all.
        target: Option<TargetName>,
    },
    /// A verb that a later release carries out.
    NotYet(Verb),
}

impl Command {
    /// Its verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Sync { .. } => Verb::Sync,
            Self::NotYet(verb) => *verb,
        }
    }
}

/// Reads what follows the prefix.
pub(super) fn parse(words: &str) -> Read {
    let mut words = words.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(word) = words.next() else {
        return unclear("a command needs a verb", "write `/countersign sync`, for instance".to_owned());
    };
    let Some(verb) = Verb::ALL.iter().copied().find(|verb| verb.word() == word) else { return unknown(word) };
    let rest: Vec<&str> = words.collect();
    match verb {
        Verb::Sync => sync(&rest),
        Verb::Approve
        | Verb::Unapprove
        | Verb::Reject
        | Verb::Merge
        | Verb::Waive
        | Verb::Bypass
        | Verb::Ratify
        | Verb::Rollback
        | Verb::Access
        | Verb::Pause
        | Verb::Unpause
        | Verb::Recheck
        | Verb::Explain
        | Verb::Status
        | Verb::Help => Read::Command(Command::NotYet(verb)),
    }
}

/// `sync`, `sync hook`, `sync production/hook`.
fn sync(arguments: &[&str]) -> Read {
    let wrong = || {
        unclear(
            "that is not how a target is named",
            "write `/countersign sync`, `sync hook` or `sync production/hook`".to_owned(),
        )
    };
    let (environment, target) = match arguments {
        [] => return Read::Command(Command::Sync { environment: None, target: None }),
        [one] => match one.split_once('/') {
            Some((environment, target)) => (Some(environment), target),
            None => (None, *one),
        },
        [_, _, ..] => return wrong(),
    };
    let environment = environment.map(Environment::parse).transpose();
    match (environment, TargetName::parse(target)) {
        (Ok(environment), Ok(target)) => Read::Command(Command::Sync { environment, target: Some(target) }),
        (Err(_), _) | (_, Err(_)) => wrong(),
    }
}

fn unknown(word: &str) -> Read {
    let limit = (word.chars().count() / 3).max(1);
    let near = Verb::ALL
        .iter()
        .map(|verb| (strsim::damerau_levenshtein(&word.to_lowercase(), verb.word()), verb.word()))
        .filter(|(distance, _)| word.len() <= 64 && *distance <= limit)
        .min();
    match near {
        Some((_, near)) => unclear("there is no such command", format!("did you mean `/countersign {near}`?")),
        None => unclear("there is no such command", "the commands are in docs/syncs.md".to_owned()),
    }
}

fn unclear(why: &str, help: String) -> Read {
    Read::Unclear { why: why.to_owned(), help }
}
