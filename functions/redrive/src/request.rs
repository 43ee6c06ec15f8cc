//! What the caller asks for.

use millrace_domain::decode::truncate;
use millrace_domain::json_object::JsonObject;
use millrace_domain::time::parse_rfc3339_ms;
use millrace_domain::{Reason, bounded_json};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::config::CONSUMERS;
use crate::dead_letters::Record;

/// Most objects of a run, where the request names no limit.
pub const DEFAULT_LIMIT_OBJECTS: usize = 1_000;
/// Most objects that a request may ask for.
pub const LIMIT_OBJECTS: usize = 10_000;

/// Most bytes of a text that an error quotes.
const QUOTED_LIMIT_BYTES: usize = 200;

/// The kind of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetters {
    /// Objects of the event source mappings' on-failure destination: batches that the mappings discarded.
    OnFailure,
    /// Objects of the quarantine: events that could not be taken.
    Quarantine,
}

impl DeadLetters {
    /// What the keys of its objects start with.
    pub const fn root(self) -> &'static str {
        match self {
            Self::OnFailure => "aws/lambda/",
            Self::Quarantine => "quarantine/",
        }
    }
}

/// What to do with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Lists objects, without reading them.
    List,
    /// Reads objects, and says what would be sent and how it decodes now.
    #[default]
    DryRun,
    /// Sends, and marks the objects that are done.
    Run,
}

/// A request. Read from JSON, it has kept every rule that its fields have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The kind of dead letters.
    pub dead_letters: DeadLetters,
    /// What to do with them.
    pub mode: Mode,
    /// What the keys of the objects start with; starts with their root.
    pub prefix: String,
    /// Only records that this consumer failed on or rejected.
    pub function: Option<String>,
    /// Only records that arrived at this time or later, in epoch milliseconds.
    pub arrived_from_ms: Option<i64>,
    /// Only records that arrived before this time, in epoch milliseconds.
    pub arrived_to_ms: Option<i64>,
    /// Only records that were rejected for this reason.
    pub reason: Option<Reason>,
    /// Only records that came from this shard.
    pub shard_id: Option<String>,
    /// Most objects to read. What belongs together is taken together, and may exceed it: objects that hold parts of
    /// one entry, and batches of one shard that were discarded within one second.
    pub limit: usize,
    /// Only objects behind this key, so that a run goes on behind those that it cannot mark.
    pub start_after: Option<String>,
    /// Takes objects that are marked done, too.
    pub include_done: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    dead_letters: DeadLetters,
    #[serde(default)]
    mode: Mode,
    prefix: Option<String>,
    function: Option<String>,
    arrived_from: Option<String>,
    arrived_to: Option<String>,
    reason: Option<String>,
    shard_id: Option<String>,
    limit: Option<usize>,
    start_after: Option<String>,
    #[serde(default)]
    include_done: bool,
}

impl Request {
    /// All dead letters of a kind that are not marked done.
    pub fn new(dead_letters: DeadLetters, mode: Mode) -> Self {
        Self {
            dead_letters,
            mode,
            prefix: dead_letters.root().to_owned(),
            function: None,
            arrived_from_ms: None,
            arrived_to_ms: None,
            reason: None,
            shard_id: None,
            limit: DEFAULT_LIMIT_OBJECTS,
            start_after: None,
            include_done: false,
        }
    }

    /// Whether a record is one that was asked for.
    pub(crate) fn asks_for(&self, record: &Record) -> bool {
        let first = &record.redriven.first;
        self.function.as_ref().is_none_or(|function| *function == record.rejected_by)
            && self.arrived_from_ms.is_none_or(|arrived_from_ms| first.arrived_at_ms >= arrived_from_ms)
            && self.arrived_to_ms.is_none_or(|arrived_to_ms| first.arrived_at_ms < arrived_to_ms)
            && self.reason.is_none_or(|reason| record.reason.as_deref() == Some(reason.code()))
            && self.shard_id.as_ref().is_none_or(|shard_id| shard_id == first.shard.id())
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let JsonObject(wire) = bounded_json::deserialize::<JsonObject<Wire>, _>(deserializer)?;
        Self::checked(wire).map_err(D::Error::custom)
    }
}

