//! Pushing one branch by compare-and-swap: the remote moves it only if it still is what we say it was.
//!
//! A refusal is never taken for success and a broken connection never for either: then the reference is read again. Nothing is
//! forced, deleted or repeated here.

use countersign_core::domain::{Oid, RefName};

use super::advert::Advertisement;
use super::build;
use super::clone::BareClone;
use super::http::{Body, Fault, Remote, Service, agent};
use super::pktline::{Frames, Packet, flush, line};
use super::pool::blocking;
use crate::engine::ports::RepoError;

/// Git's name for "no object".
const NOTHING: &str = "0000000000000000000000000000000000000000";

/// Reasons that mean: the reference is not what you said.
const LOST: &[&str] = &[
    "cannot lock ref",
    "failed to lock",
    "failed to update ref",
    "fetch first",
    "stale info",
    "already exists",
    "incorrect old value",
];

/// What is to be moved.
#[derive(Debug)]
pub(super) struct Move<'a> {
    /// The reference.
    pub(super) reference: &'a RefName,
    /// What it must be now; `None`: absent.
    pub(super) old: Option<&'a Oid>,
    /// What it shall be.
    pub(super) new: &'a Oid,
}

/// What the remote reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    /// `unpack` line; `None`: there was none.
    unpacked: Option<String>,
    /// `ok`, or the reason of `ng`, for our reference.
    status: Option<Result<(), String>>,
    /// What it printed for people.
    words: String,
}

/// Moves the reference.
pub(super) async fn push(remote: &mut Remote, clone: &BareClone, wish: &Move<'_>) -> Result<(), RepoError> {
    let lost = || RepoError::LeaseLost(wish.reference.clone());
    let advertised = advertisement(remote).await.map_err(|fault| wish.refused(fault))?;
    if advertised.refs.get(wish.reference) != wish.old {
        return Err(lost());
    }
    if wish.old == Some(wish.new) {
        return Ok(());
    }
    if !advertised.offers("report-status") {
        return Err(RepoError::Later("the remote does not report what became of a push".to_owned()));
    }
    let side_band = advertised.offers("side-band-64k");
    let request = wish.request(clone, &advertised, side_band).await?;
    let report = match remote.call(Service::ReceivePack, request).await {
        Ok(body) => Report::read(remote, body, side_band, wish.reference).await,
        Err(fault) => Err(fault),
    };
    match report {
        Ok(report) => match wish.judge(report) {
            Some(outcome) => outcome,
            None => settle(remote, wish, "the remote did not say what became of the push").await,
        },
        Err(Fault::Later(message)) => settle(remote, wish, &message).await,
        Err(fault @ (Fault::NotThere(_) | Fault::Forbidden(_))) => Err(wish.refused(fault)),
    }
}

async fn advertisement(remote: &mut Remote) -> Result<Advertisement, Fault> {
    Advertisement::read(remote.advertisement(Service::ReceivePack).await?).await
}

/// After an answer that leaves the outcome open: what is the reference now?
async fn settle(remote: &mut Remote, wish: &Move<'_>, why: &str) -> Result<(), RepoError> {
    let Ok(advertised) = advertisement(remote).await else { return Err(RepoError::Later(why.to_owned())) };
    match advertised.refs.get(wish.reference) {
        Some(now) if now == wish.new => Ok(()),
        now if now == wish.old => Err(RepoError::Later(why.to_owned())),
        Some(_) | None => Err(RepoError::LeaseLost(wish.reference.clone())),
    }
}

