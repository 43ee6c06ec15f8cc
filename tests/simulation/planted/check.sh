#!/usr/bin/env bash
# Checks the checker: each patch of this folder is a bug, and the simulation must find it. Found is what a failing seed
# tells of: a simulation that ends in any other way, such as by its time limit, has found nothing.
# usage: tests/simulation/planted/check.sh [SEEDS] [PATCH ...]
set -euo pipefail
planted=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$planted/../../.." && pwd)
seeds=${1:-10000}
shift || true
patches=("$@")
[ ${#patches[@]} -gt 0 ] || patches=("$planted"/*.patch)
# A folder of its own: cargo takes a copy of the workspace for the workspace itself, and would keep what is planted.
export CARGO_TARGET_DIR=$root/target/planted

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git -C "$root" archive HEAD | tar -x -C "$copy"
cd "$copy"

missed=0 errors=0
printf '%-45s %s\n' 'planted' "found (of $seeds seeds)"
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    git apply "$patch"
    cargo build --quiet --release --locked -p simulation 2>"$copy/build" || { cat "$copy/build"; exit 1; }
    ended=0
    timeout 1800 "$CARGO_TARGET_DIR/release/simulate" --seeds "$seeds" --no-shrink >"$copy/out" 2>&1 || ended=$?
    if grep -q '^seed [0-9]*:$' "$copy/out"; then
        found=$(grep -m1 -A1 '^seed [0-9]*:$' "$copy/out" | tr -s '\n ' ' ' | cut -c1-150)
    elif [ "$ended" -eq 0 ]; then
        found='NOT FOUND'
        missed=$((missed + 1))
    else
        found="ERROR: it ended with $ended and no failing seed: $(tail -1 "$copy/out" | cut -c1-150)"
        errors=$((errors + 1))
    fi
    printf '%-45s %s\n' "$name" "$found"
    git apply -R "$patch"
done
echo "$missed of ${#patches[@]} were not found, $errors ended in an error"
exit "$((missed + errors > 0))"
