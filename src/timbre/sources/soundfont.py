"""The embedded data set: phrases composed here and rendered with a General MIDI sound font.

The sound font is TimGM6mb, which PyPI's pretty_midi ships. Its programs were compared by their renderings:

- guitar: 24 nylon, 25 steel, 26 jazz, 27 clean, 28 muted, 29 overdriven and 30 distorted all differ. Program 31,
  harmonics, is left out: few would call its bell-like tone a guitar.
- drums: kit 32 (jazz) is kit 0 (standard) to the sample, so it is left out; 8 room, 16 power, 24 electronic, 25 TR-808,
  40 brush and 48 orchestra have kicks, snares and toms of their own. Hand percussion and some cymbals are the
  same in all kits, which keeps test kits from being wholly unheard.
- violin: 40 violin, 41 viola (played a fifth lower; Kaggle's violins include violas) and 110 fiddle are kin, yet
  differ. String sections (44, 48, 49) are left out: a listener would say strings.
- piano: 0 and 1 are one piano, 1 the brighter; 2 is another, 3 the first out of tune. Electric pianos (4, 5)
  are left out.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from timbre.errors import DataError
from timbre.instruments import INSTRUMENTS
from timbre.layout import FOLDERS, METADATA
from timbre.parallel import parallel_map
from timbre.params import Compute, Soundfont
from timbre.rng import generator
from timbre.sources.phrases import PHRASES, compose
from timbre.sources.phrases.score import CHORUS, REVERB, VOLUME, Control, to_midi

CLASSES = {"guitar": "Sound_Guitar", "drums": "Sound_Drum", "violin": "Sound_Violin", "piano": "Sound_Piano"}
SPLITS = {"train": f"{FOLDERS[0]}/{FOLDERS[0]}", "test": f"{FOLDERS[1]}/{FOLDERS[1]}"}  # Kaggle's folders
TEST_SHARE = 0.16

# General MIDI programs of each split, counted from 0; of drums, kits. Where an instrument has enough, test hears
# others than train, each with a relative there: 28 rings much like nylon, 8 and 48 are acoustic kits like 0 and 16.
PROGRAMS: dict[str, dict[str, tuple[int, ...]]] = {
    "guitar": {"train": (24, 25, 26, 27, 29, 30), "test": (28,)},
    "drums": {"train": (0, 16, 24, 25, 40), "test": (8, 48)},
    "violin": {"train": (40, 110, 41), "test": (40, 110, 41)},
    "piano": {"train": (0, 1, 2, 3), "test": (0, 1, 2, 3)},
}
VIOLA, FIFTH = 41, 7

SHIFT = 2  # semitones: how far a clip is played fast or slow, its notes moved the other way
DETUNE = {"guitar": 30, "drums": 250, "violin": 30, "piano": 30}  # cents, either way; drums are tuned freely
LEVEL = (-12.0, -1.0)  # dB of full scale: a clip's peak
SILENCE = 1e-4  # peak below which a rendering counts as failed


class Take(NamedTuple):
    """One clip to be made: the `index`-th of its instrument, a phrase of one kind played by one program."""

    split: str
    instrument: str
    index: int
    program: int
    kind: str

    @property
    def name(self) -> str:
        """The file's name, such as `guitar_p24_strum_0012.flac`."""
        return f"{self.instrument}_p{self.program}_{self.kind}_{self.index:04}.flac"

    @property
    def group(self) -> str:
        """What must stay together when validation is split off: a kind of phrase from one program.

        A whole program would be too much of an instrument to miss in training. Where test hears train's
        programs, each phrase stands for itself, else no group of train would be left beside test's.
        """
        programs = PROGRAMS[self.instrument]
        shared = set(programs["train"]) & set(programs["test"])
        return self.name.removesuffix(".flac") if shared else f"{self.instrument}-p{self.program}-{self.kind}"


def render_dataset(soundfont: Soundfont, seed: int, folder: Path, compute: Compute) -> dict[str, object]:
    """Render a data set in Kaggle's layout into the empty `folder`: mono 16-bit FLAC, and metadata.

    Metadata has Kaggle's columns, FileName and Class, and a third: Group.

    Returns:
        What made it: packages, sound font and, for each split and instrument, programs and clips.

    Raises:
        DataError: sound font or renderer are missing, or a phrase comes out silent.
    """
    takes = plan(soundfont.clips)
    for split, metadata in zip(SPLITS, METADATA, strict=True):
        (folder / SPLITS[split]).mkdir(parents=True)
        _write_metadata(folder / metadata, (take for take in takes if take.split == split))
    write = partial(_write_take, soundfont, seed, folder)
    for _ in parallel_map(write, takes, compute, "render"):
        pass
    return _provenance(takes)


