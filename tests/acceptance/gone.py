"""After `sam delete`: nothing is left but the tables and buckets that the template keeps.

python tests/acceptance/gone.py
"""

import sys

import boto3

from template import resources_of_type

# What is listed by which service, call, list and name.
LISTS = [
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("firehose", "list_delivery_streams", "DeliveryStreamNames", None),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("kinesis", "list_streams", "StreamNames", None),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "FunctionArn"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("pipes", "list_pipes", "Pipes", "Name"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", None),
]
# Where `sam deploy --resolve-s3` puts packages; it is not the stack's.
OF_SAM = "aws-sam-cli-managed"


def kept():
    """Logical ids of what the template keeps when its stack is deleted."""
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    found = {
        logical
        for kind in kinds
        for logical, it in resources_of_type(kind).items()
        if it.get("DeletionPolicy") == "Retain"
    }
    assert found, "the template keeps nothing"
    return found


def main():
    expected, wrong = kept(), []
    for service, call, listed, name in LISTS:
        answer = getattr(boto3.client(service), call)().get(listed) or []
        names = [entry if name is None else entry[name] for entry in answer]
        for left in (it for it in names if OF_SAM not in it):
            meant = next((logical for logical in expected if logical.lower() in left.lower()), None)
            if meant and service in ("dynamodb", "s3"):
                expected.discard(meant)
            else:
                wrong.append(f"{service}: {left}")
    if wrong or expected:
        sys.exit(f"FAILED left behind: {wrong}; not kept: {sorted(expected)}")
    print(f"ok     nothing is left but the {len(kept())} tables and buckets that the template keeps")


if __name__ == "__main__":
    main()
