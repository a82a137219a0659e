"""The walk of a model whose formulas differ by person: hooks compiled, and kept on disk.

The code of ``walker.walk`` is compiled again with hooks made by ``hook_source`` in the place of the
empty ones. The machine code is kept in a folder of the user's, named after everything it was made
from. Where there can be no such folder, it is compiled anew in every run, and that is said.
"""

from __future__ import annotations

import hashlib
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import njit
from numba.core.errors import NumbaWarning
from numpy.typing import NDArray

from heecon.engine import kernels, random_numbers, walker
from heecon.engine.cache_folder import cache_root, folder_of, is_compiled
from heecon.engine.common import Common, exits_of
from heecon.engine.hook_source import HookSource, personal_tables
from heecon.engine.rewards import rewards_of
from heecon.engine.strategy_inputs import EvaluatedStrategy
from heecon.errors import Problem
from heecon.language import Tree, namespace, numba_runtime
from heecon.model.definition import Formula, Model, Outcome, Start

Floats = NDArray[np.float64]

INSIDE = {**kernels.BARE, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""How functions are compiled that only compiled ones call: in half the time."""

SHORT = 5_000
"""Characters of hooks that are made part of the loop instead of being called from it. That saves a
quarter of the time of a walk, but long ones would take longer to compile than they save."""

REMEMBERED = 20
"""Walks kept while a program runs."""

_WALKS: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class Hooks:
    """A walk made for a model.

    Attributes:
        model: the model.
        walk: ``walker.walk`` with the model's hooks.
        trees: what the hooks read that people have in common.
        formulas: formulas that may be at fault, with words for what they give.
        starts: start distributions that differ by person.
        personal: whether the hooks do anything.
    """

    model: Model
    walk: Callable[..., int]
    trees: Sequence[Tree] = ()
    formulas: Sequence[tuple[str, Formula]] = ()
    starts: Sequence[Start] = ()
    personal: bool = False

    def start_of(self, common: Common) -> int:
        """The number of a strategy's start distribution, or -1 if it does not differ by person."""
        start = common.evaluated.strategy.start or self.model.start
        return next((i for i, known in enumerate(self.starts) if known is start), -1)

    def problem(self, fault: Floats, place: str) -> Problem:
        """What was impossible for one person of a place: see ``walker.Tally.fault``."""
        status, number, value, person, cycle = fault.tolist()
        what, formula = self.formulas[int(number)]
        place += f", person {person:.0f}, cycle {cycle:.0f}"
        remedy = {
            walker.OUT_OF_RANGE: "Rates must be at least 0, shares and probabilities 0 to 1",
            walker.TOO_MUCH: "They must sum to 1, and without a 'rest' not to less either",
            walker.NOT_FINITE: "Look for a division by zero, or the time since what never happened",
        }[int(status)]
        remedy += f"; the formula is '{formula.text}' at {formula.where}"
        verb = "are" if what == "start shares" else "is"
        return Problem(place, f"the {what} {verb} {value:.10g}", remedy)


def hooks_of(
    model: Model, outcomes: Sequence[Outcome], on_compile: Callable[[], None] | None = None
) -> Hooks:
    """The walk for a model; the plain one if nothing differs by person.

    Args:
        model: the model.
        outcomes: those counted.
        on_compile: called before anything is compiled.
    """
    if not needs_hooks(model, outcomes):
        if on_compile is not None and not is_compiled(walker.walk):
            on_compile()
        return Hooks(model, walker.walk)
    evaluated = EvaluatedStrategy(model, next(iter(model.strategies)))
    transitions = evaluated.transitions
    rewards = rewards_of(evaluated, outcomes, transitions)
    source = HookSource(model, exits_of(model, transitions), rewards)
    text = source.text()
    walk = _compiled(text, source.constants(), personal_tables(model))
    if on_compile is not None and not is_compiled(walk):
        on_compile()
    return Hooks(model, walk, source.trees, source.formulas, source.starts, True)


def needs_hooks(model: Model, outcomes: Sequence[Outcome]) -> bool:
    """Whether anything that is simulated differs by person, or entries have types."""
    formulas = [formula for outcome in outcomes for formula in outcome.formulas()]
    formulas += [f for row in model.transitions.values() for f in row.to.values()]
    for start in (model.start, *(s.start for s in model.strategies.values())):
        formulas += list(start.shares.values()) if start else []
    return bool(model.types) or any(map(model.is_personal, formulas))


def _compiled(text: str, constants: dict[str, bool], tables: dict[str, NDArray[np.float64]]) -> Any:
    """The walk with hooks of this source; numba compiles it on its first call."""
    digest = _digest(f"{text}{constants}", tables)
    known = digest, str(cache_root())
    if known not in _WALKS:
        while len(_WALKS) >= REMEMBERED:
            _WALKS.pop(next(iter(_WALKS)))
        _WALKS[known] = _walk_of(text, constants, tables, digest)
    return _WALKS[known]


def _walk_of(
    text: str,
    constants: dict[str, bool],
    tables: dict[str, NDArray[np.float64]],
    digest: str,
) -> Any:
    inside: dict[str, Any] = {**namespace(), **tables, "max": max}
    inside |= {name: getattr(walker, name) for name in walker.HELPERS}
    inside["__name__"] = walker.__name__  # numba imports it when it finds the machine code
    # The source holds only what hook_source wrote; there are no built-ins to reach.
    exec(compile(text, "<heecon hooks>", "exec"), inside)  # noqa: S102
    own: dict[str, Any] = {**vars(walker), **constants}
    for name in walker.HOOKS:
        hook = _renamed(inside[name], digest)
        inside_loop = len(text) < SHORT and name in ("chances", "count", "count_move")
        own[name] = njit(forceinline=inside_loop, **INSIDE)(hook)
    try:
        file = _stamp(folder_of(digest), text)
    except OSError as error:
        warnings.warn(
            f"the microsimulation's compiled code cannot be kept ({error}), so every start "
            "compiles it anew and takes seconds longer. Set HEECON_CACHE_DIR to a folder that only "
            "you can write to",
            RuntimeWarning,
            stacklevel=2,
        )
        file = None
    for name in (*walker.INNER, "walk"):
        function = getattr(walker, name)
        plain: FunctionType = getattr(function, "py_func", function)
        code = plain.__code__ if file is None else plain.__code__.replace(co_filename=str(file))
        moved = _renamed(FunctionType(code, own, name), digest)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaWarning)
            options = kernels.BARE if name == "walk" else INSIDE
            own[name] = njit(cache=file is not None and name == "walk", **options)(moved)
    return own["walk"]


def _renamed(function: FunctionType, digest: str) -> FunctionType:
    """A function under a name no other model's has: machine code is linked by name."""
    function.__name__ = f"{function.__name__}_{digest}"
    function.__qualname__ = function.__name__
    return function


def _stamp(folder: Path, text: str) -> Path:
    """A file beside which numba keeps machine code. It is for people to read and is never run."""
    file = folder / "hooks.py"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return file


def _digest(text: str, tables: dict[str, NDArray[np.float64]]) -> str:
    """A name for everything the machine code is made from."""
    found = hashlib.sha256()
    for part in (text, numba.__version__, np.__version__):
        found.update(part.encode() + b"\0")
    for module in (walker, random_numbers, numba_runtime):
        found.update(inspect.getsource(module).encode())
    for name, array in sorted(tables.items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()[:32]
