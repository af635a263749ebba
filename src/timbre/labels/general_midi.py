"""The instruments of General MIDI: their names, their programs (counted from 0), and the phrases that suit them.

A name is the one that people use, and may stand for several programs. Effects and mixed ensembles are left out.
"""

from typing import NamedTuple


class Voice(NamedTuple):
    """An instrument: its programs, and the instrument with the phrases that it plays (violin, piano or guitar)."""

    programs: tuple[int, ...]
    family: str


VOICES = {
    "harpsichord": Voice((6,), "piano"),
    "clavinet": Voice((7,), "piano"),
    "electric piano": Voice((4, 5), "piano"),
    "celesta": Voice((8,), "piano"),
    "glockenspiel": Voice((9,), "violin"),
    "music box": Voice((10,), "piano"),
    "vibraphone": Voice((11,), "piano"),
    "marimba": Voice((12,), "piano"),
    "xylophone": Voice((13,), "violin"),
    "bells": Voice((14,), "violin"),
    "dulcimer": Voice((15,), "guitar"),
    "organ": Voice((16, 17, 18, 19, 20), "piano"),
    "accordion": Voice((21, 23), "piano"),
    "harmonica": Voice((22,), "violin"),
    "bass": Voice((32, 33, 34, 35, 36, 37, 38, 43), "guitar"),
    "bass guitar": Voice((33, 34, 35, 36, 37), "guitar"),
    "viola": Voice((41,), "violin"),
    "cello": Voice((42,), "violin"),
    "double bass": Voice((32, 43), "violin"),
    "strings": Voice((44, 48, 49, 50, 51), "violin"),
    "harp": Voice((46,), "guitar"),
    "timpani": Voice((47,), "violin"),
    "voice": Voice((52, 53, 54), "violin"),
    "trumpet": Voice((56, 59), "violin"),
    "trombone": Voice((57,), "violin"),
    "tuba": Voice((58,), "violin"),
    "horn": Voice((60,), "violin"),
    "brass": Voice((61, 62, 63), "violin"),
    "saxophone": Voice((64, 65, 66, 67), "violin"),
    "oboe": Voice((68,), "violin"),
    "english horn": Voice((69,), "violin"),
    "bassoon": Voice((70,), "violin"),
    "clarinet": Voice((71,), "violin"),
    "piccolo": Voice((72,), "violin"),
    "flute": Voice((73,), "violin"),
    "recorder": Voice((74,), "violin"),
    "pan flute": Voice((75,), "violin"),
    "shakuhachi": Voice((77,), "violin"),
    "whistle": Voice((78,), "violin"),
    "ocarina": Voice((79,), "violin"),
    "synthesizer": Voice((80, 81, 82, 87, 88, 89, 90, 91, 92, 93, 94, 95), "piano"),
    "sitar": Voice((104,), "guitar"),
    "banjo": Voice((105,), "guitar"),
    "shamisen": Voice((106,), "guitar"),
    "koto": Voice((107,), "guitar"),
    "kalimba": Voice((108,), "guitar"),
    "bagpipes": Voice((109,), "violin"),
    "shehnai": Voice((111,), "violin"),
    "steel drums": Voice((114,), "piano"),
}
NAMES = (
    "guitar",
    "drums",
    "violin",
    "piano",
    *VOICES,
)  # timbre.sources.plan has the programs of the first four
