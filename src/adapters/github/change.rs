//! One pull request with everything said about it: by one GraphQL query, else by REST.
//!
//! Both ways give the same answer (only the hint who may push comes from GraphQL alone). GraphQL that fails is left alone for some
//! minutes; rate limits and refused credentials are not failures of GraphQL and are passed on.

use std::sync::PoisonError;

use countersign_core::domain::{PrNumber, Span};
use countersign_core::facts::question::ChangeRead;

use super::change_graphql::GraphFault;
use super::fault::Fault;
use super::{GRAPHQL_REST, GitHub};
use crate::engine::ports::RepoRef;

impl GitHub {
    pub(super) async fn change(&self, repo: &RepoRef, number: PrNumber) -> Result<ChangeRead, Fault> {
        if self.graphql_is_usable(repo) {
            match self.change_by_graphql(repo, number).await {
                Ok(read) => return Ok(read),
                Err(GraphFault::Final(fault)) => return Err(fault),
                Err(GraphFault::Missing) => {}
                Err(GraphFault::Unusable(reason)) => {
                    tracing::warn!(installation = %repo.installation, reason, "GraphQL cannot be used, reading by REST");
                    self.leave_graphql_alone(repo);
                }
            }
        }
        self.change_by_rest(repo, number).await
    }

    fn graphql_is_usable(&self, repo: &RepoRef) -> bool {
        let rests = self.graphql_rests.lock().unwrap_or_else(PoisonError::into_inner);
        rests.get(&repo.installation).is_none_or(|until| self.client.now() >= *until)
    }

    fn leave_graphql_alone(&self, repo: &RepoRef) {
        let until = self.client.now().plus(Span::from_seconds(GRAPHQL_REST));
        self.graphql_rests.lock().unwrap_or_else(PoisonError::into_inner).insert(repo.installation, until);
    }
}
