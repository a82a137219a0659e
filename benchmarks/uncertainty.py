"""How long decision uncertainty takes on the flagship, and how much memory.

    python benchmarks/uncertainty.py [draws]

The probabilistic analysis is timed as a whole process, from the shell to the last file; its peak
memory at a fifth of the draws stands beside it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time

import heecon as he
from heecon.analysis.ceac import ceac
from heecon.analysis.evaluation import run
from heecon.analysis.evppi import rank
from heecon.analysis.psa import default_grid, run_psa

MODEL = "bone_metastases/base_case"


def shell(draws: int) -> tuple[float, float]:
    """Seconds and peak megabytes of ``heecon psa``."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["psa", MODEL, "--draws", str(draws), "--out", folder]
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "heecon.cli", *command], check=True, capture_output=True
        )
        took = time.perf_counter() - start
    return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main(draws: int) -> None:
    """Print the table."""
    model = he.load(MODEL)
    run(model)
    rows = []
    for count in (draws // 5, draws):  # peak memory of children only ever rises
        took, memory = shell(count)
        rows.append((f"heecon psa, {count:,} draws, {memory:,.0f} MB", took))
    outcomes = run_psa(model, draws)
    grid = default_grid(outcomes.thresholds)
    start = time.perf_counter()
    ceac(outcomes, grid)
    rows.append(
        (f"acceptability, loss and EVPI at {len(grid)} thresholds", time.perf_counter() - start)
    )
    start = time.perf_counter()
    found = rank(outcomes, outcomes.thresholds[0])
    rows.append((f"EVPPI of {len(found)} single parameters", time.perf_counter() - start))
    for words, seconds in rows:
        print(f"{words:60s} {seconds:8.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
