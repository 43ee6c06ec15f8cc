//! What each function and each service may do: this, and nothing else.

use std::collections::BTreeSet;

use serde_norway::Value;

use crate::yaml::{
    Resource, binary, find, items, mappings, policies, referred, resource, resources, tagged, texts,
};

/// What whoever reads a stream needs of it.
const READ: [&str; 5] = [
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
];

/// What state is read and committed by.
const STATE: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"];

/// An action, and what on, as the template writes it.
pub(crate) type Right = (String, String);

/// Everything that a role allows.
pub(crate) fn rights(role: Resource) -> BTreeSet<Right> {
    let [policy] = policies(role)[..] else { panic!("{}: one policy", role.id) };
    let statements = items(find(policy, "PolicyDocument/Statement").unwrap()).into_iter();
    let of_statement = |statement: &'static Value| {
        let target = |it: &Value| {
            let name = tagged(it, "Sub").or_else(|| tagged(it, "GetAtt")).or_else(|| tagged(it, "Ref"));
            name.unwrap_or_else(|| panic!("{}: {it:?}", role.id)).to_owned()
        };
        let targets: Vec<_> = items(&statement["Resource"]).into_iter().map(target).collect();
        texts(&statement["Action"])
            .into_iter()
            .flat_map(move |action| targets.clone().into_iter().map(move |target| (action.clone(), target)))
    };
    statements.flat_map(of_statement).collect()
}

/// These rights.
pub(crate) fn set(rights: &[(&str, &str)]) -> BTreeSet<Right> {
    rights.iter().map(|(action, target)| ((*action).to_owned(), (*target).to_owned())).collect()
}

/// What every consumer may do: read its streams, quarantine, have its discarded batches written, and log.
fn of_consumer(function: Resource) -> BTreeSet<Right> {
    let name = function.id.strip_suffix("Function").unwrap();
    let mut rights = set(&[
        ("firehose:PutRecordBatch", "QuarantineDeliveryStream.Arn"),
        ("s3:PutObject", "${DeadLetterBucket.Arn}/*"),
        ("s3:ListBucket", "DeadLetterBucket.Arn"),
        ("logs:CreateLogStream", &format!("{name}Log.Arn")),
        ("logs:PutLogEvents", &format!("{name}Log.Arn")),
    ]);
    for mapping in mappings().into_iter().filter(|mapping| mapping.function.id == function.id) {
        rights.extend(on(&READ, &format!("{}.Arn", mapping.stream())));
    }
    rights
}

fn on(actions: &[&str], target: &str) -> BTreeSet<Right> {
    actions.iter().map(|action| ((*action).to_owned(), target.to_owned())).collect()
}

/// What a consumer may do beside that.
fn of_its_own(binary: &str) -> BTreeSet<Right> {
    let emit = ("kinesis:PutRecords", "Signals.Arn");
    match binary {
        "sessions" => {
            &on(&STATE, "SessionsTable.Arn") | &set(&[emit, ("dynamodb:BatchWriteItem", "TimersTable.Arn")])
        }
        "archive" => set(&[("firehose:PutRecordBatch", "LakeDeliveryStream.Arn")]),
        "fraud" => &on(&STATE, "FraudTable.Arn") | &set(&[emit]),
        "inventory" => {
            &on(&STATE, "StockTable.Arn") | &set(&[emit, ("dynamodb:BatchGetItem", "ReorderPointsTable.Arn")])
        }
        other => panic!("what may {other} do?"),
    }
}

#[test]
fn a_consumer_reads_its_streams_and_writes_what_is_its_own() {
    let functions: BTreeSet<_> = mappings().into_iter().map(|mapping| mapping.function.id).collect();
    for function in functions.into_iter().map(resource) {
        let role = referred(function.get("Role")).unwrap();
        let expected = &of_consumer(function) | &of_its_own(&binary(function));
        assert_eq!(rights(role), expected, "{}", role.id);
    }
}

