"""labels.csv: one reader for all its forms."""

import pytest

from timbre.core.errors import DataError
from timbre.labels.labels_csv import LabelRow, parse_labels_csv

INSTRUMENTS = ("guitar", "drums", "violin")


def read(text):
    return parse_labels_csv(text.encode(), "labels.csv", INSTRUMENTS)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("path,label\na,Guitars\na,Sound_Drum\na,oboe\na,other:kokle\na,other:Violin\na,other\n", None),
        ("path,present,absent\na,drums; guitar,violin\na,,\na,oboe+violin,\n", ["guitar;drums|violin", "|", "violin|"]),
        ("file,instruments\na,guitar+Drums\na,\n", ["guitar;drums|violin", "|guitar;drums;violin"]),
        ("File;Instruments\na;violin\n", ["violin|guitar;drums"]),
    ],
)
def test_every_form_says_what_plays(text, labels):
    labels = labels or ["guitar", "drums", "other", "other", "violin", "other"]
    assert [row.label for row in read(text)] == labels


def test_all_columns_are_read_in_any_order():
    text = "weight,Licence,note,source,split,group,path,label\n3.0,CC0,x,Iowa,test,hall,a\\b.wav,violin\n"
    assert read(text) == [LabelRow("labels.csv:2", "a/b.wav", "violin", "hall", "test", "Iowa", "CC0", 3)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path\na\n", "labels.csv: has no column label; expected CSV with"),
        ("label,present\na,b\n", "labels.csv: has no column path and no absent;"),
        ("path,label\n", "labels.csv: has no rows;"),
        ("path,label\n,violin\n", "labels.csv:2: the path is empty; write"),
        ("path,label,label\na,violin,drums\n", "labels.csv: has the column label twice; keep one"),
        (
            "path,label\na,violn\n",
            r"labels.csv:2: a: class 'violn' is none of .* \(did you mean violin\?\); ",
        ),
        ("path,label\na,guitar|drums\n", "labels.csv:2: a: class 'guitar|drums' is none of"),
        ("path,present,absent\na,drums,drums\n", "labels.csv:2: a: drums cannot be present and absent; remove"),
        *(
            (
                f"path,label,weight\na,violin,{weight}\n",
                "labels.csv:2: a: weight .* is not a whole number from 1 to 100",
            )
            for weight in ("0", "101", "2.5", "many", "-1", "1e1")
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why_in_one_line(text, reason):
    with pytest.raises(DataError, match=reason) as error:
        read(text)
    assert "\n" not in str(error.value)
