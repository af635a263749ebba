"""A server on this machine that delivers the page and predicts the songs that a browser cannot decode."""

import socket
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from timbre.core.errors import DataError
from timbre.core.extras import needs
from timbre.page.write import page_text
from timbre.songs.predictor import Predictor, find_models

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from starlette.applications import Starlette

    from timbre.page.api import Api

ADDRESS = "127.0.0.1"
HOSTS = [ADDRESS, "localhost"]
STOP_SECONDS = 1  # time for requests to end after Ctrl+C


def serve(models: Path | None, port: int, opens_browser: bool) -> None:
    """Serve the page until Ctrl+C.

    Args:
        models: The folder with the models. None: the folder that `find_models` finds.
        port: The port on this machine. 0: any free port.
        opens_browser: Whether to open the page in a browser.

    Raises:
        DataError: A package is missing, the port is taken, or a model cannot be exported.
    """
    needs("serve", "serve", "starlette", "uvicorn", "python_multipart")
    from timbre.page.api import Api

    listening = bind(port)
    address = f"http://{ADDRESS}:{listening.getsockname()[1]}"
    with TemporaryDirectory(prefix="timbre-") as folder, listening:
        print("preparing the page …", file=sys.stderr, flush=True)
        models = find_models() if models is None else models
        predictor = Predictor(models)
        api = Api(page_text(predictor, models, is_served=True), predictor, Path(folder))
        print(f"{address} (Ctrl+C to stop)", flush=True)
        make_server(api, address if opens_browser else "").run(sockets=[listening])


def bind(port: int) -> socket.socket:
    """Return a socket that listens on a port of this machine. Early connections wait for the server.

    Raises:
        DataError: The port cannot be used.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise DataError(f"port {port}: cannot be used ({error}); choose another, or --port 0 for any") from error
    return listening


def make_server(api: "Api", opened: str = "") -> "uvicorn.Server":
    """Return a server that ends its requests as soon as it is asked to exit.

    Args:
        api: What answers the requests.
        opened: An address to open in a browser once the server runs. Empty: none.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            api.stop()
            super().handle_exit(sig, frame)
            with suppress(OSError):  # nobody may read the messages any more
                print("stopping …", file=sys.stderr, flush=True)

    config = uvicorn.Config(make_app(api, opened), log_level="warning", timeout_graceful_shutdown=STOP_SECONDS)
    return Server(config)


def make_app(api: "Api", opened: str = "") -> "Starlette":
    """Return the application: `GET /` is the page, `POST /api/listen` predicts a song. Other hosts are refused.

    Args:
        api: What answers the requests.
        opened: An address to open in a browser once the server runs. Empty: none.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    @asynccontextmanager
    async def lifespan(app: "Starlette") -> AsyncIterator[None]:
        api.start()
        if opened:
            webbrowser.open(opened)
        yield

    routes = [Route("/", api.show), Route("/api/listen", api.listen, methods=["POST"])]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts], lifespan=lifespan)
