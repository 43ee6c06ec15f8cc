//! Batches that outlived the maximum record age go back for the function that failed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_source_mapping::{Action, MappingInfo, Outcome, Record, Settings, Shard};
use millrace_lambda::KinesisBatch;
use millrace_testkit::{BatchBuilder, event};
use redrive::Status;
use serde_json::{Value, json};

use crate::harness::{World, reasons, record_of};

fn arn(function: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}")
}

/// The event that Lambda hands to a function for this batch.
fn lambda_event(batch: &KinesisBatch) -> Value {
    let record = |record: &millrace_lambda::kinesis_event::KinesisRecord| {
        json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0", "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number.as_str(), "data": STANDARD.encode(&record.data),
                "approximateArrivalTimestamp": record.arrived_at_ms as f64 / 1_000.0,
            },
            "eventSource": "aws:kinesis",
            "eventSourceARN": format!("arn:aws:kinesis:eu-central-1:123456789012:stream/{}", batch.shard.stream()),
            "eventID": format!("{}:{}", batch.shard.id(), record.sequence_number),
        })
    };
    json!({"Records": batch.records.iter().map(record).collect::<Vec<_>>()})
}

/// An object of the on-failure destination, in the shape of the page on retaining discarded records.
pub(crate) fn failure_object(function: &str, batch: Option<&KinesisBatch>) -> Value {
    let mut object = json!({
        "requestContext": {
            "requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5", "functionArn": arn(function),
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0", "timestamp": "2019-11-14T00:38:06.021Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000", "startSequenceNumber": "17", "endSequenceNumber": "18",
            "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:38:05.580Z",
            "batchSize": 2, "streamArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/events",
        },
    });
    if let Some(batch) = batch {
        object["payload"] = lambda_event(batch).to_string().into();
        let ends =
            [("startSequenceNumber", batch.records.first()), ("endSequenceNumber", batch.records.last())];
        for (field, record) in ends {
            object["KinesisBatchInfo"][field] = record.unwrap().sequence_number.as_str().into();
        }
    }
    object
}

#[tokio::test]
async fn a_batch_goes_back_for_the_function_that_failed() {
    let world = World::new();
    let events = [event("1", "u").views("a"), event("2", "v")];
    let batch = BatchBuilder::default().events(&events).build();
    let key = world.add_failure("a", "sessions:live", &batch);
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done, answer.counts.sent, answer.complete), (1, 2, true));
    assert_eq!(world.unwrapped(), [record_of(&events[0]), record_of(&events[1])]);
    assert_eq!(world.redrive_envelope_data("target_function"), ["sessions", "sessions"]);
    assert_eq!(world.redrive_envelope_data("sequence_number")[0], batch.records[0].sequence_number.as_str());
    assert_eq!(world.objects.keys("redriven/"), [format!("redriven/{key}")]);
}

#[tokio::test]
async fn every_form_of_a_response_is_read() {
    let batch = BatchBuilder::default().event(&event("1", "u")).build();
    let unhandled = failure_object("sessions", Some(&batch));
    let mut partial = unhandled.clone();
    partial["responseContext"]["functionError"] = Value::Null;
    let mut never_ran = unhandled.clone();
    never_ran.as_object_mut().unwrap().remove("responseContext");
    for object in [unhandled, partial, never_ran] {
        let world = World::new();
        world.objects.insert("aws/lambda/uuid/shard/a", object.to_string());
        let answer = world.call(json!({"dead_letters": "on_failure"})).await;
        assert_eq!((answer.results[0].status, answer.counts.to_send), (Status::Ready, 1), "{object}");
    }
}

