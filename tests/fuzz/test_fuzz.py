"""No file of a stranger makes heecon end otherwise than with 0 or 2, or take for ever.

Each case is a command run on files of which one or two are spoiled at random. A failure names kind
and seed; ``case(KIND, SEED)`` makes the same files again.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random

import openpyxl
import pytest

from heecon import cli

from . import mutations

SHORT, LONG = 0.3, 66.0
"""Seconds for each of the nine kinds: in the ordinary run, and in the slow one."""

SLOWEST = 60.0
"""Seconds that a case may take on a busy machine."""

MODEL = "my_model/base_case"


@dataclass(frozen=True)
class Kind:
    """Files that are spoiled together, and what is done with them."""

    files: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    spoil: Callable[[bytes, Random], bytes]


def _text(content: bytes, luck: Random) -> bytes:
    if luck.random() < 0.05:
        return mutations.spoiled_bytes(content, luck)
    return mutations.spoiled(content.decode(), luck).encode("utf-8", "surrogatepass")


def _formula(content: bytes, luck: Random) -> bytes:
    quoted = json.dumps(mutations.expression(luck))
    return content.replace(b'"h_flare * hr_flare_t"', quoted.encode(), 1)


def _of(*commands: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(command.split()) for command in commands)


_ANALYSES = _of(
    f"check {MODEL}",
    f"check {MODEL}",
    f"run {MODEL} --out out",
    f"psa {MODEL} --draws 12 --out out",
    f"one-way {MODEL} --out out",
    f"diff {MODEL} my_model/cheaper_drug --out out",
)
_INPUTS, _SCENARIOS = "inputs/my_model", "scenarios/my_model"
KINDS = {
    "expressions": Kind((f"{_INPUTS}/model.toml",), _of(f"check {MODEL}"), _formula),
    "models": Kind((f"{_INPUTS}/model.toml",), _ANALYSES, _text),
    "tables": Kind(
        (f"{_INPUTS}/parameters.csv", f"{_INPUTS}/tables/mortality.csv"), _ANALYSES, _text
    ),
    "scenarios": Kind(
        (f"{_SCENARIOS}/base_case.toml", f"{_SCENARIOS}/cheaper_drug.toml"), _ANALYSES, _text
    ),
    "sheets": Kind(
        ("other/inputs/other/parameters.xlsx",),
        _of("check other/inputs/other"),
        mutations.spoiled_package,
    ),
    "workbooks": Kind(("book.xlsx",), _of("workbook import book.xlsx"), mutations.spoiled_package),
    "results": Kind(("saved/results.json",), _of("diff saved sound --out out"), _text),
    "draws": Kind(
        ("draws.csv", "values.csv"),
        _of(
            "psa --external draws.csv --threshold 20000 --out out",
            "evppi --external draws.csv --parameters values.csv --threshold 20000 --out out",
        ),
        _text,
    ),
    "evidence": Kind(
        ("inputs/evidence/evidence.csv", "inputs/evidence/networks/trials.toml"),
        _of("evidence --network trials --out out", "evidence one --out out", f"check {MODEL}"),
        _text,
    ),
}

EVIDENCE = """\
id,topic,population,intervention,comparator,outcome,estimand,value,low,high,se,p_value,n,events,\
denominator,unit,price_year,source,status,checked,superseded_by,note
one,,,,,,rate ratio,0.8,0.6,1.0667,,,,,,,,x,trial,read,,
two,,,,,,rate ratio,0.7,,,0.1,,,,,,,x,trial,read,,
three,,,,,,rate ratio,0.9,,,,0.3,,,,,,x,trial,read,,
"""
NETWORK = """\
title = "Trials"
estimand = "rate ratio"
reference = "a"
method = "reml"
contrasts = [
    { study = "S", treatment = "b", comparator = "a", evidence = "one" },
    { study = "T", treatment = "c", comparator = "b", evidence = "two" },
    { study = "U", treatment = "b", comparator = "a", evidence = "three", spread = "p_value" },
]
"""


def _heecon(*arguments: str) -> tuple[object, str]:
    """The exit code of a command in this process, and all it said."""
    said = io.StringIO()
    sys.argv = ["heecon", *arguments]
    with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            cli.main()
        except SystemExit as end:
            return end.code or 0, said.getvalue()
    return 0, said.getvalue()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of every kind works."""
    folder = tmp_path_factory.mktemp("fuzz") / "sound"
    patch = pytest.MonkeyPatch()
    assert _heecon("new", str(folder))[0] == 0
    patch.chdir(folder)
    (folder / "inputs/evidence/networks").mkdir(parents=True)
    (folder / "inputs/evidence/evidence.csv").write_text(EVIDENCE)
    (folder / "inputs/evidence/networks/trials.toml").write_text(NETWORK)
    rows = [f"{i},{name},{1000 + 7 * i % 90},{k}" for i in range(20) for k, name in enumerate("ab")]
    (folder / "draws.csv").write_text("\n".join(["draw,strategy,cost,effect", *rows]))
    rows = [f"{i},{i * i % 11 / 10}" for i in range(20)]
    (folder / "values.csv").write_text("\n".join(["draw,hr", *rows]))
    shutil.copytree(folder / _INPUTS, folder / "other/inputs/other")
    _as_workbook(folder / "other/inputs/other/parameters.csv")
    for saved in ("saved", "sound"):
        assert _heecon("run", MODEL, "--out", saved)[0] == 0
    patch.undo()
    return folder


