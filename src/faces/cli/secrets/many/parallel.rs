//! Work on many things at once, with the outcomes handed over in the order of the things.
//!
//! Never gives up: what a worker comes to is an outcome, whatever it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Workers for each core: most of their time they wait until the disk has what they wrote, and it takes many writes at once.
const PER_CORE: usize = 8;
/// More of them gain nothing.
const MOST: usize = 32;

/// Does `work` for every number below `count`; `take` gets the outcomes, in order, on this thread.
pub(in crate::faces::cli::secrets) fn in_order<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T),
) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = (cores * PER_CORE).min(MOST).min(count);
    if workers <= 1 {
        (0..count).for_each(|at| take(work(at)));
        return;
    }
    let (next, (outcome, outcomes)) = (AtomicUsize::new(0), mpsc::channel());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (outcome, next, work) = (outcome.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || outcome.send((at, work(at))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(outcome);
        let (mut early, mut wanted) = (BTreeMap::new(), 0);
        for (at, outcome) in outcomes {
            early.insert(at, outcome);
            while let Some(outcome) = early.remove(&wanted) {
                take(outcome);
                wanted += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn outcomes_come_in_order_and_all_of_them() {
        for count in [0, 1, 2, 257] {
            let mut seen = Vec::new();
            let slow_first = |at: usize| {
                if at == 0 {
                    std::thread::yield_now();
                }
                at
            };
            in_order(count, slow_first, |at| seen.push(at));
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }
}
