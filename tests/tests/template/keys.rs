//! One key for everything that holds payloads, and who may use it.

use std::collections::BTreeSet;

use crate::notice::TOPIC;
use crate::yaml::{self, Resource, find, global, items, named, resources, section, tagged, texts, yaml};

/// What is encrypted, where that is said, and how it stands there.
const ENCRYPTED: [(&str, &str, &str); 7] = [
    ("AWS::Kinesis::Stream", "StreamEncryption/KeyId", "!If [HasKmsKey, !Ref KmsKeyArn, alias/aws/kinesis]"),
    (
        "AWS::DynamoDB::Table",
        "SSESpecification",
        "!If [HasKmsKey, {SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !Ref KmsKeyArn}, {SSEEnabled: true}]",
    ),
    (
        "AWS::S3::Bucket",
        "BucketEncryption/ServerSideEncryptionConfiguration",
        "[!If [HasKmsKey, {ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !Ref KmsKeyArn},
               BucketKeyEnabled: true}, {ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]]",
    ),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "DeliveryStreamEncryptionConfigurationInput",
        "!If [HasKmsKey, {KeyType: CUSTOMER_MANAGED_CMK, KeyARN: !Ref KmsKeyArn}, {KeyType: AWS_OWNED_CMK}]",
    ),
    ("AWS::SNS::Topic", "KmsMasterKeyId", "!If [HasKmsKey, !Ref KmsKeyArn, alias/aws/sns]"),
    ("AWS::SQS::Queue", "KmsMasterKeyId", "!If [HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue]"),
    // A queue takes one kind of encryption, and refuses both.
    ("AWS::SQS::Queue", "SqsManagedSseEnabled", "!If [HasKmsKey, !Ref AWS::NoValue, true]"),
];

/// Services whose data is encrypted by the key, by the beginning of their actions.
const SERVICES: [&str; 6] = ["dynamodb", "firehose", "kinesis", "s3", "sns", "sqs"];

/// The policies that let roles use the key, with the condition that they are there.
const POLICIES: [(&str, &str); 2] =
    [("KeyPolicy", "HasKmsKey"), ("PipesKeyPolicy", "HasKmsKeyAndExamplePipes")];

fn policies() -> Vec<Resource> {
    resources("AWS::IAM::Policy")
}

fn roles_of(policy: Resource) -> BTreeSet<&'static str> {
    items(policy.get("Roles")).into_iter().map(|role| named(role).unwrap()).collect()
}

/// The services of encrypted data that a role has any right to.
fn services(role: Resource) -> BTreeSet<String> {
    let policies = yaml::policies(role).into_iter();
    let statements =
        policies.flat_map(|policy| items(find(policy, "PolicyDocument/Statement").unwrap()).into_iter());
    let actions = statements.flat_map(|statement| texts(&statement["Action"]));
    let services = actions.map(|action| action.split(':').next().unwrap().to_owned());
    services.filter(|service| SERVICES.contains(&service.as_str())).collect()
}

#[test]
fn what_holds_payloads_takes_the_key_that_is_given_and_else_one_of_aws() {
    for (type_name, path, expected) in ENCRYPTED {
        for encrypted in resources(type_name).into_iter().filter(|it| it.id != TOPIC) {
            assert_eq!(*encrypted.get(path), yaml(expected), "{}", encrypted.id);
        }
    }
    for stream in resources("AWS::Kinesis::Stream") {
        assert_eq!(*stream.get("StreamEncryption/EncryptionType"), yaml("KMS"), "{}", stream.id);
    }
}

#[test]
fn a_key_is_used_when_one_is_given() {
    for (name, expected) in [
        ("HasKmsKey", r#"!Not [!Equals [!Ref KmsKeyArn, ""]]"#),
        ("HasKmsKeyAndExamplePipes", "!And [!Condition HasKmsKey, !Condition HasExamplePipes]"),
    ] {
        assert_eq!(*global(&format!("Conditions/{name}")).unwrap(), yaml(expected), "{name}");
    }
    assert_eq!(*global("Parameters/KmsKeyArn/Default").unwrap(), yaml(r#""""#));
}

#[test]
fn the_policies_of_the_key_are_there_when_their_roles_are() {
    let present: Vec<_> = policies().into_iter().map(|policy| policy.id).collect();
    assert_eq!(present, POLICIES.map(|(id, _)| id));
    for (policy, (_, condition)) in policies().into_iter().zip(POLICIES) {
        assert_eq!(find(policy.body, "Condition"), Some(&yaml(condition)), "{}", policy.id);
        for role in roles_of(policy) {
            let of_role = global(&format!("Resources/{role}/Condition"));
            let of_examples = condition.ends_with("ExamplePipes").then(|| yaml("HasExamplePipes"));
            assert_eq!(of_role, of_examples.as_ref(), "{role}");
        }
    }
}

#[test]
fn whoever_has_rights_to_encrypted_data_may_use_the_key_and_nobody_else() {
    let granted: Vec<_> = policies().into_iter().flat_map(roles_of).collect();
    for role in resources("AWS::IAM::Role") {
        let times = granted.iter().filter(|id| **id == role.id).count();
        assert_eq!(times, usize::from(!services(role).is_empty()), "{}", role.id);
    }
}

#[test]
fn the_key_is_used_through_the_services_of_its_roles_alone() {
    for policy in policies() {
        let [statement] = items(policy.get("PolicyDocument/Statement"))[..] else {
            panic!("{}: one statement", policy.id)
        };
        assert_eq!(texts(&statement["Action"]), ["kms:Decrypt", "kms:GenerateDataKey"], "{}", policy.id);
        assert_eq!(tagged(&statement["Resource"], "Ref"), Some("KmsKeyArn"), "{}", policy.id);
        let roles = resources("AWS::IAM::Role").into_iter().filter(|it| roles_of(policy).contains(it.id));
        let needed: BTreeSet<String> = roles.flat_map(services).collect();
        let through =
            find(statement, "Condition/StringEquals/kms:ViaService").expect("through services alone");
        let through: BTreeSet<_> = items(through).into_iter().map(|it| tagged(it, "Sub").unwrap()).collect();
        let expected: Vec<_> =
            needed.iter().map(|service| format!("{service}.${{AWS::Region}}.amazonaws.com")).collect();
        assert_eq!(through, expected.iter().map(String::as_str).collect(), "{}", policy.id);
    }
}

/// Such as a log group or a function, for which the key's policy would want to allow more.
#[test]
fn nothing_else_names_the_key() {
    let known = ["AWS::IAM::Policy"].into_iter().chain(ENCRYPTED.map(|(type_name, ..)| type_name));
    let known: BTreeSet<&str> = known.collect();
    for (id, body) in section("Resources") {
        let written = serde_norway::to_string(body).unwrap();
        let type_name = Resource { id, body }.type_name();
        assert!(!written.contains("KmsKeyArn") || known.contains(type_name.as_str()), "{id}");
    }
}
