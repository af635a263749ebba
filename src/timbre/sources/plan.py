"""What the rendered data set holds: which voice plays which kind of phrase, in train and in test.

A voice is a program of a sound font. Those of TimGM6mb and GeneralUser GS were compared by their renderings:

- guitar: 24 nylon, 25 steel, 26 jazz, 27 clean, 28 muted, 29 overdriven and 30 distorted all differ. Program 31,
  harmonics, is left out: few would call its bell-like tone a guitar. GeneralUser has more guitars in its banks 8 and
  12: twelve strings, Hawaiian, funk, feedback, two clean ones.
- drums: kit 32 (jazz) is kit 0 (standard) to the sample, or nearly, so it is left out; 8 room, 16 power, 24 electronic,
  25 TR-808, 40 brush and 48 orchestra have kicks, snares and toms of their own. Hand percussion and some cymbals are
  the same in all kits of a font, which keeps test kits from being wholly unheard.
- violin: 40 violin, 41 viola (played a fifth lower; Kaggle's violins include violas) and 110 fiddle are kin, yet
  differ. Train hears sections too (44 tremolo, 48 and 49 slow and fast strings): an orchestra's violins are violins.
- piano: 0 and 1 are one piano, 1 the brighter; 2 is another, 3 the first out of tune. Electric pianos (4, 5; in FluidR3
  2 as well) are left out.
- other: what is not asked for. Where the four are, that is what a listener would call none of them, harpsichord and
  clavinet among it, which are neither guitar nor piano; banjo, shamisen and koto are left out, as they might be taken
  for one.
- any other instrument by the programs of `timbre.labels.general_midi`, in train and test alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import Soundfont
from timbre.labels.general_midi import NAMES, VOICES
from timbre.sources.phrases.compose import PHRASES

TEST_SHARE = 0.16
UNHEARD = 6  # of the programs of other instruments, every sixth is heard in test alone

# Programs of an instrument, counted from 0 and on through the banks: those that train hears, those that test hears.
ProgramSplit = tuple[tuple[int, ...], tuple[int, ...]]
Programs = Mapping[str, ProgramSplit]
# Where an instrument has enough, test hears others than train, each with a relative there: 28 rings much like nylon, 8
# and 48 are acoustic kits like 0 and 16. In GeneralUser 28 is muted indeed, and none other is; its clean guitar, 27, is
# like its steel one.
GENERAL: Programs = {
    "guitar": ((24, 25, 26, 27, 29, 30), (28,)),
    "drums": ((0, 16, 24, 25, 40), (8, 48)),
    "violin": ((40, 110, 41, 44, 48, 49), (40, 110, 41)),
    "piano": ((0, 1, 2, 3), (0, 1, 2, 3)),
}
GUITARS = (*(8 * 128 + program for program in (25, 26, 27, 28, 30)), 12 * 128 + 27)
FONTS: dict[str, Programs] = {  # those that packages carry
    "timgm": GENERAL,
    "generaluser": {**GENERAL, "guitar": ((24, 25, 26, 28, 29, 30, *GUITARS), (27,))},
    "fluidr3": {"piano": ((0, 1, 3), (0, 1, 3))},
}
OWN = "own"  # the font that `soundfont.file` names
MORE = "more-"  # with their number, those that `soundfont.more` names
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
FAMILIES = ("violin", "piano", "guitar")  # whose phrases other instruments play in turn


class Take(NamedTuple):
    """One clip to be made: the `index`-th of its instrument.

    Attributes:
        split: train or test.
        instrument: one that is asked for, or other.
        number: counted over both splits.
        font: one of `FONTS`, `OWN`, or one of `soundfont.more`.
        program: of the sound font, counted from 0, and on through the banks; of drums, a kit.
        family: whose phrases it plays.
        kind: of phrase, one of `PHRASES[family]`.
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
        """What plays, such as `timgm-24`, or `generaluser-8-24` of bank 8."""
        bank, program = divmod(self.program, 128)
        return f"{self.font}-{bank}-{program}" if bank else f"{self.font}-{program}"

    @property
    def name(self) -> str:
        """The file's name, such as `guitar_timgm-24_strum_0012.flac`."""
        return f"{self.instrument}_{self.voice}_{self.kind}_{self.number:04}.flac"

    @property
    def group(self) -> str:
        """What must stay together when validation is split off.

        A kind of phrase from one program stays together: a whole program would be too much of an instrument to miss in
        training. Where test hears train's programs, each phrase stands for itself, else no group of train would be left
        beside test's. Other instruments stay together by program.
        """
        if self.instrument == OTHER:
            return f"other-{self.program}"
        train, test = GENERAL.get(self.instrument, ((), ()))
        if not train or set(train) & set(test):
            return self.name.removesuffix(".flac")
        return f"{self.instrument}-{self.voice}-{self.kind}"


