//! Who made a push: everybody its commits name and everybody who moved the branch. None of them may approve what is kept.
//!
//! Commits can lie about people: what they say excludes, it never includes (R34).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Account, AccountKind, UserId};
use crate::facts::trailers;

/// A commit of the push, as far as it names people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<'a> {
    /// Author's name.
    pub author_name: &'a str,
    /// Author's e-mail, lower case.
    pub author_email: &'a str,
    /// Committer's e-mail, lower case.
    pub committer_email: &'a str,
    /// Whole message.
    pub message: &'a str,
}

/// Somebody, as a commit names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Maker {
    /// Name, for people.
    pub name: String,
    /// E-mail, lower case.
    pub email: String,
}

/// Everybody who made a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Makers {
    /// The one person who wrote it all, if it is one.
    pub author: Option<Maker>,
    /// Everybody to be named by `Co-authored-by`, each address once, in order.
    pub all: Vec<Maker>,
    /// The accounts among them that are known, in order of ids.
    pub accounts: Vec<Account>,
}

/// Gathers them. `pushers`: accounts that moved the branch; `ours`: our own account, which is nobody's author.
#[must_use]
pub fn makers<'a>(commits: impl IntoIterator<Item = Made<'a>>, pushers: &[Account], ours: UserId) -> Makers {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut accounts: BTreeMap<UserId, Account> = BTreeMap::new();
    let mut authors: BTreeSet<Maker> = BTreeSet::new();
    for pusher in pushers.iter().filter(|pusher| pusher.id != ours) {
        accounts.insert(pusher.id, pusher.clone());
        all.insert(address(pusher), pusher.login.to_string());
    }
    for commit in commits {
        let author = Maker { name: clean(commit.author_name), email: clean(commit.author_email) };
        let (mut names, mut emails) = (BTreeMap::new(), vec![author.email.clone()]);
        names.insert(author.email.clone(), author.name.clone());
        if !trailers::is_web_flow(commit.committer_email) {
            emails.push(clean(commit.committer_email));
        }
        emails.extend(trailers::co_authors(commit.message).iter().map(|email| clean(email)));
        for email in emails.into_iter().filter(|email| !email.is_empty() && !trailers::is_web_flow(email)) {
            let account = trailers::account_of(&email);
            if account.as_ref().is_some_and(|account| account.id == ours) {
                continue;
            }
            let name = names.get(&email).filter(|name| !name.is_empty()).cloned();
            let login = account.as_ref().map(|account| account.login.to_string());
            let name = name.or(login).unwrap_or_else(|| local_part(&email));
            all.entry(email).or_insert(name);
            accounts.extend(account.map(|account| (account.id, account)));
        }
        let account = trailers::account_of(&author.email);
        if !account.is_some_and(|account| account.kind != AccountKind::User || account.id == ours) {
            authors.insert(author);
        }
    }
    let mut people: Vec<Maker> = authors.into_iter().collect();
    people.dedup_by(|one, other| one.email == other.email);
    let author = if people.len() == 1 { people.pop().filter(|author| !author.email.is_empty()) } else { None };
    let all = all.into_iter().map(|(email, name)| Maker { name, email }).collect();
    Makers { author, all, accounts: accounts.into_values().collect() }
}

/// Whether a message asks for a bypass.
#[must_use]
pub fn asks_for_bypass(message: &str) -> bool {
    let lines = message.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, _)| key.trim()).any(|key| key.eq_ignore_ascii_case("countersign-bypass"))
}

/// Why, in the words of the trailer: what counts of it is the message of the tip.
#[must_use]
pub fn bypass_reason(message: &str) -> Option<String> {
    let lines = message.lines().filter_map(|line| line.split_once(':'));
    let mut said = lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case("countersign-bypass"));
    let reason: String = said.next_back()?.1.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    (!reason.is_empty()).then_some(reason)
}

/// The no-reply address by which GitHub knows an account.
fn address(account: &Account) -> String {
    format!("{}+{}@users.noreply.github.com", account.id, account.login).to_lowercase()
}

fn local_part(email: &str) -> String {
    email.split('@').next().unwrap_or(email).to_owned()
}

/// Text that fits into a commit header and a trailer.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).take(200).collect::<String>().trim().to_owned()
}
