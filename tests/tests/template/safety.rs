//! Who may do what, and what is encrypted, private and kept.

use serde_norway::Value;

use crate::tables::REBUILT;
use crate::yaml::{
    Resource, events, find, items, pairs, policies, referred, resources, section, tagged, text, texts, yaml,
};

fn statements(policy: &'static Value) -> Vec<&'static Value> {
    items(find(policy, "Statement").expect("a policy has statements"))
}

/// Every statement of every role, with the role, and of every policy that stands by itself.
fn role_statements() -> Vec<(Resource, &'static Value)> {
    let roles = resources("AWS::IAM::Role").into_iter();
    let policies = roles.flat_map(|role| policies(role).into_iter().map(move |policy| (role, policy)));
    let alone = resources("AWS::IAM::Policy").into_iter();
    let alone = alone.map(|policy| (policy, find(policy.body, "Properties").unwrap()));
    policies
        .chain(alone)
        .flat_map(|(role, policy)| {
            statements(&policy["PolicyDocument"]).into_iter().map(move |it| (role, it))
        })
        .collect()
}

#[test]
fn no_role_is_granted_a_wildcard_of_actions() {
    for (role, statement) in role_statements() {
        assert_eq!(text(&statement["Effect"]), "Allow");
        for action in texts(&statement["Action"]) {
            assert!(!action.contains(['*', '?']), "{}: {action}", role.id);
        }
    }
}

#[test]
fn every_right_is_on_resources_that_are_named() {
    for (role, statement) in role_statements() {
        for target in items(&statement["Resource"]) {
            let arn = tagged(target, "Sub");
            let is_key = tagged(target, "Ref") == Some("KmsKeyArn");
            let named = referred(target).is_some()
                || arn.is_some_and(|arn| arn.contains("${") && !arn.starts_with('*'))
                || is_key && texts(&statement["Action"]).iter().all(|action| action.starts_with("kms:"));
            assert!(named, "{}: {target:?}", role.id);
        }
    }
}

#[test]
fn no_role_takes_rights_from_outside_the_template() {
    for role in resources("AWS::IAM::Role") {
        assert!(role.find("ManagedPolicyArns").is_none(), "{}", role.id);
    }
    for (id, body) in section("Resources") {
        assert_ne!(Resource { id, body }.type_name(), "AWS::IAM::ManagedPolicy", "{id}");
    }
    let mut roles = Vec::new();
    for function in resources("AWS::Serverless::Function") {
        assert!(function.find("Policies").is_none(), "{}", function.id);
        roles.push(referred(function.get("Role")).expect("a role of this template").id);
    }
    for stream in resources("AWS::KinesisFirehose::DeliveryStream") {
        roles.push(referred(stream.get("ExtendedS3DestinationConfiguration/RoleARN")).unwrap().id);
    }
    roles.extend(
        resources("AWS::Pipes::Pipe").into_iter().map(|pipe| referred(pipe.get("RoleArn")).unwrap().id),
    );
    roles.extend(events("ScheduleV2").into_iter().map(|it| referred(it.get("RoleArn")).unwrap().id));
    let count = roles.len();
    roles.sort_unstable();
    roles.dedup();
    assert_eq!(roles.len(), count, "a role is shared: {roles:?}");
    assert_eq!(roles.len(), resources("AWS::IAM::Role").len(), "a role is nobody's");
}

#[test]
fn objects_are_put_only_into_buckets_of_this_account() {
    let puts: Vec<_> = role_statements()
        .into_iter()
        .filter(|(_, statement)| texts(&statement["Action"]).contains(&"s3:PutObject".to_owned()))
        .collect();
    assert!(!puts.is_empty());
    for (role, statement) in puts {
        let account = find(statement, "Condition/StringEquals/s3:ResourceAccount");
        assert_eq!(account.and_then(|account| tagged(account, "Ref")), Some("AWS::AccountId"), "{}", role.id);
    }
}

#[test]
fn every_bucket_is_private() {
    for bucket in resources("AWS::S3::Bucket") {
        let blocks = pairs(bucket.get("PublicAccessBlockConfiguration"));
        assert!(blocks.len() == 4 && blocks.iter().all(|(_, on)| text(on) == "true"), "{}", bucket.id);
    }
}

/// With access control lists, whoever puts an object could give it to others.
#[test]
fn every_bucket_owns_its_objects() {
    for bucket in resources("AWS::S3::Bucket") {
        let owner = bucket.get("OwnershipControls/Rules");
        assert_eq!(*owner, yaml("[{ObjectOwnership: BucketOwnerEnforced}]"), "{}", bucket.id);
    }
}

#[test]
fn every_bucket_refuses_whoever_comes_without_tls() {
    let policies = resources("AWS::S3::BucketPolicy");
    for bucket in resources("AWS::S3::Bucket") {
        let policy = policies.iter().find(|policy| referred(policy.get("Bucket")).unwrap().id == bucket.id);
        let policy = policy.unwrap_or_else(|| panic!("{} has no policy", bucket.id));
        let refuses = |statement: &&Value| {
            let over_tls = find(statement, "Condition/Bool/aws:SecureTransport").map(text);
            let targets = items(&statement["Resource"]);
            text(&statement["Effect"]) == "Deny"
                && texts(&statement["Action"]) == ["s3:*"]
                && text(&statement["Principal"]) == "*"
                && over_tls.as_deref() == Some("false")
                && targets
                    .iter()
                    .any(|target| tagged(target, "GetAtt") == Some(&format!("{}.Arn", bucket.id)))
                && targets
                    .iter()
                    .any(|target| tagged(target, "Sub") == Some(&format!("${{{}.Arn}}/*", bucket.id)))
        };
        // Whoever reads or writes has the right to in a role, so that this is all that the policy says.
        let [statement] = statements(policy.get("PolicyDocument"))[..] else { panic!("{}", policy.id) };
        assert!(refuses(&statement), "{}", bucket.id);
    }
}

#[test]
fn what_holds_data_outlives_the_stack() {
    let tables = resources("AWS::DynamoDB::Table").into_iter().filter(|table| table.id != REBUILT);
    for kept in resources("AWS::S3::Bucket").into_iter().chain(tables) {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(find(kept.body, policy).map(text).as_deref(), Some("Retain"), "{} {policy}", kept.id);
        }
    }
}

#[test]
fn every_delivery_stream_tells_its_errors() {
    for stream in resources("AWS::KinesisFirehose::DeliveryStream") {
        let logging = stream.get("ExtendedS3DestinationConfiguration/CloudWatchLoggingOptions/Enabled");
        assert_eq!(text(logging), "true", "{}", stream.id);
    }
}

#[test]
fn nobody_calls_a_function_from_outside() {
    for function in resources("AWS::Serverless::Function") {
        assert!(function.find("FunctionUrlConfig").is_none(), "{}", function.id);
    }
    let streams_and_schedules = events("Kinesis").len() + events("ScheduleV2").len();
    let functions = resources("AWS::Serverless::Function").into_iter();
    let all = functions.flat_map(|function| function.find("Events").map(pairs).unwrap_or_default());
    assert_eq!(all.count(), streams_and_schedules, "an event of another type");
    for (id, body) in section("Resources") {
        let type_name = Resource { id, body }.type_name();
        assert!(!["AWS::Lambda::Url", "AWS::Lambda::Permission"].contains(&type_name.as_str()), "{id}");
    }
}
