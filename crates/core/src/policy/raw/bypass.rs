//! The shape of `bypass`: who may bypass a soft policy, and what that costs.

use crate::policy::read::{List, shape};

shape! {
    /// Who may bypass a soft policy, and what that costs.
    #[schemars(rename = "Bypass")]
    pub(in crate::policy) struct RawBypass {
        required {}
        optional {
            /// The list of logins.
            users: List<String>,
            /// The list of teams, as `org/team-slug`.
            teams: List<String>,
            /// The least length of the reason, in characters.
            min_reason: u64,
            /// The switch that asks for a second person.
            second_person: bool,
            /// The switch that lets the requester bypass alone.
            own_change: bool,
            /// The time within which the original quorum ratifies.
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"))]
            ratify_within: String,
        }
    }
}
