//! Who did something.
//!
//! Accounts are compared by id only; the login is what people are shown.

use serde::{Deserialize, Serialize};

use super::ids::{Login, UserId};

/// What sort of account GitHub says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// A person.
    User,
    /// An App or a workflow: never an approver (R17).
    Bot,
    /// Anything else GitHub names (organisation, mannequin, a kind invented later): never an approver.
    Other,
}

impl AccountKind {
    /// Reads GitHub's `type` (REST) or `__typename` (GraphQL).
    #[must_use]
    pub fn from_github(text: &str) -> Self {
        match text {
            "User" | "EnterpriseUserAccount" => Self::User,
            "Bot" => Self::Bot,
            _ => Self::Other,
        }
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// Identity.
    pub id: UserId,
    /// Display name at the time of reading.
    pub login: Login,
    /// Person or machine.
    pub kind: AccountKind,
}

impl Account {
    /// Whether this is a person's account.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.kind == AccountKind::User
    }
}

/// What somebody may do in a repository, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// No access, or an unknown account.
    None,
    /// May read.
    Read,
    /// May manage issues.
    Triage,
    /// May push: the floor for an approver (R40).
    Write,
    /// May manage the repository without its dangerous settings.
    Maintain,
    /// May do everything.
    Admin,
}

impl Permission {
    /// Reads GitHub's `permission` (four levels) or a base `role_name`; an unknown word is no permission.
    #[must_use]
    pub fn from_github(text: &str) -> Self {
        match text {
            "read" | "pull" => Self::Read,
            "triage" => Self::Triage,
            "write" | "push" => Self::Write,
            "maintain" => Self::Maintain,
            "admin" => Self::Admin,
            _ => Self::None,
        }
    }

    /// The word, as people know it from GitHub.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "no access",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// Whether an approval of somebody with this permission may count (R40).
    #[must_use]
    pub fn may_approve(self) -> bool {
        self >= Self::Write
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_permissions_are_read_as_github_writes_them_and_unknown_ones_are_nothing() {
        let kinds =
            ["User", "EnterpriseUserAccount", "Bot", "Organization", "Mannequin", "user"].map(AccountKind::from_github);
        let (user, bot, other) = (AccountKind::User, AccountKind::Bot, AccountKind::Other);
        assert_eq!(kinds, [user, user, bot, other, other, other]);
        for (words, permission, may) in [
            (&["read", "pull"][..], Permission::Read, false),
            (&["triage"], Permission::Triage, false),
            (&["write", "push"], Permission::Write, true),
            (&["maintain"], Permission::Maintain, true),
            (&["admin"], Permission::Admin, true),
            (&["none", "", "Admin", "deployer"], Permission::None, false),
        ] {
            for word in words {
                assert_eq!(Permission::from_github(word), permission, "{word}");
            }
            assert_eq!(permission.may_approve(), may);
            let word = if permission == Permission::None { "no access" } else { words[0] };
            assert_eq!(permission.word(), word);
        }
    }
}
