//! Every reason a decision can give: one list, with its stable code, its words and the verdict it leads to.

use serde::{Deserialize, Serialize};

use super::Verdict;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $verdict:ident, $words:literal, $help:literal;)*) => {
        /// Why. The code is stable; words may improve.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $words] #[serde(rename = $code)] $name,)*
        }

        impl Reason {
            /// All reasons, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, as a sentence without a full stop.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }

            /// The way out.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }

            /// The verdict of a change refused for this reason.
            #[must_use]
            pub fn verdict(self) -> Verdict {
                match self { $(Self::$name => Verdict::$verdict,)* }
            }
        }
    };
}

reasons! {
    // the whole
    NothingProtected, "nothing-protected", NotApplicable, "nothing protected changes", "nothing to do";
    Observed, "observed", NotApplicable, "the rules of what changes are only observed", "nothing to do: write `mode: enforce` to enforce them";
    QuorumMet, "quorum-met", Satisfied, "every policy is satisfied", "nothing to do";
    Bypassed, "bypassed", Bypassed, "what is missing was bypassed", "those who should have approved look at it and ratify it: a review, or `/countersign ratify`";
    QuorumMissing, "quorum-missing", Pending, "approvals are missing", "ask the people named to review the head";
    Draft, "draft", Pending, "the pull request is a draft", "mark it ready for review";
    Closed, "closed", Pending, "the pull request is closed", "open it again";
    Rejected, "rejected", Rejected, "an approver asked for changes", "that person approves, or takes it back; or an admin without part in the change writes `/countersign waive @user`";
    Unreachable, "unreachable", Unreachable, "the people left cannot fill the quorum", "name more approvers in the policy, or have somebody make the change who is none";
    CannotVerify, "cannot-verify", Unknown, "GitHub did not say whether somebody may approve", "wait: it is asked again by itself";
    // structure
    PolicyMismatch, "policy-mismatch", Unknown, "the policy changed while the facts were read", "wait: it is read again by itself";
    AmbiguousHistory, "ambiguous-history", Blocked, "head and base have no single merge base", "rebase the branch onto the base";
    PathInTwoEnvironments, "path-in-two-environments", Blocked, "the path belongs to two environments", "make the paths of the environments disjoint in the policy";
    SplitThis, "split-this", Blocked, "control files and secret files change together", "split this into two pull requests";
    BadPath, "bad-path", Blocked, "the path is not safe", "rename the file";
    PathClash, "path-clash", Blocked, "two paths are one file on other systems", "rename one of the files";
    NotAFile, "not-a-file", Blocked, "a link or submodule stands in a protected place", "replace it by an ordinary file";
    Executable, "executable", Blocked, "a secret file has the executable bit", "take the bit away: `git update-index --chmod=-x`";
    Plaintext, "plaintext", Blocked, "the file is not encrypted", "encrypt it, take it out of the history, and replace the values it showed";
    PlaintextInHistory, "plaintext-in-history", Blocked, "a commit on the way holds the file unsealed", "take the commit out of the history and replace the values it showed";
    NotSops, "not-sops", Blocked, "the file cannot be read as a SOPS document", "open it with `sops` and write it again";
    MacMissing, "mac-missing", Blocked, "the file lacks its integrity code", "write it again with `sops` or `countersign set`";
    TooLarge, "too-large", Blocked, "the file is larger than 4 MiB", "split the file";
    ExposedKey, "exposed-key", Blocked, "a value stands in plain that must be sealed", "seal the value again and replace it";
    UnknownRecipient, "unknown-recipient", Blocked, "somebody nobody knows can open the file", "add the recipient to `people`, or take it out of the file";
    RecipientsDiffer, "recipients-differ", Blocked, "the readers are not those that `.sops.yaml` at the base demands", "run `sops updatekeys`, or change `.sops.yaml` first";
    CopiedCiphertext, "copied-ciphertext", Blocked, "sealed values were copied from a place whose approvers cannot be told", "seal the values anew in this file: `countersign set`, or `sops` with the value typed";
    RevokedValue, "revoked-value", Blocked, "a value comes back that was revoked", "give the key a new value: a revoked one never counts as a secret again";
    NoPolicyForPath, "no-policy-for-path", Blocked, "no policy covers the path", "add a policy for it";
    PolicyBroken, "policy-broken", Blocked, "the change leaves the repository without a valid policy", "correct `.countersign/policy.yaml`; `countersign check` names line and column";
    BaseUncovered, "base-uncovered", Blocked, "the base holds protected content that nobody approved", "countersign puts it back by itself, or says in a pull request of its own why it does not";
    Quarantined, "quarantined", Blocked, "the branch holds protected content that nobody approved, and nothing is delivered from it", "bring the branch back to what is approved; the description says how";
    StaleBase, "stale-base", StaleBase, "the base changed the same protected file", "update the branch with the base";
    UnknownReviewState, "unknown-review-state", Unknown, "GitHub shows a review state that is not known here", "update countersign";
    // votes
    Requester, "requester", Pending, "asked for this change", "another approver reviews";
    Pusher, "pusher", Pending, "pushed to this change", "another approver reviews";
    Contributor, "contributor", Pending, "wrote a commit of this change", "another approver reviews";
    NotAPerson, "not-a-person", Pending, "is not a person's account", "a person approves";
    DeletedAccount, "deleted-account", Pending, "the account is gone", "another approver reviews";
    NotAnApprover, "not-an-approver", Pending, "is not among the approvers", "an approver reviews";
    NoWritePermission, "no-write-permission", Pending, "may not write to the repository", "give the person write access, or ask another";
    MembershipUnknown, "membership-unknown", Unknown, "GitHub did not say whether the person is in the team", "wait: it is asked again by itself";
    IdentityChanged, "identity-changed", Pending, "the name belongs to another account than when the policy was approved", "confirm the name by a change of the policy";
    StaleApproval, "stale-approval", Pending, "approved an older head", "look at the new head and approve again";
    CommitUnreadable, "commit-unreadable", Pending, "the approved commit can no longer be read", "approve again";
    OtherBase, "other-base", Pending, "approved for another base branch", "approve again";
    CommitDiverged, "commit-diverged", Pending, "GitHub shows the review at another commit than it was given for", "approve again";
    SeenLate, "seen-late", Pending, "the review was not delivered and cannot be tied to this head", "approve again, or with `/countersign approve <full sha>` in a comment";
    Expired, "expired", Pending, "approved too long ago", "look at it again and approve again";
    Dismissed, "dismissed", Pending, "the review was dismissed", "approve again";
    Withdrawn, "withdrawn", Pending, "took it back", "approve again";
    CommentChanged, "comment-changed", Pending, "the comment was edited, hidden or deleted", "approve again, by a review or a new comment";
    CommentNotCounted, "comment-not-counted", Pending, "approved by a comment, and comments are no votes here", "approve by a review";
    Waived, "waived", Pending, "asked for changes, and that was waived", "approve the head";
    Bypasser, "bypasser", Pending, "bypassed this change", "another approver ratifies it";
    // a bypass that was asked for
    BypassHard, "bypass-hard", Pending, "a policy that is hard is not satisfied", "get the approvals of that policy; only a soft one can be bypassed";
    BypassControl, "bypass-control", Pending, "a control file changes, and that is always hard", "get the approvals of `admins`";
    BypassRecipients, "bypass-recipients", Pending, "it changes who can read a file, and that is always hard", "get the approvals, or change the values alone";
    BypassSettings, "bypass-settings", Pending, "it changes how a file is sealed, and that is always hard", "get the approvals, or change the values alone";
    BypassDataKey, "bypass-data-key", Pending, "the data key of a file is another one, or may be, and that is always hard", "get the approvals, or change the values alone under the same data key: `countersign set`";
    BypassCopied, "bypass-copied-ciphertext", Pending, "sealed values were copied from another place, and that is never bypassed", "seal the values anew in this file: `countersign set`";
    BypassStructure, "bypass-structure", Pending, "a bypass lifts missing approvals, not what refuses the change itself", "mend what refuses the change; the comment above names it";
    BypassNotNeeded, "bypass-not-needed", Pending, "nothing is missing that could be bypassed", "nothing to do";
    BypassDebt, "bypass-debt", Pending, "an earlier bypass in this environment was not ratified in time", "its approvers ratify it first: a review there, or `/countersign ratify`";
    BypassStale, "bypass-stale", Pending, "it was said of another head, or for another base, than the present one", "look at the present head, and name it in a new comment";
    BypassReason, "bypass-reason", Pending, "its reason is too short", "write it again and say more: others read it when they ratify";
    BypassOwnChange, "bypass-own-change", Pending, "whoever bypasses had a part in the change", "another of the people of `bypass` writes the same line";
    BypassSecondPerson, "bypass-second-person", Pending, "it takes a second person", "another of the people of `bypass` writes the same line";
    NotABypasser, "not-a-bypasser", Pending, "is not among the people of `bypass`", "ask one of them, or get the approvals";
    // extra seats
    RequesterNotAPerson, "requester-not-a-person", Pending, "the requester is no person", "one more approval is needed in each group";
    RequesterUnknown, "requester-unknown", Pending, "nobody knows who asked for this change", "one more approval is needed in each group";
    PusherUnknown, "pusher-unknown", Pending, "nobody knows who pushed the head", "one more approval is needed in each group";
    Unattributed, "unattributed", Pending, "a commit belongs to no GitHub account", "one more approval is needed in each group";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    }
}
