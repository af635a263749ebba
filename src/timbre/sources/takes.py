"""What the rendered data set holds: which voice plays which kind of phrase, in train and in test.

A voice is a program of the sound font or a physical model. The programs of TimGM6mb, which PyPI's pretty_midi ships,
were compared by their renderings:

- guitar: 24 nylon, 25 steel, 26 jazz, 27 clean, 28 muted, 29 overdriven and 30 distorted all differ. Program 31,
  harmonics, is left out: few would call its bell-like tone a guitar.
- drums: kit 32 (jazz) is kit 0 (standard) to the sample, so it is left out; 8 room, 16 power, 24 electronic, 25 TR-808,
  40 brush and 48 orchestra have kicks, snares and toms of their own. Hand percussion and some cymbals are the
  same in all kits, which keeps test kits from being wholly unheard.
- violin: 40 violin, 41 viola (played a fifth lower; Kaggle's violins include violas) and 110 fiddle are kin, yet
  differ. String sections (44, 48, 49) are left out: a listener would say strings.
- piano: 0 and 1 are one piano, 1 the brighter; 2 is another, 3 the first out of tune. Electric pianos (4, 5)
  are left out.
- other: what a listener would call none of the four. Harpsichord, clavinet, banjo, shamisen, koto and string sections
  are left out, as they might be taken for one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from timbre.instruments import INSTRUMENTS, OTHER
from timbre.params import Soundfont
from timbre.sources import modelled
from timbre.sources.phrases import PHRASES

TEST_SHARE = 0.16
UNHEARD = 6  # of the voices of other instruments, every sixth is heard in test alone

# General MIDI programs of each split, counted from 0; of drums, kits. Where an instrument has enough, test hears
# others than train, each with a relative there: 28 rings much like nylon, 8 and 48 are acoustic kits like 0 and 16.
PROGRAMS: dict[str, dict[str, tuple[int, ...]]] = {
    "guitar": {"train": (24, 25, 26, 27, 29, 30), "test": (28,)},
    "drums": {"train": (0, 16, 24, 25, 40), "test": (8, 48)},
    "violin": {"train": (40, 110, 41), "test": (40, 110, 41)},
    "piano": {"train": (0, 1, 2, 3), "test": (0, 1, 2, 3)},
}
OTHERS = (
    *(8, 9, 11, 12, 13, 14),  # tuned percussion
    *range(16, 23),  # organs, accordion, harmonica
    *(32, 33, 34, 35, 36, 38),  # basses
    *(42, 43, 46, 47),  # cello, double bass, harp, timpani
    *(52, 53, 54),  # voices
    *range(56, 63),  # brass
    *range(64, 78),  # reeds and flutes
    *(79, 80, 81, 82),  # ocarina and synthetic leads
    *range(87, 96),  # synthetic pads
    *(104, 109, 114),  # sitar, bagpipe, steel drums
)
FAMILIES = ("violin", "piano", "guitar")  # whose phrases other instruments play in turn


class Take(NamedTuple):
    """One clip to be made: the `index`-th of its instrument.

    Attributes:
        split: train or test.
        instrument: one of `INSTRUMENTS`, or other.
        index: counted over both splits.
        voice: `p24` for a program of the sound font (of drums, a kit), else a physical model.
        family: whose phrases it plays.
        kind: of phrase, one of `PHRASES[family]`.
    """

    split: str
    instrument: str
    index: int
    voice: str
    family: str
    kind: str

    @property
    def program(self) -> int | None:
        """The program of the sound font, None where a physical model plays."""
        return int(self.voice[1:]) if self.voice[1:].isdigit() else None

    @property
    def name(self) -> str:
        """The file's name, such as `guitar_p24_strum_0012.flac`."""
        return f"{self.instrument}_{self.voice}_{self.kind}_{self.index:04}.flac"

    @property
    def group(self) -> str:
        """What must stay together when validation is split off.

        A phrase by a physical model is an instrument of its own. Of the sound font's, a kind of phrase from one program
        stays together: a whole program would be too much of an instrument to miss in training. Where test hears train's
        programs, each phrase stands for itself, else no group of train would be left beside test's. Other instruments
        stay together by voice.
        """
        if self.instrument == OTHER:
            return f"other-{self.voice}"
        programs = PROGRAMS[self.instrument]
        if self.program is None or set(programs["train"]) & set(programs["test"]):
            return self.name.removesuffix(".flac")
        return f"{self.instrument}-{self.voice}-{self.kind}"


def plan(options: Soundfont) -> list[Take]:
    """Return the clips of a data set: instruments alike in number (±1), voices and kinds in turn."""
    takes = []
    for place, instrument in enumerate(INSTRUMENTS):
        programs = {split: [f"p{program}" for program in held] for split, held in PROGRAMS[instrument].items()}
        models = dict.fromkeys(("train", "test"), modelled.VOICES[instrument])
        first = 0
        for total, voices in ((options.clips, programs), (options.modelled, models)):
            count = _shares(total, len(INSTRUMENTS))[place]
            takes += _divide(instrument, first, count, voices)
            first += count
    return takes + list(_others(options.others))


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (part < total % parts) for part in range(parts)]


def _divide(instrument: str, first: int, count: int, voices: dict[str, tuple[str, ...]]) -> Iterator[Take]:
    """Some takes of an instrument, the last of them in test."""
    kinds = list(PHRASES[instrument])
    test = round(count * TEST_SHARE)
    for split, start, number in (("train", first, count - test), ("test", first + count - test, test)):
        held = voices[split]
        for turn in range(number):
            round_, voice = divmod(turn, len(held))
            kind = kinds[(round_ + voice) % len(kinds)]  # after len(kinds) rounds each voice had each kind
            yield Take(split, instrument, start + turn, held[voice], instrument, kind)


def _others(count: int) -> Iterator[Take]:
    voices = [f"p{program}" for program in OTHERS] + list(modelled.VOICES[OTHER])
    for index in range(count):
        voice, family = index % len(voices), FAMILIES[index % len(FAMILIES)]
        kinds = list(PHRASES[family])
        split = "test" if voice % UNHEARD == 0 else "train"
        yield Take(split, OTHER, index, voices[voice], family, kinds[index // len(FAMILIES) % len(kinds)])
