//! Reading a body that anybody may have sent: capped in bytes and time, and in how much all requests together may hold.
//!
//! A body over the cap is read to its end without keeping it, as far as that is reasonable, so that the sender hears the answer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

const MIB: usize = 1024 * 1024;

/// GitHub sends at most 25 MiB.
const CAP: usize = 25 * MIB;

/// Up to here a body over the cap is read to its end.
const PATIENCE: usize = 64 * MIB;

/// Time for the whole body. GitHub waits 10 s for our answer.
pub(super) const TIME: Duration = Duration::from_secs(10);

/// MiB all requests together may hold.
const ROOM: usize = 256;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// Over the cap.
    TooLarge,
    /// Not whole in time.
    Slow,
    /// Ended early.
    Broken,
    /// Others fill all the room.
    NoRoom,
}

/// Memory for bodies.
pub(super) struct Room {
    mib: Semaphore,
    time: Duration,
}

/// A body, and the memory it takes until it is dropped.
#[derive(Default)]
pub(super) struct Held<'a> {
    pub(super) bytes: Vec<u8>,
    room: Option<SemaphorePermit<'a>>,
}

impl Room {
    /// Room for bodies that come within some time.
    pub(super) fn new(time: Duration) -> Self {
        Self { mib: Semaphore::new(ROOM), time }
    }

    /// Reads a body.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held<'_>, BodyFault> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let over = announced.is_some_and(|length| length > CAP);
        if over && headers.contains_key(EXPECT) {
            return Err(BodyFault::TooLarge);
        }
        let deadline = Instant::now() + self.time;
        if over {
            discard(body, 0, deadline).await;
            return Err(BodyFault::TooLarge);
        }
        self.whole(body, deadline).await
    }

    /// Takes memory only for what has come: a sender that sends nothing takes none from others.
    async fn whole(&self, mut body: Body, deadline: Instant) -> Result<Held<'_>, BodyFault> {
        let mut held = Held::default();
        while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(|_| BodyFault::Slow)? {
            let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
            let length = held.bytes.len() + data.len();
            if length > CAP {
                drop(held);
                discard(body, length, deadline).await;
                return Err(BodyFault::TooLarge);
            }
            self.grow(&mut held, length, deadline).await?;
            held.bytes.extend_from_slice(&data);
        }
        Ok(held)
    }

    async fn grow<'a>(&'a self, held: &mut Held<'a>, length: usize, deadline: Instant) -> Result<(), BodyFault> {
        let has = held.room.as_ref().map_or(0, SemaphorePermit::num_permits);
        let lacks = u32::try_from(length.div_ceil(MIB).saturating_sub(has)).unwrap_or(u32::MAX);
        if lacks == 0 {
            return Ok(());
        }
        let more = timeout_at(deadline, self.mib.acquire_many(lacks)).await;
        let more = more.ok().and_then(Result::ok).ok_or(BodyFault::NoRoom)?;
        match &mut held.room {
            Some(room) => room.merge(more),
            None => held.room = Some(more),
        }
        Ok(())
    }
}

/// Reads on without keeping anything.
async fn discard(mut body: Body, mut read: usize, deadline: Instant) {
    while read <= PATIENCE {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => read += frame.data_ref().map_or(0, Bytes::len),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::convert::Infallible;

    use futures::future::join_all;
    use futures::stream;

    use super::*;

    fn never() -> Body {
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
    }

    async fn fault(room: &Room, body: Body) -> Option<BodyFault> {
        room.read(&HeaderMap::new(), body).await.err()
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let room = Room::new(Duration::from_millis(20));
        assert_eq!(fault(&room, never()).await, Some(BodyFault::Slow));
        let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        assert_eq!(fault(&room, broken).await, Some(BodyFault::Broken));
        assert_eq!(fault(&room, Body::from("x")).await, None);
    }

    #[tokio::test]
    async fn all_bodies_together_take_no_more_than_the_room() {
        let room = Room::new(Duration::from_millis(20));
        let idle = join_all((0..1_000).map(|_| fault(&room, never()))).await;
        assert!(idle.iter().all(|fault| *fault == Some(BodyFault::Slow)), "who sends nothing takes nothing");
        let others = room.mib.acquire_many(255).await.unwrap();
        assert_eq!(fault(&room, Body::from(vec![0; MIB])).await, None);
        assert_eq!(fault(&room, Body::from(vec![0; MIB + 1])).await, Some(BodyFault::NoRoom));
        drop(others);
        let held = room.read(&HeaderMap::new(), Body::from(vec![0; 3 * MIB + 1])).await.ok().unwrap();
        assert_eq!((held.bytes.len(), room.mib.available_permits()), (3 * MIB + 1, 252));
        drop(held);
        assert_eq!(room.mib.available_permits(), 256);
    }
}
