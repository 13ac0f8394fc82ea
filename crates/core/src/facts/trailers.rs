//! What commit messages say about people: trailers and no-reply addresses.
//!
//! A commit's words are forgeable: they may exclude people, never include them (R34).

use crate::domain::{Account, AccountKind, Login, UserId};

/// E-mail addresses of all `Co-authored-by` lines, lower case, wherever in the message they stand.
#[must_use]
pub fn co_authors(message: &str) -> Vec<String> {
    let unfolded = unfold(message);
    let lines = unfolded.iter().filter_map(|line| line.trim().split_once(':'));
    let named = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("co-authored-by"));
    let mut found = Vec::new();
    for email in named.flat_map(|(_, value)| addresses(value)) {
        if !found.contains(&email) {
            found.push(email);
        }
    }
    found
}

/// Every address in angle brackets; without one, all of it.
fn addresses(value: &str) -> Vec<String> {
    let bracketed = value.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    let found: Vec<String> = bracketed.map(|(address, _)| address.trim().to_lowercase()).collect();
    if found.is_empty() { vec![value.trim().to_lowercase()] } else { found }
}

/// Lines of a message. A `Co-authored-by` without an address is continued by an indented line, as Git reads trailers.
fn unfold(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in message.replace("\r\n", "\n").split(['\n', '\r']) {
        let folded = line.starts_with([' ', '\t']) && !line.trim().to_ascii_lowercase().starts_with("co-authored-by");
        match lines.last_mut() {
            Some(last) if folded && !last.contains(['<', '@']) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            Some(_) | None => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The account a GitHub no-reply address names: `ID+login@users.noreply.github.com`.
#[must_use]
pub fn account_of(email: &str) -> Option<Account> {
    let (id, login) = email.strip_suffix("@users.noreply.github.com")?.split_once('+')?;
    let kind = if login.ends_with("[bot]") { AccountKind::Bot } else { AccountKind::User };
    Some(Account { id: UserId::new(id.parse().ok()?), login: Login::parse(login).ok()?, kind })
}

/// Whether an address is GitHub's own, put in by its web editor: it names nobody (R33).
#[must_use]
pub fn is_web_flow(email: &str) -> bool {
    email == "noreply@github.com"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn co_authors_are_found_in_any_spelling_and_place() {
        let message = "Change\n\nCo-Authored-By: A <A@Example.com>\nwords\n co-authored-by:B <2+b@users.noreply.github.com>\nReviewed-by: C <c@x>\n";
        assert_eq!(co_authors(message), ["a@example.com", "2+b@users.noreply.github.com"]);
    }

    #[test]
    fn r33_a_folded_trailer_names_its_co_author() {
        assert_eq!(co_authors("x\n\nCo-authored-by: Bob\n <Bob@x.io>\n"), ["bob@x.io"]);
        assert_eq!(co_authors("x\n\nCo-authored-by:\n\tBob <bob@x.io>\nSigned-off-by: C <c@x>\n"), ["bob@x.io"]);
    }

    #[test]
    fn r33_no_spelling_of_a_trailer_hides_a_co_author() {
        let table: &[(&str, &[&str])] = &[
            ("CO-AUTHORED-BY : Bob <bob@x.io>", &["bob@x.io"]),
            ("\tCo-authored-by:\u{a0}Bob < BOB@x.io >", &["bob@x.io"]),
            ("words\rCo-authored-by: Bob <bob@x.io>", &["bob@x.io"]),
            ("Co-authored-by: Bob <bob@x.io>, Ann <ann@x.io>", &["bob@x.io", "ann@x.io"]),
            ("Co-authored-by: Bob <bob@x.io>\nCo-authored-by: Robert <BOB@x.io>", &["bob@x.io"]),
            ("Co-authored-by: Bob\r\n <bob@x.io>", &["bob@x.io"]),
            ("Co-authored-by: bob@x.io", &["bob@x.io"]),
            ("Co-authored-by: nobody at all", &["nobody at all"]),
        ];
        for (message, expected) in table {
            assert_eq!(co_authors(message), *expected, "{message:?}");
        }
    }

    #[test]
    fn a_no_reply_address_names_the_account_by_id() {
        assert_eq!(account_of("2+b@users.noreply.github.com").map(|account| account.id), Some(UserId::new(2)));
        assert_eq!(account_of("b@users.noreply.github.com"), None);
        assert_eq!(account_of("2+b@example.com"), None);
    }
}
