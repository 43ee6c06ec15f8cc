//! Alarms on metrics that exist. One on a metric that nobody writes stays quiet for ever.

use std::collections::BTreeSet;

use millrace_domain::Verdict;
use millrace_lambda::emf::{METRICS, NAMESPACE};
use serde_norway::Value;

use crate::yaml::{Resource, find, items, referred, resources, text};

/// The metrics of Lambda's and Firehose's own that alarms use.
const SERVICE_METRICS: &[(&str, &str)] = &[
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
    ("AWS/Lambda", "IteratorAge"),
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"),
];

struct Metric {
    alarm: Resource,
    namespace: String,
    name: String,
    dimensions: &'static Value,
}

impl Metric {
    fn of(alarm: Resource, metric: &'static Value) -> Self {
        let get =
            |name: &str| find(metric, name).unwrap_or_else(|| panic!("{}: a metric has no {name}", alarm.id));
        let (namespace, name) = (text(get("Namespace")), text(get("MetricName")));
        Self { alarm, namespace, name, dimensions: get("Dimensions") }
    }
}

fn alarms() -> Vec<Resource> {
    resources("AWS::CloudWatch::Alarm")
}

/// The metrics that an alarm combines; none when it names its one metric itself.
fn parts(alarm: Resource) -> Vec<&'static Value> {
    alarm.find("Metrics").map(items).unwrap_or_default()
}

fn metrics() -> Vec<Metric> {
    let of_alarm = |alarm: Resource| match alarm.find("Metrics") {
        None => vec![Metric::of(alarm, find(alarm.body, "Properties").unwrap())],
        Some(_) => {
            let metrics = parts(alarm).into_iter().filter_map(|part| find(part, "MetricStat/Metric"));
            metrics.map(|metric| Metric::of(alarm, metric)).collect()
        }
    };
    alarms().into_iter().flat_map(of_alarm).collect()
}

fn own_metrics() -> Vec<Metric> {
    metrics().into_iter().filter(|metric| metric.namespace == NAMESPACE).collect()
}

fn binaries() -> BTreeSet<String> {
    let functions = resources("AWS::Serverless::Function").into_iter();
    functions.map(|function| text(find(function.body, "Metadata/BuildProperties/Binary").unwrap())).collect()
}

#[test]
fn every_metric_is_written_by_the_code_or_by_its_service() {
    let own: BTreeSet<&str> =
        Verdict::COUNTED.into_iter().chain(METRICS.iter().map(|(name, _)| *name)).collect();
    for metric in metrics() {
        let known = match metric.namespace.as_str() {
            NAMESPACE => own.contains(metric.name.as_str()),
            service => SERVICE_METRICS.contains(&(service, metric.name.as_str())),
        };
        assert!(known, "{}: {} {}", metric.alarm.id, metric.namespace, metric.name);
    }
}

#[test]
fn every_metric_of_ours_is_that_of_a_deployed_function() {
    for metric in own_metrics() {
        let [dimension] = items(metric.dimensions)[..] else { panic!("{}: one dimension", metric.alarm.id) };
        assert_eq!(text(&dimension["Name"]), "function", "{}", metric.alarm.id);
        assert!(binaries().contains(&text(&dimension["Value"])), "{}", metric.alarm.id);
    }
}

#[test]
fn every_function_is_watched_for_what_it_cannot_finish_or_take() {
    for binary in binaries() {
        let of_binary =
            own_metrics().into_iter().filter(|metric| text(&items(metric.dimensions)[0]["Value"]) == binary);
        let watched: BTreeSet<String> = of_binary.map(|metric| metric.name).collect();
        let expected = ["partial_failures", "invalid", "collision", "poisoned"];
        assert_eq!(watched, expected.map(str::to_owned).into(), "{binary}");
    }
}

#[test]
fn every_function_is_watched_for_how_far_it_lies_behind() {
    let behind = metrics().into_iter().filter(|metric| metric.name == "IteratorAge");
    let mut watched: Vec<&str> =
        behind.map(|it| referred(&items(it.dimensions)[0]["Value"]).unwrap().id).collect();
    let mut functions: Vec<&str> =
        resources("AWS::Serverless::Function").into_iter().map(|it| it.id).collect();
    watched.sort_unstable();
    functions.sort_unstable();
    assert_eq!(watched, functions);
}

#[test]
fn an_expression_uses_only_metrics_of_its_alarm() {
    for alarm in alarms() {
        let ids: BTreeSet<String> = parts(alarm).into_iter().map(|part| text(&part["Id"])).collect();
        for expression in parts(alarm).into_iter().filter_map(|part| find(part, "Expression")).map(text) {
            let unknown = expression.split(" + ").find(|id| !ids.contains(*id));
            assert_eq!(unknown, None, "{}", alarm.id);
        }
    }
}

#[test]
fn every_alarm_tells_the_topic_and_takes_silence_for_good() {
    for alarm in alarms() {
        assert!(alarm.find("AlarmActions").is_some(), "{}", alarm.id);
        assert_eq!(text(alarm.get("TreatMissingData")), "notBreaching", "{}", alarm.id);
    }
}
