"""The page on this machine alone, and a server that hears for it what browsers cannot decode."""

import asyncio
import base64
import json
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from timbre.core.errors import AudioError, DataError
from timbre.core.extras import needs
from timbre.page.write import page_text
from timbre.songs.predictor import HOP, Predictor, find_models
from timbre.songs.song import Song
from timbre.songs.text import as_values, error_as_json

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

ADDRESS = "127.0.0.1"
HOSTS = (ADDRESS, "localhost")
LARGEST = 4 * 2**30  # bytes of an upload: six hours of WAV
RANGE_DB = 100  # of a spectrogram's pixels, from the least of their 256 values to full scale


def serve(models: Path | None, port: int, opens_browser: bool) -> None:
    """Serve the page until interrupted.

    Args:
        models: the folder with single.safetensors and layered.safetensors; none: as `find_models` finds them.
        port: of this machine; 0: any that is free.
        opens_browser: whether to show the page at once.

    Raises:
        DataError: the packages are not installed, the port is taken, or as `page_text` does.
    """
    needs("serve", "serve", "starlette", "uvicorn")
    import uvicorn

    listening = _bound(port)
    address = f"http://{ADDRESS}:{listening.getsockname()[1]}"
    with TemporaryDirectory(prefix="timbre-") as folder, listening:
        print("the page is made …", file=sys.stderr, flush=True)
        models = find_models() if models is None else models
        predictor = Predictor(models)
        page = page_text(predictor, models, is_served=True).encode()
        app = make_app(page, predictor, Path(folder), address if opens_browser else "")
        print(f"{address} (Ctrl+C ends it)", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise DataError(f"port {port}: cannot be used ({error}); name another: --port 0 takes any") from error
    return listening


def make_app(page: bytes, predictor: Predictor, folder: Path, shown: str = "", largest: int = LARGEST) -> "Starlette":
    """The application: `GET /` is the page, `POST /api/listen` hears the file that is its body.

    Its answer is the line of `timbre predict --format jsonl --timeline`, with `name` as the file and `hop` as asked
    for; with `picture` also seconds, words and spectrogram. What names another host, or comes from another page, is
    refused.

    Args:
        page: the bytes of the page.
        predictor: hears, one song at a time.
        folder: takes in what is heard, for as long.
        shown: an address that is opened in a browser once the server runs; empty: none.
        largest: bytes of an upload.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response
    from starlette.routing import Route

    turn = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(app: "Starlette") -> AsyncIterator[None]:
        if shown:
            await asyncio.to_thread(webbrowser.open, shown)
        yield

    async def show(request: "Request") -> Response:
        return Response(page, media_type="text/html")

    async def listen(request: "Request") -> Response:
        name = request.query_params.get("name", "upload")
        if request.headers.get("origin", _own(request)) != _own(request):
            return _answer(error_as_json(name, "comes from another page"), 403)
        with NamedTemporaryFile(dir=folder) as file:
            size = 0
            try:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > largest:
                        return _answer(error_as_json(name, f"is larger than {largest} bytes"), 413)
                    file.write(chunk)
                file.flush()
                async with turn:
                    song = await asyncio.to_thread(predictor.listen, file.name, _hop(request))
            except ClientDisconnect:
                return Response(status_code=400)
            except (AudioError, DataError) as error:
                return _answer(error_as_json(name, str(error)), 422)
        said = as_values(replace(song, name=name), timeline=True)
        return _answer(json.dumps(said | _picture(song) if "picture" in request.query_params else said), 200)

    routes = [Route("/", show), Route("/api/listen", listen, methods=["POST"])]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts], lifespan=lifespan)


def _hop(request: "Request") -> float:
    asked = request.query_params.get("hop", str(HOP))
    try:
        return float(asked)
    except ValueError as error:
        raise DataError(f"hop: must be a number of seconds, got {asked}") from error


def _own(request: "Request") -> str:
    """The origin of the page that this server gave out, by the host that it was asked for."""
    return f"http://{request.headers.get('host', '')}"


def _answer(line: str, status: int) -> "Response":
    from starlette.responses import Response

    return Response(line + "\n", status, media_type="application/json")


def _picture(song: Song) -> dict[str, Any]:
    """What the page draws beside the answer: seconds, words, and the spectrogram as bytes, a column after another."""
    levels = np.clip(1 + song.spectrogram.T / RANGE_DB, 0, 1)
    pixels = base64.b64encode(np.rint(255 * levels).astype(np.uint8).tobytes()).decode()
    return {
        "seconds": song.seconds,
        "words": song.words,
        "spectrogram": {"columns": song.spectrogram.shape[1], "decibels": pixels},
    }
