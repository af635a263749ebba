"""The events that a player causes, and their MIDI file."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

BANK, MODULATION, VOLUME, EXPRESSION, PEDAL, REVERB, CHORUS = 0, 1, 7, 11, 64, 91, 93  # MIDI controllers
BEND_RANGE = 12  # semitones, up or down
DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0


class Note(NamedTuple):
    """A struck key, string or drum: start and length in seconds, MIDI pitch (60: middle C), velocity 1 to 127."""

    start: float
    length: float
    pitch: int
    velocity: float


class Control(NamedTuple):
    """A controller, such as `PEDAL`, moved to a value from 0 to 127."""

    start: float
    number: int
    value: float


class Bend(NamedTuple):
    """A pitch bend of all notes by `semitones`, at most `BEND_RANGE`, until the next bend."""

    start: float
    semitones: float


Event = Note | Control | Bend
Phrase = Callable[[np.random.Generator, float], Iterator[Event]]  # draws a phrase of that many seconds


def to_midi(events: Iterable[Event], program: int, seconds: float, drums: bool = False, transpose: int = 0) -> bytes:
    """Return a MIDI file of `seconds` in which one program (for drums: one kit) plays `events`.

    Times are rounded to milliseconds. Notes are cut at the end of the file. A pitch that is struck again while it
    sounds is released first.

    Args:
        events: Notes, controls and bends, in any order.
        program: Bank times 128 plus the program: 128 * 8 + 25 is program 25 of bank 8 (a GS variation).
        seconds: Length of the file.
        drums: Whether to play on the drum channel.
        transpose: Semitones added to every pitch.
    """
    import mido

    channel = DRUM_CHANNEL if drums else 0
    bank, program = divmod(program, 128)
    timed = list(_messages(events, channel, transpose))[::-1]
    timed.sort(key=lambda item: item[:2])
    head = [
        mido.MetaMessage("set_tempo", tempo=1_000_000),
        mido.Message("control_change", channel=channel, control=BANK, value=bank),
        mido.Message("program_change", channel=channel, program=program),
        *(
            mido.Message("control_change", channel=channel, control=number, value=value)
            for number, value in ((101, 0), (100, 0), (6, BEND_RANGE), (38, 0))  # RPN 0: the bend range
        ),
    ]
    track, clock, end = mido.MidiTrack(head), 0, round(1000 * seconds)
    for tick, _, message in timed:
        if tick < end:
            track.append(message.copy(time=tick - clock))
            clock = tick
    track.append(mido.MetaMessage("end_of_track", time=end - clock))
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=1000, tracks=[track]).save(file=file)
    return file.getvalue()


def _messages(events: Iterable[Event], channel: int, transpose: int) -> Iterator[tuple[int, int, Any]]:
    """Yield (millisecond, rank, message), last event first. The rank sorts one millisecond: end, control, start."""
    from mido import Message

    next_start: dict[int, int] = {}
    for event in sorted(events, key=lambda event: event.start, reverse=True):
        tick = round(1000 * event.start)
        match event:
            case Note():
                pitch = min(max(event.pitch + transpose, 0), 127)
                velocity = min(max(round(event.velocity), 1), 127)
                last = min(tick + max(round(1000 * event.length), 10), next_start.get(pitch, 1 << 31))
                if last <= tick:  # the pitch is struck twice in one millisecond
                    continue
                next_start[pitch] = tick
                yield tick, 2, Message("note_on", channel=channel, note=pitch, velocity=velocity)
                yield last, 0, Message("note_off", channel=channel, note=pitch)
            case Control():
                value = min(max(round(event.value), 0), 127)
                yield tick, 1, Message("control_change", channel=channel, control=event.number, value=value)
            case Bend():
                bend = min(max(round(8192 * event.semitones / BEND_RANGE), -8192), 8191)
                yield tick, 1, Message("pitchwheel", channel=channel, pitch=bend)
