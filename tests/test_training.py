from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from helpers import INSTRUMENTS

from timbre.core.errors import DataError, ParamsError
from timbre.core.instruments import OTHER
from timbre.core.params import Augment, Calibration, Compute
from timbre.core.tables import Window, read_table
from timbre.features.split import Split
from timbre.model.checkpoint import ModelConfig, load_model, save_model
from timbre.model.network import TimbreNet
from timbre.model.tasks import LAYERED, SINGLE
from timbre.training.config import TrainingConfig
from timbre.training.history import Epoch, live_history
from timbre.training.mixing import add_up, cut_parts, mixed_split
from timbre.training.sampling import candidates, sample_fixed, sample_mixtures, sample_single
from timbre.training.train import train

BANDS, FRAMES = 32, 50
QUIET = Augment(crop=0.8, shorten=0, equaliser_db=0, reverb=0, noise=0, low_pass=0, mask=0, compress=0)
COMPUTE = Compute(workers=1, device="cpu", precision="32-true", threads=1)
FILTERS = torch.rand(32, 257)


def windows(clips=40, per_clip=2):
    return [
        Window(row, 0.0, f"{row // per_clip}.wav", INSTRUMENTS[row // per_clip % 4], "train", "")
        for row in range(clips * per_clip)
    ]


def pack_of(rows, seed=0):
    """Return log mels in which each instrument has eight loud bands, in noise."""
    mels = np.random.default_rng(seed).uniform(-60, -40, (len(rows), BANDS, FRAMES))
    for row, window in enumerate(rows):
        label = INSTRUMENTS.index(window.label)
        mels[row, 8 * label : 8 * label + 8] += 40
    return mels.astype(np.float16)


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        instruments=INSTRUMENTS,
        seed=0,
        epochs=8,
        batch_size=8,
        optimizer="muon",
        learning_rate=0.03,
        audio=tiny.audio,
        mel=tiny.mel,
        model=tiny.model,
        augment=QUIET,
    )


def validation(layered=False):
    rows = windows(16, 1)
    targets = np.array([[window.label == name for name in INSTRUMENTS] for window in rows], np.float32)
    return Split(pack_of(rows, seed=1), np.arange(16), targets, [window.file for window in rows], INSTRUMENTS)


@pytest.mark.parametrize("repeats", [1, 3])
def test_an_epoch_uses_every_clip_as_often_as_asked(repeats):
    sample = sample_single(windows(), INSTRUMENTS, repeats, np.random.default_rng(0))
    clips = sample.rows[:, 0] // 2
    assert sorted(clips) == sorted([*range(40)] * repeats)
    assert clips.tolist() != sorted(clips)
    assert (sample.targets.argmax(axis=1) == clips % 4).all()


@pytest.mark.parametrize("most", [2, 4])
def test_fresh_mixtures_have_each_size_and_only_what_their_targets_say(tiny, most):
    options = tiny.mixtures.model_copy(update={"train_instruments": most, "playing": 0.6, "fresh": 200})
    sample = sample_mixtures(windows(), INSTRUMENTS, options, np.random.default_rng(0))
    assert len(sample.rows) == len(sample.targets) == 200
    assert ((sample.gains_db[:, :4] > -np.inf) == sample.targets.astype(bool)).all()
    assert (sample.gains_db[:, 4:] == -np.inf).all()
    assert set(sample.targets.sum(axis=1)) == set(range(1, most + 1))
    playing = sample.rows[:, :4] // 2 % 4
    assert (playing == np.arange(4))[sample.targets.astype(bool)].all()


def test_fresh_mixtures_have_other_instruments_as_often_as_asked(tiny):
    others = [Window(80 + row, 0.0, f"other {row}.wav", OTHER, "train", "") for row in range(5)]
    options = tiny.mixtures.model_copy(update={"fresh": 4000, "playing": 0.4, "others": 0.3})
    sample = sample_mixtures(windows() + others, INSTRUMENTS, options, np.random.default_rng(0))
    has_other = (sample.gains_db[:, 4:] > -np.inf).any(axis=1)
    assert (sample.rows[:, 4:][sample.gains_db[:, 4:] > -np.inf] >= 80).all()
    assert (sample.rows[:, :4] < 80).all()
    has_none = sample.targets.sum(axis=1) == 0
    assert has_other[has_none].all()
    assert has_none.mean() == pytest.approx(0.6**4, abs=0.02)
    assert sample.targets.mean() == pytest.approx(0.4, abs=0.02)
    assert has_other[~has_none].mean() == pytest.approx(0.3, abs=0.03)


def test_a_clip_is_drawn_as_often_as_its_weight_says(tiny):
    rows = [replace(window, weight=3) if window.file == "0.wav" else window for window in windows()]
    options = tiny.mixtures.model_copy(update={"playing": 1, "fresh": 2000})
    guitars = sample_mixtures(rows, INSTRUMENTS, options, np.random.default_rng(0)).rows[:, 0] // 2
    assert (guitars == 0).mean() == pytest.approx(3 / 12, abs=0.03)  # ten clips, one of them counts as three
    single = sample_single(rows, INSTRUMENTS, 2, np.random.default_rng(0)).rows[:, 0] // 2
    assert np.bincount(single).tolist() == [6] + [2] * 39
    assert len(sample_single(rows, INSTRUMENTS, 0.5, np.random.default_rng(0)).rows) == 21  # of 42


def test_accompanying_instruments_are_targets_too(tiny):
    options = tiny.mixtures.model_copy(update={"fresh": 500, "others": 0.5, "accompanying": ("violin", "piano")})
    sample = sample_mixtures(windows(), INSTRUMENTS, options, np.random.default_rng(0))
    plays = np.isfinite(sample.gains_db)
    assert (sample.targets == plays[:, :4]).all() and not plays[:, 4:].any()
    labels = np.array([INSTRUMENTS.index(window.label) for window in windows()])
    assert all((labels[sample.rows[plays[:, label], label]] == label).all() for label in range(4))
    assert plays[:, :2].mean() == pytest.approx(options.playing, abs=0.05)
    assert plays[:, 2:4].any(axis=1).mean() == pytest.approx(0.5 + 0.5 * (1 - options.playing) ** 2, abs=0.06)


def test_calibration_mixtures_have_the_priors_asked_for_are_not_cropped_and_are_the_same_each_time(config, tiny):
    rows = windows()
    calibration = Calibration(mixtures=400, playing=0.25)
    first, again = (mixed_split(rows, pack_of(rows), tiny.mixtures, calibration, config) for _ in range(2))
    assert first.mels.shape == (400, BANDS, FRAMES)
    assert np.array_equal(first.mels, again.mels)
    none = 0.75**4  # without clips of other instruments, one of the four plays instead
    assert first.targets.sum(axis=1).mean() == pytest.approx(4 * 0.25 + none, abs=0.1)


def test_an_epoch_of_single_clips_leaves_other_instruments_out():
    others = [Window(80, 0.0, "other.wav", OTHER, "train", "")]
    assert 80 not in sample_single(windows() + others, INSTRUMENTS, 1, np.random.default_rng(0)).rows


def test_each_fixed_mixture_is_used_once():
    targets = np.eye(4, dtype=np.float32)
    sample = sample_fixed(targets, np.random.default_rng(0))
    assert sorted(sample.rows[:, 0]) == [0, 1, 2, 3]
    assert (sample.targets == targets[sample.rows[:, 0]]).all()


def test_training_on_fixed_mixtures_is_refused_if_there_are_none():
    with pytest.raises(ParamsError, match=r"mixtures\.fresh: 0"):
        sample_fixed(np.empty((0, 4), np.float32), np.random.default_rng(0))


def test_parts_are_added_as_powers_at_their_gains(config):
    pack = np.zeros((2, BANDS, 10), np.float16)
    pack[0, :4], pack[1, :4] = -20, -60
    pack[0, 4:], pack[1, 4:] = -100, -100
    gains = np.array([[0.0, -10.0], [0.0, -np.inf]])
    rows = np.array([[0, 1], [1, 0]])
    clips, columns, parts = cut_parts(pack, rows, gains, config, torch.Generator().manual_seed(0))
    assert (clips.tolist(), columns.tolist()) == ([0, 0, 1], [0, 1, 0])
    power = add_up(parts, clips, 2)
    both, one = power[0, 0, 0], power[1, 0, 0]
    assert float(both / one) == pytest.approx(1.1, rel=1e-3)  # equally loud first, then 10 dB down


@pytest.mark.parametrize(("task", "weight"), [(SINGLE, 0), (LAYERED, 0), (LAYERED, 0.5)])
def test_training_learns_and_is_deterministic(task, weight, config, tiny):
    rows, config = windows(), replace(config, mask_loss=weight, frame_loss=weight)
    sample_epoch = (
        partial(sample_single, rows, INSTRUMENTS, 1)
        if task is SINGLE
        else partial(sample_mixtures, rows, INSTRUMENTS, tiny.mixtures.model_copy(update={"fresh": 160}))
    )
    results = [train(task, pack_of(rows), sample_epoch, validation(), config, COMPUTE) for _ in range(2)]
    (network, history), (again, same_history) = results
    assert history[-1].train_loss < history[0].train_loss
    assert max(epoch.validation_f1 for epoch in history) > 0.9
    assert history == same_history
    weights = network.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in again.state_dict().items())


