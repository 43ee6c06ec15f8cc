//! Pipes that hand signals on, and where to.

use millrace_domain::signal::{FRAUD_SUSPECTED, Origin, REFRESH_REQUESTED, Signal};
use millrace_domain::{Position, SequenceNumber, Shard};
use serde_json::{Value as Json, json};
use serde_norway::Value;

use crate::notice::{self, OF_ADDRESS};
use crate::yaml::{
    Resource, find, global, items, named, number, referred, resource, resources, section, tagged, text,
    texts, yaml,
};

const PIPE: &str = "AWS::Pipes::Pipe";
const TOPIC: &str = "AWS::SNS::Topic";
const QUEUE: &str = "AWS::SQS::Queue";

/// Most messages that a topic or a queue takes in one request.
const TARGET_LIMIT_MESSAGES: i64 = 10;
/// The longest that a queue keeps a message.
const QUEUE_KEEPS_SECONDS: i64 = 14 * 86_400;
/// How long the stream of signals keeps its records.
const SIGNALS_SECONDS: i64 = 7 * 86_400;

fn stream(pipe: Resource, path: &str) -> &'static Value {
    pipe.get(&format!("SourceParameters/KinesisStreamParameters/{path}"))
}

fn pattern(pipe: Resource) -> Json {
    let [filter] = items(pipe.get("SourceParameters/FilterCriteria/Filters"))[..] else {
        panic!("{}: one filter", pipe.id)
    };
    serde_json::from_str(&text(&filter["Pattern"])).unwrap()
}

#[test]
fn each_asks_for_one_type_of_signal_where_a_signal_tells_its_type() {
    let asked = |id| pattern(resource(id));
    for (pipe, signal_type) in [("SuspicionsPipe", FRAUD_SUSPECTED), ("RefreshesPipe", REFRESH_REQUESTED)] {
        assert_eq!(asked(pipe), json!({"data": {"type": [signal_type]}}), "{pipe}");
        let sequence = SequenceNumber::parse("1").unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let signal = Signal {
            key: "user-1".to_owned(),
            signal_type,
            id: "1".to_owned(),
            time_ms: 0,
            origin: Origin { shard: Shard::new("events", "shard"), position, index: 0 },
            data: "{}".to_owned(),
        };
        let event: Json = serde_json::from_str(&signal.event_text("fraud").unwrap()).unwrap();
        assert_eq!(event["type"], signal_type);
    }
    assert_eq!(resources(PIPE).len(), 2);
}

#[test]
fn each_begins_with_what_is_new_and_hands_on_what_its_target_takes() {
    for pipe in resources(PIPE) {
        assert_eq!(referred(pipe.get("Source")).unwrap().id, "Signals", "{}", pipe.id);
        assert_eq!(text(stream(pipe, "StartingPosition")), "LATEST", "{}", pipe.id);
        assert_eq!(text(stream(pipe, "OnPartialBatchItemFailure")), "AUTOMATIC_BISECT", "{}", pipe.id);
        assert!((1..=TARGET_LIMIT_MESSAGES).contains(&number(stream(pipe, "BatchSize"))), "{}", pipe.id);
    }
}

#[test]
fn what_cannot_be_handed_on_is_told_while_the_stream_still_has_it() {
    for pipe in resources(PIPE) {
        let age = number(stream(pipe, "MaximumRecordAgeInSeconds"));
        assert!((60..=SIGNALS_SECONDS / 2).contains(&age), "{}: {age}", pipe.id);
        let letters = referred(stream(pipe, "DeadLetterConfig/Arn")).unwrap();
        assert_eq!(letters.id, "PipesDeadLetterQueue", "{}", pipe.id);
    }
}

#[test]
fn what_a_queue_hands_out_in_vain_goes_to_its_dead_letters() {
    let targets = resources(PIPE).into_iter().map(|pipe| referred(pipe.get("Target")).unwrap());
    for queue in targets.filter(|target| target.type_name() == QUEUE) {
        let letters = referred(queue.get("RedrivePolicy/deadLetterTargetArn")).unwrap();
        assert_eq!((letters.id, letters.type_name()), ("RefreshesDeadLetterQueue", QUEUE.to_owned()));
        assert!(number(queue.get("RedrivePolicy/maxReceiveCount")) > 1);
    }
}

/// They keep the age that they had in the queue that they come from.
#[test]
fn dead_letters_are_kept_long_after_others() {
    for queue in resources(QUEUE) {
        let kept = number(queue.get("MessageRetentionPeriod"));
        if queue.find("RedrivePolicy").is_some() {
            assert!(kept <= QUEUE_KEEPS_SECONDS / 2, "{}: {kept}", queue.id);
        } else {
            assert_eq!(kept, QUEUE_KEEPS_SECONDS, "{}", queue.id);
        }
    }
}

/// Whether a policy's statement denies this action on this topic or queue to all who come without TLS.
fn refuses(statement: &Value, action: &str, guarded: Resource) -> bool {
    let over_tls = find(statement, "Condition/Bool/aws:SecureTransport").map(text);
    text(&statement["Effect"]) == "Deny"
        && statement["Principal"] == "*"
        && texts(&statement["Action"]) == [action]
        && named(&statement["Resource"]) == Some(guarded.id)
        && over_tls.as_deref() == Some("false")
}

#[test]
fn topics_and_queues_refuse_whoever_comes_without_tls() {
    for (guarded, policy, list, action) in [
        (TOPIC, "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
        (QUEUE, "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
    ] {
        for guarded in resources(guarded) {
            let policies = resources(policy).into_iter();
            let mut of_it = policies.filter(|policy| {
                let listed = items(policy.get(list));
                listed.iter().all(|name| tagged(name, "Ref") == Some(guarded.id))
            });
            let policy = of_it.next().unwrap_or_else(|| panic!("{} has no policy", guarded.id));
            let statements = items(policy.get("PolicyDocument/Statement"));
            assert!(statements.iter().any(|it| refuses(it, action, guarded)), "{}", guarded.id);
            // A subscriber has its rights in its own role; only alarms have none.
            let expected = if guarded.id == notice::TOPIC { 2 } else { 1 };
            assert_eq!(statements.len(), expected, "{}", guarded.id);
        }
    }
}

#[test]
fn without_examples_nothing_of_them_is_left() {
    let condition = global("Conditions/HasExamplePipes").unwrap();
    assert_eq!(*condition, yaml(r#"!Equals [!Ref ExamplePipes, "true"]"#));
    let of_examples = ["AWS::Pipes::", "AWS::SNS::", "AWS::SQS::"];
    for (id, body) in section("Resources").into_iter().filter(|(id, _)| !OF_ADDRESS.contains(id)) {
        let resource = Resource { id, body };
        let example = of_examples.iter().any(|start| resource.type_name().starts_with(start));
        let role = id.ends_with("PipeRole");
        let namespace = resource.find("Namespace").map(text).unwrap_or_default();
        if example || role || ["AWS/EventBridge/Pipes", "AWS/SQS"].contains(&namespace.as_str()) {
            let condition = find(body, "Condition").map(text);
            assert_eq!(condition.as_deref(), Some("HasExamplePipes"), "{id}");
        }
    }
}
