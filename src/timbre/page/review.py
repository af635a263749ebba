"""The requests of `timbre review`: the songs of a folder, their predictions and sound, and the answers of people."""

import json
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from timbre.audio.decode import decode
from timbre.core.errors import AudioError, DataError
from timbre.core.files import fresh_file
from timbre.core.printable import printable
from timbre.labels.sheets import spelling
from timbre.page.api import Api, as_response, picture_values
from timbre.songs.find import SongFile
from timbre.songs.predictor import Predictor
from timbre.songs.text import as_values
from timbre.songs.timeline import FINE_HOP
from timbre.tools.answers import COLUMNS, Answers, entropy

PLAYBACK_RATE = 32000  # Hz, of songs that the browser cannot play itself
BRIEF = ("present", "layered", "shares", "unsure")  # values of a prediction that the list of songs shows


@dataclass(frozen=True)
class ReviewedSong:
    """A song of the folder.

    Attributes:
        file: The file.
        values: The values of its prediction in `BRIEF`. Empty if it cannot be predicted.
        payload: The file with its whole prediction, as JSON.
        error: Why it cannot be predicted, or empty.
    """

    file: SongFile
    values: dict[str, Any]
    payload: Path
    error: str = ""


def predict_songs(files: Iterable[SongFile], predictor: Predictor, store: Path) -> list[ReviewedSong]:
    """Predict songs, and write each whole prediction to a file in the folder `store`, because they need much memory."""
    songs = []
    for number, file in enumerate(files):
        payload = store / f"{number}.json"
        try:
            if file.problem:
                raise AudioError(file.problem)
            song = replace(predictor.listen(file.name, FINE_HOP), name=printable(file.inside))
        except AudioError as error:
            songs.append(ReviewedSong(file, {}, payload, str(error)))
            continue
        values = as_values(song, timeline=True)
        payload.write_text(json.dumps(values | picture_values(song)), encoding="utf-8", newline="\n")
        songs.append(ReviewedSong(file, {name: values[name] for name in BRIEF if name in values}, payload))
    return songs


def doubt(song: ReviewedSong, answers: dict[str, str], instruments: Iterable[str]) -> float:
    """Return how many yes-or-no answers about a song are open, in bits: the entropy of what nobody has answered."""
    open_ones = [song.values["layered"][name] for name in instruments if name not in answers] if song.values else []
    return float(entropy(np.array(open_ones)).sum())


class ReviewApi(Api):
    """Answers the requests of the page while people review songs.

    Args:
        page: The HTML of the page.
        predictor: The models.
        folder: Holds files until the server stops.
        songs: The songs of the folder.
        answers: The answers of people.
        instruments: The instruments to ask about.
    """

    def __init__(
        self,
        page: str,
        predictor: Predictor,
        folder: Path,
        songs: Sequence[ReviewedSong],
        answers: Answers,
        instruments: Sequence[str],
    ) -> None:
        super().__init__(page, predictor, folder)
        given = answers.read()
        self.answers, self.saving = answers, anyio.Lock()
        self.songs = sorted(
            songs, key=lambda song: -doubt(song, given.get(spelling(song.file.inside), {}), instruments)
        )

    def routes(self) -> list[Route]:
        """Return the routes of the page and of the review."""
        return [
            *super().routes(),
            Route("/api/review", self.list_songs),
            Route("/api/review/{number:int}", self.show_song),
            Route("/api/review/{number:int}/sound", self.play),
            Route("/api/review/{number:int}/answers", self.save, methods=["POST"]),
        ]

    async def list_songs(self, request: Request) -> Response:
        """Return all songs, least certain first, each with the main values of its prediction and its answers."""
        try:
            given = await anyio.to_thread.run_sync(self.answers.read)
        except DataError as error:
            return as_response({"error": str(error)}, 422)
        rows = [
            {
                "name": printable(song.file.inside),
                "answers": given.get(spelling(song.file.inside), {}),
                **({"error": song.error} if song.error else {"result": song.values}),
            }
            for song in self.songs
        ]
        return as_response({"songs": rows}, 200)

    async def show_song(self, request: Request) -> Response:
        """Return the whole prediction for a song, as `POST /api/listen?picture` does."""
        song = self._song(request)
        if song is None or song.error:
            return as_response({"error": song.error if song else "no such song"}, 404)
        return FileResponse(song.payload, media_type="application/json")

    async def play(self, request: Request) -> Response:
        """Return a song's file, or with the query `wav` its sound as WAV, which any browser plays."""
        song = self._song(request)
        if song is None or song.error:
            return as_response({"error": "no such song"}, 404)
        if "wav" not in request.query_params:
            return FileResponse(song.file.name)
        sound = song.payload.with_suffix(".wav")
        try:
            if not sound.exists():
                await anyio.to_thread.run_sync(write_wav, song.file.name, sound)
        except AudioError as error:
            return as_response({"error": str(error)}, 422)
        return FileResponse(sound, media_type="audio/wav")

    async def save(self, request: Request) -> Response:
        """Save answers about a song: a JSON object of instruments, each with yes, no or unknown."""
        if not self.is_own(request):
            return as_response({"error": "was sent by another web page"}, 403)
        song, answers = self._song(request), _answers(await request.body(), self.predictor.instruments)
        if song is None or answers is None:
            return as_response({"error": f"answers must be {', '.join(COLUMNS)} about instruments of a song"}, 422)
        try:
            async with self.saving:
                await anyio.to_thread.run_sync(self.answers.save, {song.file.inside: answers})
        except DataError as error:
            return as_response({"error": str(error)}, 422)
        return as_response({"saved": answers}, 200)

    def _song(self, request: Request) -> ReviewedSong | None:
        number = request.path_params["number"]
        return self.songs[number] if number < len(self.songs) else None


def _answers(body: bytes, instruments: Sequence[str]) -> dict[str, str] | None:
    """Return the answers in a request's body; None if it has others."""
    try:
        answers = json.loads(body)
    except ValueError:
        return None
    is_known = (
        isinstance(answers, dict) and {*answers} <= {*instruments} and {*map(str, answers.values())} <= {*COLUMNS}
    )
    return answers if is_known else None


def write_wav(source: str, path: Path) -> None:
    """Write the sound of any file as WAV, mono.

    Raises:
        AudioError: The file cannot be read to its end.
    """
    with fresh_file(path) as partial, wave.open(str(partial), "wb") as file:
        file.setparams((1, 2, PLAYBACK_RATE, 0, "NONE", ""))
        for block in decode(source, PLAYBACK_RATE):
            file.writeframes(np.rint(32767 * np.clip(block, -1, 1)).astype("<i2").tobytes())
