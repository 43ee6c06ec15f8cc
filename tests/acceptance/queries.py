"""Runs the saved queries of `template.yaml` with DuckDB over a lake that `replay` wrote, every event sent twice, and holds
each answer against one made from the events alone.

    pip install duckdb pyyaml
    python tests/acceptance/queries.py [--binary target/local/millrace]

Wants `cargo build --profile local -p millrace-local`. Athena's names for what DuckDB calls otherwise are macros here; the text of the queries
is the template's.
"""

import argparse
import collections
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb

from template import ROOT, resources_of_type

GAP_MS = 30 * 60 * 1000

MACROS = """
set timezone = 'UTC';
create macro json_extract_scalar(document, path) as json_extract_string(document, path);
create macro json_format(document) as document::varchar;
"""


def saved_queries():
    """The saved queries by name."""
    saved = [it["Properties"] for it in resources_of_type("AWS::Athena::NamedQuery").values()]
    return {query["Name"]: query["QueryString"] for query in saved}


def read_events(path):
    """Every event once. Nothing else in the file shares an id."""
    events = {}
    for line in path.read_text().splitlines():
        event = json.loads(line)
        events[event["source"], event["id"]] = event
    return list(events.values())


def at(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


def day(event):
    return at(event).date().isoformat()


def at_ms(event):
    return round(at(event).timestamp() * 1000)


def sessions(events):
    """Lists of events of a user, no two more than the gap apart; what concerns stock is no user's."""
    of_users = collections.defaultdict(list)
    for event in events:
        if not event["type"].startswith("stock."):
            of_users[event["subject"]].append(event)
    found = []
    for of_user in of_users.values():
        of_user.sort(key=at_ms)
        for event, before in zip(of_user, [None, *of_user]):
            if before is None or at_ms(event) - at_ms(before) > GAP_MS:
                found.append([])
            found[-1].append(event)
    return found


def types(session):
    return {event["type"] for event in session}


def expected(events):
    """What each query must answer, made from the events alone."""
    found = sessions(events)
    orders = [event for event in events if event["type"] == "order.placed"]
    returns = [event for event in events if event["type"] == "order.returned"]

    per_day = collections.defaultdict(lambda: [0, 0])
    for session in found:
        per_day[day(session[-1])][0] += 1
        per_day[day(session[-1])][1] += len(session)

    funnel = [len(found)]
    for step in ("product.viewed", "cart.item_added", "order.placed"):
        funnel.append(sum(step in types(session) for session in found))

    money = collections.defaultdict(lambda: [0, 0, 0, 0])
    for column, of_type in ((0, orders), (2, returns)):
        for event in of_type:
            of_day = money[day(event), event["data"]["currency"]]
            of_day[column] += 1
            of_day[column + 1] += event["data"]["total_minor"]

    products = collections.defaultdict(lambda: [0, 0])
    for column, of_type in ((0, orders), (1, returns)):
        for event in of_type:
            for line in event["data"]["lines"]:
                products[line["sku"]][column] += line["quantity"]
    ranked = sorted(((sku, *pieces) for sku, pieces in products.items()), key=lambda it: (it[2] - it[1], it[0]))

    return {
        "sessions_per_day": [(when, *counts) for when, counts in sorted(per_day.items())],
        "funnel": [tuple(funnel)],
        "revenue": [(*of, *sums, sums[1] - sums[3]) for of, sums in sorted(money.items())],
        "top_products": [(sku, sold, back, sold - back) for sku, sold, back in ranked[:100]],
    }


def suspicions(events):
    """Users with more than five failed payments within some ten minutes: a suspicion each at least."""
    failures = collections.defaultdict(list)
    for event in events:
        if event["type"] == "payment.failed":
            failures[event["subject"]].append(at_ms(event))
    suspected = set()
    for user, times in failures.items():
        times.sort()
        suspected |= {user for first, sixth in zip(times, times[5:]) if sixth - first <= 600_000}
    return suspected


def answer(lake, name, query):
    result = lake.execute(query)
    rows = result.fetchall()
    if not rows:
        sys.exit(f"FAILED {name}: no rows")
    return rows


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", default=ROOT / "target/local/millrace")
    binary = arguments.parse_args().binary
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = lambda *words: subprocess.run([binary, *words], check=True, stdout=subprocess.DEVNULL)
        run(
            "generate",
            "--events",
            "8000",
            "--users",
            "300",
            "--start",
            "2025-11-03T22:30:00Z",
            "--out",
            folder / "events.jsonl",
        )
        run("replay", folder / "events.jsonl", "--out", folder / "run", "--duplicates-within", "50")
        events = read_events(folder / "events.jsonl")

        lake = duckdb.connect()
        lake.execute(MACROS)
        files = folder / "run/lake/event_type=*/dt=*/*.parquet"
        lake.execute(
            f"create view events as select * replace (time::timestamp as time, arrived_at::timestamp as arrived_at) from read_parquet('{files}', hive_partitioning = true, hive_types = {{dt: varchar}}, union_by_name = true)"
        )
        queries = saved_queries()
        lake.execute(queries.pop("events_once"))
        sources = list({event["source"] for event in events})
        count = lambda table: lake.execute(f"select count(*) from {table} where source in ?", [sources]).fetchone()[0]
        twice, once = count("events"), count("events_once")
        assert once == len(events) < twice, (once, len(events), twice)
        print(f"ok     events_once: {once} of {twice} rows, as many as there are events")

        found = answer(lake, "fraud_suspicions", queries.pop("fraud_suspicions"))
        of_velocity = {user for _, user, rule, *_ in found if rule == "velocity"}
        assert of_velocity == suspicions(events) != set(), (of_velocity, suspicions(events))
        assert all(json.loads(figures) and json.loads(ids) for *_, figures, ids in found)
        print(f"ok     fraud_suspicions: {len(found)}, of the users whose payments failed too often")

        for name, rows in expected(events).items():
            found = answer(lake, name, queries.pop(name))
            assert found == rows, f"{name}:\nthe query   {found[:5]}\nthe events  {rows[:5]}"
            print(f"ok     {name}: {len(rows)} rows, equal to those made from the events")
        assert not queries, f"no test of {list(queries)}"


if __name__ == "__main__":
    main()
