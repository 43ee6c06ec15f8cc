"""How much memory and time each consumer takes for a batch as large as Lambda hands over.

    sam build --parameter-overrides Architecture=x86_64
    cargo build --profile local -p millrace-local
    python3 tests/acceptance/largest_batch.py [BUILD_DIR]

A batch of 10,000 plain records, each an event of another key that the consumer handles, in a payload of close to 6 MB. The
services are the emulators of `millrace serve`; times hold for them and this machine alone.
"""

import base64
import http.server
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time

from built import binary_of, runtime_variables
from template import ROOT

RECORDS = 10_000
# Lambda's limit of an event.
PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
FUNCTIONS = ("SessionsFunction", "ArchiveFunction", "FraudFunction", "InventoryFunction")
STREAMS = {"InventoryFunction": "signals"}
FIRST_SEQUENCE_NUMBER = 49590338271490256608559692538361571095921575989136588898
TIMEOUT_S = 60
NOW_S = int(time.time())


def data_of(number):
    """Type and data of one event among ten thousand: mostly looks, some orders and failed payments."""
    sku = f"sku-{number % 997}"
    match number % 10:
        case 0:
            lines = [{"sku": sku, "quantity": 2, "unit_price_minor": 250}]
            order = {
                "order_id": f"o-{number}",
                "currency": "EUR",
                "total_minor": 500,
                "lines": lines,
                "store_id": "leeds",
            }
            return "order.placed", order
        case 1:
            failed = {"order_id": f"o-{number}", "amount_minor": 500, "currency": "EUR", "reason": "declined"}
            return "payment.failed", failed
        case 2:
            return "cart.item_added", {"sku": sku, "quantity": 1}
        case _:
            return "product.viewed", {"sku": sku}


def event_of(function, number):
    """An event, and its key: of another user each, or for inventory of another product."""
    if function == "InventoryFunction":
        key = f"leeds#sku-{number}"
        kind, data = "stock.received", {"store_id": "leeds", "sku": f"sku-{number}", "quantity": 5}
    else:
        key = f"user-{number}"
        # Of what others handle fraud ignores all but these two.
        kind, data = data_of(number % 2 if function == "FraudFunction" else number)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S))
    attributes = {"specversion": "1.0", "id": f"e-{number}", "source": "largest", "type": kind, "time": at}
    return key, attributes | {"subject": key, "data": data}


def batch_of(function):
    """As many records as a payload holds."""
    records, size = [], len('{"Records":[]}')
    source = f"arn:aws:kinesis:us-east-1:000000000000:stream/{STREAMS.get(function, 'events')}"
    for number in range(RECORDS):
        key, event = event_of(function, number)
        sequence_number = str(FIRST_SEQUENCE_NUMBER + number)
        kinesis = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(json.dumps(event, separators=(",", ":")).encode()).decode(),
            "approximateArrivalTimestamp": NOW_S + number / 1_000,
        }
        record = {"kinesis": kinesis, "eventID": f"shardId-000000000000:{sequence_number}", "eventSourceARN": source}
        text = json.dumps(record, separators=(",", ":"))
        size += len(text) + 1
        if size > PAYLOAD_LIMIT_BYTES:
            break
        records.append(text)
    return len(records), ('{"Records":[' + ",".join(records) + "]}").encode()


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Hands out one invocation, and has its answer and when both happened."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        payload = self.server.payloads.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "largest")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1_000) + TIMEOUT_S * 1_000))
        self.send_header(
            "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:largest"
        )
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.server.begun_s = time.perf_counter()
        self.wfile.write(payload)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((time.perf_counter() - self.server.begun_s, self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


def measure(binary, environment, payload):
    """Seconds of the invocation, its answer, seconds of CPU and MiB of memory at most that the process took."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.daemon_threads = True
    # A function that is killed breaks its connection.
    server.handle_error = lambda *_: None
    server.payloads, server.answers = queue.Queue(), queue.Queue()
    server.payloads.put(payload)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = environment | runtime_variables(binary, server.server_port)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([binary], env=variables, stdout=output, stderr=subprocess.STDOUT)
        try:
            took_s, path, body = server.answers.get(timeout=TIMEOUT_S * 2)
            if not path.endswith("/response") or json.loads(body) != {"batchItemFailures": []}:
                sys.exit(f"FAILED {binary.parent.name} answered {path}: {body[:300]}")
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            ticks = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        except queue.Empty:
            output.seek(0)
            sys.exit(f"FAILED {binary.parent.name} does not answer:\n{output.read()[:3000]}")
        finally:
            process.kill()
            process.wait()
            server.shutdown()
        output.seek(0)
        line = json.loads(next(line for line in output if "CloudWatchMetrics" in line))
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return took_s, line, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def main():
    with tempfile.TemporaryDirectory() as work:
        ports = [str(20_000 + os.getpid() % 10_000 + index) for index in range(3)]
        named = zip(("--kinesis-port", "--dynamodb-port", "--firehose-port"), ports)
        command = [ROOT / "target/local/millrace", "serve", "--out", work, "--no-consumers"]
        serve = subprocess.Popen(command + [text for pair in named for text in pair], stdout=subprocess.DEVNULL)
        try:
            variables = pathlib.Path(work, "functions.env")
            while not variables.exists() and serve.poll() is None:
                time.sleep(0.1)
            if serve.poll() is not None:
                sys.exit("FAILED millrace serve ended: is one of its ports taken?")
            lines = (line.split("=", 1) for line in variables.read_text().splitlines() if "=" in line)
            environment = dict(lines)
            print(f"{'consumer':<20}{'records':>9}{'payload':>12}{'applied':>9}{'peak':>10}{'CPU':>9}{'wall':>9}")
            for function in FUNCTIONS:
                count, payload = batch_of(function)
                took_s, line, cpu_s, peak_mib = measure(binary_of(function), environment, payload)
                figures = f"{peak_mib:>6.0f} MiB{cpu_s:>7.2f} s{took_s:>7.2f} s"
                print(f"{function:<20}{count:>9,}{len(payload):>12,}{line['applied']:>9,}{figures}", flush=True)
        finally:
            serve.terminate()
            serve.wait()


if __name__ == "__main__":
    main()
