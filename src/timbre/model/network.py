"""The network: one CNN architecture for both tasks and for recordings of any length."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pad

from timbre.core.params import Model

DENSE_BLOCKS = 2  # at most this many of the last blocks keep every frame for dense features


def block(inputs: int, outputs: int, convolutions: int, pool: tuple[int, int]) -> nn.Sequential:
    """Return 3 × 3 convolutions, each with batch normalisation and ReLU, and max pooling over (bands, frames).

    Pooling comes right after the last convolution, so that the layers after it work on far fewer points. It rounds
    sizes up, so that no input is too short.
    """
    layers: list[nn.Module] = []
    for index in range(convolutions):
        layers += [
            nn.Conv2d(outputs if index else inputs, outputs, 3, padding=1, bias=False),
            nn.MaxPool2d(pool, ceil_mode=True) if index == convolutions - 1 else nn.Identity(),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class TimbreNet(nn.Module):
    """A CNN from mel spectrograms to logits, one per instrument, in label order.

    ```
    mels [batch, bands, frames]
      │  block: 1 convolution, c channels        bands/2 × frames/4
      │  block: 2 convolutions, 2c channels      bands/4 × frames/8
      │  …
      │  mean over bands, mean + max over time   any number of frames
      ▼  dropout, linear (through `hidden` units, where there are any)
    logits [batch, instruments]
    ```

    The first block has only one convolution, because it works at full size and is the most expensive one. Frames of
    20 ms show the difference between a pluck and a bow stroke; after it, frames of 80 ms are enough.

    Attributes:
        width: Channels of the last feature maps.
        stride: Bands and frames of the mels per point of the last feature maps.
        density: Frames of `dense_features` per frame of `pooled_features`.
    """

    def __init__(self, shape: Model, instruments: int) -> None:
        super().__init__()
        widths = [shape.channels * 2**index for index in range(shape.blocks)]
        self.width = widths[-1]
        self.density = 2 ** min(DENSE_BLOCKS, shape.blocks - 1)
        self.stride = (2**shape.blocks, 2 ** (shape.blocks + 1))
        self.blocks = nn.Sequential(
            block(1, widths[0], 1, (2, 4)),
            *(block(inputs, outputs, 2, (2, 2)) for inputs, outputs in pairwise(widths)),
        )
        hidden = [nn.Linear(self.width, shape.hidden), nn.ReLU(inplace=True)] if shape.hidden else []
        last = nn.Linear(shape.hidden or self.width, instruments)
        self.head = nn.Sequential(nn.Dropout(shape.dropout), *hidden, last)

    def forward(self, mels: Tensor) -> Tensor:
        """Return the logits `[batch, instruments]` of mels `[batch, bands, frames]`, scaled by `reference_to_peak`."""
        return self.classify(self.pooled_features(mels))

    def pooled_features(self, mels: Tensor) -> Tensor:
        """Return the mean over bands of the last feature maps: `[batch, channels, frames / stride[1]]`."""
        return self.features(mels).mean(dim=2)

    def features(self, mels: Tensor) -> Tensor:
        """Return the last feature maps `[batch, channels, bands / stride[0], frames / stride[1]]`."""
        return self.blocks(mels[:, None].contiguous(memory_format=torch.channels_last))

    def dense_features(self, mels: Tensor) -> Tensor:
        """Return `pooled_features` with `density` times as many frames.

        Dense frame i starts at mel frame `i * stride[1] / density`. Every `density`-th dense frame equals one of
        `pooled_features`. The last two poolings move on by one frame only, and the convolutions after them are dilated
        to match (algorithme à trous, Holschneider et al., 1989). With one block, the result is `pooled_features`.

        Args:
            mels: `[batch, bands, frames]`.

        Returns:
            Features `[batch, channels, about density * frames / stride[1]]`.
        """
        features, spread = mels[:, None].contiguous(memory_format=torch.channels_last), 1
        for number, layers in enumerate(self.blocks):
            assert isinstance(layers, nn.Sequential)
            is_dense = 2 ** (len(self.blocks) - number) <= self.density
            for layer in layers:
                if isinstance(layer, nn.Conv2d):
                    reach = (1, spread)
                    features = conv2d(features, layer.weight, padding=reach, dilation=reach)
                elif isinstance(layer, nn.MaxPool2d) and is_dense:
                    features = pad(features, (0, spread), value=float("-inf"))
                    features = max_pool2d(features, 2, stride=(2, 1), dilation=(1, spread), ceil_mode=True)
                    spread *= 2
                else:
                    features = layer(features)
        return features.mean(dim=2)

    def classify_frames(self, features: Tensor) -> Tensor:
        """Return the logits `[batch, instruments, frames]` of each frame of pooled or dense features."""
        return self.head(2 * features.transpose(1, 2)).transpose(
            1, 2
        )  # the mean and the maximum over one frame are equal

    def classify(self, features: Tensor) -> Tensor:
        """Return the logits `[batch, instruments]` of consecutive frames of `pooled_features`, of any number."""
        return self.head(features.mean(dim=2) + features.amax(dim=2))
