//! Why an event cannot be taken: data for the quarantine, not an error of the program.

use std::fmt;

/// The stage at which an event was rejected; its code is what operators filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A schema-registry header that cannot be stripped: unknown version or compression, or too large inside.
    SchemaRegistryHeader,
    /// The bytes are not JSON.
    NotJson,
    /// The JSON is no CloudEvents 1.0 envelope.
    Envelope,
    /// A CloudEvents batch with more events than a record may hold.
    TooManyEvents,
    /// The subject is not the partition key the record was put under.
    PartitionKeyMismatch,
    /// The data breaks the contract of its type.
    Contract,
    /// The event time lies further after the arrival time than clocks may differ.
    ClockSkew,
    /// `source` and `id` were used before with another payload.
    Collision,
    /// The consumer's own code panicked on the event, or rejected it; or decoding its record panicked.
    FunctionFailed,
    /// The table rejected the resulting item for good.
    TableRejected,
    /// The stream of signals rejects for good what the event causes.
    StreamRejected,
    /// The row alone is larger than a Firehose record may be.
    RowTooLarge,
}

impl Reason {
    /// Every reason, in the order in which the stages come.
    pub const ALL: [Self; 12] = [
        Self::SchemaRegistryHeader,
        Self::NotJson,
        Self::Envelope,
        Self::TooManyEvents,
        Self::PartitionKeyMismatch,
        Self::Contract,
        Self::ClockSkew,
        Self::Collision,
        Self::FunctionFailed,
        Self::TableRejected,
        Self::StreamRejected,
        Self::RowTooLarge,
    ];

    /// The code written to the quarantine, such as `clock_skew`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SchemaRegistryHeader => "schema_registry_header",
            Self::NotJson => "not_json",
            Self::Envelope => "envelope",
            Self::TooManyEvents => "too_many_events",
            Self::PartitionKeyMismatch => "partition_key_mismatch",
            Self::Contract => "contract",
            Self::ClockSkew => "clock_skew",
            Self::Collision => "collision",
            Self::FunctionFailed => "function_failed",
            Self::TableRejected => "table_rejected",
            Self::StreamRejected => "stream_rejected",
            Self::RowTooLarge => "row_too_large",
        }
    }
}

/// A rejection: the stage, the field where one is to blame, the rule that it breaks, and the event's id where it
/// could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The stage that rejected the event.
    pub reason: Reason,
    /// Path of the field to blame, such as `data.lines[3].quantity`; empty when no single field is.
    pub field: String,
    /// The rule in words, fit to stand after the field: `must be 1 or more, is 0`.
    pub rule: String,
    /// The event's `id`, where it could be read.
    pub event_id: Option<String>,
}

impl Invalid {
    /// A rejection that no single field is to blame for.
    pub fn whole(reason: Reason, rule: impl Into<String>) -> Self {
        Self { reason, field: String::new(), rule: rule.into(), event_id: None }
    }

    /// A rejection of one field.
    pub fn field(reason: Reason, field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { reason, field: field.into(), rule: rule.into(), event_id: None }
    }

    /// The same rejection, naming the event.
    #[must_use]
    pub fn of_event(mut self, id: &str) -> Self {
        self.event_id = Some(id.to_owned());
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.rule),
            field => write!(f, "{field} {}", self.rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }

    #[test]
    fn the_text_names_field_and_rule() {
        let invalid = Invalid::field(Reason::Contract, "data.quantity", "must be 1 or more, is 0");
        assert_eq!(invalid.to_string(), "data.quantity must be 1 or more, is 0");
        assert_eq!(Invalid::whole(Reason::NotJson, "is not JSON").to_string(), "is not JSON");
    }
}
