//! The server as it is shipped: this program's own `serve`, as a process that ends with the play.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use github_sim::App;

use super::desk::Machine;
use super::stage::Stop;

/// Lines of the log that are shown when something went wrong.
const TAIL: usize = 30;

/// The running server; killed when dropped.
pub(super) struct Server {
    child: Child,
    /// Where GitHub delivers.
    pub(super) public: String,
    /// Pages for those who run it.
    pub(super) admin: String,
    /// Folder with its database, clones and log.
    pub(super) dir: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes the server's folder, with what it is given.
///
/// # Errors
/// [`Stop`] when it cannot be filled.
pub(super) fn folder(machine: &Machine, files: &[(&str, &str)]) -> Result<PathBuf, Stop> {
    let dir = machine.root.join("server");
    let wrong = |error| Stop::machine("the server's folder cannot be filled", error);
    fs::create_dir(&dir).map_err(wrong)?;
    for (name, text) in files {
        fs::write(dir.join(name), text).map_err(wrong)?;
    }
    Ok(dir)
}

impl Server {
    /// Starts it for an App of the stand-in, in a folder with its files.
    ///
    /// # Errors
    /// [`Stop`] when it does not start.
    pub(super) fn start(machine: &Machine, github: &str, app: &App, dir: PathBuf) -> Result<Self, Stop> {
        let log = File::options().create(true).append(true).open(dir.join("server.log"));
        let log = log.map_err(|error| Stop::machine("the server's log cannot be written", error))?;
        let mut child = machine
            .command("countersign", &dir)
            .args(["serve", "--config", "countersign.toml"])
            .current_dir(&dir)
            .env("NO_COLOR", "1")
            .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_ADMIN_LISTEN", "127.0.0.1:0")
            .env("COUNTERSIGN_GITHUB_API_URL", github)
            .env("COUNTERSIGN_GITHUB_URL", github)
            .env("COUNTERSIGN_APP_ID", app.id.to_string())
            .env("COUNTERSIGN_PRIVATE_KEY_FILE", "app.pem")
            .env("COUNTERSIGN_WEBHOOK_SECRET_FILE", "webhook-secret")
            .env("COUNTERSIGN_SIGNING_KEY_FILE", "ledger.pem")
            .env("COUNTERSIGN_ADOPT", "first-seen")
            .env("COUNTERSIGN_QUIET", "0s")
            .env("COUNTERSIGN_LOG", "countersign=debug,info")
            .env("COUNTERSIGN_LOG_FORMAT", "text")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| Stop::machine("`countersign serve` cannot be run", error))?;
        let out = child.stdout.take();
        let mut server = Self { child, public: String::new(), admin: String::new(), dir };
        let mut lines = out.map(|out: ChildStdout| BufReader::new(out).lines());
        let mut address = |what: &str| {
            let line = lines.as_mut().and_then(Iterator::next).and_then(Result::ok);
            line.as_deref().and_then(|line| line.strip_prefix(what)).map(str::to_owned).ok_or(line)
        };
        let found = address("listening on ").and_then(|public| Ok((public, address("admin on ")?)));
        match found {
            Ok((public, admin)) => (server.public, server.admin) = (public, admin),
            Err(line) => {
                let seen = line.unwrap_or_else(|| "nothing; it ended".to_owned());
                return Err(Stop::unmet(
                    "`countersign serve` says where it listens",
                    format!("{seen}\n{}", server.tail()),
                ));
            }
        }
        Ok(server)
    }

    /// Ends it without warning.
    pub(super) fn kill(&mut self) {
        // killed or gone already: both are the end of it
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Everything it has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("server.log")).unwrap_or_default()
    }

    /// The last lines of the log.
    pub(super) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}
