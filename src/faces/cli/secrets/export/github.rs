//! Lines for the file that `GITHUB_ENV` names, as a job of GitHub Actions reads it.
//!
//! Every value stands between delimiters that are random, so that no value can end its own block and set another variable. Names
//! that a job may not set are refused.

use zeroize::Zeroizing;

use super::shell::is_name;
use crate::faces::cli::secrets::chosen::{Variable, refused};
use crate::faces::exit::Report;

/// One block a variable.
pub(super) fn lines(variables: &[Variable]) -> Result<Zeroizing<String>, Report> {
    let mut text = Zeroizing::new(String::new());
    for variable in variables {
        let (name, value) = (variable.name.as_str(), variable.text()?);
        let is_taken = ["GITHUB_", "RUNNER_"].iter().any(|taken| name.to_ascii_uppercase().starts_with(taken));
        if !is_name(name) || is_taken || name.eq_ignore_ascii_case("NODE_OPTIONS") {
            return Err(refused(name, "is no name that a job may set"));
        }
        let delimiter = delimiter(value)?;
        for part in [name, "<<", &delimiter, "\n", value, "\n", &delimiter, "\n"] {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// A line that is not in the value.
fn delimiter(value: &str) -> Result<String, Report> {
    loop {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| Report::failed("the system gave no random bytes", &error))?;
        let delimiter = format!("end_{}", hex::encode(bytes));
        if !value.contains(&delimiter) {
            return Ok(delimiter);
        }
    }
}
