"""Instruments in the tags of songs."""

import json

import numpy as np
import pytest
import soundfile
from helpers import tone
from mutagen import id3
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import AudioError
from timbre.tools.tags import read_tags, write_tags


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".wav", ".m4a"])
def test_tags_have_the_instruments_and_the_audio_stays_the_same(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_sound(path)
    sound, size = packets(path), path.stat().st_size
    assert read_tags(path) == [] and path.stat().st_size == size
    write_tags(path, ["guitar", "bass guitar"])
    assert read_tags(path) == ["guitar", "bass guitar"] and packets(path) == sound
    write_tags(path, ["piano"])
    assert read_tags(path) == ["piano"] and packets(path) == sound
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def write_sound(path):
    """Write a second of sound in any format, with FFmpeg except for Vorbis, which PyAV cannot encode."""
    import av

    if path.suffix == ".ogg":
        soundfile.write(path, tone(440, 1, 44100), 44100)
        return
    codec = {".flac": "flac", ".mp3": "libmp3lame", ".wav": "pcm_s16le", ".m4a": "aac", ".aac": "aac"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec[path.suffix], rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray((tone(440, 1, 44100) * 32767).astype(np.int16)[None], "s16", "mono")
        sound.sample_rate = 44100
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))


def packets(path):
    """Return the compressed audio of a file, without tags."""
    import av

    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0)]


def test_tags_are_written_only_with_write_and_previous_values_are_kept(models, tmp_path):
    song, kept = tmp_path / "a.flac", tmp_path / "before.jsonl"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    command = ["tag", str(song), "--backup", str(kept), "--models", str(models)]
    before = song.read_bytes()
    result = CliRunner().invoke(app, command)
    assert "drums" in result.stdout and "nothing was written" in result.stderr
    assert song.read_bytes() == before and not kept.exists()
    write_tags(song, ["harp"])
    result = CliRunner().invoke(app, [*command, "--write"])
    assert result.exit_code == 0 and "(before: harp)" in result.stdout
    assert "drums" in read_tags(song) and json.loads(kept.read_text()) == {"file": str(song), "before": ["harp"]}
    CliRunner().invoke(app, [*command, "--write"])  # already tagged
    assert len(kept.read_text().splitlines()) == 1


def test_a_file_without_tags_costs_one_line_and_the_others_are_tagged(models, tmp_path):
    for name in ("a.flac", "b.aac", "c.flac"):
        write_sound(tmp_path / name)
    backup = tmp_path / "before.jsonl"
    command = ["tag", str(tmp_path), "--write", "--backup", str(backup), "--models", str(models)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if "b.aac" in line] == [
        f"{tmp_path}/b.aac: cannot be tagged: timbre can write no tags to files of this kind"
    ]
    assert all("drums" in read_tags(tmp_path / name) for name in ("a.flac", "c.flac"))
    files = [json.loads(line)["file"] for line in backup.read_text().splitlines()]
    assert files == [str(tmp_path / "a.flac"), str(tmp_path / "c.flac")]


@pytest.mark.parametrize("make_link", ["symlink_to", "hardlink_to"])
def test_a_link_stays_and_the_file_it_leads_to_is_tagged(tmp_path, make_link):
    (tmp_path / "songs").mkdir()
    song, link = tmp_path / "songs" / "a.flac", tmp_path / "link.flac"
    write_sound(song)
    getattr(link, make_link)(song)
    write_tags(link, ["drums"])
    assert read_tags(song) == ["drums"] and link.samefile(song)
    assert link.is_symlink() == (make_link == "symlink_to")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.flac", "link.flac", "songs"]


def test_a_file_in_a_cache_is_not_changed(tmp_path):
    cached, link = tmp_path / ("0" * 30), tmp_path / "a.flac"
    write_sound(link)
    content = link.read_bytes()
    link.rename(cached)
    link.symlink_to(cached)
    with pytest.raises(AudioError, match="links to a cache of DVC"):
        write_tags(link, ["drums"])
    assert cached.read_bytes() == content


@pytest.mark.parametrize("version", [3, 4])
def test_an_id3_tag_keeps_its_version_and_its_other_frames(tmp_path, version):
    path = tmp_path / "a.mp3"
    write_sound(path)
    tags = id3.ID3()
    frames = [id3.TYER(text="1999"), id3.TSOP(text="x")] if version == 3 else [id3.TDRC(text="1999-12")]
    for frame in (id3.TIT2(text="Title"), id3.TPE1(encoding=1, text=["A", "B"]), *frames):
        tags.add(frame)
    tags.save(path, v2_version=version, v23_sep=None)
    before = frames_of(path)
    write_tags(path, ["guitar", "bass guitar"])
    assert read_tags(path) == ["guitar", "bass guitar"]
    assert path.read_bytes()[:4] == b"ID3" + bytes([version])
    after = frames_of(path)
    assert len(after.pop("TXXX:INSTRUMENTS").text) == (1 if version == 3 else 2) and after == before


def frames_of(path):
    return dict(id3.ID3(path, translate=False))


def test_a_tag_in_a_streamed_wav_file_is_no_sound(tmp_path):
    path = tmp_path / "a.wav"
    write_sound(path)
    content, sound = bytearray(path.read_bytes()), packets(path)
    at = content.index(b"data")
    content[4:8] = content[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    write_tags(path, ["piano"])
    assert read_tags(path) == ["piano"] and packets(path) == sound


def test_the_backup_has_a_line_before_the_change_and_none_without_one(tmp_path, monkeypatch):
    path, backup = tmp_path / "a.flac", tmp_path / "before.jsonl"
    write_sound(path)
    seen = []

    def refuse(*_):
        seen.append(backup.read_text())
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("timbre.tools.tags._replace", refuse)
    with pytest.raises(AudioError, match=r"cannot be tagged \(Permission denied\)"):
        write_tags(path, ["piano"], backup)
    assert [json.loads(line)["before"] for line in seen] == [[]]
    assert backup.read_text() == "" and sorted(tmp_path.iterdir()) == [path, backup]


def test_the_error_for_a_file_that_cannot_be_tagged(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("no sound")
    with pytest.raises(AudioError, match="cannot be tagged: timbre can write no tags to files of this kind"):
        read_tags(tmp_path / "a.txt")
    soundfile.write(tmp_path / "a.flac", tone(440, 1, 8000), 8000)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("timbre.tools.tags.shutil.copy2", refuse)
    with pytest.raises(AudioError, match=r"cannot be tagged \(Permission denied\)"):
        write_tags(tmp_path / "a.flac", ["piano"])