def test_training_is_initialised_from_the_blocks_of_another_network(config, tiny):
    rows, start = windows(), TimbreNet(tiny.model, 4)
    still = replace(config, epochs=1, learning_rate=1e-12)
    network, _ = train(
        SINGLE, pack_of(rows), partial(sample_single, rows, INSTRUMENTS, 1), validation(), still, COMPUTE, start
    )
    for name, weights in start.named_parameters():
        same = torch.allclose(network.get_parameter(name), weights, atol=1e-6)
        assert same == name.startswith("blocks"), name


@pytest.mark.parametrize(("last", "kept_epochs"), [(0.35, 3), (0.4, 4)])
def test_the_best_epoch_is_kept_and_the_last_one_of_equals(config, monkeypatch, last, kept_epochs):
    """The project that Timbre grew from kept a reference to the weights, so it saved the last epoch."""
    scores = iter([0.1, 0.2, 0.9, 0.3, 0.1, 0.4, 0.1, last])  # train and validation, four epochs
    task = type(SINGLE)("single", True, SINGLE.loss, SINGLE.probabilities, lambda *_: next(scores))
    seen = []
    original = TimbreNet.state_dict

    def spy(self, *args, **kwargs):
        state = original(self, *args, **kwargs)
        seen.append({name: tensor.clone() for name, tensor in state.items()})
        return state

    monkeypatch.setattr(TimbreNet, "state_dict", spy)
    rows, config = windows(), replace(config, epochs=4)
    network, history = train(
        task, pack_of(rows), partial(sample_single, rows, INSTRUMENTS, 1), validation(), config, COMPUTE
    )
    kept = original(network)
    assert [epoch.validation_f1 for epoch in history] == [0.2, 0.3, 0.4, last]
    assert len(seen) == kept_epochs  # a copy after each epoch that is at least as good as all before
    assert all(torch.equal(kept[name], seen[-1][name]) for name in kept)


