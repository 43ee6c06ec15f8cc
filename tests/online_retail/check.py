"""Replays the whole Online Retail file and holds the result against sums made over the file by DuckDB.

    pip install duckdb
    python tests/online_retail/check.py FILE.parquet [--batches 1 7 100 10000] [--clean DIR] [--binary target/local/millrace]

Money, units by product and closed sessions are held against the file. The replay is repeated with batches of 1, 7, 100
and 10,000 records, or those of `--batches`, and with every event sent twice. Tables must be identical but for `version`
and `ledger`, signals must be the same, each once by id and by origin, and the lake must hold each event once after
de-duplication by id. `--clean` keeps the output of the first replay, for `faults.py`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb

# Types of control events.
CONTROL = ("timer.due", "record.redriven")

# One row an invoice that keeps the contract, or the reason why it does not: made over the file alone.
INVOICES = """
with line as (
  select InvoiceNo as id, InvoiceNo like 'C%' as returned, InvoiceDate as at, CustomerID as customer,
         case when InvoiceNo like 'C%' then abs(Quantity) else Quantity end as quantity,
         floor(cast(UnitPrice as decimal(18, 4)) * 100 + 0.5)::bigint as price
  from read_parquet(?) where InvoiceNo not like 'A%'
)
select id, returned,
       case when max(customer) is null then 'guest-' || id else 'user-' || max(customer)::bigint end as subject,
       sum(quantity * price)::bigint as total, min(quantity) > 0 and min(price) >= 0 as keeps_contract