#[tokio::test]
async fn objects_that_the_event_source_mapping_writes_are_read() {
    for outcome in
        [Outcome::FunctionError, Outcome::Returned(br#"{"batchItemFailures":[{"itemIdentifier":"5"}]}"#)]
    {
        let world = World::new();
        let login = event("1", "u");
        let (key, body) = discarded(outcome, login.bytes());
        world.objects.insert(&key, body);
        let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
        assert_eq!((answer.done, answer.counts.events["valid"]), (1, 1), "{answer:?}");
        assert_eq!(world.unwrapped(), [record_of(&login)]);
        assert_eq!(world.redrive_envelope_data("arrived_at"), ["2010-12-31T08:26:00.000Z"]);
    }
}

fn discarded(outcome: Outcome<'_>, data: bytes::Bytes) -> (String, Vec<u8>) {
    let info = MappingInfo {
        mapping_uuid: "7d5a2f4e-0000-4000-8000-000000000001".to_owned(),
        stream_arn: "arn:aws:kinesis:eu-central-1:123456789012:stream/events".to_owned(),
        aws_region: "eu-central-1".to_owned(),
        function_arn: arn("archive"),
        executed_version: "$LATEST".to_owned(),
        invoke_identity_arn: "arn:aws:iam::123456789012:role/lambda".to_owned(),
    };
    let settings =
        Settings { report_batch_item_failures: true, maximum_retry_attempts: Some(0), ..Settings::default() };
    let mut shard = Shard::new(settings, Arc::new(info), "shardId-000000000001").unwrap();
    let arrived_at_ms = 1_293_783_960_000;
    let (sequence_number, partition_key) = ("5".to_owned(), "u".to_owned());
    let record = Record { sequence_number, partition_key, data, approximate_arrival_ms: arrived_at_ms };
    shard.push(record, arrived_at_ms).unwrap();
    let Action::Invoke(invocation) = shard.poll(arrived_at_ms) else { panic!("an invocation") };
    shard.complete(invocation.token, outcome, arrived_at_ms).unwrap();
    let Action::Discard(discarded) = shard.poll(arrived_at_ms) else { panic!("a discard") };
    let record = discarded.failure_record(arrived_at_ms).unwrap();
    (record.key, record.body)
}

#[tokio::test]
async fn aggregates_are_taken_apart_and_each_record_goes_under_its_own_key() {
    let world = World::new();
    let events = [event("1", "u"), event("2", "v"), event("3", "u")];
    world.add_failure("a", "archive", &BatchBuilder::default().aggregate(&events).build());
    world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!(world.unwrapped(), events.each_ref().map(record_of));
    assert_eq!(world.redrive_envelope_data("sub_sequence_number"), [0, 1, 2]);
}

#[tokio::test]
async fn what_cannot_be_read_is_reported_and_the_others_go_on() {
    let world = World::new();
    let batch = BatchBuilder::default().event(&event("1", "u")).build();
    let mut no_batch = failure_object("sessions", None);
    no_batch["payload"] = "{}".into();
    let objects = [
        ("a", "no json".to_owned(), "is no record of an on-failure destination"),
        (
            "b",
            failure_object("sessions", None).to_string(),
            "has no payload (RetryAttemptsExhausted): only the stream",
        ),
        ("c", failure_object("stranger", Some(&batch)).to_string(), "is of a function that is no consumer"),
        ("d", no_batch.to_string(), "its payload is no batch of a stream"),
    ];
    for (name, object, _) in &objects {
        world.objects.insert(&format!("aws/lambda/{name}"), object.clone());
    }
    let good = world.add_failure("good", "sessions", &batch);
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent), (1, 4, 1));
    assert_eq!(world.objects.keys("redriven/"), [format!("redriven/{good}")]);
    let reasons = reasons(&answer);
    for (name, _, expected) in objects {
        let key = format!("aws/lambda/{name}");
        assert!(reasons.iter().any(|(of, why)| *of == key && why.starts_with(expected)), "{reasons:?}");
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_now_ends_the_run() {
    for mode in ["run", "dry_run"] {
        let world = World::new();
        let events = [event("1", "u"), event("2", "u"), event("3", "u")];
        let keys = [("a", 0), ("b", 1), ("c", 2)].map(|(name, at): (_, usize)| {
            let batch = BatchBuilder::starting_at(at as u64 + 1).event(&events[at]).build();
            world.add_failure(name, "sessions", &batch)
        });
        world.objects.fail(&keys[1]);
        let request = json!({"dead_letters": "on_failure", "mode": mode});
        let answer = world.call(request.clone()).await;
        assert_eq!((answer.objects, answer.not_done, answer.remaining, answer.complete), (2, 1, 1, false));
        assert_eq!(answer.error, "an object could not be read");
        assert_eq!(reasons(&answer), [(keys[1].as_str(), "could not be read: the script fails it")]);
        world.objects.heal();
        let answer = world.call(request).await;
        assert!(answer.complete && answer.error.is_empty(), "{answer:?}");
        let expected: Vec<_> = events.iter().map(record_of).collect();
        assert_eq!(world.unwrapped(), if mode == "run" { expected } else { vec![] });
    }
}

#[tokio::test]
async fn a_batch_of_redrive_envelopes_is_not_wrapped_again() {
    let world = World::new();
    let events = [event("1", "u"), event("2", "u")];
    let failed = BatchBuilder::default().events(&events).build();
    world.add_failure("a", "sessions", &failed);
    world.add_failure("b", "archive", &failed);
    world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    let first = world.stream.accepted();
    // The batch of redrive envelopes fails in sessions: those for archive were ignored by it, and are not its loss.
    world.add_failure("c", "sessions", &world.delivered(100));
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done_before, answer.done, answer.counts.not_needed), (2, 1, 2));
    assert_eq!(world.stream.accepted(), first[..2]);
}