def plan(clips: int) -> list[Take]:
    """Return the clips of a data set: instruments alike in number (±1), programs and kinds in turn."""
    takes = []
    for place, instrument in enumerate(INSTRUMENTS):
        total = clips // len(INSTRUMENTS) + (place < clips % len(INSTRUMENTS))
        test = round(total * TEST_SHARE)
        kinds = list(PHRASES[instrument])
        for split, first, count in (("train", 0, total - test), ("test", total - test, test)):
            programs = PROGRAMS[instrument][split]
            for turn in range(count):
                round_, program = divmod(turn, len(programs))
                kind = kinds[(round_ + program) % len(kinds)]  # after len(kinds) rounds each program had each kind
                takes.append(Take(split, instrument, first + turn, programs[program], kind))
    return takes


def perform(take: Take, seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """Compose and render a clip as int16 `[seconds * sample_rate]`, the phrase drawn from the clip's place.

    It is played a little fast or slow, as a tape would be, and its notes are moved the other way: what stays
    is the pitch, with a small detune, while the body of the instrument sounds larger or smaller.

    Raises:
        DataError: sound font or renderer are missing, or it comes out silent.
    """
    import soxr

    rng = generator(seed, "soundfont", take.split, take.instrument, take.index)
    drums = take.instrument == "drums"
    shift = 0 if drums else int(rng.integers(-SHIFT, SHIFT + 1))
    detune = rng.uniform(-1, 1) * DETUNE[take.instrument]
    speed = 2 ** ((100 * shift + detune) / 1200)
    reverb, chorus = rng.uniform(0, 100), rng.uniform(0, 50) if take.instrument == "guitar" else 0
    room = [Control(0, VOLUME, 50 if drums else 127), Control(0, REVERB, reverb), Control(0, CHORUS, chorus)]
    events = room + compose(take.instrument, take.kind, rng, seconds * speed)
    transpose = -shift - (FIFTH if take.instrument == "violin" and take.program == VIOLA else 0)
    sound, rate = render(to_midi(events, take.program, seconds * speed + 0.05, drums, transpose))

    length = round(seconds * sample_rate)
    sound = soxr.resample(sound, rate * speed, sample_rate)[:length]
    peak = float(np.abs(sound).max(initial=0))
    if peak < SILENCE:
        raise DataError(f"{take.name}: the sound font renders it silent; install the pretty_midi of pyproject.toml")
    level = 10 ** (rng.uniform(*LEVEL) / 20)
    return np.pad(np.rint(sound * (level / peak * 32767)).astype(np.int16), (0, length - len(sound)))


def render(midi: bytes) -> tuple[np.ndarray, int]:
    """Return a MIDI file as sound, mono float32, and its sampling rate in Hz. Only this function knows the renderer.

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
    wave = io.BytesIO(render_wave_from(_soundfont(), midi))
    sound, rate = soundfile.read(wave, dtype="float32", always_2d=True)
    return (sound[:, 0] + sound[:, 1]) / 2, rate


@cache
def _soundfont() -> bytes:
    """The sound font's bytes, read once a process and without importing pretty_midi, which takes its time."""
    package = find_spec("pretty_midi")
    path = Path(package.origin).with_name("TimGM6mb.sf2") if package and package.origin else None
    if path is None or not path.is_file():
        raise DataError("data.source: soundfont needs the sound font that pretty_midi ships; pip install pretty_midi")
    return path.read_bytes()


def _write_take(soundfont: Soundfont, seed: int, folder: Path, take: Take) -> None:
    import soundfile

    file = io.BytesIO()  # so that a full disk is an OSError, which soundfile would hide
    sound = perform(take, seed, soundfont.seconds, soundfont.sample_rate)
    soundfile.write(file, sound, soundfont.sample_rate, format="FLAC", subtype="PCM_16")
    (folder / SPLITS[take.split] / take.name).write_bytes(file.getvalue())


def _write_metadata(path: Path, takes: Iterable[Take]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("FileName", "Class", "Group"))
        writer.writerows((take.name, CLASSES[take.instrument], take.group) for take in takes)


def _provenance(takes: list[Take]) -> dict[str, object]:
    count = Counter((take.split, take.instrument) for take in takes)
    return {
        "packages": {package: version(package) for package in ("pretty_midi", "midirenderer")},
        "sound font": {"file": "TimGM6mb.sf2", "sha256": hashlib.sha256(_soundfont()).hexdigest()},
        "clips": {
            split: {
                instrument: {"programs": list(PROGRAMS[instrument][split]), "clips": count[split, instrument]}
                for instrument in INSTRUMENTS
            }
            for split in SPLITS
        },
    }
