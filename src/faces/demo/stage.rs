//! The stage: headings, commands as typed, what they said, and every expectation with the time it took to come true.
//!
//! On a terminal one line changes in place while something is waited for; elsewhere there is one line per step. A reader that
//! stops reading stops the play.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::text::{BAD, BOLD, CODE, DIM, GOOD, Line, PLAIN};

/// How long something may take before it counts as not happening: longer than any busy machine takes.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// A shorter time is not worth telling.
const NOTHING: Duration = Duration::from_millis(5);
/// Between the margin and what a program said.
const INDENT: usize = 4;
/// Widest page, and the page where no terminal says how wide it is.
const WIDEST: usize = 100;

/// Why the play ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody interrupted it, or nobody reads it any more.
    Interrupted,
    /// Something came out otherwise than expected.
    Unmet {
        /// What was expected.
        expected: String,
        /// What there was instead.
        seen: String,
    },
    /// This machine lacks something.
    Machine {
        /// What is wrong.
        what: String,
        /// The next action.
        help: String,
    },
}

impl Stop {
    /// An expectation that was not met.
    pub(super) fn unmet(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Unmet { expected: expected.into(), seen: seen.into() }
    }

    /// A step that is not part of the play could not be done.
    pub(super) fn machine(what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        let help = "look at what the line above names: the demo needs git, loopback and a folder for temporary files";
        Self::Machine { what: format!("{}: {error}", what.into()), help: help.to_owned() }
    }
}

/// Set once the play is to end. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub(super) struct Curtain(Arc<AtomicBool>);

impl Curtain {
    /// The play ends as soon as it can.
    pub(super) fn fall(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it ends.
    pub(super) fn has_fallen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One act, for the summary.
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) took: Duration,
}

/// Where the play is shown.
pub(super) struct Stage {
    width: usize,
    live: bool,
    curtain: Curtain,
    begun: Instant,
    act_begun: Instant,
    acts: Vec<Act>,
    held: usize,
    /// The last line is empty.
    blank: bool,
}

impl Stage {
    /// Standard output, as wide as it is.
    pub(super) fn new(curtain: Curtain) -> Self {
        let live = io::stdout().is_terminal();
        let columns = terminal_size::terminal_size().filter(|_| live).map(|(columns, _)| usize::from(columns.0));
        let now = Instant::now();
        Self {
            width: columns.unwrap_or(WIDEST).clamp(60, WIDEST),
            live,
            curtain,
            begun: now,
            act_begun: now,
            acts: Vec::new(),
            held: 0,
            blank: true,
        }
    }

    /// Number of expectations that held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The acts that were played.
    pub(super) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Width for what is shown inside a block.
    pub(super) fn inner(&self) -> usize {
        self.width - INDENT - 2
    }

    /// Begins an act: its number, title and what it is about.
    pub(super) fn act(&mut self, title: &'static str, words: &str) {
        self.end_act();
        self.acts.push(Act { title, took: Duration::ZERO });
        let heading = Line::of(BOLD, &format!("{} · {title} ", self.acts.len()));
        let rule = "─".repeat(self.width.saturating_sub(heading.width()));
        self.gap();
        self.line(&heading.and(DIM, &rule));
        self.say(words);
    }

    /// Ends the act that is on.
    pub(super) fn end_act(&mut self) {
        if let Some(act) = self.acts.last_mut() {
            act.took = self.act_begun.elapsed();
        }
        self.act_begun = Instant::now();
    }

    /// A paragraph of the narrator.
    pub(super) fn say(&mut self, words: &str) {
        self.gap();
        for line in super::markdown::inline(words).wrapped(self.width - 2) {
            self.line(&Line::of(PLAIN, "  ").join(line));
        }
        self.gap();
    }

    /// An empty line, unless the last one is.
    pub(super) fn gap(&mut self) {
        if !self.blank {
            self.print("\n");
            self.blank = true;
        }
    }

    /// A command as its person types it; a long one goes on in the next line.
    pub(super) fn typed(&mut self, who: &str, command: &str) {
        let prompt = Line::of(PLAIN, "  ").and(BOLD, who).and(DIM, " $ ");
        let mut lines =
            Line::of(CODE, command).wrapped(self.width.saturating_sub(prompt.width() + 2)).into_iter().peekable();
        let mut start = prompt;
        while let Some(line) = lines.next() {
            let more = if lines.peek().is_some() { " \\" } else { "" };
            self.line(&start.join(line).and(DIM, more));
            start = Line::of(PLAIN, &" ".repeat(INDENT + 2));
        }
    }

    /// Something a person does on a page of GitHub.
    pub(super) fn does(&mut self, who: &str, what: &str) {
        let words = Line::of(BOLD, who).and(PLAIN, " ").join(super::markdown::inline(what));
        for (number, line) in words.wrapped(self.width - INDENT).into_iter().enumerate() {
            let margin = if number == 0 { "  " } else { "    " };
            self.line(&Line::of(PLAIN, margin).join(line));
        }
    }

    /// What a program said: dim, cut at the edge, at most so many lines.
    pub(super) fn said(&mut self, text: &str, most: usize) {
        let text = anstream::adapter::strip_str(text).to_string();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        for line in lines.iter().take(most) {
            self.line(&Line::of(PLAIN, &" ".repeat(INDENT)).and(DIM, line.trim_end()).cut(self.width));
        }
        if lines.len() > most {
            self.line(&Line::of(DIM, &format!("{}… {} lines more", " ".repeat(INDENT), lines.len() - most)));
        }
    }

