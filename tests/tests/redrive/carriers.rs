//! How a batch opens carriers.

use bytes::Bytes;
use millrace_domain::{Place, Position, Reason, SequenceNumber};
use millrace_lambda::carrier::{Redriven, pack};
use millrace_lambda::deaggregate::{SubRecord, aggregate};
use millrace_lambda::{Batch, KinesisBatch};
use millrace_testkit::{ARRIVED_AT_MS, BatchBuilder, EventBuilder, event};

fn redriven(index: u32, function: Option<&str>) -> Redriven {
    let sequence = SequenceNumber::parse("5").unwrap();
    let position = Position { sequence, sub_sequence: 3, index };
    let place = Place { shard_id: "first".to_owned(), position, arrived_at_ms: ARRIVED_AT_MS - 1 };
    Redriven { place, function: function.map(str::to_owned) }
}

fn batch(data: impl Into<Bytes>) -> KinesisBatch {
    BatchBuilder::starting_at(100).raw("u", data).build()
}

/// Reason and field of each refusal; `None` for an event.
fn refusals(batch: &KinesisBatch) -> Vec<Option<(Reason, String)>> {
    let opened = Batch::open(batch);
    let refusal = |unit: millrace_lambda::Unit<'_>| unit.event.err().map(|it| (it.reason, it.field));
    opened.units().list.into_iter().map(refusal).collect()
}

#[test]
fn an_event_stands_where_its_carrier_stands_and_remembers_its_first_place() {
    let events = [event("1", "u"), event("2", "u")].map(|event| event.text());
    let source =
        batch(pack(&redriven(4, Some("sessions")), "u", format!("[{}]", events.join(",")).as_bytes()));
    let opened = Batch::open(&source);
    let units = opened.units().list;
    assert_eq!(units.len(), 2);
    for (index, (unit, text)) in (0..).zip(units.iter().zip(&events)) {
        let sequence = source.records[0].sequence_number.clone();
        assert_eq!(unit.position, Position { sequence, sub_sequence: 0, index });
        assert_eq!((unit.arrived_at_ms, unit.bytes), (ARRIVED_AT_MS, text.as_bytes()));
        assert_eq!(unit.redriven.as_deref(), Some(&redriven(4 + index, Some("sessions"))));
        assert!(unit.is_for("sessions") && !unit.is_for("archive") && unit.event.is_ok());
    }
}

#[test]
fn frames_are_opened_in_a_carrier_and_around_it() {
    let framed = |payload: &[u8]| [&[3, 0][..], &[0; 16], payload].concat();
    let text = event("1", "u").text();
    let inner = framed(text.as_bytes());
    let source = batch(framed(pack(&redriven(0, None), "u", &inner).as_bytes()));
    let opened = Batch::open(&source);
    let units = opened.units().list;
    assert_eq!((units[0].event.is_ok(), units[0].bytes), (true, text.as_bytes()));
    let damaged = framed(pack(&redriven(0, None), "u", &inner[..5]).as_bytes());
    let source = batch(damaged);
    let opened = Batch::open(&source);
    let units = opened.units().list;
    let reason = units[0].event.as_ref().unwrap_err().reason;
    assert_eq!((reason, units[0].bytes), (Reason::Frame, &inner[..5]));
}

#[test]
fn a_carrier_in_a_carrier_or_among_other_events_is_refused() {
    let carrier = pack(&redriven(0, None), "u", event("1", "u").text().as_bytes());
    let refusal = Some((Reason::Envelope, "type".to_owned()));
    assert_eq!(refusals(&batch(pack(&redriven(0, None), "u", carrier.as_bytes()))), vec![refusal.clone(); 1]);
    assert_eq!(refusals(&batch(format!("[{carrier},{}]", event("2", "u").text()))), [refusal.clone(), None]);
    let sub_records = [carrier.clone(), event("2", "u").text()]
        .map(|text| SubRecord { partition_key: "u", data: text.into() });
    assert_eq!(refusals(&batch(aggregate(&sub_records))), [refusal.clone(), None]);
    let escaped = carrier.replace("record.redriven", r"record\u002eredriven");
    assert_eq!(refusals(&batch(escaped)), [refusal]);
}

#[test]
fn an_aggregate_in_a_carrier_is_not_taken_apart() {
    let aggregate = BatchBuilder::default().aggregate(&[event("1", "u")]).build().records[0].data.clone();
    let refusals = refusals(&batch(pack(&redriven(0, None), "u", &aggregate)));
    assert_eq!(refusals, [Some((Reason::NotJson, String::new()))]);
}

#[test]
fn a_broken_carrier_is_refused_with_its_own_bytes_and_place() {
    let text = pack(&redriven(0, None), "u", b"{}").replace("urn:millrace:redrive", "urn:other");
    let source = batch(text.clone());
    let opened = Batch::open(&source);
    let units = opened.units().list;
    let invalid = units[0].event.as_ref().unwrap_err();
    assert_eq!((invalid.reason, invalid.field.as_str()), (Reason::Envelope, "source"));
    assert_eq!((units[0].bytes, units[0].redriven.as_ref()), (text.as_bytes(), None));
}

#[test]
fn a_carrier_that_came_before_its_record_or_under_another_key_is_refused() {
    let event: EventBuilder = event("1", "u");
    let text = pack(&redriven(0, None), "u", &event.bytes());
    let early = BatchBuilder::default().arrived_at_ms(ARRIVED_AT_MS - 2).raw("u", text.clone()).build();
    assert_eq!(refusals(&early), [Some((Reason::Contract, "data.arrived_at".to_owned()))]);
    let other = BatchBuilder::default().raw("v", text).build();
    assert_eq!(refusals(&other), [Some((Reason::PartitionKey, "subject".to_owned()))]);
}

#[test]
fn what_inflates_in_a_carrier_counts_against_its_record() {
    let spaces = vec![b' '; 10 * 1024 * 1024];
    assert_eq!(
        refusals(&batch(pack(&redriven(0, None), "u", &spaces)))[0].as_ref().unwrap().0,
        Reason::NotJson
    );
    let more = vec![b' '; 10 * 1024 * 1024 + 1];
    let refusal = Some((Reason::Contract, "data.payload".to_owned()));
    assert_eq!(refusals(&batch(pack(&redriven(0, None), "u", &more))), [refusal]);
}

#[test]
fn an_event_that_only_mentions_the_type_is_an_event() {
    let mentions = event("record.redriven", "u");
    assert_eq!(refusals(&batch(mentions.bytes())), [None]);
}
