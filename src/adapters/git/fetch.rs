//! Fetching: list what the remote has now, ask for the objects we lack, take them into the clone.
//!
//! One round: everything we have recently seen is named as had and the request is closed at once; what the remote does not know
//! of it costs bytes, never correctness. Never shallow, never partial.

use std::collections::BTreeMap;

use countersign_core::domain::{Oid, RefName};
use tokio::sync::mpsc;

use super::advert::{Advertisement, ls_refs};
use super::clone::{BareClone, Lacking, Part};
use super::http::{Body, Fault, Remote, Service, agent};
use super::pktline::{Packet, delimiter, flush, line};
use super::pool::blocking;
use crate::engine::ports::RepoError;

/// Parts of a pack on their way to the disk; more would only fill memory.
const IN_FLIGHT: usize = 16;

/// Lists, fetches what is missing, stores; the references as they were listed.
pub(super) async fn fetch(
    remote: &mut Remote,
    clone: &BareClone,
    wanted: &[RefName],
    pack_limit: u64,
) -> Result<BTreeMap<RefName, Oid>, RepoError> {
    let advertisement = Advertisement::read(remote.advertisement(Service::UploadPack).await?).await?;
    let version2 = advertisement.version2;
    let mut refs = match version2 {
        true => ls_refs(remote, &advertisement, wanted).await?,
        false => advertisement.refs.clone(),
    };
    refs.retain(|name, _| name.branch_name().is_some() || wanted.contains(name));

    let tips: Vec<Oid> = refs.values().cloned().collect();
    let lacking = {
        let clone = clone.clone();
        blocking(move || clone.lacking(&tips)).await?
    };
    if !lacking.wants.is_empty() {
        if !version2 && !advertisement.offers("side-band-64k") {
            return Err(RepoError::Later("the remote speaks a Git protocol that is too old".to_owned()));
        }
        let request = if version2 { request_v2(&advertisement, &lacking) } else { request_v0(&lacking) };
        let body = remote.call(Service::UploadPack, request).await?.limited(pack_limit);
        receive(remote, PackStream { body, version2, started: false }, clone, lacking).await?;
    }
    let (clone, listed, wanted) = (clone.clone(), refs.clone(), wanted.to_vec());
    blocking(move || clone.store(&listed, &wanted)).await?;
    Ok(refs)
}

fn request_v2(advertisement: &Advertisement, lacking: &Lacking) -> Vec<u8> {
    let mut request = advertisement.command("fetch");
    delimiter(&mut request);
    line(&mut request, "no-progress\n");
    line(&mut request, "ofs-delta\n");
    for want in &lacking.wants {
        line(&mut request, &format!("want {want}\n"));
    }
    for have in &lacking.haves {
        line(&mut request, &format!("have {have}\n"));
    }
    line(&mut request, "done\n");
    flush(&mut request);
    request
}

fn request_v0(lacking: &Lacking) -> Vec<u8> {
    let mut request = Vec::new();
    let mut abilities = format!(" side-band-64k ofs-delta no-progress agent={}", agent());
    for want in &lacking.wants {
        line(&mut request, &format!("want {want}{abilities}\n"));
        abilities.clear();
    }
    flush(&mut request);
    for have in &lacking.haves {
        line(&mut request, &format!("have {have}\n"));
    }
    line(&mut request, "done\n");
    request
}

/// Moves the pack from the network to the indexer, which runs in a thread of its own.
async fn receive(
    remote: &Remote,
    mut pack: PackStream<'_>,
    clone: &BareClone,
    lacking: Lacking,
) -> Result<(), RepoError> {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let clone = clone.clone();
    let indexing = tokio::spawn(blocking(move || clone.take_in(receiver, &lacking.wants)));
    let sending = async {
        while let Some(bytes) = pack.next(remote).await? {
            if sender.send(Part::Bytes(bytes)).await.is_err() {
                return Ok(());
            }
        }
        // A closed channel without this mark means that the transfer broke: the indexer then keeps nothing.
        let _ = sender.send(Part::End).await;
        Ok::<_, Fault>(())
    };
    let sent = sending.await;
    drop(sender);
    let indexed = indexing.await.unwrap_or_else(|_| Err(RepoError::Later("indexing the pack failed".to_owned())));
    sent?;
    indexed
}

/// The pack inside the answer.
struct PackStream<'a> {
    body: Body<'a>,
    version2: bool,
    started: bool,
}

impl PackStream<'_> {
    /// More bytes of the pack; `None` at its end.
    async fn next(&mut self, remote: &Remote) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            let packet = self.body.next().await?.ok_or_else(|| Fault::later("the remote's pack is cut off"))?;
            let Packet::Line(mut bytes) = packet else {
                if self.started {
                    return Ok(None);
                }
                continue;
            };
            let channel = bytes.first().copied().unwrap_or_default();
            if !self.started && !(1..=3).contains(&channel) {
                let text = String::from_utf8_lossy(&bytes);
                if let Some(error) = text.strip_prefix("ERR ") {
                    return Err(Fault::Later(format!("the remote says: {}", remote.words(error))));
                }
                self.started = self.version2 && text.trim_end() == "packfile";
                continue;
            }
            self.started = true;
            match channel {
                1 if bytes.len() > 1 => return Ok(Some(bytes.split_off(1))),
                1 | 2 => {}
                _ => {
                    let text = remote.words(&String::from_utf8_lossy(bytes.get(1..).unwrap_or_default()));
                    return Err(Fault::Later(format!("the remote gave up while sending: {text}")));
                }
            }
        }
    }
}
