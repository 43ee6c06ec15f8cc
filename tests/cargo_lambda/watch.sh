#!/usr/bin/env bash
# The three commands of the README: `serve --no-consumers`, `cargo lambda watch`, `cargo lambda invoke`.
#
#     tests/cargo_lambda/watch.sh            wants cargo-lambda, and target/local/millrace built
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cargo_lambda/functions.sh
trap stop EXIT

serve_services
set -m
cargo lambda watch --invoke-address ::1 --invoke-port "$((base + 3))" --env-file "$work/serve/functions.env" >"$work/watch.log" 2>&1 &
watch=$!
set +m
wait_for "$work/watch.log" 'starting Runtime server'
invoke_by_hand --invoke-port "$((base + 3))"
echo 'all of it holds'
