//! The schedule of `close`.

use close::Request;

use crate::yaml::{Event, events, number, referred, resource, text};

/// A run that did not start is made up for by those of the next minutes.
const AGE_LIMIT_SECONDS: i64 = 300;

fn schedule() -> Event {
    let [schedule] = events("ScheduleV2")[..] else { panic!("one schedule") };
    schedule
}

#[test]
fn it_is_called_every_minute_for_what_is_due() {
    assert_eq!(schedule().function.id, "CloseFunction");
    assert_eq!(text(schedule().get("ScheduleExpression")), "rate(1 minute)");
    assert!(schedule().find("State").is_none_or(|state| text(state) == "ENABLED"));
    assert_eq!(text(schedule().get("FlexibleTimeWindow/Mode")), "OFF");
    let request: Request = serde_json::from_str(&text(schedule().get("Input"))).unwrap();
    assert_eq!(request, Request::default());
    assert_eq!(referred(schedule().get("RoleArn")).unwrap().id, "CloseScheduleRole");
}

#[test]
fn a_second_stack_of_the_region_gets_a_schedule_of_its_own() {
    assert_eq!(text(schedule().get("OmitName")), "true");
}

#[test]
fn old_minutes_are_not_made_up_for() {
    let age = number(schedule().get("RetryPolicy/MaximumEventAgeInSeconds"));
    assert!((60..=AGE_LIMIT_SECONDS).contains(&age), "{age}");
    let function = resource("CloseFunction");
    let age = number(function.get("EventInvokeConfig/MaximumEventAgeInSeconds"));
    assert!((60..=AGE_LIMIT_SECONDS).contains(&age), "{age}");
    assert_eq!(number(function.get("EventInvokeConfig/MaximumRetryAttempts")), 0);
}
