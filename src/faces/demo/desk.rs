//! A person at a machine: a home of their own, git as it is, countersign as it is, nothing of the user's settings.
//!
//! Programs run with a cleared environment: no proxy, no global or system configuration of git, no key of the user is seen.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use github_sim::User;

use super::stage::{Stage, Stop};

/// What every person on this machine shares.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// Folder of the play; homes are below it, named after their people.
    pub(super) root: PathBuf,
    /// This program.
    pub(super) countersign: PathBuf,
    path: OsString,
}

impl Machine {
    /// Looks for the programs that are needed.
    ///
    /// # Errors
    /// [`Stop::Machine`] when git or this program cannot be run.
    pub(super) fn new(root: &Path) -> Result<Self, Stop> {
        let countersign =
            std::env::current_exe().map_err(|error| Stop::machine("this program does not know where it is", error))?;
        let root = root.canonicalize().map_err(|error| Stop::machine("the folder of the demo is gone", error))?;
        let machine = Self { root, countersign, path: std::env::var_os("PATH").unwrap_or_default() };
        let no_git = |why: String| Stop::Machine {
            what: format!("the git program cannot be run: {why}"),
            help: "install git, with its `git http-backend` (some systems have that in a package of its own, such as \
                   git-daemon), and look that it is on PATH"
                .to_owned(),
        };
        let home = machine.root.clone();
        let asked =
            machine.command("git", &home).arg("--exec-path").output().map_err(|error| no_git(error.to_string()))?;
        let folder = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        if !Path::new(&folder).join("git-http-backend").exists() {
            return Err(no_git(format!("there is no `git-http-backend` in `{folder}`")));
        }
        Ok(machine)
    }

    /// A command with an environment of the play's own.
    pub(super) fn command(&self, program: &str, home: &Path) -> Command {
        let mut command =
            if program == "countersign" { Command::new(&self.countersign) } else { Command::new(program) };
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("TMPDIR", &self.root)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }
}

/// What a program did.
#[derive(Debug)]
pub(super) struct Ran {
    code: Option<i32>,
    /// Standard output.
    pub(super) out: String,
    /// Standard error.
    pub(super) err: String,
}

/// A person with a home.
pub(super) struct Desk {
    machine: Machine,
    /// Who.
    pub(super) user: User,
    home: PathBuf,
    dir: PathBuf,
}

/// How much of what a program says is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// This many lines of standard output, dim.
    Lines(usize),
    /// Lines of standard error that say which reference moved where, dim.
    Moves,
    /// All of both, in the program's own words and colours.
    All,
}

impl Desk {
    /// Gives a person a home: who they are to git, the token of the stand-in, perhaps an age identity.
    ///
    /// # Errors
    /// [`Stop::Machine`] when the files cannot be written.
    pub(super) fn new(machine: &Machine, user: &User, github: &str, identity: Option<&str>) -> Result<Self, Stop> {
        let home = machine.root.join(&user.login);
        let wrong = |error| Stop::machine("a home cannot be made", error);
        fs::create_dir(&home).map_err(wrong)?;
        let login = &user.login;
        let config = format!(
            "[user]\n\tname = {login}\n\temail = {}\n[credential]\n\thelper = store\n[init]\n\tdefaultBranch = main\n\
             [push]\n\tautoSetupRemote = true\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[color]\n\tui = never\n\
             [advice]\n\tdetachedHead = false\n",
            user.email
        );
        let address = github.replacen("://", &format!("://{login}:{}@", user.token), 1);
        private(&home.join(".gitconfig"), &config).map_err(wrong)?;
        private(&home.join(".git-credentials"), &format!("{address}\n")).map_err(wrong)?;
        if let Some(identity) = identity {
            let folder = home.join(".config/sops/age");
            fs::create_dir_all(&folder).map_err(wrong)?;
            private(&folder.join("keys.txt"), identity).map_err(wrong)?;
        }
        Ok(Self { machine: machine.clone(), user: user.clone(), dir: home.clone(), home })
    }

    /// Login.
    pub(super) fn name(&self) -> &str {
        &self.user.login
    }

    /// Goes to a folder below the home.
    pub(super) fn enter(&mut self, folder: &str) {
        self.dir = self.home.join(folder);
    }

