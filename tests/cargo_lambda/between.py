"""Stands between programs that speak HTTP, and between a function and the services that it calls."""

import http.client
import pathlib
import select
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What belongs to one connection and is not passed on.
OF_A_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class Between(ThreadingHTTPServer):
    """Shows every request to `take(request)`, which gives back the answer: what `request.forward()` returns, or `None` to
    close the connection without one."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, take, behind=None):
        super().__init__(("127.0.0.1", 0), Request)
        self.take, self.behind = take, behind
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Connections of processes that were killed break; that is what this is for."""
        if not issubclass(sys.exc_info()[0], OSError):
            super().handle_error(request, client_address)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, each answer waits until its head is acknowledged.
    disable_nagle_algorithm = True

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers["content-length"]))
        self.operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        answer = self.server.take(self)
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def forward(self, behind=None):
        """Status, headers and body of the answer from behind; `None` where the connection breaks."""
        connection = http.client.HTTPConnection(*(behind or self.server.behind))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_CONNECTION}
        try:
            connection.request(self.command, self.path, self.body, headers)
            answer = connection.getresponse()
            passed = [(name, value) for name, value in answer.getheaders() if name.lower() not in OF_A_CONNECTION]
            return answer.status, passed, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_gone(self):
        """Whether nobody waits for the answer any more."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return readable != [] and self.connection.recv(1, socket.MSG_PEEK) == b""

    def log_message(self, *_):
        pass


def holds(process, request):
    """Whether a process holds the connection of a request."""
    ends = tuple(f"0100007F:{port:04X}" for port in (request.client_address[1], request.server.server_port))
    lines = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    sockets = {f"socket:[{line[9]}]" for line in lines if (line[1], line[2]) == ends}
    try:
        return any(str(file.readlink()) in sockets for file in pathlib.Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False
