//! Where the process can be made to die: the steps around which something is written, in the order of the work, as data.
//!
//! Changes nothing and decides nothing. Only tests switch it on (`COUNTERSIGN_CRASH_AT=<name>[:<n>]`: die at the n-th passing), and
//! only in a program that was built for it (decision 0022). A new step gets a line in the list and a [`here`] where it is passed;
//! `tests/it/scenarios/crashes.rs` then demands a story that passes it.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use thiserror::Error;

/// Whether this program can be made to die: in debug builds, and with the feature `crash-points`.
pub const AVAILABLE: bool = cfg!(any(debug_assertions, feature = "crash-points"));

macro_rules! points {
    ($($stage:ident $about:literal { $($point:ident $name:literal $meaning:literal;)+ })+) => {
        /// A part of the work.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Stage {
            $(#[doc = $about] $stage,)+
        }

        /// A moment at which the process may die.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $($(#[doc = $meaning] $point,)+)+
        }

        impl Point {
            /// Every point, in the order of the work.
            pub const ALL: &'static [Self] = &[$($(Self::$point,)+)+];

            /// Its name in `COUNTERSIGN_CRASH_AT`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$point => $name,)+)+ }
            }

            /// The part of the work it belongs to.
            #[must_use]
            pub fn stage(self) -> Stage {
                match self { $($(Self::$point => Stage::$stage,)+)+ }
            }

            /// What has been done when it is passed, and what has not.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $($(Self::$point => $meaning,)+)+ }
            }
        }
    };
}

points! {
    Intake "A delivery arrives." {
        DeliveryVerified "delivery-verified" "its signature is right; nothing is kept yet";
        DeliveryStored "delivery-stored" "it is on disk; GitHub has no answer yet";
    }
    Turn "A subject is looked at." {
        TurnClaimed "turn-claimed" "the subject is leased; nothing was read";
        TurnLooked "turn-looked" "everything is done; the lease is not given back";
        TurnEnded "turn-ended" "the lease is given back";
    }
    Adoption "A repository is taken in." {
        AdoptionRead "adoption-read" "what stands there was read; there is no ledger";
    }
    Ledger "Entries are written." {
        LedgerSigned "ledger-signed" "the entries are signed; the reference was not moved";
        LedgerMoved "ledger-moved" "the reference was moved; the new head is not remembered";
        LedgerRemembered "ledger-remembered" "the new head is remembered";
    }
    Tampering "A ledger that was moved back is restored." {
        LedgerMissed "ledger-missed" "it is found to lack entries; nothing was restored";
        LedgerRestored "ledger-restored" "the reference is back";
    }
    Request "A pushed branch becomes a pull request." {
        RequestMissing "request-missing" "the branch needs one; none was opened";
        RequestOpened "request-opened" "it is open; nobody remembers that we opened it";
        RequestRemembered "request-remembered" "it is remembered; no look at it was asked for";
    }
    Change "A pull request is judged." {
        ChangeJudged "change-judged" "facts were read and judged; first sights are not in the ledger";
        ChangeSighted "change-sighted" "first sights are in the ledger; nothing was said";
    }
    Joint "The base moved in a file of a request: both sides are merged key by key." {
        JointReady "joint-ready" "the merge of the base is built; the branch of the request was not moved";
        JointPushed "joint-pushed" "the branch was moved; it is not noted that it was us";
    }
    Page "What stands on a pull request is brought to what should." {
        EffectDue "effect-due" "the lease holds; nothing was written to GitHub";
        CheckWritten "check-written" "the check stands; it is not remembered";
        CommentWritten "comment-written" "the comment stands; it is not remembered";
        DescriptionWritten "description-written" "the description stands; it is not remembered";
        ReviewersAsked "reviewers-asked" "reviewers were asked; it is not remembered";
        EffectRemembered "effect-remembered" "what was written is remembered";
    }
    Merge "A satisfied change is merged." {
        MergeProved "merge-proved" "there is a proof; the intent is not in the ledger";
        MergeIntended "merge-intended" "the intent is in the ledger; the check is not green";
        MergeGreen "merge-green" "the check is green; nobody looked whether everything still stands";
        MergeBuilt "merge-built" "the merge commit is built; the branch was not moved";
        MergeMoved "merge-moved" "the branch was moved; nothing was verified";
        MergeVerified "merge-verified" "what stands there is what was approved; it is not recorded";
        MergeRecorded "merge-recorded" "it is recorded; the comment does not say so";
    }
    Debt "A bypass that was carried out is ratified, or those who must are called." {
        BypassLabelled "bypass-labelled" "the request bears its label; it is not noted";
        BypassCalled "bypass-called" "those who must ratify were called; it is not noted";
        RatificationFound "ratification-found" "the seats are filled; it is not in the ledger";
        RatificationRecorded "ratification-recorded" "it is in the ledger; the comment does not say so";
    }
    Sync "Approved content is delivered to a target." {
        SyncDue "sync-due" "something may leave; no deployment records it";
        SyncNoted "sync-noted" "the attempt is noted; nothing was sent";
        SyncClaimed "sync-claimed" "it is noted which keys of a target are about to be written; none was";
        SyncFilled "sync-filled" "the values are there; it is not noted that they are ours";
        SyncSent "sync-sent" "the target has answered; it is not noted";
        SyncEnded "sync-ended" "how it ended is noted; it is not in the ledger";
        SyncRecorded "sync-recorded" "it is in the ledger; the deployment does not say so";
        SyncShown "sync-shown" "the deployment says so; it is not noted";
    }
    Job "A job that waits for its environment is answered." {
        JobJudged "job-judged" "the answer is known; nothing was said";
        JobAnswered "job-answered" "GitHub has it; it is not noted";
    }
    Letter "People are told." {
        LetterBegun "letter-begun" "the attempt is noted; nothing was sent";
        LetterSent "letter-sent" "the receiver has answered; it is not noted";
    }
    Command "A command in a comment is carried out." {
        CommandSeen "command-seen" "it was read; nothing was done";
        CommandDone "command-done" "it is carried out, or refused; nobody was told";
        CommandAnswered "command-answered" "people were told; that it was handled is not noted";
    }
    Endpoint "A change is merged through its pull request, where rules keep us from moving the branch." {
        EndpointDue "endpoint-due" "the branch may not be moved; the endpoint was not asked";
        EndpointMerged "endpoint-merged" "GitHub has merged; nothing was verified";
    }
    PutBack "A direct push is put back." {
        PutBackJudged "put-back-judged" "both commits are built; the ledger says nothing";
        PutBackWritten "put-back-written" "the ledger says what is to be done; nothing was moved";
        PutBackHeld "put-back-held" "what was pushed is held; the branch was not moved";
        PutBackMoved "put-back-moved" "the branch is back; no request is open";
        PutBackRequested "put-back-requested" "the request is open; nobody looked at it";
    }
    Foreign "A merge by somebody else is covered." {
        ForeignFound "foreign-found" "it is covered; the ledger says nothing";
        ForeignRecorded "foreign-recorded" "it is recorded; its page does not say so";
    }
    Heal "A merge that a crash kept from being recorded is found." {
        HealFound "heal-found" "it stands on the base and is what was approved; it is not recorded";
        HealRecorded "heal-recorded" "it is recorded; the comment does not say so";
    }
}

