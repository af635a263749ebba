"""The audit of Kaggle's real metadata and of each kind of fault."""

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.tables import Clip, Issue, read_table, write_table
from timbre.dataset.audit import audit, require_every_class
from timbre.evaluation.data_report import count_faults
from timbre.labels.class_names import ClassNames

SHARED = Path(__file__).parents[2] / "shared"
KAGGLE, SAMPLE = SHARED / "kaggle", SHARED / "kaggle-sample"
FOLDERS = {"Train": "Train_submission/Train_submission", "Test": "Test_submission/Test_submission"}

needs_kaggle = pytest.mark.skipif(not KAGGLE.is_dir(), reason="../shared/kaggle is missing")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and names of any bytes need POSIX")
needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/kaggle-sample is missing")


def fill(raw, split, rows, files=None, folder=None):
    """Write metadata rows, given as text, and empty files (by default those that are listed)."""
    raw.joinpath(f"Metadata_{split}.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    if files is None:
        files = [line.split(",")[0] for line in rows.splitlines()[1:]]
    folder = raw / (folder or FOLDERS[split])
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        folder.joinpath(name).touch()
    return raw


def table(*rows):
    return "\n".join(["FileName,Class", *(",".join(row) for row in rows)]) + "\n"


def outcome(raw):
    """Return the labels by file name, and (file name, kind, action) of each issue."""
    clips, issues = audit(raw, INSTRUMENTS)
    labels = {Path(clip.file).name: clip.label for clip in clips}
    return labels, {(Path(issue.file).name, issue.kind, issue.action) for issue in issues}


def counts(clips):
    return Counter((clip.split, clip.label) for clip in clips)


def unaccounted(raw, clips, issues):
    """Return the metadata rows and files that are neither in a clip nor in an issue."""
    clip_files, issue_files = {clip.file for clip in clips}, {issue.file for issue in issues}
    issue_rows = {issue.row for issue in issues}
    files = [path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file() and path.parent != raw]
    lost = [file for file in files if file not in clip_files | issue_files]
    for split, folder in FOLDERS.items():
        with raw.joinpath(f"Metadata_{split}.csv").open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                location = f"Metadata_{split}.csv:{number}"
                if f"{folder}/{row['FileName']}" not in clip_files and location not in issue_rows:
                    lost.append(location)
    return lost


def fill_real_names(raw):
    """Write Kaggle's own metadata and empty files with its own names."""
    train = KAGGLE.joinpath("train_files.txt").read_text().splitlines()
    assert len(train) == 2627
    fill(raw, "Train", KAGGLE.joinpath("Metadata_Train.csv").read_bytes(), train)
    metadata = KAGGLE.joinpath("Metadata_Test.csv").read_bytes()
    return fill(raw, "Test", metadata, [line.split(",")[0] for line in metadata.decode().splitlines()[1:]])


@pytest.fixture(scope="module")
def real_names(tmp_path_factory):
    return fill_real_names(tmp_path_factory.mktemp("raw"))


@needs_kaggle
def test_kaggles_real_names_are_audited_correctly(real_names):
    clips, issues = audit(real_names, INSTRUMENTS)
    assert counts(clips) == {
        ("train", "guitar"): 700,
        ("train", "drums"): 699,
        ("train", "violin"): 697,
        ("train", "piano"): 527,
    } | {("test", label): 20 for label in INSTRUMENTS}
    assert count_faults(issues) == {
        "copied class": 700,
        "in test too": 3,
        "missing": 1,
        "misspelt class": 20,
        "several classes": 2,
        "unlisted": 700,
    }
    assert {issue.file for issue in issues if issue.kind == "in test too"} == {
        f"{FOLDERS['Train']}/Va-ord-{note}.wav" for note in ("F4-ff-2c", "F6-mf-1c", "G5-ff-1c")
    }
    assert unaccounted(real_names, clips, issues) == []
    assert clips == sorted(clips, key=lambda clip: clip.file)


@needs_kaggle
def test_every_unlisted_file_becomes_a_violin(real_names):
    clips, issues = audit(real_names, INSTRUMENTS)
    unlisted = {issue.file for issue in issues if issue.kind == "unlisted"}
    kept = {clip.file for clip in clips if clip.split == "train" and clip.label == "violin"}
    assert len(unlisted) == 700 and len(unlisted - kept) == 3
    assert not any("drum" in file.casefold() for file in unlisted)


@needs_sample
def test_the_sample_is_usable_once_silent_and_broken_files_are_gone():
    import soundfile

    def is_usable(file):
        try:
            waveform, _ = soundfile.read(SAMPLE / file)
        except soundfile.SoundFileError:
            return False
        return len(waveform) > 0 and np.isfinite(waveform).all() and np.abs(waveform).max() > 1e-3

    clips, issues = audit(SAMPLE, INSTRUMENTS)
    assert counts(clip for clip in clips if is_usable(clip.file)) == {
        ("train", "guitar"): 40,
        ("train", "drums"): 38,
        ("train", "violin"): 40,
        ("train", "piano"): 40,
    } | {("test", label): 8 for label in INSTRUMENTS}
    assert unaccounted(SAMPLE, clips, issues) == []


@pytest.mark.parametrize(
    ("metadata", "group"),
    [
        (b"FileName,Class\r\na.wav,Sound_Piano\r\n", ""),
        (b"\xef\xbb\xbfClass,filename\na.wav's neighbour,x\n", None),
        (b"\xef\xbb\xbfCLASS,file_name\nSound_Piano,a.wav\n\n", ""),
        (b" Group , Class , FileName\nsonata,piano,a.wav", "sonata"),
        (b"FileName;Class;Group\ra.wav;Pianos;sonata\r", "sonata"),
        (b'"FileName","Class","Remark"\n"a.wav","sound piano","good, loud"\n', ""),
    ],
)
def test_metadata_may_be_written_in_many_ways(tmp_path, metadata, group):
    fill(tmp_path, "Train", metadata, ["a.wav"])
    if group is None:
        with pytest.raises(DataError, match=r"Metadata_Train\.csv:2: x: class .* is none of"):
            audit(tmp_path, INSTRUMENTS)
    else:
        clips, _ = audit(tmp_path, INSTRUMENTS)
        assert [(clip.file, clip.label, clip.group) for clip in clips] == [
            (f"{FOLDERS['Train']}/a.wav", "piano", group)
        ]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "cannot be read .* FileName and Class"),
        (b"", "no column filename and no class"),
        (b"File,Class\na.wav,piano\n", "no column filename"),
        (b"FileName,Class\n\n,\n", "has no rows"),
        ("FileName,Class\na.wav,flöte\n".encode("cp1252"), r":2: a\.wav: class 'flöte' is none of"),
        (b"\x81FileName,Class\na.wav,piano\xff\n", "neither UTF-8 nor Windows text; save it as CSV UTF-8"),
        (b"FileName,Class\na.wav,Sound_Trap\n", r":2: a\.wav: class 'Sound_Trap' is none of guitar"),
        (b"FileName,Class\na.wav\n", r":2: a\.wav: class ''"),
        (b"FileName,Class,Weight\na.wav,piano,0.5\n", r":2: a\.wav: weight '0\.5' is not a whole number from 1 to 100"),
        (b"FileName,Class\n" + b"x" * 200_000 + b",piano\n", "not CSV"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_with_its_location(tmp_path, metadata, message):
    fill(tmp_path, "Train", metadata or b"", ["a.wav"])
    if metadata is None:
        tmp_path.joinpath("Metadata_Train.csv").unlink()
    with pytest.raises(DataError, match=rf"Metadata_Train\.csv.*{message}"):
        audit(tmp_path, INSTRUMENTS)


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("Sound_Guiatr", "guitar"),
        ("SOUND DRUM", "drums"),
        ("percussion", "drums"),
        ("Voilin", "violin"),
        ("sound-paino_2", "piano"),
        ("E-Guitar", "guitar"),
    ],
)
def test_misspelt_class_names_are_matched(name, instrument):
    assert ClassNames(INSTRUMENTS).match(name) == instrument


