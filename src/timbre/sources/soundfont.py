"""The embedded data set: phrases composed here, played by a General MIDI sound font and by physical models."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from timbre.errors import DataError
from timbre.instruments import INSTRUMENTS, OTHER
from timbre.layout import FOLDERS, METADATA
from timbre.parallel import parallel_map
from timbre.params import Compute, Soundfont
from timbre.rng import generator
from timbre.running import repository_root
from timbre.sources import modelled
from timbre.sources.phrases import compose
from timbre.sources.phrases.score import CHORUS, REVERB, VOLUME, Control, to_midi
from timbre.sources.takes import Take, plan

CLASSES = {
    "guitar": "Sound_Guitar",
    "drums": "Sound_Drum",
    "violin": "Sound_Violin",
    "piano": "Sound_Piano",
    OTHER: "Sound_Other",
}
SPLITS = {"train": f"{FOLDERS[0]}/{FOLDERS[0]}", "test": f"{FOLDERS[1]}/{FOLDERS[1]}"}  # Kaggle's folders
PACKAGES = ("pretty_midi", "midirenderer")

# Voices whose phrases, written for violin, piano or guitar, are played lower: semitones down.
LOWER = {"p41": 7, "viola": 7, "p42": 12, "cello": 12, "trombone": 12, "p57": 12, "bassoon": 12, "p70": 12}
LOWER |= dict.fromkeys((f"p{program}" for program in (*range(32, 40), 43, 58)), 24)
LOWER |= dict.fromkeys((voice for voice in modelled.VOICES[OTHER] if "bass-" in voice), 24)
LOWER |= dict.fromkeys(("sub-bass", "contrabass", "tuba", "baritone-sax"), 24)

SHIFT = 2  # semitones: how far a clip is played fast or slow, its notes moved the other way
DETUNE = {"drums": 250}  # cents, either way; drums are tuned freely
TUNED = 30  # cents: the others
LEVEL = (-12.0, -1.0)  # dB of full scale: a clip's peak
SILENCE = 1e-4  # peak below which a rendering counts as silent
ATTEMPTS = 5  # at a phrase that sounds: a sound font may lack the notes of one


def render_dataset(soundfont: Soundfont, seed: int, folder: Path, compute: Compute) -> dict[str, object]:
    """Render a data set in Kaggle's layout into the empty `folder`: mono 16-bit FLAC, and metadata.

    Metadata has Kaggle's columns, FileName and Class, and a third: Group.

    Returns:
        What made it: packages, sound font and, for each split and instrument, voices and clips.

    Raises:
        DataError: sound font or renderer are missing, or a phrase comes out silent.
    """
    takes = plan(soundfont)
    for split, metadata in zip(SPLITS, METADATA, strict=True):
        (folder / SPLITS[split]).mkdir(parents=True)
        _write_metadata(folder / metadata, (take for take in takes if take.split == split))
    write = partial(_write_take, soundfont, seed, folder)
    for _ in parallel_map(write, takes, compute, "render"):
        pass
    return _provenance(takes, soundfont.file)


def perform(take: Take, options: Soundfont, seed: int) -> np.ndarray:
    """Compose and render a clip as int16 `[seconds * sample_rate]`, the phrase drawn from the clip's place.

    Raises:
        DataError: sound font or renderer are missing, or phrase after phrase comes out silent.
    """
    rng = generator(seed, "soundfont", take.split, take.instrument, take.index)
    for _ in range(ATTEMPTS):
        sound = _attempt(take, options, rng)
        peak = float(np.abs(sound).max(initial=0))
        if peak >= SILENCE:
            level = 10 ** (rng.uniform(*LEVEL) / 20)
            length = round(options.seconds * options.sample_rate)
            return np.pad(np.rint(sound * (level / peak * 32767)).astype(np.int16), (0, length - len(sound)))
    raise DataError(
        f"{take.name}: {ATTEMPTS} phrases came out silent; soundfont.file must name a General MIDI sound font, "
        "or be empty for the one of pretty_midi"
    )


def _attempt(take: Take, options: Soundfont, rng: np.random.Generator) -> np.ndarray:
    """One phrase, float32, `seconds * sample_rate` samples at most; silent where the voice lacks its notes.

    It is played a little fast or slow, as a tape would be, and its notes are moved the other way: what stays
    is the pitch, with a small detune, while the body of the instrument sounds larger or smaller.
    """
    import soxr

    seconds, sample_rate = options.seconds, options.sample_rate
    drums = take.family == "drums"
    shift = 0 if drums else int(rng.integers(-SHIFT, SHIFT + 1))
    detune = rng.uniform(-1, 1) * DETUNE.get(take.instrument, TUNED)
    speed = 2 ** ((100 * shift + detune) / 1200)
    reverb, chorus = rng.uniform(0, 100), rng.uniform(0, 50) if take.instrument == "guitar" else 0
    room = [Control(0, VOLUME, 50 if drums else 127), Control(0, REVERB, reverb), Control(0, CHORUS, chorus)]
    events = room + compose(take.family, take.kind, rng, seconds * speed)
    transpose = -shift - LOWER.get(take.voice, 0)
    kit = int(take.voice.removeprefix("kit-")) if take.voice.startswith("kit-") else 0
    program = kit if take.program is None else take.program
    midi = to_midi(events, program, seconds * speed + 0.05, drums, transpose)
    if take.program is None:
        played = modelled.play(midi, take.voice, rng, seconds * speed + 0.05)
    else:
        played = render(midi, options.file)
    return soxr.resample(played[0], played[1] * speed, sample_rate)[: round(seconds * sample_rate)]


def render(midi: bytes, file: str = "") -> tuple[np.ndarray, int]:
    """Return a MIDI file as sound, mono float32, and its sampling rate in Hz. Only this function knows the renderer.

    Args:
        midi: of one General MIDI program.
        file: a sound font; empty: the one that pretty_midi ships.

    Raises:
        DataError: sound font or renderer are missing.
    """
    import soundfile

    try:
        from midirenderer import render_wave_from
    except ImportError as error:
        raise DataError(
            "data.source: soundfont needs midirenderer, which is not installed; pip install midirenderer, "
            "or set data.source to kaggle or folder"
        ) from error
    wave = io.BytesIO(render_wave_from(_font(file), midi))
    sound, rate = soundfile.read(wave, dtype="float32", always_2d=True)
    return (sound[:, 0] + sound[:, 1]) / 2, rate


@cache
def _font(file: str) -> bytes:
    """A sound font's bytes, read once a process."""
    path = _font_path(file)
    content = path.read_bytes() if path and path.is_file() else b""
    if content[:4] == b"RIFF":
        return content
    if file:
        raise DataError(f"soundfont.file: {file} is no sound font (.sf2); leave it empty for the one of pretty_midi")
    raise DataError("data.source: soundfont needs the sound font that pretty_midi ships; pip install pretty_midi")


