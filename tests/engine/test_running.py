"""How the engine runs: memory, chunks, threads and numba's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.engine import cohort, kept_code, kernels
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


def _double(number: int) -> int:
    return 2 * number


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache."""
    monkeypatch.setenv("HEECON_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("cache")
def test_only_code_compiled_from_this_source_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(digest: str) -> Any:
        kernel = kept_code.kept(_double, digest)
        monkeypatch.setattr(kernels, "run_draws", kernel)
        return kernel

    kernel = loaded("a")
    assert not cohort.compiled_before()
    assert kernel(1) == 2
    assert cohort.compiled_before()
    loaded("a")
    assert cohort.compiled_before()
    loaded("b")
    assert not cohort.compiled_before()
    monkeypatch.setattr(kernels, "run_draws", lambda: None)
    assert not cohort.compiled_before()


def _flip(path: Path) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:20]),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        _flip,
    ],
    ids=["emptied", "cut", "zeros", "one bit"],
)
def test_damaged_machine_code_is_compiled_anew(
    cache: Path, pattern: str, damage: Callable[[Path], object]
) -> None:
    assert kept_code.kept(_double, "a")(4) == 8
    (file,) = cache.rglob(pattern)
    sound = file.read_bytes()
    damage(file)
    kernel = kept_code.kept(_double, "a")
    assert kept_code.is_compiled(kernel) == (pattern == "*.nbc")
    with pytest.warns(RuntimeWarning, match="compiled anew") as told:
        assert kernel(4) == 8
    assert len(told) == 1
    assert kept_code.is_compiled(kept_code.kept(_double, "a"))
    assert file.stat().st_size == len(sound)


def test_a_full_disk_keeps_nothing_and_stops_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_code._Files, "_save_data", full)
    with pytest.warns(RuntimeWarning, match="No space left on device.*Set HEECON_CACHE_DIR"):
        assert kept_code.kept(_double, "a")(4) == 8
    assert cache.is_dir()


def test_no_code_is_read_from_a_folder_that_numba_is_told_of(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Others may write there: what lies there would be run."""
    elsewhere = tmp_path / "numba"
    elsewhere.mkdir(mode=0o777)
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(elsewhere))
    assert kept_code.kept(_double, "a")(4) == 8
    assert not list(elsewhere.iterdir())
    assert list(cache.rglob("*.nbc"))


@pytest.mark.usefixtures("cache")
@pytest.mark.skipif(os.name != "posix", reason="others' rights are those of POSIX")
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.warns(RuntimeWarning, match="others may write"):
        kernel = kept_code.kept(_double, "a")
    assert kernel(4) == 8
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.slow
def test_a_folder_nobody_may_write_to(tmp_path: Path) -> None:
    """A file stands where the home folder should be."""
    root = Path(he.__file__).parent.parent
    shutil.copytree(
        root / "heecon", tmp_path / "heecon", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(root / "inputs", tmp_path / "inputs")
    home = tmp_path / "home"
    home.touch()
    code = "import heecon as he; print(he.load('hiv').run().evaluation.cost()['mono'])"
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "LOCALAPPDATA": str(home),
    }
    environment.pop("HEECON_CACHE_DIR", None)
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
    assert run.stderr.count("Set HEECON_CACHE_DIR") == 1
