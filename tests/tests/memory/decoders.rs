//! Every decoder that reads what others wrote.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use millrace_domain::contract::read_data;
use millrace_domain::decode::{Arrival, decode};
use millrace_domain::stock::{Recent, read_points};
use millrace_domain::{Ledger, SequenceNumber, Shard};
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::kpl::deaggregate;
use millrace_lambda::redrive_envelope::RedriveEnvelopeReader;
use millrace_lambda::schema_registry::INFLATED_LIMIT_BYTES;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{MemoryObjects, MemoryStream};
use redrive::{Config, DeadLetters, Mode, Request};

use crate::blown_up;

/// When all of it arrives: 2025-11-03T10:30:00Z.
const ARRIVED_AT_MS: i64 = 1_762_165_800_000;

/// What the texts of a decoder are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An event, or a batch of them.
    Event,
    /// The same behind a header, compressed: a few, since compressing takes the most time here.
    Framed,
    /// The data of an event.
    Data,
    /// Any other JSON object.
    Object,
    /// JSON objects, one a line.
    Lines,
    /// Bytes that are no JSON.
    Bytes,
}

/// A decoder, and the texts that it is measured with.
pub(crate) struct Decoder {
    pub(crate) name: &'static str,
    /// Its folder in the fuzz corpus.
    pub(crate) corpus: &'static str,
    pub(crate) kind: Kind,
    /// The text as the decoder gets it, which is not counted.
    pub(crate) prepare: fn(&[u8]) -> Bytes,
    pub(crate) run: fn(&Bytes),
}

const PLAIN: fn(&[u8]) -> Bytes = Bytes::copy_from_slice;

pub(crate) const DECODERS: &[Decoder] = &[
    Decoder { name: "payload", corpus: "payload", kind: Kind::Event, prepare: PLAIN, run: payload },
    Decoder { name: "record", corpus: "record", kind: Kind::Event, prepare: PLAIN, run: record },
    Decoder {
        name: "framed record",
        corpus: "payload",
        kind: Kind::Framed,
        prepare: blown_up::framed,
        run: record,
    },
    Decoder {
        name: "cart",
        corpus: "cart",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("cart.item_added", it),
    },
    Decoder {
        name: "order",
        corpus: "order",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("order.placed", it),
    },
    Decoder {
        name: "payment",
        corpus: "payment",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("payment.failed", it),
    },
    Decoder {
        name: "product",
        corpus: "product",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("product.viewed", it),
    },
    Decoder {
        name: "stock",
        corpus: "stock",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("stock.counted", it),
    },
    Decoder {
        name: "timer",
        corpus: "timer",
        kind: Kind::Data,
        prepare: PLAIN,
        run: |it| data("timer.due", it),
    },
    Decoder {
        name: "redrive envelope",
        corpus: "redrive_envelope",
        kind: Kind::Object,
        prepare: PLAIN,
        run: envelope,
    },
    Decoder {
        name: "aggregate",
        corpus: "kpl",
        kind: Kind::Bytes,
        prepare: blown_up::sealed,
        run: aggregate,
    },
    Decoder { name: "batch", corpus: "kinesis", kind: Kind::Object, prepare: PLAIN, run: batch },
    Decoder { name: "on failure", corpus: "on_failure", kind: Kind::Object, prepare: PLAIN, run: on_failure },
    Decoder { name: "quarantine", corpus: "quarantine", kind: Kind::Lines, prepare: PLAIN, run: quarantine },
    Decoder { name: "request", corpus: "request", kind: Kind::Object, prepare: PLAIN, run: request },
    Decoder {
        name: "ledger",
        corpus: "ledger",
        kind: Kind::Bytes,
        prepare: PLAIN,
        run: |it| drop(Ledger::unpack(it)),
    },
    Decoder {
        name: "recent moves",
        corpus: "recent_moves",
        kind: Kind::Bytes,
        prepare: PLAIN,
        run: |it| drop(Recent::unpack(it)),
    },
    Decoder { name: "reorder points", corpus: "points_file", kind: Kind::Bytes, prepare: PLAIN, run: points },
];

fn payload(bytes: &Bytes) {
    let mut all = Vec::new();
    decode(bytes, &Arrival { partition_key: "u", arrived_at_ms: ARRIVED_AT_MS }, |decoded| all.push(decoded));
}

fn record(bytes: &Bytes) {
    let record = KinesisRecord {
        sequence_number: SequenceNumber::parse("1").unwrap(),
        partition_key: "u".to_owned(),
        arrived_at_ms: ARRIVED_AT_MS,
        data: bytes.clone(),
    };
    let source = KinesisBatch { shard: Shard::new("events", "shard"), records: vec![record] };
    let opened = Batch::open(&source);
    assert!(!opened.events().list.is_empty());
}

fn data(event_type: &str, bytes: &Bytes) {
    let _ = std::str::from_utf8(bytes).map(|text| read_data(event_type, Some(text)));
}

fn envelope(bytes: &Bytes) {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let _ = RedriveEnvelopeReader::default().open(bytes, "u", ARRIVED_AT_MS, &mut budget_bytes);
}

fn aggregate(bytes: &Bytes) {
    let _ = deaggregate(bytes);
}

fn batch(bytes: &Bytes) {
    let _ = serde_json::from_slice::<KinesisBatch>(bytes).map_err(|error| error.to_string());
}

fn request(bytes: &Bytes) {
    let _ = serde_json::from_slice::<Request>(bytes).map_err(|error| error.to_string());
}

fn points(bytes: &Bytes) {
    let _ = std::str::from_utf8(bytes).map(read_points);
}

fn on_failure(bytes: &Bytes) {
    redriven(DeadLetters::OnFailure, bytes);
}

fn quarantine(bytes: &Bytes) {
    redriven(DeadLetters::Quarantine, bytes);
}

fn redriven(dead_letters: DeadLetters, bytes: &Bytes) {
    let (bucket, stream) = (MemoryObjects::default(), MemoryStream::default());
    bucket.insert(&format!("{}0", dead_letters.root()), bytes.clone());
    let (config, request) = (Config::for_testing(), Request::new(dead_letters, Mode::DryRun));
    let run = pin!(redrive::run(&bucket, &stream, &config, &request, Deadline::NONE));
    let Poll::Ready(answer) = run.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("memory answers at once")
    };
    assert_eq!(answer.results.len(), 1);
}
