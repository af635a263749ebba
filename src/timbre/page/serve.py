"""A server on this machine that delivers the page and predicts the songs that a browser cannot decode."""

import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from timbre.core.errors import DataError
from timbre.core.extras import needs
from timbre.core.stage import progress
from timbre.page.write import page_text
from timbre.songs.find import songs_of
from timbre.songs.predictor import Predictor, find_models
from timbre.tools.answers import Answers
from timbre.tools.shown import shown_instruments

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from starlette.applications import Starlette

    from timbre.page.api import Api

ADDRESS = "127.0.0.1"
HOSTS = [ADDRESS, "localhost"]
STOP_SECONDS = 1  # time for requests to end after Ctrl+C
PACKAGES = ("serve", "starlette", "uvicorn", "python_multipart")  # the extra, and what it installs


def serve(models: Path | None, port: int, opens_browser: bool) -> None:
    """Serve the page until Ctrl+C.

    Args:
        models: The folder with the models. None: the folder that `find_models` finds.
        port: The port on this machine. 0: any free port.
        opens_browser: Whether to open the page in a browser.

    Raises:
        DataError: A package is missing, the port is taken, or a model cannot be exported.
    """
    needs("serve", *PACKAGES)
    from timbre.page.api import Api

    with _listening(port) as (listening, folder):
        print("preparing the page …", file=sys.stderr, flush=True)
        models = find_models() if models is None else models
        predictor = Predictor(models)
        _run(Api(page_text(predictor, models, is_served=True), predictor, folder), listening, opens_browser)


def review(
    songs: Path, models: Path | None, instruments: str | None, everything: bool, port: int, opens_browser: bool
) -> None:
    """Predict the songs of a folder, then serve the page for reviewing them until Ctrl+C.

    Args:
        songs: The folder with the songs.
        models: See `serve`.
        instruments: See `timbre.tools.shown.shown_instruments`.
        everything: See `timbre.tools.shown.shown_instruments`.
        port: See `serve`.
        opens_browser: See `serve`.

    Raises:
        DataError: See `serve`; or the folder has no songs, or its labels.csv cannot be used.
    """
    needs("review", *PACKAGES)
    from timbre.page.review import ReviewApi, predict_songs

    with _listening(port) as (listening, folder):
        models = find_models() if models is None else models
        predictor = Predictor(models)
        asked = shown_instruments(predictor.engine, instruments, everything)
        answers = Answers(songs, predictor.instruments)
        answers.read()  # a fault is reported before the songs are predicted
        found = predict_songs(progress(songs_of(songs), "songs", unit="song"), predictor, folder)
        page = page_text(predictor, models, is_served=True, reviewed=songs.resolve().name, asked=asked)
        _run(ReviewApi(page, predictor, folder, found, answers, asked), listening, opens_browser)


@contextmanager
def _listening(port: int) -> Iterator[tuple[socket.socket, Path]]:
    """Yield a socket that listens on a port, and a folder that exists until the end."""
    with bind(port) as listening, TemporaryDirectory(prefix="timbre-") as folder:
        yield listening, Path(folder)


def _run(api: "Api", listening: socket.socket, opens_browser: bool) -> None:
    """Answer requests until Ctrl+C."""
    address = f"http://{ADDRESS}:{listening.getsockname()[1]}"
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
                print("stopping: requests in progress end now …", file=sys.stderr, flush=True)

    config = uvicorn.Config(make_app(api, opened), log_level="warning", timeout_graceful_shutdown=STOP_SECONDS)
    return Server(config)


def make_app(api: "Api", opened: str = "") -> "Starlette":
    """Return the application, which answers requests to this machine only.

    Args:
        api: What answers the requests.
        opened: An address to open in a browser once the server runs. Empty: none.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    @asynccontextmanager
    async def lifespan(app: "Starlette") -> AsyncIterator[None]:
        api.start()
        if opened:
            webbrowser.open(opened)
        yield

    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    return Starlette(routes=api.routes(), middleware=[hosts], lifespan=lifespan)
