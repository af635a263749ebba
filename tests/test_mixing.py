from collections import Counter

import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.tables import Part, Window, parts_by_mixture, read_table, write_table
from timbre.features.mixtures import draw_recipes, level, mix, who_plays

RATE = 1000


def windows(split="train"):
    """Five clips per instrument, the first of them of ten windows."""
    rows = [
        (instrument, clip, window)
        for instrument in INSTRUMENTS
        for clip in range(5)
        for window in range(1 if clip else 10)
    ]
    return [Window(row, float(w), f"{i}{c}.wav", i, split, f"{i}{c}") for row, (i, c, w) in enumerate(rows)]


def test_recipes_are_the_same_each_time_and_whatever_stands_beside_them(params):
    drawn = draw_recipes(windows(), INSTRUMENTS, "train", 20, params.mixtures, 0.25, seed=1)
    assert drawn == draw_recipes(windows("test") + windows(), INSTRUMENTS, "train", 20, params.mixtures, 0.25, seed=1)
    assert drawn == draw_recipes(windows(), INSTRUMENTS, "train", 40, params.mixtures, 0.25, seed=1)[: len(drawn)]
    assert drawn != draw_recipes(windows(), INSTRUMENTS, "train", 20, params.mixtures, 0.25, seed=2)


def test_recipes_keep_to_their_split_sizes_and_ranges(params):
    options = params.mixtures
    parts = draw_recipes(windows() + windows("test"), INSTRUMENTS, "train", 300, options, 0.25, seed=0)
    mixtures = parts_by_mixture(parts)
    assert Counter(len(mixture) for mixture in mixtures) == {2: 100, 3: 100, 4: 100}
    assert all(len({part.instrument for part in mixture}) == len(mixture) for mixture in mixtures)
    assert all(abs(part.gain_db) <= options.gain_db and 0 <= part.offset <= options.offset for part in parts)
    assert all(part.file.startswith(part.instrument) for part in parts)
    of_long_clips = np.mean([part.file.endswith("0.wav") for part in parts])
    assert of_long_clips == pytest.approx(0.2, abs=0.06)  # ten windows do not make a clip ten times as frequent


@pytest.mark.parametrize("split", ["validation", "test"])
def test_mixtures_to_judge_by_are_like_music(params, split):
    others = [Window(90 + row, 0.0, f"other{row}.wav", OTHER, split, f"other{row}") for row in range(9)]
    of_the_four = windows(split)
    mixtures = parts_by_mixture(
        draw_recipes(of_the_four + others, INSTRUMENTS, split, 1000, params.mixtures, 0.25, seed=0)
    )
    names = [Counter(part.instrument for part in mixture) for mixture in mixtures]
    assert len(mixtures) == 1000
    plays = np.array([[some[name] for name in INSTRUMENTS] for some in names])
    company = np.array([some[OTHER] for some in names])
    assert plays.mean(axis=0) == pytest.approx(0.25, abs=0.04) and plays.max() == 1
    assert company.max() == 4 and company[plays.sum(axis=1) == 0].min() == 1
    assert (company[plays.sum(axis=1) > 0] > 0).mean() == pytest.approx(params.mixtures.others, abs=0.05)
    without = parts_by_mixture(draw_recipes(of_the_four, INSTRUMENTS, split, 1000, params.mixtures, 0.25, seed=0))
    assert len(without) == 1000 and {part.instrument for parts in without for part in parts} == set(INSTRUMENTS)


def test_of_many_instruments_no_more_play_at_once_than_of_four():
    rng = np.random.default_rng(0)
    of_four, of_twenty = ([len(who_plays(number, 0.4, 4, True, rng)) for _ in range(4000)] for number in (4, 20))
    assert np.mean(of_twenty) == pytest.approx(np.mean(of_four), abs=0.06) and max(of_twenty) == 4


def test_recipes_survive_their_table(tmp_path, params):
    parts = draw_recipes(windows(), INSTRUMENTS, "train", 20, params.mixtures, 0.25, seed=1)
    write_table(tmp_path / "train.csv", parts, Part)
    assert read_table(tmp_path / "train.csv", Part) == parts


def test_a_split_without_an_instrument_cannot_be_mixed(params):
    without_violin = [window for window in windows() if window.label != "violin"]
    with pytest.raises(DataError, match="train has no violin to mix"):
        draw_recipes(without_violin, INSTRUMENTS, "train", 20, params.mixtures, 0.25, seed=0)


def test_parts_are_made_equally_loud_then_given_their_gain_and_offset():
    rng = np.random.default_rng(0)
    loud = rng.normal(0, 8000, RATE).astype(np.int16)
    soft = rng.normal(0, 80, RATE).astype(np.int16)
    parts = [Part(0, 0, "guitar", 0.0, 0.0, "", 0.0), Part(0, 1, "piano", -20.0, 0.5, "", 0.0)]
    mixture = mix(parts, np.stack([loud, soft]), RATE)
    assert np.abs(mixture).max() == pytest.approx(1)
    one, two = (part / level(part.astype(np.float32)) for part in (loud, soft))
    late = np.concatenate([np.zeros(RATE // 2), two[: RATE // 2]])
    expected = one + 0.1 * late
    np.testing.assert_allclose(mixture, expected / np.abs(expected).max(), atol=1e-4)


def test_silence_around_a_sound_does_not_make_it_quieter():
    sound = np.sin(np.arange(400, dtype=np.float32))
    assert level(np.pad(sound, (200, 3400))) == pytest.approx(level(np.tile(sound, 10)), rel=0.05)
