"""What a layered network hears in songs of known truth, and when instruments play in them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from timbre.core.params import Augment
from timbre.core.rng import generator
from timbre.core.stage import progress
from timbre.core.tables import Event, SongPiece
from timbre.features.mel import MelSpectrogram, power_to_db, reference_to_peak
from timbre.features.synthetic_songs import ground_truth, song_waveform
from timbre.model.checkpoint import TrainedModel
from timbre.model.network import TimbreNet
from timbre.training.augment import augment, steady_noise


class TimelineData(NamedTuple):
    """Windows of songs.

    Attributes:
        features: dense features, float16 `[windows, channels, places]`.
        playing: for what share of each place's step each instrument plays, float32 `[windows, instruments, places]`.
    """

    features: Tensor
    playing: Tensor


def timeline_data(
    songs: Sequence[Sequence[SongPiece]],
    pack: np.ndarray,
    layered: TrainedModel[TimbreNet],
    options: Augment,
    seconds: float,
    split: str,
    seed: int,
) -> TimelineData:
    """Let a layered network hear songs, worn as the mixtures are that it learnt from.

    Args:
        songs: the pieces of each.
        pack: int16 windows `[rows, samples]`.
        layered: the network, and what it expects.
        options: how songs are worn.
        seconds: how long each song is.
        split: whose windows they are made of.
        seed: draws the wear.
    """
    network, audio, mel = layered.network, layered.description.audio, layered.description.mel
    transform, grain = MelSpectrogram(mel, layered.filters), steady_noise(audio, mel)
    noise = Generator().manual_seed(int(generator(seed, "timeline", split, "augment").integers(2**31)))
    frame = mel.hop_length / audio.sample_rate
    step = frame * network.cell[1] / network.dense
    features, playing = [], []
    for pieces in progress(songs, f"songs of {split}", unit="song"):
        waveform = song_waveform(pieces, pack, audio.sample_rate, seconds)
        windows = np.pad(waveform, (0, -len(waveform) % audio.samples)).reshape(-1, audio.samples)
        with torch.inference_mode():
            power = augment(transform(torch.from_numpy(windows)), grain, options, frame, noise)
            features.append(network.dense_features(reference_to_peak(power_to_db(power))).half())
        starts = audio.window * np.arange(len(windows))[:, None] + step * np.arange(features[-1].shape[2])
        truth = ground_truth(pieces, pack, audio.sample_rate)
        playing.append(torch.from_numpy(activity_of_frames(truth, layered.description.instruments, starts, step)))
    return TimelineData(torch.cat(features), torch.cat(playing))


def activity_of_frames(
    truth: Sequence[Event], instruments: Sequence[str], starts: np.ndarray, step: float
) -> np.ndarray:
    """For what share of each step each instrument plays: float32 `[windows, instruments, steps]`.

    Args:
        truth: when each is heard.
        instruments: in label order.
        starts: of the steps, in seconds, `[windows, steps]`.
        step: how long each is, in seconds.
    """
    shares = np.zeros((len(starts), len(instruments), starts.shape[1]), np.float32)
    for one in truth:
        together = np.minimum(one.end, starts + step) - np.maximum(one.start, starts)
        shares[:, instruments.index(one.instrument)] += together.clip(0) / step
    return shares
