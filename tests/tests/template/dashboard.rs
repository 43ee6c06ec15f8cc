//! The dashboard shows metrics that somebody writes, of what is deployed, and leaves no consumer out.

use std::collections::BTreeSet;

use close::{Answer, Taken};
use millrace_domain::signal::{
    CART_ABANDONED, FRAUD_SUSPECTED, REFRESH_REQUESTED, REORDER_REQUESTED, SESSION_CLOSED,
};
use millrace_lambda::emf::{COLD_STARTS, Counted, NAMESPACE, signal_metric};
use serde_json::Value;

use crate::alarms::of_batches;
use crate::yaml::{Event, binary, mappings, resource, resources, stream_functions, tagged};

/// Where a service's metric that is shown comes from: dimension and kind of resource.
const OF_SERVICES: [(&str, &str, &str); 4] = [
    ("IteratorAge", "FunctionName", "AWS::Serverless::Function"),
    ("Throttles", "FunctionName", "AWS::Serverless::Function"),
    ("DeliveryToS3.DataFreshness", "DeliveryStreamName", "AWS::KinesisFirehose::DeliveryStream"),
    ("OnFailureDestinationDeliveredEventCount", "EventSourceMappingUUID", "AWS::Lambda::EventSourceMapping"),
];

/// Which function emits a signal.
const TOLD_BY: [(&str, &str); 5] = [
    (SESSION_CLOSED, "sessions"),
    (CART_ABANDONED, "sessions"),
    (REFRESH_REQUESTED, "sessions"),
    (FRAUD_SUSPECTED, "fraud"),
    (REORDER_REQUESTED, "inventory"),
];

fn widgets() -> Vec<Value> {
    let body = tagged(resource("Dashboard").get("DashboardBody"), "Sub").expect("a text with names in it");
    let body: Value = serde_json::from_str(body).expect("a dashboard is JSON");
    body["widgets"].as_array().unwrap().clone()
}

/// Namespace, metric, dimension and what it names, of every line in every picture.
fn lines() -> Vec<[String; 4]> {
    let metrics =
        widgets().into_iter().flat_map(|it| it["properties"]["metrics"].as_array().unwrap().clone());
    metrics.map(|line| [0, 1, 2, 3].map(|part| line[part].as_str().unwrap().to_owned())).collect()
}

/// Whether a function writes a metric that is not one of every batch.
fn is_written(name: &str, function: &str) -> bool {
    let of_call = || Answer::Taken(Taken::default()).counts().iter().any(|(counted, _)| *counted == name);
    let of_signals = TOLD_BY.iter().any(|(kind, by)| signal_metric(kind) == name && *by == function);
    of_signals || function == close::NAME && of_call()
}

#[test]
fn every_line_of_ours_is_a_metric_that_its_function_writes() {
    let of_batches = of_batches();
    let consumers: BTreeSet<String> = stream_functions().into_iter().map(binary).collect();
    for [namespace, name, dimension, function] in lines().into_iter().filter(|line| line[0] == NAMESPACE) {
        assert_eq!(dimension, "function", "{namespace} {name}");
        let is_of_batches =
            (of_batches.contains(name.as_str()) || name == COLD_STARTS) && consumers.contains(&function);
        assert!(is_of_batches || is_written(&name, &function), "{name} of {function}");
    }
}

#[test]
fn every_other_line_names_a_resource() {
    let ids = |kind: &str| -> BTreeSet<String> {
        match kind {
            "AWS::Lambda::EventSourceMapping" => mappings().into_iter().map(Event::id).collect(),
            kind => resources(kind).into_iter().map(|it| it.id.to_owned()).collect(),
        }
    };
    for [namespace, name, dimension, named] in lines().into_iter().filter(|line| line[0] != NAMESPACE) {
        let (_, by, kind) = OF_SERVICES.iter().find(|(metric, ..)| *metric == name).expect(&name);
        let id = named.strip_prefix("${").and_then(|id| id.strip_suffix('}'));
        assert_eq!(dimension, *by, "{namespace} {name}");
        assert!(id.is_some_and(|id| ids(kind).contains(id)), "{namespace} {name}: {named}");
    }
}

#[test]
fn every_consumer_is_seen() {
    for function in stream_functions() {
        let (id, binary) = (format!("${{{}}}", function.id), binary(function));
        for (name, named) in [("IteratorAge", &id), ("records", &binary), ("rejected", &binary)] {
            let is_shown = lines().iter().any(|line| line[1] == name && line[3] == *named);
            assert!(is_shown, "{name} of {binary}");
        }
    }
}

#[test]
fn pictures_lie_side_by_side() {
    let mut places = BTreeSet::new();
    for widget in widgets() {
        let place = ["x", "y", "width", "height"].map(|side| widget[side].as_u64().unwrap());
        let [x, y, width, height] = place;
        assert!((width, height) == (8, 6) && x % 8 == 0 && y % 6 == 0 && x < 24, "{place:?}");
        assert!(places.insert((x, y)), "two pictures at {x}, {y}");
    }
}
