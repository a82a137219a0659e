"""Names of parameters, variables, states, strategies and outcomes: what they may look like."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from heecon.errors import nearest
from heecon.language import FUNCTIONS, name_problem

MAX_LENGTH = 60

BUILT_INS: dict[str, str] = {
    "cycle": "number of the cycle, from 0",
    "time": "years since the start of the model at the start of the cycle",
    "age": "start_age + time, in years",
    "cycle_length": "length of a cycle in years",
    "state_cycle": "cycles spent in the present state so far, from 0",
    "state_time": "years spent in the present state so far, from 0",
}
"""Names every expression may use without declaring them."""

_WORDS = {"rest", "alive", "true", "false", "none"}


def complaint(name: str) -> str:
    """What is wrong with a name, or an empty string."""
    problem = name_problem(name[: MAX_LENGTH + 20])
    if problem:
        return problem
    if len(name) > MAX_LENGTH:
        return f"the name '{name[:20]}...' has {len(name)} characters; at most {MAX_LENGTH} may be"
    # Spreadsheets ignore case: 'Age' would be the same defined name as 'age'.
    if name.lower() in {*_WORDS, *FUNCTIONS, *BUILT_INS}:
        return f"'{name}' is reserved by heecon"
    return ""


def unprintable(text: str, allowed: str = "\n\t") -> str:
    """The first character of a text that nobody can see, as its code; empty if none.

    Controls, invisible format characters, halves of characters and numbers that are none spoil SVG
    and CSV files and can make a terminal show something else.
    """
    if text.isprintable():
        return ""
    for character in text:
        if character not in allowed and _is_unseen(character):
            return f"U+{ord(character):04X}"
    return ""


def _is_unseen(character: str) -> bool:
    code = ord(character)
    if unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return True
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the closest known name, or listing what there is."""
    choices = list(known)
    near = nearest(name, choices)
    if near:
        return f"Did you mean '{near}'?"
    if not choices:
        return ""
    shown = ", ".join(choices[:12]) + (", ..." if len(choices) > 12 else "")
    return f"There is {shown}"


def clash(name: str, taken: Collection[str]) -> str:
    """The name already taken that differs from ``name`` at most by case, or an empty string.

    Spreadsheets do not tell ``r_HD`` from ``r_hd``, so neither may stand beside the other.
    """
    lowered = name.lower()
    return next((other for other in taken if other.lower() == lowered), "")
