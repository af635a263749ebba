"""The cache of prepare: it saves work and changes no output."""

import hashlib
import multiprocessing

import pytest
import soundfile
from helpers import INSTRUMENTS, damage_file, tone

from timbre.core.files import fresh_folder
from timbre.core.params import Audio, Compute, Splits
from timbre.dataset import windows
from timbre.dataset.prepare import prepare_dataset
from timbre.labels.kaggle_layout import FOLDERS, METADATA

RATE = 8000
AUDIO = Audio(sample_rate=RATE, window=0.5)


@pytest.fixture
def raw(tmp_path):
    """Make a data set of sixteen recordings, one of them with a quiet window and one unreadable."""
    folder = tmp_path / "raw"
    for number in range(16):
        add(folder, f"{number}.wav", number)
    (folder / FOLDERS[0] / FOLDERS[0] / "broken.wav").write_text("no audio")
    with (folder / METADATA[0]).open("a") as file:
        file.write("broken.wav,piano\n")
    return folder


def add(raw, name, number):
    home = raw / FOLDERS[0] / FOLDERS[0]
    home.mkdir(parents=True, exist_ok=True)
    sound = tone(200 + 97 * number, 1.5, RATE)
    sound[RATE // 2 : RATE] *= 1e-4 if number == 3 else 1
    soundfile.write(home / name, sound, RATE)
    is_new = not (raw / METADATA[0]).exists()
    with (raw / METADATA[0]).open("a") as file:
        file.write("FileName,Class\n" * is_new + f"{name},{INSTRUMENTS[number % 4]}\n")


def run(raw, cache, audio=AUDIO):
    """Run prepare. Return the hashes of its files."""
    splits = Splits(by="recording", validation=0.2, keep_test_groups=False)
    with fresh_folder(raw.parent / "out") as folder:
        prepare_dataset(raw, folder, INSTRUMENTS, audio, splits, 0, Compute(workers=1), cache)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of the files that are decoded."""
    files = []
    original = windows.write_windows

    def write_windows(path, *arguments):
        files.append(path.name)
        return original(path, *arguments)

    monkeypatch.setattr(windows, "write_windows", write_windows)
    return files


def test_only_new_recordings_are_decoded_and_the_output_is_the_same(raw, tmp_path, decoded):
    cache = tmp_path / "cache"
    first = run(raw, None)
    assert run(raw, cache) == first and len(decoded) == 2 * 17
    decoded.clear()
    assert run(raw, cache) == first and decoded == ["broken.wav"]
    add(raw, "new.wav", 16)
    decoded.clear()
    more = run(raw, cache)
    assert sorted(decoded) == ["broken.wav", "new.wav"]
    assert more == run(raw, None) != first
    (raw / FOLDERS[0] / FOLDERS[0] / "new.wav").unlink()
    decoded.clear()
    assert run(raw, cache) == run(raw, None)


def test_another_window_length_and_other_code_reuse_nothing(raw, tmp_path, decoded, monkeypatch):
    cache = tmp_path / "cache"
    run(raw, cache)
    decoded.clear()
    assert run(raw, cache, Audio(sample_rate=RATE, window=0.75)) == run(raw, None, Audio(sample_rate=RATE, window=0.75))
    run(raw, cache)
    monkeypatch.setattr("timbre.dataset.recording_cache.code_stamp", lambda: "other code")
    run(raw, cache)
    assert len(decoded) == 4 * 17


@pytest.mark.parametrize("name", ["windows.npy", "fingerprints.npy", "entries.csv"])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_cache_changes_no_output(raw, tmp_path, name, damage):
    cache = tmp_path / "cache"
    first = run(raw, cache)
    damage_file(cache / name, damage, 400)
    assert run(raw, cache) == first
    assert run(raw, cache) == first


def start(raw, cache):
    """Run prepare in a process of its own. Return the process, and the queue for its hashes."""
    context = multiprocessing.get_context("fork")
    hashes = context.SimpleQueue()
    process = context.Process(target=lambda: hashes.put(run(raw, cache)))
    process.start()
    return process, hashes


def test_two_runs_at_once_and_killed_runs_change_no_output(raw, tmp_path):
    cache = tmp_path / "cache"
    first = run(raw, None)
    copies = [tmp_path / name / "raw" for name in ("a", "b")]
    for copy in copies:
        copy.parent.mkdir()
        copy.symlink_to(raw)
    for process, hashes in [start(copy, cache) for copy in copies]:
        assert hashes.get() == first
        process.join()
    for seconds in (0.01, 0.03, 0.1, 0.3):
        killed, _ = start(copies[0], cache)
        killed.join(seconds)
        killed.kill()
        killed.join()
        assert run(raw, cache) == first


def test_without_a_place_for_it_there_is_no_cache(raw, tmp_path):
    first = run(raw, tmp_path / "none" / "cache")
    assert not (tmp_path / "none").exists() and run(raw, None) == first
