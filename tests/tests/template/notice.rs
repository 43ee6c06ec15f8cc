//! Whom alarms tell: a topic that is given, and an address.

use serde_norway::Value;

use crate::yaml::{find, global, items, resource, resources, yaml};

/// The topic of the address. It is the one that is not encrypted.
pub(crate) const TOPIC: &str = "AlarmTopic";

/// Everything that is there for the address alone.
pub(crate) const OF_ADDRESS: [&str; 3] = [TOPIC, "AlarmTopicPolicy", "AlarmSubscription"];

#[test]
fn every_alarm_tells_the_topic_and_the_address_that_are_given() {
    let expected = yaml(
        "[!If [HasAlarmTopic, !Ref AlarmTopicArn, !Ref AWS::NoValue],
          !If [HasAlarmEmail, !Ref AlarmTopic, !Ref AWS::NoValue]]",
    );
    for alarm in resources("AWS::CloudWatch::Alarm") {
        assert_eq!(*alarm.get("AlarmActions"), expected, "{}", alarm.id);
    }
    for (condition, parameter) in [("HasAlarmTopic", "AlarmTopicArn"), ("HasAlarmEmail", "AlarmEmail")] {
        let expected = yaml(&format!(r#"!Not [!Equals [!Ref {parameter}, ""]]"#));
        assert_eq!(*global(&format!("Conditions/{condition}")).unwrap(), expected, "{condition}");
        assert_eq!(
            *global(&format!("Parameters/{parameter}/Default")).unwrap(),
            yaml(r#""""#),
            "{parameter}"
        );
    }
}

#[test]
fn without_an_address_nothing_of_it_is_left() {
    for id in OF_ADDRESS {
        assert_eq!(find(resource(id).body, "Condition"), Some(&yaml("HasAlarmEmail")), "{id}");
    }
}

#[test]
fn the_address_is_the_only_one_that_the_topic_of_alarms_tells() {
    let [subscription] = resources("AWS::SNS::Subscription")[..] else { panic!("one subscription") };
    let expected = yaml("{TopicArn: !Ref AlarmTopic, Protocol: email, Endpoint: !Ref AlarmEmail}");
    assert_eq!(*find(subscription.body, "Properties").unwrap(), expected);
}

#[test]
fn alarms_of_this_account_alone_may_tell_the_topic_and_only_over_tls() {
    let statements = items(resource("AlarmTopicPolicy").get("PolicyDocument/Statement"));
    let allowed: Vec<&Value> = statements.into_iter().filter(|it| it["Effect"] == "Allow").collect();
    let expected = yaml(
        "{Sid: AlarmsOfThisAccount, Effect: Allow, Principal: {Service: cloudwatch.amazonaws.com},
          Action: sns:Publish, Resource: !Ref AlarmTopic,
          Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}}",
    );
    assert_eq!(allowed, [&expected]);
}

/// CloudWatch may not use the key that SNS manages, and one's own only if its policy says so: an alarm that cannot be
/// told says nothing of it.
#[test]
fn the_topic_of_alarms_has_no_key() {
    assert!(resource(TOPIC).find("KmsMasterKeyId").is_none());
}
