//! The server as a process: killed, stopped, started again; and the time a crash costs, skipped.

use std::process::Command;
use std::time::{Duration, Instant};

use super::World;
use super::http::wait;

impl World {
    /// SIGTERM; waits for the end and gives its code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        let sent = Command::new("kill").arg("-TERM").arg(server.child.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
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
        let mut mark = None;
        self.until("the server has nothing to do", |world| {
            let (before, now) = (mark.replace(world.sim.mark()), world.sim.mark());
            wait(world.sim.settle());
            before == Some(now) && wait(world.store.busy(world)) == 0
        });
    }

    /// Forgets the database, as after the loss of a disk. The server must not run.
    pub(crate) fn lose_the_database(&self) {
        assert!(self.server.is_none(), "the server must not run");
        wait(self.store.lose(self));
    }

    /// Where deliveries are taken.
    pub(crate) fn public(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.public.as_str())
    }
}
