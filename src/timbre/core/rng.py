"""Random generators with a key. Their numbers do not depend on what else is drawn, or in which order."""

import zlib

import numpy as np


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator of a key, such as `generator(seed, "soundfont", "guitar", 17)`.

    Words are turned into their CRC-32, so that the numbers are the same on every machine and in every process.

    >>> int(generator(0, "songs", 3).integers(1000)), int(generator(0, "songs", 4).integers(1000))
    (77, 744)
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
