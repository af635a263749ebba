"""Tools for musicians: shares and words, queries, regions, cue points, tags, and resuming."""

import csv
import io
import json
import struct
import wave

import numpy as np
import pytest
import soundfile
from helpers import tone
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import AudioError, DataError
from timbre.songs.presence import first_heard, shares, solos, word
from timbre.tools.cues import write_cues
from timbre.tools.query import Query
from timbre.tools.regions import as_regions
from timbre.tools.resume import finished_songs
from timbre.tools.tags import read_tags, write_tags

NAMES = ("violin", "drums", "bass guitar", "not quite")
SECTIONS = [(0.0, 4.0, "violin"), (2.0, 8.0, "drums"), (6.5, 7.0, "bass guitar"), (9.0, 10.0, "violin")]


def test_shares_first_times_and_solos():
    assert shares([(0.0, 0.1, "violin")], 1000, NAMES)["violin"] == 0.001  # never 0 if it plays
    assert shares(SECTIONS, 10, NAMES) == {"violin": 0.5, "drums": 0.6, "bass guitar": 0.05, "not quite": 0}
    assert first_heard(SECTIONS) == {"violin": 0, "drums": 2, "bass guitar": 6.5}
    assert solos(SECTIONS) == [(0.0, 2.0, "violin"), (4.0, 6.5, "drums"), (7.0, 8.0, "drums"), (9.0, 10.0, "violin")]
    assert solos([(0.0, 1.0, "violin"), (1.0, 2.0, "violin"), (3.0, 3.5, "drums")]) == [(0.0, 2.0, "violin")]


def test_shares_in_words():
    words = [word(share) for share in (0, 0.01, 0.249, 0.25, 0.749, 0.75, 1)]
    assert words == ["absent", "now and then", "now and then", "often", "often", "throughout", "throughout"]


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        ("violin", [(0, 4), (9, 10)]),
        ("violin and not drums", [(0, 2), (9, 10)]),
        ("Violin AND drums", [(2, 4)]),
        ("not violin and not drums", [(8, 9)]),
        ("not (violin or drums)", [(8, 9)]),
        ("bass guitar or violin and drums", [(2, 4), (6.5, 7)]),
        ("(bass guitar or violin) and drums", [(2, 4), (6.5, 7)]),
        ("not quite", []),
        ("not not quite", [(0, 10)]),
    ],
)
def test_a_query_finds_spans(query, spans):
    assert Query(query, NAMES).spans(SECTIONS, 10) == [pytest.approx(span) for span in spans]


def test_short_spans_may_be_left_out():
    assert Query("drums and bass guitar", NAMES).spans(SECTIONS, 10, least=1) == []


@given(st.sets(st.integers(0, 99), max_size=40))
def test_a_query_and_its_negation_cover_the_song_once(steps):
    sections = [(step / 10, (step + 1) / 10, "violin") for step in sorted(steps)]
    spans = [*Query("violin", NAMES).spans(sections, 10), *Query("not violin", NAMES).spans(sections, 10)]
    assert sum(end - start for start, end in spans) == pytest.approx(10)
    assert len({start for start, _ in spans}) == len(spans)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "'the end' where an instrument"),
        ("violin and", "'the end' where an instrument"),
        ("and violin", "'and' where an instrument"),
        ("violin drums", "'drums' where an instrument"),
        ("(violin or drums", "'the end' where a \\) was expected"),
        ("violin)", "'\\)' where"),
        ("violins", "'violins' where an instrument \\(violin, drums, bass guitar, not quite\\)"),
    ],
)
def test_the_error_for_a_wrong_query_says_what_was_expected(query, reason):
    with pytest.raises(DataError, match=reason):
        Query(query, NAMES)


def test_regions_are_numbered_and_timed():
    rows = list(csv.DictReader(io.StringIO(as_regions([(0.0, 61.25, "violin"), (3600.5, 3601.0, "drums")]))))
    assert rows[0] == {"#": "R1", "Name": "violin", "Start": "0:00.000", "End": "1:01.250", "Length": "1:01.250"}
    assert rows[1]["Start"] == "60:00.500" and rows[1]["#"] == "R2"


def chunks(path):
    data, start, found = path.read_bytes(), 12, []
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    while start < len(data):
        name, length = struct.unpack("<4sI", data[start : start + 8])
        found.append((name, data[start + 8 : start + 8 + length]))
        start += 8 + length + length % 2
    return found


