"""A local server that imitates Kaggle: it answers the requests of the real client for a versioned data set.

Like Kaggle, the API redirects to a storage address, and the storage serves the zip with its length, its MD5 and byte
ranges. A list of steps, one per API call, says what goes wrong.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

API = "/api/v1/datasets.DatasetApiService/DownloadDataset"


@dataclass(frozen=True)
class Step:
    """The server's behaviour during one API call.

    Attributes:
        status: Status of the API's response. 302 redirects to the storage.
        retry_after: Value of the Retry-After header. None: no header.
        cut: Number of bytes after which the storage closes the connection.
        stall: Whether the storage stays silent instead of closing the connection.
        checksum: Whether the storage sends the MD5 of the zip.
        page: Error page that the storage sends instead of a byte range.
    """

    status: int = 302
    retry_after: str | None = None
    cut: int | None = None
    stall: bool = False
    checksum: bool = True
    page: bytes | None = None


@dataclass
class Server:
    """The port and the log of the server."""

    port: int = 0
    steps: list[Step] = field(default_factory=list)
    step: Step = field(default_factory=Step)
    asked: list[dict] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    closing: Event = field(default_factory=Event)


@contextmanager
def kaggle(archive: bytes, *steps: Step, forever: bool = False) -> Iterator[Server]:
    """Serve `archive`. Each API call uses the next of `steps`. Later calls succeed, or repeat the last if `forever`."""
    server = Server(steps=list(steps))
    md5 = base64.b64encode(hashlib.md5(archive).digest()).decode()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append({"path": self.path, **json.loads(body)})
            server.logins.append(self.headers["Authorization"])
            server.times.append(time.monotonic())
            if server.steps:
                server.step = server.steps[0] if forever and len(server.steps) == 1 else server.steps.pop(0)
            else:
                server.step = Step()
            self.send_response(server.step.status)
            if server.step.retry_after is not None:
                self.send_header("Retry-After", server.step.retry_after)
            if server.step.status == 302:
                self.send_header("Location", "http://localhost/storage/archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            wanted = self.headers["Range"]
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if wanted:
                server.ranges.append(wanted)
            if wanted and server.step.page is not None:
                self.send_response(503)
                self.send_header("Content-Length", str(len(server.step.page)))
                self.end_headers()
                self.wfile.write(server.step.page)
                return
            self.send_response(206 if wanted else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("X-Kaggle-HubVersion", "99.0")
            self.send_header("Content-Length", str(len(archive) - start))
            if server.step.checksum:
                self.send_header("X-Goog-Hash", f"md5={md5}")
            self.end_headers()
            self.wfile.write(archive[start : server.step.cut])
            if server.step.stall:
                server.closing.wait(10)

        def handle_one_request(self):
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

    class TimbreNet(ThreadingHTTPServer):
        daemon_threads = True

    with TimbreNet(("127.0.0.1", 0), Handler) as network:
        server.port = network.server_port
        Thread(target=network.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.closing.set()
            network.shutdown()
