//! A signal as it lies in the stream of signals.

use event_source_mapping::Record;
use serde_json::Value;

use crate::world::RecordId;

/// One signal in one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The function that emits it.
    pub source: String,
    /// Its id.
    pub id: String,
    /// Its type.
    pub signal_type: String,
    /// The key that it is for.
    pub key: String,
    /// Event time as text.
    pub time: String,
    /// What caused it, as it says.
    pub origin: SentOrigin,
    /// All of it as JSON text.
    pub text: String,
}

/// A shard: its stream's name and its id.
pub(super) type ShardName = (String, String);

/// Where a signal says that it comes from: stream, shard, and position in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentOrigin {
    /// The shard that the cause was read from.
    pub shard: ShardName,
    /// Record, position in an aggregate, position in a batch, and index among the signals of one cause.
    pub position: (RecordId, u64, u64, u64),
}

/// The types of which one may say another thing when it is emitted again under the same origin.
pub(super) const EVENT_LATE: &str = "event.late";

impl Sent {
    /// Reads an event; `None` where it is no signal of ours.
    pub(super) fn read(event: &Value, text: &str) -> Option<Self> {
        let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| event[name].as_u64().unwrap_or_default();
        let record = RecordId::of(event["originsequencenumber"].as_str()?)?;
        let position = (record, number("originsubsequence"), number("originelement"), number("originindex"));
        data_of(text)?;
        Some(Self {
            source: event["source"].as_str()?.strip_prefix("urn:millrace:")?.to_owned(),
            id: field("id"),
            signal_type: field("type"),
            key: field("subject"),
            time: field("time"),
            origin: SentOrigin { shard: (field("originstream"), field("originshardid")), position },
            text: text.to_owned(),
        })
    }

    /// Its data as JSON text.
    pub(super) fn data(&self) -> &str {
        data_of(&self.text).unwrap_or_default()
    }

    /// Whether its event came too late.
    pub(super) fn is_late(&self) -> bool {
        self.signal_type == EVENT_LATE
    }

    /// Whether a product's stock is moved by it.
    pub(super) fn moves_stock(&self) -> bool {
        matches!(self.signal_type.as_str(), "stock.sold" | "stock.returned")
    }
}

/// The text itself: a value read and written again may have its fields in another order.
fn data_of(text: &str) -> Option<&str> {
    text.split_once("\"data\":")?.1.strip_suffix('}')
}

/// The texts of the events of a record, each with its value.
pub(crate) fn events_of(record: &Record) -> Vec<(String, Value)> {
    let texts: Vec<Box<serde_json::value::RawValue>> = match record.data.first() {
        Some(b'[') => serde_json::from_slice(&record.data).unwrap_or_default(),
        _ => serde_json::from_slice(&record.data).map(|one| vec![one]).unwrap_or_default(),
    };
    let parsed = |text: Box<serde_json::value::RawValue>| {
        let value = serde_json::from_str(text.get()).unwrap_or_default();
        (text.get().to_owned(), value)
    };
    texts.into_iter().map(parsed).collect()
}