def test_a_copy_has_cue_points_and_the_same_sound(tmp_path):
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(source, tone(440, 1.5, 8000), 8000)
    before = source.read_bytes()
    write_cues(source, target, [(0.25, 1.0, "violin"), (0.5, 1.5, "drums")])
    assert source.read_bytes() == before
    assert dict(chunks(target))[b"data"] == dict(chunks(source))[b"data"]
    with wave.open(str(target)) as sound:
        assert sound.getnframes() == 12000
    points = dict(chunks(target))[b"cue "]
    assert struct.unpack("<III", points[:12]) == (2, 1, 2000) and struct.unpack("<I", points[24:28])[0] == 2000
    names = dict(chunks(target))[b"LIST"]
    assert b"labl\x0b\0\0\0\x01\0\0\0violin\0" in names
    assert b"ltxt\x14\0\0\0\x01\0\0\0" + struct.pack("<I", 6000) + b"rgn " in names
    again = tmp_path / "c.wav"
    write_cues(target, again, [(0.0, 1.0, "piano")])  # new cue points replace earlier ones
    assert [name for name, _ in chunks(again)].count(b"cue ") == 1 and b"violin" not in again.read_bytes()


def test_cue_points_need_a_wav_file(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(440, 1, 8000), 8000)
    with pytest.raises(AudioError, match="cue points go into copies of WAV files"):
        write_cues(tmp_path / "a.flac", tmp_path / "b.wav", [])


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_resume_skips_the_songs_in_earlier_output(models, tmp_path, form):
    for name in ("a", "b, c", "d"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    whole = ["predict", str(tmp_path), "--format", form, "--models", str(models)]
    output = CliRunner().invoke(app, whole).stdout
    lines = output.splitlines(keepends=True)
    earlier = tmp_path / "earlier.txt"
    assert CliRunner().invoke(app, [*whole, "--resume", str(earlier)]).stdout == output  # no such file yet
    earlier.write_text("".join(lines[:-1]) + lines[-1][:20])  # stopped within the last line
    rest = CliRunner().invoke(app, [*whole, "--resume", str(earlier)]).stdout
    assert rest == lines[-1]


def test_resume_refuses_a_file_of_another_kind(tmp_path):
    (tmp_path / "a.txt").write_text("hello\n")
    with pytest.raises(DataError, match="is not output of timbre predict"):
        finished_songs(tmp_path / "a.txt")


def test_find_searches_every_readable_song_and_a_bad_one_sets_the_exit_status(models, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    (tmp_path / "b.wav").write_text("no sound")
    result = CliRunner().invoke(app, ["find", "drums", str(tmp_path), "--models", str(models)])  # its threshold is 0
    assert result.exit_code == 1 and "b.wav: " in result.stderr
    assert result.stdout == f"{tmp_path / 'a.wav'}\t0:00.0\t0:03.0\n"


def test_regions_and_cues_may_go_into_one_folder(models, tmp_path):
    song = tmp_path / "a.wav"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    soundfile.write(tmp_path / "b.flac", np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    outputs = ["--regions", str(tmp_path / "out"), "--cues", str(tmp_path / "out"), "--models", str(models)]
    result = CliRunner().invoke(app, ["predict", str(song), str(tmp_path / "b.flac"), *outputs])
    assert result.exit_code == 1 and "b.flac: cue points go into copies of WAV files" in result.stderr
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["a.wav.cues.wav", "a.wav.regions.csv", "b.flac.regions.csv"]


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
    codec = {".flac": "flac", ".mp3": "libmp3lame", ".wav": "pcm_s16le", ".m4a": "aac"}
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


def test_the_error_for_a_file_that_cannot_be_tagged(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("no sound")
    with pytest.raises(AudioError, match="cannot be tagged: no kind of file"):
        read_tags(tmp_path / "a.txt")
    soundfile.write(tmp_path / "a.flac", tone(440, 1, 8000), 8000)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("timbre.tools.tags.shutil.copy2", refuse)
    with pytest.raises(AudioError, match=r"cannot be tagged \(Permission denied\)"):
        write_tags(tmp_path / "a.flac", ["piano"])


def test_sections_are_written_as_jams(models, tmp_path):
    jams = pytest.importorskip("jams")
    song = tmp_path / "a.wav"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    result = CliRunner().invoke(app, ["predict", str(song), "--jams", str(tmp_path / "out"), "--models", str(models)])
    assert result.exit_code == 0, result.output
    (annotation,) = jams.load(str(tmp_path / "out/a.wav.jams")).annotations
    assert annotation.namespace == "tag_open"
    assert ("drums", 0, 3) in {(entry.value, entry.time, entry.duration) for entry in annotation.data}
