# What check.sh and watch.sh share: the services, the invocations by hand, and their end.
work=$(mktemp -d)
watch='' serve='' functions=()
export PATH="$PWD/.venv/bin:$PATH"
# Ports that a forgotten `serve` does not hold, below those that systems hand out and apart from those of tests/acceptance.
base=$((20000 + RANDOM % 4900))
ports=(--kinesis-port "$base" --dynamodb-port "$((base + 1))" --firehose-port "$((base + 2))")

stop() {
    [ ${#functions[@]} -eq 0 ] || kill "${functions[@]}" 2>/dev/null || true
    [ -z "$watch" ] || kill -- "-$watch" 2>/dev/null || true
    [ -z "$serve" ] || kill "$serve" 2>/dev/null || true
    # They may still write below it.
    wait "${functions[@]}" $watch $serve 2>/dev/null || true
    rm -rf "$work"
}

fail() { tail -n 20 "$work"/*.log | cut -c 1-300; echo "FAILED $1"; exit 1; }

# Until a file holds a text, for 30 seconds at most.
wait_for() {
    for _ in $(seq 300); do grep -qs "$2" "$1" && return; sleep 0.1; done
    fail "no '$2' in $1"
}

serve_services() {
    target/local/millrace serve --out "$work/serve" --no-consumers "${ports[@]}" >"$work/serve.log" 2>&1 &
    serve=$!
    wait_for "$work/serve/functions.env" KINESIS
}

invoke() {
    local answer
    # The first invocation may wait for the compiler.
    answer=$(timeout --foreground 1200 cargo lambda invoke "$1" --data-file "events/$1/$2.json" "${@:3}") || fail "invoke $1 $2"
    [ "$answer" = '{"batchItemFailures":[]}' ] || fail "invoke $1 $2 answered $answer"
    echo "ok     cargo lambda invoke $1 --data-file events/$1/$2.json"
}

# Invokes functions, ends the services, and looks at what the functions wrote.
invoke_by_hand() {
    invoke sessions visit "$@"
    invoke sessions kpl-aggregate "$@"
    invoke sessions duplicate "$@"
    invoke archive rows "$@"
    kill "$serve" && wait "$serve" || true
    serve=''
    python3 - "$work/serve" <<'PYTHON'
import json, sys
items = {item["key"]: item for item in map(json.loads, open(sys.argv[1] + "/tables/sessions.jsonl"))}
assert items["user-ada"]["lifetime"]["orders"] == 1 and items["user-ada"]["cart"] == {"cup": 2}, items["user-ada"]
assert set(items) == {"user-ada", "user-ben", "user-gil", "user-hal"}, set(items)
print("ok     the items are in the table that serve wrote")
PYTHON
}
