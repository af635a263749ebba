"""Decoding of all formats, and of files that are cut off, joined, damaged, or have faults of recorders and cables."""

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


def decoded(path):
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
def test_every_format_is_decoded_to_its_end_whatever_its_name(files, tmp_path, suffix, monkeypatch):
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "a.mp3"
    path.write_bytes(files[suffix].read_bytes())
    sound = decoded(path)
    assert len(sound) == pytest.approx(6 * RATE, abs=0.2 * RATE)
    assert hertz(sound) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("suffix", ALL)
def test_a_cut_off_file_is_refused(files, tmp_path, capfd, suffix):
    content = files[suffix].read_bytes()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(AudioError, match="is cut off"):
        decoded(path)
    assert capfd.readouterr().err == ""


def test_a_cut_off_fragmented_mp4_is_refused(tmp_path):
    path = encode(tmp_path / "a.m4a", tone(440, 6, RATE), movflags="frag_keyframe+empty_moov", frag_duration=1_000_000)
    assert len(decoded(path)) == pytest.approx(6 * RATE, abs=0.2 * RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="is cut off"):
        decoded(path)


def test_the_error_gives_the_decoded_and_the_declared_seconds(files, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(files["wav"].read_bytes()[: 44 + 2 * RATE * 2])
    with pytest.raises(AudioError, match=r"is cut off: 2\.0 of 5\.9 s are there"):
        decoded(path)


@pytest.mark.parametrize(
    "note",
    [b"TAG" + bytes(125), b"APETAGEX\xd0\x07\0\0" + bytes(range(256)) * 4, b"\0" * 2000],
    ids=["ID3v1", "APE", "0"],
)
@pytest.mark.parametrize("suffix", ["mp3", "aac", "flac", "wav"])
def test_a_players_tag_at_the_end_does_not_make_a_file_cut_off(files, tmp_path, suffix, note):
    path = tmp_path / "a"
    path.write_bytes(files[suffix].read_bytes() + note)
    assert len(decoded(path)) == pytest.approx(6 * RATE, abs=0.2 * RATE)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus", "flac", "aac"])
def test_files_joined_end_to_end_are_decoded_to_the_end(files, tmp_path, suffix):
    path = tmp_path / "a"
    path.write_bytes(files[suffix].read_bytes() + write(tmp_path / f"b.{suffix}", tone(880, 6, RATE)).read_bytes())
    sound = decoded(path)
    assert len(sound) == pytest.approx(12 * RATE, abs=0.5 * RATE)
    assert hertz(sound[7 * RATE :]) == pytest.approx(880, abs=2)


def test_joined_files_of_different_sample_rates_are_refused_with_the_second_at_which_decoding_stops(tmp_path):
    for name, rate in (("a", 8000), ("b", 32000)):
        soundfile.write(tmp_path / f"{name}.ogg", tone(440, 3, rate), rate)
    chain = tmp_path / "chain.ogg"
    chain.write_bytes((tmp_path / "a.ogg").read_bytes() + (tmp_path / "b.ogg").read_bytes())
    with pytest.raises(AudioError, match=r"cannot be read beyond 3\.0 s"):
        decoded(chain)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_with_an_unfinished_header_is_decoded(files, tmp_path, size):
    content = bytearray(files["wav"].read_bytes())
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert decoded(path).tobytes() == decoded(files["wav"]).tobytes()


def test_an_mp3_is_decoded_beyond_the_length_in_its_tag(files, tmp_path):
    content = bytearray(encode(tmp_path / "a.mp3", tone(440, 6, RATE)).read_bytes())
    field = max(content.find(b"Info"), content.find(b"Xing")) + 8
    content[field : field + 4] = (10).to_bytes(4)
    (tmp_path / "a.mp3").write_bytes(content)
    assert len(decoded(tmp_path / "a.mp3")) == pytest.approx(6 * RATE, abs=0.2 * RATE)


def test_a_damaged_middle_is_skipped(files, tmp_path):
    content = bytearray(files["flac"].read_bytes())
    content[len(content) // 2 : len(content) // 2 + 500] = bytes(500)
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    sound = decoded(path)
    assert len(sound) == pytest.approx(6 * RATE, abs=0.5 * RATE)
    assert hertz(sound) == pytest.approx(440, abs=2)


def test_the_size_of_a_bare_ac3_frame_is_read_from_its_header(files):
    content = files["ac3"].read_bytes()
    assert declared_length(io.BytesIO(content)).end == len(content)
    assert declared_length(io.BytesIO(content[:-1])).end == len(content)


def test_tracks_are_mixed(tmp_path):
    silent, low, high = np.zeros(3 * RATE, np.float32), tone(300, 3, RATE), tone(2000, 2, RATE)
    sound = decoded(encode(tmp_path / "a.mkv", silent, low, high, codec="aac"))
    assert len(sound) == pytest.approx(3 * RATE, abs=0.1 * RATE)
    spectrum = np.abs(np.fft.rfft(sound[RATE // 2 : 3 * RATE // 2]))
    assert sorted(spectrum.argsort()[-2:].tolist()) == [300, 2000]
    with opened(tmp_path / "a.mkv") as file:
        list(file.blocks(RATE))
    assert (file.sample_rate, file.channels) == (RATE, 1)


def test_a_low_frequency_channel_is_decoded(tmp_path):
    sound = np.zeros((2 * RATE, 6), np.float32)
    sound[:, 3] = tone(100, 2, RATE)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    assert decoded(tmp_path / "a.wav") == pytest.approx(sound[:, 3] / 6, abs=1e-4)


def test_pictures_are_ignored(tmp_path):
    assert len(decoded(encode(tmp_path / "a.mp4", tone(440, 2, RATE), picture=True))) == pytest.approx(
        2 * RATE, abs=0.2 * RATE
    )
    with pytest.raises(AudioError, match="holds no sound"):
        decoded(encode(tmp_path / "b.mp4", picture=True))


@pytest.mark.parametrize("form", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_a_playlist_is_not_followed(files, tmp_path, form):
    path = tmp_path / "a.wav"
    path.write_text(form.format(files["wav"]))
    with pytest.raises(AudioError, match="cannot be read as audio"):
        decoded(path)


def test_channels_in_opposite_phase_do_not_cancel(tmp_path):
    loud, quiet = tone(440, 2, RATE), 0.05 * tone(1000, 2, RATE)
    for right, expected in ((-loud, loud), (-0.8 * loud + quiet, 0.9 * loud - quiet / 2), (quiet, (loud + quiet) / 2)):
        soundfile.write(tmp_path / "a.wav", np.stack([loud, right], axis=1), RATE, subtype="FLOAT")
        assert decoded(tmp_path / "a.wav") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("offset", [0.1, -0.5])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_constant_offset_is_removed_without_a_step(tmp_path, offset, suffix):
    sound = 0.02 * tone(440, 3, RATE)
    path = write(tmp_path / f"a.{suffix}", sound + np.float32(offset))
    assert decoded(path)[: 3 * RATE] == pytest.approx(sound, abs=1e-3)


def test_a_decaying_thump_is_not_changed(tmp_path):
    times = np.arange(RATE) / RATE
    thump = (np.sin(2 * np.pi * 40 * times) * np.exp(-30 * times)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", thump, RATE, subtype="FLOAT")
    assert decoded(tmp_path / "a.wav").tobytes() == thump.tobytes()


def clicked(index, height):
    sound = 0.01 * tone(440, 25, RATE)
    sound[index] = height
    return sound


@pytest.mark.parametrize("index", [0, 8000, 10 * RATE - 1, 10 * RATE, 25 * RATE - 100])
@pytest.mark.parametrize("height", [0.99, -500.0])
def test_a_click_is_limited_to_the_level_around_it(tmp_path, index, height):
    sound = clicked(index, height)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    repaired = decoded(tmp_path / "a.wav")
    assert np.abs(repaired).max() == pytest.approx(0.005, rel=0.01)
    untouched = np.abs(np.arange(len(sound)) - index) > 10
    np.testing.assert_array_equal(repaired[untouched], sound[untouched])


def test_the_start_of_a_drum_hit_is_not_a_click(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.2, RATE) * np.exp(-np.arange(RATE) / 200)
    sound = np.concatenate([np.zeros(RATE), noise, 1e-3 * tone(440, 1, RATE), noise]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert decoded(tmp_path / "a.wav").tobytes() == sound.tobytes()


def test_text_is_refused_and_libraries_print_nothing(tmp_path, capfd):
    (tmp_path / "a.mp3").write_text("not audio")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        decoded(tmp_path / "a.mp3")
    assert capfd.readouterr().err == ""


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path):
    for path, reason in ((tmp_path / "gone", "No such file"), (tmp_path, "is a folder"), ("a\0b", "cannot be read")):
        with pytest.raises(AudioError, match=reason):
            decoded(path)


def test_standard_input_decodes_like_the_file(files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(files["m4a"].read_bytes())))
    assert decoded("-").tobytes() == decoded(files["m4a"]).tobytes()


@pytest.mark.parametrize("suffix", ALL)
def test_damaged_files_are_decoded_or_refused_in_one_line(files, tmp_path, capfd, suffix):
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


def test_every_strange_file_is_decoded_to_its_end_or_refused_as_cut_off(monkeypatch):
    folder = ROOT.parent / "shared" / "strange-files"
    if not folder.is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("../shared/strange-files is missing")
    monkeypatch.setenv("PATH", "")
    refused = set()
    for path in sorted(path for path in folder.rglob("*") if path.suffix not in ("", ".md", ".csv", ".yaml", ".zip")):
        try:
            list(decode(path, RATE))
        except AudioError as error:
            refused.add(path.name)
            assert "is cut off" in str(error) or path.name == "._song.mp3"
    assert {name for name in refused if not name.startswith(("cut-", "first-half", "._"))} == set()
    assert len([name for name in refused if name.startswith("cut-")]) == 8