def _font_path(file: str) -> Path | None:
    """Where a sound font lies; pretty_midi is not imported, since that takes its time."""
    if file:
        return repository_root() / file
    package = find_spec("pretty_midi")
    return Path(package.origin).with_name("TimGM6mb.sf2") if package and package.origin else None


def _write_take(soundfont: Soundfont, seed: int, folder: Path, take: Take) -> None:
    import soundfile

    file = io.BytesIO()  # so that a full disk is an OSError, which soundfile would hide
    sound = perform(take, soundfont, seed)
    soundfile.write(file, sound, soundfont.sample_rate, format="FLAC", subtype="PCM_16")
    (folder / SPLITS[take.split] / take.name).write_bytes(file.getvalue())


def _write_metadata(path: Path, takes: Iterable[Take]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("FileName", "Class", "Group"))
        writer.writerows((take.name, CLASSES[take.instrument], take.group) for take in takes)


def _provenance(takes: list[Take], file: str) -> dict[str, object]:
    count = Counter((take.split, take.instrument) for take in takes)
    voices = {pair: sorted({take.voice for take in takes if (take.split, take.instrument) == pair}) for pair in count}
    packages = PACKAGES + (("libsonare",) if any(take.program is None for take in takes) else ())
    return {
        "packages": {package: version(package) for package in packages},
        "sound font": {"file": _font_path(file).name, "sha256": hashlib.sha256(_font(file)).hexdigest()},
        "clips": {
            split: {
                instrument: {"voices": voices[split, instrument], "clips": count[split, instrument]}
                for instrument in (*INSTRUMENTS, OTHER)
                if count[split, instrument]
            }
            for split in SPLITS
        },
    }
