"""Replays through cargo lambda's Runtime API, kills functions in the middle of their batches, and holds what comes of it against a
clean run.

    pip install duckdb
    python tests/cargo_lambda/killed.py FOLDER FIRST_PORT BUILD_DIR

`check.sh` calls it. FOLDER holds `events.jsonl`, `linked`, which is what a clean replay of them wrote, and
`serve/functions.env`; BUILD_DIR is that of `sam build`. Takes eight ports from FIRST_PORT on.

Every call of a function to a service passes through this program, and every invocation. So a process is killed (SIGKILL) at
a chosen call, before the service gets it or after it carried it out, and the call has no answer. cargo lambda does not end
the invocation of a dead function. So each function has a watcher of its own, which is killed with it: the mapping's connections break, and what is done about its batches is up to it.
"""

import collections
import contextlib
import itertools
import json
import pathlib
import signal
import subprocess
import sys
import threading

from between import Between
from outcome import check_same, expect, repeats
from watcher import START_LIMIT_S, Watcher

# No replay takes as long; one that hangs ends the test.
REPLAY_LIMIT_S = 1_200

# A process of this function is killed at a call that names this, once so many are through; `after` or before the service
# carried it out.
Kill = collections.namedtuple("Kill", "function operation names skip after moment")

# Each function's in order. First while there are events, then while timers close what these left open.
EVENTS = [
    Kill("sessions", "PutRecords", b'"signals"', 2, True, "with its signals in the stream and its state not written"),
    Kill("sessions", "BatchExecuteStatement", b"sessions", 1, False, "with the write of its state on the way"),
    Kill("sessions", "BatchExecuteStatement", b"sessions", 2, True, "with its state written"),
    Kill("archive", "PutRecordBatch", b'"lake"', 3, True, "with its rows in the lake"),
    Kill("archive", "PutRecordBatch", b'"lake"', 3, False, "with its rows on the way"),
    Kill("fraud", "BatchExecuteStatement", b"fraud", 1, True, "with its state written"),
    Kill("inventory", "BatchExecuteStatement", b"stock", 1, True, "with its state written"),
]
TIMERS = [
    Kill("close", "PutRecords", b'"events"', 0, True, "with its timers in the stream and none deleted"),
    Kill("sessions", "PutRecords", b'"signals"', 0, True, "while it closed sessions, with their signals in the stream"),
]
FUNCTIONS = sorted({kill.function for kill in EVENTS + TIMERS})


class Killing:
    """What stands between the mapping, the functions and the services."""

    def __init__(self, folder, services, ports, build):
        self.plan, self.through, self.hits = [*EVENTS, *TIMERS], collections.Counter(), []
        # Invocations by number, with their records; those that ended with their status, or `None` without an answer.
        self.under_way, self.ended, self.numbers = {}, {}, itertools.count()
        self.closing, self.lock = False, threading.Lock()
        lines = (folder / "serve/functions.env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines)
        for service, port in services.items():
            between = Between(self.take_call, ("127.0.0.1", port))
            environment[f"AWS_ENDPOINT_URL_{service.upper()}"] = between.url
        (folder / "killed.env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
        self.watchers = {name: Watcher(folder, port, name, build) for name, port in zip(FUNCTIONS, ports)}
        self.front = Between(self.take_invocation)

    def take_invocation(self, request):
        """Lambda takes invocations while a function starts anew, so they wait here for the watcher."""
        function = request.path.split("/")[3]
        self.closing |= function == "close"
        records = {record["eventID"] for record in json.loads(request.body).get("Records", [])} or {function}
        number, watcher = next(self.numbers), self.watchers[function]
        watcher.up.wait(START_LIMIT_S)
        self.under_way[number] = (function, records)
        answer = request.forward(watcher.address)
        del self.under_way[number]
        self.ended[number] = (function, records, answer and answer[0])
        return answer

    def due(self, request):
        """The next kill of each function, where this call would be its moment."""
        kills = [kill for kill in self.plan if (kill in TIMERS) == self.closing]
        suits = lambda kill: kill.operation == request.operation and kill.names in request.body
        return {kill.function: kill for kill in {it.function: it for it in reversed(kills)}.values() if suits(kill)}

    def take_call(self, request):
        for function in self.due(request):
            with self.lock:
                kill = self.due(request).get(function)
                if kill and self.watchers[function].holds(request):
                    self.through[kill] += 1
                    if self.through[kill] > kill.skip:
                        return self.kill(kill, request)
        # Its process may have been killed while it waited for the lock.
        return None if request.is_gone() else request.forward()

    def kill(self, kill, request):
        if kill.after:
            answer = request.forward()
            assert answer[0] == 200, (kill, answer)
        watcher = self.watchers[kill.function]
        watcher.kill_function()
        numbers = [number for number, (function, _) in list(self.under_way.items()) if function == kill.function]
        self.plan.remove(kill)
        self.hits.append((kill, numbers))
        watcher.kill()
        watcher.start()


def check_kills(killing):
    expect("every kill that was planned met its call", [kill.moment for kill in killing.plan], [])
    for kill, numbers in killing.hits:
        lost = [number for number in numbers if killing.ended[number][2] is None]
        records = set().union(*(killing.ended[number][1] for number in lost))
        later = [
            it for number, it in killing.ended.items() if number > max(numbers, default=0) and it[0] == kill.function
        ]
        again = set().union(*(records for _, records, status in later if status == 200))
        name = f"{kill.function} killed {kill.moment}: {len(lost)} invocations without an answer"
        expect(f"{name}, all of it sent again and answered", (lost != [], records - again), (True, set()))
    kills = collections.Counter(kill.function for kill, _ in killing.hits)
    print(f"ok     {kills.total()} kills hit a batch: {', '.join(f'{count} {name}' for name, count in kills.items())}")


def main():
    folder, first, build = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    services = dict(zip(("kinesis", "dynamodb", "firehose"), itertools.count(first)))
    killing = Killing(folder, services, itertools.count(first + len(services)), build)
    command = ["target/local/millrace", "replay", folder / "events.jsonl", "--out", folder / "killed"]
    command += ["--functions-url", killing.front.url]
    for service, port in services.items():
        command += [f"--{service}-port", str(port)]
    with contextlib.ExitStack() as stack:
        for watcher in killing.watchers.values():
            stack.callback(watcher.kill)
            watcher.start()
        # A kill that is under way would leave a watcher behind.
        stack.callback(killing.lock.acquire)
        # Every kill is logged there.
        log = stack.enter_context((folder / "killed-replay.log").open("w"))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=log, timeout=REPLAY_LIMIT_S)
    check_kills(killing)
    check_same(folder / "killed", folder / "linked")
    rows, emitted = repeats(folder / "killed")
    expect(f"killed: {rows} rows came again, and {emitted} signals were emitted again", rows > 0 < emitted, True)


if __name__ == "__main__":
    main()
