//! Generated documents as people might have typed them: many spellings of the same values.

pub(crate) mod flat;
pub(crate) mod yaml;
