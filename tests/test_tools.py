"""Tools for musicians: shares and words, queries, regions and resuming."""

import csv
import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from timbre.cli import app
from timbre.core.errors import DataError
from timbre.songs.presence import first_heard, shares, solos, word
from timbre.tools.query import Query
from timbre.tools.regions import as_regions
from timbre.tools.resume import finished_songs

NAMES = ("violin", "drums", "bass guitar", "not quite")
SECTIONS = [(0.0, 4.0, "violin"), (2.0, 8.0, "drums"), (6.5, 7.0, "bass guitar"), (9.0, 10.0, "violin")]


def test_shares_first_times_and_solos():
    assert shares([(0.0, 0.1, "violin")], 1000, NAMES)["violin"] == 0.001  # never 0 if it plays
    assert shares(SECTIONS, 10, NAMES) == {"violin": 0.5, "drums": 0.6, "bass guitar": 0.05, "not quite": 0}
    assert first_heard(SECTIONS) == {"violin": 0, "drums": 2, "bass guitar": 6.5}
    assert solos(SECTIONS) == [(0.0, 2.0, "violin"), (4.0, 6.5, "drums"), (7.0, 8.0, "drums"), (9.0, 10.0, "violin")]
    assert solos([(0.0, 1.0, "violin"), (1.0, 2.0, "violin"), (3.0, 3.5, "drums")]) == [(0.0, 2.0, "violin")]


def test_shares_in_words():
    words = [word(share, share > 0) for share in (0, 0.01, 0.249, 0.25, 0.749, 0.75, 1)]
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
    assert result.exit_code == 1 and "b.flac: cue points need a WAV file" in result.stderr
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["a.wav.cues.wav", "a.wav.regions.csv", "b.flac.regions.csv"]


def test_sections_are_written_as_jams(models, tmp_path):
    jams = pytest.importorskip("jams")
    song = tmp_path / "a.wav"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    result = CliRunner().invoke(app, ["predict", str(song), "--jams", str(tmp_path / "out"), "--models", str(models)])
    assert result.exit_code == 0, result.output
    (annotation,) = jams.load(str(tmp_path / "out/a.wav.jams")).annotations
    assert annotation.namespace == "tag_open"
    assert ("drums", 0, 3) in {(entry.value, entry.time, entry.duration) for entry in annotation.data}
