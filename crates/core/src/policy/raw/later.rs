//! Shapes of what a later release will do: temporary access.
//!
//! They are read, so that typing mistakes are found and editors can help; every use is then refused by name.

#![expect(dead_code, reason = "read for their faults and their schema; a later release gives them a meaning")]

use super::{RawApprovers, Selector};
use crate::policy::read::{List, shape};

shape! {
    /// Who decides about temporary access.
    #[schemars(rename = "Access")]
    pub(in crate::policy) struct RawAccess {
        required {
            /// The name of the rule.
            #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
            name: String,
            /// The list of environments it applies to, or `"*"` for all.
            environments: Selector,
            /// The people who may grant access.
            approvers: RawApprovers,
            /// The longest time access is granted for.
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"))]
            max_duration: String,
        }
        optional {
            /// The number of approvals, 1 to 50 (default 1).
            #[schemars(range(min = 1, max = 50))]
            required_approvals: u64,
        }
    }
}

shape! {
    /// A bot whose value changes need no person.
    #[schemars(rename = "Machine")]
    pub(in crate::policy) struct RawMachine {
        required {
            /// The numeric id of the account.
            id: u64,
            /// The login of the account.
            login: String,
            /// The list of environments it may change, or `"*"` for all.
            environments: Selector,
            /// The list of keys it may change, as patterns.
            #[schemars(length(min = 1))]
            keys: List<String>,
        }
        optional {}
    }
}