@pytest.mark.parametrize("name", ["", "Sound_", "flöte", "trap", "guitar and piano"])
def test_an_unknown_class_is_refused(name):
    with pytest.raises(DataError, match="none of"):
        ClassNames(INSTRUMENTS).match(name)


@pytest.mark.parametrize("name", ["viola", "Sound_Violas", "flute", "bass"])
def test_known_instruments_that_are_not_listed_count_as_other(name):
    labels = ClassNames(INSTRUMENTS)
    assert labels.match(name) == OTHER and labels.is_not_asked_for(name)


def test_similar_instrument_names_are_not_confused():
    labels = ClassNames(["bass", "brass", "Moog 1", "Moog 2"])
    assert [labels.match(name) for name in ("Bass", "sound_brass", "moog_1", "MOOG-2")] == list(labels.instruments)
    with pytest.raises(DataError, match="none of"):
        labels.match("moog")


def test_a_class_that_is_not_listed_gives_an_issue(tmp_path):
    rows = table(("a.wav", "piano"), ("b.wav", "flute"))
    clips, issues = audit(fill(tmp_path, "Train", rows, ["a.wav", "b.wav"]), ["piano", "cello"])
    assert [clip.label for clip in clips] == ["piano", OTHER]
    assert [(issue.kind, issue.action, issue.row) for issue in issues] == [
        ("class not asked for", "reported", "Metadata_Train.csv:3")
    ]