def plan(options: Soundfont, instruments: Sequence[str]) -> list[Take]:
    """Return the clips of a data set: instruments alike in number (±1), voices and kinds in turn.

    Raises:
        DataError: General MIDI has no instrument of a name, or others that are asked for leave it no program.
    """
    own = {OWN: GENERAL} if options.file else FONTS
    fonts = {**own, **{f"{MORE}{number}": GENERAL for number in range(len(options.more))}}
    of_font = {font: {name: _programs(name, instruments, fonts[font]) for name in instruments} for font in fonts}
    takes: list[Take] = []
    for place, instrument in enumerate(instruments):
        count = options.clips // len(instruments) + (place < options.clips % len(instruments))
        takes += _divide(instrument, count, {font: of[instrument] for font, of in of_font.items()})
    whole = [font for font in fonts if len(fonts[font]) == len(GENERAL)]
    return takes + list(_others(options.others, whole, instruments))


def _programs(instrument: str, instruments: Sequence[str], font: Programs) -> ProgramSplit:
    """The programs of an instrument that train and test hear, without those that another asked for has to itself.

    Of two that share a program, that one has it which has fewer.
    """
    if instrument in GENERAL:
        train, test = font.get(instrument, ((), ()))
    elif len(font) < len(GENERAL):
        return (), ()
    elif instrument in VOICES:
        train = test = VOICES[instrument].programs
    else:
        raise DataError(f"instruments: {instrument}: General MIDI has none of that name; it has {', '.join(NAMES)}")
    if instrument == "drums":
        return train, test
    mine = len({*train, *test})
    others = [VOICES[name].programs for name in instruments if name != instrument and name in VOICES]
    taken = {program for programs in others if len(programs) < mine for program in programs}
    return tuple(p for p in train if p not in taken), tuple(p for p in test if p not in taken)


def _divide(instrument: str, count: int, fonts: Mapping[str, ProgramSplit]) -> Iterator[Take]:
    """The takes of an instrument, the last of them in test."""
    family = instrument if instrument in GENERAL else VOICES[instrument].family
    kinds = list(PHRASES[family])
    test = round(count * TEST_SHARE)
    for place, (split, start, number) in enumerate((("train", 0, count - test), ("test", count - test, test))):
        voices = [(font, program) for font in fonts for program in fonts[font][place]]
        if not voices:
            raise DataError(f"instruments: {instrument}: the others leave it no program of General MIDI; leave one out")
        for turn in range(number):
            round_, voice = divmod(turn, len(voices))
            kind = kinds[(round_ + voice) % len(kinds)]  # after len(kinds) rounds each voice had each kind
            yield Take(split, instrument, start + turn, *voices[voice], family, kind)


def _others(count: int, fonts: list[str], instruments: Sequence[str]) -> Iterator[Take]:
    """Takes of what is not asked for; of programs that are none of the four, families play in turn."""
    asked = {program for name in instruments if name in VOICES for program in VOICES[name].programs}
    voices = [("", program) for program in OTHERS if program not in asked]
    for name in GENERAL:
        if name not in instruments:
            voices += [(name, program) for program in GENERAL[name][0] if program not in asked or name == "drums"]
    for index in range(count):
        turn, font = divmod(index, len(fonts))
        round_, voice = divmod(turn, len(voices))
        family = voices[voice][0] or FAMILIES[(round_ + voice) % len(FAMILIES)]
        kinds = list(PHRASES[family])
        split = "test" if voice % UNHEARD == 0 else "train"
        kind = kinds[turn // len(FAMILIES) % len(kinds)]
        yield Take(split, OTHER, index, fonts[font], voices[voice][1], family, kind)
