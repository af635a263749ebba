"""The plan of the rendered data set: which voice plays which kind of phrase, in train and in test.

A voice is a program of a sound font. We compared the renderings of TimGM6mb and GeneralUser GS and chose:

- guitar: 24 nylon, 25 steel, 26 jazz, 27 clean, 28 muted, 29 overdriven and 30 distorted all differ. Program 31,
  harmonics, is left out: few people would call its bell-like tone a guitar. GeneralUser has more guitars in banks 8
  and 12: twelve strings, Hawaiian, funk, feedback, two clean ones.
- drums: 8 room, 16 power, 24 electronic, 25 TR-808, 40 brush and 48 orchestra have different kicks, snares and toms.
  Kit 32 (jazz) is left out: it is nearly or exactly kit 0 (standard). Hand percussion and some cymbals are the same
  in all kits of a sound font, so test kits are not completely new.
- violin: 40 violin, 41 viola (played a fifth lower; Kaggle's violins include violas) and 110 fiddle are similar but
  different. Train also has sections (44 tremolo, 48 and 49 slow and fast strings): an orchestra's violins are violins.
- piano: 0 and 1 are the same piano, 1 is brighter. 2 is another piano. 3 is piano 0 out of tune. Electric pianos
  (4 and 5, and 2 in FluidR3) are left out.
- other: everything that `instruments` does not list. With the default four instruments, these are sounds that a
  listener would call none of the four, including harpsichord and clavinet. Banjo, shamisen and koto are left out
  because they could be mistaken for a guitar.
- any other instrument: the programs in `timbre.labels.general_midi`, the same in train and test.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import Soundfont
from timbre.labels.general_midi import NAMES, VOICES
from timbre.sources.phrases.compose import PHRASES

TEST_SHARE = 0.16
TEST_ONLY = 6  # every sixth program of other instruments is in test only

# The programs of an instrument in train and in test. A program number includes its bank: 128 * bank + program.
ProgramSplit = tuple[tuple[int, ...], tuple[int, ...]]
Programs = Mapping[str, ProgramSplit]
# If an instrument has enough programs, test has others than train, each similar to one in train: 28 sounds much like
# nylon, and 8 and 48 are acoustic kits like 0 and 16. In GeneralUser, 28 is muted and no other program is. Its clean
# guitar, 27, is like its steel guitar, so 27 is the test program there.
GENERAL: Programs = {
    "guitar": ((24, 25, 26, 27, 29, 30), (28,)),
    "drums": ((0, 16, 24, 25, 40), (8, 48)),
    "violin": ((40, 110, 41, 44, 48, 49), (40, 110, 41)),
    "piano": ((0, 1, 2, 3), (0, 1, 2, 3)),
}
GUITARS = (*(8 * 128 + program for program in (25, 26, 27, 28, 30)), 12 * 128 + 27)
FONTS: dict[str, Programs] = {  # sound fonts in installed packages
    "timgm": GENERAL,
    "generaluser": {**GENERAL, "guitar": ((24, 25, 26, 28, 29, 30, *GUITARS), (27,))},
    "fluidr3": {"piano": ((0, 1, 3), (0, 1, 3))},
}
OWN = "own"  # the sound font in `soundfont.file`
MORE = "more-"  # followed by a number: a sound font in `soundfont.more`
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
    *(6, 7),  # harpsichord, clavinet
)
FAMILIES = ("violin", "piano", "guitar")  # other instruments play phrases of these in turn


class Take(NamedTuple):
    """One clip to render.

    Attributes:
        split: train or test.
        instrument: An instrument from params.yaml, or other.
        number: Number of the clip within its instrument, over both splits, from 0.
        font: A key of `FONTS`, `OWN`, or `MORE` and a number.
        program: Program of the sound font, as 128 * bank + program. For drums, the kit.
        family: The instrument that the phrase was written for, a key of `PHRASES`.
        kind: Kind of phrase, a key of `PHRASES[family]`.
    """

    split: str
    instrument: str
    number: int
    font: str
    program: int
    family: str
    kind: str

    @property
    def voice(self) -> str:
        """The sound font and program, such as `timgm-24`, or `generaluser-8-24` for bank 8."""
        bank, program = divmod(self.program, 128)
        return f"{self.font}-{bank}-{program}" if bank else f"{self.font}-{program}"

    @property
    def name(self) -> str:
        """The file name, such as `guitar_timgm-24_strum_0012.flac`."""
        return f"{self.instrument}_{self.voice}_{self.kind}_{self.number:04}.flac"

    @property
    def group(self) -> str:
        """The name of the group of clips that must be in one split.

        Clips of one program and one kind of phrase are a group. (A whole program would be too large a part of an
        instrument to leave out of training.) If test has the same programs as train, each clip is its own group,
        because such groups would be in both. Clips of other instruments are grouped by program.
        """
        if self.instrument == OTHER:
            return f"other-{self.program}"
        train, test = GENERAL.get(self.instrument, ((), ()))
        if not train or set(train) & set(test):
            return self.name.removesuffix(".flac")
        return f"{self.instrument}-{self.voice}-{self.kind}"


def plan(options: Soundfont, instruments: Sequence[str]) -> list[Take]:
    """Return the clips of a data set: equally many per instrument (±1), with voices and kinds of phrases in turn.

    Raises:
        DataError: General MIDI has no instrument with one of the names, or no program is left for one of them.
    """
    own = {OWN: GENERAL} if options.file else FONTS
    fonts = {**own, **{f"{MORE}{number}": GENERAL for number in range(len(options.more))}}
    takes: list[Take] = []
    for index, instrument in enumerate(instruments):
        count = options.clips // len(instruments) + (index < options.clips % len(instruments))
        programs = {font: _programs(instrument, instruments, of_font) for font, of_font in fonts.items()}
        takes += _takes(instrument, count, programs)
    complete = [font for font in fonts if len(fonts[font]) == len(GENERAL)]
    return takes + list(_other_takes(options.others, complete, instruments))


def _programs(instrument: str, instruments: Sequence[str], font: Programs) -> ProgramSplit:
    """Return the programs of an instrument in train and in test.

    A program can belong to two listed instruments. It then goes to the instrument with fewer programs.
    """
    if instrument in GENERAL:
        train, test = font.get(instrument, ((), ()))
    elif len(font) < len(GENERAL):
        return (), ()
    elif instrument in VOICES:
        train = test = VOICES[instrument].programs
    else:
        raise DataError(
            f"instruments: {instrument}: General MIDI has no instrument with this name; use one of {', '.join(NAMES)}"
        )
    if instrument == "drums":
        return train, test
    count = len({*train, *test})
    others = [VOICES[name].programs for name in instruments if name != instrument and name in VOICES]
    taken = {program for programs in others if len(programs) < count for program in programs}
    return tuple(p for p in train if p not in taken), tuple(p for p in test if p not in taken)


def _takes(instrument: str, count: int, programs: Mapping[str, ProgramSplit]) -> Iterator[Take]:
    """Yield the clips of an instrument: first train, then test.

    Args:
        instrument: An instrument from params.yaml.
        count: Number of clips.
        programs: The instrument's programs in each sound font.

    Raises:
        DataError: A split has no program.
    """
    family = instrument if instrument in GENERAL else VOICES[instrument].family
    kinds = list(PHRASES[family])
    test = round(count * TEST_SHARE)
    for column, (split, first, number) in enumerate((("train", 0, count - test), ("test", count - test, test))):
        voices = [(font, program) for font, of_font in programs.items() for program in of_font[column]]
        if not voices:
            raise DataError(
                f"instruments: {instrument}: the other instruments use all of its General MIDI programs; remove one"
            )
        for index in range(number):
            turn, voice = divmod(index, len(voices))
            kind = kinds[(turn + voice) % len(kinds)]  # after len(kinds) turns, each voice has played each kind
            yield Take(split, instrument, first + index, *voices[voice], family, kind)


def _other_takes(count: int, fonts: list[str], instruments: Sequence[str]) -> Iterator[Take]:
    """Yield the clips of other instruments. Programs of `OTHERS` play phrases of the `FAMILIES` in turn."""
    listed = {program for name in instruments if name in VOICES for program in VOICES[name].programs}
    voices = [("", program) for program in OTHERS if program not in listed]
    for name in GENERAL:
        if name not in instruments:
            voices += [(name, program) for program in GENERAL[name][0] if program not in listed or name == "drums"]
    for index in range(count):
        step, font = divmod(index, len(fonts))
        turn, voice = divmod(step, len(voices))
        own_family, program = voices[voice]
        family = own_family or FAMILIES[(turn + voice) % len(FAMILIES)]
        kinds = list(PHRASES[family])
        kind = kinds[step // len(FAMILIES) % len(kinds)]
        yield Take("test" if voice % TEST_ONLY == 0 else "train", OTHER, index, fonts[font], program, family, kind)
