"""How the engine runs: memory, chunks, threads and numba's cache."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.engine import cohort, kernels
from heecon.engine.cohort import iterate_cohort, run_cohort

from .small import close, model


def with_hazard() -> he.Model:
    return model(
        horizon="200 cycles",
        strategies={"one": {}, "two": {}},
        transitions={"healthy": {"rates": {"dead": "hazard * (1 + time)"}}},
        parameters={"hazard": 0.001},
        correction="life_table",
    )


def peak(draws: int) -> int:
    """Most bytes in use at a time while the draws are run and each chunk is forgotten."""
    values = {"hazard": np.linspace(0.001, 0.002, draws)}
    tracemalloc.start()
    try:
        for _ in iterate_cohort(with_hazard(), values):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "CHUNK_CELLS", 201 * 100)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # else the peak depends on which threads meet
    peak(200)
    few, many = peak(200), peak(2_000)
    assert few > 100 * 201 * 8
    assert many < 1.2 * few


def test_a_kept_trace_makes_chunks_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "TRACE_CELLS", 201 * 2 * 2 * 2 * 3)
    values = {"hazard": np.linspace(0.001, 0.002, 7)}
    chunks = list(iterate_cohort(with_hazard(), values, keep_trace=True))
    assert [chunk.draws for chunk in chunks] == [3, 3, 1]
    whole = run_cohort(with_hazard(), values, keep_trace=True)
    assert whole.trace is not None
    assert whole.trace.amounts.shape == (7, 2, 1, 2, 201, 2)
    assert whole.trace.occupancy.shape == (7, 2, 201, 2)
    assert whole.trace.flow.shape == (7, 2, 200, 1)
    for number, chunk in enumerate(chunks):
        assert chunk.trace is not None
        np.testing.assert_array_equal(
            whole.trace.amounts[3 * number : 3 * number + 3], chunk.trace.amounts
        )


def test_a_chunk_has_at_least_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "CHUNK_CELLS", 1)
    monkeypatch.setattr(cohort, "TRACE_CELLS", 1)
    assert cohort.chunk_size(with_hazard(), keep_trace=True) == 1


@pytest.mark.parametrize("processors", [1, 2, 8])
def test_strategies_that_run_at_the_same_time_share_the_chunk(
    processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, values = with_hazard(), {"hazard": np.linspace(0.001, 0.002, 50)}
    expected = run_cohort(made, values, keep_trace=True)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    monkeypatch.setattr(cohort, "CHUNK_CELLS", 201 * 40)
    assert cohort.workers(made) == min(processors, 2)
    assert cohort.chunk_size(made, keep_trace=False) * cohort.workers(made) == 40
    run = run_cohort(made, values, keep_trace=True)
    np.testing.assert_array_equal(run.discounted, expected.discounted)
    assert run.trace is not None
    assert expected.trace is not None
    np.testing.assert_array_equal(run.trace.occupancy, expected.trace.occupancy)


def test_one_processor_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"hazard": np.linspace(0.001, 0.002, 7)}
    expected = run_cohort(with_hazard(), values)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    np.testing.assert_array_equal(run_cohort(with_hazard(), values).discounted, expected.discounted)


# --- numba's cache --------------------------------------------------------------------------------


def test_the_caller_is_told_before_the_kernels_are_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_cohort(model())
    told: list[str] = []
    run_cohort(model(), on_compile=lambda: told.append("again"))
    assert told == []
    monkeypatch.setattr(cohort, "compiled_before", lambda: False)
    run_cohort(model(), on_compile=lambda: told.append("first"))
    assert told == ["first"]


def test_only_code_compiled_from_this_source_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A real kernel in a real cache: known once compiled, unknown when its source changes."""
    source = tmp_path / "small_kernel.py"
    text = "from numba import njit\n@njit(cache=True)\ndef run_draws(x):\n    return x + {}\n"

    def loaded(constant: int) -> Any:
        source.write_text(text.format(constant))
        spec = importlib.util.spec_from_file_location("small_kernel", source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "small_kernel", module)
        spec.loader.exec_module(module)
        monkeypatch.setattr(kernels, "run_draws", module.run_draws)
        return module.run_draws

    kernel = loaded(1)
    assert not cohort.compiled_before()
    assert kernel(1) == 2
    assert cohort.compiled_before()
    loaded(1)
    os.utime(source)  # reinstalled: newer, but the same
    assert cohort.compiled_before()
    loaded(20)
    assert not cohort.compiled_before()
    monkeypatch.setattr(kernels, "run_draws", lambda: None)
    assert not cohort.compiled_before()


def test_a_kernel_that_cannot_be_cached_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def njit(**keys: Any) -> Any:
        if keys.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**keys)

    monkeypatch.setattr(kernels, "njit", njit)

    def double(number: int) -> int:
        return 2 * number

    with pytest.warns(RuntimeWarning, match="Set NUMBA_CACHE_DIR"):
        kernel = kernels.compiled(double)
    assert kernel(4) == 8


@pytest.mark.slow
def test_a_folder_nobody_may_write_to(tmp_path: Path) -> None:
    """A file stands where numba wants a folder: beside the package and in the home folder."""
    root = Path(he.__file__).parent.parent
    shutil.copytree(
        root / "heecon", tmp_path / "heecon", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(root / "inputs", tmp_path / "inputs")
    (tmp_path / "heecon" / "engine" / "__pycache__").touch()
    home = tmp_path / "home"
    home.touch()
    code = "import heecon as he; print(he.load('hiv').run().evaluation.cost()['mono'])"
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "LOCALAPPDATA": str(home),
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    close(float(run.stdout), evaluate(he.load("hiv")).cost()["mono"])
    assert run.stderr.count("Set NUMBA_CACHE_DIR") == 1
