//! The port to the table of reorder points, as a consumer sees it.

use std::collections::HashMap;
use std::future::Future;

use millrace_domain::stock::ReorderPoint;

use crate::deadline::Deadline;

/// The reorder points could not be read in time, why in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reorder points could not be read: {why}")]
pub struct PointsUnavailable {
    /// Why.
    pub why: String,
}

/// Reorder points by product. Nobody waits for them to be the newest: they are remembered for minutes anyway.
pub trait ReorderPointTable: Send + Sync {
    /// Reads the reorder points of distinct products; those without one are not in the answer.
    ///
    /// # Errors
    /// When any of them could not be read within the deadline.
    fn read(
        &self,
        skus: &[&str],
        deadline: Deadline,
    ) -> impl Future<Output = Result<HashMap<String, ReorderPoint>, PointsUnavailable>> + Send;
}
