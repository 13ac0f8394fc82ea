//! Where blocking work runs: a bounded number of threads.
//!
//! A deadline frees the caller, not the thread: a thread cannot be interrupted, so it keeps its place until it is done.

use std::sync::LazyLock;

use tokio::sync::Semaphore;

use crate::engine::ports::RepoError;

/// Threads that may be inside libgit2 at once, transfers not counted twice.
const THREADS: usize = 16;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(THREADS));

/// Runs blocking work in a thread once one is free.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RepoError> + Send + 'static,
) -> Result<T, RepoError> {
    let place = PLACES.acquire().await.map_err(|_| RepoError::Later("the server is stopping".to_owned()))?;
    let done = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    done.await.unwrap_or_else(|_| Err(RepoError::Later("Git work was given up".to_owned())))
}
