"""Measure how fast training is, relative to the original project's method and to the machine.

    python benchmarks/training.py

The original project decodes clips of 12 s in the training loop, with 128 bands, hop 200 and float32. Its network has
three blocks of 16, 32 and 64 channels and a layer of 128 units, and is trained with Adam. It is compared with a step of
Timbre on single clips, with the committed params. Speed is counted in seconds of audio per second.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import soxr
import torch
from librosa.filters import mel as librosa_filters
from timing import Line, in_turns, show
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from timbre.core.params import Compute, Params, load_params
from timbre.core.rng import generator
from timbre.features.mel import power_to_db, reference_to_peak
from timbre.model.network import TimbreNet
from timbre.training.augment import augment, steady_noise
from timbre.training.auxiliary import TrainingNet
from timbre.training.config import TrainingConfig
from timbre.training.fabric import make_fabric, on_own_cores
from timbre.training.frame_loss import frame_activity, frame_loss
from timbre.training.mask_loss import mask_loss, power_by_class
from timbre.training.mixing import add_up, cut_parts
from timbre.training.optimizer import make_optimizer

CLIPS_PER_BATCH = 32
RATE, SECONDS = 16000, 12  # clips of the original project
SIDE = 2048  # rows and columns of the matrices
STEPS = 5  # timed together, while another process is busy
BUSY = (sys.executable, "-c", "while True: sum(range(10000))")


class OriginalNet(nn.Module):
    """The network of the original project."""

    def __init__(self) -> None:
        super().__init__()
        widths = [1, 16, 32, 64]
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2))
            for a, b in pairwise(widths)
        ]
        last = nn.Sequential(nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU())
        self.layers = nn.Sequential(*blocks, last, nn.Linear(128, 4))

    def forward(self, mels: Tensor) -> Tensor:
        return self.layers(mels[:, None])


def original_step(folder: Path) -> partial[None]:
    """Return a training step of the original project on a batch of files."""
    files = [folder / f"{number}.wav" for number in range(CLIPS_PER_BATCH)]
    for number, file in enumerate(files):
        noise = generator(0, "benchmark", number).normal(0, 3000, (SECONDS * 44100, 2)).astype(np.int16)
        soundfile.write(file, noise, 44100)
    network = OriginalNet()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    bank = torch.from_numpy(librosa_filters(sr=RATE, n_fft=400, n_mels=128))
    window, targets = torch.hann_window(400), torch.arange(CLIPS_PER_BATCH) % 4

    def step() -> None:
        mels = []
        for file in files:
            sound, rate = soundfile.read(file, dtype="float32")
            sound = torch.from_numpy(soxr.resample(sound.mean(axis=1), rate, RATE))
            spectrum = torch.stft(sound, 400, 200, window=window, return_complex=True).abs().square()
            mels.append(10 * (bank @ spectrum).clamp_min(1e-10).log10())
        loss = cross_entropy(network(torch.stack(mels)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return partial(step)


def timbre_steps(params: Params) -> tuple[partial[None], partial[None], float]:
    """Prepare Timbre's training.

    Returns:
        A whole training step, the part of it that the network takes, and the floating-point operations of that part.
    """
    torch.set_num_threads(params.compute.threads)
    fabric = make_fabric(params.compute)
    count = len(params.instruments)
    model = TrainingNet(TimbreNet(params.model, count), count + 1, has_frames=True)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stride = model.network.stride
    model, optimizer = fabric.setup(model, make_optimizer(model, params.optimizer, 1e-3))
    config = TrainingConfig(**{field.name: getattr(params, field.name) for field in fields(TrainingConfig)})
    frames = params.audio.samples // params.mel.hop_length + 1
    pack = generator(0, "benchmark").uniform(-80, 0, (256, params.mel.n_mels, frames)).astype(np.float16)
    noise, gains = torch.Generator().manual_seed(0), np.zeros((CLIPS_PER_BATCH, 1))
    targets, grain = torch.eye(4)[torch.arange(CLIPS_PER_BATCH) % 4], steady_noise(params.audio, params.mel)
    draws = generator(0, "benchmark", "rows")

    def batch() -> tuple[Tensor, Tensor, Tensor]:
        clips, labels, parts = cut_parts(pack, draws.integers(256, size=(CLIPS_PER_BATCH, 1)), gains, config, noise)
        power = augment(add_up(parts, clips, CLIPS_PER_BATCH), grain, config.augment, config.frame_seconds, noise)
        powers = power_by_class(parts, clips, labels, (CLIPS_PER_BATCH, count + 1), stride)
        activity = frame_activity(parts, clips, labels, (CLIPS_PER_BATCH, count), stride[1], config.frame_seconds)
        return reference_to_peak(power_to_db(power)), powers, activity

    def learn(mels: Tensor, powers: Tensor, activity: Tensor) -> None:
        output = model(mels)
        auxiliary = mask_loss(output.masks.float(), powers) + frame_loss(output.frames.float(), activity)
        fabric.backward(cross_entropy(output.logits.float(), targets) + auxiliary)
        optimizer.step()
        optimizer.zero_grad()

    fixed_batch = batch()
    with FlopCounterMode(display=False) as counter:
        learn(*fixed_batch)
    return partial(lambda: learn(*batch())), partial(learn, *fixed_batch), float(counter.get_total_flops())


def steps(step: Callable[[], None]) -> None:
    for _ in range(STEPS):
        step()


def steps_with_busy_process(step: Callable[[], None], niceness: int) -> None:
    """Run some steps while another process computes all the time."""
    other = subprocess.Popen(BUSY, preexec_fn=partial(os.nice, niceness))
    try:
        steps(step)
    finally:
        other.kill()
        other.wait()


def slowdowns(step: Callable[[], None], threads: int) -> tuple[float, float]:
    """Return how many times longer steps take with a busy process of the lowest priority, and of equal priority."""
    with on_own_cores(threads):
        quiet, low, equal = in_turns(
            partial(steps, step),
            partial(steps_with_busy_process, step, 19),
            partial(steps_with_busy_process, step, 0),
        )
    return low / quiet, equal / quiet


def measure() -> list[Line]:
    params = load_params().model_copy(update={"compute": Compute()})
    precise = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    one, two = (torch.randn(SIDE, SIDE).to(torch.bfloat16 if precise else torch.float32) for _ in range(2))
    with TemporaryDirectory() as folder:
        whole, network, work = timbre_steps(params)
        step, learn, original, product = in_turns(whole, network, original_step(Path(folder)), lambda: one @ two)
        low, equal = slowdowns(whole, params.compute.threads)
    rate = 2 * SIDE**3 / product
    audio, original_audio = CLIPS_PER_BATCH * params.augment.crop, CLIPS_PER_BATCH * SECONDS
    return [
        Line(
            "training: seconds of audio per second, relative to the original project",
            f"{audio / step / original_audio * original:.1f}",
            "≥ 8",
        ),
        Line(
            "training: speed of a whole step, relative to plain matrix products",
            f"{work / rate / step:.2f}",
            "≥ 0.25, or a profile",
        ),
        Line(
            "training: speed of the network's part of a step, relative to plain matrix products",
            f"{work / rate / learn:.2f}",
        ),
        Line("training: fraction of a step that drawing, mixing and augmenting take", f"{1 - learn / step:.2f}"),
        Line("training: times slower with a busy process of the lowest priority", f"{low:.1f}", "≤ 1.5"),
        Line("training: times slower with a busy process of equal priority", f"{equal:.1f}", "≤ 2"),
        Line("training: matrix products in GFLOP/s, two threads (absolute)", f"{rate / 1e9:.0f}"),
        Line("training: clips per second (absolute)", f"{CLIPS_PER_BATCH / step:.0f}"),
    ]


if __name__ == "__main__":
    show(measure())
