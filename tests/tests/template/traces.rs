//! Traces: off unless they are asked for, and then of every function.

use std::collections::BTreeSet;

use serde_norway::Value;

use crate::yaml::{global, items, referred, resources, texts, yaml};

/// The one policy with rights on everything: X-Ray has no resources that could be named.
const POLICY: &str = "
    !If
      - IsTraced
      - PolicyName: tracing
        PolicyDocument:
          Version: '2012-10-17'
          Statement:
            - Sid: PutTraces
              Effect: Allow
              Action: [xray:PutTelemetryRecords, xray:PutTraceSegments]
              Resource: '*'
      - !Ref AWS::NoValue";

#[test]
fn traces_are_off_unless_they_are_asked_for() {
    assert_eq!(*global("Parameters/Tracing/Default").unwrap(), yaml("PassThrough"));
    assert_eq!(texts(global("Parameters/Tracing/AllowedValues").unwrap()), ["PassThrough", "Active"]);
    assert_eq!(*global("Conditions/IsTraced").unwrap(), yaml("!Equals [!Ref Tracing, Active]"));
    assert_eq!(*global("Globals/Function/Tracing").unwrap(), yaml("!Ref Tracing"));
    for function in resources("AWS::Serverless::Function") {
        assert!(function.find("Tracing").is_none(), "{} has a mind of its own", function.id);
    }
}

/// In the role itself, which is there before its function: Lambda refuses to trace one that may not tell.
#[test]
fn every_function_may_tell_its_traces_and_nothing_more_when_they_are_on() {
    let functions = resources("AWS::Serverless::Function").into_iter();
    let of_functions: BTreeSet<_> =
        functions.map(|function| referred(function.get("Role")).unwrap().id).collect();
    for role in resources("AWS::IAM::Role") {
        let conditional: Vec<&Value> =
            items(role.get("Policies")).into_iter().filter(|policy| !policy.is_mapping()).collect();
        match of_functions.contains(role.id) {
            true => assert_eq!(conditional, [&yaml(POLICY)], "{}", role.id),
            false => assert!(conditional.is_empty(), "{}", role.id),
        }
    }
}
