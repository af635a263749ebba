"""Pages as a headless Chromium sees them, driven through its DevTools protocol over a pipe."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
NO_WORKER_TIMEOUT = 60  # seconds for anything


def chromium():
    """The browser's path; without one the test is skipped, in continuous integration it fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "Chromium is not installed, so no page was looked at; apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def opened(address, profile, width=1400, flags=()):
    """Open an HTML file or an address with a new profile, an empty folder, and yield the `Page`."""
    flags = (*FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={width},1000")
    # Chromium reads commands from descriptor 3 and answers on 4.
    command = ["sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', chromium(), *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield Page(process, address if isinstance(address, str) else address.absolute().as_uri())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


class Page:
    """One page: what it asked for, what it complained about, and answers to questions in JavaScript.

    Attributes:
        requests: every URL that the page asked for, in order.
        errors: exceptions and errors of its console.
    """

    def __init__(self, process, address):
        self.process, self.session, self.sent, self.unread = process, None, 0, b""
        self.requests, self.errors = [], []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.protocol !== 'about:'")

    def command(self, method, **params):
        """Send a command and return its result; events that come before it are noted."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        deadline = time.monotonic() + NO_WORKER_TIMEOUT
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.sent:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer.get("method"), answer.get("params"))

    def evaluate(self, expression):
        """The value of a JavaScript expression, awaited if it is a promise, as if a person had clicked for it."""
        options = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.command("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression, seconds=NO_WORKER_TIMEOUT):
        """Ask until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"!!({expression})"):
            assert time.monotonic() < deadline, f"never true: {expression}; errors: {self.errors}"
            time.sleep(0.05)

    def choose(self, selector, files):
        """Choose files in an input."""
        document = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", files=[str(path) for path in files], nodeId=node)

    def screenshot(self, path):
        """Write a PNG of the whole page, however long."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def check_silent_and_offline(self):
        """Assert that the page threw and logged no error, and asked for nothing but files and its own data."""
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))] == []

    def _read(self, deadline):
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            read = os.read(self.process.stdout.fileno(), 1 << 20)
            assert read, "Chromium ended"
            self.unread += read
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)

    def _note(self, event, params):
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"].get("exception", params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append([argument.get("value", argument.get("description")) for argument in params["args"]])
        elif event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"])