    /// What a program said, in full and as it looks on a terminal.
    pub(super) fn told(&mut self, text: &str) {
        for line in text.trim_end().lines() {
            if line.is_empty() {
                self.gap();
            }
            for part in super::text::folded(line, self.width - INDENT).iter().filter(|part| !part.is_empty()) {
                self.print(&format!("{}{part}\n", " ".repeat(INDENT)));
            }
        }
    }

    /// A page: a title, then lines behind a bar.
    pub(super) fn page(&mut self, title: &str, lines: &[Line]) {
        let margin = " ".repeat(INDENT - 2);
        self.gap();
        self.line(&Line::of(DIM, &format!("{margin}╭ {title}")));
        for line in lines {
            let bar = if line.width() == 0 { "│" } else { "│ " };
            self.line(&Line::of(DIM, &format!("{margin}{bar}")).join(line.clone()));
        }
        self.line(&Line::of(DIM, &format!("{margin}╰")));
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &Line) {
        self.print(&format!("{}\n", line.painted()));
    }

    /// Notes an expectation that holds.
    pub(super) fn holds(&mut self, what: &str, since: Instant) {
        self.held += 1;
        let took = since.elapsed();
        let time = if took < NOTHING { String::new() } else { format!("{:.2} s", took.as_secs_f32()) };
        let room = self.width.saturating_sub("12.34 s".len() + 1);
        let mut lines = super::markdown::inline(what).wrapped(room - 4).into_iter();
        let first = Line::of(GOOD, "  ✔ ").join(lines.next().unwrap_or_default());
        let padding = if time.is_empty() { 0 } else { self.width.saturating_sub(time.len()) };
        self.line(&first.padded(padding).and(DIM, &time));
        for line in lines {
            self.line(&Line::of(PLAIN, "    ").join(line));
        }
    }

    /// Checks that two things are the same.
    ///
    /// # Errors
    /// [`Stop::Unmet`] with both.
    pub(super) fn equal(&mut self, what: &str, expected: &str, seen: &str) -> Result<(), Stop> {
        self.check(what, expected == seen, || format!("`{seen}` instead of `{expected}`"))
    }

    /// Checks something that is known already.
    ///
    /// # Errors
    /// [`Stop::Unmet`] with what `seen` says.
    pub(super) fn check(&mut self, what: &str, holds: bool, seen: impl FnOnce() -> String) -> Result<(), Stop> {
        if !holds {
            return Err(Stop::unmet(what.replace(['`', '*'], ""), seen()));
        }
        self.holds(what, Instant::now());
        Ok(())
    }

    /// Waits until `look` finds something; `done` says what to note then, `seen` what there is when it never comes.
    ///
    /// # Errors
    /// [`Stop::Unmet`] when it does not come, [`Stop::Interrupted`].
    pub(super) fn wait<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut() -> Option<T>,
        done: impl FnOnce(&T) -> String,
        seen: impl FnOnce() -> String,
    ) -> Result<T, Stop> {
        let since = Instant::now();
        let mut shown = Progress::default();
        let found = loop {
            if self.curtain.has_fallen() {
                break Err(Stop::Interrupted);
            }
            if let Some(found) = look() {
                break Ok(found);
            }
            if since.elapsed() > PATIENCE {
                let seen = format!("{}, after {} seconds", seen(), PATIENCE.as_secs());
                break Err(Stop::unmet(what.replace(['`', '*'], ""), seen));
            }
            if self.live {
                self.print(&shown.next(what, since.elapsed(), self.width));
            }
            std::thread::sleep(LOOK);
        };
        if self.live {
            self.print(&shown.gone());
        }
        let found = found?;
        self.holds(&done(&found), since);
        Ok(found)
    }

    /// Ends the play early when it was interrupted.
    ///
    /// # Errors
    /// [`Stop::Interrupted`].
    pub(super) fn go_on(&self) -> Result<(), Stop> {
        if self.curtain.has_fallen() { Err(Stop::Interrupted) } else { Ok(()) }
    }

    /// Says what was expected and what was seen instead.
    pub(super) fn failed(&mut self, expected: &str, seen: &str) {
        self.gap();
        for (mark, text) in [("  ✗ expected  ", expected), ("    seen      ", seen)] {
            let mut start = Line::of(BAD, mark);
            for line in text.lines() {
                self.line(&start.and(PLAIN, line));
                start = Line::of(PLAIN, &" ".repeat(14));
            }
        }
        self.gap();
    }

    fn print(&mut self, text: &str) {
        self.blank = false;
        let mut out = anstream::stdout();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.curtain.fall();
        }
    }
}

/// The line that changes in place. Without escape codes: it works where colours are off.
#[derive(Default)]
struct Progress {
    turn: usize,
    width: usize,
}

impl Progress {
    fn next(&mut self, what: &str, since: Duration, width: usize) -> String {
        const TURNS: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇', '⠏', '⠹'];
        self.turn += 1;
        let mark = TURNS[self.turn / 3 % TURNS.len()];
        let words = super::markdown::inline(what);
        let line = Line::of(DIM, &format!("  {mark} waiting for ")).join(words);
        let line = line.and(DIM, &format!(" · {:.1} s", since.as_secs_f32())).cut(width - 1);
        let stale = self.width.saturating_sub(line.width());
        self.width = line.width();
        format!("\r{}{}", line.painted(), " ".repeat(stale))
    }

    fn gone(&self) -> String {
        format!("\r{}\r", " ".repeat(self.width))
    }
}
