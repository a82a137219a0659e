"""How long heecon keeps you waiting: import, a whole run from the shell, and 1,000 draws.

    python benchmarks/startup.py [draws]

Machine code is compiled before anything is timed. Each time is the best of three.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.engine.cohort import Draws, iterate_cohort

MODEL = "bone_metastases/base_case"


def seconds(action: Callable[[], object], repeats: int = 3) -> float:
    """Best of a few."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def python(*arguments: str) -> Callable[[], object]:
    """A fresh interpreter."""

    def run() -> object:
        return subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run


def two_per_cent_around_base(model: he.Model, draws: int) -> Draws:
    """Every parameter with a positive value varied a little: the engine's work, not a PSA."""
    generator = np.random.default_rng(1)
    return {
        row.key: row.value * (1 - 0.02 * generator.random(draws))
        for row in model.parameters
        if row.value > 0 and "switch" not in row.tags
    }


def main(draws: int) -> None:
    """Print the table."""
    model = he.load(MODEL)
    evaluate(model)
    values = two_per_cent_around_base(model, draws)
    rows = [
        ("python -c pass", seconds(python("-c", "pass"))),
        ("import heecon", seconds(python("-c", "import heecon"))),
        ("load the flagship", seconds(lambda: he.load(MODEL))),
        ("run the flagship once", seconds(lambda: evaluate(model))),
        (f"run {draws:,} draws", seconds(lambda: list(iterate_cohort(model, values)))),
    ]
    if find_spec("heecon.cli"):
        rows.insert(2, ("heecon run", seconds(python("-m", "heecon.cli", "run"))))
    size = f"{len(model.strategies)} strategies x {model.settings.cycles} cycles"
    print(f"{MODEL}: {size}, {os.cpu_count()} processors")
    for what, time_taken in rows:
        print(f"{what:<24}{time_taken:>9.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
