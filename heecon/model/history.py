"""Names for what has happened to a person, which only a simulation of individuals knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

KINDS: Mapping[str, str] = {
    "count": "how often the person has entered the state; starting in it is no entry",
    "time_since": "years since the person was last in the state, 0 while there, infinite if never",
    "ever": "1 if the person is or has been in the state, else 0",
}
"""What comes before ``_<state>``, and what it means."""


@dataclass(frozen=True)
class History:
    """What a name says of a person's past.

    Attributes:
        kind: "count", "time_since" or "ever"; "type" for the type of the latest entry.
        state: the state it is about.
        type: number of the type among the state's types, for "type".
    """

    kind: Literal["count", "time_since", "ever", "type"]
    state: str
    type: int = -1


def history_names(
    states: Collection[str], types: Mapping[str, Collection[str]]
) -> dict[str, History]:
    """The names of the past: ``count_sre``, ``time_since_sre``, ``ever_sre``, ``sre_is_spinal``.

    Args:
        states: names of the states.
        types: names of the types an entry into a state may have, by state.
    """
    found: dict[str, History] = {}
    for state in states:
        found[f"count_{state}"] = History("count", state)
        found[f"time_since_{state}"] = History("time_since", state)
        found[f"ever_{state}"] = History("ever", state)
    for state, named in types.items():
        for number, name in enumerate(named):
            found[f"{state}_is_{name}"] = History("type", state, number)
    return found
