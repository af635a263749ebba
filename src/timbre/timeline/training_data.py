"""Training data of the timeline network: features of synthetic songs, and when each instrument plays in them."""

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
    """Windows of synthetic songs.

    Attributes:
        features: Dense features, float16 `[windows, channels, frames]`.
        playing: Fraction of each frame in which each instrument plays, float32 `[windows, instruments, frames]`.
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
    """Compute the features and the activity of synthetic songs, augmented like the mixtures of training.

    Args:
        songs: Pieces of each song.
        pack: Windows `[rows, samples]`, int16.
        layered: Layered model that computes the features.
        options: Augmentation.
        seconds: Length of each song.
        split: Split that the songs are made of.
        seed: Seed of the augmentation.
    """
    network, audio, mel = layered.network, layered.description.audio, layered.description.mel
    transform, grain = MelSpectrogram(mel, layered.filters), steady_noise(audio, mel)
    noise = Generator().manual_seed(int(generator(seed, "timeline", split, "augment").integers(2**31)))
    mel_frame_seconds = mel.hop_length / audio.sample_rate
    frame_seconds = mel_frame_seconds * network.stride[1] / network.density
    features, playing = [], []
    for pieces in progress(songs, f"songs of {split}", unit="song"):
        waveform = song_waveform(pieces, pack, audio.sample_rate, seconds)
        windows = np.pad(waveform, (0, -len(waveform) % audio.samples)).reshape(-1, audio.samples)
        with torch.inference_mode():
            power = augment(transform(torch.from_numpy(windows)), grain, options, mel_frame_seconds, noise)
            features.append(network.dense_features(reference_to_peak(power_to_db(power))).half())
        starts = audio.window * np.arange(len(windows))[:, None] + frame_seconds * np.arange(features[-1].shape[2])
        events = ground_truth(pieces, pack, audio.sample_rate)
        activity = activity_of_frames(events, layered.description.instruments, starts, frame_seconds)
        playing.append(torch.from_numpy(activity))
    return TimelineData(torch.cat(features), torch.cat(playing))


def activity_of_frames(
    events: Sequence[Event], instruments: Sequence[str], starts: np.ndarray, frame_seconds: float
) -> np.ndarray:
    """Return the fraction of each frame in which each instrument plays: float32 `[windows, instruments, frames]`.

    Args:
        events: When each instrument plays.
        instruments: Names, in label order.
        starts: Start of each frame in seconds, `[windows, frames]`.
        frame_seconds: Length of each frame.
    """
    activity = np.zeros((len(starts), len(instruments), starts.shape[1]), np.float32)
    for event in events:
        overlap = np.minimum(event.end, starts + frame_seconds) - np.maximum(event.start, starts)
        activity[:, instruments.index(event.instrument)] += overlap.clip(0) / frame_seconds
    return activity
