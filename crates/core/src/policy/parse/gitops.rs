//! Reads the targets that follow Git by themselves, and are told and looked at: Flux, Argo CD.
//!
//! An address that could hold a secret is refused and never repeated.

use crate::policy::diagnostic::{Code, Diagnostic, shown};
use crate::policy::raw::{RawArgo, RawFlux};
use crate::policy::read::{Faults, Field};
use crate::policy::syncs::{ServiceAddress, StatusPattern, Target};

use super::syncs::alias;

pub(super) fn flux(raw: &RawFlux, faults: &mut Faults) -> Option<Target> {
    let (url, token) = (alias(&raw.url_from, "url_from", faults), alias(&raw.token_from, "token_from", faults));
    let verify = match raw.verify.given() {
        Some(verify) => Some(context(&verify.value.context, faults)?),
        None if raw.verify.is_faulty() => return None,
        None => None,
    };
    Some(Target::Flux { url: url?, token: token?, verify })
}

fn context(field: &Field<String>, faults: &mut Faults) -> Option<StatusPattern> {
    let text = field.given()?;
    let pattern = StatusPattern::parse(&text.value);
    if pattern.is_none() {
        faults.push(
            Diagnostic::error(Code::Malformed, "`context` is no pattern for commit statuses")
                .at(text.place)
                .help("write what Flux calls its status, such as `kustomization/app/*`"),
        );
    }
    pattern
}

pub(super) fn argo(raw: &RawArgo, faults: &mut Faults) -> Option<Target> {
    let address = address(&raw.url, "url", faults);
    let application = raw.application.given().and_then(|text| {
        let fine = is_application(&text.value);
        if !fine {
            faults.push(
                Diagnostic::error(Code::Malformed, format!("`{}` is no application", shown(&text.value)))
                    .at(text.place)
                    .help("write the name of the Application: lower case letters, digits, `-` and `.`"),
            );
        }
        fine.then(|| text.value.clone())
    });
    let token = alias(&raw.token_from, "token_from", faults);
    Some(Target::ArgoCd { address: address?, application: application?, token: token? })
}

/// The address of a server. What is written there is not repeated.
pub(super) fn address(field: &Field<String>, name: &str, faults: &mut Faults) -> Option<ServiceAddress> {
    let text = field.given()?;
    let address = ServiceAddress::parse(&text.value);
    if address.is_none() {
        faults.push(
            Diagnostic::error(Code::NoAddress, format!("`{name}` is no address of a server"))
                .at(text.place)
                .help("write `https://server.example.com`, without user, query or password"),
        );
    }
    address
}

/// A name of Kubernetes (a DNS subdomain).
fn is_application(text: &str) -> bool {
    let label = |label: &str| {
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        ends(label.as_bytes().first())
            && ends(label.as_bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
