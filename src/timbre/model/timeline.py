"""The timeline network: instrument activity detection on top of the layered network's dense features."""

from torch import Tensor, nn

from timbre.core.params import Model

HIDDEN = 32
REACH = 4  # frames on each side that the logits of a frame depend on
DROPOUT = 0.3


class TimelineNet(nn.Module):
    """A small network from the layered network's dense features to frame-level logits of each instrument.

    ```
    features [batch, channels, frames] of `TimbreNet.dense_features`
      │  normalisation, linear, 32 channels
      │  convolution over 9 frames, 32 channels
      ▼  linear
    logits [batch, instruments, frames]
    ```

    A feature covers four times the time from one dense frame to the next. The logits also depend on neighbouring
    frames, so that they can locate an onset more precisely than a single feature does.

    Args:
        shape: Shape of the layered network.
        instruments: Number of instruments.
    """

    def __init__(self, shape: Model, instruments: int) -> None:
        super().__init__()
        width = shape.channels * 2 ** (shape.blocks - 1)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Dropout(DROPOUT),
            nn.Conv1d(width, HIDDEN, 1),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Conv1d(HIDDEN, HIDDEN, 2 * REACH + 1, padding=REACH),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
        )
        self.last = nn.Conv1d(HIDDEN, instruments, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits `[batch, instruments, frames]` of features `[batch, channels, frames]`."""
        return self.last(self.layers(features))
