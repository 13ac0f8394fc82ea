//! Reads `people`: who can be reached where, and whose a recipient is.

use std::collections::BTreeMap;

use crate::domain::Login;
use crate::policy::diagnostic::{Code, Diagnostic, Place, shown};
use crate::policy::model::Person;
use crate::policy::raw::{RawPerson, RawPolicy};
use crate::policy::read::{Faults, Located};

use super::{MAX_PEOPLE, capped, names};

pub(super) fn all(raw: &RawPolicy, faults: &mut Faults) -> Vec<Person> {
    let (Some(table), Some(key)) = (raw.people.given(), raw.people.key()) else { return Vec::new() };
    let count = capped(table.value.entries.len(), MAX_PEOPLE, "people", key, faults);
    let mut logins = BTreeMap::new();
    let mut owners = BTreeMap::new();
    let mut people = Vec::new();
    for (name, raw) in table.value.entries.iter().take(count) {
        let Some(login) = names::login(name, faults) else { continue };
        if let Some(earlier) = logins.insert(login.as_str().to_ascii_lowercase(), name.place) {
            faults.push(twice(&format!("`{login}` is listed twice"), name.place, earlier));
        }
        people.push(one(login, &raw.value, &mut owners, faults));
    }
    people
}

fn one(login: Login, raw: &RawPerson, owners: &mut BTreeMap<String, Place>, faults: &mut Faults) -> Person {
    let email = raw.email.given().and_then(|email| address(email, faults));
    let mut recipients = Vec::new();
    for item in raw.recipients.given().map(|list| list.value.items.as_slice()).unwrap_or_default() {
        if let Some(recipient) = recipient(item, faults) {
            match owners.get(&recipient) {
                Some(earlier) => faults.push(twice("the recipient is listed twice", item.place, *earlier)),
                None => {
                    owners.insert(recipient.clone(), item.place);
                    recipients.push(recipient);
                }
            }
        }
    }
    let same_person = raw.same_person.given().and_then(|other| same_person(&login, other, faults));
    Person { login, email, recipients, same_person }
}

/// Reads a mail address: plain ASCII, one `@`, nothing that could end a header or a command.
pub(super) fn address(email: &Located<String>, faults: &mut Faults) -> Option<String> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
    };
    let fine = email.value.split_once('@').is_some_and(|(name, host)| {
        let label =
            |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain(name)
            && name.len() <= 64
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !name.contains("..")
            && host.contains('.')
            && host.split('.').all(label)
    }) && email.value.len() <= 254;
    if !fine {
        faults.push(
            Diagnostic::error(Code::Malformed, format!("`{}` is not a mail address", shown(&email.value)))
                .at(email.place)
                .help("write `name@example.com`"),
        );
    }
    fine.then(|| email.value.clone())
}

/// Reads the other account of a person.
fn same_person(login: &Login, other: &Located<String>, faults: &mut Faults) -> Option<Login> {
    let same = names::login(other, faults)?;
    if same.same_as(login) {
        faults.push(
            Diagnostic::error(Code::Conflict, format!("`{login}` is the same person as itself"))
                .at(other.place)
                .help("name the other account of this person"),
        );
        return None;
    }
    Some(same)
}

/// Reads an age recipient. The text is never repeated in a message: somebody may have pasted the identity instead.
fn recipient(item: &Located<String>, faults: &mut Faults) -> Option<String> {
    let text = &item.value;
    let fine = text.starts_with("age1")
        && (8..=4_000).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if fine {
        return Some(text.clone());
    }
    let secret = text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-");
    let (message, help) = if secret {
        (
            "this is an age identity, not a recipient: anybody who reads it can open what is sealed to it",
            "replace it by the `age1…` line of `age-keygen -y`, and make a new identity: this one is burnt",
        )
    } else {
        ("this is not an age recipient", "write the `age1…` line; other kinds of recipients are not supported yet")
    };
    faults.push(Diagnostic::error(Code::Malformed, message).at(item.place).help(help));
    None
}

fn twice(message: &str, place: Place, earlier: Place) -> Diagnostic {
    Diagnostic::error(Code::Repeated, message)
        .at(place)
        .label(format!("already in line {}", earlier.line))
        .help("leave one of the two out")
}
