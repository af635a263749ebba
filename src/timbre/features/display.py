"""How instruments, mels, times and names are shown (cf. librosa.display)."""

import io
import math
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from timbre.core.params import Mel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that most people tell apart: first those of Okabe and Ito, 2008, then those of Tol's "muted", 2021.
COLOURS = (
    *("#E69F00", "#0072B2", "#CC79A7", "#009E73", "#56B4E9", "#D55E00"),
    *("#332288", "#999933", "#882255", "#44AA99", "#117733", "#AA4499", "#DDCC77", "#88CCEE", "#CC6677"),
)
PLOT_RANGE_DB = 70  # of a picture of a mel, below its loudest point
TICKS_HZ = (100, 300, 1000, 3000, 10000)


def palette(instruments: Sequence[str]) -> dict[str, str]:
    """A colour for each instrument; beyond 15 they come again, so names stand beside them."""
    return dict(zip(instruments, cycle(COLOURS), strict=False))


def mel_ticks(mel: Mel) -> dict[int, float]:
    """Frequencies in Hz to mark on the axis of a mel, and where they lie, in bands from its lower edge."""
    low, high = hz_to_mel(mel.fmin), hz_to_mel(mel.fmax)
    shown = [hz for hz in TICKS_HZ if mel.fmin <= hz <= mel.fmax]
    return {hz: (hz_to_mel(hz) - low) / (high - low) * mel.n_mels for hz in shown}


def hz_to_mel(hz: float) -> float:
    """Slaney's mel scale, as librosa has it, which those who only listen need not install.

    >>> hz_to_mel(1000), round(hz_to_mel(6400), 6)
    (15.0, 42.0)
    """
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def png_bytes(figure: "Figure", dpi: int) -> bytes:
    """A figure as a PNG file, whose bytes hold no date and no version."""
    import warnings

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in letters that the font lacks shows boxes
        figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    return png.getvalue()


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on.

    >>> clock(59.6), clock(3601)
    ('1:00', '1:00:01')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def shortened(name: str, length: int) -> str:
    """A name with its middle left out if it is longer than `length`.

    >>> shortened("a long evening.mp3", 9)
    'a lo….mp3'
    """
    keep = length - 1
    return name if len(name) <= length else f"{name[: keep // 2]}…{name[-(keep - keep // 2) :]}"
