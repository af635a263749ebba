"""Packed arrays: many rows of one shape in one `.npy` file, written as a stream and read as a memory map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from timbre.errors import DataError


@contextmanager
def pack_writer(path: Path, row_shape: tuple[int, ...], dtype: str) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends `[rows, *row_shape]` arrays; the row count is set when the block ends."""
    count = 0

    def header() -> None:
        shape = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False}
        # NumPy leaves room in the header for the first axis to grow to any length.
        np.lib.format.write_array_header_1_0(file, {**shape, "shape": (count, *row_shape)})

    def append(rows: np.ndarray) -> None:
        nonlocal count
        if rows.shape[1:] != row_shape:
            raise ValueError(f"rows of shape {rows.shape[1:]} do not fit a pack of {row_shape}")
        file.write(np.ascontiguousarray(rows, dtype=dtype).tobytes())
        count += len(rows)

    with path.open("wb") as file:
        header()
        yield append
        file.seek(0)
        header()


def open_pack(path: Path) -> np.ndarray:
    """Map a pack into memory, read-only: `[rows, *row_shape]`.

    Raises:
        DataError: the file is missing or no pack.
    """
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run dvc repro") from error
