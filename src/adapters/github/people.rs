//! Whom a commit names, beyond what GitHub maps itself.
//!
//! Commit identities are forgeable: what is found here can exclude people from approving, never let them approve (R34). No
//! account is asked for here.

use std::collections::BTreeMap;

use countersign_core::domain::{Account, AccountKind, Login, UserId};
use countersign_core::facts::question::CommitPeopleRead;
use countersign_core::facts::trailers;

use super::wire::account;

/// E-mail GitHub commits with in its web interface, and its account.
const WEB_FLOW: (&str, u64, &str) = ("noreply@github.com", 19_864_447, "web-flow");

/// The account in a "no reply" address, `ID+LOGIN@users.noreply.…`. Older ones without a number say nothing certain.
pub(super) fn noreply_account(email: &str, domain: &str) -> Option<Account> {
    let (local, host) = email.split_once('@')?;
    if !host.eq_ignore_ascii_case(domain) {
        return None;
    }
    let (id, login) = local.split_once('+')?;
    let kind = if login.ends_with("[bot]") { AccountKind::Bot } else { AccountKind::User };
    account(id.parse().ok()?, login, kind)
}

/// One commit as read: mail and account of the authors GitHub lists, of the committer, and the message.
pub(super) struct CommitNames {
    pub(super) people: CommitPeopleRead,
    pub(super) message: String,
}

/// Adds the co-authors of the messages, and resolves what is unmapped: by its "no reply" address, by GitHub's own web
/// identity, or because the same address is mapped elsewhere in the change.
pub(super) fn complete(commits: Vec<CommitNames>, domain: &str) -> Vec<CommitPeopleRead> {
    let mut commits: Vec<CommitPeopleRead> = commits
        .into_iter()
        .map(|CommitNames { mut people, message }| {
            for email in trailers::co_authors(&message) {
                if !people.authors.iter().any(|(known, _)| *known == email) {
                    people.authors.push((email, None));
                }
            }
            people
        })
        .collect();
    let mapped: BTreeMap<String, Account> = commits
        .iter()
        .flat_map(|commit| commit.authors.iter().chain(&commit.committer))
        .filter_map(|(email, account)| Some((email.clone(), account.clone()?)))
        .filter(|(email, _)| !email.is_empty())
        .collect();
    for commit in &mut commits {
        for (email, account) in commit.authors.iter_mut().chain(&mut commit.committer) {
            if account.is_none() {
                *account =
                    mapped.get(email).cloned().or_else(|| noreply_account(email, domain)).or_else(|| web_flow(email));
            }
        }
    }
    commits
}

fn web_flow(email: &str) -> Option<Account> {
    let (address, id, login) = WEB_FLOW;
    (email == address)
        .then(|| Some(Account { id: UserId::new(id), login: Login::parse(login).ok()?, kind: AccountKind::User }))?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use countersign_core::domain::Oid;

    use super::*;

    const DOMAIN: &str = "users.noreply.github.com";

    #[test]
    fn only_numbered_no_reply_addresses_name_an_account() {
        let ann = noreply_account("7+ann@users.noreply.github.com", DOMAIN).unwrap();
        assert_eq!((ann.id.get(), ann.login.as_str(), ann.kind), (7, "ann", AccountKind::User));
        let bot = noreply_account("9+cs[bot]@users.noreply.github.com", DOMAIN).unwrap();
        assert_eq!(bot.kind, AccountKind::Bot);
        for email in [
            "ann@users.noreply.github.com",
            "7+ann@users.noreply.github.com.evil.io",
            "x+ann@users.noreply.github.com",
            "7+a b@users.noreply.github.com",
            "7+ann",
        ] {
            assert_eq!(noreply_account(email, DOMAIN), None, "{email}");
        }
    }

    #[test]
    fn an_address_mapped_once_is_mapped_in_every_commit() {
        let ann = noreply_account("7+ann@users.noreply.github.com", DOMAIN);
        let commit = |digit: char, author: (&str, Option<Account>), message: &str| CommitNames {
            people: CommitPeopleRead {
                commit: Oid::parse(&digit.to_string().repeat(40)).unwrap(),
                authors: vec![(author.0.to_owned(), author.1)],
                committer: Some(("noreply@github.com".to_owned(), None)),
            },
            message: message.to_owned(),
        };
        let read = complete(
            vec![
                commit('1', ("ann@acme.io", ann.clone()), ""),
                commit('2', ("bob@acme.io", None), "x\n\nCo-authored-by: A <ann@acme.io>"),
            ],
            DOMAIN,
        );
        assert_eq!(read[1].authors, [("bob@acme.io".to_owned(), None), ("ann@acme.io".to_owned(), ann)]);
        assert_eq!(read[0].committer.as_ref().unwrap().1.as_ref().unwrap().login.as_str(), "web-flow");
    }
}