@pytest.mark.parametrize("first", ["violin", "drum"])
def test_file_names_tell_which_of_two_classes_with_the_same_files_is_the_copy(tmp_path, first):
    second = {"violin": "drum", "drum": "violin"}[first]
    names = ["violin 1.wav", "violin 2.wav", "x.wav"]
    rows = [(name, label) for label in (first, second) for name in names]
    rows += [("g.wav", "guitar"), ("p.wav", "piano")]
    fill(tmp_path, "Train", table(*rows), [*names, "g.wav", "p.wav", "y.wav"])
    labels, issues = outcome(tmp_path)
    assert labels == dict.fromkeys(names, "violin") | {"g.wav": "guitar", "p.wav": "piano", "y.wav": "drums"}
    assert ("y.wav", "unlisted", "repaired") in issues


def test_if_names_do_not_tell_the_later_class_is_the_copy(tmp_path):
    rows = [(name, label) for label in ("piano", "guitar") for name in ("a.wav", "b.wav")]
    labels, issues = outcome(fill(tmp_path, "Train", table(*rows)))
    assert labels == {"a.wav": "piano", "b.wav": "piano"}
    assert {kind for _, kind, _ in issues} == {"copied class"}


def test_a_class_within_a_larger_one_is_the_copy_unless_file_names_mention_it(tmp_path):
    rows = [("a.wav", "violin"), ("b.wav", "piano"), ("a.wav", "piano"), ("c.wav", "piano")]
    assert outcome(fill(tmp_path, "Train", table(*rows)))[0] == dict.fromkeys(["a.wav", "b.wav", "c.wav"], "piano")
    named = [(name.replace("a.wav", "my violin.wav"), label) for name, label in rows]
    labels, _ = outcome(fill(tmp_path, "Train", table(*named)))
    assert labels["my violin.wav"] == "violin"
    assert labels["b.wav"] == "piano"


def test_unlisted_files_get_no_class_if_two_classes_lack_rows(tmp_path):
    rows = [(name, label) for label in ("drum", "violin") for name in ("drum 1.wav", "drum 2.wav")]
    fill(tmp_path, "Train", table(*rows, ("g.wav", "guitar")), ["drum 1.wav", "drum 2.wav", "g.wav", "y.wav"])
    labels, issues = outcome(tmp_path)  # neither violin nor piano has a row left
    assert "y.wav" not in labels
    assert ("y.wav", "unlisted", "reported") in issues


def test_unlisted_files_get_no_class_that_never_had_rows(tmp_path):
    rows = [("d.wav", "drum"), ("g.wav", "guitar"), ("p.wav", "piano")]
    labels, issues = outcome(fill(tmp_path, "Train", table(*rows), ["d.wav", "g.wav", "p.wav", "violin.wav"]))
    assert set(labels) == {"d.wav", "g.wav", "p.wav"}
    assert issues == {("violin.wav", "unlisted", "reported")}


