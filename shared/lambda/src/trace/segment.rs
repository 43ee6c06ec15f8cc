//! Parts of a trace as X-Ray reads them
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>).

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde_json::{Map, Value};

use super::Header;

/// A part of a trace: what was done from when to when, in seconds since the epoch.
#[derive(Debug, Serialize)]
pub(super) struct Segment {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) start_time: f64,
    pub(super) end_time: f64,
    /// What X-Ray can be asked for, fifty a trace at most.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) annotations: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subsegments: Vec<Segment>,
}

/// What goes to the daemon: our part of Lambda's segment.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    trace_id: &'a str,
    parent_id: &'a str,
    #[serde(flatten)]
    segment: &'a Segment,
}

/// What the daemon wants before a document.
const PREFIX: &str = "{\"format\":\"json\",\"version\":1}\n";

impl Segment {
    /// An id that no other part of its trace has: the index of a part among all of this process, and the time.
    pub(super) fn id(count: u64, started_s: f64) -> String {
        let mut hasher = DefaultHasher::new();
        (std::process::id(), count, started_s.to_bits()).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The segment as the datagram that the daemon reads.
    pub(super) fn datagram(&self, header: &Header) -> Option<Vec<u8>> {
        let Header { root, parent } = header;
        let document = Document { kind: "subsegment", trace_id: root, parent_id: parent, segment: self };
        let mut datagram = PREFIX.as_bytes().to_vec();
        serde_json::to_writer(&mut datagram, &document).ok()?;
        Some(datagram)
    }
}
