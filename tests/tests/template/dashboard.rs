//! The dashboard shows metrics that somebody writes, of what is deployed, and leaves no function out.

use std::collections::BTreeSet;

use millrace_domain::Verdict;
use millrace_domain::signal::TYPES;
use millrace_lambda::emf::{GAUGES, METRICS, NAMESPACE, signal_metric};
use serde_json::Value;

use crate::yaml::{Event, binary, mappings, resource, resources, stream_functions, tagged};

/// What `close` counts in its answers.
const OF_CALLS: &[(&str, &str)] = &[("timers_put", "close"), ("runs_unfinished", "close")];

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

fn signals() -> BTreeSet<String> {
    TYPES.into_iter().map(signal_metric).collect()
}

#[test]
fn every_line_of_ours_is_a_metric_that_its_function_writes() {
    let told = METRICS.iter().chain(GAUGES).map(|(name, _)| *name);
    let of_batches: BTreeSet<&str> = Verdict::COUNTED.into_iter().chain(told).collect();
    let consumers: BTreeSet<String> = stream_functions().into_iter().map(binary).collect();
    for [namespace, name, dimension, function] in lines().into_iter().filter(|line| line[0] == NAMESPACE) {
        assert_eq!(dimension, "function", "{namespace} {name}");
        let is_of_batches = of_batches.contains(name.as_str()) || signals().contains(&name);
        let known = (is_of_batches && consumers.contains(&function))
            || OF_CALLS.contains(&(name.as_str(), function.as_str()));
        assert!(known, "{name} of {function}");
    }
}

#[test]
fn every_other_line_names_a_resource() {
    let mut ids: BTreeSet<String> = ["AWS::Serverless::Function", "AWS::KinesisFirehose::DeliveryStream"]
        .into_iter()
        .flat_map(resources)
        .map(|it| it.id.to_owned())
        .collect();
    ids.extend(mappings().into_iter().map(Event::id));
    for [namespace, name, _, named] in lines().into_iter().filter(|line| line[0] != NAMESPACE) {
        let id = named.strip_prefix("${").and_then(|id| id.strip_suffix('}'));
        assert!(id.is_some_and(|id| ids.contains(id)), "{namespace} {name}: {named}");
    }
}

#[test]
fn every_consumer_is_seen() {
    for function in stream_functions() {
        let (id, binary) = (format!("${{{}}}", function.id), binary(function));
        for (name, named) in [("IteratorAge", &id), ("records", &binary), ("refused", &binary)] {
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
