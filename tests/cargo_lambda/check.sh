#!/usr/bin/env bash
# Runs the functions that `sam build` made under cargo lambda's Runtime API, invokes them by hand, and replays shop data
# through them: the tables must equal those of the linked handlers, also when functions are killed in the middle of their
# batches. That `cargo lambda watch` builds and starts them is for watch.sh.
#
#     tests/cargo_lambda/check.sh BUILD_DIR        wants cargo-lambda, duckdb, and target/local/millrace built
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cargo_lambda/functions.sh

build=$1
killed=''
port=$((base + 3))
trap 'stop_killed; stop' EXIT
# It ends what it started.
stop_killed() { [ -z "$killed" ] || { kill "$killed" 2>/dev/null && wait "$killed" || true; }; }

serve_services
set -m
cargo lambda watch --only-lambda-apis --ignore-changes --invoke-address ::1 --invoke-port "$port" >"$work/watch.log" 2>&1 &
watch=$!
set +m
wait_for "$work/watch.log" 'starting Runtime server'
for name in sessions archive fraud inventory close; do
    (
        set -a
        . "$work/serve/functions.env"
        AWS_LAMBDA_RUNTIME_API="http://[::1]:$port/.rt/$name" AWS_LAMBDA_FUNCTION_NAME=$name AWS_LAMBDA_FUNCTION_VERSION=1
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512
        exec "$build/${name^}Function/bootstrap"
    ) >"$work/$name.log" 2>&1 &
    functions+=($!)
done
# Who cannot start has ended by now; an invocation would wait for it.
sleep 2
for pid in "${functions[@]}"; do kill -0 "$pid" || fail 'a function ended'; done
invoke_by_hand --invoke-port "$port"

target/local/millrace generate --events 3000 --users 100 --out "$work/events.jsonl"
target/local/millrace replay "$work/events.jsonl" --out "$work/linked" >/dev/null
# Functions that run elsewhere set timers by the wall clock, so both of these wait for some minutes to begin.
python3 tests/cargo_lambda/killed.py "$work" "$((base + 4))" "$build" >"$work/killed.log" 2>&1 &
killed=$!
target/local/millrace replay "$work/events.jsonl" --out "$work/remote" --functions-url "http://[::1]:$port" "${ports[@]}" >"$work/replay.log" 2>&1 ||
    fail 'replay --functions-url'
python3 tests/cargo_lambda/outcome.py "$work/remote" "$work/linked"
wait "$killed" || { killed=''; fail 'replay --functions-url with functions that are killed'; }
killed=''
cat "$work/killed.log"
echo 'all of it holds'
