"""Synthetic songs, arranged from a split's windows: instruments enter, pause and leave, with other instruments.

Their ground truth says when each instrument sounds: while its pieces are within 30 dB of their loudest block. Pauses of
less than `PAUSE` seconds are bridged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from timbre.core.instruments import OTHER
from timbre.core.params import Mixtures
from timbre.core.rng import generator
from timbre.core.tables import Event, SongPiece, Window
from timbre.features.events import PAUSE, find_events
from timbre.features.mixtures import (
    ACTIVE,
    AS_OF,
    WindowsByClip,
    draw_others,
    draw_window,
    leading,
    level,
    level_range,
    solos_by_label,
)

TAKES_PART = 0.5  # probability that each of up to four instruments is in a song
PLAYS = (3.0, 14.0)  # shortest and longest section, in seconds
RESTS = (2.0, 12.0)  # shortest and longest rest between sections, in seconds
FADE = 0.01  # seconds at both ends of a piece, so that no click marks its start
BLOCK = 0.02  # seconds; the level of each block is compared with the loudest


@dataclass(frozen=True)
class SongOptions:
    """How songs are arranged.

    Attributes:
        instruments: names of the instruments, in label order.
        count: number of songs.
        seconds: length of each song.
        window: length of a window in seconds.
        mixtures: the section of params.yaml: levels, and the share of songs with other instruments.
        seed: draws the songs, each by itself.
        max_others: largest number of other instruments at once.
    """

    instruments: Sequence[str]
    count: int
    seconds: float
    window: float
    mixtures: Mixtures
    seed: int
    max_others: int = 1


def arrange(windows: Sequence[Window], split: str, options: SongOptions) -> list[SongPiece]:
    """Arrange songs from the windows of one split.

    Each of up to four instruments takes part with probability `TAKES_PART`. With more instruments the probability is
    lower, so that as many take part. At least one does. An instrument plays sections, each made of one window after
    another, with rests between them. In a share of the songs, other instruments do the same.

    Args:
        windows: of all splits.
        split: split to arrange from.
        options: instruments, lengths, levels and seed.

    Returns:
        The pieces of all songs, in order. Empty if the split has no clip of one instrument alone.
    """
    clips = solos_by_label(windows, options.instruments, split)
    playable = [name for name in leading(options.instruments, options.mixtures) if clips[name]]
    pieces: list[SongPiece] = []
    for song in range(options.count if playable else 0):
        rng = generator(options.seed, "songs", split, song)
        for name in _draw_players(playable, clips, options, rng):
            pieces += _draw_pieces(song, name, clips[name], options, rng)
    return pieces


def _draw_players(
    playable: Sequence[str], clips: Mapping[str, WindowsByClip], options: SongOptions, rng: np.random.Generator
) -> list[str]:
    """Draw the instruments of one song, in label order, then others as often as other instruments play at once."""
    probability = TAKES_PART * min(1, AS_OF / len(playable))
    count = max(1, int((rng.random(len(playable)) < probability).sum()))
    players = [playable[index] for index in sorted(rng.permutation(len(playable))[:count])]
    has_others = any(clips[name] for name in (*options.mixtures.accompanying, OTHER))
    if has_others and rng.random() < options.mixtures.others:
        players += draw_others(int(rng.integers(1, options.max_others + 1)), clips, options.mixtures, rng)
    return players


def _draw_pieces(
    song: int, name: str, clips: WindowsByClip, options: SongOptions, rng: np.random.Generator
) -> Iterator[SongPiece]:
    """Yield the pieces that one instrument plays in a song: a level per section, and one window after another."""
    for section_start, section_end in _sections(options.seconds, rng):
        gain_db = round(float(rng.uniform(*level_range(name, options.mixtures))), 2)
        for start in np.arange(section_start, section_end, options.window).tolist():
            window = draw_window(clips, rng)
            seconds = round(min(options.window, section_end - start), 3)
            yield SongPiece(song, round(start, 3), seconds, window.row, name, gain_db, window.file)


def _sections(seconds: float, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield the start and end of each section that an instrument plays, in seconds, with rests between."""
    start = float(rng.uniform(0, RESTS[1]))
    while start < seconds - 1:
        end = min(start + float(rng.uniform(*PLAYS)), seconds)
        yield start, end
        start = end + float(rng.uniform(*RESTS))


def song_waveform(pieces: Sequence[SongPiece], pack: np.ndarray, sample_rate: int, seconds: float) -> np.ndarray:
    """Return the sum of a song's pieces, float32 `[samples]`, peak 1.

    Args:
        pieces: the pieces of this song.
        pack: int16 windows `[rows, samples]`.
        sample_rate: of the pack, in Hz.
        seconds: length of the song.
    """
    total = np.zeros(round(seconds * sample_rate), np.float32)
    for piece in pieces:
        waveform = _waveform(piece, pack, sample_rate)
        start = round(piece.start * sample_rate)
        end = min(start + len(waveform), len(total))
        total[start:end] += waveform[: end - start]
    return total / max(float(np.abs(total).max()), 1e-9)


def ground_truth(pieces: Sequence[SongPiece], pack: np.ndarray, sample_rate: int) -> list[Event]:
    """Return the events of one song's instruments, in order of time. Other instruments have none.

    Args:
        pieces: the pieces of this song.
        pack: int16 windows `[rows, samples]`.
        sample_rate: of the pack, in Hz.
    """
    events: list[Event] = []
    for name in dict.fromkeys(piece.instrument for piece in pieces if piece.instrument != OTHER):
        spans: list[list[float]] = []
        for piece in (piece for piece in pieces if piece.instrument == name):
            for start, end in _audible(_waveform(piece, pack, sample_rate), sample_rate):
                start, end = piece.start + start, piece.start + end
                if spans and start - spans[-1][1] < PAUSE:
                    spans[-1][1] = end
                else:
                    spans.append([start, end])
        events += [Event(pieces[0].song, name, round(start, 3), round(end, 3)) for start, end in spans]
    return sorted(events, key=lambda event: (event.start, event.instrument))


def _waveform(piece: SongPiece, pack: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the part of a window that a piece plays, at its level, with fades at both ends."""
    whole = pack[piece.row].astype(np.float32)
    waveform = whole[: round(piece.seconds * sample_rate)].copy()
    fade = min(round(FADE * sample_rate), len(waveform) // 2)
    slope = np.linspace(0, 1, fade, dtype=np.float32)
    waveform[:fade] *= slope
    waveform[len(waveform) - fade :] *= slope[::-1]
    return waveform * np.float32(10 ** (piece.gain_db / 20) / max(level(whole), 1e-9))


def _audible(waveform: np.ndarray, sample_rate: int) -> list[tuple[float, float]]:
    """Return the start and end, in seconds, of each run of blocks within 30 dB of the loudest."""
    size = round(BLOCK * sample_rate)
    power = np.square(waveform[: len(waveform) // size * size].reshape(-1, size)).mean(axis=1)
    sounds = power >= ACTIVE * power.max(initial=0)
    return [(first * size / sample_rate, end * size / sample_rate) for first, end in find_events(sounds, 0)]
