"""The network of timelines: when each instrument plays, from what a layered network hears at every moment."""

from torch import Tensor, nn

from timbre.core.params import Model

HIDDEN = 32
REACH = 4  # places on each side that the answer to one of them follows
DROPOUT = 0.3


class TimelineNet(nn.Module):
    """Dense features of a layered network to logits, one per instrument and place.

    ```
    features [batch, channels, places], as `TimbreNet.dense_features` gives them
      │  normalisation, linear, 32 channels
      │  convolution over 9 places, 32 channels
      ▼  linear
    logits [batch, instruments, places]
    ```

    The answer to a place is of the step that begins with its cell and ends where the next cell begins. It follows the
    features of neighbours as well, so that it can tell where a sound begins within a cell four times as long.

    Args:
        shape: of the layered network.
        instruments: how many there are.
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
        """Logits `[batch, instruments, places]` of features `[batch, channels, places]`."""
        return self.last(self.layers(features))
