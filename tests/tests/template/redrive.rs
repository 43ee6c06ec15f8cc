//! What redrive may do, and how long.

use std::collections::BTreeSet;

use redrive::config::{CONSUMERS, Config};
use redrive::{DeadLetters, MARKS_ROOT};

use crate::roles::{rights, set};
use crate::yaml::{
    binary, find, items, mappings, number, policies, referred, resource, resources, stream_functions, tagged,
    text, texts,
};

#[test]
fn it_reads_dead_letters_and_writes_marks_and_records_alone() {
    let on = |root: &str| format!("${{DeadLetterBucket.Arn}}/{root}*");
    let roots = [DeadLetters::OnFailure.root(), DeadLetters::Quarantine.root(), MARKS_ROOT];
    let mut expected: BTreeSet<_> = roots.map(|root| ("s3:GetObject".to_owned(), on(root))).into();
    expected.extend(set(&[
        ("s3:PutObject", on(MARKS_ROOT).as_str()),
        ("s3:ListBucket", "DeadLetterBucket.Arn"),
        ("kinesis:PutRecords", "Events.Arn"),
        ("logs:CreateLogStream", "RedriveLog.Arn"),
        ("logs:PutLogEvents", "RedriveLog.Arn"),
    ]));
    assert_eq!(rights(resource("RedriveRole")), expected);
}

#[test]
fn it_lists_dead_letters_and_marks_alone() {
    let [policy] = policies(resource("RedriveRole"))[..] else { panic!("one policy") };
    let statements = items(find(policy, "PolicyDocument/Statement").unwrap());
    let lists =
        statements.into_iter().filter(|it| texts(&it["Action"]).contains(&"s3:ListBucket".to_owned()));
    let [list] = lists.collect::<Vec<_>>()[..] else { panic!("one statement") };
    let prefixes = find(list, "Condition/StringLike/s3:prefix").expect("below prefixes alone");
    let roots = [DeadLetters::OnFailure.root(), DeadLetters::Quarantine.root(), MARKS_ROOT];
    assert_eq!(texts(prefixes), roots.map(|root| format!("{root}*")));
}

#[test]
fn it_runs_by_hand_and_as_long_as_a_function_may() {
    let function = resource("RedriveFunction");
    assert_eq!(number(function.get("Timeout")), 900);
    assert!(function.find("Events").is_none(), "whoever calls it says what to bring back");
}

#[test]
fn it_reads_the_dead_letter_bucket_of_the_others_and_puts_into_the_stream_of_events() {
    let variable = |name: &str| {
        referred(resource("RedriveFunction").get(&format!("Environment/Variables/{name}"))).unwrap().id
    };
    for mapping in mappings() {
        let destination = referred(mapping.get("DestinationConfig/OnFailure/Destination")).unwrap();
        assert_eq!(destination.id, variable("DEAD_LETTER_BUCKET"), "{}", mapping.id());
    }
    // Dead letters of signals come back there too; `inventory` relays its own into the stream of signals.
    assert_eq!(variable("EVENTS_STREAM"), "Events");
    let quarantine = resource("QuarantineDeliveryStream").get("ExtendedS3DestinationConfiguration/Prefix");
    assert!(text(quarantine).starts_with(DeadLetters::Quarantine.root()));
}

#[test]
fn it_knows_every_consumer_by_the_name_that_it_is_deployed_under() {
    let consumers: BTreeSet<_> = stream_functions().into_iter().map(binary).collect();
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
        assert_eq!(config.consumer_of(&arn), Some(binary(function).as_str()));
    }
}

#[test]
fn marks_are_forgotten_when_their_objects_are() {
    let [bucket] =
        resources("AWS::S3::Bucket").into_iter().filter(|it| it.id == "DeadLetterBucket").collect::<Vec<_>>()
            [..]
    else {
        panic!("one bucket")
    };
    let rules = items(bucket.get("LifecycleConfiguration/Rules"));
    let days = |root: &str| {
        let rule = rules.iter().find(|rule| find(rule, "Prefix").is_some_and(|prefix| text(prefix) == root));
        let rule = rule.unwrap();
        assert_eq!(find(rule, "Status").map(text).as_deref(), Some("Enabled"), "{root}");
        tagged(find(rule, "ExpirationInDays").unwrap(), "Ref").unwrap().to_owned()
    };
    assert_eq!(days(MARKS_ROOT), days(DeadLetters::OnFailure.root()));
    assert_eq!(days(MARKS_ROOT), days(DeadLetters::Quarantine.root()));
}
