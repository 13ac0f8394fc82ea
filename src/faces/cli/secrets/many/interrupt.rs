//! A signal in the middle of many documents: those that were begun are finished, no other is begun.
//!
//! So no half-written file stays behind, neither sealed nor in the clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a signal to end has come.
#[derive(Clone, Default)]
pub(super) struct Interrupt {
    came: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on. Where that cannot be, a signal ends the program as it always does.
    pub(super) fn watch() -> Self {
        let interrupt = Self::default();
        let came = Arc::clone(&interrupt.came);
        let (ready, listening) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            if runtime.block_on(a_signal(&ready)).is_ok() {
                came.store(true, Ordering::Relaxed);
            }
        });
        // It is told when the listener stands, or gone.
        let _ = listening.recv();
        interrupt
    }

    /// Whether it came.
    pub(super) fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
async fn a_signal(ready: &std::sync::mpsc::Sender<()>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate, mut hangup) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let _ = ready.send(());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn a_signal(ready: &std::sync::mpsc::Sender<()>) -> std::io::Result<()> {
    let _ = ready.send(());
    tokio::signal::ctrl_c().await
}
