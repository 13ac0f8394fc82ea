//! One finding with the file it is about, as each output takes it.

use countersign_core::policy::{Diagnostic, Severity};
use serde::Serialize;

/// A finding in a file.
#[derive(Serialize)]
pub(super) struct Finding {
    /// From the root of the repository where there is one.
    pub(super) file: String,
    #[serde(flatten)]
    pub(super) diagnostic: Diagnostic,
    /// The commit it came in by, where it is about the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The text of the file, where it may be shown: never of a document that is, or should be, sealed.
    #[serde(skip)]
    pub(super) source: String,
}

/// How many there are of each weight.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Count {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

impl Count {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let number = |severity| findings.iter().filter(|finding| finding.diagnostic.severity == severity).count();
        Self { errors: number(Severity::Error), warnings: number(Severity::Warning), notes: number(Severity::Note) }
    }

    /// Errors and warnings are findings, notes are not.
    pub(super) fn is_clean(self) -> bool {
        self.errors + self.warnings == 0
    }
}

/// The section of the documentation about a code.
pub(super) fn page(code: &str) -> String {
    format!("{}/blob/main/docs/diagnostics.md#{}", env!("CARGO_PKG_REPOSITORY"), code.to_lowercase())
}
