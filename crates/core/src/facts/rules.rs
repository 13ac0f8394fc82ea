//! What GitHub shows of the rules of a branch: rulesets and classic protection.
//!
//! What is not shown is not there and not absent either: it is its own answer. Nothing here says whether that is enough.

/// The rules of one branch (`repos/get-branch-rules`, `repos/get-repo-ruleset`, `repos/get-branch-protection`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRules {
    /// Rulesets with a rule that is in force on the branch, by number.
    pub rulesets: Vec<Ruleset>,
    /// Classic protection.
    pub classic: Classic,
}

/// One ruleset, as far as it holds for the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Its name; its number where the ruleset itself is not shown.
    pub name: String,
    /// Its rules for the branch.
    pub rules: Vec<Rule>,
    /// Whether the App may pass it.
    pub passing: Passing,
    /// Who else may always pass it; `None`: not shown. GitHub shows it to those who may write rulesets.
    pub others: Option<Vec<String>>,
}

/// One rule of a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Nobody may create the branch.
    Creation,
    /// Nobody may move the branch.
    Update,
    /// Nobody may delete the branch.
    Deletion,
    /// The branch only moves forward.
    NonFastForward,
    /// Commits come by pull request.
    PullRequest,
    /// These checks must be green.
    Checks(Vec<RequiredCheck>),
    /// A rule that says nothing about who moves the branch where to.
    Other,
}

/// A check that must be green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredCheck {
    /// Its name.
    pub name: String,
    /// The App that alone may report it; `None`: anybody.
    pub app: Option<u64>,
}

/// Whether the App may pass a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// Always.
    Always,
    /// Only by merging pull requests.
    PullRequests,
    /// Never.
    Never,
    /// Not shown.
    Hidden,
}

/// Classic protection of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classic {
    /// There is none.
    Absent,
    /// Not shown: it takes `administration: read`.
    Hidden,
    /// This.
    Protection(Protection),
}

/// What classic protection says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// Checks that must be green.
    pub checks: Vec<RequiredCheck>,
    /// Commits come by pull request.
    pub pull_requests: bool,
    /// It holds for administrators too.
    pub holds_admins: bool,
    /// Force pushes are allowed.
    pub force_pushes: bool,
    /// Deletion is allowed.
    pub deletions: bool,
    /// Who may push, apart from the App; `None`: whoever may write.
    pub pushers: Option<Vec<String>>,
}
