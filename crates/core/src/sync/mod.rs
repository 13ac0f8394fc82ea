//! Delivery, decided purely: what each target of an environment should do next, and how a run goes on after what happened to it.
//!
//! [`plan()`] looks at the policy, at what may leave ([`Standing`]), at what was delivered and at what is under way, and says one
//! [`Step`] per target. [`Run::ended`] is the state machine. Nothing here sends, reads a clock or draws a random number.
//!
//! What never happens (`delivery.md`): a generation after a newer one; anything from a branch whose tip is not what was approved;
//! the same generation again to a target that has it.

mod deployment;
mod external;
mod gate;
mod keys;
mod look;
mod order;
mod plan;
mod report;
mod retry;
mod run;
#[cfg(test)]
mod tests;
mod trouble;

pub use deployment::{DeploymentState, MAX_DESCRIPTION, deployment_task, describe};
pub use external::{ExternalSecret, Ready, Refresh, Told, of_external_secrets, untellable};
pub use gate::{Asked, GateAnswer, PATIENCE, answer, doubt, gated};
pub use keys::{KeySituation, KeyStep, Marks, Ownership, foreign, key_steps, writes};
pub use look::{Application, Health, Look, Operation, of_application, of_statuses, strayed};
pub use order::Order;
pub use plan::{Approved, Planned, Situation, Standing, Step, plan};
pub use report::{JobEnd, JobReport, JobWord};
pub use retry::{MAX_ATTEMPTS, delay};
pub use run::{LOOK_FOR, Outcome, Run};
pub use trouble::{SyncReason, Trouble};
