"""The page as one HTML file that contains the models, their runtime and all scripts, so it needs no network."""

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

from timbre.audio import repair, windows
from timbre.audio.decode import MAX_MISSING_SECONDS
from timbre.audio.tracks import BLOCK_SECONDS, MAX_SAMPLE
from timbre.core.errors import DataError
from timbre.core.files import RELEASED, fresh_file
from timbre.core.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from timbre.features.display import mel_ticks, palette
from timbre.features.events import PAUSE
from timbre.songs import answer, presence, timeline
from timbre.songs.onnx_engine import ONNX_FILE
from timbre.songs.output import BORDER
from timbre.songs.predictor import TOO_SHORT, Predictor, find_models
from timbre.songs.spectrogram import MIN_COLUMNS

HERE = Path(__file__).parent
SCRIPTS = (
    *("wav", "length", "sound", "words", "song", "worker"),  # run in the worker
    *("draw", "save", "answers", "result", "review", "microphone", "folders", "app"),
)
LOWEST_TICK = 300  # Hz: the labels of lower ticks would overlap
SERVER_DECIBELS = 100  # range of the spectrogram that the server sends in 256 values, below full scale
MICROPHONE_SECONDS = 0.5  # the microphone's latest values are the mean over this time
RELEASED_QUALITY = (
    "How good the predictions are: the network was trained on rendered and recorded solos and their mixtures. On real "
    "music it finds about nine of ten guitars, drums, violins and pianos, but six of ten voices, and reports few "
    "instruments that do not play. Starts and ends of sections are off by a few tenths of a second. The model card has "
    "the figures."
)
OWN_QUALITY = "This page was made with your own models: {models}."


def write_page(path: Path, models: Path | None) -> None:
    """Write the page to a file.

    Args:
        path: The HTML file to write.
        models: The folder with the models. None: the folder that `find_models` finds.

    Raises:
        DataError: `path` is a folder, or a model cannot be exported.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file to write, such as {path / 'timbre.html'}")
    folder = find_models() if models is None else models
    text = page_text(Predictor(folder), folder)
    with fresh_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def page_text(
    predictor: Predictor, models: Path, is_served: bool = False, reviewed: str = "", asked: Sequence[str] = ()
) -> str:
    """Return the page as HTML.

    Args:
        predictor: A predictor with the models of the folder.
        models: The folder with single.safetensors and layered.safetensors.
        is_served: Whether `timbre serve` delivers the page. Then the page asks the server for songs that the browser
            cannot decode.
        reviewed: The name of the folder that `timbre review` delivers. Then the page has no network of its own.
        asked: The instruments that `timbre review` asks about.

    Raises:
        DataError: A model cannot be exported.
    """
    facts = about(predictor, models, is_served) | {"reviewed": reviewed}
    if reviewed:
        facts["littleTested"] = [name for name in predictor.instruments if name not in asked]
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        {name: (HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS},
        about=json.dumps(facts).replace("</", "<\\/"),
        connect="'self'" if is_served else "'none'",
        media="'self'" if is_served else "",
        licences=(HERE / "runtime" / "LICENCES.txt").read_text(encoding="utf-8"),
        **_network(models, is_left_out=bool(reviewed)),
    )


def _network(models: Path, is_left_out: bool) -> dict[str, str]:
    """Return the models and what runs them in a browser, packed as text; empty if they are left out."""
    if is_left_out:
        return dict.fromkeys(("model", "runtime", "wasm"), "")
    return {
        "model": _as_base64(gzip.compress(_onnx_file(models), mtime=0)),
        "runtime": _as_base64((HERE / "runtime" / "ort.js.gz").read_bytes()),
        "wasm": _as_base64((HERE / "runtime" / "ort.wasm.gz").read_bytes()),
    }


def _onnx_file(models: Path) -> bytes:
    """Return the bytes of the folder's ONNX file, which is exported first if there is none."""
    if (models / ONNX_FILE).is_file():
        return (models / ONNX_FILE).read_bytes()
    from timbre.export import export_onnx

    with TemporaryDirectory() as folder:
        export_onnx(models, Path(folder) / ONNX_FILE)
        return (Path(folder) / ONNX_FILE).read_bytes()


