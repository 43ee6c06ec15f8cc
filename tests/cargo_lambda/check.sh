#!/usr/bin/env bash
# Runs the functions under `cargo lambda watch`, invokes them by hand, and replays shop data through them: the tables
# must equal those of the linked handlers, also when functions are killed in the middle of their batches.
#
#     tests/cargo_lambda/check.sh            wants cargo-lambda and duckdb, and target/release/millrace built
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
watch='' serve='' killed=''
stop() {
    # It ends the watchers that it started.
    [ -z "$killed" ] || { kill "$killed" 2>/dev/null && wait "$killed" || true; }
    # Functions end by themselves when their watcher is gone.
    [ -z "$watch" ] || kill -- "-$watch" 2>/dev/null || true
    [ -z "$serve" ] || kill "$serve" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

fail() { tail -n 20 "$work"/*.log | cut -c 1-300; echo "FAILED $1"; exit 1; }

# Ports that a forgotten `serve` does not hold, below those that systems hand out.
base=$((20000 + RANDOM % 10000))
ports=(--kinesis-port "$base" --dynamodb-port "$((base + 1))" --firehose-port "$((base + 2))")
target/release/millrace serve --out "$work/serve" --no-consumers "${ports[@]}" >"$work/serve.log" 2>&1 &
serve=$!
for _ in $(seq 50); do [ -f "$work/serve/functions.env" ] && break; sleep 0.1; done
[ -f "$work/serve/functions.env" ] || fail 'serve did not start'

# Built before, so that the first invocation does not wait for the compiler; as the watcher builds, or it builds again.
cargo build --quiet --release --bin sessions --bin archive --bin fraud --bin inventory --bin close
set -m
cargo lambda watch --release --invoke-address ::1 --ignore-changes --env-file "$work/serve/functions.env" >"$work/watch.log" 2>&1 &
watch=$!
set +m
for _ in $(seq 100); do grep -q 'starting Runtime server' "$work/watch.log" && break; sleep 0.1; done

invoke() {
    local answer
    answer=$(timeout 300 cargo lambda invoke "$1" --data-file "events/$1/$2.json") || fail "invoke $1 $2"
    [ "$answer" = '{"batchItemFailures":[]}' ] || fail "invoke $1 $2 answered $answer"
    echo "ok     cargo lambda invoke $1 --data-file events/$1/$2.json"
}
invoke sessions visit
invoke sessions kpl-aggregate
invoke sessions duplicate
invoke archive rows
kill "$serve" && wait "$serve" || true
serve=''
python3 - "$work/serve" <<'PYTHON'
import json, sys
items = {item["key"]: item for item in map(json.loads, open(sys.argv[1] + "/tables/sessions.jsonl"))}
assert items["user-ada"]["lifetime"]["orders"] == 1 and items["user-ada"]["cart"] == {"cup": 2}, items["user-ada"]
assert set(items) == {"user-ada", "user-ben", "user-gil", "user-hal"}, set(items)
print("ok     the items are in the table that serve wrote")
PYTHON

target/release/millrace generate --events 3000 --shoppers 100 --out "$work/events.jsonl"
target/release/millrace replay "$work/events.jsonl" --out "$work/linked" >/dev/null
# Functions that run elsewhere set timers by the wall clock, so both of these wait for some minutes to begin.
python3 tests/cargo_lambda/killed.py "$work" "$((base + 3))" >"$work/killed.log" 2>&1 &
killed=$!
target/release/millrace replay "$work/events.jsonl" --out "$work/remote" --functions 'http://[::1]:9000' "${ports[@]}" >"$work/replay.log" 2>&1 ||
    fail 'replay --functions'
python3 tests/cargo_lambda/outcome.py "$work/remote" "$work/linked"
wait "$killed" || { killed=''; fail 'replay --functions with functions that are killed'; }
killed=''
cat "$work/killed.log"
echo 'all of it holds'
