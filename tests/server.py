"""Run the server of the page in a thread."""

import threading
import time
from contextlib import contextmanager

from timbre.page.serve import bind, make_server


@contextmanager
def running(api):
    """Run a server that answers requests with `api`, and yield its address."""
    with bind(0) as listening:
        server = make_server(api)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
