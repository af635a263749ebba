import numpy as np
import pytest
from helpers import INSTRUMENTS

from timbre.features.split import Split
from timbre.suspects import confident_errors, find_suspects, folds_of


def split_of(labels, sounds, prefix):
    """Return clips of one window each: the mels sound like the instruments `sounds`, the labels say `labels`."""
    rng = np.random.default_rng(0)
    mels = rng.uniform(-60, -40, (len(labels), 16, 20))
    for row, label in enumerate(sounds):
        mels[row, 4 * label : 4 * label + 4] += 30
    targets = np.eye(4, dtype=np.float32)[labels]
    names = [f"{prefix}{clip}" for clip in range(len(labels))]
    return Split(mels.astype(np.float16), np.arange(len(labels)), targets, names, INSTRUMENTS)


def test_only_planted_wrong_labels_are_found():
    sounds = np.arange(120) % 4
    labels = sounds.copy()
    labels[[3, 50, 77]] = (labels[[3, 50, 77]] + 1) % 4
    splits = {
        "train": split_of(labels[:100], sounds[:100], "t"),
        "validation": split_of(labels[100:], sounds[100:], "v"),
    }
    groups = {name: name for split in splits.values() for name in split.names}
    suspects = find_suspects(splits, groups)
    found = {suspect.file for suspect in suspects}
    assert found <= {"t3", "t50", "t77"}
    assert len(found) >= 2  # the method requires at least average confidence, so it may miss some
    for suspect in suspects:
        number = int(suspect.file[1:])
        assert (suspect.label, suspect.heard) == (INSTRUMENTS[labels[number]], INSTRUMENTS[sounds[number]])
        assert suspect.probability > suspect.label_probability


@pytest.mark.parametrize(
    ("clips", "groups", "folds"),
    [
        (1, 1, 0),
        (2, 2, 2),
        (3, 3, 3),
        (4, 4, 4),
        (9, 9, 5),
        (8, 2, 2),
        (8, 1, 0),
    ],
)
def test_small_data_sets_have_as_many_folds_as_groups(clips, groups, folds, recwarn):
    labels = np.arange(4 * clips) % 4
    splits = {"train": split_of(labels, labels, "t")}
    own = {f"t{clip}": f"{clip % 4}, {clip // 4 % groups}" for clip in range(4 * clips)}
    shared = {name: group.split(", ")[1] for name, group in own.items()}
    for named in (own, shared):
        found = folds_of(splits, named)
        assert len(found) == folds
        for trained, predicted in found:
            assert {labels[clip] for clip in trained} == {0, 1, 2, 3}
            assert not {named[f"t{clip}"] for clip in trained} & {named[f"t{clip}"] for clip in predicted}
        suspects = find_suspects(splits, named)
        assert {suspect.file for suspect in suspects} <= set(named) if folds else suspects == []
    assert not recwarn


def test_an_uncertain_clip_is_no_suspect():
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.8, 0.2, 0, 0], [0.45, 0.55, 0, 0], [0.1, 0.9, 0, 0]])
    probabilities = np.vstack([probabilities, [[0, 0, 1, 0], [0, 0, 0, 1]]])
    assert confident_errors(probabilities, np.array([0, 0, 0, 1, 2, 3])).tolist() == [-1] * 6
    probabilities[2] = [0.02, 0.98, 0, 0]
    assert confident_errors(probabilities, np.array([0, 0, 0, 1, 2, 3])).tolist() == [-1, -1, 1, -1, -1, -1]
