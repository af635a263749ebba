"""The network: one CNN for both tasks, and for recordings of any length."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pad

from timbre.core.params import Model

DENSE_BLOCKS = 2  # at most, the last ones, that go on at every frame for dense features


def block(inputs: int, outputs: int, convolutions: int, pool: tuple[int, int]) -> nn.Sequential:
    """Some 3 × 3 convolutions, each with batch normalisation and ReLU, and max pooling over (bands, frames).

    Pooling comes right after the last convolution, so that what follows works on far fewer points, and rounds up, so
    that any length is long enough.
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
    """Mel spectrograms to logits, one per instrument, in label order.

    ```
    mels [batch, bands, frames]
      │  block: 1 convolution, c channels        bands/2 × frames/4
      │  block: 2 convolutions, 2c channels      bands/4 × frames/8
      │  …
      │  mean over bands, mean + max over time   any number of frames
      ▼  dropout, linear (through `hidden` units, where there are any)
    logits [batch, instruments]
    ```

    The first block has one convolution, since at full size all is dearest: frames of 20 ms serve to tell a pluck from
    a stroke, and then become ones of 80 ms.
    """

    def __init__(self, shape: Model, instruments: int) -> None:
        super().__init__()
        widths = [shape.channels * 2**index for index in range(shape.blocks)]
        self.width = widths[-1]  # channels of the last feature maps
        self.dense = 2 ** min(DENSE_BLOCKS, shape.blocks - 1)
        self.cell = (2**shape.blocks, 2 ** (shape.blocks + 1))  # bands and frames that one cell of them stands for
        self.blocks = nn.Sequential(
            block(1, widths[0], 1, (2, 4)),
            *(block(inputs, outputs, 2, (2, 2)) for inputs, outputs in pairwise(widths)),
        )
        hidden = [nn.Linear(self.width, shape.hidden), nn.ReLU(inplace=True)] if shape.hidden else []
        last = nn.Linear(shape.hidden or self.width, instruments)
        self.head = nn.Sequential(nn.Dropout(shape.dropout), *hidden, last)

    def forward(self, mels: Tensor) -> Tensor:
        """Logits `[batch, instruments]` of mels `[batch, bands, frames]` as `reference_to_peak` gives them."""
        return self.classify(self.pooled_features(mels))

    def pooled_features(self, mels: Tensor) -> Tensor:
        """The last feature maps, mean over bands: `[batch, channels, frames / cell[1]]`."""
        return self.features(mels).mean(dim=2)

    def features(self, mels: Tensor) -> Tensor:
        """The last feature maps `[batch, channels, bands / cell[0], frames / cell[1]]`."""
        return self.blocks(mels[:, None].contiguous(memory_format=torch.channels_last))

    def dense_features(self, mels: Tensor) -> Tensor:
        """`pooled_features` at `dense` times as many places: `[batch, channels, dense * frames / cell[1]]`, about.

        Cell i begins `i * cell[1] / dense` frames into the mels; each `dense`-th is one of `pooled_features`. The last
        two poolings go on frame by frame, and what lies between them reaches as much further (à trous, Holschneider and
        others, 1989). Of a network of one block, they are `pooled_features`.
        """
        features, spread = mels[:, None].contiguous(memory_format=torch.channels_last), 1
        for number, layers in enumerate(self.blocks):
            assert isinstance(layers, nn.Sequential)
            is_dense = 2 ** (len(self.blocks) - number) <= self.dense
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

    def classify_cells(self, features: Tensor) -> Tensor:
        """Logits `[batch, instruments, cells]` of each frame of such features by itself."""
        return self.head(2 * features.transpose(1, 2)).transpose(1, 2)  # its mean and its maximum

    def classify(self, features: Tensor) -> Tensor:
        """Logits `[batch, instruments]` of any stretch of frames of `pooled_features`."""
        return self.head(features.mean(dim=2) + features.amax(dim=2))