def test_each_fault_gives_one_issue_and_affects_nothing_else(tmp_path):
    rows = [
        ("good.WAV", "piano"),
        ("both.wav", "piano"),
        ("both.wav", "guitar"),
        ("twice.flac", "guitar"),
        ("twice.flac", "guitar"),
        ("gone.wav", "drum"),
        ("drum.ogg", "drum"),
        ("", "drum"),
        ("LOUD.wav", "durms"),
        ("cover.jpg", "drum"),
    ]
    files = ["good.WAV", "both.wav", "twice.flac", "drum.ogg", "loud.wav", "cover.jpg", ".hidden.wav", "extra.mp3"]
    fill(tmp_path, "Train", table(*rows), files)
    tmp_path.joinpath("Train_submission/stray.wav").touch()
    labels, issues = outcome(tmp_path)
    assert labels == {"good.WAV": "piano", "twice.flac": "guitar", "drum.ogg": "drums", "loud.wav": "drums"}
    assert issues == {
        ("both.wav", "several classes", "dropped"),
        ("twice.flac", "listed twice", "reported"),
        ("gone.wav", "missing", "dropped"),
        ("", "no file name", "dropped"),
        ("LOUD.wav", "misspelt class", "repaired"),
        ("loud.wav", "differently written name", "repaired"),
        ("cover.jpg", "missing", "dropped"),
        ("cover.jpg", "not audio", "reported"),
        (".hidden.wav", "not audio", "reported"),
        ("extra.mp3", "unlisted", "reported"),
        ("stray.wav", "outside the folder", "reported"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        "/etc/secret.wav",
        "sub/secret.wav",
        "..\\secret.wav",
        "C:secret.wav",
        "\0.wav",
        "..",
        "a\x1b.wav",
    ],
)
def test_names_never_lead_outside_the_folder(tmp_path, name):
    raw = tmp_path / "raw"
    raw.mkdir()
    fill(raw, "Train", table(("a.wav", "piano"), (name, "piano")), ["a.wav"])
    raw.joinpath("Train_submission/secret.wav").touch()
    clips, issues = audit(raw, INSTRUMENTS)
    assert [clip.file for clip in clips] == [f"{FOLDERS['Train']}/a.wav"]
    assert [(issue.kind, issue.action, issue.row) for issue in issues if issue.row] == [
        ("unsafe name", "dropped", "Metadata_Train.csv:3")
    ]
    assert all(char.isprintable() for issue in issues for char in issue.file)


@needs_posix
def test_links_may_lead_into_dvcs_cache_but_not_elsewhere_outside_the_folder(tmp_path):
    raw, cached = tmp_path / "raw", tmp_path / "cache/files/md5/ab" / ("c" * 30)
    raw.mkdir()
    names = ["cached.wav", "secret.wav", "broken.wav", "inside.wav"]
    fill(raw, "Train", table(*((name, "piano") for name in [*names, "a.wav", "pipe.wav"])), ["a.wav"])
    cached.parent.mkdir(parents=True)
    cached.touch()
    tmp_path.joinpath("secret.wav").touch()
    folder = raw / FOLDERS["Train"]
    for name, target in zip(names, [cached, tmp_path / "secret.wav", tmp_path / "none", folder / "a.wav"], strict=True):
        folder.joinpath(name).symlink_to(target)
    os.mkfifo(folder / "pipe.wav")
    clips, issues = audit(raw, INSTRUMENTS)
    assert [Path(clip.file).name for clip in clips] == ["a.wav", "cached.wav", "inside.wav"]
    unsafe = {Path(issue.file).name for issue in issues if issue.kind == "unsafe name"}
    assert unsafe == {"secret.wav", "broken.wav", "pipe.wav"}


@needs_posix
def test_issues_with_unprintable_names_can_be_written_and_read(tmp_path):
    fill(tmp_path, "Train", table(("a.wav", "piano"), ("b\x00\u2028.wav", "piano")), ["a.wav"])
    os.close(os.open(os.fsencode(tmp_path / FOLDERS["Train"]) + b"/\xff\n.wav", os.O_CREAT | os.O_WRONLY))
    _, issues = audit(tmp_path, INSTRUMENTS)
    write_table(tmp_path / "issues.csv", issues, Issue)
    assert read_table(tmp_path / "issues.csv", Issue) == issues
    assert len(issues) == 2


def test_the_folder_may_be_single_and_test_may_be_missing(tmp_path):
    fill(tmp_path, "Train", table(("a.wav", "piano")), folder="Train_submission")
    assert [(clip.file, clip.split) for clip in audit(tmp_path, INSTRUMENTS)[0]] == [
        ("Train_submission/a.wav", "train")
    ]


def test_a_missing_train_folder_is_an_error(tmp_path):
    tmp_path.joinpath("Metadata_Train.csv").write_text(table(("a.wav", "piano")))
    with pytest.raises(DataError, match="Train_submission: not there"):
        audit(tmp_path, INSTRUMENTS)


KAGGLES = [f"{name}{take}.wav" for name in ("AR_Lick1_", "RealDrum01_", "Vn-ord-F4-") for take in (1, 2)]


