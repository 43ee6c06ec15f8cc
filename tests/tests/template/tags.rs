//! Tags that a bill can be split by.

use serde_norway::Value;

use crate::yaml::{Resource, binary, resources, section, text, yaml};

/// What costs money or holds data, and takes tags as a list of keys and values.
const LISTED: [&str; 7] = [
    "AWS::DynamoDB::Table",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
];

/// The same of those that take a mapping.
const MAPPED: [&str; 2] = ["AWS::Pipes::Pipe", "AWS::Serverless::Function"];

/// Types that are no part of a bill, or whose part tags do not split.
const OTHERS: [&str; 12] = [
    "AWS::Athena::NamedQuery",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Logs::LogStream",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// What a resource is part of.
fn component(id: &str) -> &'static str {
    match id {
        "Events" | "Signals" => "streams",
        "SessionsTable" | "TimersTable" | "SessionsLog" | "SessionsFunction" => "sessions",
        "ArchiveLog" | "ArchiveFunction" => "archive",
        "FraudTable" | "FraudLog" | "FraudFunction" => "fraud",
        "StockTable" | "ReorderPointsTable" | "InventoryLog" | "InventoryFunction" => "inventory",
        "CloseLog" | "CloseFunction" => "close",
        "RedriveLog" | "RedriveFunction" => "redrive",
        "LakeBucket" | "LakeDeliveryStream" | "DeliveryLog" => "lake",
        "DeadLetterBucket" | "QuarantineDeliveryStream" => "dead-letter",
        "SuspicionsTopic" | "SuspicionsPipe" | "RefreshesPipe" => "subscribers",
        "RefreshesQueue" | "RefreshesDeadLetterQueue" | "PipesDeadLetterQueue" => "subscribers",
        "AlarmTopic" => "alarms",
        other => panic!("what is {other} a part of?"),
    }
}

#[test]
fn whatever_costs_or_holds_data_tells_its_component() {
    let list = |component: &str| {
        yaml(&format!("[{{Key: application, Value: millrace}}, {{Key: component, Value: {component}}}]"))
    };
    let mapping = |component: &str| yaml(&format!("{{application: millrace, component: {component}}}"));
    let of = |types: &[&'static str], shape: &dyn Fn(&str) -> Value| {
        for tagged in types.iter().flat_map(|type_name| resources(type_name)) {
            assert_eq!(*tagged.get("Tags"), shape(component(tagged.id)), "{}", tagged.id);
        }
    };
    of(&LISTED, &list);
    of(&MAPPED, &mapping);
}

#[test]
fn every_type_of_resource_is_tagged_or_left_out_on_purpose() {
    for (id, body) in section("Resources") {
        let type_name = Resource { id, body }.type_name();
        let is_known = [&LISTED[..], &MAPPED, &OTHERS].concat().contains(&type_name.as_str());
        assert!(is_known, "{id}: does {type_name} take tags?");
    }
}

#[test]
fn a_function_is_a_component_by_its_own_name() {
    for function in resources("AWS::Serverless::Function") {
        assert_eq!(text(function.get("Tags/component")), binary(function), "{}", function.id);
    }
}
