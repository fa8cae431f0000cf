"""The small trunk: two convolutions and one pooling."""

from __future__ import annotations

from torch import Tensor, nn

TWO_CONVS = "two-convs"
FILTERS = (32, 64)
"""Filters of the 3x3 convolutions. *Source*: papers/000, section 4.3."""


class TwoConvs(nn.Module):
    """Two 3x3 convolutions with ReLU, then max pooling 2x2, as a map of features.

    The convolutions do not pad: with three bands of 200 px and a fully connected layer of two outputs behind it (the
    head "fc" without hidden layers) the net has 1,248,706 parameters, the "1.2 millions" of the paper; with padding
    it would have 1,299,394. The second ReLU comes after the pooling, which gives the same values (the larger of two
    numbers stays the larger one) and spares a quarter of the time of a training step.

    Parameters
    ----------
    channels
        Bands of the input.

    *Source*: papers/000, section 4.3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = FILTERS
        self.conv1 = nn.Conv2d(channels, first, kernel_size=3)
        self.conv2 = nn.Conv2d(first, second, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()

    def forward_features(self, pixels: Tensor) -> Tensor:
        """`(b, channels, H, W)` -> `(b, 64, (H - 4) // 2, (W - 4) // 2)`; H and W are 6 or more."""
        features: Tensor = self.relu(self.pool(self.conv2(self.relu(self.conv1(pixels)))))
        return features
