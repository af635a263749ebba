"""The requests that `timbre serve` answers: the page, and the prediction of a song. Needs the extra `serve`."""

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import anyio
import anyio.from_thread
import anyio.to_thread
import numpy as np
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive

from timbre.core.errors import AudioError, DataError
from timbre.page.write import SERVER_DECIBELS
from timbre.songs.predictor import HOP, Predictor
from timbre.songs.song import Song
from timbre.songs.text import as_values

MAX_BYTES = 4 * 2**30  # of an upload: six hours of WAV
COPY_BYTES = 2**20  # that are copied at once
FORM = "multipart/form-data"


class TooLargeError(DataError):
    """An upload has more bytes than the server accepts."""


class Api:
    """Answers requests. One song is predicted at a time.

    A request ends early when its client leaves or the server stops. Its prediction ends after the current windows.

    Args:
        page: The HTML of the page.
        predictor: Predicts the songs.
        folder: Holds each upload while it is predicted.
        max_bytes: The largest upload.
    """

    def __init__(self, page: str, predictor: Predictor, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.page, self.predictor, self.folder, self.max_bytes = page, predictor, folder, max_bytes
        self.turn = anyio.Lock()
        self.requests: set[anyio.CancelScope] = set()
        self.loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Note the event loop that the requests run in."""
        self.loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """End all requests. Can be called from a signal handler and from any thread."""
        if self.loop:
            self.loop.call_soon_threadsafe(self._cancel_requests)

    def _cancel_requests(self) -> None:
        for scope in self.requests:
            scope.cancel()

    def routes(self) -> list[Route]:
        """Return the routes: `GET /` is the page, `POST /api/listen` predicts a song."""
        return [Route("/", self.show), Route("/api/listen", self.listen, methods=["POST"])]

    @staticmethod
    def is_own(request: Request) -> bool:
        """Return whether a request comes from this server's page, or from a program that is no browser."""
        own_origin = f"http://{request.headers.get('host', '')}"
        return request.headers.get("origin", own_origin) == own_origin

    async def show(self, request: Request) -> Response:
        """Return the page."""
        return Response(self.page, media_type="text/html")

    async def listen(self, request: Request) -> Response:
        """Predict the song that is the request's body, or the first file of its form.

        The response is a line of `timbre predict --format jsonl --timeline`. The query may give `name` (of the file),
        `hop` (seconds) and `picture` (adds seconds, words and spectrogram). Requests of other web pages are refused.
        """
        if not self.is_own(request):
            return _error(request, "was sent by another web page", 403)
        response = _error(request, "was not predicted, because the server stops", 503)
        with anyio.CancelScope() as scope:
            self.requests.add(scope)
            try:
                response = await self._predict_upload(request)
            except ClientDisconnect:
                pass  # nobody reads the response
            except HTTPException as error:  # of a form that cannot be read
                response = _error(request, error.detail, error.status_code)
            except TooLargeError as error:
                response = _error(request, str(error), 413)
            except (AudioError, DataError) as error:
                response = _error(request, str(error), 422)
            finally:
                self.requests.discard(scope)
        return response

    async def _predict_upload(self, request: Request) -> Response:
        with NamedTemporaryFile(dir=self.folder) as file:
            name = await self._save(request, file)
            song = await self._predict(request, Path(file.name), _hop(request))
        values = as_values(replace(song, name=name), timeline=True)
        if "picture" in request.query_params:
            values |= picture_values(song)
        return as_response(values, 200)

    async def _save(self, request: Request, file: IO[bytes]) -> str:
        """Write the uploaded song to a file and return the song's name.

        Raises:
            ClientDisconnect: The client left before the upload was complete.
            DataError: The upload is too large, or a form without a file.
        """
        limited = Request(request.scope, self._limited(request))
        name = request.query_params.get("name", "upload")
        if request.headers.get("content-type", "").lower().startswith(FORM):
            async with limited.form() as form:
                uploads = [value for value in form.values() if isinstance(value, UploadFile)]
                if not uploads:
                    raise DataError("the form holds no file; send the song as: curl -F file=@song.wav")
                while chunk := await uploads[0].read(COPY_BYTES):
                    file.write(chunk)
                name = request.query_params.get("name", uploads[0].filename or name)
        else:
            async for chunk in limited.stream():
                file.write(chunk)
        file.flush()
        return name

    def _limited(self, request: Request) -> Receive:
        """Return the function that receives a request's body, with a limit of bytes."""
        size = 0

        async def receive() -> Message:
            nonlocal size
            message = await request.receive()
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise TooLargeError(f"is larger than {self.max_bytes} bytes")
            return message

        return receive

    async def _predict(self, request: Request, path: Path, hop: float) -> Song:
        """Predict a song in a thread, after the songs of earlier requests.

        Raises:
            ClientDisconnect: The client left before the prediction was complete.
        """
        outcome: Song | Exception = ClientDisconnect()
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_client_leaves, request, group.cancel_scope)
            async with self.turn:
                outcome = await anyio.to_thread.run_sync(self._predict_or_error, path, hop)
            group.cancel_scope.cancel()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _predict_or_error(self, path: Path, hop: float) -> Song | Exception:
        """Predict a song in a worker thread. Errors are returned, because a task group would wrap them."""
        try:
            return self.predictor.listen(path, hop, lambda seconds: anyio.from_thread.check_cancelled())
        except (AudioError, DataError) as error:
            return error


async def _cancel_when_client_leaves(request: Request, scope: anyio.CancelScope) -> None:
    """Cancel a scope when the client of a request leaves. The request's body must have been received."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _hop(request: Request) -> float:
    text = request.query_params.get("hop", str(HOP))
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"hop: must be a number of seconds, got {text}") from error


def _error(request: Request, reason: str, status: int) -> Response:
    return as_response({"file": request.query_params.get("name", "upload"), "error": reason}, status)


def as_response(values: dict[str, Any], status: int) -> Response:
    """Return values as a response: one line of JSON."""
    return Response(json.dumps(values) + "\n", status, media_type="application/json")


def picture_values(song: Song) -> dict[str, Any]:
    """Return what the page draws in addition: seconds, words, and the spectrogram's columns as bytes in base64."""
    levels = np.clip(1 + song.spectrogram.T / SERVER_DECIBELS, 0, 1)
    pixels = base64.b64encode(np.rint(255 * levels).astype(np.uint8).tobytes()).decode()
    return {
        "seconds": song.seconds,
        "words": song.words,
        "spectrogram": {"columns": song.spectrogram.shape[1], "decibels": pixels},
    }
