"""Keyed random generators: the same numbers whatever was drawn before, or beside."""

import zlib

import numpy as np


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator of a key, such as `generator(seed, "soundfont", "guitar", 17)`.

    Words enter through their CRC-32 and numbers as they are, so that the stream is the same on every
    machine, in every process and for every order of work.

    >>> int(generator(0, "songs", 3).integers(1000)), int(generator(0, "songs", 4).integers(1000))
    (77, 744)
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
