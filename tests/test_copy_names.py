"""The names of copies: below the target folder and different for different paths, on every disk."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timbre.core.errors import DataError
from timbre.sources.names import changed_names, copy_names, target_path

DISKS = {
    "any bytes": lambda name: name,
    "ignores case": str.upper,
    "ignores case by folding": str.casefold,
    "composes": lambda name: unicodedata.normalize("NFC", name),
    "decomposes and ignores case": lambda name: unicodedata.normalize("NFD", name).casefold(),
}
PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=300) | st.sampled_from(
    ["a", "A", "a__b", "b", "_", "é", "e\u0301", "ß", "ss", "CON", "nul.wav", "C:", "..", ".", "~", "a.wav", "a.WAV"]
)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def names_of(paths, taken=()):
    return copy_names({path: path for path in paths}, taken)


@given(st.sets(PATHS | st.text(), min_size=1, max_size=8), st.lists(PARTS, max_size=3))
@example({"a/b.wav", "a__b.wav", "A/b.wav"}, ["a__b.wav"])
@example({"../../etc/passwd", "/etc/passwd", "C:/Windows", "C:\\Windows", ""}, [])
def test_any_paths_get_different_names_below_the_target_on_any_disk_and_can_be_told(tmp_path_factory, paths, taken):
    names = names_of(paths, taken)
    assert names.keys() == paths
    folder = tmp_path_factory.getbasetemp()
    for name in names.values():
        assert target_path(folder, name).parent == folder
        assert 0 < len(name.encode()) <= 255 and len(unicodedata.normalize("NFD", name).encode()) <= 255
        assert name == os.fsdecode(os.fsencode(name)) and name[-1] not in ". " and not {*name} & {*'<>:"|?*/\\'}
    for disk in DISKS.values():
        on_disk = [disk(name) for name in names.values()]
        assert len({*on_disk}) == len(paths) and not {*on_disk} & {disk(name) for name in taken}
    changed = changed_names(names, {path: path for path in paths})
    assert {changed.get(name, name.replace("__", "/")) for name in names.values()} == paths


@given(st.sets(st.from_regex(r"[a-z]{1,9}(/[A-Za-z0-9 ().é-]{1,30}x){0,3}", fullmatch=True), min_size=1, max_size=5))
def test_a_path_without_problems_gives_a_name_that_does_not_depend_on_others(paths):
    names = names_of(paths)
    for path, name in names.items():
        if len({other.casefold() for other in paths}) == len(paths):
            assert name == names_of([path])[path]


def test_names_that_a_disk_takes_for_the_same_join_their_full_paths_and_then_a_hash():
    short_paths = {"train/guitar/0.wav": "guitar/0.wav", "test/guitar/0.wav": "guitar/0.wav", "train/a": "a"}
    assert list(copy_names(short_paths).values()) == ["train__guitar__0.wav", "test__guitar__0.wav", "a"]
    hashed = names_of(["guitar/a/b.wav", "guitar/a__b.wav"])
    assert hashed["guitar/a/b.wav"] == "guitar__a__b~cbf5a1c9cca19cbe.wav" != hashed["guitar/a__b.wav"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../a.wav", "leads outside the folder"),
        ("a/../../b.wav", "leads outside the folder"),
        ("/a.wav", "is an absolute path"),
        ("C:/a.wav", "names a drive"),
        ("..\\a.wav", "has a backslash"),
        ("", "is empty"),
        ("link/a.wav", "leads outside the folder through a link"),
    ],
)
def test_a_target_outside_the_folder_is_refused(tmp_path, name, fault):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/link").symlink_to(tmp_path)
    with pytest.raises(DataError, match=f"{fault}; rename it"):
        target_path(tmp_path / "raw", name)
