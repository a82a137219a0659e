"""The arrays numbers come in; shapes stand in the docstrings of what takes and returns them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
