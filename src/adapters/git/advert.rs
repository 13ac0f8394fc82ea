//! What a remote says it has: references and abilities, in protocol 0, 1 or 2.
//!
//! Names that are no full reference names (`HEAD`, peeled tags, `.have`) are passed over; a line that makes no sense is an error.

use std::collections::BTreeMap;

use countersign_core::domain::{Oid, RefName};

use super::http::{Body, Fault, Remote, Service, agent};
use super::pktline::{delimiter, flush, line};

/// The answer to `info/refs`.
#[derive(Debug, Default)]
pub(super) struct Advertisement {
    /// Whether protocol 2 is spoken, in which case references are asked for separately.
    pub(super) version2: bool,
    /// Abilities as sent: `name` or `name=value`.
    abilities: Vec<String>,
    /// References, when they were sent along (protocols 0 and 1).
    pub(super) refs: BTreeMap<RefName, Oid>,
}

impl Advertisement {
    /// Reads an advertisement to its end.
    pub(super) async fn read(mut body: Body<'_>) -> Result<Self, Fault> {
        let mut this = Self::default();
        let mut first = body.line().await?;
        if first.as_deref().is_some_and(|text| text.starts_with("# service=")) {
            while body.line().await?.is_some() {}
            first = body.line().await?;
        }
        match first.as_deref() {
            Some("version 2") => {
                this.version2 = true;
                while let Some(ability) = body.line().await? {
                    this.abilities.push(ability);
                }
            }
            Some("version 1") => this.references(&mut body, None).await?,
            Some(_) => this.references(&mut body, first).await?,
            None => {}
        }
        body.drain().await?;
        this.check()?;
        Ok(this)
    }

    /// Whether an ability is offered, with or without a value.
    pub(super) fn offers(&self, ability: &str) -> bool {
        self.abilities.iter().any(|offered| offered.split('=').next() == Some(ability))
    }

    /// Begins a request of protocol 2, naming only abilities that were offered.
    pub(super) fn command(&self, name: &str) -> Vec<u8> {
        let mut request = Vec::new();
        line(&mut request, &format!("command={name}\n"));
        for (ability, value) in [("agent", agent()), ("object-format", "sha1")] {
            if self.offers(ability) {
                line(&mut request, &format!("{ability}={value}\n"));
            }
        }
        request
    }

    async fn references(&mut self, body: &mut Body<'_>, first: Option<String>) -> Result<(), Fault> {
        let mut next = match first {
            Some(first) => Some(first),
            None => body.line().await?,
        };
        while let Some(text) = next {
            let (text, abilities) = text.split_once('\0').unwrap_or((&text, ""));
            self.abilities.extend(abilities.split_ascii_whitespace().map(str::to_owned));
            if !text.starts_with("shallow ") {
                self.refs.extend(reference(text)?);
            }
            next = body.line().await?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        match self.abilities.iter().find_map(|ability| ability.strip_prefix("object-format=")) {
            None | Some("sha1") => Ok(()),
            Some(_) => {
                Err(Fault::later("the repository uses another object format than SHA-1, which is not supported"))
            }
        }
    }
}

/// Asks for all branches and the `wanted` references, and nothing else (protocol 2, `ls-refs`).
pub(super) async fn ls_refs(
    remote: &Remote,
    advertisement: &Advertisement,
    wanted: &[RefName],
) -> Result<BTreeMap<RefName, Oid>, Fault> {
    let mut request = advertisement.command("ls-refs");
    delimiter(&mut request);
    line(&mut request, "ref-prefix refs/heads/\n");
    for reference in wanted {
        line(&mut request, &format!("ref-prefix {reference}\n"));
    }
    flush(&mut request);
    let mut body = remote.call(Service::UploadPack, request).await?;
    let mut refs = BTreeMap::new();
    while let Some(text) = body.line().await? {
        refs.extend(reference(&text)?);
    }
    body.drain().await?;
    Ok(refs)
}

/// `<oid> <name>[ <attributes>]`; a name that is none of ours to follow gives nothing.
fn reference(text: &str) -> Result<Option<(RefName, Oid)>, Fault> {
    let wrong = || Fault::later("the remote lists a reference without an object id");
    let (oid, name) = text.split_once(' ').ok_or_else(wrong)?;
    let name = name.split(' ').next().unwrap_or_default();
    if oid == "unborn" {
        return Ok(None);
    }
    let oid = Oid::parse(oid).ok().filter(|oid| oid.as_str().len() == 40).ok_or_else(wrong)?;
    let readable = !name.contains('\u{fffd}') && !oid.is_null();
    Ok(RefName::parse(name).ok().filter(|_| readable).map(|name| (name, oid)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_full_names_are_references() {
        let oid = "1".repeat(40);
        for (name, counts) in [
            ("refs/heads/main", true),
            ("refs/heads/main symref-target:refs/heads/x", true),
            ("HEAD", false),
            ("refs/tags/v1^{}", false),
            (".have", false),
            ("refs/heads/\u{fffd}", false),
        ] {
            assert_eq!(reference(&format!("{oid} {name}")).unwrap().is_some(), counts, "{name}");
        }
        assert_eq!(reference(&format!("{} capabilities^{{}}", "0".repeat(40))).unwrap(), None);
        assert_eq!(reference("unborn HEAD symref-target:refs/heads/main").unwrap(), None);
        for bad in ["", "refs/heads/main", "12 refs/heads/main"] {
            assert!(reference(bad).is_err(), "{bad}");
        }
    }
}
