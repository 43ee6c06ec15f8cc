//! What became of an event.

use serde::Serialize;

use crate::invalid::Reason;

/// Why an event is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LateReason {
    /// Older than the class's dedup window allows.
    BelowWatermark,
    /// Younger than the dedup window, but its time was evicted when `seen`, or the state's own memory, was full.
    Evicted,
    /// A quarantined signal that came back behind later ones of its shard: whether it was applied is unknown.
    Undecidable,
}

/// The one fate of an event in one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// New: it changed the state, or was stored.
    Applied,
    /// Applied before, and the stream or the machinery brought the same record again.
    Redelivery,
    /// Applied before, and the producer sent it again; or a signal that its function emitted again from another
    /// position.
    Duplicate,
    /// Below its class's watermark: it never touches state.
    Late(LateReason),
    /// Of a type that this function does not handle, or redriven for another one.
    Ignored,
    /// Cannot be taken, for this reason; it is quarantined.
    Rejected(Reason),
}

impl Verdict {
    /// The names under which verdicts are counted. `collision` and `poisoned` are kept apart from `invalid`,
    /// because the first points to a producer and the second to this code.
    pub const COUNTED: [&'static str; 8] =
        ["applied", "redelivery", "duplicate", "collision", "late", "invalid", "poisoned", "ignored"];

    /// The name under which this verdict is counted, one of [`Self::COUNTED`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Redelivery => "redelivery",
            Self::Duplicate => "duplicate",
            Self::Late(_) => "late",
            Self::Ignored => "ignored",
            Self::Rejected(Reason::Collision) => "collision",
            Self::Rejected(
                Reason::FunctionFailed | Reason::TableRejected | Reason::StreamRejected | Reason::RowTooLarge,
            ) => "poisoned",
            Self::Rejected(
                Reason::SchemaRegistryHeader
                | Reason::NotJson
                | Reason::Envelope
                | Reason::TooManyEvents
                | Reason::PartitionKeyMismatch
                | Reason::Contract
                | Reason::ClockSkew,
            ) => "invalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_counted_under_a_listed_name() {
        let mut verdicts = vec![
            Verdict::Applied,
            Verdict::Redelivery,
            Verdict::Duplicate,
            Verdict::Late(LateReason::Evicted),
            Verdict::Ignored,
        ];
        verdicts.extend(Reason::ALL.map(Verdict::Rejected));
        let mut names: Vec<_> = verdicts.into_iter().map(Verdict::name).collect();
        names.sort_unstable();
        names.dedup();
        let mut counted = Verdict::COUNTED;
        counted.sort_unstable();
        assert_eq!(names, counted);
    }
}
