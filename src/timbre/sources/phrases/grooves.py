"""Drum grooves as text: a row per drum, a character per step of the bar."""

from typing import NamedTuple

Groove = dict[str, str]


class Style(NamedTuple):
    """A style of drumming.

    Attributes:
        tempo: Slowest and fastest tempo, in beats per minute.
        swing: Largest delay of every second step, as a fraction of a step.
        grooves: Bars with one row per drum, in 16 sixteenths or 12 triplets. x: hit, X: accent, g: ghost note.
    """

    tempo: tuple[float, float]
    swing: float
    grooves: list[Groove]


def read_grooves(text: str) -> list[Groove]:
    """Return the grooves in a text with a line `drum row` for each drum and a blank line between grooves."""
    blocks = text.strip().split("\n\n")
    return [dict(line.split() for line in block.strip().splitlines()) for block in blocks]


ROCK = """
kick    x.......x.......
snare   ....X.......X...
hat     x.x.x.x.x.x.x.x.

kick    x.....x.x.......
snare   ....X.......X...
hat     X.x.X.x.X.x.X.x.

kick    x.x.....x.x.....
snare2  ....X.......X..g
ride    x.x.x.x.x.x.x.x.

kick    x..x..x...x.x...
snare   ....X..g.g..X...
open    x...x...x...x...

kick    x.......x.x.....
snare   ....X.......X...
crash   x...x...x...x...

kick    xxxxxxxxxxxxxxxx
snare   ....X.......X...
china   x...x...x...x...
"""

FUNK = """
kick    x..x..x...x.....
snare   ....X..g.g..X..g
hat     xxxxxxxxxxxxxxxx

kick    x.x.......x..x..
snare   ....X..g.g.gX...
hat     x.xxx.x.x.xxx.x.
open    .......x......x.

kick    x.....x..xx.....
snare2  ..g.X.gg.g..X.g.
hat     XxxxXxxxXxxxXxxx

kick    xx....x...x..x..
stick   ....x.......x...
hat     x.x.x.x.x.x.x.x.
cowbell x...x...x...x...
"""

SWING = """
ride    X..x.xX..x.x
pedal   ...x.....x..
kick    g..g..g..g..

ride    X..x.xX..x.x
pedal   ...x.....x..
snare   .....g..g...

hat     X..x.xX..x.x
stick   ...x.....x..
kick    x.....x.....

snare   X..x.xX..x.x
pedal   ...x.....x..
kick    x....gx.....

ride    X.xX.xX.xX.x
snare   ...X.....X..
kick    x....xx.....
"""

LATIN = """
kick    x..xx..xx..xx..x
stick   x..x..x...x..x..
hat     x.x.x.x.x.x.x.x.

kick    x..xx..xx..xx..x
snare   g.gXg.gXg.gXg.gX
shaker  xxXxxxXxxxXxxxXx

cowbell x.x.x.xxx.x.x.x.
timbale ......x.......xx
tumba   ......xx......xx
slap    ....x.......x...

claves  x..x..x...x.x...
kick    ...x...x...x...x
conga   ..x...x...x...x.
tumba   ......xx......xx

kick    x.......x.......
agogo   x.x..x..x.x.....
agogo2  ....x..x.....x.x
snare   g.gxg.gxg.gxg.gx
"""

HIP_HOP = """
kick    x......x..x.....
snare   ....X.......X...
hat     x.x.x.x.x.x.x.x.

kick    x.x.....x.x..x..
clap    ....X.......X...
hat     x.x.x.xxx.x.x.x.

kick    x.....x...x.....
snare   ........X.......
hat     x.xxx.x.xxx.xxxx
open    ..............x.

kick    x..x......xx....
stick   ....X.......X..x
shaker  x.x.x.x.x.x.x.x.
"""

HOUSE = """
kick    X...X...X...X...
open    ..x...x...x...x.
clap    ....x.......x...

kick    X...X...X...X...
hat     x.x.x.x.x.x.x.x.
snare   ....x.......x..x

kick    X...X...X...X...
maracas xxXxxxXxxxXxxxXx
conga   ..x..x....x..x..

kick    X...X...X...X.x.
pedal   ..x...x...x...x.
cowbell x..x..x...x..x..
"""

BREAKBEAT = """
kick    x.x.......xx....
snare   ....X..x.x..X..x
ride    x.x.x.x.x.x.x.x.

kick    x.x.......x.....
snare   ....X..g.g....X.
hat     x.x.x.x.x.x.x.x.

kick    x.........x.....
snare   ....X.......X...
hat     xxxxxxxxxxxxxxxx
crash   x...............

kick    x..x......x..x..
snare   ....X.gg.g.xX.gg
open    x.......x.......
"""

SHUFFLE = """
kick    x.....x..x..
snare   ...X.....X..
hat     x.xx.xx.xx.x

kick    x..x..x..x..
snare   g.gX.gg.gX.g
hat     x.xx.xx.xx.x

kick    x.....x.....
snare   ......X.....
ride    xxxxxxxxxxxx

kick    x....xx.....
stick   ...x.....x..
tambourine x.xx.xx.xx.x
"""

TOMS = """
tom4    X..x..x.X..x..x.
tom3    ..x..x....x..x..
kick    x...x...x...x...

tom4    x.x...x.x.x...x.
tom2    ...x.x.....x.x..
tom1    ....x.......x..x

tom3    xgxgxgxgXgxgxgxg
tom4    x...x...x...x...
snare   ....x.......x...

tom1    x..x.....x..
tom3    .xx...xx....
tom4    ....xx....xx
"""

HANDS = """
conga   ..g.X.g...g.X.g.
tumba   ......xx......xx
slap    x...g...x...g...

bongo   XgxgXgxgXgxgXgxg
bongo2  ......x.......x.
maracas x.x.x.x.x.x.x.x.

conga   x..x..x.x..x..x.
tumba   ..x.....x.x.....
shaker  xxxxxxxxxxxxxxxx

conga   x..x....x..x....
clap    ....x.......x...
tambourine x.X.x.X.x.X.x.X.

timbale x.xxx.x.x.xx..x.
timbale2 ....x..x....x..x
cowbell x...x...x...x...

conga   x.gx.gx.gx.g
tumba   ..x..x...x.x
agogo   x.x.xx.x.x.x
cabasa  xxxxxxxxxxxx

block   x...x.x...x.x...
block2  ..x.....x.....x.
bongo   x..x..x.x..x..x.
triangle x.....x.....x...
"""

STYLES = {
    "rock": Style((90, 170), 0.0, read_grooves(ROCK)),
    "funk": Style((85, 120), 0.25, read_grooves(FUNK)),
    "swing": Style((80, 190), 0.0, read_grooves(SWING)),
    "latin": Style((80, 140), 0.0, read_grooves(LATIN)),
    "hip-hop": Style((60, 105), 0.4, read_grooves(HIP_HOP)),
    "house": Style((110, 135), 0.1, read_grooves(HOUSE)),
    "breakbeat": Style((100, 180), 0.15, read_grooves(BREAKBEAT)),
    "shuffle": Style((70, 150), 0.0, read_grooves(SHUFFLE)),
    "toms": Style((80, 150), 0.0, read_grooves(TOMS)),
    "hands": Style((80, 140), 0.1, read_grooves(HANDS)),
}
