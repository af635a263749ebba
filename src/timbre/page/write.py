"""The page as one file: the models, what runs them, and all scripts inside, so that it needs no network."""

import base64
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from timbre.audio.windows import BLOCKS_PER_SECOND, LOUDEST, QUIET, SILENCE
from timbre.core.errors import DataError
from timbre.core.files import RELEASED, fresh_file
from timbre.features.display import mel_ticks, palette
from timbre.features.events import PAUSE
from timbre.songs.onnx_engine import FILE
from timbre.songs.predictor import PART, TOO_SHORT, Predictor, find_models
from timbre.songs.presence import LEAST, SOLO, WORDS
from timbre.songs.spectrogram import COLUMNS
from timbre.songs.timeline import CERTAIN, CHANGE, FINE, LEANING, MOST

HERE = Path(__file__).parent
SCRIPTS = ("sound", "song", "worker", "draw", "save", "microphone", "app")
LEAST_TICK = 300  # Hz: lower marks would stand on one another
RECENT = 0.5  # seconds that the microphone's latest answer is the mean of
WORTH = (
    "What the answers are worth: the network was taught by rendered and recorded solos and their mixtures. On real "
    "music it finds about four of five instruments and claims few that do not play; a probability of 0.8 is right in "
    "about eight of ten cases. Starts and ends of sections are off by some tenths of a second. The model card has the "
    "figures."
)
OWN_WORTH = "These answers are those of models of your own, by which this page was made: {models}."


def write_page(path: Path, models: Path | None) -> None:
    """Write the page that hears songs by the models of a folder, or by those that `find_models` finds.

    Raises:
        DataError: `path` is a folder, or as `page_text` does.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name the file to write, such as {path / 'timbre.html'}")
    folder = find_models() if models is None else models
    text = page_text(Predictor(folder), folder)
    with fresh_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def page_text(predictor: Predictor, models: Path, is_served: bool = False) -> str:
    """The page as HTML.

    Args:
        predictor: of these models.
        models: the folder with single.safetensors and layered.safetensors.
        is_served: whether `timbre serve` gives it out, and is asked for what browsers cannot decode.

    Raises:
        DataError: as `export_onnx` does.
    """
    parts = {
        "about": json.dumps(about(predictor, models, is_served)).replace("</", "<\\/"),
        "connect": "'self'" if is_served else "'none'",
        "licences": (HERE / "runtime" / "LICENCES.txt").read_text(encoding="utf-8"),
        "model": _in_letters(gzip.compress(_onnx_of(models), mtime=0)),
        "runtime": _in_letters((HERE / "runtime" / "ort.js.gz").read_bytes()),
        "wasm": _in_letters((HERE / "runtime" / "ort.wasm.gz").read_bytes()),
        **{name: (HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS},
    }
    return _filled((HERE / "page.html").read_text(encoding="utf-8"), parts)


def _onnx_of(models: Path) -> bytes:
    """The ONNX file of a folder of models: the one that lies there, as with those released, or else a new one."""
    if (models / FILE).is_file():
        return (models / FILE).read_bytes()
    from timbre.export import export_onnx

    with TemporaryDirectory() as folder:
        export_onnx(models, Path(folder) / FILE)
        return (Path(folder) / FILE).read_bytes()


def about(predictor: Predictor, models: Path, is_served: bool) -> dict[str, Any]:
    """What the scripts know of the models, and the numbers that they share with `timbre.songs`."""
    from matplotlib import colormaps

    engine, magma = predictor.engine, colormaps["magma"](range(256))
    is_released = models.resolve() == RELEASED.resolve()
    ticks = {hz: band for hz, band in mel_ticks(predictor.mel).items() if hz >= LEAST_TICK}
    return {
        "instruments": predictor.instruments,
        "colours": list(palette(predictor.instruments).values()),
        "thresholds": engine.thresholds,
        "rate": predictor.audio.sample_rate,
        "window": predictor.audio.window,
        "step": engine.step,
        "recent": max(1, round(RECENT / engine.step)),
        "bands": predictor.mel.n_mels,
        "ticks": [(f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", round(band, 2)) for hz, band in ticks.items()],
        "columns": COLUMNS,
        "hop": FINE,
        "certain": CERTAIN,
        "change": CHANGE,
        "leaning": LEANING,
        "most": MOST,
        "pause": PAUSE,
        "part": PART,
        "quiet": QUIET,
        "silence": SILENCE,
        "loudest": LOUDEST,
        "blocksPerSecond": BLOCKS_PER_SECOND,
        "tooShort": TOO_SHORT,
        "words": list(WORDS.items()),
        "solo": SOLO,
        "least": LEAST,
        "magma": "".join(bytes(round(255 * part) for part in colour[:3]).hex() for colour in magma),
        "worth": WORTH if is_released else OWN_WORTH.format(models=models),
        "card": _card() if is_released else "These models have none.",
        "server": is_served,
    }


def _card() -> str:
    """The card of the released weights, without the header that is for programs."""
    return (RELEASED / "README.md").read_text(encoding="utf-8").split("---\n", 2)[-1].strip()


def _in_letters(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with each `{part}` in its place, once: what is put in is not looked at again."""
    pieces = [template]
    for name, content in parts.items():
        (index,) = (number for number, piece in enumerate(pieces) if f"{{{name}}}" in piece and number % 2 == 0)
        before, _, after = pieces[index].partition(f"{{{name}}}")
        pieces[index : index + 1] = [before, content, after]
    return "".join(pieces)
