"""Random numbers that know their place: the same draw whatever ran before it, or beside it."""

import zlib

import numpy as np


def generator(seed: int, *place: str | int) -> np.random.Generator:
    """Return the generator of one place, such as `generator(seed, "soundfont", "guitar", 17)`.

    Words enter through their CRC-32 and numbers as they are, so that the stream is the same on every
    machine, in every process and for every order of work.
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in place]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
