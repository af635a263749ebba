"""Packed arrays: many rows of one shape in one `.npy` file, written row by row and read as a memory map."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from timbre.core.errors import DataError
from timbre.core.files import CHUNK

_HEADERS = threading.Lock()  # NumPy parses headers with ast, which fails in several threads: python/cpython#106905


class ArrayWriter:
    """Append rows to a pack, from memory or from files.

    Args:
        file: the pack, open for writing.
        row_shape: shape of each row.
        dtype: NumPy type of the values.
    """

    def __init__(self, file: IO[bytes], row_shape: tuple[int, ...], dtype: str) -> None:
        self.file, self.row_shape, self.dtype, self.count = file, row_shape, np.dtype(dtype), 0

    def append(self, rows: np.ndarray) -> None:
        """Append rows `[rows, *row_shape]`.

        Raises:
            ValueError: the rows have another shape.
        """
        if rows.shape[1:] != self.row_shape:
            raise ValueError(f"rows of shape {rows.shape[1:]} do not fit a pack of {self.row_shape}")
        self.file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        self.count += len(rows)

    def append_file(self, path: Path, count: int) -> None:
        """Append the `count` rows of a file that contains only their bytes, in this pack's type.

        Raises:
            ValueError: the file has another size.
        """
        size = count * self.dtype.itemsize * int(np.prod(self.row_shape))
        if path.stat().st_size != size:
            raise ValueError(f"{path}: {count} rows are {size} bytes, not {path.stat().st_size}")
        with path.open("rb") as part:
            shutil.copyfileobj(part, self.file, CHUNK)
        self.count += count

    def write_header(self) -> None:
        """Write the file's header with the number of rows. Its size does not depend on that number."""
        shape = {"shape": (self.count, *self.row_shape), "fortran_order": False}
        self.file.seek(0)
        np.lib.format.write_array_header_1_0(self.file, {"descr": np.lib.format.dtype_to_descr(self.dtype), **shape})


@contextmanager
def array_writer(path: Path, row_shape: tuple[int, ...], dtype: str) -> Iterator[ArrayWriter]:
    """Yield an `ArrayWriter` for a new pack. The number of rows is written when the block ends."""
    with path.open("wb") as file:
        writer = ArrayWriter(file, row_shape, dtype)
        writer.write_header()
        yield writer
        writer.write_header()


def open_array(path: Path) -> np.ndarray:
    """Map a pack `[rows, *row_shape]` into memory, read-only.

    Raises:
        DataError: the file is missing or is not a pack.
    """
    try:
        with _HEADERS:
            return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run dvc repro") from error
