"""Pack arrays that vary by draw, cycle and slot, or by only some of these, into one buffer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heecon.engine.kernels import Streams

Floats = NDArray[np.float64]


class Packer:
    """Collects arrays of shape (draws or 1, cycles or 1, slots or 1); each is packed once."""

    def __init__(self) -> None:
        self._arrays: list[Floats] = []
        self._numbers: dict[int, int] = {}

    def add(self, array: Floats) -> int:
        """The stream of an array; the same array again has the same stream."""
        number = self._numbers.setdefault(id(array), len(self._arrays))
        if number == len(self._arrays):
            self._arrays.append(array)
        return number

    def pack(self) -> Streams:
        """One buffer with all arrays, each only along the axes it varies along."""
        sizes = [array.size for array in self._arrays]
        offset = np.cumsum([0, *sizes], dtype=np.int64)
        stride = np.zeros((len(sizes), 3), dtype=np.int64)
        buffer = np.empty(offset[-1])
        for number, array in enumerate(self._arrays):
            _, cycles, slots = array.shape
            steps = (cycles * slots, slots, 1)
            stride[number] = [
                step if n > 1 else 0 for step, n in zip(steps, array.shape, strict=True)
            ]
            place = buffer[offset[number] : offset[number + 1]]
            place.reshape(array.shape)[...] = array
        return Streams(buffer, offset[:-1], stride)
