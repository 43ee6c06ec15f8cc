//! Traces: off unless they are asked for, and then of every function.

use std::collections::BTreeSet;

use crate::yaml::{find, global, items, named, referred, resource, resources, text, texts, yaml};

/// The policy that lets functions tell their traces. Its rights are on no resource, since X-Ray has none for them.
pub(crate) const POLICY: &str = "TracingPolicy";

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

#[test]
fn every_function_may_tell_its_traces_and_nothing_more_when_they_are_on() {
    let policy = resource(POLICY);
    assert_eq!(find(policy.body, "Condition").map(text).as_deref(), Some("IsTraced"));
    let functions = resources("AWS::Serverless::Function").into_iter();
    let roles: BTreeSet<_> = functions.map(|function| referred(function.get("Role")).unwrap().id).collect();
    let given: BTreeSet<_> =
        items(policy.get("Roles")).into_iter().map(|role| named(role).unwrap()).collect();
    assert_eq!(given, roles);
    let [statement] = items(policy.get("PolicyDocument/Statement"))[..] else { panic!("one statement") };
    assert_eq!(texts(&statement["Action"]), ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]);
}
