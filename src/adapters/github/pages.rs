//! Lists of GitHub, page by page.
//!
//! The next page is the one GitHub names, by path and on our own host only. A list is read to its end or is an error: it is never
//! cut silently.

use http::header;
use serde::de::DeserializeOwned;

use super::address::next_link;
use super::client::{Call, Client, Reply};
use super::fault::Fault;

/// Pages read of one list.
const PAGES: u32 = 200;

impl Client {
    /// Begins a list.
    pub(super) fn pages(&self, call: Call) -> Pages<'_> {
        Pages { client: self, next: Some(call), read: 0 }
    }
}

/// A list, page by page.
pub(super) struct Pages<'a> {
    client: &'a Client,
    next: Option<Call>,
    read: u32,
}

impl Pages<'_> {
    /// The next page; `None` after the last one.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fault> {
        Ok(match self.next_reply().await? {
            Some(reply) => Some(reply.json()?),
            None => None,
        })
    }

    /// The next page as it came.
    pub(super) async fn next_reply(&mut self) -> Result<Option<Reply>, Fault> {
        let Some(call) = self.next.take() else { return Ok(None) };
        let reply = self.client.send(&call).await?;
        self.read += 1;
        if let Some(target) = reply.raw.header(header::LINK.as_str()).and_then(next_link) {
            let path = self.client.address.own_path(target).ok_or_else(|| {
                Fault::garbled(call.operation, "the next page is on another host, which is not followed")
            })?;
            if path == call.path || self.read >= PAGES {
                return Err(Fault::garbled(call.operation, "the list does not end"));
            }
            self.next = Some(Call { path, ..call });
        }
        Ok(Some(reply))
    }

    /// All pages of a plain list.
    pub(super) async fn all<T: DeserializeOwned>(mut self) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        while let Some(page) = self.next::<Vec<T>>().await? {
            items.extend(page);
        }
        Ok(items)
    }
}