from line group by id, returned
"""

# Units by product: what was sold less what came back, of the invoices that keep the contract.
UNITS = """
with invoice as (
  select InvoiceNo as id, min(case when InvoiceNo like 'C%' then abs(Quantity) else Quantity end) > 0
         and min(floor(cast(UnitPrice as decimal(18, 4)) * 100 + 0.5)) >= 0 as keeps_contract
  from read_parquet(?) where InvoiceNo not like 'A%' group by InvoiceNo
)
select StockCode as sku, sum(Quantity)::bigint as units
from read_parquet(?) line join invoice on line.InvoiceNo = invoice.id
where keeps_contract group by StockCode
"""

# Sessions by subject: a new one begins more than half an hour after the invoice before.
SESSIONS = """
with invoice as (
  select InvoiceNo as id, min(InvoiceDate) as placed,
         case when max(CustomerID) is null then 'guest-' || InvoiceNo else 'user-' || max(CustomerID)::bigint end as subject,
         min(case when InvoiceNo like 'C%' then abs(Quantity) else Quantity end) > 0
         and min(floor(cast(UnitPrice as decimal(18, 4)) * 100 + 0.5)) >= 0 as keeps_contract
  from read_parquet(?) where InvoiceNo not like 'A%' group by InvoiceNo
), step as (
  select subject, placed, lag(placed) over (partition by subject order by placed) as earlier from invoice where keeps_contract
)
select subject, count(*) filter (earlier is null or placed - earlier > interval 30 minutes) from step group by subject
"""


def replay(binary, file, out, *options):
    command = [binary, "replay", file, "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return outcome(out)


def outcome(out):
    tables = {}
    for table in ("sessions", "stock", "fraud"):
        tables[table] = [json.loads(line) for line in (out / f"tables/{table}.jsonl").open()]
        for item in tables[table]:
            del item["version"], item["ledger"]
    items = tables["sessions"]
    signals = [json.loads(line) for line in (out / "signals.jsonl").open()]
    quarantine = [json.loads(line) for path in sorted((out / "quarantine").glob("*.jsonl")) for line in path.open()]
    lake = []
    if any((out / "lake").rglob("*.parquet")):
        lake = duckdb.sql(f"select id, subject, total_minor, type from read_parquet('{out}/lake/**/*.parquet')").fetchall()
    rows = [row[:3] for row in lake if row[3].startswith("order.")]
    timers = {row[1] for row in lake if row[3] == "timer.due"}
    signal_rows = {(row[0], row[3]) for row in lake if not row[3].startswith("order.") and row[3] not in CONTROL}
    summary = json.loads((out / "summary.json").read_text())
    return {"items": items, "tables": tables, "signals": signals, "quarantine": quarantine, "rows": rows, "distinct": set(rows), "signal_rows": signal_rows, "timers": timers, "summary": summary}


def expect(name, actual, expected):
    if actual != expected:
        sys.exit(f"FAILED {name}: {str(actual)[:300]} instead of {str(expected)[:300]}")
    print(f"ok     {name}")


def emitted(run):
    """The signals without what says where and when a run met their causes, and without reorders: whether stock goes through
    its reorder point depends on the order in which the shards of its buyers are read."""
    alike = (signal for signal in run["signals"] if signal["type"] != "stock.reorder_requested")
    return sorted((signal["source"], signal["id"], signal["type"], signal["subject"], json.dumps(signal["data"])) for signal in alike)


def counts(run):
    """How many signals there are, by id and by origin."""
    origin = ("source", "originstream", "originshardid", "originsequencenumber", "originsubsequence", "originelement", "originindex")
    ids = {(signal["source"], signal["id"]) for signal in run["signals"]}
    origins = {tuple(signal.get(name) for name in origin) for signal in run["signals"]}
    return len(run["signals"]), len(ids), len(origins)


def check_signals(run, file):
    units = dict(duckdb.execute(UNITS, [file, file]).fetchall())
    stock = {item["key"].removeprefix("default#"): -item["on_hand"] for item in run["tables"]["stock"]}
    expect(f"units sold less returned of {len(units):,} products", stock, units)
    sessions = dict(duckdb.execute(SESSIONS, [file]).fetchall())
    closed = {}
    for signal in run["signals"]:
        if signal["type"] == "session.closed":
            closed[signal["subject"]] = closed.get(signal["subject"], 0) + 1
    expect(f"{sum(sessions.values()):,} closed sessions of {len(sessions):,} subjects", closed, sessions)
    count = len(run["signals"])
    expect(f"{count:,} signals, each once by id and by origin", counts(run), (count, count, count))
    ids = {(signal["id"], signal["type"]) for signal in run["signals"]}
    expect("the lake holds the signals", run["signal_rows"], ids)
    expect("and the timers that moved the event time of each subject", run["timers"], set(sessions))
    expect("no session is left open", [item["key"] for item in run["items"] if "session" in item], [])


def check_opening_stock(options, out, clean):
    """Every product has the pieces it was counted at, less those that went: no count comes too late."""
    pieces = 1_000_000
    run = replay(options.binary, options.file, out, "--opening-stock", str(pieces))
    stock = {item["key"]: item["on_hand"] - pieces for item in run["tables"]["stock"]}
    expected = {item["key"]: item["on_hand"] for item in clean["tables"]["stock"]}
    expect(f"{len(stock):,} products counted at {pieces:,} before their first event", stock, expected)


def check_against_file(run, invoices):
    valid = [row for row in invoices if row[4]]
    per_user = {}
    for _, returned, subject, total, _ in valid:
        sums = per_user.setdefault(subject, [0, 0, 0, 0])
        sums[1 if returned else 0] += 1
        sums[3 if returned else 2] += total
    actual = {}
    for item in run["items"]:
        life = item["lifetime"]
        money = [life[name].get("GBP", 0) for name in ("revenue_minor", "refunded_minor")]
        actual[item["key"]] = [life["orders"], life["returns"], *money]
    expect(f"orders, returns, revenue and refunds of {len(per_user):,} subjects", actual, per_user)
    rejected = {row[0] for row in invoices if not row[4]}
    expect(f"{len(rejected):,} invoices that break the contract are in quarantine", {line["event_id"] for line in run["quarantine"]}, rejected)
    expect("each of them once", len(run["quarantine"]), len(rejected))
    expect("each of them with its reason", {line["reason"] for line in run["quarantine"]}, {"contract"})
    rows = sorted((row[0], row[2], row[3]) for row in valid)
    expect(f"{len(rows):,} rows in the lake are the valid events", sorted(run["rows"]), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--binary", default="target/local/millrace")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 7, 100, 10_000])
    parser.add_argument("--clean", type=pathlib.Path)
    options = parser.parse_args()
    invoices = duckdb.execute(INVOICES, [options.file]).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        clean = replay(options.binary, options.file, options.clean or folder / "clean")
        expect(f"{len(invoices):,} invoices went in", clean["summary"]["records_in"], len(invoices))
        check_against_file(clean, invoices)
        check_signals(clean, options.file)
        check_opening_stock(options, folder / "opening-stock", clean)
        for size in options.batches:
            for twice in ((), ("--duplicates-within", "50")):
                out = folder / f"{size}-{len(twice)}"
                run = replay(options.binary, options.file, out, "--batch-size", str(size), *twice)
                name = f"batches of {size:,}" + (", every event twice" if twice else "")
                expect(f"{name}: identical tables", run["tables"], clean["tables"])
                expect(f"{name}: the same signals", emitted(run), emitted(clean))
                expect(f"{name}: each once by id and by origin", len(set(counts(run))), 1)
                expect(f"{name}: one lake row an event", sorted(run["distinct"]), sorted(clean["distinct"]))
                ids = sorted(line["event_id"] for line in run["quarantine"])
                once = sorted(line["event_id"] for line in clean["quarantine"])
                expect(f"{name}: quarantine", ids, sorted(once * (2 if twice else 1)))
                expect(f"{name}: rows sent", len(run["rows"]), len(clean["rows"]) * (2 if twice else 1))
    print("all of it holds")


if __name__ == "__main__":
    main()
