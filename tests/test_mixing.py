from collections import Counter

import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.tables import Part, Window, parts_by_mixture, read_table, write_table
from timbre.features.mixtures import RecipeOptions, draw_recipes, level, mix, who_plays

RATE = 1000


def windows(split="train"):
    """Five clips per instrument. The first has ten windows, the others one."""
    rows = [
        (instrument, clip, window)
        for instrument in INSTRUMENTS
        for clip in range(5)
        for window in range(1 if clip else 10)
    ]
    return [Window(row, float(w), f"{i}{c}.wav", i, split, f"{i}{c}") for row, (i, c, w) in enumerate(rows)]


def draw(params, rows, split="train", count=20, seed=0):
    """Draw `count` mixtures of the four instruments, in which each plays with probability 0.25."""
    mixtures = params.mixtures.model_copy(update={split: count})
    return draw_recipes(rows, split, RecipeOptions(INSTRUMENTS, mixtures, 0.25, seed))


def test_recipes_do_not_change_with_the_number_of_mixtures_or_the_other_splits(params):
    drawn = draw(params, windows(), seed=1)
    assert drawn == draw(params, windows("test") + windows(), seed=1)
    assert drawn == draw(params, windows(), count=40, seed=1)[: len(drawn)]
    assert drawn != draw(params, windows(), seed=2)


def test_recipes_use_their_split_and_stay_within_sizes_and_ranges(params):
    options = params.mixtures
    parts = draw(params, windows() + windows("test"), count=300)
    mixtures = parts_by_mixture(parts)
    assert Counter(len(mixture) for mixture in mixtures) == {2: 100, 3: 100, 4: 100}
    assert all(len({part.instrument for part in mixture}) == len(mixture) for mixture in mixtures)
    assert all(abs(part.gain_db) <= options.gain_db and 0 <= part.offset <= options.offset for part in parts)
    assert all(part.file.startswith(part.instrument) for part in parts)
    share_of_long_clips = np.mean([part.file.endswith("0.wav") for part in parts])
    assert share_of_long_clips == pytest.approx(0.2, abs=0.06)  # a clip of ten windows is drawn no more often


@pytest.mark.parametrize("split", ["validation", "test"])
def test_mixtures_of_validation_and_test_resemble_music(params, split):
    others = [Window(90 + row, 0.0, f"other{row}.wav", OTHER, split, f"other{row}") for row in range(9)]
    mixtures = parts_by_mixture(draw(params, windows(split) + others, split, 1000))
    counts = [Counter(part.instrument for part in mixture) for mixture in mixtures]
    assert len(mixtures) == 1000
    plays = np.array([[count[name] for name in INSTRUMENTS] for count in counts])
    other = np.array([count[OTHER] for count in counts])
    assert plays.mean(axis=0) == pytest.approx(0.25, abs=0.04) and plays.max() == 1
    assert other.max() == 4 and other[plays.sum(axis=1) == 0].min() == 1
    assert (other[plays.sum(axis=1) > 0] > 0).mean() == pytest.approx(params.mixtures.others, abs=0.05)
    without = parts_by_mixture(draw(params, windows(split), split, 1000))
    assert len(without) == 1000 and {part.instrument for parts in without for part in parts} == set(INSTRUMENTS)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_accompanying_instruments_are_mixed_like_other_ones(params, split):
    accompanied = params.model_copy(
        update={"mixtures": params.mixtures.model_copy(update={"accompanying": ("piano",)})}
    )
    others = [Window(90 + row, 0.0, f"other{row}.wav", OTHER, split, f"other{row}") for row in range(15)]
    mixtures = parts_by_mixture(draw(accompanied, windows(split) + others, split, 1000))
    counts = [Counter(part.instrument for part in mixture) for mixture in mixtures]
    plays = np.array([[count[name] for name in INSTRUMENTS] for count in counts])
    assert plays.max() == 1
    assert plays[:, :3].mean(axis=0) == pytest.approx(0.25, abs=0.04)
    drawn = 0.7 * 2.5 + 0.3 * 0.75**3 * 2.5  # other instruments per mixture; a quarter of their clips are pianos
    other = np.array([count[OTHER] for count in counts])
    assert other.mean() == pytest.approx(0.75 * drawn, abs=0.15)
    assert 0.3 < plays[:, 3].mean() < 0.25 * drawn


def test_with_many_instruments_no_more_play_at_once_than_with_four():
    rng = np.random.default_rng(0)
    of_four, of_twenty = ([len(who_plays(number, 0.4, 4, True, rng)) for _ in range(4000)] for number in (4, 20))
    assert np.mean(of_twenty) == pytest.approx(np.mean(of_four), abs=0.06) and max(of_twenty) == 4


def test_recipes_are_written_and_read_back(tmp_path, params):
    parts = draw(params, windows())
    write_table(tmp_path / "train.csv", parts, Part)
    assert read_table(tmp_path / "train.csv", Part) == parts


def test_a_split_without_an_instrument_is_refused(params):
    without_violin = [window for window in windows() if window.label != "violin"]
    with pytest.raises(DataError, match="train has no violin to mix"):
        draw(params, without_violin)


def test_parts_are_brought_to_one_level_and_then_get_their_gain_and_offset():
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


def test_silence_around_a_sound_does_not_lower_its_level():
    sound = np.sin(np.arange(400, dtype=np.float32))
    assert level(np.pad(sound, (200, 3400))) == pytest.approx(level(np.tile(sound, 10)), rel=0.05)