@pytest.mark.parametrize("are_kaggles", [True, False])
def test_of_kaggles_files_test_keeps_a_name_that_is_in_both(tmp_path, are_kaggles):
    names = [*(KAGGLES if are_kaggles else []), "a.wav", "b.wav"]
    fill(tmp_path, "Train", table(*((name, "piano") for name in names)))
    clips, issues = audit(fill(tmp_path, "Test", table(("a.wav", "piano"))), INSTRUMENTS)
    assert len(clips) == len(names) + (not are_kaggles)
    dropped = [(f"{FOLDERS['Train']}/a.wav", "in test too")] if are_kaggles else []
    assert [(issue.file, issue.kind) for issue in issues] == dropped


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.wav,piano,x,", "says the same as Metadata_Train.csv:2; counted once"),
        ("a.wav,piano,y,", "names the file of Metadata_Train.csv:2 with another group; keep one of the rows"),
        (
            "A.WAV,piano,,test",
            "names the file of Metadata_Train.csv:2 with another group and split; keep one of the rows",
        ),
    ],
)
def test_a_row_listed_twice_gives_the_right_reason(tmp_path, row, reason):
    fill(tmp_path, "Train", f"FileName,Class,Group,Split\na.wav,piano,x,\n{row}\n", ["a.wav"])
    _, issues = audit(tmp_path, INSTRUMENTS)
    assert [issue.reason for issue in issues if issue.kind == "listed twice"] == [reason]


def test_a_row_may_name_the_split(tmp_path):
    rows = [("a.wav", "train"), ("b.wav", "Validation"), ("c.wav", "test"), ("d.wav", "")]
    text = "\n".join(["FileName,Class,Split", *(f"{name},piano,{split}" for name, split in rows)])
    clips, _ = audit(fill(tmp_path, "Train", text), INSTRUMENTS)
    assert [clip.split for clip in clips] == ["train", "validation", "test", "train"]
    fill(tmp_path, "Train", text.replace("Validation", "other"))
    with pytest.raises(DataError, match=r":3: b\.wav: split 'other' is none of train, validation, test"):
        audit(tmp_path, INSTRUMENTS)


def test_a_class_without_clips_is_an_error_that_says_why_they_were_dropped(tmp_path):
    rows = [("g.wav", "guitar"), ("d.wav", "drum"), ("v.wav", "violin"), ("p.wav", "piano")]
    clips, issues = audit(fill(tmp_path, "Train", table(*rows), ["g.wav", "d.wav", "v.wav"]), INSTRUMENTS)
    require_every_class(INSTRUMENTS, [*clips, Clip("p2.wav", "piano", "train")], issues)
    with pytest.raises(DataError, match=r"no usable piano clip \(1 were dropped, such as p.wav: listed, but"):
        require_every_class(INSTRUMENTS, clips, issues)


@pytest.mark.parametrize(
    ("listed", "there", "reason"),
    [
        ("Train_submission/p{}.wav", "p{}.wav", r"3 were dropped, such as Train_submission/p0.wav: a path; only"),
        ("p{}", "p{}.wav", r"3 were dropped, such as p0: listed without its suffix; p0.wav is there"),
        ("p{}.txt", "p{}.txt", r"3 were dropped, such as p0.txt: its name has no suffix of audio or video"),
        ("p{}.wav", "../p{}.wav", r"3 were dropped, such as p0.wav: not in Train_submission/Train_submission"),
        ("g{}.wav", "p{}.wav", r"3 were reported, such as Train_.*/p0.wav: no row names it"),
    ],
)
def test_the_most_frequent_reason_is_given(tmp_path, listed, there, reason):
    rows = [(f"{label[0]}{take}.wav", label) for label in INSTRUMENTS[:3] for take in range(3)]
    pianos = [(listed.format(take), "guitar" if listed[0] == "g" else "piano") for take in range(3)]
    files = [name for name, _ in rows] + [there.format(take) for take in range(3)]
    fill(tmp_path, "Train", table(*rows, *(row for row in pianos if row not in rows)), files)
    with pytest.raises(DataError, match=rf"no usable piano clip \({reason}"):
        require_every_class(INSTRUMENTS, *audit(tmp_path, INSTRUMENTS))


def test_the_reason_is_that_of_the_instrument_which_is_missing():
    clips = [Clip(f"{label}{take}.wav", label, "train") for label in INSTRUMENTS for take in range(3)]
    broken = [
        Issue(clip.file, "unusable audio", "dropped", "cannot be read") for clip in clips if clip.label == "drums"
    ]
    silent = [Issue(clip.file, "unusable audio", "dropped", "is silent") for clip in clips if clip.label == "piano"]
    left = [clip for clip in clips if clip.label != "piano" and clip.file != "drums0.wav"]
    with pytest.raises(DataError, match=r"no usable piano clip \(3 were dropped, such as piano0\.wav: is silent\)"):
        require_every_class(INSTRUMENTS, left, [*broken, *silent], clips)
