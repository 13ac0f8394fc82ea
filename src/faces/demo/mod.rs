//! `countersign demo`: the whole story on one machine, played with real programs and checked at every step.
//!
//! Only GitHub is a stand-in, in this process, and its review button is pressed by the play. The server is this program's own
//! `serve`, people use git and countersign as anybody would. Nothing leaves loopback; when it ends, nothing is left behind. Asserts outcomes only: it decides
//! nothing a change depends on.

mod desk;
mod keep;
mod markdown;
mod receiver;
mod record;
mod server;
mod stage;
mod story;
pub(super) mod text;
pub(super) mod tree;
mod values;
mod world;

use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use self::stage::{Curtain, Stage, Stop};
use self::text::{BOLD, DIM, GOOD, Line, PLAIN};
use self::world::World;
use super::exit::Exit;

pub use self::values::SECRETS;

/// Where the sources and the documentation are.
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

/// How the demo is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Go on running afterwards, and say how to take part.
    pub keep_running: bool,
    /// Without colours, whatever the terminal can do.
    pub no_color: bool,
}

/// Plays it. Ends with 0 only if everything came out as it should.
#[must_use]
pub fn run(options: Options) -> Exit {
    if options.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    let curtain = Curtain::default();
    let mut stage = Stage::new(curtain.clone());
    let outcome = prepare(&curtain).map_err(Ended::from).and_then(|(runtime, folder)| {
        let outcome = perform(&mut stage, &curtain, (&runtime, &folder), options);
        // the stand-in's tasks hold its folder: they end before the folders go
        runtime.shutdown_timeout(Duration::from_secs(5));
        folder.close().map_err(|error| Stop::machine("the folder of the demo cannot be removed", error))?;
        outcome
    });
    match outcome {
        Ok(()) => Exit::FINE,
        Err(ended) => {
            explain(&mut stage, &ended);
            Exit::FAILED
        }
    }
}

/// Why it ended early, and what the server had said by then.
struct Ended {
    stop: Stop,
    log: String,
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Self { stop, log: String::new() }
    }
}

fn prepare(curtain: &Curtain) -> Result<(Runtime, TempDir), Stop> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::machine("no threads can be started", error))?;
    watch_signals(&runtime, curtain)?;
    let folder = tempfile::Builder::new().prefix("countersign-demo-").tempdir();
    Ok((runtime, folder.map_err(|error| Stop::machine("no folder for temporary files can be made", error))?))
}

/// Interrupt and termination end the play in good order.
fn watch_signals(runtime: &Runtime, curtain: &Curtain) -> Result<(), Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let wrong = |error| Stop::machine("signals cannot be watched", error);
    let _inside = runtime.enter();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(wrong)?;
        let curtain = curtain.clone();
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                curtain.fall();
            }
        });
    }
    Ok(())
}

fn perform(
    stage: &mut Stage,
    curtain: &Curtain,
    (runtime, folder): (&Runtime, &TempDir),
    options: Options,
) -> Result<(), Ended> {
    stage.line(
        &Line::of(BOLD, "countersign demo").and(DIM, " · everything on this machine, over loopback, with real git"),
    );
    stage.say(
        "A team keeps its secrets as encrypted files in Git, and nobody changes a protected one alone. You will see a push become a \
         change request, the right people approve it, exactly that being merged, and anybody proving it afterwards.",
    );
    let mut world = World::new(folder.path(), runtime.handle())?;
    let played = story::play(stage, &mut world);
    match played {
        Ok(()) => {
            summary(stage, &world);
            if options.keep_running {
                keep::open(stage, &world, curtain);
            }
            Ok(())
        }
        Err(stop) => {
            let log = world.server.as_ref().map(server::Server::tail).unwrap_or_default();
            Err(Ended { stop, log })
        }
    }
}

fn summary(stage: &mut Stage, world: &World) {
    let (held, elapsed) = (stage.held(), stage.elapsed().as_secs_f32());
    stage.gap();
    let heading = Line::of(GOOD, "✔ ").and(BOLD, &format!("All {held} expectations held"));
    stage.line(&heading.and(DIM, &format!(" · {elapsed:.1} s")));
    stage.gap();
    let acts: Vec<_> = stage.acts().iter().map(|act| (act.title, act.took.as_secs_f32())).collect();
    let width = acts.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0) + 2;
    for (number, (title, took)) in acts.iter().enumerate() {
        let title = Line::of(PLAIN, title).padded(width);
        stage.line(&Line::of(DIM, &format!("  {}  ", number + 1)).join(title).and(DIM, &format!("{took:5.1} s")));
    }
    let journal = world.sim.journal();
    stage.say(&format!(
        "countersign asked GitHub {} times over REST, {} times over GraphQL and {} times over Git, {} of them to change something; \
         GitHub sent it {} signed deliveries.",
        journal.rest_calls(),
        journal.graphql_calls(),
        journal.git_calls(),
        journal.writes(),
        world.sim.deliveries().len(),
    ));
    let read = [
        ("for your own repository", "README.md, \"Start with a real repository\""),
        ("what a policy can say", "docs/policy.md"),
        ("who can do what to it", "docs/threat-model.md"),
        ("try it yourself", "countersign demo --keep-running"),
    ];
    for (why, place) in read {
        stage.line(&Line::of(PLAIN, "  ").join(Line::of(DIM, why).padded(25)).and(PLAIN, place));
    }
    stage.line(&Line::of(PLAIN, "  ").join(Line::of(DIM, "all of it").padded(25)).and(PLAIN, HOME));
}

/// Says why it ended early.
fn explain(stage: &mut Stage, ended: &Ended) {
    match &ended.stop {
        Stop::Interrupted => {
            stage.gap();
            stage.line(&Line::of(DIM, "  interrupted; nothing is left behind"));
        }
        Stop::Unmet { expected, seen } => {
            stage.failed(expected, seen);
            if !ended.log.is_empty() {
                stage.line(&Line::of(BOLD, "  the server's log ends with"));
                stage.told(&ended.log);
            }
            stage.say(&format!(
                "This is a fault of countersign, not yours. Please report it with everything above: {HOME}/issues"
            ));
        }
        Stop::Machine { what, help } => super::exit::Report::new(Exit::FAILED, what).help(help).print(false),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod states;