impl Point {
    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The passing at which to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing {
    point: Point,
    nth: u32,
}

/// A switch that names no passing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no crash point")]
pub struct UnknownPoint(String);

impl FromStr for Passing {
    type Err = UnknownPoint;

    /// Reads `<name>` or `<name>:<n>`, n from 1.
    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        let unknown = || UnknownPoint(text.to_owned());
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = Point::ALL.iter().copied().find(|point| point.name() == name).ok_or_else(unknown)?;
        let nth = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(unknown)?;
        Ok(Self { point, nth })
    }
}

static ARMED: OnceLock<Passing> = OnceLock::new();
static PASSED: AtomicU32 = AtomicU32::new(0);

/// Makes the process die at a passing. Does nothing in a program that was not built for it.
pub fn arm(passing: Passing) {
    if AVAILABLE {
        tracing::warn!(point = passing.point.name(), nth = passing.nth, "armed to crash");
        let _first_wins = ARMED.set(passing);
    }
}

/// Passes a point, or dies there as by `kill -9`: nothing is flushed, dropped or given back.
pub(crate) fn here(point: Point) {
    if !AVAILABLE || ARMED.get().is_none_or(|armed| armed.point != point) {
        return;
    }
    let nth = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if ARMED.get().is_some_and(|armed| armed.nth == nth) {
        tracing::error!(point = point.name(), nth, "crashing as told");
        std::process::abort();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own_that_reads_back() {
        let names: BTreeSet<_> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
        for (index, point) in Point::ALL.iter().enumerate() {
            assert_eq!(point.number(), index + 1);
            assert_eq!(point.name().parse::<Passing>().unwrap(), Passing { point: *point, nth: 1 });
            assert!(!point.meaning().is_empty());
        }
    }

    #[test]
    fn a_passing_is_a_name_and_perhaps_a_number() {
        assert_eq!("merge-moved:3".parse::<Passing>().unwrap(), Passing { point: Point::MergeMoved, nth: 3 });
        for text in ["", "merge-moved:0", "merge-moved:", "merge-moved:x", "Merge-moved", "merge", "merge-moved:1:2"] {
            assert!(text.parse::<Passing>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_unarmed_program_passes_every_point() {
        for point in Point::ALL {
            here(*point);
        }
    }
}
