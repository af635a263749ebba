"""Opens pages in a headless Chromium and controls it with the DevTools protocol over a pipe."""

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
TIMEOUT = 60  # seconds


def chromium():
    """Return the browser's path. Without a browser, skip the test, or let it fail where `CI` is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "Chromium is not installed, so no page can be tested; run apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def opened(address, profile, width=1400, flags=()):
    """Open an HTML file or an address and yield the `Page`. `profile` is an empty folder for a new profile."""
    flags = (*FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={width},1000")
    # Chromium reads commands from descriptor 3 and writes its answers to 4.
    command = ["sh", "-c", 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', chromium(), *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield Page(process, address if isinstance(address, str) else address.absolute().as_uri())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


class Page:
    """One open page, in which JavaScript can be evaluated.

    Attributes:
        requests: Every URL that the page requested, in order.
        errors: Exceptions, and errors on its console.
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
        """Send a command and return its result. Events that arrive earlier are noted."""
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.sent:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer.get("method"), answer.get("params"))

    def evaluate(self, expression):
        """Return the value of a JavaScript expression, as if a click had run it. Promises are awaited."""
        options = {"returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.command("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression, seconds=TIMEOUT):
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"!!({expression})"):
            assert time.monotonic() < deadline, f"still false: {expression}; errors: {self.errors}"
            time.sleep(0.05)

    def choose(self, selector, files):
        """Choose files in a file input."""
        document = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", files=[str(path) for path in files], nodeId=node)

    def screenshot(self, path):
        """Write a PNG of the whole page."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def check_silent_and_offline(self):
        """Assert that the page had no error and requested nothing but files and its own data."""
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
