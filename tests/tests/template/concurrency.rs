//! Executions that functions reserve, and how many lines of a shard each consumer has.

use crate::roles::rights;
use crate::yaml::{
    Resource, global, limits, mappings, number, referred, resource, resources, stream_functions, tagged,
    text, yaml,
};

const RESERVED: &str = "ReservedConcurrentExecutions";

/// Whether a function may emit signals.
fn emits(function: Resource) -> bool {
    let role = referred(function.get("Role")).unwrap();
    rights(role).contains(&("kinesis:PutRecords".to_owned(), "Signals.Arn".to_owned()))
}

#[test]
fn every_shard_is_one_line_for_every_consumer_that_emits() {
    let of_all: Vec<_> = mappings();
    assert!(of_all.iter().any(|it| emits(it.function)) && of_all.iter().any(|it| !emits(it.function)));
    for mapping in of_all {
        let factor = mapping.get("ParallelizationFactor");
        match emits(mapping.function) {
            true => assert_eq!(*factor, yaml("1"), "{}", mapping.id()),
            false => {
                assert_eq!(tagged(factor, "Ref"), Some("ArchiveParallelizationFactor"), "{}", mapping.id());
                assert_eq!((number(factor), limits(factor)), (1, vec![1, 10]), "{}", mapping.id());
            }
        }
    }
}

/// A function keeps its state right only while each key has one sequence.
#[test]
fn whoever_keeps_state_emits() {
    for function in stream_functions() {
        let writes = rights(referred(function.get("Role")).unwrap());
        let keeps_state = writes.iter().any(|(action, _)| action.starts_with("dynamodb:"));
        assert_eq!(keeps_state, emits(function), "{}", function.id);
    }
}

#[test]
fn redrive_runs_alone_unless_the_account_has_no_room_to_reserve() {
    let reserved = resource("RedriveFunction").get(RESERVED);
    assert_eq!(*reserved, yaml("!If [ReservesRedrive, 1, !Ref AWS::NoValue]"));
    let condition = global("Conditions/ReservesRedrive").unwrap();
    assert_eq!(*condition, yaml(r#"!Equals [!Ref ReserveConcurrency, "true"]"#));
    assert_eq!(text(global("Parameters/ReserveConcurrency/Default").unwrap()), "true");
}

#[test]
fn every_consumer_and_no_other_function_reserves_what_is_asked_for() {
    let expected =
        yaml("!If [HasConsumerReservedConcurrency, !Ref ConsumerReservedConcurrency, !Ref AWS::NoValue]");
    let consumers = stream_functions();
    for function in resources("AWS::Serverless::Function") {
        if consumers.iter().any(|consumer| consumer.id == function.id) {
            assert_eq!(*function.get(RESERVED), expected, "{}", function.id);
        } else if function.id != "RedriveFunction" {
            assert!(function.find(RESERVED).is_none(), "{}", function.id);
        }
    }
    let condition = global("Conditions/HasConsumerReservedConcurrency").unwrap();
    assert_eq!(*condition, yaml(r#"!Not [!Equals [!Ref ConsumerReservedConcurrency, ""]]"#));
    assert_eq!(text(global("Parameters/ConsumerReservedConcurrency/Default").unwrap()), "");
}