def test_the_history_is_written_after_each_epoch_and_deleted_if_the_stage_fails(config, tmp_path):
    rows, config, lengths = windows(), replace(config, epochs=3), []

    def sample_epoch(rng):
        lengths.append(len(read_table(path, Epoch)) if path.exists() else 0)
        return sample_single(rows, INSTRUMENTS, 1, rng)

    path = tmp_path / "single_history.csv"
    with live_history(tmp_path, SINGLE) as on_epoch:
        _, history = train(SINGLE, pack_of(rows), sample_epoch, validation(), config, COMPUTE, on_epoch=on_epoch)
    assert lengths == [0, 1, 2]
    assert read_table(path, Epoch) == history
    with pytest.raises(KeyboardInterrupt), live_history(tmp_path, SINGLE):
        raise KeyboardInterrupt
    assert not path.exists()


def test_cuda_is_refused_without_a_gpu(config):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    rows = windows()
    gpu = COMPUTE.model_copy(update={"device": "cuda"})
    with pytest.raises(ParamsError, match=r"compute\.device"):
        train(SINGLE, pack_of(rows), partial(sample_single, rows, INSTRUMENTS, 1), validation(), config, gpu)


@pytest.mark.parametrize("frames", [1, 50, 333])
def test_the_network_takes_any_length(tiny, frames):
    assert TimbreNet(tiny.model, 4)(torch.zeros(2, 32, frames)).shape == (2, 4)


@pytest.fixture
def saved(tiny, tmp_path):
    description = ModelConfig(
        task="layered",
        audio=tiny.audio,
        mel=tiny.mel,
        model=tiny.model,
        thresholds=(0.5, 0.4, 0.3, 0.2),
        instruments=INSTRUMENTS,
    )
    network = TimbreNet(tiny.model, 4)
    save_model(tmp_path / "layered.safetensors", network, description, FILTERS)
    return tmp_path / "layered.safetensors", network, description


def test_a_model_file_has_all_that_prediction_needs(saved):
    path, network, description = saved
    trained = load_model(path)
    assert trained.description == description
    assert torch.equal(trained.filters, FILTERS)
    mels = torch.randn(2, 32, 50)
    torch.testing.assert_close(trained.network(mels), network.eval()(mels))
    first = path.read_bytes()
    save_model(path, network, description, FILTERS)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) // 2], "damaged"),
        (lambda content: b"pickle me", "not a Timbre model"),
        (lambda content: content.replace(b'\\"format\\":3', b'\\"format\\":7'), "model format 7"),
        (lambda content: content.replace(b"head.1.weight", b"head.2.weight"), "not a Timbre model"),
    ],
)
def test_a_damaged_or_foreign_model_file_is_refused(saved, damage, message):
    path = saved[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        load_model(path)


def test_a_model_file_without_a_filter_for_a_band_is_refused(saved):
    path, network, description = saved
    save_model(path, network, description, FILTERS * (torch.arange(32) != 3)[:, None])
    with pytest.raises(DataError, match="damaged"):
        load_model(path)


def test_windows_are_grouped_by_clip_in_the_order_of_their_rows():
    assert candidates(windows(2, 3)) == [("guitar", [0, 1, 2], 1), ("drums", [3, 4, 5], 1)]
