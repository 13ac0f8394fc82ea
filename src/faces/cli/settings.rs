//! `config`: the settings, to look at; and what every verb reads them with. Secrets are masked wherever they are printed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::args::ConfigArgs;
use super::{Outcome, output};
use crate::faces::config::{ClusterRow, GrantRow, Row, Settings, Sources, read_text};
use crate::faces::exit::{Exit, Report, printable};

/// Prints the settings.
pub(super) fn run(args: &ConfigArgs, json: bool) -> Outcome {
    let settings = read(args.config.as_deref())?;
    let (rows, grants, identities) = (settings.rows(), settings.grant_rows(), settings.identity_rows());
    if json {
        return output::json(&json!({
            "version": 1, "settings": rows, "grants": grants, "identities": identities, "clusters": settings.cluster_rows(),
        }));
    }
    let identities =
        identities.iter().map(|row| printable(&format!("{}  {}  {}", row.name, row.value, row.origin)) + "\n");
    let clusters = settings.cluster_rows().iter().map(cluster);
    output::say(&(table(&rows) + &granted(grants) + &identities.chain(clusters).collect::<String>()))?;
    Ok(Exit::FINE)
}

/// What asynchronous work runs on.
pub(in crate::faces) fn runtime() -> Result<tokio::runtime::Runtime, Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Report::failed("the server cannot be started", &error))
}

/// Every setting, with warnings told.
pub(super) fn read(config: Option<&Path>) -> Result<Settings, Report> {
    let sources = Sources::from_process(BTreeMap::new(), config).map_err(Report::from)?;
    let settings = Settings::resolve(&sources, &read_text).map_err(Report::from)?;
    for fault in settings.warnings() {
        output::warn(fault.what(), fault.help());
    }
    Ok(settings)
}

fn table(rows: &[Row]) -> String {
    let value = |row: &Row| printable(row.value.as_deref().unwrap_or("–"));
    let names = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let values = rows.iter().map(|row| value(row).chars().count()).filter(|width| *width <= 40).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let origin = printable(row.origin.as_deref().unwrap_or("not set"));
        let (name, value) = (output::pad(row.name, names), output::pad(&value(row), values));
        text += &format!("{name}  {value}  {origin}\n");
    }
    text
}

/// One cluster.
fn cluster(row: &ClusterRow) -> String {
    let private = if row.allow_private { ", private addresses too" } else { "" };
    let namespaces = row.namespaces.join(", ");
    printable(&format!("{}  {}  {}  (namespaces: {namespaces}{private})", row.name, row.server, row.origin)) + "\n"
}

/// What repositories are granted, one a line.
fn granted(rows: &[GrantRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let hosts = if row.hosts.is_empty() { "no host".to_owned() } else { row.hosts.join(", ") };
        let private = if row.allow_private { ", private addresses too" } else { "" };
        let line = format!("{}  {}  {}  for {hosts}{private}", row.name, row.value, row.origin);
        text += &format!("{}\n", printable(&line));
    }
    text
}
