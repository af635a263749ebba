"""Render clips by a sound font that training does not hear: `python benchmarks/unheard.py FONT.sf2 FOLDER`.

The folder is in Kaggle's layout, 100 clips an instrument and 100 of others, for `benchmarks/real.py` to judge models
by: what decides between two ways of training, so that no real recording has to. FluidR3 is one such font, in Debian's
fluid-soundfont-gm.
"""

import sys
from pathlib import Path

from timbre.params import Compute, Soundfont
from timbre.sources.soundfont import render_dataset

SEED = 1

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/unheard.py FONT.sf2 FOLDER")
    font, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
    folder.mkdir(parents=True)
    options = Soundfont(file=str(font), clips=400, modelled=0, others=100, seconds=4.0, sample_rate=24000)
    render_dataset(options, SEED, folder, Compute())
