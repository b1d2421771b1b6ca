"""Loopback servers that stand for what is outside: they keep what they were sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from socketserver import StreamRequestHandler, ThreadingTCPServer
from unittest.mock import patch


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Outside:
    """A server at `url`; answers with `statuses` in turn, the last one from then on."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [201])
    received: list[Received] = field(default_factory=list)


@contextmanager
def running_outside(*statuses: int, named: bool = True, to: str = "") -> Iterator[Outside]:
    """`named`: loopback is a network the county named, or else nothing may go there. `to`: where
    it redirects."""
    outside = Outside(statuses=list(statuses) or [201])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            outside.received.append(Received(self.path, headers, body))
            turn = min(len(outside.received), len(outside.statuses)) - 1
            self.send_response(outside.statuses[turn])
            self.send_header("Content-Length", "0")
            if to:
                self.send_header("Location", to)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *arguments: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    outside.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    networks = [ip_network("127.0.0.1/32")] if named else []
    try:
        with patch("huying.notices.channels.outward.inner_networks", lambda: networks):
            yield outside
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_mail() -> Iterator[Outside]:
    """A mail server (RFC 5321, as much as a client needs) at `url`, as host:port."""
    outside = Outside()

    class Session(StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self._say("354 go on")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    outside.received.append(Received("", {}, body))
                self._say("221 bye" if verb == b"QUIT" else "250 taken")
                if verb == b"QUIT":
                    return

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = ThreadingTCPServer(("127.0.0.1", 0), Session)
    outside.url = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield outside
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
