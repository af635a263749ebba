"""Groups by name, and splits by group: nothing that shares a recording stands on both sides."""

from collections import Counter
from itertools import combinations

import pytest
from helpers import INSTRUMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit import KAGGLE, fill_real_names, needs_kaggle

from timbre.core.errors import DataError
from timbre.core.params import Splits
from timbre.core.tables import SPLITS, Clip
from timbre.dataset.audit import audit
from timbre.dataset.groups import RULES, are_kaggles, count_rules, group_of
from timbre.dataset.splits import assign_splits


def assign(clips, seed, validation, keep_test_groups, near_duplicates=(), by="recording"):
    splits = Splits(by=by, validation=validation, keep_test_groups=keep_test_groups)
    return assign_splits(clips, INSTRUMENTS, seed, splits, near_duplicates)


def sizes(clips):
    """Clips of each instrument in train, validation and test."""
    count = Counter((clip.label, clip.split) for clip in clips)
    return {label: tuple(count[label, split] for split in SPLITS) for label in INSTRUMENTS}


def shared_groups(clips, first, second):
    return {clip.group for clip in clips if clip.split == first} & {
        clip.group for clip in clips if clip.split == second
    }


def of_groups(label, *counts, split="train", prefix=""):
    """Clips of one instrument in groups of given sizes."""
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
        ("a/take.wav", "b/Take.flac"),
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
def test_the_rules_know_kaggles_names():
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
def test_kaggles_names_are_known_as_a_whole_and_in_part():
    train = KAGGLE.joinpath("train_files.txt").read_text().splitlines()
    test = [line.split(",")[0] for line in KAGGLE.joinpath("Metadata_Test.csv").read_text().splitlines()[1:]]
    assert are_kaggles(train) and are_kaggles(test) and are_kaggles(train[::20])


@pytest.mark.parametrize(
    "name",
    [
        "{label}{clip:02}-2024.wav",  # the rule of stock series would make one group of each label
        "{label}_{clip:02}-240131.wav",
        "violin_sound ({label} {clip}).wav",
        "{label}-4711 ({clip}).wav",
        "jazz_1_{clip}0BPM.{label}.wav",
        "{clip}_{label}-player_bwv1001.wav",
    ],
)
def test_rules_for_kaggles_names_are_not_laid_on_other_data_sets(name):
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
        "guitar": (580, 102, 20),
        "drums": (591, 104, 20),
        "violin": (585, 103, 20),
        "piano": (247, 44, 20),
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
        "guitar": (595, 105, 20),
        "drums": (594, 105, 20),
        "violin": (592, 105, 20),
        "piano": (448, 79, 20),
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
def test_splits_are_whole_complete_and_independent_of_order(clips, seed, validation, keep, random):
    assigned, issues = assign(clips, seed, validation, keep)
    shuffled = random.sample(clips, len(clips))
    assert assign(shuffled, seed, validation, keep) == (assigned, issues)
    assert sorted([clip.file for clip in assigned] + [issue.file for issue in issues]) == sorted(
        clip.file for clip in clips
    )
    assert not shared_groups(assigned, "train", "validation")
    assert not shared_groups(assigned, "validation", "test")
    if not keep:
        assert not shared_groups(assigned, "train", "test")
    had_test = any(clip.split == "test" for clip in clips)
    for train, val, test in sizes(assigned).values():
        assert train and val and (test or had_test)


@pytest.mark.parametrize(
    ("groups", "share", "moved"),
    [
        ([1] * 20, 0.15, 3),
        ([10] * 10, 0.2, 20),
        ([60, 25, 15], 0.15, 15),  # one group that fits exactly
        ([50, 50], 0.15, 50),  # none fits; something is better than nothing
        ([80, 12, 7, 1], 0.15, 13),  # 12 and 1: as near as groups allow
        ([1, 1], 0.9, 1),  # train keeps one
    ],
)
def test_validation_comes_as_near_as_groups_allow(groups, share, moved):
    assigned, _ = assign(of_all(*groups) + TEST, 0, share, False)
    assert sizes(assigned) == dict.fromkeys(INSTRUMENTS, (sum(groups) - moved, moved, 1))


