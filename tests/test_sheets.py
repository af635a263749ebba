import codecs
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre.core.errors import DataError
from timbre.labels.sheets import parse_sheet, read_sheet

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


COLUMNS = ("path", "label", "note")
WIDEST = 6  # cells of a row


@settings(deadline=None)  # other processes may be busy
@given(st.permutations(COLUMNS), st.lists(st.lists(st.text("ab,;\t\"'\n é", max_size=4), max_size=WIDEST)), st.data())
def test_each_cell_is_in_its_column_or_the_row_is_reported(header, rows, data):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=data.draw(st.sampled_from(",;\t")), lineterminator="\n")
    writer.writerow(header)
    expected = []
    for row in rows:
        writer.writerow(row)
        cells = [cell.strip() for cell in row]
        if any(cells[len(header) :]):
            with pytest.raises(
                DataError, match=rf"^a\.csv:{text.getvalue().count(chr(10))}: \d cells under 3 columns; put"
            ):
                parse_sheet(text.getvalue().encode(), "a.csv", COLUMNS, (), "a table")
            return
        expected += [dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False))] if any(cells) else []
    assert [line.cells for line in parse_sheet(text.getvalue().encode(), "a.csv", COLUMNS, (), "a table")] == expected