impl Request {
    fn checked(wire: Wire) -> Result<Self, String> {
        let all = Self::new(wire.dead_letters, wire.mode);
        let prefix = wire.prefix.unwrap_or_else(|| all.prefix.clone());
        if !prefix.starts_with(&all.prefix) {
            return Err(format!("prefix must start with {:?}, is {:?}", all.prefix, quoted(&prefix)));
        }
        let root = &all.prefix;
        if let Some(after) = wire.start_after.as_deref().filter(|after| !after.starts_with(root.as_str())) {
            let rule = format!("must be the key of an object and start with {root:?}");
            return Err(format!("start_after {rule}, is {:?}", quoted(after)));
        }
        if let Some(function) = wire.function.as_deref().filter(|function| !CONSUMERS.contains(function)) {
            return Err(format!(
                "function must be one of {}, is {:?}",
                CONSUMERS.join(", "),
                quoted(function)
            ));
        }
        let (arrived_from_ms, arrived_to_ms) =
            (moment("arrived_from", wire.arrived_from)?, moment("arrived_to", wire.arrived_to)?);
        if arrived_from_ms
            .zip(arrived_to_ms)
            .is_some_and(|(arrived_from_ms, arrived_to_ms)| arrived_from_ms >= arrived_to_ms)
        {
            return Err("arrived_from must lie before arrived_to".to_owned());
        }
        let limit = wire.limit.unwrap_or(all.limit);
        if !(1..=LIMIT_OBJECTS).contains(&limit) {
            return Err(format!("limit must be a whole number from 1 to {LIMIT_OBJECTS}, is {limit}"));
        }
        let reason = wire.reason.map(|code| reason(wire.dead_letters, &code)).transpose()?;
        let (function, shard_id) = (wire.function, wire.shard_id);
        let (start_after, include_done) = (wire.start_after, wire.include_done);
        Ok(Self {
            prefix,
            function,
            arrived_from_ms,
            arrived_to_ms,
            reason,
            shard_id,
            limit,
            start_after,
            include_done,
            ..all
        })
    }
}

/// A text of the request as far as an error quotes it.
fn quoted(text: &str) -> &str {
    truncate(text, QUOTED_LIMIT_BYTES)
}

fn moment(field: &str, text: Option<String>) -> Result<Option<i64>, String> {
    let read = |text: String| {
        let rule = "must be an RFC 3339 timestamp of 1970 or later";
        parse_rfc3339_ms(&text).ok_or_else(|| format!("{field} {rule}, is {:?}", quoted(&text)))
    };
    text.map(read).transpose()
}

fn reason(dead_letters: DeadLetters, code: &str) -> Result<Reason, String> {
    if dead_letters != DeadLetters::Quarantine {
        return Err(
            "reason is a filter of the dead letters quarantine: a discarded batch has none".to_owned()
        );
    }
    let codes = Reason::ALL.map(Reason::code).join(", ");
    let found = Reason::ALL.into_iter().find(|reason| reason.code() == code);
    found.ok_or_else(|| format!("reason must be one of {codes}, is {:?}", quoted(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        serde_json::from_str::<Request>(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_but_the_kind_must_be_named() {
        let request: Request = serde_json::from_str(r#"{"dead_letters":"on_failure"}"#).unwrap();
        assert_eq!(request, Request::new(DeadLetters::OnFailure, Mode::DryRun));
    }

    #[test]
    fn every_field_is_read() {
        let text = r#"{"dead_letters":"quarantine","mode":"run","prefix":"quarantine/dt=2026-01-01/","function":"sessions",
            "arrived_from":"1970-01-01T00:00:01Z","arrived_to":"1970-01-01T00:00:02Z","reason":"collision",
            "shard_id":"s","limit":5,"start_after":"quarantine/dt=2026-01-01/a","include_done":true}"#;
        let expected = Request {
            prefix: "quarantine/dt=2026-01-01/".to_owned(),
            function: Some("sessions".to_owned()),
            arrived_from_ms: Some(1_000),
            arrived_to_ms: Some(2_000),
            reason: Some(Reason::Collision),
            shard_id: Some("s".to_owned()),
            limit: 5,
            start_after: Some("quarantine/dt=2026-01-01/a".to_owned()),
            include_done: true,
            ..Request::new(DeadLetters::Quarantine, Mode::Run)
        };
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), expected);
    }

    #[test]
    fn a_mistake_is_named_with_what_would_be_right() {
        let cases = [
            (r#"["quarantine"]"#, "expected an object"),
            ("{}", "missing field `dead_letters`"),
            (r#"{"dead_letters":"dlq"}"#, "expected `on_failure` or `quarantine`"),
            (r#"{"dead_letters":"quarantine","mode":"go"}"#, "expected one of `list`, `dry_run`, `run`"),
            (r#"{"dead_letters":"quarantine","dry":true}"#, "unknown field `dry`, expected one of"),
            (
                r#"{"dead_letters":"quarantine","prefix":"redriven/"}"#,
                "prefix must start with \"quarantine/\"",
            ),
            (
                r#"{"dead_letters":"quarantine","function":"session"}"#,
                "one of sessions, archive, fraud, inventory, is \"session\"",
            ),
            (
                r#"{"dead_letters":"quarantine","arrived_from":"monday"}"#,
                "arrived_from must be an RFC 3339 timestamp",
            ),
            (
                r#"{"dead_letters":"quarantine","arrived_from":"2026-01-02T00:00:00Z","arrived_to":"2026-01-02T00:00:00Z"}"#,
                "arrived_from must lie before arrived_to",
            ),
            (
                r#"{"dead_letters":"quarantine","reason":"bad"}"#,
                "reason must be one of schema_registry_header, not_json",
            ),
            (
                r#"{"dead_letters":"on_failure","reason":"schema_registry_header"}"#,
                "reason is a filter of the dead letters quarantine",
            ),
            (
                r#"{"dead_letters":"on_failure","start_after":"a"}"#,
                "start_after must be the key of an object and start with",
            ),
            (
                r#"{"dead_letters":"on_failure","limit":0}"#,
                "limit must be a whole number from 1 to 10000, is 0",
            ),
        ];
        for (text, expected) in cases {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }
}
