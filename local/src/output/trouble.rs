//! Trouble that was made on purpose, in numbers.

use serde::Serialize;

use crate::trouble::{Struck, Trouble};

/// Trouble that was made on purpose.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TroubleSummary {
    /// How often each fault was injected, by kind of call or `invocation`.
    pub(crate) injected: Struck,
    /// Times in which every call of a kind was refused, in milliseconds since the functions started.
    pub(crate) outages: Vec<OutageSummary>,
}

/// A time in which every call of a kind was refused.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OutageSummary {
    pub(crate) call: &'static str,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

impl TroubleSummary {
    pub(crate) fn of(trouble: &Trouble) -> Self {
        let outage = |outage: &local_faults::Outage| OutageSummary {
            call: outage.call.name(),
            from_ms: outage.time_ms.start,
            to_ms: outage.time_ms.end,
        };
        Self { injected: trouble.struck(), outages: trouble.outages().iter().map(outage).collect() }
    }
}
