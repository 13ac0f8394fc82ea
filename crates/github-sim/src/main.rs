//! `github-sim serve --seed FILE`: the stand-in as a program.
//!
//! Prints `listening on http://…` and one line of JSON with tokens and ids, then serves until stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use github_sim::{Seed, Sim, SimConfig};

#[derive(Parser)]
#[command(version, about = "GitHub on loopback, for tests and demonstrations")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a world until stopped
    Serve {
        /// The world, as JSON: users, orgs, repos, apps
        #[arg(long)]
        seed: PathBuf,
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Serve { seed, listen } = Arguments::parse().command;
    match serve(&seed, listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn serve(seed: &std::path::Path, listen: SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(seed)
        .map_err(|error| format!("the seed `{}` could not be read: {error}", seed.display()))?;
    let world: Seed =
        serde_json::from_str(&text).map_err(|error| format!("the seed `{}` is not one: {error}", seed.display()))?;
    let sim = Sim::start(SimConfig { listen: Some(listen), ..SimConfig::default() }).await?;
    let made = sim.plant(&world)?;
    println!("listening on {}", sim.url());
    println!("{made}");
    stopped().await?;
    Ok(())
}

/// Waits for an interrupt or a termination.
async fn stopped() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = term.recv() => Ok(()),
    }
}
