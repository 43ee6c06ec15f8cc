"""Replays Online Retail through failing services, and redrives what was discarded, against a clean run.

    pip install duckdb
    python tests/online_retail/faults.py FILE.parquet [--seeds 2] [--redriven 2] [--maximum-record-age 2s]
                                         [--clean DIR] [--binary target/local/millrace]

`--clean` is what a replay of the file wrote, such as `check.py --clean` keeps; unless given, there is one first.

For each seed (2. for the first so many as `--redriven` says):

1. `replay --faults SEED` with unlimited retries. Tables are those of the clean run but for `version` and `ledger`, the
   lake is that of the clean run after de-duplication by id, quarantine names the same events, nothing was discarded.
2. `replay --faults SEED --maximum-record-age`, with outages longer than that, so that records are discarded. `redrive` lists
   and dry-runs without changing a byte, then runs. For each subject, what orders, returns, revenue and refunds in the
   table lack against the clean run is exactly the sum of late events that `late.jsonl` names by id. (Mostly all of
   them; an event that was applied, whose answer was lost, and which outlived the limit before it was sent again comes
   back late too.) Lake after de-duplication and ids in quarantine are those of the clean run. Every object is marked,
   and a second run changes not one byte. A run with `--include-done`, as after a crash before the marks, changes neither
   tables nor the de-duplicated lake.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile

import duckdb

from check import INVOICES, counts, emitted, expect, outcome, replay

# Small batches make many calls.
BATCHES = ["--batch-size", "20"]


def redrive(binary, out, mode, *options):
    command = [binary, "redrive", str(out), "--dead-letters", "on-failure", "--mode", mode, "--limit", "10000", "--json"]
    done = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def files(out):
    listed = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in listed}


def quarantined(run):
    return {line["event_id"] for line in run["quarantine"]}


def table_sums(run):
    """Orders, returns, revenue and refunds by subject."""
    sums = {}
    for item in run["items"]:
        life = item["lifetime"]
        money = [life[name].get("GBP", 0) for name in ("revenue_minor", "refunded_minor")]
        sums[item["key"]] = (life["orders"], life["returns"], *money)
    return sums


def late_by_subject(out, invoices):
    """What each late event would have added, by subject, each id once."""
    path = out / "late.jsonl"
    late = {}
    lines = [json.loads(line) for line in path.open()] if path.exists() else []
    for identity in {line["event_id"] for line in lines if line["function"] == "sessions"}:
        _, returned, subject, total, _ = invoices[identity]
        late.setdefault(subject, []).append((0, 1, 0, total) if returned else (1, 0, total, 0))
    return late


def unexplained(clean, run, late):
    """Subjects whose table entry and late events do not come to the clean run's; and how many late events were in the
    table all the same: applied, discarded since the answer was lost, and too old to be known."""
    wrong, applied_before = [], 0
    nothing = (0, 0, 0, 0)
    for subject in clean.keys() | run.keys():
        events = late.get(subject, [])
        sums = (run.get(subject, nothing), *events)
        excess = tuple(sum(column) - known for column, known in zip(zip(*sums), clean.get(subject, nothing)))
        # Some of the late events must come to exactly what is too much; mostly that is nothing.
        reachable = {nothing}
        for event in events:
            more = {tuple(a + b for a, b in zip(reached, event)) for reached in reachable}
            reachable |= {reached for reached in more if all(a <= b for a, b in zip(reached, excess))}
        if excess not in reachable:
            wrong.append((subject, excess, events))
        applied_before += excess[0] + excess[1]
    return wrong, applied_before


def discarded(run):
    return sum(function["records"] for function in run["summary"]["discarded"].values())


def check_faults(options, seed, out, clean):
    run = replay(options.binary, options.file, out, "--faults", str(seed), *BATCHES)
    injected = run["summary"]["faults"]["injected"]
    count = sum(count for kinds in injected.values() for count in kinds.values())
    name = f"seed {seed}, {count:,} faults"
    expect(f"{name}: there were some", count > 0, True)
    expect(f"{name}: identical tables", run["tables"], clean["tables"])
    expect(f"{name}: the same signals, each once by id and by origin", (emitted(run), len(set(counts(run)))), (emitted(clean), 1))
    expect(f"{name}: one lake row an event", sorted(run["distinct"]), sorted(clean["distinct"]))
    expect(f"{name}: the same events in quarantine", quarantined(run), quarantined(clean))
    expect(f"{name}: nothing discarded", ((out / "on-failure").exists(), discarded(run)), (False, 0))


def check_redrive(options, seed, out, clean, invoices):
    limit = ("--maximum-record-age", options.maximum_record_age)
    before = replay(options.binary, options.file, out, "--faults", str(seed), *BATCHES, *limit)
    lost = discarded(before)
    name = f"seed {seed}, {lost:,} records discarded"
    expect(f"{name}: there were some", lost > 0, True)
    found = files(out)
    listed, dry = redrive(options.binary, out, "list"), redrive(options.binary, out, "dry-run")
    expect(f"{name}: a list finds all of it unmarked", {line["status"] for line in listed["results"]}, {"unmarked"})
    expect(f"{name}: a dry run would send all of it", dry["to_send"], lost)
    expect(f"{name}: neither changed a byte", files(out), found)
    answer = redrive(options.binary, out, "run")
    expect(f"{name}: all of it was sent", (answer["sent"], answer["not_done"], answer["remaining"]), (lost, 0, 0))
    after = outcome(out)
    late = answer["functions"]["sessions"]["verdicts"]["late"]
    sums = table_sums(clean)
    wrong, applied = unexplained(sums, table_sums(after), late_by_subject(out, invoices))
    detail = f"{late:,} events late, {applied:,} of them applied before they were discarded"
    expect(f"{name}: orders, returns, revenue and refunds of {len(sums):,} subjects, {detail}", wrong, [])
    expect(f"{name}: one lake row an event", sorted(after["distinct"]), sorted(clean["distinct"]))
    expect(f"{name}: the same events in quarantine", quarantined(after), quarantined(clean))
    listed = redrive(options.binary, out, "list")
    expect(f"{name}: every object is marked", {line["status"] for line in listed["results"]}, {"done"})
    found = files(out)
    second = redrive(options.binary, out, "run")
    expect(f"{name}: a second run sends nothing", (second["sent"], second["done_before"]), (0, len(listed["results"])))
    expect(f"{name}: and changes not one byte", files(out), found)
    again = redrive(options.binary, out, "run", "--include-done")
    expect(f"{name}: a run over marked objects sends it again", again["sent"], lost)
    repeated = outcome(out)
    expect(f"{name}: into the same tables", repeated["tables"], after["tables"])
    expect(f"{name}: and the same lake", sorted(repeated["distinct"]), sorted(after["distinct"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--redriven", type=int, help="seeds with a maximum record age and a redrive; all unless given")
    parser.add_argument("--clean", type=pathlib.Path)
    parser.add_argument("--maximum-record-age", default="2s", help="longer for larger files: most of it should get done")
    parser.add_argument("--binary", default="target/local/millrace")
    options = parser.parse_args()
    invoices = {row[0]: row for row in duckdb.execute(INVOICES, [options.file]).fetchall()}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        clean = outcome(options.clean) if options.clean else replay(options.binary, options.file, folder / "clean")
        for seed in range(1, options.seeds + 1):
            check_faults(options, seed, folder / f"faults-{seed}", clean)
            if options.redriven is None or seed <= options.redriven:
                check_redrive(options, seed, folder / f"redrive-{seed}", clean, invoices)
            for run in folder.glob(f"*-{seed}"):
                shutil.rmtree(run)
    print("all of it holds")


if __name__ == "__main__":
    main()
