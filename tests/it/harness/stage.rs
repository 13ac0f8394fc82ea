//! Several plays at the same time: most of a play is waiting, and each has a world of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::thread;

use tokio::runtime::Builder;

type Play = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

/// Plays all, each on a thread and a runtime of its own; fails with the first that fails, after all have ended.
pub(crate) fn at_once(plays: &[Play]) {
    let failed = thread::scope(|scope| {
        let playing: Vec<_> = plays
            .iter()
            .map(|(name, play)| {
                let thread = thread::Builder::new().name((*name).to_owned());
                let body = || {
                    let runtime =
                        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
                    catch_unwind(AssertUnwindSafe(|| runtime.block_on(play())))
                };
                thread.spawn_scoped(scope, body).expect("a thread")
            })
            .collect();
        playing.into_iter().filter_map(|play| play.join().expect("panics are caught").err()).next()
    });
    if let Some(panic) = failed {
        resume_unwind(panic);
    }
}
