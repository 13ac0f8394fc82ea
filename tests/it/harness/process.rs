//! The server as a process: killed, stopped, started again; and the time a crash costs, skipped.

use std::process::Command;
use std::time::{Duration, Instant};

use countersign_core::domain::Span;

use super::World;
use super::http::wait;
use super::world::PATIENCE;

impl World {
    /// SIGTERM; waits for the end and gives its code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        let sent = Command::new("kill").arg("-TERM").arg(server.child.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = server.child.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not stop:\n{}", self.log());
    }

    /// Waits until every delivery has arrived and the server has nothing to do; not for worlds that sweep every second.
    #[track_caller]
    pub(crate) fn until_quiet(&self) {
        self.until("the server has nothing to do", Self::is_quiet);
    }

    /// The same, of a server that may crash on the way.
    #[track_caller]
    pub(crate) fn until_quiet_again(&mut self) {
        // one that died with the last thing it did has nothing to do either
        self.until_revived("the server has nothing to do", |world| world.is_quiet() && world.is_alive());
    }

    /// The next starts of the server crash at these points, one each.
    pub(crate) fn crash_at<T: ToString>(&mut self, points: &[T]) {
        self.crashes.extend(points.iter().map(ToString::to_string));
    }

    /// How often the server has crashed by itself.
    pub(crate) fn deaths(&self) -> usize {
        self.deaths
    }

    /// Waits until something holds, and starts the server again whenever it has crashed.
    #[track_caller]
    pub(crate) fn until_revived(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.revive();
            if holds(self) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server again if it has crashed.
    fn revive(&mut self) -> bool {
        let ended = self.server.as_mut().and_then(|server| server.child.try_wait().expect("a child"));
        let Some(status) = ended else { return false };
        assert!(status.code().is_none(), "the server ended by itself: {status}\n{}", self.log());
        self.deaths += 1;
        self.server = None;
        self.start();
        true
    }

    /// Forgets the database, as after the loss of a disk. The server must not run.
    pub(crate) fn lose_the_database(&self) {
        assert!(self.server.is_none(), "the server must not run");
        wait(self.store.lose(self));
    }

    /// Time goes on for a server that does not run: as it remembers it, everything was that much earlier.
    pub(crate) fn let_pass(&self, span: Span) {
        assert!(self.server.is_none(), "the server must not run");
        wait(self.store.age(self, span));
    }

    /// Where deliveries are taken.
    pub(crate) fn public(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.public.as_str())
    }
}

impl World {
    /// Whether every delivery has arrived and nothing is left to do. Whatever was told before the first look has arrived when the
    /// store is asked; if nothing was asked or told until the second look, nothing is on its way either.
    fn is_quiet(&self) -> bool {
        let moment = || (self.sim.mark(), self.sim.told());
        let before = moment();
        self.until_delivered();
        wait(self.store.busy(self)) == 0 && moment() == before
    }

    /// Waits until the server has every delivery, wherever they go now.
    pub(crate) fn until_delivered(&self) {
        wait(self.sim.settle());
    }
}
