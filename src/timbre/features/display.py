"""Show instruments, mels, times and names in figures and text (cf. librosa.display)."""

import io
import math
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from timbre.core.params import Mel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that most people can distinguish, also colour-blind people: four of Okabe and Ito ("Color universal design",
# 2008), then some of Tol's schemes ("Colour schemes", SRON technical note, 2021). A test measures their distances.
COLOURS = (
    *("#E69F00", "#0072B2", "#CC79A7", "#009E73"),
    *("#882255", "#CC3311", "#88CCEE", "#EECC66", "#77AADD", "#AA3377", "#117733", "#EE6677"),
    *("#332288", "#999933", "#44AA99"),  # from here on, less distinct
)
PLOT_RANGE_DB = 70  # dynamic range of a plotted mel, below its loudest point
TICKS_HZ = (100, 300, 1000, 3000, 10000)


def palette(instruments: Sequence[str]) -> dict[str, str]:
    """Return a colour for each instrument. After 15 colours they repeat, so always show names as well."""
    return dict(zip(instruments, cycle(COLOURS), strict=False))


def mel_ticks(mel: Mel) -> dict[int, float]:
    """Return the frequencies in Hz to mark on a mel's axis, and their positions in bands from its lower edge."""
    low, high = hz_to_mel(mel.fmin), hz_to_mel(mel.fmax)
    shown = [hz for hz in TICKS_HZ if mel.fmin <= hz <= mel.fmax]
    return {hz: (hz_to_mel(hz) - low) / (high - low) * mel.n_mels for hz in shown}


def hz_to_mel(hz: float) -> float:
    """Convert Hz to Slaney's mel scale, as librosa does. Prediction needs no librosa because of this function.

    >>> hz_to_mel(1000), round(hz_to_mel(6400), 6)
    (15.0, 42.0)
    """
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def png_bytes(figure: "Figure", dpi: int) -> bytes:
    """Return a figure as PNG, without date and version, so that equal figures have equal bytes."""
    import warnings

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # letters that the font lacks are shown as boxes
        figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    return png.getvalue()


def clock(seconds: float) -> str:
    """Return seconds as m:ss, or as h:mm:ss from an hour on.

    >>> clock(59.6), clock(3601)
    ('1:00', '1:00:01')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def shortened(name: str, length: int) -> str:
    """Return a name, with its middle left out if it is longer than `length` characters.

    >>> shortened("a long evening.mp3", 9)
    'a lo….mp3'
    """
    keep = length - 1
    return name if len(name) <= length else f"{name[: keep // 2]}…{name[-(keep - keep // 2) :]}"
