//! What redrive may do, and that it runs alone.

use std::collections::BTreeSet;

use redrive::config::{CONSUMERS, Config};
use redrive::{MARKS_ROOT, Source};
use serde_norway::Value;

use crate::yaml::{
    find, items, number, pairs, referred, resource, resources, stream_functions, tagged, text, texts,
};

/// Everything that the role allows: action, and what on, as it is written.
fn rights() -> BTreeSet<(String, String)> {
    let [policy] = items(resource("RedriveRole").get("Policies"))[..] else { panic!("one policy") };
    let statements = items(find(policy, "PolicyDocument/Statement").unwrap()).into_iter();
    let of_statement = |statement: &'static Value| {
        let targets = items(&statement["Resource"]).into_iter();
        let target = |it: &Value| tagged(it, "Sub").or_else(|| tagged(it, "GetAtt")).unwrap().to_owned();
        let targets: Vec<_> = targets.map(target).collect();
        texts(&statement["Action"])
            .into_iter()
            .flat_map(move |action| targets.clone().into_iter().map(move |target| (action.clone(), target)))
    };
    statements.flat_map(of_statement).collect()
}

#[test]
fn it_reads_what_was_set_aside_and_writes_marks_and_records_alone() {
    let on = |root: &str| format!("${{SetAsideBucket.Arn}}/{root}*");
    let roots = [Source::OnFailure.root(), Source::Quarantine.root(), MARKS_ROOT];
    let mut expected: BTreeSet<_> = roots.map(|root| ("s3:GetObject".to_owned(), on(root))).into();
    expected.extend(
        [
            ("s3:PutObject", on(MARKS_ROOT).as_str()),
            ("s3:ListBucket", "SetAsideBucket.Arn"),
            ("kinesis:PutRecords", "Events.Arn"),
            ("logs:CreateLogStream", "RedriveLog.Arn"),
            ("logs:PutLogEvents", "RedriveLog.Arn"),
        ]
        .map(|(action, target)| (action.to_owned(), target.to_owned())),
    );
    assert_eq!(rights(), expected);
}

#[test]
fn it_runs_alone_and_as_long_as_a_function_may() {
    let function = resource("RedriveFunction");
    assert_eq!(number(function.get("ReservedConcurrentExecutions")), 1);
    assert_eq!(number(function.get("Timeout")), 900);
    assert!(function.find("Events").is_none(), "whoever calls it says what to bring back");
}

#[test]
fn it_reads_the_bucket_that_the_others_set_aside_in_and_puts_into_the_stream_that_they_read() {
    let variable = |name: &str| {
        referred(resource("RedriveFunction").get(&format!("Environment/Variables/{name}"))).unwrap().id
    };
    for function in stream_functions() {
        for (_, event) in pairs(function.get("Events")) {
            let destination = find(event, "Properties/DestinationConfig/OnFailure/Destination").unwrap();
            assert_eq!(referred(destination).unwrap().id, variable("SET_ASIDE_BUCKET"));
            assert_eq!(
                referred(find(event, "Properties/Stream").unwrap()).unwrap().id,
                variable("EVENTS_STREAM")
            );
        }
    }
    let quarantine = resource("QuarantineStream").get("ExtendedS3DestinationConfiguration/Prefix");
    assert!(text(quarantine).starts_with(Source::Quarantine.root()));
}

#[test]
fn it_knows_every_consumer_by_the_name_that_it_is_deployed_under() {
    let consumers: BTreeSet<_> = stream_functions()
        .into_iter()
        .map(|function| text(find(function.body, "Metadata/BuildProperties/Binary").unwrap()))
        .collect();
    assert_eq!(consumers, CONSUMERS.map(str::to_owned).into());
    let look_up =
        |name: &str| match find(resource("RedriveFunction").body, "Properties/Environment/Variables") {
            Some(variables) if name != "LOG_LEVEL" && name != "RECORD_LIMIT_BYTES" => {
                find(variables, name).and_then(referred).map(|resource| resource.id.to_owned())
            }
            _ => None,
        };
    let config = Config::read(look_up).unwrap();
    for function in stream_functions() {
        let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{}", function.id);
        let binary = text(find(function.body, "Metadata/BuildProperties/Binary").unwrap());
        assert_eq!(config.consumer_of(&arn), Some(binary.as_str()));
    }
}

#[test]
fn marks_are_forgotten_when_their_objects_are() {
    let [bucket] = resources("AWS::S3::Bucket")
        .into_iter()
        .filter(|it| it.id == "SetAsideBucket")
        .collect::<Vec<_>>()[..]
    else {
        panic!("one bucket")
    };
    let rules = items(bucket.get("LifecycleConfiguration/Rules"));
    let days = |root: &str| {
        let rule = rules.iter().find(|rule| find(rule, "Prefix").is_some_and(|prefix| text(prefix) == root));
        tagged(find(rule.unwrap(), "ExpirationInDays").unwrap(), "Ref").unwrap().to_owned()
    };
    assert_eq!(days(MARKS_ROOT), days(Source::OnFailure.root()));
    assert_eq!(days(MARKS_ROOT), days(Source::Quarantine.root()));
}
