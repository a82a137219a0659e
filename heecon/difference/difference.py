"""The difference between two models, and the models that lie between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from heecon.difference.change import Change, changes_of, changes_without_effect
from heecon.difference.overrides import parameters_given, settings_given
from heecon.difference.parts import KINDS, Content, Field, ModelParts, Part, parts_of_both
from heecon.errors import InputError, Problem
from heecon.files.toml_text import document
from heecon.model.definition import Model
from heecon.model.load import build_model
from heecon.model.parameter import Parameter


@dataclass(frozen=True)
class Difference:
    """What leads from a model A to a model B.

    Attributes:
        a: the parts of A.
        b: the parts of B.
    """

    a: ModelParts
    b: ModelParts

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts that differ, by section in the order of ``KINDS``, in the order of B."""
        sections = list(KINDS)
        differing = [part for part in self._every if not self._same(part)]
        return tuple(sorted(differing, key=lambda part: sections.index(part[0])))

    @property
    def _every(self) -> list[Part]:
        return [*self.b.parts, *(part for part in self.a.parts if part not in self.b.parts)]

    def _same(self, part: Part) -> bool:
        return not self.is_one_sided(part) and self.a.parts[part] == self.b.parts[part]

    def is_one_sided(self, part: Part) -> bool:
        """Whether only A or only B has a part."""
        return (part in self.a.parts) != (part in self.b.parts)

    def sides(self, part: Part) -> tuple[Content | None, Content | None]:
        """What a part is in A and in B; None where there is none."""
        return self.a.parts.get(part), self.b.parts.get(part)

    def describe(self, part: Part) -> list[Change]:
        """What differs inside a part, a change for each formula or number."""
        return changes_of(part, self.a, self.b)

    def changes_without_effect(self) -> list[Change]:
        """What differs without any effect on the base case."""
        return changes_without_effect(self.a, self.b)

    def overrides(self) -> dict[str, dict[str, Any]]:
        """The difference as a scenario of A says it: its settings and parameters.

        Raises:
            InputError: something differs that no scenario can change.
        """
        unsaid = [*filter(_is_unsaid, self.parts), *self._unsaid_metadata()]
        if unsaid:
            raise InputError(
                Problem(".".join(filter(None, place)), "no scenario can change this", _REMEDY)
                for place in unsaid
            )
        a, b = self.a.model, self.b.model
        return {"settings": settings_given(a, b), "parameters": parameters_given(a, b)}

    def _unsaid_metadata(self) -> list[Field]:
        """What the base case does not depend on, differs, and has no place in what is written."""
        a, b = self.a.metadata, self.b.metadata
        return [
            field
            for field in dict.fromkeys([*a, *b])
            if _is_unsaid_metadata(field, *(side.get(field, (None,))[0] for side in (a, b)))
        ]

    def to_toml(self, head: Mapping[str, object]) -> str:
        """The scenario file that makes B of A.

        Args:
            head: the keys above its tables: title, model and the like.

        Raises:
            InputError: as ``overrides``.
        """
        return document(head, self.overrides())

    def intermediate_model(self, taken: Collection[Part], name: str = "model") -> Model:
        """The model A with some of its parts as in B: for the base case only, everything is fixed.

        With all parts that differ, its results are those of B to the last bit.

        Args:
            taken: the parts to take from B.
            name: what to call the model.

        Raises:
            InputError: the parts do not make a model together.
        """
        # In the order of B, so that sums over states and outcomes are rounded as there.
        sections: dict[str, dict[str, Content]] = {section: {} for section in KINDS}
        for part in self._every:
            side = self.b if part in taken else self.a
            if part in side.parts:
                sections[part[0]][part[1]] = side.parts[part]
        return build_model(
            {
                "model": {"title": name, **_settings(sections["model"])},
                "start": sections["start"][""],
                **{section: sections[section] for section in _NAMED},
            },
            [_row(key, value) for key, value in sections["parameters"].items()],
            sections["tables"],
            name,
            joint=sections["joint"] or None,
            patients=sections["patients"] or None,
        )


_REMEDY = "Change the files of the model"
_KEPT = ("label", "tags", "correlation_group")
"""Fields of a parameter that stay those of the row a scenario changes."""
_NAMED = ("states", "strategies", "variables", "transitions", "outcomes", "individuals", "types")


def _is_unsaid(part: Part) -> bool:
    return part[0] not in {"model", "parameters"} or part == ("model", "engine")


def _is_unsaid_metadata(field: Field, before: Content | None, after: Content | None) -> bool:
    section, _, key = field
    if before == after or section == "model":
        return False
    if section == "parameters":
        # A row given anew leaves its group; nothing puts it into one.
        return (
            key in _KEPT
            and None not in (before, after)
            and (key != "correlation_group" or bool(after))
        )
    return section != "joint" or not is_part_of(after, before)


def is_part_of(after: Content | None, before: Content | None) -> bool:
    """Whether a joint distribution is that of some of another one's members."""
    if not after:
        return True
    names = list(before or {})
    return set(after) <= set(names) and all(
        [before[name][names.index(other)] for other in after] == column  # type: ignore[index]
        for name, column in after.items()
    )


def between(a: Model, b: Model) -> Difference:
    """What leads from a model to another."""
    return Difference(*parts_of_both(a, b))


def _settings(parts: Mapping[str, Content]) -> dict[str, Any]:
    found: dict[str, Any] = {"discounting": {}}
    for key, value in parts.items():
        section, _, below = key.partition(".")
        if below:
            found[section][below] = value
        else:
            found[key] = value
    return found


def _row(key: str, value: float) -> Parameter:
    name, _, strategy = key.removesuffix("]").partition("[")
    return Parameter(name, value, strategy or None)
