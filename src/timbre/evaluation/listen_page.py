"""Write a page to listen to: the worst mistakes and a random sample, with sound, mel and probabilities."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from timbre.core.params import Audio, Mel
from timbre.core.rng import generator
from timbre.core.tables import Part, Window, parts_by_mixture
from timbre.evaluation.predictions import Predictions
from timbre.features.display import PLOT_RANGE_DB, mel_ticks, palette
from timbre.features.mixtures import mix

TITLES = {
    "single": "One instrument (single-label)",
    "layered": "Mixtures of instruments (multi-label)",
    "music": "Music with partial labels (multi-label)",
}
PAGE = Path(__file__).with_suffix(".html")
Sound = Callable[[int], np.ndarray]
"""From the index of a clip to the waveform `[samples]` of its first window, at `audio.sample_rate`."""

MAX_SECONDS = 8.0  # the page plays the start of longer clips
SOUND_RATE = 24000  # Hz, a rate that MP3 supports
PEAK = 0.9  # leaves headroom for the overshoot of MP3
COMPRESSION = 0.75  # 48 kbit/s at SOUND_RATE
MAX_BANDS, MAX_FRAMES = 128, 400  # of a picture
WIDTH, HEIGHT = 420, 190  # of a figure
LEFT, RIGHT, TOP, BOTTOM = 38, 6, 6, 24  # its margins
TICK_SECONDS = (0.1, 0.2, 0.5, 1, 2)


def clip_sounds(windows: Sequence[Window], clips: Sequence[str], pack: np.ndarray) -> Sound:
    """Return a function that gives the sound of each clip of a split: its first window.

    Args:
        windows: Rows of the split's table.
        clips: Files, in the order of the split.
        pack: All windows that prepare wrote, int16 `[rows, samples]`.
    """
    first = {window.file: window.row for window in reversed(windows)}
    return lambda clip: pack[first[clips[clip]]].astype(np.float32)


def layered_sounds(parts: Sequence[Part], pack: np.ndarray, sample_rate: int) -> Sound:
    """Return a function that gives the sound of each mixture; for `pack` see `clip_sounds`."""
    mixtures = parts_by_mixture(parts)
    return lambda clip: mix(mixtures[clip], pack, sample_rate)


def with_sounds(
    tested: Mapping[str, Predictions],
    windows: Sequence[Window],
    parts: Sequence[Part],
    pack: np.ndarray,
    sample_rate: int,
) -> dict[str, tuple[Predictions, Sound]]:
    """Return the predictions of each task with the sounds of its clips, for `write_listen_page`."""
    sounds = {task: clip_sounds(windows, found.split.names, pack) for task, found in tested.items()}
    if parts:
        sounds["layered"] = layered_sounds(parts, pack, sample_rate)
    return {task: (found, sounds[task]) for task, found in tested.items()}


def write_listen_page(
    path: Path,
    tasks: Mapping[str, tuple[Predictions, Sound]],
    audio: Audio,
    mel: Mel,
    seed: int,
    worst: int = 8,
    sample: int = 4,
) -> None:
    """Write one HTML file that needs no other file and no network; a clip of four seconds takes about 50 kB.

    Args:
        path: The file.
        tasks: Predictions and sounds by task; the tasks are keys of `TITLES`.
        audio: Gives the rate of the sounds and the time axis.
        mel: Gives both axes.
        seed: Seed of the random sample.
        worst: Number of mistakes to show per task, hardest first.
        sample: Number of clips to draw from the others, per task.
    """
    sections = []
    for task, (predictions, sound) in tasks.items():
        mistakes = [int(clip) for clip in predictions.hardest_first if not predictions.correct[clip]][:worst]
        others = np.setdiff1d(np.arange(len(predictions.correct)), mistakes)
        drawn = generator(seed, "listen", task).permutation(others)[:sample]
        wrong, total = int((~predictions.correct).sum()), len(predictions.correct)
        sections.append(f"<h2>{TITLES[task]}</h2><p>{wrong} of {total} test clips are predicted wrong.</p>")
        for heading, clips in (("Worst mistakes", mistakes), ("Random sample of the others", drawn)):
            cards = "\n".join(_card(predictions, int(clip), sound(int(clip)), audio, mel) for clip in clips)
            sections.append(f'<h3>{heading}</h3><div class="cards">{cards or "<p>None.</p>"}</div>')
    page = PAGE.read_text(encoding="utf-8")
    for mark, content in {"width": WIDTH, "left": LEFT, "sections": "\n".join(sections)}.items():
        page = page.replace(f"{{{mark}}}", str(content))
    path.write_text(page, encoding="utf-8", newline="\n")


def _card(predictions: Predictions, clip: int, waveform: np.ndarray, audio: Audio, mel: Mel) -> str:
    windows = np.flatnonzero(predictions.split.clips == clip)
    more = f", first of {len(windows)} windows" if len(windows) > 1 else ""
    plays, present = predictions.split.targets[clip] == 1, predictions.present[clip]
    mark, kind = ("✓", "right") if predictions.correct[clip] else ("✗", "wrong")
    name, instruments = predictions.split.names[clip], predictions.split.instruments
    colours = palette(instruments)
    bars = "".join(
        _bar(instrument, colours[instrument], *values)
        for instrument, *values in zip(
            instruments,
            predictions.probabilities[clip],
            plays,
            predictions.thresholds or (None,) * len(instruments),
            strict=True,
        )
    )
    return f"""<article class="clip {kind}">
