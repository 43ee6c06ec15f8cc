//! How a batch opens redrive envelopes.

use bytes::Bytes;
use millrace_domain::{Position, Reason, SequenceNumber, Shard, StreamPosition};
use millrace_lambda::kpl::{SubRecord, aggregate};
use millrace_lambda::redrive_envelope::{Redriven, wrap};
use millrace_lambda::{Batch, KinesisBatch};
use millrace_testkit::{ARRIVED_AT_MS, BatchBuilder, EventBuilder, event};

fn redriven(element: u32, function: Option<&str>) -> Redriven {
    let sequence = SequenceNumber::parse("5").unwrap();
    let position = Position { sequence, sub_sequence: 3, element };
    let first =
        StreamPosition { shard: Shard::new("events", "first"), position, arrived_at_ms: ARRIVED_AT_MS - 1 };
    Redriven { first, target_function: function.map(str::to_owned) }
}

fn batch(data: impl Into<Bytes>) -> KinesisBatch {
    BatchBuilder::starting_at(100).raw("u", data).build()
}

/// Reason and field of each rejection; `None` for an event.
fn rejections(batch: &KinesisBatch) -> Vec<Option<(Reason, String)>> {
    let opened = Batch::open(batch);
    let rejection = |batch_event: millrace_lambda::BatchEvent<'_>| {
        batch_event.event.err().map(|it| (it.reason, it.field))
    };
    opened.events().list.into_iter().map(rejection).collect()
}

#[test]
fn an_event_stands_where_its_redrive_envelope_stands_and_remembers_its_first_position() {
    let texts = [event("1", "u"), event("2", "u")].map(|event| event.text());
    let source =
        batch(wrap(&redriven(4, Some("sessions")), "u", format!("[{}]", texts.join(",")).as_bytes()));
    let opened = Batch::open(&source);
    let events = opened.events().list;
    assert_eq!(events.len(), 2);
    for (element, (batch_event, text)) in (0..).zip(events.iter().zip(&texts)) {
        let sequence = source.records[0].sequence_number.clone();
        assert_eq!(batch_event.position, Position { sequence, sub_sequence: 0, element });
        assert_eq!((batch_event.arrived_at_ms, batch_event.bytes), (ARRIVED_AT_MS, text.as_bytes()));
        assert_eq!(batch_event.redriven.as_deref(), Some(&redriven(4 + element, Some("sessions"))));
        assert!(
            batch_event.is_for("sessions") && !batch_event.is_for("archive") && batch_event.event.is_ok()
        );
    }
}

#[test]
fn headers_are_stripped_in_a_redrive_envelope_and_around_it() {
    let with_header = |payload: &[u8]| [&[3, 0][..], &[0; 16], payload].concat();
    let text = event("1", "u").text();
    let inner = with_header(text.as_bytes());
    let source = batch(with_header(wrap(&redriven(0, None), "u", &inner).as_bytes()));
    let opened = Batch::open(&source);
    let events = opened.events().list;
    assert_eq!((events[0].event.is_ok(), events[0].bytes), (true, text.as_bytes()));
    let corrupt = with_header(wrap(&redriven(0, None), "u", &inner[..5]).as_bytes());
    let source = batch(corrupt);
    let opened = Batch::open(&source);
    let events = opened.events().list;
    let reason = events[0].event.as_ref().unwrap_err().reason;
    assert_eq!((reason, events[0].bytes), (Reason::SchemaRegistryHeader, &inner[..5]));
}

#[test]
fn a_redrive_envelope_in_a_redrive_envelope_or_among_other_events_is_rejected() {
    let redrive_envelope = wrap(&redriven(0, None), "u", event("1", "u").text().as_bytes());
    let rejection = Some((Reason::Envelope, "type".to_owned()));
    assert_eq!(
        rejections(&batch(wrap(&redriven(0, None), "u", redrive_envelope.as_bytes()))),
        vec![rejection.clone(); 1]
    );
    assert_eq!(
        rejections(&batch(format!("[{redrive_envelope},{}]", event("2", "u").text()))),
        [rejection.clone(), None]
    );
    let sub_records = [redrive_envelope.clone(), event("2", "u").text()]
        .map(|text| SubRecord { partition_key: "u", data: text.into() });
    assert_eq!(rejections(&batch(aggregate(&sub_records))), [rejection.clone(), None]);
    let escaped = redrive_envelope.replace("record.redriven", r"record\u002eredriven");
    assert_eq!(rejections(&batch(escaped)), [rejection]);
}

#[test]
fn an_aggregate_in_a_redrive_envelope_is_not_taken_apart() {
    let aggregate = BatchBuilder::default().aggregate(&[event("1", "u")]).build().records[0].data.clone();
    let rejections = rejections(&batch(wrap(&redriven(0, None), "u", &aggregate)));
    assert_eq!(rejections, [Some((Reason::NotJson, String::new()))]);
}

#[test]
fn a_broken_redrive_envelope_is_rejected_with_its_own_bytes_and_position() {
    let text = wrap(&redriven(0, None), "u", b"{}").replace("urn:millrace:redrive", "urn:other");
    let source = batch(text.clone());
    let opened = Batch::open(&source);
    let events = opened.events().list;
    let invalid = events[0].event.as_ref().unwrap_err();
    assert_eq!((invalid.reason, invalid.field.as_str()), (Reason::Envelope, "source"));
    assert_eq!((events[0].bytes, events[0].redriven.as_ref()), (text.as_bytes(), None));
}

#[test]
fn a_redrive_envelope_that_came_before_its_record_or_under_another_key_is_rejected() {
    let event: EventBuilder = event("1", "u");
    let text = wrap(&redriven(0, None), "u", &event.bytes());
    let early = BatchBuilder::default().arrived_at_ms(ARRIVED_AT_MS - 2).raw("u", text.clone()).build();
    assert_eq!(rejections(&early), [Some((Reason::Contract, "data.arrived_at".to_owned()))]);
    let other = BatchBuilder::default().raw("v", text).build();
    assert_eq!(rejections(&other), [Some((Reason::PartitionKeyMismatch, "subject".to_owned()))]);
}

#[test]
fn what_inflates_in_a_redrive_envelope_counts_against_its_record() {
    let spaces = vec![b' '; 10 * 1024 * 1024];
    assert_eq!(
        rejections(&batch(wrap(&redriven(0, None), "u", &spaces)))[0].as_ref().unwrap().0,
        Reason::NotJson
    );
    let more = vec![b' '; 10 * 1024 * 1024 + 1];
    let rejection = Some((Reason::Contract, "data.data_base64".to_owned()));
    assert_eq!(rejections(&batch(wrap(&redriven(0, None), "u", &more))), [rejection]);
}

#[test]
fn an_event_that_only_mentions_the_type_is_an_event() {
    let mentions = event("record.redriven", "u");
    assert_eq!(rejections(&batch(mentions.bytes())), [None]);
}
