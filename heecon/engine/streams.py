"""Pack arrays that vary by draw, cycle and slot, or by only some of these, into one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Streams:
    """Several arrays of shape (draws or 1, cycles or 1, slots or 1) in one buffer.

    Attributes:
        buffer: all values.
        offset: where each array begins.
        stride: (arrays, 3) steps for the next draw, cycle and slot; 0 along an axis of length 1.
    """

    buffer: Floats
    offset: Integers
    stride: Integers


def pack(arrays: Sequence[Floats]) -> Streams:
    """Pack three-dimensional arrays; each keeps only the axes it varies along."""
    flat = [np.ascontiguousarray(array).ravel() for array in arrays]
    sizes = np.array([len(values) for values in flat], dtype=np.int64)
    offset = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    stride = np.zeros((len(arrays), 3), dtype=np.int64)
    for index, array in enumerate(arrays):
        steps = (array.shape[1] * array.shape[2], array.shape[2], 1)
        stride[index] = [step if n > 1 else 0 for step, n in zip(steps, array.shape, strict=True)]
    buffer = np.concatenate(flat) if flat else np.zeros(0)
    return Streams(buffer, offset if len(arrays) else np.zeros(0, dtype=np.int64), stride)
