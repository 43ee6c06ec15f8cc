//! Alarms on metrics that exist. One on a metric that nobody writes stays quiet for ever.

use std::collections::BTreeSet;

use millrace_domain::Verdict;
use millrace_lambda::emf::{GAUGES, METRICS, NAMESPACE};
use serde_norway::Value;

use crate::yaml::{
    Event, Resource, binary, events, find, items, limits, mappings, named, number, resource, resources,
    stream_functions, text,
};

/// The metrics of services' own that alarms use.
const SERVICE_METRICS: &[(&str, &str)] = &[
    ("AWS/EventBridge/Pipes", "ExecutionFailed"),
    ("AWS/EventBridge/Pipes", "ExecutionPartiallyFailed"),
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
    ("AWS/Firehose", "FailedConversion.Records"),
    ("AWS/Firehose", "PartitionCountExceeded"),
    ("AWS/Lambda", "DroppedEventCount"),
    ("AWS/Kinesis", "WriteProvisionedThroughputExceeded"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Invocations"),
    ("AWS/Lambda", "IteratorAge"),
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
];

/// How long Firehose keeps what it cannot deliver.
const FIREHOSE_KEEPS_SECONDS: i64 = 86_400;

/// The metrics of every batch that a consumer may write.
pub(crate) fn of_batches() -> BTreeSet<&'static str> {
    let (metrics, gauges) =
        (METRICS.iter().map(|metric| metric.name()), GAUGES.iter().map(|(name, _)| *name));
    Verdict::COUNTED.into_iter().chain(metrics).chain(gauges).collect()
}

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

fn metrics() -> Vec<Metric> {
    alarms().into_iter().map(|alarm| Metric::of(alarm, find(alarm.body, "Properties").unwrap())).collect()
}

fn own_metrics() -> Vec<Metric> {
    metrics().into_iter().filter(|metric| metric.namespace == NAMESPACE).collect()
}

/// The binaries of the functions that read a stream.
fn binaries() -> BTreeSet<String> {
    stream_functions().into_iter().map(binary).collect()
}

