"""Holds what a replay wrote against what another of the same events wrote.

pip install duckdb
python tests/cargo_lambda/outcome.py RUN CLEAN
"""

import json
import pathlib
import sys

import duckdb

# Whether stock goes through its reorder point depends on the order in which the shards of its buyers are read.
REORDER = "stock.reorder_requested"

LAKE = """
select {} from read_parquet('{}/lake/**/*.parquet', hive_partitioning = true, union_by_name = true)
where event_type not in ('{}', 'control') {}
"""
# Where and when a run met an event is its own, and so are its timers: functions that run elsewhere set them by the wall clock.
ROWS = "distinct * exclude (arrived_at, shard_id, sequence_number, sub_sequence_number, element, origin_shard_id, origin_sequence_number, origin_sub_sequence_number, origin_element, origin_index)"
# What functions emitted more than once has several positions in its stream.
EMITTED_AGAIN = "and source like 'urn:millrace:%' group by source, id having count(distinct sequence_number) > 1"


def expect(name, actual, expected):
    if actual == expected:
        print(f"ok     {name}")
        return
    if isinstance(expected, list):
        # Of long lists only what differs, or where they begin to differ in order or number.
        only = [[it for it in a if it not in b] for a, b in ((actual, expected), (expected, actual))]
        index = next((at for at, pair in enumerate(zip(actual, expected)) if pair[0] != pair[1]), None)
        shown = f"{len(actual)} from index {index}", f"{len(expected)} in the order of the clean run"
        actual, expected = only if any(only) else shown
    sys.exit(f"FAILED {name}: {str(actual)[:400]} instead of {str(expected)[:400]}")


def lines(path):
    return [json.loads(line) for line in path.open()]


def table(run, name):
    own = ("version", "ledger")
    return [
        {key: value for key, value in item.items() if key not in own} for item in lines(run / f"tables/{name}.jsonl")
    ]


def signals(run):
    names = ("source", "id", "type", "subject", "time", "data")
    return [[signal[name] for name in names] for signal in lines(run / "signals.jsonl") if signal["type"] != REORDER]


def lake(run, what, rest=""):
    return duckdb.sql(LAKE.format(what, run, REORDER, rest)).fetchall()


def check_same(run, clean):
    for name in ("sessions", "fraud", "stock"):
        items = table(clean, name)
        assert len(items) > 50, name
        expect(f"{run.name}: the {len(items)} items of {name} are those of the clean run", table(run, name), items)
    left = [item for item in table(run, "timers") if item["time_bucket"] != "cursor"]
    expect(f"{run.name}: no timer is left", left, [])
    emitted = signals(clean)
    expect(f"{run.name}: {len(emitted)} signals, those of the clean run", signals(run), emitted)
    rows = lake(clean, ROWS, "order by all")
    expect(
        f"{run.name}: {len(rows)} different rows in the lake, those of the clean run",
        lake(run, ROWS, "order by all"),
        rows,
    )
    ids = lake(run, "count(distinct (event_type, source, id))")
    expect(f"{run.name}: each of them once by id", ids, [(len(rows),)])
    expect(f"{run.name}: nothing was discarded", (run / "on-failure").exists(), False)


def repeats(run):
    """How many rows came again, and how many signals were emitted again."""
    rows = lake(run, "count(*) - count(distinct (event_type, source, id))")[0][0]
    return rows, len(lake(run, "source, id", EMITTED_AGAIN))


def main():
    run, clean = map(pathlib.Path, sys.argv[1:])
    check_same(run, clean)
    expect(f"{run.name}: no row came again, and no signal was emitted again", repeats(run), (0, 0))


if __name__ == "__main__":
    main()
