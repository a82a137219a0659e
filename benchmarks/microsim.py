"""Speed, memory and precision of the microsimulation, against two plainer ones in the same run.

    python benchmarks/microsim.py [PEOPLE]

- engine: heecon, all processors.
- plain numpy: the model written by hand, vectorised over people, one random number a person and
  cycle, totals only (as the published ``microsim_D`` of Krijkamp 2018 does it).
- reference: the readable walker of heecon's tests, which runs any model.

A person-cycle is one person in one cycle of one strategy, dead or alive; "walked" leaves out those
after death, in which nothing is drawn.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import heecon as he  # noqa: E402
from heecon.analysis.engines import with_engine  # noqa: E402
from heecon.analysis.evaluation import run  # noqa: E402
from heecon.analysis.monte_carlo import errors_of  # noqa: E402
from heecon.engine.individual_run import Options  # noqa: E402
from heecon.engine.microsim import run_microsim  # noqa: E402

CYCLES, STRATEGIES = 30, 2


def best(work: Callable[[], object], times: int = 3) -> float:
    """Shortest of some runs, in seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def plain_numpy(people: int, *, history: bool) -> tuple[float, float]:
    """Krijkamp's model by hand; cost and QALYs of the treated."""
    generator = np.random.default_rng(1)
    state, sick = np.zeros(people, dtype=np.int64), np.zeros(people)
    x = generator.uniform(0.95, 1.05, people)
    cost, qaly = np.zeros(people), np.zeros(people)
    costs = np.array([2000.0, 16000.0, 27000.0, 0.0])
    rate = -np.log(1 - 0.005)
    for cycle in range(CYCLES + 1):
        factor = 1.03**-cycle
        treated = x * (0.95 - 0.03 * np.maximum(sick - 1, 0)) if history else 0.95
        utility = np.select([state == 0, state == 1, state == 2], [1.0, treated, 0.5], 0.0)
        cost += factor * costs[state]
        qaly += factor * utility
        if cycle == CYCLES:
            break
        longer = 1 + 0.2 * sick if history else 1.0
        die = np.select(
            [state == 0, state == 1, state == 2],
            [0.005, 1 - np.exp(-3 * rate * longer), 1 - np.exp(-10 * rate * longer)],
            0.0,
        )
        u = generator.random(people)
        back = np.where(state == 1, 0.5, 0.0)
        on = np.select([state == 0, state == 1], [0.15, 0.105], 0.0)
        new = np.where(u < die + back + on, state + 1, state)
        new = np.where(u < die + back, 0, new)
        new = np.where((u < die) | (state == 3), 3, new)
        sick = np.where((new == 1) | (new == 2), sick + 1, 0.0)
        state = new
    return float(cost.mean()), float(qaly.mean())


def speed(name: str, people: int) -> None:
    """Person-cycles a second of the three programs."""
    from tests.engine.reference_walker import Reference  # noqa: PLC0415

    history = name == "krijkamp_history"
    model = he.load(name)
    model = with_engine(model, "microsim")
    run_microsim(model, options=Options(patients=100))  # loaded and compiled
    seconds = best(lambda: run_microsim(model, options=Options(patients=people)))
    cycles = people * CYCLES * STRATEGIES
    traced = run(model, keep_trace=True, options=Options(patients=20_000))
    walked = float(1 - traced.trace_arrays().occupancy[0, :, :-1, -1].mean())
    one = best(lambda: run_microsim(model, options=Options(patients=people, threads=1)), 1)
    few = max(people // 20, 1000)
    by_hand = best(lambda: plain_numpy(few, history=history), 2)
    slow = max(people // 200, 500)
    reference = best(lambda: Reference(model, "treatment", slow).run(), 1)
    rows = [
        (f"engine, {os.cpu_count()} processors", cycles / seconds),
        ("  of these walked", walked * cycles / seconds),
        ("engine, 1 thread", cycles / one),
        ("plain numpy, 1 strategy", few * CYCLES / by_hand),
        ("reference walker, 1 strategy", slow * CYCLES / reference),
    ]
    print(f"\n{name}: {people:,} people, {len(model.states)} states, {CYCLES} cycles")
    for label, rate in rows:
        print(f"  {label:32} {rate / 1e6:10.2f} million person-cycles a second")


CHILD = """
import sys, time
began = time.perf_counter()
import heecon as he
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
model = he.load(sys.argv[1])
loaded = time.perf_counter() - began
run_microsim(model, options=Options(patients=int(sys.argv[2])))
first = time.perf_counter() - began - loaded
began = time.perf_counter()
run_microsim(model, options=Options(patients=100))
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(loaded, first, time.perf_counter() - began, peak)
"""


def child(name: str, people: int, cache: str, numba: str) -> list[float]:
    """Seconds to load, of the first and of a later run, and peak memory (MB), of a new process."""
    environment = {**os.environ, "HEECON_CACHE_DIR": cache, "NUMBA_CACHE_DIR": numba}
    if not numba:
        del environment["NUMBA_CACHE_DIR"]
    out = subprocess.run(
        [sys.executable, "-c", CHILD, name, str(people)],
        capture_output=True, text=True, check=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    *seconds, kilobytes = map(float, out.stdout.split())
    return [*seconds, kilobytes / 1024]


def starts(name: str) -> None:
    """Compile time and warm start."""
    with tempfile.TemporaryDirectory() as folder:
        cold = child(name, 100, f"{folder}/hooks", f"{folder}/numba")
        warm = child(name, 100, f"{folder}/hooks", f"{folder}/numba")
    print(f"\n{name}: starting")
    print(f"  first run with nothing compiled  {cold[1]:6.2f} s, a later run {cold[2]:.3f} s")
    print(f"  first run of a new process       {warm[1]:6.2f} s, and {warm[0]:.2f} s to load")


def memory(name: str) -> None:
    """Peak memory against the number of people."""
    with tempfile.TemporaryDirectory() as folder:
        child(name, 100, folder, "")
        print(f"\n{name}: peak memory")
        for people in (10_000, 100_000, 1_000_000, 5_000_000):
            print(f"  {people:>12,} people {child(name, people, folder, '')[3]:8.0f} MB")


def variance_reduction(name: str, people: int) -> None:
    """What sharing random numbers between strategies saves."""
    errors = errors_of(run(with_engine(he.load(name), "microsim", people)))
    shared = errors.increment(1, 0, 50_000.0)[0]
    costs, qalys = errors.kind["cost"][0, :, 1], errors.kind["qaly"][0, :, 1]
    nmb = [errors.net_benefit(s, 50_000.0)[0] for s in range(2)]
    print(f"\n{name}: variance of increments with independent streams / with shared ones")
    for label, separate, common in zip(
        ("cost", "QALYs", "net benefit"),
        (np.hypot(*costs), np.hypot(*qalys), np.hypot(*nmb)),
        shared,
        strict=True,
    ):
        print(f"  {label:12} {(separate / common) ** 2:10.1f}")


def main() -> None:
    people = int(float(sys.argv[1])) if len(sys.argv) > 1 else 2_000_000
    for name in ("krijkamp", "krijkamp_history"):
        speed(name, people)
        variance_reduction(name, 200_000)
        starts(name)
    memory("krijkamp_history")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nThis program's own peak memory: {peak:.0f} MB")


if __name__ == "__main__":
    main()
