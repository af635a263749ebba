import codecs

import pytest

from timbre.labels.sheets import read_sheet

ROWS = [("Für Élise.wav", "piano"), ("a, b; c.wav", "guitar+drums")]


def written(delimiter=",", header="file{}instruments", end="\r\n"):
    """Return the rows as a program writes them, with quotes around a cell that contains a delimiter."""
    cells = [[f'"{cell}"' if set(",;") & set(cell) else cell for cell in row] for row in ROWS]
    return end.join([header.format(delimiter), *(delimiter.join(row) for row in cells)]) + end


@pytest.mark.parametrize(
    "content",
    [
        written().encode(),
        codecs.BOM_UTF8 + written().encode(),  # Excel's CSV UTF-8
        written().encode("cp1252"),  # Excel's CSV
        written(";").encode("cp1252"),  # Excel's CSV where the decimal point is a comma
        written("\t").encode("utf-16"),  # Excel's Unicode text
        codecs.BOM_UTF16_BE + written("\t").encode("utf-16-be"),
        written("\t").encode("utf-16-le"),
        written(";", end="\r").encode(),
        ("sep=;\r\n" + written(";")).encode(),
        (",\n" + written(header="FILE{} Instruments ")).encode(),
        written(header='"year; place"{0}file{0}instruments').replace("\nF", "\n,F").replace('\n"a', '\n,"a').encode(),
    ],
)
def test_tables_are_read_as_all_programs_save_them(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    cells = [line.cells for line in read_sheet(path, ("file", "instruments"), ("group",), "a table")]
    found = [(row["file"], row["instruments"]) for row in cells]
    assert found == ROWS
    assert {row["group"] for row in cells} == {""}
