"""How large each function's package is, and how long it takes from its start to its first request for work.

    sam build --parameter-overrides Architecture=x86_64
    python3 tests/acceptance/packages.py [--quick] [BUILD_DIR]        wants x86_64 Linux and PyYAML

Packages must stay below a limit, unless they were built with little optimization. Times are only printed, since they
are the machine's too.
"""

import io
import socket
import statistics
import subprocess
import sys
import time
import zipfile

from built import binary_of, runtime_variables
from template import parameters, resources_of_type

PACKAGE_LIMIT_BYTES = 5_000_000
STARTS = 21


def environments():
    """What each function is given, by logical id: parameters as they are by default, resources by their logical ids."""
    defaults = {name: str(it["Default"]) for name, it in parameters().items()}
    functions = resources_of_type("AWS::Serverless::Function")
    for logical, function in functions.items():
        variables = function["Properties"]["Environment"]["Variables"]
        yield logical, {name: defaults.get(str(value), str(value)) for name, value in variables.items()}


def zipped_bytes(binary):
    """Bytes of the package as `sam` makes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        package.write(binary, binary.name)
    return len(packed.getvalue())


def start_ms(binary, environment, api):
    """Milliseconds from the start of the process to its first request for an invocation."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    traced = {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"}
    variables = environment | keys | runtime_variables(binary, api.getsockname()[1]) | traced
    began = time.perf_counter()
    process = subprocess.Popen([binary], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        connection, _ = api.accept()
        with connection:
            connection.settimeout(30)
            request = connection.recv(4096)
        took_ms = (time.perf_counter() - began) * 1_000
    except TimeoutError:
        process.kill()
        sys.exit(f"FAILED {binary} asks for no invocation:\n{process.communicate()[0].decode()}")
    process.kill()
    process.communicate()
    if not request.startswith(b"GET /2018-06-01/runtime/invocation/next "):
        sys.exit(f"FAILED {binary} began with {request[:80]}")
    return took_ms


def main():
    too_large = []
    quick = "--quick" in sys.argv
    sys.argv = [it for it in sys.argv if it != "--quick"]
    print(f"{'package':<20}{'zipped bytes':>14}{'start to first next, of ' + str(STARTS):>32}")
    with socket.create_server(("127.0.0.1", 0), backlog=8) as api:
        api.settimeout(30)
        for logical, environment in environments():
            binary = binary_of(logical)
            if not binary.exists():
                sys.exit(f"FAILED there is no {binary}: run sam build, or name its --build-dir")
            size = zipped_bytes(binary)
            times_ms = sorted(start_ms(binary, environment, api) for _ in range(STARTS))
            text = f"median {statistics.median(times_ms):.1f} ms, worst {times_ms[-1]:.1f} ms"
            print(f"{logical:<20}{size:>14,}{text:>32}", flush=True)
            if size >= PACKAGE_LIMIT_BYTES and not quick:
                too_large.append(logical)
    if too_large:
        sys.exit(f"FAILED {', '.join(too_large)}: {PACKAGE_LIMIT_BYTES:,} bytes or more")
    below = "" if quick else f" below {PACKAGE_LIMIT_BYTES:,} bytes"
    print(f"ok     {len(list(environments()))} packages{below}, and each asks for work")


if __name__ == "__main__":
    main()