def test_the_seed_draws_which_groups_are_moved():
    def moved(seed):
        assigned, _ = assign(of_all(*[1] * 20) + TEST, seed, 0.15, False)
        return {clip.group for clip in assigned if clip.split == "validation"}

    assert moved(0) == moved(0) != moved(1)


def test_without_test_clips_a_fifth_becomes_test():
    assigned, _ = assign(of_all(*[2] * 10), 0, 0.25, False)
    assert sizes(assigned) == dict.fromkeys(INSTRUMENTS, (12, 4, 4))
    assert not any(shared_groups(assigned, *pair) for pair in combinations(SPLITS, 2))


def test_a_named_group_wins_over_the_rules():
    kit = [Clip(f"WaveDrum02_45SD ({number}).wav", "drums", "train", f"day {number}") for number in range(4)]
    others = [clip for clip in of_all(1, 1) if clip.label != "drums"]
    assigned, _ = assign(kit + others + TEST, 0, 0.25, False)
    assert sizes(assigned)["drums"] == (3, 1, 1)


@pytest.mark.parametrize("swap", [False, True])
def test_files_that_sound_alike_share_a_split_and_leave_train_where_test_has_them(swap):
    clips = of_all(1, 1, 1, 1, 1) + TEST
    pairs = [("train/piano0-0.wav", "train/piano1-0.wav"), ("train/piano1-0.wav", "train/piano2-0.wav")]
    pairs += [("train/guitar0-0.wav", "test/guitar0-0.wav"), ("train/gone.wav", "train/piano0-0.wav")]
    pairs = [pair[::-1] for pair in reversed(pairs)] if swap else pairs
    assigned, issues = assign(clips, 0, 0.2, False, pairs)
    assert Counter(issue.kind for issue in issues) == {"sounds alike": 3, "group in test": 1}
    assert [issue.file for issue in issues if issue.action == "dropped"] == ["train/guitar0-0.wav"]
    assert {clip.group for clip in assigned if clip.file.startswith(("train/piano0", "train/piano2"))} == {"piano0"}


def test_too_few_recordings_are_an_error_with_the_way_out():
    guitar_less = [clip for clip in of_all(2, 2, 2) if clip.label != "guitar"]
    with pytest.raises(DataError, match=r"guitar has too few recordings to give validation .* Group column"):
        assign(guitar_less + of_groups("guitar", 9) + TEST, 0, 0.15, False)
    with pytest.raises(DataError, match="guitar has too few recordings to give test"):
        assign(guitar_less + of_groups("guitar", 4, 4), 0, 0.15, False)
    copies = [Clip("test/copy.wav", "guitar", "test", "guitar0")]
    with pytest.raises(DataError, match=r"guitar .* apart from those in test .*keep_test_groups: true"):
        assign(guitar_less + of_groups("guitar", 4, 4) + copies, 0, 0.15, False)


def test_what_joined_the_clips_of_too_few_recordings_is_told():
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
    told = refusal([*three, ("A.flac", "")], [("a.wav", "b.wav")])
    assert ": it has 4 clips, the same name joined 4 into 3, sounding alike joined 3 into 2; add some" in told
    kaggles = [
        f"{name}{clip}.wav" for name in ("ROOM_room1_MUS_joplin_DEV_", "RealDrum01_", "Vn-ord-F4-") for clip in (1, 2)
    ]
    others = [Clip(name, "piano", "train", "") for name in kaggles]
    told = refusal([(f"AR_Lick{clip // 4}_{clip}.wav", "") for clip in range(8)], others=others)
    assert ": it has 8 clips, Kaggle's rule 'guitar lick' joined 8 into 2; add some" in told


def test_a_split_by_file_takes_no_notice_of_recordings():
    clips = [Clip(f"train/{label}{number}.wav", label, "train", label) for label in INSTRUMENTS for number in range(20)]
    assigned, issues = assign(clips + TEST, 0, 0.2, False, by="file")
    assert issues == []
    assert sizes(assigned) == dict.fromkeys(INSTRUMENTS, (16, 4, 1))