def about(predictor: Predictor, models: Path, is_served: bool) -> dict[str, Any]:
    """Return what the scripts know about the models, and the constants that they share with Python."""
    engine = predictor.engine
    is_released = models.resolve() == RELEASED.resolve()
    return {
        "instruments": predictor.instruments,
        "colours": list(palette(predictor.instruments).values()),
        "thresholds": engine.thresholds,
        "sure": engine.sure,
        "littleTested": engine.little_tested,
        "few": presence.FEW,
        "rate": predictor.audio.sample_rate,
        "window": predictor.audio.window,
        "step": engine.step,
        "microphoneSteps": max(1, round(MICROPHONE_SECONDS / engine.step)),
        "bands": predictor.mel.n_mels,
        "ticks": _ticks(predictor),
        "magma": _magma(),
        "decibels": SERVER_DECIBELS,
        "quality": RELEASED_QUALITY if is_released else OWN_QUALITY.format(models=models.name or models),
        "card": _model_card() if is_released else "Your own models have no model card here.",
        "server": is_served,
        **_shared_constants(),
    }


def _shared_constants() -> dict[str, Any]:
    """Return the constants of `timbre.audio` and `timbre.songs` that sound.js and song.js use too."""
    return {
        "suffixes": AUDIO_SUFFIXES + VIDEO_SUFFIXES,
        "offset": repair.OFFSET,
        "opposed": repair.OPPOSED,
        "click": repair.CLICK,
        "clickCellsPerSecond": repair.CELLS_PER_SECOND,
        "clickReach": repair.REACH,
        "fullScale": repair.FULL_SCALE,
        "maxSample": MAX_SAMPLE,
        "maxMissingSeconds": MAX_MISSING_SECONDS,
        "blockSeconds": BLOCK_SECONDS,
        "silence": windows.SILENCE,
        "quiet": windows.QUIET,
        "blocksPerSecond": windows.BLOCKS_PER_SECOND,
        "loudest": windows.LOUDEST,
        "tooShort": TOO_SHORT,
        "part": answer.PART,
        "timelineWeight": answer.TIMELINE_WEIGHT,
        "timelineLimit": answer.TIMELINE_LIMIT,
        "singleWeight": answer.SINGLE_WEIGHT,
        "leastProbability": answer.LEAST,
        "border": BORDER,
        "hop": timeline.FINE_HOP,
        "certain": timeline.MAX_LOGIT,
        "change": timeline.CHANGE_COST,
        "leaning": timeline.SONG_WEIGHT,
        "lowered": timeline.MOST_LOWERED,
        "raised": timeline.MOST_RAISED,
        "pause": PAUSE,
        "words": list(presence.WORDS.items()),
        "often": presence.OFTEN,
        "solo": presence.MIN_SOLO,
        "least": presence.LEAST_SHARE,
        "columns": MIN_COLUMNS,
    }


def _ticks(predictor: Predictor) -> list[tuple[str, float]]:
    """Return the labels of the spectrogram's frequency axis, each with its mel band."""
    ticks = {hz: band for hz, band in mel_ticks(predictor.mel).items() if hz >= LOWEST_TICK}
    return [(f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", round(band, 2)) for hz, band in ticks.items()]


def _magma() -> str:
    """Return the 256 colours of matplotlib's magma, six hexadecimal digits each."""
    from matplotlib import colormaps

    return "".join(bytes(round(255 * part) for part in colour[:3]).hex() for colour in colormaps["magma"](range(256)))


def _model_card() -> str:
    """Return the model card of the released weights without its metadata header."""
    return (RELEASED / "README.md").read_text(encoding="utf-8").split("---\n", 2)[-1].strip()


def _as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
