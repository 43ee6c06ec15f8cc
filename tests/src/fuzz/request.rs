//! `Request`: what a caller asks of redrive.

use millrace_domain::time::{LARGEST_EPOCH_MS, format_rfc3339_ms};
use redrive::DeadLetters;
use redrive::config::CONSUMERS;
use redrive::request::{LIMIT_OBJECTS, Request};
use serde_json::{Value, json};

use super::model;

pub(super) fn run(bytes: &[u8]) {
    let answer = serde_json::from_slice::<Request>(bytes).map_err(|error| error.to_string());
    assert_eq!(answer, serde_json::from_slice(bytes).map_err(|error| error.to_string()));
    let value = serde_json::from_slice::<Value>(bytes).ok();
    if let Some(value) = value.filter(|value| !model::has_a_name_twice(bytes, value)) {
        assert!(answer.is_err() || value.is_object(), "no object, and taken: {answer:?}");
        // How Lambda's runtime reads it does not matter.
        assert_eq!(serde_json::from_value::<Request>(value).ok(), answer.as_ref().ok().cloned());
    }
    match &answer {
        Ok(request) => taken(request),
        // A control character of a quoted text becomes six.
        Err(why) => assert!(!why.is_empty() && why.len() <= 6 * bytes.len() + 400, "{why}"),
    }
}

fn taken(request: &Request) {
    assert!(request.prefix.starts_with(request.dead_letters.root()), "{request:?}");
    assert!((1..=LIMIT_OBJECTS).contains(&request.limit), "{request:?}");
    assert!(request.function.as_deref().is_none_or(|function| CONSUMERS.contains(&function)));
    assert!(request.reason.is_none() || request.dead_letters == DeadLetters::Quarantine, "{request:?}");
    let moments = [request.arrived_from_ms, request.arrived_to_ms];
    assert!(moments.iter().flatten().all(|ms| (0..=LARGEST_EPOCH_MS).contains(ms)), "{request:?}");
    assert!(
        request
            .arrived_from_ms
            .zip(request.arrived_to_ms)
            .is_none_or(|(arrived_from_ms, arrived_to_ms)| arrived_from_ms < arrived_to_ms)
    );
    let written = json!({
        "dead_letters": request.dead_letters, "mode": request.mode, "prefix": request.prefix,
        "function": request.function, "arrived_from": request.arrived_from_ms.map(format_rfc3339_ms),
        "arrived_to": request.arrived_to_ms.map(format_rfc3339_ms),
        "reason": request.reason.map(|reason| reason.code()),
        "shard_id": request.shard_id, "limit": request.limit, "include_done": request.include_done,
    });
    let again: Request = serde_json::from_value(written).expect("a request that was taken is taken again");
    assert_eq!(&again, request);
}
