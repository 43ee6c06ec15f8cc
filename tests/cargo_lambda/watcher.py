"""A function under cargo lambda's Runtime API, both of which can be killed at once."""

import pathlib
import socket
import subprocess
import threading
import time

from between import holds

# Nothing takes as long; what hangs ends the test.
START_LIMIT_S = 300


def wait(what, is_so):
    end = time.monotonic() + START_LIMIT_S
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(what)
        time.sleep(0.02)


class Watcher:
    """`cargo lambda watch` without a function of its own, and a function that `sam build` made."""

    def __init__(self, folder, port, name, build):
        self.folder, self.address, self.name = folder, ("::1", port), name
        self.binary = pathlib.Path(build) / f"{name.capitalize()}Function" / "bootstrap"
        self.up = threading.Event()
        self.process = self.function = None

    def start(self):
        host, port = self.address
        command = ["cargo", "lambda", "watch", "--only-lambda-apis", "--ignore-changes"]
        command += ["--invoke-address", host, "--invoke-port", str(port)]
        with (self.folder / "killed-watch.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait("cargo lambda watch does not listen", self.listens)
        lines = (self.folder / "killed.env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines) | {
            "AWS_LAMBDA_RUNTIME_API": f"http://[{host}]:{port}/.rt/{self.name}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        }
        with (self.folder / "killed-functions.log").open("ab") as log:
            self.function = subprocess.Popen([self.binary], env=environment, stdout=log, stderr=log)
        self.up.set()

    def listens(self):
        try:
            socket.create_connection(self.address).close()
        except OSError:
            return False
        return True

    def holds(self, request):
        """Whether the function holds the connection of a request."""
        return self.function is not None and holds(self.function.pid, request)

    def kill_function(self):
        self.function.kill()
        self.function.wait()
        self.function = None

    def kill(self):
        """Without its Runtime API a function would still end what it began, so it goes first."""
        self.up.clear()
        if self.function is not None:
            self.kill_function()
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None
