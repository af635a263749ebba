"""Songs of known truth, and what timelines are worth against them."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import INSTRUMENTS

from timbre.core.errors import DataError
from timbre.core.params import Model, Timeline
from timbre.core.tables import Event, SongPiece, Window, pieces_by_song
from timbre.evaluation.timelines import (
    PredictedSong,
    boundary_errors,
    event_f1,
    segment_f1,
    timeline_metrics,
    worst_song,
)
from timbre.features.synthetic_songs import SongOptions, arrange, ground_truth, song_waveform
from timbre.model.checkpoint import load_model, save_model
from timbre.model.network import TimbreNet
from timbre.songs.predictor import Predictor
from timbre.songs.timeline import song_bias
from timbre.timeline.train import centre, train_timeline_network
from timbre.timeline.training_data import TimelineData, activity_of_frames

RATE = 1000
TIMELINE = Timeline(songs=60, seconds=60, train=1, validation=1)


def windows():
    labels = [*INSTRUMENTS, "other"]
    return [
        Window(row, 0.0, f"{split}{row}.wav", labels[row % 5], split, "")
        for row, split in enumerate(["train"] * 50 + ["test"] * 50)
    ]


def arranged(params, count=60, rows=None, max_others=1):
    options = SongOptions(INSTRUMENTS, count, 60.0, 4.0, params.mixtures, seed=0, max_others=max_others)
    return arrange(rows or windows(), "test", options)


def test_songs_are_the_same_each_time_and_each_by_itself(params):
    pieces = arranged(params)
    assert pieces == arranged(params) and pieces != arranged(params, rows=windows()[::-1][:40])
    assert arranged(params, 20) == [piece for piece in pieces if piece.song < 20]


def test_in_songs_instruments_enter_and_leave_and_others_are_in_most(params):
    songs = pieces_by_song(arranged(params))
    assert len(songs) == 60 and all(piece.file.startswith("test") for song in songs for piece in song)
    numbers = [len({piece.instrument for piece in song} - {"other"}) for song in songs]
    assert set(numbers) == {1, 2, 3, 4}
    assert np.mean([any(piece.instrument == "other" for piece in song) for song in songs]) == pytest.approx(
        0.7, abs=0.15
    )
    for song in songs:
        for name in {piece.instrument for piece in song}:
            one = [piece for piece in song if piece.instrument == name]
            gaps = [after.start - (piece.start + piece.seconds) for piece, after in pairwise(one)]
            assert all(abs(gap) < 0.002 or gap >= 1.99 for gap in gaps)
            assert one[-1].start + one[-1].seconds <= 60.001


def test_songs_to_learn_from_have_several_others_at_once(params):
    def others(song):
        spans = [(one.start, one.start + one.seconds - 0.01) for one in song if one.instrument == "other"]
        return max((sum(start <= at < end for start, end in spans) for at, _ in spans), default=0)

    assert {others(song) for song in pieces_by_song(arranged(params))} == {0, 1}
    assert {others(song) for song in pieces_by_song(arranged(params, max_others=4))} == {0, 1, 2, 3, 4}


def test_a_song_of_music_alone_cannot_be_arranged(params):
    assert arranged(params, rows=[Window(0, 0.0, "a.wav", "guitar|", "test", "")]) == []


def test_truth_is_what_is_heard_with_short_pauses_bridged():
    pack = np.zeros((2, 4 * RATE), np.int16)
    noise = np.random.default_rng(0).normal(0, 3000, 4 * RATE)
    pack[0, :RATE], pack[0, 1500:2000], pack[0, 3400:3600] = noise[:RATE], noise[:500], noise[:200]
    pack[1] = noise / 100
    pieces = [
        SongPiece(3, 1.0, 4.0, 0, "drums", -6.0, ""),
        SongPiece(3, 0.5, 2.0, 1, "piano", 6.0, ""),
        SongPiece(3, 0.0, 4.0, 1, "other", 0.0, ""),
    ]
    truth = [(one.song, one.instrument, one.start, one.end) for one in ground_truth(pieces, pack, RATE)]
    assert truth == [
        (3, "piano", pytest.approx(0.5, abs=0.03), pytest.approx(2.5, abs=0.03)),
        (3, "drums", pytest.approx(1.0, abs=0.03), pytest.approx(3.0, abs=0.03)),
        (3, "drums", pytest.approx(4.4, abs=0.03), pytest.approx(4.6, abs=0.03)),
    ]
    alone = song_waveform(pieces[:2], pack, RATE, 6.0)
    assert len(alone) == 6 * RATE and np.abs(alone).max() == 1 and not alone[5100:].any()
    level = [np.sqrt(np.square(alone[first:end]).mean()) for first, end in ((600, 900), (4420, 4580))]
    assert 20 * np.log10(level[0] / level[1]) == pytest.approx(12, abs=1.5)


def predicted(ground_truth, sections, seconds=10.0):
    return PredictedSong(ground_truth, SimpleNamespace(sections=sections, seconds=seconds))


def test_segment_and_event_f1_match_a_case_computed_by_hand():
    """Guitar plays 0 to 4 s, predicted from 0.5 to 4.1; piano plays 6 to 8 s and is missed; violin is a false alarm."""
    song = predicted([(0.0, 4.0, "guitar"), (6.0, 8.0, "piano")], [(0.5, 4.1, "guitar"), (9.0, 9.5, "violin")])
    found = segment_f1([song], INSTRUMENTS, 1.0)  # 4 hits, 2 misses, 1 + 1 false alarms
    assert found["all"] == pytest.approx(2 * 4 / (2 * 4 + 2 + 2), abs=1e-4)
    assert found["guitar"] == pytest.approx(8 / 9, abs=1e-4) and found["piano"] == found["violin"] == 0
    assert "drums" not in found
    assert event_f1([song], INSTRUMENTS, 1.0) == {"all": 0.5, "guitar": 1.0, "violin": 0.0, "piano": 0.0}
    assert event_f1([song], INSTRUMENTS, 0.2)["all"] == 0
    assert boundary_errors([song], INSTRUMENTS)["guitar"] == pytest.approx(0.3)
    assert "piano" not in boundary_errors([song], INSTRUMENTS)


def test_an_event_matches_only_once():
    twice = predicted([(1.0, 5.0, "drums")], [(0.9, 5.0, "drums"), (1.1, 5.1, "drums")])
    assert event_f1([twice], INSTRUMENTS, 0.2)["all"] == pytest.approx(2 / 3, abs=1e-4)


def test_metrics_cover_all_songs_and_the_worst_has_the_lowest_f1():
    right = predicted([(0.0, 5.0, "drums")], [(0.0, 5.0, "drums")])
    wrong = predicted([(0.0, 5.0, "drums")], [(5.0, 10.0, "drums")])
    metrics = timeline_metrics([right, wrong], INSTRUMENTS)
    assert metrics["all"]["segment_f1"] == {"0.1 s": 0.5, "0.5 s": 0.5, "1 s": 0.5}
    assert metrics["drums"]["event_f1"]["1 s"] == 0.5 and metrics["violin"]["segment_f1"] == {}
    assert worst_song([right, wrong], INSTRUMENTS) is wrong


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("frames", [33, 200, 201])
def test_dense_features_include_the_pooled_features(blocks, frames):
    torch.manual_seed(0)
    network = TimbreNet(Model(channels=4, blocks=blocks, hidden=0, dropout=0), 4).eval()
    mels = torch.randn(2, 64, frames)
    with torch.inference_mode():
        plain, dense = network.pooled_features(mels), network.dense_features(mels)
    assert dense.shape[2] >= plain.shape[2] * network.density - network.density + 1
    torch.testing.assert_close(dense[:, :, :: network.density], plain)


def test_dense_features_equal_pooled_features_of_shifted_mels():
    torch.manual_seed(0)
    network = TimbreNet(Model(channels=4, blocks=4, hidden=0, dropout=0), 4).eval()
    mels = torch.randn(1, 64, 400)
    shift = network.stride[1] // network.density
    with torch.inference_mode():
        dense, shifted = network.dense_features(mels), network.pooled_features(mels[:, :, shift:])
    torch.testing.assert_close(dense[:, :, 1 + 4 * network.density], shifted[:, :, 4])  # away from the edges


def test_the_target_is_the_fraction_of_each_frame_in_which_an_instrument_plays():
    events = [Event(0, "drums", 0.25, 1.0), Event(0, "drums", 1.75, 3.0), Event(0, "piano", 0.0, 0.5)]
    starts = np.array([[0.0, 0.5], [1.0, 1.5]])
    activity = activity_of_frames(events, INSTRUMENTS, starts, 0.5)
    assert activity.shape == (2, 4, 2)
    assert activity[:, 1].tolist() == [[0.5, 1.0], [0.0, 0.5]] and activity[:, 3].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert not activity[:, [0, 2]].any()


def noisy_data(rng, count):
    """Return windows in which the first channels tell what plays, one frame late and in noise."""
    playing = np.repeat(rng.random((count, 4, 6)) < 0.3, 4, axis=2).astype("f4")
    features = rng.normal(0, 0.5, (count, 16, 24)).astype("f4")
    features[:, :4, 1:] += 2 * playing[:, :, :-1]
    return TimelineData(torch.from_numpy(features).half(), torch.from_numpy(playing))


def test_training_of_the_timeline_is_deterministic_and_the_best_threshold_is_zero():
    rng, shape = np.random.default_rng(0), Model(channels=8, blocks=2, hidden=0, dropout=0)
    train, validation = noisy_data(rng, 640), noisy_data(rng, 64)
    network, same = (train_timeline_network(train, shape, seed=3) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), same.parameters(), strict=True))
    network.last.bias.data += 3  # now it predicts far too many events
    assert centre(network, validation) > 0.9
    with torch.inference_mode():
        predicted = network(validation.features.float()) >= 0
    assert ((predicted == (validation.playing > 0.5)).float().mean() > 0.95).item()


def test_a_timeline_model_is_refused_with_another_layered_model_than_that_of_its_training(models, tiny):
    layered = load_model(models / "layered.safetensors")
    half = layered.network.half()
    save_model(models / "layered.safetensors", half, layered.description, layered.filters)
    Predictor(models)  # like the released ones, with 16-bit floats
    other = TimbreNet(tiny.model, 4)
    save_model(models / "layered.safetensors", other, layered.description, layered.filters)
    with pytest.raises(DataError, match=r"timeline\.safetensors: made for another layered model.*dvc repro"):
        Predictor(models)


def test_a_song_lowers_its_timeline_by_at_most_half_a_logit_and_hardly_raises_it():
    answer, thresholds = np.array([0.0, 1.0, 9.0, -9.0, 3.0, 3.0]), np.array([0.5, 0.5, 0.5, 0.5, 0.0, 1.0])
    assert song_bias(answer, thresholds) == pytest.approx([0, 0.1, 0.1, -0.5, 0.1, -0.5])


def test_where_no_timeline_was_learnt_it_is_that_of_the_cells_against_their_thresholds(models):
    engine = Predictor(models).engine
    engine.timeline, engine.thresholds = None, (0.5, 0.9, 0.5, 0.5)
    cells = torch.zeros(1, 4, 12)
    cells[:, :, 6] = 4.0
    moments = engine.activity(torch.zeros(1, 16, 12), cells)
    assert moments.shape == cells.shape
    length = engine.layered.network.density
    assert moments[0, 0].tolist() == [4 / length if 6 <= step < 6 + length else 0 for step in range(12)]
    torch.testing.assert_close(moments[0, 1], moments[0, 0] - np.log(9))
