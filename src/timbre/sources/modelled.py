"""Voices computed from physical models of strings, hammers, bows and drums, each clip an instrument of its own.

libsonare models plucked strings (Karplus and Strong, 1983, and what came after), bowed strings, a piano's hammers and
strings, drum membranes, and guitar amplifiers. A sound font has a few dozen recorded instruments for ever; here
brightness, decay, pick or bow position, body, amplifier and more are drawn anew for each clip, so that a network learns
what instruments have in common rather than how a few of them sound.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from timbre.errors import DataError

RATE = 24000  # Hz, of what is computed
RIGS = 8  # of libsonare's amplifiers the guitars'; the last two are a bass player's
AMPLIFIED = 0.75  # share of electric guitars
DRIVE_DB = (-18.0, -3.0)  # peak that enters the amplifier

VOICES: dict[str, tuple[str, ...]] = {
    "guitar": ("classical-guitar", "steel-guitar", "electric-guitar"),
    "drums": tuple(f"kit-{number}" for number in (0, 8, 16, 24, 25, 32, 40, 48)),  # GS kits
    "violin": ("violin", "violin", "viola"),
    "piano": ("acoustic-piano",),
    "other": (
        *("saw-lead", "square-lead", "sub-bass", "warm-pad", "bell", "brass"),
        *("bass-acoustic", "bass-fingered", "bass-picked", "bass-fretless", "bass-slap"),
        *("marimba", "glass", "organ", "church-organ", "church-flute", "contrabass", "clarinet"),
        *("soprano-sax", "alto-sax", "tenor-sax", "baritone-sax", "oboe", "english-horn", "bassoon"),
        *("trumpet", "trombone", "tuba", "french-horn", "muted-trumpet", "flugelhorn", "euphonium"),
        *("concert-flute", "piccolo", "recorder", "pan-flute", "shakuhachi", "tin-whistle", "ocarina"),
        *("harp", "sitar", "choir-aah", "choir-ooh", "voice-eeh"),
        *("accordion", "harmonica", "bandoneon", "reed-organ", "cello"),
    ),
}

# Engine parameters drawn evenly between two bounds, or, where a bound is under a tenth of the other, evenly in octaves.
PLUCKED = {
    "brightness": (0.4, 0.95),
    "decayS": (1.4, 15.0),
    "pickPosition": (0.05, 0.4),
    "excBrightness": (0.15, 0.9),
    "releaseDampS": (0.03, 0.4),
    "polarization": (0.0, 0.6),
    "bodyCoupling": (0.1, 0.6),
    "pluckStyle": (0.0, 1.0),
    "nail": (0.0, 0.6),
    "pickNoise": (0.0, 0.4),
    "tensionMod": (0.0, 0.5),
    "velToBrightness": (0.2, 0.9),
}
STRUCK = {
    "detuneCents": (0.3, 6.0),
    "decayFastS": (0.6, 2.2),
    "decaySlowS": (8.0, 30.0),
    "brightness": (0.5, 0.95),
    "dispersion": (0.5, 1.0),
    "strikePosition": (0.05, 0.16),
    "hammerExponent": (2.0, 3.3),
    "hammerContactMs": (0.7, 2.8),
    "hammerDynamics": (0.3, 0.8),
    "attackHfDynamics": (1.0, 3.5),
    "soundboard": (0.1, 0.7),
    "releaseDampS": (0.1, 1.2),
}
BOWED = {
    "bowPosition": (0.06, 0.2),
    "bowForce": (0.35, 0.8),
    "bowSpeed": (0.3, 0.75),
    "brightness": (0.35, 0.9),
    "damping": (0.1, 0.5),
    "attackMs": (12.0, 130.0),
    "releaseMs": (25.0, 300.0),
    "rosin": (0.05, 0.45),
    "sympathetic": (0.0, 0.3),
    "attackNoise": (0.0, 0.7),
    "corpusScale": (0.85, 1.15),
    "velToSpeed": (0.3, 0.8),
}
ENGINES: dict[str, tuple[Mapping[str, tuple[float, float]], Mapping[str, tuple[float, float]]]] = {
    "classical-guitar": (PLUCKED, {"body_mix": (0.03, 0.5), "cutoff_hz": (1900.0, 20000.0)}),
    "steel-guitar": (PLUCKED, {"body_mix": (0.03, 0.5), "cutoff_hz": (1900.0, 20000.0)}),
    "electric-guitar": (PLUCKED | {"pickupPos": (0.05, 0.35)}, {"cutoff_hz": (750.0, 8000.0)}),
    "violin": (BOWED, {"body_mix": (0.1, 0.5)}),
    "viola": (BOWED, {"body_mix": (0.1, 0.5)}),
    "acoustic-piano": (STRUCK, {}),
}


def play(midi: bytes, voice: str, rng: np.random.Generator, seconds: float) -> tuple[np.ndarray, int]:
    """Return a MIDI file as one of `VOICES` plays it, mono float32 `[samples]`, and its sampling rate in Hz.

    Raises:
        DataError: libsonare is not installed; it has no wheels for Windows.
    """
    try:
        import libsonare
    except ImportError as error:
        raise DataError(
            "soundfont.modelled: needs libsonare, which is not installed; pip install libsonare, or where it has no "
            "wheels -S soundfont.modelled=0"
        ) from error
    is_kit = voice.startswith("kit-")
    patch = "drum-kit" if is_kit else _draw_patch(libsonare.SynthPatch, voice, rng)
    with libsonare.Project() as project:
        project.set_sample_rate(RATE)
        project.import_smf(midi)
        sound = project.bounce_with_synth_instrument(
            patch, auto_select_gm=is_kit, num_channels=1, total_frames=math.ceil(seconds * RATE)
        )[:, 0]
    if voice == "electric-guitar" and rng.random() < AMPLIFIED:
        drive = 10 ** (rng.uniform(*DRIVE_DB) / 20) / max(float(np.abs(sound).max()), 1e-9)
        rig = {"presetIndex": int(rng.integers(RIGS))}
        sound = np.array(libsonare.mastering_process("saturation.ampSim", sound * drive, RATE, rig).samples, np.float32)
    return sound, RATE


def _draw_patch(make: Callable[..., object], voice: str, rng: np.random.Generator) -> object:
    """An instrument of a kind: libsonare's own, its parameters drawn; other instruments as they come."""
    engine, patch = ENGINES.get(voice, ({}, {}))
    drawn = {name: _between(*bounds, rng) for name, bounds in engine.items()}
    if voice == "acoustic-piano":
        drawn["strings"] = int(rng.integers(2, 4))
    rest = {name: _between(*bounds, rng) for name, bounds in patch.items()}
    return make(preset=voice, **rest, **({"engine_params": drawn} if drawn else {}))


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    if 0 < low <= high / 10:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return float(rng.uniform(low, high))
