#!/usr/bin/env bash
# Checks the checker: each patch of this folder is a bug, and the simulation must find it by the seeds that seeds.txt names,
# which the tests run too. Found is what a failing seed says: a simulation that ends in any other way has found nothing.
#
#     tests/simulation/planted/check.sh [--find SEEDS] [PATCH ...]
#
# Which seeds find a bug changes with whatever the seeds draw. `--find` looks for new ones among so many, three a bug, and
# writes them into seeds.txt.
set -euo pipefail
planted=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$planted/../../.." && pwd)
find=''
[ "${1:-}" != --find ] || { find=$2; shift 2; }
patches=("$@")
[ ${#patches[@]} -gt 0 ] || patches=("$planted"/*.patch)
# A folder of its own: cargo takes a copy of the workspace for the workspace itself, and would keep what is planted.
export CARGO_TARGET_DIR=$root/target/planted

git -C "$root" diff --quiet HEAD -- ':!tests/simulation/planted' || { echo 'commit your changes: what is committed is tested'; exit 1; }
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git -C "$root" archive HEAD | tar -x -C "$copy"
cd "$copy"

simulate() { timeout --foreground 1800 "$CARGO_TARGET_DIR/debug/simulate" --no-shrink "$@" >"$copy/out" 2>&1 || ended=$?; }
found_seeds() { sed -n 's/^seed \([0-9]*\):$/\1/p' "$copy/out"; }

# The first seeds of so many that find what is planted.
look_for() {
    local from=0 seeds=()
    while [ ${#seeds[@]} -lt 3 ] && [ "$from" -lt "$find" ]; do
        ended=0
        simulate --from "$from" --seeds $((find - from))
        local seed
        seed=$(found_seeds | sort -n | head -1)
        [ -n "$seed" ] || break
        seeds+=("$seed")
        from=$((seed + 1))
    done
    echo "${seeds[*]}"
}

missed=0
printf '%-58s %s\n' 'planted' 'found by the seeds'
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    git apply "$patch"
    cargo build --quiet --locked -p simulation 2>"$copy/build" || { cat "$copy/build"; exit 1; }
    if [ -n "$find" ]; then
        found=$(look_for)
        { grep -v "^$name:" "$planted/seeds.txt" || true; echo "$name:${found:+ $found}"; } | sort >"$copy/seeds"
        cp "$copy/seeds" "$planted/seeds.txt"
    else
        known=$(sed -n "s/^$name: //p" "$planted/seeds.txt")
        ended=0
        # shellcheck disable=SC2086
        simulate --keep-going --only $known
        found=$(found_seeds | tr '\n' ' ')
    fi
    [ -n "$found" ] || { found="NOT FOUND: $(tail -1 "$copy/out" | cut -c1-150)"; missed=$((missed + 1)); }
    printf '%-58s %s\n' "$name" "$found"
    git apply -R "$patch"
done
echo "$missed of ${#patches[@]} were not found"
exit "$((missed > 0))"
