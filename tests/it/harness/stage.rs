//! Several plays at the same time: most of a play is waiting, and each has a world of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;

/// A second of GitHub's time goes by: within one the stricter vote is the later one (R20), and what was said when the policy changed was
/// said before.
pub(crate) fn a_second_later() {
    thread::sleep(Duration::from_millis(1_100));
}

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

/// Plays one play per item, `width` at a time; the items that failed, in order.
pub(crate) fn each_at_once<T: Copy + Send + Sync>(items: &[T], width: usize, play: impl AsyncFn(T) + Sync) -> Vec<T> {
    let (next, failed) = (Mutex::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                loop {
                    let index = {
                        let mut next = next.lock().expect("a number");
                        *next += 1;
                        *next - 1
                    };
                    let Some(item) = items.get(index) else { return };
                    let runtime =
                        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
                    let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(*item))));
                    if played.is_err() {
                        failed.lock().expect("a list").push(index);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("a list");
    failed.sort_unstable();
    failed.into_iter().map(|index| items[index]).collect()
}
