"""The kernel of a model whose formulas differ by person: hooks compiled, and kept on disk.

The code of ``microsim_kernel.simulate_block`` is compiled again with hooks made by
``individual_codegen`` in the place of the empty ones. The machine code is kept in a folder of the
user's, named after everything it was made from. Where there can be no such folder, it is compiled
anew in every run, and that is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from heecon.arrays import Floats
from heecon.engine import kernels, microsim_kernel
from heecon.engine.cache_folder import cache_root
from heecon.engine.draw_tables import DrawTables, exit_order_of
from heecon.engine.individual_codegen import IndividualCode, individual_tables
from heecon.engine.kept_code import is_compiled, kept, source_digest
from heecon.engine.rewards import rewards_of
from heecon.engine.strategy_inputs import EvaluatedStrategy
from heecon.errors import Problem
from heecon.language import Tree, namespace
from heecon.model.definition import Formula, Model, Outcome, Start

INSIDE = {**kernels.BARE, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""How functions are compiled that only compiled ones call: in half the time."""

SHORT = 5_000
"""Characters of hooks that are made part of the loop instead of being called from it. That saves a
quarter of the time of a run, but long ones would take longer to compile than they save."""

REMEMBERED = 20
"""Kernels kept while a program runs."""

REMEDIES = {
    microsim_kernel.OUT_OF_RANGE: "Rates must be at least 0, shares and probabilities 0 to 1",
    microsim_kernel.TOO_MUCH: "They must sum to 1, and without a 'rest' not to less either",
    microsim_kernel.NOT_FINITE: (
        "Look for a division or mod by zero, or the time since what never happened"
    ),
}

_KERNELS: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class IndividualKernel:
    """A kernel made for a model.

    Attributes:
        model: the model.
        simulate_block: ``microsim_kernel.simulate_block`` with the model's hooks.
        trees: what the hooks read that people have in common.
        formulas: formulas that may be at fault, with words for what they give.
        starts: start distributions that differ by person.
        individual: whether the hooks do anything.
    """

    model: Model
    simulate_block: Callable[..., int]
    trees: Sequence[Tree] = ()
    formulas: Sequence[tuple[str, Formula]] = ()
    starts: Sequence[Start] = ()
    individual: bool = False

    def start_of(self, tables: DrawTables) -> int:
        """The number of a strategy's start distribution, or -1 if it does not differ by person."""
        start = tables.evaluated.strategy.start or self.model.start
        return next((i for i, known in enumerate(self.starts) if known is start), -1)

    def problem(self, fault: Floats, place: str) -> Problem:
        """What was impossible for one person of a place: see ``microsim_kernel.Tally.fault``."""
        status, number, value, person, cycle = fault.tolist()
        what, formula = self.formulas[int(number)]
        place += f", person {person:.0f}, cycle {cycle:.0f}"
        hint = REMEDIES[int(status)]
        hint += f"; the formula is '{formula.text}' at {formula.where}"
        verb = "are" if what == "start shares" else "is"
        return Problem(place, f"the {what} {verb} {value:.10g}", hint)


def kernel_for(
    model: Model, outcomes: Sequence[Outcome], on_compile: Callable[[], None] | None = None
) -> IndividualKernel:
    """The kernel for a model; the plain one if nothing differs by person.

    Args:
        model: the model.
        outcomes: those counted.
        on_compile: called before anything is compiled.
    """
    if not differs_by_individual(model, outcomes):
        if on_compile is not None and not is_compiled(microsim_kernel.simulate_block):
            on_compile()
        return IndividualKernel(model, microsim_kernel.simulate_block)
    evaluated = EvaluatedStrategy(model, next(iter(model.strategies)))
    transitions = evaluated.transitions
    rewards = rewards_of(evaluated, outcomes, transitions)
    source = IndividualCode(model, exit_order_of(model, transitions), rewards)
    text = source.text()
    kernel = _compiled(text, source.constants(), individual_tables(model))
    if on_compile is not None and not is_compiled(kernel):
        on_compile()
    return IndividualKernel(model, kernel, source.trees, source.formulas, source.starts, True)


def differs_by_individual(model: Model, outcomes: Sequence[Outcome]) -> bool:
    """Whether anything that is simulated differs by person, or entries have types."""
    formulas = [formula for outcome in outcomes for formula in outcome.formulas()]
    formulas += [f for row in model.transitions.values() for f in row.to.values()]
    for start in (model.start, *(s.start for s in model.strategies.values())):
        formulas += list(start.shares.values()) if start else []
    return bool(model.types) or any(map(model.is_individual, formulas))


def _compiled(text: str, constants: dict[str, bool], tables: dict[str, NDArray[np.float64]]) -> Any:
    """The kernel with hooks of this source; numba compiles it on its first call."""
    digest = _digest(f"{text}{constants}", tables)
    known = digest, str(cache_root())
    if known not in _KERNELS:
        while len(_KERNELS) >= REMEMBERED:
            _KERNELS.pop(next(iter(_KERNELS)))
        _KERNELS[known] = _kernel_of(text, constants, tables, digest)
    return _KERNELS[known]


def _kernel_of(
    text: str,
    constants: dict[str, bool],
    tables: dict[str, NDArray[np.float64]],
    digest: str,
) -> Any:
    inside: dict[str, Any] = {**namespace(), **tables, "max": max}
    inside |= {name: getattr(microsim_kernel, name) for name in microsim_kernel.HELPERS}
    inside["__name__"] = microsim_kernel.__name__  # numba imports it when it finds the machine code
    # The source holds only what individual_codegen wrote; there are no built-ins to reach.
    exec(compile(text, "<heecon hooks>", "exec"), inside)  # noqa: S102
    module: dict[str, Any] = {**vars(microsim_kernel), **constants}
    for name in microsim_kernel.HOOKS:
        hook = _renamed(inside[name], digest)
        in_loop = len(text) < SHORT and name not in ("start_probs", "start_reward")
        module[name] = njit(forceinline=in_loop, **INSIDE)(hook)
    for name in (*microsim_kernel.INNER, "simulate_block"):
        function = getattr(microsim_kernel, name)
        plain: FunctionType = getattr(function, "py_func", function)
        moved = _renamed(FunctionType(plain.__code__, module, name), digest)
        if name == "simulate_block":
            module[name] = kept(moved, digest, **kernels.BARE)
        else:
            module[name] = njit(**INSIDE)(moved)
    return module["simulate_block"]


def _renamed(function: FunctionType, digest: str) -> FunctionType:
    """A function under a name no other model's has: machine code is linked by name."""
    function.__name__ = f"{function.__name__}_{digest}"
    function.__qualname__ = function.__name__
    return function


def _digest(text: str, tables: dict[str, NDArray[np.float64]]) -> str:
    """A name for everything the machine code is made from."""
    found = hashlib.sha256(f"{source_digest()}{text}".encode())
    for name, array in sorted(tables.items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()[:32]
