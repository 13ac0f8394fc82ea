//! The list of what goes wrong elsewhere (`docs/scenarios.md`), played on the whole server where gathering, timing or GitHub's own
//! behaviour is the danger. Names say the rule.

mod authority;
mod heads;
mod lifecycle;
mod paths;
mod people;
mod policy;
mod reviews;

/// Where both sealed files of a world stand.
const PRODUCTION: &str = "secrets/production/db.yaml";
const STAGING: &str = "secrets/staging/db.yaml";
