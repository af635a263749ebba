"""Songs of known truth, arranged from a split's windows: instruments enter, pause and leave, others among them.

Truth is when each is heard: where the sound of its pieces is within 30 dB of their level, across pauses of less than
`PAUSE` seconds.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from timbre.core.instruments import OTHER
from timbre.core.params import Mixtures
from timbre.core.partial_labels import is_partial
from timbre.core.rng import generator
from timbre.core.tables import Event, SongPiece, Window
from timbre.features.events import PAUSE, find_events
from timbre.features.mixtures import ACTIVE, AS_OF, OTHERS_DB, level

TAKES_PART = 0.5  # probability that each of four instruments is in a song
PLAYS = (3.0, 14.0)  # seconds of a section
RESTS = (2.0, 12.0)  # seconds between two
FADE = 0.01  # seconds at both ends of a piece, so that no click tells where it begins
BLOCK = 0.02  # seconds, whose level is compared


def arrange(
    windows: Sequence[Window],
    instruments: Sequence[str],
    split: str,
    count: int,
    seconds: float,
    window: float,
    mixtures: Mixtures,
    seed: int,
    most_others: int = 1,
) -> list[SongPiece]:
    """Draw songs from the windows of one split; none where it has no clip of one instrument alone.

    Each instrument takes part with probability `TAKES_PART`, or where there are many, less, so that as many do as of
    four, and at least one does. It plays sections, of one clip after another, with rests between; so do others, up to
    `most_others` at a time, in the share of songs that `mixtures.others` says.

    Args:
        windows: of all splits.
        instruments: in label order.
        split: whose windows are used.
        count: how many songs.
        seconds: how long each is.
        window: how long a window is, in seconds.
        mixtures: for levels, and the share with others.
        seed: draws them, each song by itself.
        most_others: at once.
    """
    clips: dict[str, dict[str, list[Window]]] = {name: {} for name in (*instruments, OTHER)}
    for one in windows:
        if one.split == split and not is_partial(one.label):
            clips[one.label].setdefault(one.file, []).append(one)
    held = [name for name in instruments if clips[name]]
    pieces: list[SongPiece] = []
    for song in range(count if held else 0):
        rng = generator(seed, "songs", split, song)
        parts = max(1, int((rng.random(len(held)) < TAKES_PART * min(1, AS_OF / len(held))).sum()))
        players = [held[index] for index in sorted(rng.permutation(len(held))[:parts])]
        if clips[OTHER] and rng.random() < mixtures.others:
            players += [OTHER] * int(rng.integers(1, most_others + 1))
        for name in players:
            levels = OTHERS_DB if name == OTHER else (-mixtures.gain_db, mixtures.gain_db)
            for start, end in _sections(seconds, rng):
                gain_db = round(float(rng.uniform(*levels)), 2)
                for at in np.arange(start, end, window):
                    files = clips[name]
                    candidates = files[sorted(files)[rng.integers(len(files))]]
                    chosen = candidates[rng.integers(len(candidates))]
                    length = round(min(window, end - float(at)), 3)
                    pieces.append(SongPiece(song, round(float(at), 3), length, chosen.row, name, gain_db, chosen.file))
    return pieces


def _sections(seconds: float, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Start and end of stretches that are played, with rests between."""
    start = float(rng.uniform(0, RESTS[1]))
    while start < seconds - 1:
        end = min(start + float(rng.uniform(*PLAYS)), seconds)
        yield start, end
        start = end + float(rng.uniform(*RESTS))


def song_waveform(pieces: Sequence[SongPiece], pack: np.ndarray, sample_rate: int, seconds: float) -> np.ndarray:
    """Add the pieces of one song: float32 `[samples]`, peak 1; `pack` holds int16 windows `[rows, samples]`."""
    total = np.zeros(round(seconds * sample_rate), np.float32)
    for piece in pieces:
        waveform = _waveform(piece, pack, sample_rate)
        first = round(piece.start * sample_rate)
        room = total[first : first + len(waveform)]
        room += waveform[: len(room)]
    return total / max(float(np.abs(total).max()), 1e-9)


def ground_truth(pieces: Sequence[SongPiece], pack: np.ndarray, sample_rate: int) -> list[Event]:
    """When the instruments of one song are heard, in order of time; other is left out."""
    found: list[Event] = []
    for name in dict.fromkeys(piece.instrument for piece in pieces if piece.instrument != OTHER):
        heard: list[list[float]] = []
        for piece in (piece for piece in pieces if piece.instrument == name):
            for start, end in _audible(_waveform(piece, pack, sample_rate), sample_rate):
                start, end = piece.start + start, piece.start + end
                if heard and start - heard[-1][1] < PAUSE:
                    heard[-1][1] = end
                else:
                    heard.append([start, end])
        found += [Event(pieces[0].song, name, round(start, 3), round(end, 3)) for start, end in heard]
    return sorted(found, key=lambda one: (one.start, one.instrument))


def _waveform(piece: SongPiece, pack: np.ndarray, sample_rate: int) -> np.ndarray:
    """What is heard of a piece's window, at its level."""
    whole = pack[piece.row].astype(np.float32)
    waveform = whole[: round(piece.seconds * sample_rate)].copy()
    fade = min(round(FADE * sample_rate), len(waveform) // 2)
    slope = np.linspace(0, 1, fade, dtype=np.float32)
    waveform[:fade] *= slope
    waveform[len(waveform) - fade :] *= slope[::-1]
    return waveform * np.float32(10 ** (piece.gain_db / 20) / max(level(whole), 1e-9))


def _audible(waveform: np.ndarray, sample_rate: int) -> list[tuple[float, float]]:
    """Stretches, in seconds, of blocks within 30 dB of the loudest."""
    size = round(BLOCK * sample_rate)
    power = np.square(waveform[: len(waveform) // size * size].reshape(-1, size)).mean(axis=1)
    sounds = power >= ACTIVE * power.max(initial=0)
    return [(first * size / sample_rate, end * size / sample_rate) for first, end in find_events(sounds, 0)]
