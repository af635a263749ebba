"""Cue points in copies of WAV files."""

import struct
import wave

import pytest
import soundfile
from helpers import tone

from timbre.audio.decode import decode
from timbre.core.errors import AudioError
from timbre.tools.cues import write_cues

SECTIONS = [(0.25, 1.0, "violin"), (0.5, 1.5, "drums")]
OWN_POINT = struct.pack("<II4sIII", 1, 8000, b"data", 0, 0, 8000)
OWN_LABEL = b"labl" + struct.pack("<II", 14, 1) + b"good take\0"


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


def test_cue_points_need_a_wav_file(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(440, 1, 8000), 8000)
    with pytest.raises(AudioError, match="cue points need a WAV file"):
        write_cues(tmp_path / "a.flac", tmp_path / "b.wav", [])


@pytest.fixture
def write_wav(tmp_path):
    """Return a function that writes 1.5 s of sound with further chunks, and sizes of a stream if wanted."""

    def write(*further, size=None, form=b"RIFF"):
        path = tmp_path / "a.wav"
        soundfile.write(path, tone(440, 1.5, 8000), 8000)
        content = bytearray(path.read_bytes() + b"".join(chunk(*each) for each in further))
        content[4:8] = struct.pack("<I", len(content) - 8)
        if size is not None:
            content[4:8] = content[40:44] = struct.pack("<I", size)
        if form != b"RIFF":
            sizes = struct.pack("<QQQI", len(content) + 28, 24000, 12000, 0)
            content[:12] = form + b"\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes)
        path.write_bytes(content)
        return path

    return write


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def points_and_labels(path):
    """Return the sample and the label of each cue point."""
    content = dict(chunks(path))
    points, labels, start = content[b"cue "], {}, 4
    while start < len(content[b"LIST"]):
        name, size, number = struct.unpack("<4sII", content[b"LIST"][start : start + 12])
        if name == b"labl":
            labels[number] = content[b"LIST"][start + 12 : start + 8 + size].rstrip(b"\0").decode()
        start += 8 + size + size % 2
    unpacked = [struct.unpack("<II4sIII", points[at : at + 24]) for at in range(4, len(points), 24)]
    assert len({number for number, *_ in unpacked}) == len(unpacked) == struct.unpack("<I", points[:4])[0]
    return [(sample, labels[number]) for number, *_, sample in unpacked]


def test_cue_points_and_labels_of_the_file_are_kept(write_wav, tmp_path):
    note = b"note" + struct.pack("<II", 7, 1) + b"me\0"
    lists = [(b"LIST", b"adtl" + OWN_LABEL), (b"LIST", b"INFOISFT\4\0\0\0abc\0"), (b"LIST", b"adtl" + note)]
    source = write_wav((b"cue ", struct.pack("<I", 1) + OWN_POINT), *lists)
    write_cues(source, tmp_path / "b.wav", SECTIONS)
    assert points_and_labels(tmp_path / "b.wav") == [(8000, "good take"), (2000, "violin"), (4000, "drums")]
    content = (tmp_path / "b.wav").read_bytes()
    assert note in content and b"INFOISFT" in content
    write_cues(tmp_path / "b.wav", tmp_path / "c.wav", SECTIONS)  # no cue point is added twice
    assert (tmp_path / "c.wav").read_bytes() == content


def test_a_label_that_is_cut_off_takes_in_no_new_one(write_wav, tmp_path):
    source = write_wav(
        (b"cue ", struct.pack("<I", 1) + OWN_POINT), (b"LIST", b"adtl" + OWN_LABEL + b"labl\x40\0\0\0ab")
    )
    write_cues(source, tmp_path / "b.wav", SECTIONS)
    assert points_and_labels(tmp_path / "b.wav") == [(8000, "good take"), (2000, "violin"), (4000, "drums")]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0])
def test_the_copy_of_a_streamed_file_has_true_sizes(write_wav, tmp_path, size):
    write_cues(write_wav(size=size), tmp_path / "b.wav", SECTIONS)
    assert len(dict(chunks(tmp_path / "b.wav"))[b"data"]) == 24000
    assert points_and_labels(tmp_path / "b.wav") == [(2000, "violin"), (4000, "drums")]


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
def test_files_with_64_bit_sizes_stay_such_files(write_wav, tmp_path, form):
    write_cues(write_wav((b"iXML", b"1"), form=form), tmp_path / "b.wav", SECTIONS)
    content = (tmp_path / "b.wav").read_bytes()
    assert content[:16] == form + b"\xff\xff\xff\xffWAVEds64"
    assert struct.unpack("<QQQ", content[20:44]) == (len(content) - 8, 24000, 12000)
    assert sum(map(len, decode(tmp_path / "b.wav", 8000))) == 12000 and b"iXML\1\0\0\0001\0cue " in content
