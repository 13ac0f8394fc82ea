//! The list of settings: name, default, how it may be shown, what it means. Flags, variables, file keys, `countersign config` and
//! the documentation all come from this one list.

use super::PREFIX;

/// How `countersign config` shows a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Whole,
    /// Not at all: a secret.
    Masked,
    /// An address without its password.
    WithoutPassword,
}

macro_rules! settings {
    ($($variant:ident $name:literal $default:expr, $shown:ident, $meaning:literal;)*) => {
        /// One setting.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $(#[doc = $meaning] $variant,)*
        }

        impl Key {
            /// Every setting, in the order people read them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in the file and as a flag (with `-` for `_`).
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What holds when nobody says otherwise.
            #[must_use]
            pub fn default(self) -> Option<&'static str> {
                match self { $(Self::$variant => $default,)* }
            }

            /// How it may be shown.
            #[must_use]
            pub fn shown(self) -> Shown {
                match self { $(Self::$variant => Shown::$shown,)* }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

settings! {
    Listen "listen" Some("127.0.0.1:8080"), Whole, "address of the server; port 0 picks one";
    AdminListen "admin_listen" Some("127.0.0.1:8081"), Whole, "address of pages and metrics";
    GithubApiUrl "github_api_url" Some("https://api.github.com"), Whole, "address of GitHub's API";
    GithubUrl "github_url" Some("https://github.com"), Whole, "address for git and links";
    AppId "app_id" None, Whole, "number of the GitHub App";
    PrivateKey "private_key" None, Masked, "private key of the GitHub App (PEM)";
    WebhookSecret "webhook_secret" None, Masked, "one or more webhook secrets, separated by white space";
    DatabaseUrl "database_url" Some("sqlite:countersign.db"), WithoutPassword, "where work is queued";
    DataDir "data_dir" Some("./countersign-data"), Whole, "bare clones and spool";
    SigningKey "signing_key" None, Masked, "Ed25519 private key of the ledger (PEM, PKCS#8)";
    Trust "trust" None, Whole, "fingerprints of the root key, separated by white space";
    LedgerRef "ledger_ref" Some("refs/heads/countersign/ledger"), Whole, "reference of the ledger";
    Adopt "adopt" None, Whole, "unset: adoption is an act; `first-seen`: trust on first use";
    ReconcileInterval "reconcile_interval" Some("2m"), Whole, "time between sweeps";
    Quiet "quiet" Some("10s"), Whole, "quiet time after a push before a request is opened";
    SmtpUrl "smtp_url" None, WithoutPassword, "mail server: `smtps://user:password@host`, or `smtp://…` (STARTTLS)";
    MailFrom "mail_from" None, Whole, "sender of mail";
    TemplatesDir "templates_dir" None, Whole, "folder whose `notify/` holds texts that replace ours";
    PublicUrl "public_url" None, Whole, "address of the server for jobs that deliver (`run_in: runner`)";
    Log "log" Some("info"), Whole, "tracing filter";
    LogFormat "log_format" None, Whole, "`text` or `json`; unset: text on a terminal, else JSON";
}

impl Key {
    /// The setting of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Whether it is a secret, which may also be given as `<name>_file`.
    #[must_use]
    pub fn is_secret(self) -> bool {
        match self.shown() {
            Shown::Whole => false,
            Shown::Masked | Shown::WithoutPassword => true,
        }
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(self) -> String {
        variable(self.name())
    }
}

/// The environment variable of a name.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// The known name nearest to a wrong one, if one is near.
pub(super) fn nearest(wrong: &str) -> Option<String> {
    let wrong = wrong.to_ascii_lowercase();
    let files = Key::ALL.iter().filter(|key| key.is_secret()).map(|key| format!("{}_file", key.name()));
    let names = Key::ALL.iter().map(|key| key.name().to_owned()).chain(files);
    names
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name), name))
        .min()
        .filter(|(distance, name)| *distance <= (name.len() / 3).min(3))
        .map(|(_, name)| name)
}