<h4 title="{escape(name)}">{mark} {escape(name.rsplit("/", 1)[-1])}{more}</h4>
{_figure(predictions.split.mels[windows[0]], audio, mel)}
<audio controls preload="metadata" src="data:audio/mpeg;base64,{_mp3(waveform, audio.sample_rate)}"></audio>
<p>plays: <b>{_listed(plays, instruments)}</b>, predicted: <b>{_listed(present, instruments)}</b></p>
<table>{bars}</table>
</article>"""


def _listed(present: np.ndarray, instruments: tuple[str, ...]) -> str:
    return ", ".join(np.array(instruments)[present.astype(bool)]) or "nothing"


def _bar(instrument: str, colour: str, probability: float, plays: bool, threshold: float | None) -> str:
    line = "" if threshold is None else f'<i style="left:{threshold:.1%}"></i>'
    return (
        f'<tr class="{"plays" if plays else "silent"}" style="--colour:{colour}"><th>{escape(instrument)}</th>'
        f'<td class="track"><span style="width:{probability:.1%}"></span>{line}</td><td>{probability:.2f}</td></tr>'
    )


def _figure(decibels: np.ndarray, audio: Audio, mel: Mel) -> str:
    """Return an SVG of a mel `[bands, frames]` with ticks in Hz and seconds, and the cursor that the player moves."""
    rate = audio.sample_rate / mel.hop_length
    decibels = decibels[:, : round(MAX_SECONDS * rate)]
    seconds = decibels.shape[1] / rate
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    ticks = []
    for hertz, band in mel_ticks(mel).items():
        y = TOP + up * (1 - band / mel.n_mels)
        label = f"{hertz // 1000}k" if hertz >= 1000 else hertz
        ticks.append(f'<path d="M{LEFT - 4} {y:.1f}h4"/><text x="{LEFT - 6}" y="{y + 3.5:.1f}">{label}</text>')
    step = next((step for step in TICK_SECONDS if seconds / step <= 5), TICK_SECONDS[-1])
    for second in np.arange(0, seconds, step):
        x = LEFT + across * second / seconds
        unit = " s" if second == 0 else ""
        ticks.append(
            f'<path d="M{x:.1f} {TOP + up}v4"/><text class="below" x="{x:.1f}" y="{HEIGHT - 7}">{second:g}{unit}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" data-seconds="{seconds:.4f}" data-across="{across}" role="img" '
        'aria-label="mel spectrogram, Hz over seconds">'
        f'<image href="data:image/png;base64,{_png(decibels)}" x="{LEFT}" y="{TOP}" width="{across}" height="{up}" '
        f'preserveAspectRatio="none"/>{"".join(ticks)}'
        f'<line class="cursor" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{TOP + up}"/></svg>'
    )


def _png(decibels: np.ndarray) -> str:
    """Return the top 70 dB of a mel as a PNG of 256 colours, in base64."""
    from matplotlib import colormaps
    from PIL import Image

    decibels = decibels.astype(np.float32)
    depth = np.clip((decibels - decibels.max()) / PLOT_RANGE_DB + 1, 0, 1)
    image = Image.fromarray(np.rint(depth[::-1] * 255).astype(np.uint8))
    image = image.resize((min(image.width, MAX_FRAMES), min(image.height, MAX_BANDS)), Image.Resampling.BOX)
    image.putpalette((colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _mp3(waveform: np.ndarray, sample_rate: int) -> str:
    """Return a sound as MP3 in base64. Every browser plays it and, unlike Ogg, its bytes contain no random number."""
    import soundfile
    import soxr

    waveform = soxr.resample(waveform[: round(MAX_SECONDS * sample_rate)], sample_rate, SOUND_RATE)
    waveform *= PEAK / max(float(np.abs(waveform).max()), 1e-9)
    file = io.BytesIO()
    soundfile.write(
        file,
        waveform,
        SOUND_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=COMPRESSION,
        bitrate_mode="CONSTANT",
    )
    return base64.b64encode(file.getvalue()).decode()
