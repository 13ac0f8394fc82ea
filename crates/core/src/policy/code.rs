//! Every code `check` can say, as one list: the code, a title, and what it stands for. `docs/diagnostics.md` is made from it.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $text:literal, $title:literal, $about:literal;)*) => {
        /// Stable code of a finding; codes are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as printed: `CS0107`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the code stands for, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the code stands for, as a sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

#[rustfmt::skip]
codes! {
    // the text is no policy
    Syntax = "CS0101", "not one YAML document", "the text is no YAML, or not one document of it";
    TooLarge = "CS0102", "too large", "the text is too large, too deep, or grows too large through aliases";
    Version = "CS0103", "unknown version", "`version` is not 1";
    WrongKind = "CS0104", "wrong kind of value", "a value is of another kind than the field takes";
    MissingField = "CS0105", "missing field", "a field that must be given is not";
    DuplicateKey = "CS0106", "duplicate key", "a key is given twice in one mapping";
    UnknownField = "CS0107", "unknown field", "a field that does not exist";
    UnknownWord = "CS0108", "unknown word", "a word the field does not take";
    OutOfRange = "CS0109", "number out of range", "a number outside its range";
    Malformed = "CS0110", "malformed name", "a name, login, team, branch, address or recipient that cannot be one";
    Repeated = "CS0111", "given twice", "the same name or person twice where each may stand once";
    UnknownEnvironment = "CS0112", "unknown environment", "a policy names an environment that does not exist";
    BadGlob = "CS0113", "invalid pattern", "a pattern that cannot be read";
    Limit = "CS0114", "limit exceeded", "more entries than allowed";
    Empty = "CS0115", "empty where something is needed", "nobody, or nothing, where there must be somebody or something";
    Conflict = "CS0116", "fields that exclude each other", "two fields that exclude each other";
    Companion = "CS0117", "a field that another one needs", "a field that another one demands";
    Unreachable = "CS0118", "quorum that can never be reached", "a quorum that the people listed can never reach";
    Overlap = "CS0119", "path in two environments", "a path that lies in two environments of one branch";
    NotSupported = "CS0120", "not supported yet", "a field or value of a later release";
    BotApprover = "CS0121", "bot as approver", "a bot where a person is needed";
    UnknownTarget = "CS0122", "unknown target", "a target that does not exist, or comes from another environment";
    Cycle = "CS0123", "targets that wait for each other", "targets that wait for each other";
    NoAlias = "CS0124", "not an alias", "a value, or something else, where an alias is needed";
    TargetBranch = "CS0125", "branch that can be no target", "a branch that can be no target";
    NoAddress = "CS0126", "not an address", "a value, or something else, where the address of a server is needed";
    // allowed, but hardly meant
    NoPolicy = "CS0130", "environment without a policy", "an environment that no policy covers";
    PartlyCovered = "CS0131", "environment covered in part", "an environment that policies cover only in part";
    SelfApprovalAlone = "CS0132", "self-approval without effect", "`self_approval` where one approval suffices";
    AdminsEffective = "CS0133", "effective rule for control paths", "the effective rule for control paths differs from what is written";
    OutsideEnvironment = "CS0134", "paths outside the environment", "`secret_paths` outside the environments of the policy";
    NoSpare = "CS0135", "nobody to spare", "people whose own changes nobody else can approve";
    PlainEverything = "CS0136", "nothing is sealed", "a `plain` pattern that covers a whole environment";
    MatchesNothing = "CS0137", "pattern without a file", "a pattern that matches no file of the working tree";
    AddsNothing = "CS0138", "policy that adds nothing", "a policy that never asks for more than another one does";
    BroadMachine = "CS0139", "bot with every key", "a bot that may change every key";
    OwnBypass = "CS0140", "bypass of one's own change", "a bypass by which one person brings in a change of their own alone";
    Template = "CS0141", "template that cannot be used", "a text in `.countersign/templates/notify` that cannot be used";
    // the repository
    PlainFile = "CS0201", "protected file in the clear", "a protected file that is not sealed: whoever reads the repository reads it";
    PlainKey = "CS0202", "key in the clear", "a key that stands in the clear although the settings of its document seal it";
    BrokenDocument = "CS0203", "no sealed document", "a protected file that cannot be read as a sealed document";
    BrokenSelection = "CS0204", "broken expression", "a document or rule whose regular expression cannot be read: nothing says what is sealed";
    MacMissing = "CS0205", "no integrity code", "a sealed document without integrity code: moved and removed values are not noticed";
    NotAFile = "CS0206", "link in a protected path", "a link or submodule where a protected file should be";
    ReadersDiffer = "CS0207", "readers differ from the rule", "a document that is sealed for other readers than its creation rule names";
    UnknownReader = "CS0208", "reader nobody knows", "a document that somebody can open who is not among the `people` of the policy";
    NoRule = "CS0209", "no creation rule", "a protected document that no creation rule fits, although there are rules";
    RulesBroken = "CS0210", "creation rules unreadable", "a `.sops.yaml` that cannot be read";
    UnknownRuleField = "CS0211", "field without effect", "a field of `.sops.yaml` that has no effect";
    PrivateKey = "CS0212", "private key in the repository", "an age identity in a file of the repository: whoever reads the repository opens what is sealed for it";
    Integrity = "CS0213", "integrity code that does not fit", "a sealed document that opens, but is not what was sealed: values were changed, moved or removed. Told where an identity is at hand";
    StandIn = "CS0214", "value still to come", "a sealed value that only stands for one (`changeme`, `TODO`, nothing at all). Told where an identity is at hand; the value is not shown";
    PlainInHistory = "CS0215", "in the clear in the history", "a version of a protected file that was not sealed, in a commit that can still be fetched. Told by `check --history`";
    // its workflows
    WorkflowUnreadable = "CS0301", "workflow unreadable", "a workflow that cannot be read as YAML, and was not looked at";
    HeadWithKeys = "CS0302", "foreign code beside secrets", "a workflow with secrets that checks out what a pull request proposes (`pull_request_target`, `issue_comment`, `workflow_run`)";
    KeyOnOpenEvent = "CS0303", "key on an open event", "an age identity or signing key in a workflow that runs code of pull requests (`pull_request`, `pull_request_review`)";
    SecretInScript = "CS0304", "secret in the text of a script", "a secret written into a script instead of being given to it by the environment";
    PrintsSecret = "CS0305", "secret in the log", "a command that prints a secret or an opened document into the log";
    Traced = "CS0306", "traced commands beside secrets", "a script that prints its commands while it holds secrets (`set -x`)";
    PlainArtifact = "CS0307", "opened document in an artifact", "a job that uploads a file it opened before";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
