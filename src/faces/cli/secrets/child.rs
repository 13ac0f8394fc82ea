//! A program that runs beside this one, which has to clean up after it: waited for through signals, which are passed on.
//!
//! Never leaves while the program is there, unless that does not end on being told to.

use std::process::{Command, ExitStatus};
use std::time::Duration;

/// How long a program may take to end after it was told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// How it ended, and the signal that ended us.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// The number of the signal that this process got, and would have died of.
    pub(super) stopped_by: Option<i32>,
}

/// The exit code a shell would see: that of the program, or 128 and the number of its signal.
#[cfg(unix)]
pub(super) fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// The exit code of the program.
#[cfg(not(unix))]
pub(super) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

/// Starts a program and waits for it.
pub(super) fn wait(command: Command) -> std::io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(waited(command))
}

#[cfg(unix)]
async fn waited(command: Command) -> std::io::Result<Ended> {
    use std::io::IsTerminal as _;

    use tokio::signal::unix::SignalKind;

    // A key on the terminal reaches the program without our help; it must only not end us.
    let on_terminal = std::io::stdin().is_terminal();
    let (told, mut signals) = tokio::sync::mpsc::channel(16);
    let kinds = [
        (SignalKind::hangup(), true),
        (SignalKind::interrupt(), !on_terminal),
        (SignalKind::quit(), !on_terminal),
        (SignalKind::terminate(), true),
        (SignalKind::user_defined1(), true),
        (SignalKind::user_defined2(), true),
    ];
    for (kind, passed_on) in kinds {
        let (mut stream, told) = (tokio::signal::unix::signal(kind)?, told.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if passed_on && told.send(kind.as_raw_value()).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut child = tokio::process::Command::from(command).spawn()?;
    let mut stopped_by = None;
    loop {
        let patience = async {
            match stopped_by {
                Some(_) => tokio::time::sleep(PATIENCE).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return Ok(Ended { status: status?, stopped_by }),
            Some(signal) = signals.recv() => {
                pass_on(&child, signal);
                let is_an_end = ![SignalKind::user_defined1(), SignalKind::user_defined2()]
                    .iter()
                    .any(|kind| kind.as_raw_value() == signal);
                if is_an_end {
                    stopped_by = stopped_by.or(Some(signal));
                }
            }
            () = patience => child.start_kill()?,
        }
    }
}

/// A program that is gone cannot be told anything, and need not be.
#[cfg(unix)]
fn pass_on(child: &tokio::process::Child, signal: i32) {
    let process = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let (Some(process), Some(signal)) = (process, rustix::process::Signal::from_named_raw(signal)) {
        let _ = rustix::process::kill_process(process, signal);
    }
}

#[cfg(not(unix))]
async fn waited(command: Command) -> std::io::Result<Ended> {
    let status = tokio::process::Command::from(command).status().await?;
    Ok(Ended { status, stopped_by: None })
}
