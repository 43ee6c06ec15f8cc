"""Replays the whole Online Retail file and holds the result against sums made over the file by DuckDB.

    pip install duckdb
    python tests/online_retail/check.py FILE.parquet [--binary target/release/millrace]

The replay is repeated with batches of 1, 7, 100 and 10,000 records and with every event sent twice. Tables must be
identical but for `version` and `ledger`, and the lake must hold each event once after de-duplication by id.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb

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


def replay(binary, file, out, *options):
    command = [binary, "replay", file, "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return outcome(out)


def outcome(out):
    items = [json.loads(line) for line in (out / "tables/sessions.jsonl").open()]
    for item in items:
        del item["version"], item["ledger"]
    quarantine = [json.loads(line) for path in sorted((out / "quarantine").glob("*.jsonl")) for line in path.open()]
    rows = []
    if any((out / "lake").rglob("*.parquet")):
        rows = duckdb.sql(f"select id, subject, total_minor from read_parquet('{out}/lake/**/*.parquet')").fetchall()
    summary = json.loads((out / "summary.json").read_text())
    return {"items": items, "quarantine": quarantine, "rows": rows, "distinct": set(rows), "summary": summary}


def expect(name, actual, expected):
    if actual != expected:
        sys.exit(f"FAILED {name}: {str(actual)[:300]} instead of {str(expected)[:300]}")
    print(f"ok     {name}")


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
    refused = {row[0] for row in invoices if not row[4]}
    expect(f"{len(refused):,} invoices that break the contract are in quarantine", {line["event_id"] for line in run["quarantine"]}, refused)
    expect("each of them once", len(run["quarantine"]), len(refused))
    expect("each of them with its reason", {line["reason"] for line in run["quarantine"]}, {"contract"})
    rows = sorted((row[0], row[2], row[3]) for row in valid)
    expect(f"{len(rows):,} rows in the lake are the valid events", sorted(run["rows"]), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--binary", default="target/release/millrace")
    options = parser.parse_args()
    invoices = duckdb.execute(INVOICES, [options.file]).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        clean = replay(options.binary, options.file, folder / "clean")
        expect(f"{len(invoices):,} invoices went in", clean["summary"]["events_in"], len(invoices))
        check_against_file(clean, invoices)
        for size in (1, 7, 100, 10_000):
            for twice in ((), ("--duplicates-within", "50")):
                out = folder / f"{size}-{len(twice)}"
                run = replay(options.binary, options.file, out, "--batch-size", str(size), *twice)
                name = f"batches of {size:,}" + (", every event twice" if twice else "")
                expect(f"{name}: identical tables", run["items"], clean["items"])
                expect(f"{name}: one lake row an event", sorted(run["distinct"]), sorted(clean["distinct"]))
                ids = sorted(line["event_id"] for line in run["quarantine"])
                once = sorted(line["event_id"] for line in clean["quarantine"])
                expect(f"{name}: quarantine", ids, sorted(once * (2 if twice else 1)))
                expect(f"{name}: rows sent", len(run["rows"]), len(clean["rows"]) * (2 if twice else 1))
    print("all of it holds")


if __name__ == "__main__":
    main()