def _as_workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    for cells in csv.reader(path.read_text(encoding="utf-8").splitlines()):
        book.active.append(cells)
    book.save(path.with_suffix(".xlsx"))
    path.unlink()


@pytest.fixture
def folder(sound: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sound folder as the present one; its files are put back afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.chdir(sound)
    yield sound
    for number, handler in kept.items():
        signal.signal(number, handler)


def case(kind: Kind, seed: str, sound: dict[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Spoiled files and a command that reads them."""
    luck = Random(seed)  # noqa: S311
    spoiled = luck.sample(kind.files, 1 if luck.random() < 0.8 else len(kind.files))
    files = {name: kind.spoil(sound[name], luck) for name in spoiled}
    return files, list(luck.choice(kind.commands))


def _fuzz(folder: Path, name: str, first: int, seconds: float) -> str:
    """Run cases for some time; what went wrong."""
    kind = KINDS[name]
    sound = {file: (folder / file).read_bytes() for file in kind.files}
    end, number = time.perf_counter() + seconds, first
    faults = []
    while time.perf_counter() < end:
        seed = f"{name} {number}"
        files, command = case(kind, seed, sound)
        began = time.perf_counter()
        try:
            for file, content in files.items():
                (folder / file).write_bytes(content)
            code, said = _heecon(*command)
        finally:
            for file, content in sound.items():
                (folder / file).write_bytes(content)
        took = time.perf_counter() - began
        if code not in (0, 2) or took > SLOWEST:
            faults.append(f"{seed!r}: {' '.join(command)}: {code}, {took:.0f} s\n{said[-1500:]}")
        number += 1
    print(f"{name}: {number - first} cases from {first}, {len(faults)} faults")
    return "\n".join(faults[:20])


def test_a_few_spoiled_files(folder: Path) -> None:
    for name in KINDS:
        if name != "workbooks":  # an export takes seconds
            assert not _fuzz(folder, name, 0, SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_spoiled_files(folder: Path, name: str) -> None:
    """Others every time, for ten minutes in all."""
    if name == "workbooks":
        assert _heecon("workbook", "export", MODEL, "--draws", "0", "-o", "book.xlsx")[0] == 0
    for command in dict.fromkeys(KINDS[name].commands):
        code, said = _heecon(*command)
        assert code == 0, said  # else the spoiled files would not be reached
    faults = _fuzz(folder, name, int(time.time()), LONG)
    assert not faults, faults