/// What the one dimension of every alarm on this metric names.
fn watched(namespace: &str, name: &str, dimension: &str) -> Vec<String> {
    let on_metric = metrics().into_iter().filter(|it| it.namespace == namespace && it.name == name);
    let watched = on_metric
        .map(|metric| {
            let [only] = items(metric.dimensions)[..] else { panic!("{}: one dimension", metric.alarm.id) };
            assert_eq!(text(&only["Name"]), dimension, "{}", metric.alarm.id);
            named(&only["Value"]).unwrap_or_else(|| panic!("{}: no name", metric.alarm.id)).to_owned()
        })
        .collect();
    sorted(watched)
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// The delivery streams that have this part; there must be some.
fn delivery_streams(part: &str) -> Vec<String> {
    let path = format!("ExtendedS3DestinationConfiguration/{part}");
    let with_part =
        resources("AWS::KinesisFirehose::DeliveryStream").into_iter().filter(|it| it.find(&path).is_some());
    let streams: Vec<String> = with_part.map(|stream| stream.id.to_owned()).collect();
    assert!(!streams.is_empty(), "no delivery stream has {part}");
    sorted(streams)
}

#[test]
fn every_metric_is_written_by_the_code_or_by_its_service() {
    let own = of_batches();
    for metric in metrics() {
        let known = match metric.namespace.as_str() {
            NAMESPACE => own.contains(metric.name.as_str()),
            service => SERVICE_METRICS.contains(&(service, metric.name.as_str())),
        };
        assert!(known, "{}: {} {}", metric.alarm.id, metric.namespace, metric.name);
    }
}

#[test]
fn every_metric_of_ours_is_that_of_a_deployed_consumer() {
    for metric in own_metrics() {
        let [dimension] = items(metric.dimensions)[..] else { panic!("{}: one dimension", metric.alarm.id) };
        assert_eq!(text(&dimension["Name"]), "function", "{}", metric.alarm.id);
        assert!(binaries().contains(&text(&dimension["Value"])), "{}", metric.alarm.id);
    }
}

#[test]
fn every_consumer_is_watched_for_what_it_cannot_finish_or_take() {
    for binary in binaries() {
        let of_binary =
            own_metrics().into_iter().filter(|metric| text(&items(metric.dimensions)[0]["Value"]) == binary);
        let watched: BTreeSet<String> = of_binary.map(|metric| metric.name).collect();
        let mut expected = BTreeSet::from(["partial_batch_responses", "rejected"].map(str::to_owned));
        // The archive keeps no state that another could write, or that an event could be too late for.
        if binary != "archive" {
            expected.extend(["conflicts", "late_per_mille"].map(str::to_owned));
        }
        assert_eq!(watched, expected, "{binary}");
    }
}

#[test]
fn every_function_and_every_stream_is_watched_for_throttling() {
    // One that may run once at a time is throttled by design.
    let functions = resources("AWS::Serverless::Function").into_iter();
    let functions = functions.filter(|it| it.id != "RedriveFunction");
    let functions = sorted(functions.map(|it| it.id.to_owned()).collect());
    assert_eq!(watched("AWS/Lambda", "Throttles", "FunctionName"), functions);
    let streams = resources("AWS::Kinesis::Stream").into_iter().map(|it| it.id.to_owned());
    let watched = watched("AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName");
    assert_eq!(watched, sorted(streams.collect()));
}

#[test]
fn every_consumer_is_watched_for_how_far_it_lies_behind() {
    let functions = stream_functions().into_iter().map(|function| function.id.to_owned());
    assert_eq!(watched("AWS/Lambda", "IteratorAge", "FunctionName"), sorted(functions.collect()));
}

/// Lambda reports how far a function lies behind, and not behind which of its streams.
#[test]
fn whoever_lies_behind_the_signals_is_told_days_before_they_are_gone() {
    let hours = number(resource("Signals").get("RetentionPeriodHours"));
    for Metric { alarm, .. } in metrics().into_iter().filter(|metric| metric.name == "IteratorAge") {
        assert_eq!(text(alarm.get("Statistic")), "Maximum", "{}", alarm.id);
        assert_eq!(text(alarm.get("ComparisonOperator")), "GreaterThanThreshold", "{}", alarm.id);
        let evaluated = number(alarm.get("Period")) * number(alarm.get("EvaluationPeriods"));
        let [_, largest_ms] = limits(alarm.get("Threshold"))[..] else { panic!("{}: from and to", alarm.id) };
        let notified_after = largest_ms / 1_000 + evaluated;
        assert!(notified_after <= hours * 3_600 / 4, "{}: {notified_after} s", alarm.id);
    }
}

#[test]
fn whatever_a_schedule_calls_is_watched_for_failing_and_for_not_being_called() {
    let called = events("ScheduleV2").into_iter().map(|schedule| schedule.function.id.to_owned());
    let called = sorted(called.collect());
    for name in ["Errors", "Invocations"] {
        assert_eq!(watched("AWS/Lambda", name, "FunctionName"), called, "{name}");
    }
    for Metric { alarm, .. } in metrics().into_iter().filter(|metric| metric.name == "Invocations") {
        assert_eq!(text(alarm.get("Statistic")), "Sum", "{}", alarm.id);
        assert_eq!(text(alarm.get("ComparisonOperator")), "LessThanThreshold", "{}", alarm.id);
        assert_eq!(number(alarm.get("Threshold")), 1, "{}", alarm.id);
        let evaluated = number(alarm.get("Period")) * number(alarm.get("EvaluationPeriods"));
        assert_eq!(evaluated, 600, "{}", alarm.id);
    }
}

#[test]
fn every_pipe_and_every_queue_of_dead_letters_is_watched() {
    let pipes = resources("AWS::Pipes::Pipe").into_iter().map(|pipe| pipe.id.to_owned());
    let pipes = sorted(pipes.collect());
    for name in ["ExecutionFailed", "ExecutionPartiallyFailed"] {
        assert_eq!(watched("AWS/EventBridge/Pipes", name, "PipeName"), pipes, "{name}");
    }
    let queues = resources("AWS::SQS::Queue").into_iter().map(|queue| queue.id.to_owned());
    let letters = queues.filter(|id| id.ends_with("DeadLetterQueue"));
    let watched = watched("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName");
    assert_eq!(watched, sorted(letters.collect()));
}

#[test]
fn every_mapping_is_watched_for_what_it_discarded_and_what_it_dropped() {
    let mappings = sorted(mappings().into_iter().map(Event::id).collect());
    for name in ["OnFailureDestinationDeliveredEventCount", "DroppedEventCount"] {
        assert_eq!(watched("AWS/Lambda", name, "EventSourceMappingUUID"), mappings, "{name}");
    }
}

#[test]
fn every_delivery_stream_is_watched_for_what_waits_in_it() {
    let watched = watched("AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName");
    assert_eq!(watched, delivery_streams("BucketARN"));
}

#[test]
fn every_delivery_stream_is_watched_for_rows_that_it_cannot_convert_or_place() {
    for (name, part) in [
        ("FailedConversion.Records", "DataFormatConversionConfiguration"),
        ("PartitionCountExceeded", "DynamicPartitioningConfiguration"),
    ] {
        assert_eq!(watched("AWS/Firehose", name, "DeliveryStreamName"), delivery_streams(part), "{name}");
    }
}

#[test]
fn the_first_record_that_goes_astray_is_told() {
    for (name, statistic) in [
        ("OnFailureDestinationDeliveredEventCount", "Sum"),
        ("DroppedEventCount", "Sum"),
        ("FailedConversion.Records", "Sum"),
        ("PartitionCountExceeded", "Maximum"),
        ("ApproximateNumberOfMessagesVisible", "Maximum"),
        ("rejected", "Sum"),
    ] {
        for Metric { alarm, .. } in metrics().into_iter().filter(|metric| metric.name == name) {
            assert_eq!(text(alarm.get("Statistic")), statistic, "{}", alarm.id);
            assert_eq!(text(alarm.get("ComparisonOperator")), "GreaterThanThreshold", "{}", alarm.id);
            assert_eq!(number(alarm.get("Threshold")), 0, "{}", alarm.id);
            assert_eq!(number(alarm.get("EvaluationPeriods")), 1, "{}", alarm.id);
            assert_eq!(number(alarm.get("Period")), 300, "{}", alarm.id);
        }
    }
}

/// What is normal once in a while raises an alarm when it lasts, as the operator's page says.
#[test]
fn what_lasts_is_told_after_a_quarter_of_an_hour() {
    for (name, statistic, threshold) in [
        ("conflicts", "Sum", 100),
        ("late_per_mille", "Average", 50),
        ("partial_batch_responses", "Sum", 0),
        ("Errors", "Sum", 0),
        ("ExecutionFailed", "Sum", 0),
        ("ExecutionPartiallyFailed", "Sum", 0),
        ("Throttles", "Sum", 0),
        ("WriteProvisionedThroughputExceeded", "Sum", 0),
    ] {
        let of_name: Vec<_> = metrics().into_iter().filter(|metric| metric.name == name).collect();
        assert!(!of_name.is_empty(), "{name}");
        for Metric { alarm, .. } in of_name {
            assert_eq!(text(alarm.get("Statistic")), statistic, "{}", alarm.id);
            assert_eq!(text(alarm.get("ComparisonOperator")), "GreaterThanThreshold", "{}", alarm.id);
            assert_eq!(number(alarm.get("Threshold")), threshold, "{}", alarm.id);
            let evaluated = number(alarm.get("Period")) * number(alarm.get("EvaluationPeriods"));
            assert_eq!(evaluated, 900, "{}", alarm.id);
        }
    }
}

#[test]
fn rows_that_wait_are_told_long_before_firehose_drops_them() {
    let waiting = metrics().into_iter().filter(|metric| metric.name == "DeliveryToS3.DataFreshness");
    for Metric { alarm, .. } in waiting {
        assert_eq!(text(alarm.get("Statistic")), "Maximum", "{}", alarm.id);
        assert_eq!(text(alarm.get("ComparisonOperator")), "GreaterThanThreshold", "{}", alarm.id);
        let evaluated = number(alarm.get("Period")) * number(alarm.get("EvaluationPeriods"));
        let notified_after = number(alarm.get("Threshold")) + evaluated;
        assert!(notified_after <= FIREHOSE_KEEPS_SECONDS / 4, "{}: {notified_after} s", alarm.id);
    }
}

#[test]
fn every_alarm_says_what_it_means() {
    for alarm in alarms() {
        assert!(!text(alarm.get("AlarmDescription")).is_empty(), "{}", alarm.id);
    }
}

#[test]
fn no_alarm_is_told_to_nobody() {
    for alarm in alarms() {
        assert!(alarm.find("ActionsEnabled").is_none_or(|on| text(on) == "true"), "{}", alarm.id);
    }
}

#[test]
fn every_alarm_takes_silence_for_good_unless_silence_is_the_trouble() {
    for alarm in alarms() {
        let on_calls = alarm.find("MetricName").is_some_and(|name| text(name) == "Invocations");
        let expected = if on_calls { "breaching" } else { "notBreaching" };
        assert_eq!(text(alarm.get("TreatMissingData")), expected, "{}", alarm.id);
    }
}
