"""Puts events into a stack on ministack with an ordinary SDK client and looks at everything that must come of them.

    python tests/acceptance/stack.py STACK

The endpoint, region and credentials are those of the environment, as `tests/acceptance/run` sets them. The stack must be a
new one.
"""

import collections
import datetime
import json
import sys
import tempfile
import time

import boto3
import duckdb

from template import ROOT, resources_of_type

PATIENCE_SECONDS = 300
BASE = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=3)
SHOP = "acceptance"


def event(subject, kind, number, minute, data):
    """A CloudEvent so many minutes after BASE."""
    at = (BASE + datetime.timedelta(minutes=minute, seconds=number)).isoformat().replace("+00:00", "Z")
    return {
        "specversion": "1.0",
        "id": f"{subject}-{number}",
        "source": SHOP,
        "type": kind,
        "subject": subject,
        "time": at,
        "data": data,
    }


def order(number, sku, quantity):
    """The data of an order of one line, at 2.50 EUR a piece."""
    lines = [{"sku": sku, "quantity": quantity, "unit_price_minor": 250}]
    return {
        "order_id": f"order-{number}",
        "currency": "EUR",
        "total_minor": 250 * quantity,
        "lines": lines,
        "store_id": "leeds",
    }


def events():
    """Users who look, put into carts and order; one whose payments fail; one who leaves a cart; a delivery."""
    made = [event("leeds#cup", "stock.received", 1, -30, {"store_id": "leeds", "sku": "cup", "quantity": 30})]
    for user in ("ada", "ben", "cyd"):
        made.append(event(user, "product.viewed", 1, 0, {"sku": "cup"}))
        made.append(event(user, "cart.item_added", 2, 1, {"sku": "cup", "quantity": 8}))
        made.append(event(user, "order.placed", 3, 2, order(user, "cup", 8)))
    made.append(event("dan", "cart.item_added", 1, 0, {"sku": "pot", "quantity": 1}))
    for number in range(1, 8):
        failed = {"order_id": f"order-{number}", "currency": "EUR", "amount_minor": 900, "reason": "declined"}
        made.append(event("eve", "payment.failed", number, number, failed))
    return made


BROKEN = {
    "specversion": "1.0",
    "id": "broken",
    "source": SHOP,
    "type": "order.placed",
    "subject": "ada",
    "time": "2026-01-01T00:00:00Z",
    "data": {"currency": "EUR"},
}


class Stack:
    """What a stack has deployed, by logical id and by output."""

    def __init__(self, name):
        self.name = name
        cloud = boto3.client("cloudformation")
        listed = cloud.get_paginator("list_stack_resources").paginate(StackName=name)
        self.physical = {
            it["LogicalResourceId"]: it["PhysicalResourceId"]
            for page in listed
            for it in page["StackResourceSummaries"]
        }
        described = cloud.describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {it["OutputKey"]: it["OutputValue"] for it in described["Outputs"]}

    def items(self, output):
        """The items of a table by key."""
        table = boto3.resource("dynamodb").Table(self.outputs[output])
        return {item["key"]: item for item in table.scan(ConsistentRead=True)["Items"]}

    def signals(self):
        """Every signal once by source and id, in the order of its shard."""
        kinesis, stream = boto3.client("kinesis"), self.outputs["SignalsStreamName"]
        found = {}
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator, empty = kinesis.get_shard_iterator(**start)["ShardIterator"], 0
            while iterator and empty < 2:
                page = kinesis.get_records(ShardIterator=iterator)
                empty = 0 if page["Records"] else empty + 1
                iterator = page.get("NextShardIterator")
                for record in page["Records"]:
                    emitted = json.loads(record["Data"])
                    for signal in emitted if isinstance(emitted, list) else [emitted]:
                        found[signal["source"], signal["id"]] = signal
        return list(found.values())

    def objects(self, output, prefix):
        """Objects below a prefix by key, as bytes."""
        s3, bucket = boto3.client("s3"), self.outputs[output]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [it["Key"] for page in pages for it in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def call(self, output, request):
        """What a function answers to a request of its own."""
        answer = boto3.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(request))
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body


