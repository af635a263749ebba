"""The cache of extract_mels: it saves work and changes no output."""

import hashlib

import numpy as np
import pytest
from helpers import damage_file

from timbre.core.files import fresh_folder
from timbre.core.params import Compute, Mel
from timbre.features import mel_cache
from timbre.features.extraction import clip_mels, write_mels
from timbre.features.mel_cache import MelCache

RATE = 8000
MEL = Mel(n_fft=256, hop_length=160, n_mels=16, fmin=50.0, fmax=4000.0)
WINDOWS = np.random.default_rng(0).integers(-9999, 9999, (41, RATE // 2)).astype(np.int16)


def run(folder, cache, windows=WINDOWS, mel=MEL):
    """Compute the mels of some windows, as extract_mels does. Return the hashes of the packs."""
    np.save(folder / "windows.npy", windows)
    cached = MelCache(cache, Compute(workers=2), pack=folder / "windows.npy", sample_rate=RATE, mel=mel)
    with fresh_folder(folder / "mels") as mels:
        packs = {mels / "train.npy": range(0, len(windows), 2), mels / "test.npy": range(1, len(windows), 2)}
        for pack, rows in packs.items():
            write_mels(pack, rows, cached.extract, Compute(workers=2), "mels")
        cached.save(packs)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in mels.iterdir()}


@pytest.fixture
def computed(monkeypatch):
    """Return the list of the rows with computed mels."""
    rows = []

    def computing(new, **options):
        rows.extend(new)
        return clip_mels(new, **options)

    monkeypatch.setattr(mel_cache, "clip_mels", computing)
    return rows


def test_only_new_windows_are_computed_and_the_output_is_the_same(tmp_path, computed):
    cache, none = tmp_path / "cache", tmp_path / "none" / "cache"
    first = run(tmp_path, none)
    assert run(tmp_path, cache) == first and len(computed) == 2 * 41 and set(first) == {"train.npy", "test.npy"}
    computed.clear()
    assert run(tmp_path, cache) == first and computed == []
    more = np.insert(WINDOWS, 7, WINDOWS[0] // 2, axis=0)
    assert run(tmp_path, cache, more) == run(tmp_path, none, more) != first
    assert computed[:1] == [7] and len(computed) == 1 + 42
    computed.clear()
    assert run(tmp_path, cache, WINDOWS[5:]) == run(tmp_path, none, WINDOWS[5:]) and len(computed) == 36
    assert not none.parent.exists()


def test_other_params_and_other_code_reuse_nothing(tmp_path, computed, monkeypatch):
    cache, other = tmp_path / "cache", MEL.model_copy(update={"n_mels": 17})
    run(tmp_path, cache)
    assert run(tmp_path, cache, mel=other) == run(tmp_path, tmp_path / "none" / "cache", mel=other)
    monkeypatch.setattr(mel_cache, "code_stamp", lambda: "other code")
    run(tmp_path, cache, mel=other)
    assert len(computed) == 4 * 41


@pytest.mark.parametrize("name", ["train.npy", "train_hashes.npy"])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_cache_changes_no_output(tmp_path, computed, name, damage):
    cache = tmp_path / "cache"
    first = run(tmp_path, cache)
    damage_file(cache / name, damage, 20)
    computed.clear()
    assert run(tmp_path, cache) == first and 0 < len(computed) < 41
    computed.clear()
    assert run(tmp_path, cache) == first and computed == []


def test_another_run_that_saves_at_the_same_time_and_an_interrupt_change_no_output(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = run(tmp_path, cache)
    remove = mel_cache.shutil.rmtree

    def removed_and_saved_by_another_run(folder, **options):
        remove(folder, **options)
        if folder == cache:
            (cache / "other").mkdir(parents=True)

    monkeypatch.setattr(mel_cache.shutil, "rmtree", removed_and_saved_by_another_run)
    assert run(tmp_path, cache) == first and [path.name for path in cache.iterdir()] == ["other"]
    monkeypatch.undo()
    assert run(tmp_path, cache) == first and len(list(cache.iterdir())) == 4

    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mel_cache, "TemporaryDirectory", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, cache, WINDOWS[1:])
    assert len(list(cache.iterdir())) == 4