    /// A path in the folder the person is in.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file in the folder the person is in.
    ///
    /// # Errors
    /// [`Stop::Machine`] when it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Stop> {
        let path = self.path(name);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| private(&path, text));
        written.map_err(|error| Stop::machine(format!("`{name}` cannot be written"), error))
    }

    /// Reads a file in the folder the person is in.
    ///
    /// # Errors
    /// [`Stop::Machine`] when it cannot be read.
    pub(super) fn read(&self, name: &str) -> Result<String, Stop> {
        fs::read_to_string(self.path(name)).map_err(|error| Stop::machine(format!("`{name}` cannot be read"), error))
    }

    /// Runs a command on stage.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when it fails.
    pub(super) fn types(&self, stage: &mut Stage, words: &[&str], shown: Shown) -> Result<Ran, Stop> {
        self.types_for(stage, words, shown, 0)
    }

    /// Runs a command on stage that is to end with a certain code.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when it ends otherwise.
    pub(super) fn types_for(&self, stage: &mut Stage, words: &[&str], shown: Shown, code: i32) -> Result<Ran, Stop> {
        stage.typed(self.name(), &spelt(words));
        let ran = self.run(words, None, shown == Shown::All)?;
        self.finish(stage, words, ran, (shown, code))
    }

    /// Runs a command on stage whose standard input is a file of the home, `~/name`: the way to hand over a secret.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when it fails.
    pub(super) fn feeds(&self, stage: &mut Stage, words: &[&str], (name, secret): (&str, &str)) -> Result<Ran, Stop> {
        private(&self.home.join(name), secret)
            .map_err(|error| Stop::machine(format!("`~/{name}` cannot be written"), error))?;
        stage.typed(self.name(), &format!("{} < ~/{name}", spelt(words)));
        let ran = self.run(words, Some(secret.as_bytes()), false)?;
        self.finish(stage, words, ran, (Shown::All, 0))
    }

    /// Runs a command nobody needs to see; its standard output.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when it fails.
    pub(super) fn quietly(&self, stage: &Stage, words: &[&str], input: &[u8]) -> Result<String, Stop> {
        let ran = self.run(words, Some(input), false)?;
        expect(stage, words, ran, 0).map(|ran| ran.out)
    }

    fn finish(&self, stage: &mut Stage, words: &[&str], ran: Ran, (shown, code): (Shown, i32)) -> Result<Ran, Stop> {
        match shown {
            Shown::Nothing => {}
            Shown::Lines(most) => stage.said(&ran.out, most),
            Shown::Moves => {
                let moves: Vec<&str> = ran.err.lines().map(str::trim).filter(|line| line.contains(" -> ")).collect();
                stage.said(&moves.join("\n"), 3);
            }
            Shown::All => {
                stage.told(&ran.out);
                stage.told(&ran.err);
            }
        }
        expect(stage, words, ran, code)
    }

    fn run(&self, words: &[&str], input: Option<&[u8]>, coloured: bool) -> Result<Ran, Stop> {
        let [program, arguments @ ..] = words else { return Err(Stop::unmet("a command", "none")) };
        let mut command = self.machine.command(program, &self.home);
        if coloured {
            command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm");
        }
        let failed = |error| Stop::machine(format!("`{program}` cannot be run"), error);
        let mut child = command
            .args(arguments)
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let (Some(mut stdin), Some(bytes)) = (child.stdin.take(), input) {
            // a program that ends without reading says why itself
            let _unread = stdin.write_all(bytes);
        }
        let output = child.wait_with_output().map_err(failed)?;
        Ok(Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

fn expect(stage: &Stage, words: &[&str], ran: Ran, code: i32) -> Result<Ran, Stop> {
    // an interrupt at the keyboard ends the programs too; theirs is not the failure
    stage.go_on()?;
    if ran.code == Some(code) {
        return Ok(ran);
    }
    let ended = ran.code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with {code}"));
    let said = format!("it {ended}\n{}{}", ran.out, ran.err);
    let said = anstream::adapter::strip_str(said.trim_end()).to_string();
    Err(Stop::unmet(format!("`{}` ends with {code}", spelt(words)), said))
}

/// A command as typed: words with blanks in quotes.
fn spelt(words: &[&str]) -> String {
    let quoted = |word: &&str| if word.contains([' ', '*']) { format!("'{word}'") } else { (*word).to_owned() };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Writes a file only its owner reads.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
