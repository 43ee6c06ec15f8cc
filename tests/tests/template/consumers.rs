//! How functions take batches from the streams, and the streams themselves.

use std::collections::BTreeSet;

use serde_norway::Value;

use crate::yaml::{
    Event, choices, find, global, items, limits, mappings, number, referred, resource, resources, section,
    tagged, text, texts, yaml,
};

/// What must lie between the maximum record age and the end of the retention: time for retries that began before the
/// limit, and for whoever is woken.
const AGE_MARGIN_SECONDS: i64 = 3_600;

/// How long the stream of signals keeps its records.
const SIGNALS_HOURS: &str = "168";

#[test]
fn every_consumer_reports_partial_batch_responses() {
    for mapping in mappings() {
        assert_eq!(
            texts(mapping.get("FunctionResponseTypes")),
            ["ReportBatchItemFailures"],
            "{}",
            mapping.id()
        );
    }
}

#[test]
fn every_consumer_halves_a_batch_that_breaks_it() {
    for mapping in mappings() {
        assert_eq!(text(mapping.get("BisectBatchOnFunctionError")), "true", "{}", mapping.id());
    }
}

#[test]
fn every_consumer_retries_without_end() {
    for mapping in mappings() {
        assert_eq!(number(mapping.get("MaximumRetryAttempts")), -1, "{}", mapping.id());
    }
}

#[test]
fn every_consumer_begins_with_the_oldest_record() {
    for mapping in mappings() {
        assert_eq!(text(mapping.get("StartingPosition")), "TRIM_HORIZON", "{}", mapping.id());
    }
}

#[test]
fn every_consumer_discards_into_s3_with_the_payload() {
    for mapping in mappings() {
        assert_eq!(text(mapping.get("DestinationConfig/OnFailure/Type")), "S3", "{}", mapping.id());
        let target = referred(mapping.get("DestinationConfig/OnFailure/Destination"))
            .expect("a bucket of this template");
        assert_eq!(target.type_name(), "AWS::S3::Bucket", "{}", mapping.id());
    }
}

#[test]
fn both_streams_are_read_and_set_up_alike() {
    let read: BTreeSet<_> = mappings().into_iter().map(|mapping| mapping.stream()).collect();
    let streams: BTreeSet<_> =
        resources("AWS::Kinesis::Stream").into_iter().map(|stream| stream.id).collect();
    assert_eq!(read, streams);
    assert_eq!(streams, ["Events", "Signals"].into());
    for path in ["StreamModeDetails", "RecordDistributionStrategy", "StreamEncryption"] {
        assert_eq!(resource("Events").get(path), resource("Signals").get(path), "{path}");
    }
}

#[test]
fn signals_are_never_discarded_for_their_age() {
    for mapping in mappings_of("Signals") {
        assert_eq!(number(mapping.get("MaximumRecordAgeInSeconds")), -1, "{}", mapping.id());
    }
}

#[test]
fn signals_are_kept_for_a_week_whatever_is_chosen() {
    assert_eq!(choices(resource("Signals").get("RetentionPeriodHours")), [SIGNALS_HOURS]);
}

#[test]
fn every_maximum_record_age_ends_inside_the_retention() {
    for mapping in mappings_of("Events") {
        let age = mapping.get("MaximumRecordAgeInSeconds");
        let retention = referred(mapping.get("Stream")).unwrap().get("RetentionPeriodHours");
        let (hours, seconds) = (choices(retention), choices(age));
        let accepted: Vec<_> = product(&hours, &seconds)
            .filter(|(hours, seconds)| rules_accept(&[(retention, hours), (age, seconds)]))
            .collect();
        assert!(accepted.contains(&(&text(retention), &text(age))), "the defaults are refused");
        for (hours, seconds) in accepted {
            let (end, limit) = (hours.parse::<i64>().unwrap() * 3_600, seconds.parse::<i64>().unwrap());
            assert!(
                limit > 0 && limit + AGE_MARGIN_SECONDS <= end,
                "{hours} h of retention with {seconds} s of age"
            );
        }
    }
}

/// The mappings that read this stream; there must be some.
fn mappings_of(stream: &str) -> Vec<Event> {
    let mappings: Vec<_> = mappings().into_iter().filter(|mapping| mapping.stream() == stream).collect();
    assert!(!mappings.is_empty(), "nobody reads {stream}");
    mappings
}

fn product<'a>(left: &'a [String], right: &'a [String]) -> impl Iterator<Item = (&'a String, &'a String)> {
    left.iter().flat_map(move |left| right.iter().map(move |right| (left, right)))
}

/// Whether the template's rules let these values of parameters through.
fn rules_accept(values: &[(&Value, &String)]) -> bool {
    let value_of = |parameter: &Value| {
        let name = tagged(parameter, "Ref");
        let chosen =
            values.iter().find(|(given, _)| tagged(given, "Ref") == name).map(|(_, value)| (*value).clone());
        chosen.unwrap_or_else(|| text(parameter))
    };
    section("Rules").into_iter().all(|(_, rule)| {
        let Some(Value::Tagged(condition)) = find(rule, "RuleCondition") else {
            panic!("a rule has a condition")
        };
        let [left, right] = items(&condition.value)[..] else { panic!("!Equals has two sides") };
        let applies = value_of(left) == value_of(right);
        let mut assertions = items(find(rule, "Assertions").unwrap()).into_iter();
        !applies
            || assertions.all(|assertion| {
                let contains = items(find(assertion, "Assert/Fn::Contains").unwrap());
                let [list, parameter] = contains[..] else { panic!("Fn::Contains has a list and a value") };
                texts(list).contains(&value_of(parameter))
            })
    })
}

#[test]
fn every_consumer_is_on() {
    for mapping in mappings() {
        assert!(mapping.find("Enabled").is_none(), "{}", mapping.id());
    }
}

#[test]
fn no_consumer_filters() {
    for mapping in mappings() {
        assert!(mapping.find("FilterCriteria").is_none(), "{}", mapping.id());
    }
}

#[test]
fn every_consumer_counts_what_it_discarded() {
    for mapping in mappings() {
        assert_eq!(texts(mapping.get("MetricsConfig/Metrics")), ["EventCount"], "{}", mapping.id());
    }
}

#[test]
fn batches_keep_the_limits_of_lambda() {
    for mapping in mappings() {
        for (name, range) in [("BatchSize", 1..=10_000), ("MaximumBatchingWindowInSeconds", 1..=300)] {
            let value = mapping.get(name);
            assert!(range.contains(&number(value)), "{} {name}", mapping.id());
            assert_eq!(limits(value), [*range.start(), *range.end()], "{} {name}", mapping.id());
        }
    }
}

#[test]
fn a_stream_goes_by_the_partition_key() {
    assert_eq!(*global("Conditions/StreamIsOnDemand").unwrap(), yaml("!Equals [!Ref StreamMode, ON_DEMAND]"));
    for stream in resources("AWS::Kinesis::Stream") {
        let Value::Tagged(choice) = stream.get("RecordDistributionStrategy") else {
            panic!("depends on the mode")
        };
        let [condition, on_demand, provisioned] = items(&choice.value)[..] else {
            panic!("!If has three parts")
        };
        assert_eq!(
            (text(condition), text(on_demand)),
            ("StreamIsOnDemand".to_owned(), "USER_PARTITION_KEY".to_owned())
        );
        assert_eq!(tagged(provisioned, "Ref"), Some("AWS::NoValue"));
    }
}
