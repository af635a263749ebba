"""Files as they are: of every kind, cut off, joined, damaged, with faults of recorders and cables in their sound."""

import io
import os
import sys

import numpy as np
import pytest
import soundfile
from encode import encode
from helpers import ROOT, tone

from timbre.audio.declared_length import declared_length
from timbre.audio.decode import decode, opened
from timbre.core.errors import AudioError

RATE = 16000
BY_SOUNDFILE = ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64")
BY_FFMPEG = ("m4a", "aac", "ac3", "eac3", "mkv", "webm", "wma", "avi", "wv", "opus", "mov", "flv")
ALL = BY_SOUNDFILE + BY_FFMPEG


def heard(path):
    return np.concatenate(list(decode(path, RATE)))


def write(path, sound, rate=RATE):
    """A file in the format of its suffix."""
    if path.suffix[1:] in BY_SOUNDFILE:
        soundfile.write(path, sound, rate)
        return path
    rate = 48000 if path.suffix in (".webm", ".opus", ".ac3", ".eac3", ".flv") else rate
    return encode(path, np.repeat(sound, rate // RATE, axis=0), rate=rate, codec={".mkv": "aac"}.get(path.suffix))


def hertz(sound):
    """The strongest frequency of the second second."""
    return np.abs(np.fft.rfft(sound[RATE : 2 * RATE])).argmax()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Six seconds of a tone in each format."""
    folder = tmp_path_factory.mktemp("files")
    return {suffix: write(folder / f"a.{suffix}", tone(440, 6, RATE)) for suffix in ALL}


@pytest.mark.parametrize("suffix", ALL)
def test_every_format_is_heard_whole_whatever_its_name(files, tmp_path, suffix, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "a.mp3"
    path.write_bytes(files[suffix].read_bytes())
    sound = heard(path)
    assert len(sound) == pytest.approx(6 * RATE, abs=0.2 * RATE)
    assert hertz(sound) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("suffix", ALL)
def test_a_file_that_is_cut_off_is_not_taken_for_whole(files, tmp_path, capfd, suffix):
    content = files[suffix].read_bytes()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(AudioError, match="is cut off"):
        heard(path)
    assert capfd.readouterr().err == ""


def test_a_fragmented_mp4_that_is_cut_off_says_so(tmp_path):
    path = encode(tmp_path / "a.m4a", tone(440, 6, RATE), movflags="frag_keyframe+empty_moov", frag_duration=1_000_000)
    assert len(heard(path)) == pytest.approx(6 * RATE, abs=0.2 * RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="is cut off"):
        heard(path)


def test_what_is_there_and_what_should_be_are_named_in_seconds(files, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(files["wav"].read_bytes()[: 44 + 2 * RATE * 2])
    with pytest.raises(AudioError, match=r"is cut off: 2\.0 of 5\.9 s are there"):
        heard(path)


@pytest.mark.parametrize(
    "note",
    [b"TAG" + bytes(125), b"APETAGEX\xd0\x07\0\0" + bytes(range(256)) * 4, b"\0" * 2000],
    ids=["ID3v1", "APE", "0"],
)
@pytest.mark.parametrize("suffix", ["mp3", "aac", "flac", "wav"])
def test_players_notes_at_the_end_are_no_end_that_is_missing(files, tmp_path, suffix, note):
    path = tmp_path / "a"
    path.write_bytes(files[suffix].read_bytes() + note)
    assert len(heard(path)) == pytest.approx(6 * RATE, abs=0.2 * RATE)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus", "flac", "aac"])
def test_files_joined_end_to_end_are_heard_to_the_last(files, tmp_path, suffix):
    path = tmp_path / "a"
    path.write_bytes(files[suffix].read_bytes() + write(tmp_path / f"b.{suffix}", tone(880, 6, RATE)).read_bytes())
    sound = heard(path)
    assert len(sound) == pytest.approx(12 * RATE, abs=0.5 * RATE)
    assert hertz(sound[7 * RATE :]) == pytest.approx(880, abs=2)


def test_a_chain_whose_links_differ_in_rate_says_where_it_cannot_go_on(tmp_path):
    for name, rate in (("a", 8000), ("b", 32000)):
        soundfile.write(tmp_path / f"{name}.ogg", tone(440, 3, rate), rate)
    chain = tmp_path / "chain.ogg"
    chain.write_bytes((tmp_path / "a.ogg").read_bytes() + (tmp_path / "b.ogg").read_bytes())
    with pytest.raises(AudioError, match=r"cannot be read beyond 3\.0 s"):
        heard(chain)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_whose_recorder_never_finished_its_header_is_heard(files, tmp_path, size):
    content = bytearray(files["wav"].read_bytes())
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert heard(path).tobytes() == heard(files["wav"]).tobytes()


def test_a_tag_that_tells_less_than_there_is_does_not_end_an_mp3(files, tmp_path):
    content = bytearray(encode(tmp_path / "a.mp3", tone(440, 6, RATE)).read_bytes())
    place = max(content.find(b"Info"), content.find(b"Xing")) + 8
    content[place : place + 4] = (10).to_bytes(4)
    (tmp_path / "a.mp3").write_bytes(content)
    assert len(heard(tmp_path / "a.mp3")) == pytest.approx(6 * RATE, abs=0.2 * RATE)


def test_a_damaged_middle_is_passed_over(files, tmp_path):
    content = bytearray(files["flac"].read_bytes())
    content[len(content) // 2 : len(content) // 2 + 500] = bytes(500)
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    sound = heard(path)
    assert len(sound) == pytest.approx(6 * RATE, abs=0.5 * RATE)
    assert hertz(sound) == pytest.approx(440, abs=2)


def test_a_bare_ac3_frame_has_the_size_that_its_header_says(files):
    content = files["ac3"].read_bytes()
    assert declared_length(io.BytesIO(content)).end == len(content)
    assert declared_length(io.BytesIO(content[:-1])).end == len(content)


def test_tracks_are_mixed(tmp_path):
    silent, low, high = np.zeros(3 * RATE, np.float32), tone(300, 3, RATE), tone(2000, 2, RATE)
    sound = heard(encode(tmp_path / "a.mkv", silent, low, high, codec="aac"))
    assert len(sound) == pytest.approx(3 * RATE, abs=0.1 * RATE)
    spectrum = np.abs(np.fft.rfft(sound[RATE // 2 : 3 * RATE // 2]))
    assert sorted(spectrum.argsort()[-2:].tolist()) == [300, 2000]
    with opened(tmp_path / "a.mkv") as file:
        list(file.blocks(RATE))
    assert (file.sample_rate, file.channels) == (RATE, 1)


def test_a_channel_for_low_effects_is_heard(tmp_path):
    sound = np.zeros((2 * RATE, 6), np.float32)
    sound[:, 3] = tone(100, 2, RATE)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    assert heard(tmp_path / "a.wav") == pytest.approx(sound[:, 3] / 6, abs=1e-4)


def test_a_picture_is_no_sound(tmp_path):
    assert len(heard(encode(tmp_path / "a.mp4", tone(440, 2, RATE), picture=True))) == pytest.approx(
        2 * RATE, abs=0.2 * RATE
    )
    with pytest.raises(AudioError, match="holds no sound"):
        heard(encode(tmp_path / "b.mp4", picture=True))


@pytest.mark.parametrize("form", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_a_list_of_other_files_is_not_followed(files, tmp_path, form):
    path = tmp_path / "a.wav"
    path.write_text(form.format(files["wav"]))
    with pytest.raises(AudioError, match="cannot be read as audio"):
        heard(path)


def test_channels_in_opposite_phase_do_not_cancel(tmp_path):
    loud, quiet = tone(440, 2, RATE), 0.05 * tone(1000, 2, RATE)
    for right, expected in ((-loud, loud), (-0.8 * loud + quiet, 0.9 * loud - quiet / 2), (quiet, (loud + quiet) / 2)):
        soundfile.write(tmp_path / "a.wav", np.stack([loud, right], axis=1), RATE, subtype="FLOAT")
        assert heard(tmp_path / "a.wav") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("offset", [0.1, -0.5])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_constant_in_the_signal_is_taken_out_and_leaves_no_step(tmp_path, offset, suffix):
    sound = 0.02 * tone(440, 3, RATE)
    path = write(tmp_path / f"a.{suffix}", sound + np.float32(offset))
    assert heard(path)[: 3 * RATE] == pytest.approx(sound, abs=1e-3)


def test_a_thump_that_dies_away_has_no_constant_taken_out(tmp_path):
    times = np.arange(RATE) / RATE
    thump = (np.sin(2 * np.pi * 40 * times) * np.exp(-30 * times)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", thump, RATE, subtype="FLOAT")
    assert heard(tmp_path / "a.wav").tobytes() == thump.tobytes()


def clicked(place, height):
    sound = 0.01 * tone(440, 25, RATE)
    sound[place] = height
    return sound


@pytest.mark.parametrize("place", [0, 8000, 10 * RATE - 1, 10 * RATE, 25 * RATE - 100])
@pytest.mark.parametrize("height", [0.99, -500.0])
def test_a_click_is_brought_down_to_what_is_around_it(tmp_path, place, height):
    sound = clicked(place, height)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    repaired = heard(tmp_path / "a.wav")
    assert np.abs(repaired).max() == pytest.approx(0.005, rel=0.01)
    untouched = np.abs(np.arange(len(sound)) - place) > 10
    np.testing.assert_array_equal(repaired[untouched], sound[untouched])


def test_the_beginning_of_a_drum_is_no_click(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.2, RATE) * np.exp(-np.arange(RATE) / 200)
    sound = np.concatenate([np.zeros(RATE), noise, 1e-3 * tone(440, 1, RATE), noise]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert heard(tmp_path / "a.wav").tobytes() == sound.tobytes()


def test_text_is_no_sound_and_libraries_say_nothing_of_their_own(tmp_path, capfd):
    (tmp_path / "a.mp3").write_text("not audio")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        heard(tmp_path / "a.mp3")
    assert capfd.readouterr().err == ""


def test_a_file_that_is_not_there_a_folder_and_an_impossible_name_say_so(tmp_path):
    for path, reason in ((tmp_path / "gone", "No such file"), (tmp_path, "is a folder"), ("a\0b", "cannot be read")):
        with pytest.raises(AudioError, match=reason):
            heard(path)


def test_standard_input_is_heard_as_the_file_is(files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(files["m4a"].read_bytes())))
    assert heard("-").tobytes() == heard(files["m4a"]).tobytes()


@pytest.mark.parametrize("suffix", ALL)
def test_damaged_files_are_answered_or_refused_in_one_line(files, tmp_path, capfd, suffix):
    random, path = np.random.default_rng(0), tmp_path / "a"
    for number in range(60):
        content = bytearray(files[suffix].read_bytes()[: 20_000 if number % 3 else None])
        for _ in range(random.integers(1, 9)):
            content[random.integers(300 if number % 2 else len(content))] = random.integers(256)
        path.write_bytes(content)
        try:
            assert all(np.isfinite(block).all() for block in decode(path, RATE))
        except AudioError as error:
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


def test_every_file_of_the_strange_ones_is_heard_to_its_end_or_says_why_not(monkeypatch):
    folder = ROOT.parent / "shared" / "strange-files"
    if not folder.is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the files of ../shared/strange-files are not here")
    monkeypatch.setenv("PATH", "")
    refused = set()
    for path in sorted(path for path in folder.rglob("*") if path.suffix not in ("", ".md", ".csv", ".yaml")):
        try:
            list(decode(path, RATE))
        except AudioError as error:
            refused.add(path.name)
            assert "is cut off" in str(error) or path.name == "._song.mp3"
    assert {name for name in refused if not name.startswith(("cut-", "._"))} == set()
    assert len([name for name in refused if name.startswith("cut-")]) == 8
