//! Findings as annotations of a workflow run, one command a line; what could end a command or begin one is escaped.

use countersign_core::policy::Severity;

use super::finding::Finding;

/// All of them.
pub(super) fn annotations(findings: &[Finding]) -> String {
    findings.iter().map(annotation).collect()
}

fn annotation(finding: &Finding) -> String {
    let diagnostic = &finding.diagnostic;
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = format!("file={}", property(&finding.file));
    if let Some(at) = diagnostic.place {
        // GitHub's last column belongs to the stretch
        let end = at.column + at.length.max(1) - 1;
        properties += &format!(",line={},col={},endColumn={end}", at.line, at.column);
    }
    properties += &format!(",title={}", property(diagnostic.code.as_str()));
    let help = diagnostic.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    format!("::{word} {properties}::{}\n", data(&format!("{}{help}", diagnostic.message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_the_command() {
        assert_eq!(property("a,b:c%\r\n::error::"), "a%2Cb%3Ac%25%0D%0A%3A%3Aerror%3A%3A");
        assert_eq!(data("50%\n::error::x"), "50%25%0A::error::x");
    }
}
