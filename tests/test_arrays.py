import numpy as np
import pytest

from timbre.core.errors import DataError
from timbre.features.arrays import array_writer, open_array


@pytest.mark.parametrize("chunks", [[], [3], [1, 0, 2, 5], [1] * 1000])
def test_a_pack_has_the_rows_that_were_appended_in_any_chunks(tmp_path, chunks):
    rows = np.arange(sum(chunks) * 6, dtype=np.float16).reshape(-1, 2, 3)
    with array_writer(tmp_path / "a.npy", (2, 3), "float16") as pack:
        for chunk in np.split(rows, np.cumsum(chunks)[:-1]) if chunks else []:
            pack.append(chunk)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)
    if len(rows):
        np.testing.assert_array_equal(open_array(tmp_path / "a.npy"), rows)


def test_rows_are_appended_from_files_and_a_file_of_another_size_is_refused(tmp_path):
    rows = np.arange(24, dtype=np.int16).reshape(4, 6)
    (tmp_path / "part").write_bytes(rows[1:3].tobytes())
    with array_writer(tmp_path / "a.npy", (6,), "int16") as pack:
        pack.append(rows[:1])
        pack.append_file(tmp_path / "part", 2)
        pack.append(rows[3:])
        with pytest.raises(ValueError, match="part: 1 rows are 12 bytes, not 24"):
            pack.append_file(tmp_path / "part", 1)
    np.testing.assert_array_equal(open_array(tmp_path / "a.npy"), rows)


def test_rows_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match="do not fit"), array_writer(tmp_path / "a.npy", (2, 3), "float16") as pack:
        pack.append(np.zeros((1, 3, 2)))


def test_a_missing_or_damaged_pack_is_named(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    for name in ("a.npy", "b.npy"):
        with pytest.raises(DataError, match=name):
            open_array(tmp_path / name)
