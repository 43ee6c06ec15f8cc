//! What a rule emits when it suspects fraud.

use serde::{Deserialize, Serialize};

use super::{AmountFigures, VelocityFigures};

/// Most events that a suspicion names.
pub const EVENTS_LIMIT: usize = 20;

/// The data of `fraud.suspected` and `fraud.shadowed`: the rule, the integers behind its judgement, so that it can be
/// checked by hand, and the events that it is about. The signal's key is the user, its time that of the event after
/// which the rule spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// The rule under `rule`, its numbers under `figures`.
    #[serde(flatten)]
    pub finding: Finding,
    /// Ids of the events that it is about, in order of their times: the newest [`EVENTS_LIMIT`] where there are more.
    pub event_ids: Vec<String>,
}

/// A rule, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", content = "figures", rename_all = "snake_case")]
pub enum Finding {
    /// Too many payments failed in too short a time.
    Velocity(VelocityFigures),
    /// An order is far above what the user orders.
    Amount(AmountFigures),
}