/// Whoever changes state reads nothing from the stream that it emits into, unless what it finds there is for it.
#[test]
fn only_archive_and_inventory_read_signals() {
    let readers = mappings().into_iter().filter(|mapping| mapping.stream() == "Signals");
    let readers: BTreeSet<_> = readers.map(|mapping| binary(mapping.function)).collect();
    assert_eq!(readers, ["archive", "inventory"].map(str::to_owned).into());
}

#[test]
fn close_takes_timers_wakes_keys_and_sweeps_sessions() {
    let expected = set(&[
        ("dynamodb:GetItem", "TimersTable.Arn"),
        ("dynamodb:Query", "TimersTable.Arn"),
        ("dynamodb:Scan", "TimersTable.Arn"),
        ("dynamodb:BatchWriteItem", "TimersTable.Arn"),
        ("dynamodb:PutItem", "TimersTable.Arn"),
        ("dynamodb:Scan", "SessionsTable.Arn"),
        ("kinesis:PutRecords", "Events.Arn"),
        ("logs:CreateLogStream", "CloseLog.Arn"),
        ("logs:PutLogEvents", "CloseLog.Arn"),
    ]);
    assert_eq!(rights(resource("CloseRole")), expected);
    let schedule = set(&[("lambda:InvokeFunction", "CloseFunction.Arn")]);
    assert_eq!(rights(resource("CloseScheduleRole")), schedule);
}

#[test]
fn a_pipe_reads_signals_and_writes_to_its_target_and_its_dead_letters() {
    for pipe in resources("AWS::Pipes::Pipe") {
        let target = referred(pipe.get("Target")).unwrap();
        let (action, arn) = match target.type_name().as_str() {
            "AWS::SNS::Topic" => ("sns:Publish", target.id.to_owned()),
            "AWS::SQS::Queue" => ("sqs:SendMessage", format!("{}.Arn", target.id)),
            other => panic!("{}: {other}", pipe.id),
        };
        let write = set(&[(action, &arn), ("sqs:SendMessage", "PipesDeadLetterQueue.Arn")]);
        let role = referred(pipe.get("RoleArn")).unwrap();
        assert_eq!(rights(role), &on(&READ, "Signals.Arn") | &write, "{}", role.id);
    }
}

#[test]
fn firehose_writes_its_own_places_and_reads_the_columns() {
    let of_bucket = |bucket: &str, roots: [&str; 2]| {
        let mut rights = set(&[("logs:PutLogEvents", "DeliveryLog.Arn")]);
        for root in roots {
            let place = format!("${{{bucket}.Arn}}/{root}/*");
            rights.extend(on(&["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], &place));
        }
        let find = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"];
        &rights | &on(&find, &format!("{bucket}.Arn"))
    };
    let mut expected = of_bucket("LakeBucket", ["${LakePrefix}", "${LakePrefix}-errors"]);
    for place in ["catalog", "database/${LakeDatabase}", "table/${LakeDatabase}/${LakeTable}"] {
        let arn = format!("arn:${{AWS::Partition}}:glue:${{AWS::Region}}:${{AWS::AccountId}}:{place}");
        expected.extend(on(&["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], &arn));
    }
    assert_eq!(rights(resource("LakeDeliveryRole")), expected);
    let expected = of_bucket("DeadLetterBucket", ["quarantine", "quarantine-errors"]);
    assert_eq!(rights(resource("QuarantineDeliveryRole")), expected);
}

/// A service that anybody could make act for another account may act for this one only.
#[test]
fn services_act_for_this_account_only() {
    for role in resources("AWS::IAM::Role") {
        for statement in items(role.get("AssumeRolePolicyDocument/Statement")) {
            let [service] = &texts(find(statement, "Principal/Service").unwrap())[..] else {
                panic!("{}: one service", role.id)
            };
            let key = match service.as_str() {
                "lambda.amazonaws.com" => continue,
                "firehose.amazonaws.com" => "sts:ExternalId",
                _ => "aws:SourceAccount",
            };
            let account = find(statement, &format!("Condition/StringEquals/{key}"));
            let account = account.and_then(|account| tagged(account, "Ref"));
            assert_eq!(account, Some("AWS::AccountId"), "{}", role.id);
        }
    }
}
