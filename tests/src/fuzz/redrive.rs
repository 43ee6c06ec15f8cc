//! Redrive over a bucket and a stream in memory: one object of any bytes beside a sound one, whose record must come
//! back whatever the other holds.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use millrace_domain::{Position, SequenceNumber, Shard, StreamPosition};
use millrace_lambda::Deadline;
use millrace_lambda::record_stream::OutgoingRecord;
use millrace_lambda::redrive_envelope::{RedriveEnvelopeReader, Redriven};
use millrace_lambda::schema_registry::{INFLATED_LIMIT_BYTES, strip_header};
use millrace_testkit::{MemoryObjects, MemoryStream};
use redrive::{Answer, Config, DeadLetters, Mode, Request, Status};

use super::event::ARRIVED_AT_MS;

/// Longest text about an object in an answer.
const ERROR_LIMIT_BYTES: usize = 500;

/// A record that came back: its key, where it stood first, and its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) partition_key: String,
    pub(super) redriven: Redriven,
    pub(super) bytes: Bytes,
}

/// What redriving these objects comes to, after what holds for every run was asserted.
pub(super) fn redriven(dead_letters: DeadLetters, objects: &[Bytes]) -> (Answer, Vec<Back>) {
    let ((answer, sent), again) = (once(dead_letters, objects), once(dead_letters, objects));
    assert!((&answer, &sent) == (&again.0, &again.1), "two runs differ");
    assert_eq!(answer.results.len(), objects.len());
    assert!(answer.complete && answer.error.is_empty(), "{answer:?}");
    for line in &answer.results {
        assert_eq!(line.error.is_empty(), line.status == Status::Done, "{line:?}");
        assert!(line.error.len() <= ERROR_LIMIT_BYTES, "{line:?}");
        assert_eq!(line.counts.sent, line.counts.to_send);
        assert!(line.counts.sent <= line.counts.records);
    }
    assert_eq!(sent.len() as u64, answer.counts.sent);
    let back: Vec<_> = sent.iter().map(back).collect();
    // What a redrive envelope holds is not a redrive envelope that would open: it would be rejected.
    assert!(back.iter().all(|back| !is_redrive_envelope(&back.partition_key, &back.redriven, &back.bytes)));
    (answer, back)
}

fn once(dead_letters: DeadLetters, objects: &[Bytes]) -> (Answer, Vec<OutgoingRecord>) {
    let (bucket, stream) = (MemoryObjects::default(), MemoryStream::default());
    for (number, bytes) in objects.iter().enumerate() {
        bucket.insert(&format!("{}{number}", dead_letters.root()), bytes.clone());
    }
    let (config, request) = (Config::for_testing(), Request::new(dead_letters, Mode::Run));
    let run = pin!(redrive::run(&bucket, &stream, &config, &request, Deadline::NONE));
    match run.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => (answer, stream.accepted()),
        Poll::Pending => unreachable!("memory answers at once"),
    }
}

fn back(sent: &OutgoingRecord) -> Back {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let key = &sent.partition_key;
    let opened = RedriveEnvelopeReader::default().open(&sent.data, key, i64::MAX, &mut budget_bytes);
    let (redriven, bytes) = opened.expect("it is a redrive envelope").expect("it opens");
    Back { partition_key: key.clone(), redriven, bytes }
}

/// Whether these bytes are a redrive envelope that redrive takes apart.
pub(super) fn is_redrive_envelope(partition_key: &str, redriven: &Redriven, bytes: &Bytes) -> bool {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let Ok(payload) = strip_header(bytes, &mut budget_bytes) else { return false };
    let arrived_at_ms = redriven.first.arrived_at_ms;
    let opened =
        RedriveEnvelopeReader::default().open(&payload, partition_key, arrived_at_ms, &mut budget_bytes);
    matches!(opened, Some(Ok(_)))
}

/// Where a record of these bytes was first.
pub(super) fn redriven_of(bytes: &[u8], function: Option<&str>) -> Redriven {
    let number = |at: usize| u32::from(bytes.get(at).copied().unwrap_or_default());
    let sequence = SequenceNumber::parse(&format!("{}", bytes.len())).expect("digits");
    // Never the first position in a record: a whole aggregate would be taken apart there.
    let position = Position { sequence, sub_sequence: number(0) + 1, element: number(1) };
    let first = StreamPosition {
        shard: Shard::new("events", "shardId-000000000000"),
        position,
        arrived_at_ms: ARRIVED_AT_MS,
    };
    Redriven { first, target_function: function.map(str::to_owned) }
}