def until(what, found, expected):
    """Waits until something is as it must be, and says so, or what it is instead."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (last := found()) != expected:
        if time.monotonic() > deadline:
            sys.exit(f"FAILED {what}:\n  found    {last}\n  expected {expected}")
        time.sleep(2)
    print(f"ok     {what}", flush=True)


def put(stack):
    """Every event twice, and one that breaks its contract."""
    kinesis = boto3.client("kinesis")
    for made in [*events(), *events(), BROKEN]:
        kinesis.put_record(
            StreamName=stack.outputs["EventsStreamName"], PartitionKey=made["subject"], Data=json.dumps(made)
        )


def allow_what_aws_does_not_ask(stack):
    """ministack wants a right for BatchExecuteStatement by that name, on no table. AWS has none: it asks for `PartiQLUpdate` and
    its like on the table, which the roles have."""
    statement = {"Effect": "Allow", "Action": "dynamodb:BatchExecuteStatement", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for role in ("SessionsRole", "FraudRole", "InventoryRole"):
        boto3.client("iam").put_role_policy(
            RoleName=stack.physical[role], PolicyName="ministack", PolicyDocument=policy
        )


def check_state(stack):
    """Every event counts once for its user, and stock follows orders through the stream of signals."""
    counts = collections.Counter(made["subject"] for made in events() if not made["type"].startswith("stock."))
    users = lambda: {key: int(item["lifetime"]["events"]) for key, item in stack.items("SessionsTableName").items()}
    until(f"{len(counts)} session items count {counts.total()} events once, each sent twice", users, dict(counts))
    revenue = lambda: {
        key: int(item["lifetime"]["revenue_minor"].get("EUR", 0))
        for key, item in stack.items("SessionsTableName").items()
    }
    until("revenue by user", revenue, {user: 2000 if user in ("ada", "ben", "cyd") else 0 for user in counts})
    stock = lambda: {
        key: int(item["on_hand"]) for key, item in stack.items("StockTableName").items() if key == "leeds#cup"
    }
    until("stock: 30 received, 24 sold through the stream of signals", stock, {"leeds#cup": 6})


def check_signals(stack):
    """Signals of what was put, then those of sessions that end."""

    def emitted(wanted):
        return {kind: {it["subject"] for it in stack.signals() if it["type"] == kind} for kind in wanted}

    wanted = {"fraud.suspected": {"eve"}, "stock.reorder_requested": {"leeds#cup"}}
    until("signals: a suspicion of eve, and a reorder of cups", lambda: emitted(wanted), wanted)

    # The schedule calls close each minute, too. Timers ring within two minutes of a session that was over when its events
    # came.
    def emitted_after_a_run():
        answer = stack.call("CloseFunctionName", {})
        assert answer["put"] == answer["deleted"] == answer["due"], answer
        return emitted(closed)

    closed = {"session.closed": {"ada", "ben", "cyd", "dan", "eve"}, "cart.abandoned": {"dan"}}
    until("close: sessions that nobody touched end by timers, and dan left a cart", emitted_after_a_run, closed)


def check_lake(stack):
    """Every event is a row of Parquet under its type, a timer under that of control events, with the columns of the Glue table."""
    glue = boto3.client("glue").get_table(DatabaseName=stack.outputs["LakeDatabaseName"], Name="events")["Table"]
    columns = [column["Name"] for column in glue["StorageDescriptor"]["Columns"]]
    wanted = collections.Counter(made["type"] for made in events())

    def rows():
        found = collections.defaultdict(set)
        for key, body in stack.objects("LakeBucketName", "lake/").items():
            file.seek(0)
            file.truncate()
            file.write(body)
            file.flush()
            table = duckdb.read_parquet(file.name, hive_partitioning=False)
            assert table.columns == columns, (key, table.columns)
            partitions = dict(part.split("=", 1) for part in key.split("/") if "=" in part)
            for identity, source, kind in table.project("id, source, type").fetchall():
                partition = "control" if kind == "timer.due" else kind
                assert partitions["event_type"] == partition, (key, kind)
                if source == SHOP:
                    found[kind].add(identity)
                elif kind == "timer.due":
                    found[kind] = {"at least one"}
        return {kind: len(identities) for kind, identities in found.items()}

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        until(
            f"the lake: {wanted.total()} events in Parquet with the {len(columns)} columns of the Glue table, and a timer",
            rows,
            dict(wanted) | {"timer.due": 1},
        )


def check_dead_letters(stack):
    """What breaks its contract is a dead letter, and redrive can read it."""
    reasons = lambda: {
        (line["event_id"], line["reason"])
        for body in stack.objects("DeadLetterBucketName", "quarantine/").values()
        for line in map(json.loads, body.decode().splitlines())
    }
    until("the quarantine: the event that breaks its contract", reasons, {("broken", "contract")})
    answer = stack.call("RedriveFunctionName", {"dead_letters": "quarantine", "mode": "dry_run"})
    assert (answer["to_send"], answer["events"]) == (1, {"contract": 1}), answer
    print("ok     redrive: a dry run reads it, and it still breaks its contract", flush=True)


def check_rights(stack):
    """Each right that a batch needs is taken away in turn: without it the batch must not be done. That it is done with all of
    them is what shows that the check can tell."""
    iam = boto3.client("iam")
    batch = json.loads((ROOT / "events/sessions/visit.json").read_text())
    policy = {"RoleName": stack.physical["SessionsRole"], "PolicyName": "sessions"}
    whole = iam.get_role_policy(**policy)["PolicyDocument"]
    for right in ("ReadAndCommitState", "SetTimers", "PublishSignals", None):
        kept = [it for it in whole["Statement"] if it["Sid"] != right]
        assert right is None or len(kept) == len(whole["Statement"]) - 1, right
        iam.put_role_policy(**policy, PolicyDocument=json.dumps({**whole, "Statement": kept}))
        failures = stack.call("SessionsFunctionName", batch)["batchItemFailures"]
        assert bool(failures) == (right is not None), (right, failures)
    print(
        "ok     rights: a batch is done by the role of sessions, and not without ReadAndCommitState, SetTimers or PublishSignals"
    )


def check_operation(stack):
    """Alarms, dashboard and mappings are deployed as the template has them."""
    alarms = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate()
    deployed = {alarm["AlarmName"] for page in alarms for alarm in page["MetricAlarms"]}
    wanted = {stack.physical[logical] for logical in resources_of_type("AWS::CloudWatch::Alarm")}
    assert wanted and wanted <= deployed, wanted - deployed
    print(f"ok     {len(wanted)} alarms are there")
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=stack.physical["Dashboard"])["DashboardBody"]
    assert len(json.loads(body)["widgets"]) > 10 and "${" not in body, body
    print(f"ok     the dashboard has {len(json.loads(body)['widgets'])} pictures")
    mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 6 and all(it["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for it in mappings), (
        mappings
    )
    print(f"ok     {len(mappings)} mappings ask for partial responses")


def main():
    stack = Stack(sys.argv[1])
    check_operation(stack)
    allow_what_aws_does_not_ask(stack)
    put(stack)
    check_state(stack)
    check_signals(stack)
    check_lake(stack)
    check_dead_letters(stack)
    check_rights(stack)


if __name__ == "__main__":
    main()
