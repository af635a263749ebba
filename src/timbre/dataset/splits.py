"""Divide clips into train, validation and test. All clips of a group are in the same split.

The split of a group follows from its own name and the seed. A hash gives it a position from 0 to 1, and each split is
a range of positions: first test, then validation, then train (cf. Warden, "Speech Commands", 2018). So adding or
removing a group moves no other group. Splits that the data set names itself come first. A group is not in the split of
its position for two reasons only, and issues.csv lists each case:

- A near-duplicate joins it to another group. Joined groups share the lowest of their positions. So test wins over
  validation, and validation over train.
- An instrument has no group in a split. Then its group with the nearest position moves there, until it has another one
  there. A group moves from train's range to test only if the instrument has no group in the ranges of test and
  validation, and to train from those ranges only if it has no group in train's range.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from timbre.core.errors import DataError
from timbre.core.instruments import OTHER
from timbre.core.params import Splits
from timbre.core.partial_labels import MUSIC, is_partial, present_and_absent
from timbre.core.tables import SPLITS, Clip, Issue
from timbre.dataset.groups import Named, how_joined, join_groups, name_groups, pair_issues

TEST_SHARE = 0.2  # of the groups, if the data set names no test clips
# A change of the salt would change all splits. With this one and seed 0, validation is near 15 % on Kaggle's data too,
# where some groups are very large.
SALT = b"timbre 131"
IN_MUSIC = "{} in music"


@dataclass
class Group:
    """The clips of one group that the data set does not name for test.

    Attributes:
        name: name of the group.
        labels: its instruments, `other` or `music`, and the names (`IN_MUSIC`) of the instruments in labelled music.
        may: the splits that it may be moved to.
        home: the split of its position, or that the data set names.
        split: the split that it is in.
        needed_by: the label for which it is not at home, if so.
    """

    name: str
    labels: frozenset[str]
    may: frozenset[str]
    home: str
    split: str
    needed_by: str = ""


def assign_splits(
    clips: Sequence[Clip],
    instruments: Sequence[str],
    seed: int,
    splits: Splits,
    near_duplicates: Sequence[tuple[str, str]] = (),
) -> tuple[list[Clip], list[Issue]]:
    """Give each clip its group and its split. The order of the clips does not matter.

    If the data set names clips for test, only they are in test. The same is true for validation, but each source of
    recordings is treated separately. So are labelled music and clips of single instruments.

    Args:
        clips: clips with the split that the data set names, train if it names none.
        instruments: names of the instruments, in label order.
        seed: seed of the positions.
        splits: `validation` is the share of the groups that are not in test. `keep_test_groups` keeps train clips of a
            group that the data set names for test. `by: file` makes each file a group, to show what that leaks.
        near_duplicates: pairs of files that sound the same.

    Returns:
        The clips, sorted by file, and issues for joined groups, moved groups and dropped clips.

    Raises:
        DataError: an instrument has too few groups for all splits. The message says what joined its clips.
    """
    clips = sorted(clips, key=lambda clip: clip.file)
    named = name_groups(clips, splits.by)
    joined, pairs = join_groups(named, near_duplicates)
    before = clips = [replace(clip, group=joined[named[clip.file].group]) for clip in clips]
    dropped: list[Issue] = []
    if not splits.keep_test_groups:
        clips, dropped = _drop_test_groups(clips)
    positions: dict[str, float] = {}
    for own, group in joined.items():
        positions[group] = min(position(seed, own), positions.get(group, 1.0))
    groups = _place_groups(clips, positions, splits.validation)
    _fill_splits(groups, (*instruments, OTHER, MUSIC, *map(IN_MUSIC.format, instruments)))
    split_of = {group.name: group.split for group in groups}
    clips = [clip if clip.split == "test" else replace(clip, split=split_of[clip.group]) for clip in clips]
    _require_every_split(before, clips, instruments, named)
    return clips, [*pair_issues(pairs, named), *_move_issues(groups, clips), *dropped]


def position(seed: int, group: str) -> float:
    """Return the position of a group, from 0 to 1. It depends only on the seed and the group's name.

    >>> round(position(0, "session 1"), 3), round(position(0, "session 2"), 3)
    (0.238, 0.436)
    """
    text = f"{seed} {unicodedata.normalize('NFC', group)}"
    digest = hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8, person=SALT).digest()
    return int.from_bytes(digest) / 2**64


def _drop_test_groups(clips: Sequence[Clip]) -> tuple[list[Clip], list[Issue]]:
    """Drop clips of groups that the data set names for test, if they are not in test themselves."""
    in_test = {clip.group: clip.file for clip in reversed(clips) if clip.split == "test"}
    shared = {clip.file: clip.group for clip in clips if clip.split != "test" and clip.group in in_test}
    issues = [
        Issue(file, "group in test", "dropped", f"its group {group!r} is in test ({in_test[group]})")
        for file, group in shared.items()
    ]
    return [clip for clip in clips if clip.file not in shared], issues


def _place_groups(clips: Sequence[Clip], positions: Mapping[str, float], validation: float) -> list[Group]:
    """Return the groups in the order of their positions, each in the split that the data set names, else at home."""
    named = _named_splits(clips)
    members: dict[str, list[Clip]] = {}
    for clip in clips:
        members.setdefault(clip.group, []).append(clip)
    groups = []
    for name in sorted(members, key=lambda name: (positions[name], name)):
        kinds = {is_partial(clip.label) for clip in members[name]}
        own = {clip.split for clip in members[name]}
        may = {"train"} | {split for split in SPLITS if not any((split, kind) in named for kind in kinds)}
        if any(clip.is_named for clip in members[name]):
            may.discard("validation")
        if own == {"train"}:
            home = _split_at(positions[name], may, validation)
        else:
            home, may = "validation" if "validation" in own else "train", set()
        labels = {label for clip in members[name] if clip.split != "test" for label in (_label(clip), *_in_music(clip))}
        groups.append(Group(name, frozenset(labels), frozenset(may), home, home))
    return groups


def _named_splits(clips: Sequence[Clip]) -> set[tuple[str, bool]]:
    """Return the splits that have only the clips that the data set names for them, and whether they are labelled music.

    If it also names train clips, the clips without a name come from another source, and are divided by themselves.
    """
    divided = {is_partial(clip.label) for clip in clips if clip.is_named and clip.split == "train"}
    named = {(clip.split, is_partial(clip.label)) for clip in clips}
    return named - {("validation", kind) for kind in divided}


def _split_at(position: float, may: Collection[str], validation: float) -> str:
    """Return the split of a position, among the splits that a group may be in."""
    test = TEST_SHARE if "test" in may else 0.0
    if position < test:
        return "test"
    return "validation" if "validation" in may and position < test + validation * (1 - test) else "train"


def _fill_splits(groups: Sequence[Group], labels: Sequence[str]) -> None:
    """Give each label a group in each split, as far as possible, by moving groups of labels that lack one.

    Args:
        groups: in the order of their positions.
        labels: in order of priority. No label takes the last group of an earlier one in a split.
    """
    for number, label in enumerate(labels):
        own = [group for group in groups if label in group.labels]
        for split in ("test", "train", "validation"):  # validation last, because it is between the other two
            if not own or any(group.split == split for group in own):
                continue
            free = [
                group for group in own if split in group.may and not _is_last(group, label, labels[:number], groups)
            ]
            if free:
                in_train = [group for group in free if group.split == "train"]
                nearest = {"test": free[0], "train": free[-1], "validation": (in_train or free[::-1])[0]}[split]
                nearest.split, nearest.needed_by = split, label


def _is_last(group: Group, label: str, earlier: Sequence[str], groups: Sequence[Group]) -> bool:
    """Return whether a label, or an earlier one, has no other group in this group's split.

    The label's own last group in validation may be taken, because validation is filled last.
    """
    needing = {label, *earlier} & group.labels - ({label} if group.split == "validation" else set())
    others = [other for other in groups if other is not group and other.split == group.split]
    return any(not any(each in other.labels for other in others) for each in needing)


def _label(clip: Clip) -> str:
    return MUSIC if is_partial(clip.label) else clip.label


def _in_music(clip: Clip) -> list[str]:
    """Return the names (`IN_MUSIC`) of the instruments that are present in labelled music."""
    return [IN_MUSIC.format(name) for name in present_and_absent(clip.label)[0]] if is_partial(clip.label) else []


def _move_issues(groups: Sequence[Group], clips: Sequence[Clip]) -> list[Issue]:
    """Return an issue for each group that is not at home."""
    first_file = {clip.group: clip.file for clip in reversed(clips)}
    return [
        Issue(
            first_file[group.name],
            "moved group",
            "reported",
            f"group {group.name!r} is in {group.split} instead of {group.home}, because {group.needed_by} has no other "
            "group there; more recordings would make this unnecessary",
        )
        for group in groups
        if group.split != group.home
    ]


def _require_every_split(
    before: Sequence[Clip], clips: Sequence[Clip], instruments: Sequence[str], named: Mapping[str, Named]
) -> None:
    """Check that each instrument (and labelled music) has clips in each split that the data set does not name itself.

    Args:
        before: the clips before some were dropped.
        clips: the clips with their splits.
        instruments: names of the instruments.
        named: the group of each file, and what named it.

    Raises:
        DataError: a split has none.
    """
    named_splits = _named_splits(before) - {("train", False), ("train", True)}
    found = {(_label(clip), clip.split) for clip in clips}
    dropped = len(clips) < len(before)
    for label in (*instruments, MUSIC):
        own = [clip for clip in before if _label(clip) == label]
        wanted = [split for split in SPLITS if (split, label == MUSIC) not in named_splits]
        lacking = [split for split in wanted if (label, split) not in found]
        if lacking and any(clip.split == "train" for clip in own):
            raise DataError(
                f"splits: {label} has too few recordings{' apart from those in test' if dropped else ''} "
                f"to give {lacking[0]} one of its own: {how_joined(own, named)}; "
                f"add some, name finer groups in a Group column of Metadata_Train.csv"
                f"{', or set splits.keep_test_groups: true' if dropped else ''}"
            )