impl Move<'_> {
    async fn request(&self, clone: &BareClone, there: &Advertisement, side_band: bool) -> Result<Vec<u8>, RepoError> {
        let mut known: Vec<Oid> = self.old.into_iter().cloned().collect();
        known.extend(there.refs.values().cloned());
        let (clone, new) = (clone.clone(), self.new.clone());
        let pack = blocking(move || build::pack(&clone.open()?, &new, &known)).await?;
        let old = self.old.map_or(NOTHING, Oid::as_str);
        let mut abilities = "report-status".to_owned();
        for ability in ["side-band-64k", "object-format=sha1"] {
            if there.offers(ability.split('=').next().unwrap_or(ability)) && (ability != "side-band-64k" || side_band) {
                abilities = format!("{abilities} {ability}");
            }
        }
        let mut request = Vec::new();
        line(&mut request, &format!("{old} {} {}\0 {abilities} agent={}\n", self.new, self.reference, agent()));
        flush(&mut request);
        request.extend_from_slice(&pack);
        Ok(request)
    }

    /// What the report means; `None` when it leaves the outcome open.
    fn judge(&self, report: Report) -> Option<Result<(), RepoError>> {
        match (report.status, report.unpacked.as_deref()) {
            (Some(Ok(())), Some("ok")) => Some(Ok(())),
            (Some(Err(reason)), Some("ok")) if LOST.iter().any(|words| reason.to_lowercase().contains(words)) => {
                Some(Err(RepoError::LeaseLost(self.reference.clone())))
            }
            (Some(Err(reason)), Some("ok")) => {
                let message = if report.words.is_empty() { reason } else { format!("{reason}\n{}", report.words) };
                Some(Err(RepoError::Refused { reference: self.reference.clone(), message }))
            }
            (_, Some("ok") | None) => None,
            (_, Some(why)) => Some(Err(RepoError::Later(format!("the remote could not take the pack: {why}")))),
        }
    }

    fn refused(&self, fault: Fault) -> RepoError {
        match fault {
            Fault::Forbidden(message) => RepoError::Refused { reference: self.reference.clone(), message },
            other @ (Fault::NotThere(_) | Fault::Later(_)) => other.into(),
        }
    }
}

impl Report {
    async fn read(remote: &Remote, mut body: Body<'_>, side_band: bool, reference: &RefName) -> Result<Self, Fault> {
        let mut report = Self::default();
        let mut inner = Frames::default();
        let mut words = Vec::new();
        while let Some(packet) = body.next().await? {
            if !side_band {
                report.take(remote, &packet, reference);
                continue;
            }
            let Packet::Line(bytes) = packet else { continue };
            let (channel, bytes) = bytes.split_first().ok_or_else(|| Fault::later("the remote's report is empty"))?;
            match channel {
                1 => inner.push(bytes),
                2 | 3 => words.extend_from_slice(bytes),
                _ => return Err(Fault::later("the remote's report makes no sense")),
            }
        }
        while let Ok(Some(packet)) = inner.next() {
            report.take(remote, &packet, reference);
        }
        report.words = remote.words(&String::from_utf8_lossy(&words));
        Ok(report)
    }

    fn take(&mut self, remote: &Remote, packet: &Packet, reference: &RefName) {
        let Some(text) = packet.text() else { return };
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let (name, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "unpack" => self.unpacked = Some(remote.words(rest)),
            "ok" if name == reference.as_str() => self.status = Some(Ok(())),
            "ng" if name == reference.as_str() => self.status = Some(Err(remote.words(reason))),
            _ => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_an_unpacked_and_accepted_push_is_a_success() {
        let (reference, new) = (RefName::branch("main").unwrap(), Oid::parse(&"1".repeat(40)).unwrap());
        let wish = Move { reference: &reference, old: None, new: &new };
        let judge = |unpacked: Option<&str>, status: Option<Result<(), &str>>| {
            let status = status.map(|status| status.map_err(str::to_owned));
            wish.judge(Report { unpacked: unpacked.map(str::to_owned), status, words: "GH013: no".to_owned() })
        };
        assert_eq!(judge(Some("ok"), Some(Ok(()))), Some(Ok(())));
        assert_eq!(judge(None, Some(Ok(()))), None);
        assert_eq!(judge(Some("ok"), None), None);
        assert_eq!(judge(None, None), None);
        assert!(matches!(judge(Some("index-pack failed"), Some(Ok(()))), Some(Err(RepoError::Later(_)))));
        for reason in
            ["stale info", "cannot lock ref 'refs/heads/main': is at 2 but expected 1", "failed to update ref"]
        {
            assert_eq!(
                judge(Some("ok"), Some(Err(reason))),
                Some(Err(RepoError::LeaseLost(reference.clone()))),
                "{reason}"
            );
        }
        let refused = judge(Some("ok"), Some(Err("protected branch hook declined"))).unwrap().unwrap_err();
        let message = "protected branch hook declined\nGH013: no".to_owned();
        assert_eq!(refused, RepoError::Refused { reference: reference.clone(), message });
    }
}
