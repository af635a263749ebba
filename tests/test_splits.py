"""Groups of clips that share a recording, and splits without leaks between them."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from helpers import INSTRUMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit import KAGGLE, fill_real_names, needs_kaggle

from timbre.core.errors import DataError
from timbre.core.params import Splits
from timbre.core.tables import SPLITS, Clip
from timbre.dataset.audit import audit
from timbre.dataset.groups import RULES, are_kaggles, count_rules, group_of, name_groups
from timbre.dataset.splits import TEST_SHARE, assign_splits, position


def assign(clips, seed, validation, keep_test_groups, near_duplicates=(), by="recording"):
    splits = Splits(by=by, validation=validation, keep_test_groups=keep_test_groups)
    return assign_splits(clips, INSTRUMENTS, seed, splits, near_duplicates)


def sizes(clips):
    """Count the clips of each instrument in train, validation and test."""
    count = Counter((clip.label, clip.split) for clip in clips)
    return {label: tuple(count[label, split] for split in SPLITS) for label in INSTRUMENTS}


def shared_groups(clips, first, second):
    return {clip.group for clip in clips if clip.split == first} & {
        clip.group for clip in clips if clip.split == second
    }


def of_groups(label, *counts, split="train", prefix=""):
    """Make clips of one instrument, in groups of the given sizes."""
    return [
        Clip(f"{split}/{prefix}{label}{group}-{clip}.wav", label, split, f"{prefix}{label}{group}")
        for group, count in enumerate(counts)
        for clip in range(count)
    ]


def of_all(*counts, split="train"):
    return [clip for label in INSTRUMENTS for clip in of_groups(label, *counts, split=split)]


TEST = of_all(1, split="test")
TEST = [Clip(clip.file, clip.label, "test", f"test {clip.group}") for clip in TEST]


@pytest.mark.parametrize(
    "files",
    [
        ("ROOM_room7_MUS_bartok_DEV_redmi.wav", "ROOM_room1_MUS_bartok_DEV_lg.wav"),
        ("ROOM_room6_MUS_chords_DEV_amazon.wav", "ROOM-room8-MUS-chords.wav", "ROOM_room3_MUS_chords.wav"),
        ("AR_Lick6_FN.wav", "AR_Lick6_KN.wav", "AR_Lick6_MN_Lage2.wav", "AR_Lick6_FHBV.wav"),
        ("LP_G_fret_0-20.wav", "LP_G_muted5.wav", "LP_G_V_bending.wav"),
        ("G53-45105-1111-00084.wav", "G53-45200-1111-248.wav"),
        ("1-E1-Major 00.wav", "1-E1-Major 10.wav"),
        ("classical_1_60BPM.wav", "slow_classical_1_60BPM.wav", "classical_1_80BPM.wav"),
        ("pathetique_mono.wav", "pathetique_poly.wav"),
        ("WaveDrum02_45SD (1).wav", "WaveDrum02_39KD (133).wav"),
        ("RealDrum01_00HHtrain.wav", "RealDrum01_13MIX.wav"),
        ("violin_sound (146).wav", "VIOLIN_SOUND (145).wav", "Violin_Sound (5).wav", "VIOLIN_sound (330).wav"),
        ("11_emil-telmanyi_bwv1003.wav", "0_emil-telmanyi_bwv1003.wav"),
        ("0_john-garner_bwv1002_mov2.wav", "1_john-garner_bwv1002_mov7.wav"),
        ("Vn-ord-G6-ff-1cR.wav", "Vn-ord-G6-pp-2c.wav"),
        ("Sad-Violin-A-www.fesliyanstudios.com.wav", "Sad-Violin-Slow-K-www.fesliyanstudios.com.wav"),
        ("muvibeat8_130bpm-14338.wav", "muvibeat3_130bpm-14333.wav"),
        ("hip-hop-drum-loop-24-75662.wav", "hip-hop-drum-loop-22-33572.wav"),
        ("drum-loop-140bpm-73728.wav", "drum-loop-140bpm-73728 (1).wav"),
        ("140-bpm-amen-break-original-processed-6945.wav", "140-bpm-amen-break-original-processed-6945 (1).wav"),
        ("a/loop-1.wav", "b/Loop-1.flac"),
    ],
)
def test_names_that_share_a_recording_share_a_group(files):
    assert len({group_of(file) for file in files}) == 1


def test_names_that_do_not_share_a_recording_do_not_share_a_group():
    different = [
        "ROOM_room7_MUS_beethoven1_DEV_ipad.wav",
        "ROOM_room7_MUS_beethoven2_DEV_ipad.wav",
        "AR_Lick6_FN.wav",
        "FS_Lick6_FN.wav",
        "AR_Lick1_FN.wav",
        "AR_Lick10_FN.wav",
        "AR_E_fret_0-20.wav",
        "AR_E1_fret_0-20.wav",
        "AR_NH_IV.wav",
        "FS_NH_IV.wav",
        "G53-45105-1111-00084.wav",
        "G53-46106-1111-00085.wav",
        "classical_1_60BPM.wav",
        "classical_2_60BPM.wav",
        "jazz_1_160BPM.wav",
        "violin_sounds (1).wav",
        "violin_sound (1).wav",
        "0_emil-telmanyi_bwv1003.wav",
        "0_emil-telmanyi_bwv1004.wav",
        "0_silei-li_bwv1003.wav",
        "Vn-ord-E6-mf-1c.wav",
        "Va-ord-E6-mf-1c.wav",
        "piano-38809.wav",
        "piano-43703.wav",
        "my recording (1).wav",
        "my recording (2).wav",
        "piano-0001.wav",
        "piano-0002.wav",
    ]
    assert len({group_of(file) for file in different}) == len(different)


@needs_kaggle
def test_the_rules_match_kaggles_names():
    names = KAGGLE.joinpath("train_files.txt").read_text().splitlines()
    assert count_rules(names) == {
        "room piano": 431,
        "guitar lick": 198,
        "guitar string": 42,
        "guitar harmonics": 15,
        "guitar note": 234,
        "guitar chord": 20,
        "guitar loop": 180,
        "guitar piece": 2,
        "drum kit": 487,
        "numbered series": 462,
        "Bach": 176,
        "string note": 137,
        "sad violin": 0,
        "solfa note": 1,
        "stock series": 86,
        "second download": 1,
    }
    test = [line.split(",")[0] for line in KAGGLE.joinpath("Metadata_Test.csv").read_text().splitlines()[1:]]
    assert count_rules(test)["sad violin"] == 10
    assert all(rule.fact for rule in RULES)


@needs_kaggle
def test_kaggles_data_set_is_recognised_as_a_whole_and_in_part():
    train = KAGGLE.joinpath("train_files.txt").read_text().splitlines()
    test = [line.split(",")[0] for line in KAGGLE.joinpath("Metadata_Test.csv").read_text().splitlines()[1:]]
    assert are_kaggles(train) and are_kaggles(test) and are_kaggles(train[::20])


@pytest.mark.parametrize(
    "name",
    [
        "{label}{clip:02}-2024.wav",  # the rule "stock series" would make one group per label
        "{label}_{clip:02}-240131.wav",
        "violin_sound ({label} {clip}).wav",
        "{label}-4711 ({clip}).wav",
        "jazz_1_{clip}0BPM.{label}.wav",
        "{clip}_{label}-player_bwv1001.wav",
    ],
)
def test_rules_for_kaggles_names_do_not_apply_to_other_data_sets(name):
    clips = [Clip(name.format(label=label, clip=clip), label, "train") for label in INSTRUMENTS for clip in range(8)]
    assigned, _ = assign(clips, 0, 0.2, False)
    assert len({clip.group for clip in assigned}) == len(clips)


@pytest.fixture(scope="module")
def real_clips(tmp_path_factory):
    return audit(fill_real_names(tmp_path_factory.mktemp("raw")), INSTRUMENTS)[0]


@needs_kaggle
def test_real_splits_share_nothing_with_test(real_clips):
    clips, issues = assign(real_clips, 0, 0.15, False)
    assert sizes(clips) == {
        "guitar": (605, 77, 20),
        "drums": (617, 78, 20),
        "violin": (623, 65, 20),
        "piano": (228, 63, 20),
    }
    labels = {clip.file: clip.label for clip in real_clips}
    assert {issue.kind for issue in issues} == {"group in test"}
    assert Counter(labels[issue.file] for issue in issues) == {"piano": 236, "guitar": 18, "violin": 9, "drums": 4}
    assert not any(shared_groups(clips, *pair) for pair in combinations(SPLITS, 2))


@needs_kaggle
def test_real_splits_with_test_groups_kept(real_clips):
    clips, issues = assign(real_clips, 0, 0.15, True)
    assert issues == []
    assert sizes(clips) == {
        "guitar": (623, 77, 20),
        "drums": (621, 78, 20),
        "violin": (632, 65, 20),
        "piano": (464, 63, 20),
    }
    assert not shared_groups(clips, "train", "validation")
    assert not shared_groups(clips, "validation", "test")
    twins = shared_groups(clips, "train", "test")
    twinned = Counter(clip.label for clip in clips if clip.split == "test" and clip.group in twins)
    assert twinned == {"guitar": 9, "piano": 11, "violin": 6, "drums": 5}
    assert sum("ROOM" in clip.file for clip in clips if clip.split == "test" and clip.group in twins) == 10


clips_of_all = st.builds(
    lambda own, mixed, tested: [
        *(clip for label in INSTRUMENTS for clip in of_groups(label, *own[label])),
        *(
            Clip(f"train/mixed{group}-{clip}.wav", label, "train", f"mixed{group}")
            for group, labels in enumerate(mixed)
            for clip, label in enumerate(labels)
        ),
        *(Clip(f"test/{label}.wav", label, "test", f"{label}0") for label in tested),
    ],
    st.fixed_dictionaries({label: st.lists(st.integers(1, 9), min_size=4, max_size=7) for label in INSTRUMENTS}),
    st.lists(st.lists(st.sampled_from(INSTRUMENTS), min_size=1, max_size=5), max_size=4),
    st.sets(st.sampled_from(INSTRUMENTS)),
)


@settings(max_examples=60, deadline=None)
@given(clips_of_all, st.integers(0, 9), st.floats(0.05, 0.5), st.booleans(), st.randoms())
def test_splits_keep_groups_whole_have_every_instrument_and_do_not_depend_on_order(
    clips, seed, validation, keep, random
):
    assigned, issues = assign(clips, seed, validation, keep)
    shuffled = random.sample(clips, len(clips))
    assert assign(shuffled, seed, validation, keep) == (assigned, issues)
    dropped = [issue.file for issue in issues if issue.action == "dropped"]
    assert sorted([clip.file for clip in assigned] + dropped) == sorted(clip.file for clip in clips)
    assert not shared_groups(assigned, "train", "validation")
    assert not shared_groups(assigned, "validation", "test")
    if not keep:
        assert not shared_groups(assigned, "train", "test")
    had_test = any(clip.split == "test" for clip in clips)
    for train, val, test in sizes(assigned).values():
        assert train and val and (test or had_test)


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_within_binomial_bounds(seed):
    assigned, issues = assign(of_all(*[1] * 1000), seed, 0.25, False)
    assert issues == []
    for train, val, test in sizes(assigned).values():
        assert train + val + test == 1000
        assert abs(test - 200) < 4 * (1000 * 0.2 * 0.8) ** 0.5
        assert abs(val - 200) < 4 * (1000 * 0.2 * 0.8) ** 0.5


def splits_by_group(clips):
    return {clip.group: clip.split for clip in clips}


def moved_groups(issues):
    return {issue.reason.split("'")[1] for issue in issues if issue.kind == "moved group"}


groups_of_all = st.fixed_dictionaries({label: st.sets(st.integers(0, 30), min_size=3) for label in INSTRUMENTS})


def versions_of(history, seed):
    """Assign splits to each version of a data set. Return the splits by group and the moved groups of each version."""
    versions = []
    for numbers in history:
        clips = [
            Clip(f"{label}{number}.wav", label, "train", f"{label}{number}")
            for label, chosen in numbers.items()
            for number in chosen
        ]
        assigned, issues = assign(clips, seed, 0.15, False)
        versions.append((splits_by_group(assigned), moved_groups(issues)))
    return versions


@settings(max_examples=60, deadline=None)
@given(st.lists(groups_of_all, min_size=2, max_size=5), st.integers(0, 9))
def test_additions_and_removals_move_no_group_but_those_that_are_listed(history, seed):
    for (before, moved), (after, moved_after) in combinations(versions_of(history, seed), 2):
        for group in before.keys() & after.keys() - moved - moved_after:
            assert before[group] == after[group]


@settings(max_examples=60, deadline=None)
@given(st.lists(groups_of_all, min_size=2, max_size=5), st.integers(0, 9))
def test_no_group_of_test_is_in_train_later_if_each_instrument_has_a_group_in_both_ranges(history, seed):
    test_or_validation = TEST_SHARE + 0.15 * (1 - TEST_SHARE)
    for label in INSTRUMENTS:
        numbers = sorted(range(100), key=lambda number: position(seed, f"{label}{number}") < test_or_validation)
        for version in history:
            version[label] |= {numbers[0], numbers[-1]}
    for (before, _), (after, _) in combinations(versions_of(history, seed), 2):
        assert not [group for group in before if before[group] == "test" and after.get(group) == "train"]
        assert not [group for group in before if before[group] == "train" and after.get(group) == "test"]


def test_a_group_more_of_each_instrument_moves_no_clip():
    groups = [(label, number) for label in INSTRUMENTS for number in range(20)]
    clips = [
        Clip(f"{label}-{n}-{i}.wav", label, "train", f"{label} session {n}") for label, n in groups for i in range(3)
    ]
    more = [
        Clip(f"{label}-new-{i}.wav", label, "train", f"{label} session 20") for label in INSTRUMENTS for i in range(3)
    ]
    before, after = assign(clips, 0, 0.15, False)[0], assign(clips + more, 0, 0.15, False)[0]
    assert len(before) == 240
    assert {*before} <= {*after}


@pytest.mark.parametrize("seed", range(20))
def test_few_groups_give_each_instrument_one_in_each_split(seed):
    assigned, issues = assign(of_all(2, 2, 2), seed, 0.15, False)
    assert sizes(assigned) == dict.fromkeys(INSTRUMENTS, (2, 2, 2))
    split_of = splits_by_group(assigned)
    for label in INSTRUMENTS:  # in the order of their positions, test is first and train is last
        ordered = sorted((f"{label}{number}" for number in range(3)), key=lambda group: position(seed, group))
        assert [split_of[group] for group in ordered] == ["test", "validation", "train"]
    at_home = {group for group, split in split_of.items() if home(seed, group) == split}
    assert moved_groups(issues) == split_of.keys() - at_home


def home(seed, group, validation=0.15):
    place = position(seed, group)
    return "test" if place < 0.2 else "validation" if place < 0.2 + 0.8 * validation else "train"


def test_splits_that_the_data_set_names_come_first():
    named = of_all(1, 1, 1) + [
        Clip(f"{split}/{label}.wav", label, split, f"{label} {split}")
        for label in INSTRUMENTS
        for split in ("validation", "test")
    ]
    assigned, issues = assign(named, 0, 0.5, False)
    assert issues == [] and sizes(assigned) == dict.fromkeys(INSTRUMENTS, (3, 1, 1))
    without_test = [clip for clip in named if clip.split != "test"]
    for train, val, test in sizes(assign(without_test, 0, 0.5, False)[0]).values():
        assert val == 1 and train and test and train + test == 3


def test_the_seed_decides_which_groups_are_in_validation():
    def of_validation(seed):
        assigned, _ = assign(of_all(*[1] * 20) + TEST, seed, 0.15, False)
        return {clip.group for clip in assigned if clip.split == "validation"}

    assert of_validation(0) == of_validation(0) != of_validation(1)


def test_a_group_in_the_metadata_wins_over_the_rules():
    names = ("WaveDrum02_45SD ({}).wav", "AR_Lick6_F{}.wav", "Vn-ord-G6-ff-{}.wav")
    clips = [Clip(name.format(clip), "drums", "train", f"day {clip}") for name in names for clip in range(4)]
    assert {file: group.group for file, group in name_groups(clips, "recording").items()} == {
        clip.file: clip.group for clip in clips
    }
    without = [Clip(clip.file, clip.label, clip.split) for clip in clips]
    assert len({group for group, _ in name_groups(without, "recording").values()}) == 3


@pytest.mark.parametrize("swap", [False, True])
def test_near_duplicates_share_a_split_and_are_dropped_from_train_if_they_are_in_test(swap):
    clips = of_all(1, 1, 1, 1, 1) + TEST
    pairs = [("train/piano0-0.wav", "train/piano1-0.wav"), ("train/piano1-0.wav", "train/piano2-0.wav")]
    pairs += [("train/guitar0-0.wav", "test/guitar0-0.wav"), ("train/gone.wav", "train/piano0-0.wav")]
    pairs = [pair[::-1] for pair in reversed(pairs)] if swap else pairs
    assigned, issues = assign(clips, 0, 0.2, False, pairs)
    assert Counter(issue.kind for issue in issues if issue.kind != "moved group") == {
        "sounds alike": 3,
        "group in test": 1,
    }
    assert [issue.file for issue in issues if issue.action == "dropped"] == ["train/guitar0-0.wav"]
    assert {clip.group for clip in assigned if clip.file.startswith(("train/piano0", "train/piano2"))} == {"piano0"}


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 500), min_size=2, max_size=6), st.integers(0, 9))
def test_of_joined_groups_test_wins_and_then_validation(numbers, seed):
    many = of_all(*[1] * 30)  # so many that no group has to move
    clips = [Clip(f"joined{number}.wav", "guitar", "train", f"joined {number}") for number in numbers]
    pairs = list(pairwise(clip.file for clip in clips))
    assigned, issues = assign(many + clips, seed, 0.15, False, pairs)
    (split,) = {clip.split for clip in assigned if clip.file.startswith("joined")}
    homes = {home(seed, clip.group) for clip in clips}
    if not moved_groups(issues):
        assert split == next(split for split in ("test", "validation", "train") if split in homes)
    assert [issue.file for issue in issues if issue.kind == "sounds alike"] == sorted(min(pair) for pair in pairs)


def test_too_few_recordings_are_an_error_that_says_what_to_do():
    guitar_less = [clip for clip in of_all(2, 2, 2) if clip.label != "guitar"]
    with pytest.raises(DataError, match=r"guitar has too few recordings to give validation .* Group column"):
        assign(guitar_less + of_groups("guitar", 9) + TEST, 0, 0.15, False)
    with pytest.raises(DataError, match="guitar has too few recordings to give validation"):
        assign(guitar_less + of_groups("guitar", 4, 4), 0, 0.15, False)
    copies = [Clip("test/copy.wav", "guitar", "test", "guitar0")]
    with pytest.raises(DataError, match=r"guitar .* apart from those in test .*keep_test_groups: true"):
        assign(guitar_less + of_groups("guitar", 4, 4) + copies, 0, 0.15, False)


def test_the_error_says_what_joined_the_clips_of_too_few_recordings():
    def refusal(guitars, pairs=(), others=()):
        rest = [clip for clip in of_all(2, 2, 2) if clip.label != "guitar"] + [*others]
        with pytest.raises(DataError, match="guitar has too few") as caught:
            clips = rest + [Clip(name, "guitar", "train", group) for name, group in guitars]
            assign(clips, 0, 0.15, False, pairs)
        return str(caught.value)

    column = [(f"{clip}.wav", f"day {clip // 3}") for clip in range(6)]
    assert ": it has 6 clips, the column Group joined 6 into 2; add some" in refusal(column)
    three = [("a.wav", ""), ("b.wav", ""), ("c.wav", "")]
    assert ": it has 2 clips; add some" in refusal(three[:2])
    assert ": it has 3 clips, sounding alike joined 3 into 2; add some" in refusal(three, [("a.wav", "b.wav")])
    kaggles = [
        f"{name}{clip}.wav" for name in ("ROOM_room1_MUS_joplin_DEV_", "RealDrum01_", "Vn-ord-F4-") for clip in (1, 2)
    ]
    others = [Clip(name, "piano", "train", "") for name in kaggles]
    told = refusal([(f"AR_Lick{clip // 4}_{clip}.wav", "") for clip in range(8)], others=others)
    assert ": it has 8 clips, Kaggle's rule 'guitar lick' joined 8 into 2; add some" in told


def test_a_split_by_file_ignores_recordings():
    clips = [Clip(f"train/{label}{number}.wav", label, "train", label) for label in INSTRUMENTS for number in range(20)]
    assigned, issues = assign(clips + TEST, 0, 0.2, False, by="file")
    assert issues == []
    assert {clip.group for clip in assigned} == {clip.file for clip in assigned}
    assert all(train + val == 20 and val for train, val, _ in sizes(assigned).values())


def test_validation_that_one_source_names_does_not_change_the_splits_of_another():
    rendered = of_all(*[1] * 40)
    own = [replace(clip, file=f"own/{clip.file}", group=f"own {clip.group}") for clip in of_all(*[1] * 10)]
    named = [
        replace(clip, split="validation" if clip.group.endswith(("0", "1")) else "train", is_named=True) for clip in own
    ]
    alone, together = assign(rendered + TEST, 0, 0.15, False)[0], assign(rendered + named + TEST, 0, 0.15, False)[0]
    split_of = {clip.file: clip.split for clip in together}
    assert {clip.file: split_of[clip.file] for clip in alone} == {clip.file: clip.split for clip in alone}
    assert {clip.file: split_of[clip.file] for clip in named} == {clip.file: clip.split for clip in named}
    assert {"train", "validation"} == {clip.split for clip in alone if clip.group in {each.group for each in rendered}}
