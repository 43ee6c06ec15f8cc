//! How functions take batches from the stream, and the stream itself.

use serde_norway::Value;

use crate::yaml::{
    Resource, choices, find, items, number, pairs, referred, resources, section, stream_functions, tagged,
    text, texts,
};

/// What must lie between the age limit and the end of the retention: time for retries that began before the limit,
/// and for whoever is woken.
const AGE_MARGIN_SECONDS: i64 = 3_600;

struct Consumer {
    function: Resource,
    mapping: &'static Value,
}

impl Consumer {
    fn get(&self, path: &str) -> &'static Value {
        find(self.mapping, path).unwrap_or_else(|| panic!("{} has no {path}", self.function.id))
    }
}

/// Every event of every function that reads a stream.
fn consumers() -> Vec<Consumer> {
    let functions = stream_functions().into_iter();
    let consumers: Vec<_> = functions
        .flat_map(|function| {
            pairs(function.get("Events")).into_iter().map(move |(_, event)| (function, event))
        })
        .filter(|(_, event)| find(event, "Type").is_some_and(|name| text(name) == "Kinesis"))
        .map(|(function, event)| Consumer { function, mapping: find(event, "Properties").unwrap() })
        .collect();
    assert!(!consumers.is_empty());
    consumers
}

#[test]
fn every_consumer_reports_partial_failures() {
    for consumer in consumers() {
        assert_eq!(
            texts(consumer.get("FunctionResponseTypes")),
            ["ReportBatchItemFailures"],
            "{}",
            consumer.function.id
        );
    }
}

#[test]
fn every_consumer_halves_a_batch_that_breaks_it() {
    for consumer in consumers() {
        assert_eq!(text(consumer.get("BisectBatchOnFunctionError")), "true", "{}", consumer.function.id);
    }
}

#[test]
fn every_consumer_retries_without_end() {
    for consumer in consumers() {
        assert_eq!(number(consumer.get("MaximumRetryAttempts")), -1, "{}", consumer.function.id);
    }
}

#[test]
fn every_consumer_begins_with_the_oldest_record() {
    for consumer in consumers() {
        assert_eq!(text(consumer.get("StartingPosition")), "TRIM_HORIZON", "{}", consumer.function.id);
    }
}

#[test]
fn every_consumer_sets_aside_in_s3_with_the_payload() {
    for consumer in consumers() {
        assert_eq!(text(consumer.get("DestinationConfig/OnFailure/Type")), "S3", "{}", consumer.function.id);
        let target = referred(consumer.get("DestinationConfig/OnFailure/Destination"))
            .expect("a bucket of this template");
        assert_eq!(target.type_name(), "AWS::S3::Bucket", "{}", consumer.function.id);
    }
}

#[test]
fn every_choice_of_age_limit_ends_inside_the_retention() {
    for consumer in consumers() {
        let age = consumer.get("MaximumRecordAgeInSeconds");
        let retention = referred(consumer.get("Stream")).unwrap().get("RetentionPeriodHours");
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
fn every_shard_is_one_line_for_every_consumer() {
    for consumer in consumers() {
        assert_eq!(number(consumer.get("ParallelizationFactor")), 1, "{}", consumer.function.id);
    }
}

#[test]
fn no_consumer_filters() {
    for consumer in consumers() {
        assert!(find(consumer.mapping, "FilterCriteria").is_none(), "{}", consumer.function.id);
    }
}

#[test]
fn every_consumer_counts_what_it_set_aside() {
    for consumer in consumers() {
        assert_eq!(texts(consumer.get("MetricsConfig/Metrics")), ["EventCount"], "{}", consumer.function.id);
    }
}

#[test]
fn batches_keep_the_limits_of_lambda() {
    for consumer in consumers() {
        assert!((1..=10_000).contains(&number(consumer.get("BatchSize"))), "{}", consumer.function.id);
        let window_seconds = number(consumer.get("MaximumBatchingWindowInSeconds"));
        assert!((1..=300).contains(&window_seconds), "{}", consumer.function.id);
    }
}

#[test]
fn a_stream_is_encrypted_and_goes_by_the_partition_key() {
    for stream in resources("AWS::Kinesis::Stream") {
        assert_eq!(text(stream.get("StreamEncryption/EncryptionType")), "KMS", "{}", stream.id);
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
