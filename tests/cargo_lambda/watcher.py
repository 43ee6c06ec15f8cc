"""`cargo lambda watch` as a process that can be killed with what it started."""

import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

# Nothing takes as long; what hangs ends the test.
START_LIMIT_S = 300


def wait(what, is_so):
    end = time.monotonic() + START_LIMIT_S
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(what)
        time.sleep(0.02)


class Watcher:
    """`cargo lambda watch`, which starts one function."""

    def __init__(self, folder, port):
        self.folder, self.address, self.up = folder, ("::1", port), threading.Event()
        self.process = None

    def start(self):
        host, port = self.address
        command = ["cargo", "lambda", "watch", "--release", "--ignore-changes", "--invoke-address", host]
        command += ["--invoke-port", str(port), "--env-file", self.folder / "killed.env"]
        with (self.folder / "killed-watch.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait("cargo lambda watch does not listen", self.listens)
        self.up.set()

    def listens(self):
        try:
            socket.create_connection(self.address).close()
        except OSError:
            return False
        return True

    def functions(self):
        return children(self.process.pid)

    def kill_function(self, process):
        os.kill(process, signal.SIGKILL)
        wait("a killed process lives", lambda: process not in self.functions())

    def kill(self):
        """Functions are in process groups of their own, and without their watcher would still end what they began."""
        self.up.clear()
        if self.process is None:
            return
        self.process.send_signal(signal.SIGSTOP)
        for process in self.functions():
            os.kill(process, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def children(parent):
    """Processes that this one started and that have not ended."""
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, of = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if of == str(parent) and state not in "ZX":
            found.add(int(stat.parent.name))
    return found
