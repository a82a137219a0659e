"""Find models and scenarios by name or path, never outside the folder they belong to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from heecon.errors import InputError, Problem, shown
from heecon.files import names

DEFAULT = "bone_metastases/base_case"

BASE_CASE = "base_case"
"""The scenario a model means that is named without one."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Target:
    """A model folder and, unless the bare model is meant, a scenario file.

    Attributes:
        model: the folder; empty for a scenario file, which names its model inside.
        scenario: the file.
        folders: where scenarios of the model may lie; of two of one name the first counts.
    """

    model: Path
    scenario: Path | None = None
    folders: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def scenario_folder(self) -> Path:
        """Where the scenarios of the model live."""
        return self.scenario.parent if self.scenario is not None else self.folders[-1]


def bundled() -> Path:
    """The folder with the ``inputs/`` and ``scenarios/`` that come with heecon."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "bundled"
    return inside if inside.is_dir() else package.parent


def find(text: str | Path | None = None, *, bare: bool = False) -> Target:
    """Find what a user means.

    Args:
        text: the path of a model folder or a scenario file, or a name such as
            ``bone_metastases`` or ``bone_metastases/base_case``, looked up in the present
            folder's ``inputs/`` and ``scenarios/`` first and among the bundled ones then. None
            means the bundled base case.
        bare: a model without a scenario means its files as they stand, not its base case.

    Raises:
        InputError: nothing of that name, with the closest names there are.
    """
    text = str(text) if text is not None else DEFAULT
    try:
        target = _find(text)
        bare = bare or target.scenario is not None
        return target if bare else replace(target, scenario=_scenario(target, BASE_CASE))
    except OSError as error:
        what = f"this cannot be the path of a model: {error.strerror}"
        raise InputError(Problem(shown(text), what, "Give a folder, a file or a name")) from None


def _find(text: str) -> Target:
    path = Path(text)
    if path.suffix == ".toml" and path.name != "model.toml" and path.is_file():
        # The model is named inside the file; the loader reads it there.
        return Target(Path(), path.resolve())
    if path.name == "model.toml":
        path = path.parent
    if (path / "model.toml").is_file():
        model = path.resolve()
        return Target(model, folders=(model.parent.parent / "scenarios" / model.name,))
    if path.is_file() and (path.parent / "model.toml").is_file():
        hint = f"Name the folder: {path.parent}"
        raise InputError(Problem(text, "this is a file of a model, not the model", hint))
    parts = text.split("/")
    if path.suffix == ".toml" and len(parts) > 2:
        beside = [str(other) for other in path.parent.glob("*.toml")]
        hint = names.did_you_mean(text, beside) or "Check the path"
        raise InputError(Problem(text, "there is no such scenario file", hint))
    if len(parts) <= 2 and all(_NAME.fullmatch(part) for part in parts):
        name, *scenario = parts
        roots = homes(name, Path.cwd(), bundled())
        folders = tuple(root / "scenarios" / name for root in roots)
        target = Target((roots[-1] / "inputs" / name).resolve(), folders=folders)
        file = _scenario(target, scenario[0].removesuffix(".toml")) if scenario else None
        if has_model(roots[-1], name) and (file or not scenario):
            return replace(target, scenario=file)
    for folder in (path, *(root / "inputs" / parts[0] for root in (Path.cwd(), bundled()))):
        file = folder / "model.toml"
        if os.path.lexists(file) and not file.is_file():
            what = "model.toml is not a regular file"
            raise InputError(Problem(str(folder), what, "Put a text file there"))
    if path.exists() and not path.is_dir():
        what = "this is neither a model's folder nor a scenario's file"
        raise InputError(Problem(text, what, "Name a folder with a model.toml, or a .toml file"))
    if path.is_dir():
        what = f"the folder {path} has no model.toml"
        raise InputError(Problem(text, what, "heecon new DIR makes a starter model"))
    hint = names.did_you_mean(text, available())
    raise InputError(Problem(text, "there is no such model or scenario", hint))


def _scenario(target: Target, name: str) -> Path | None:
    """The file of a scenario of the model, if there is one."""
    paths = [folder / f"{name}.toml" for folder in target.folders]
    return next((path.resolve() for path in paths if path.is_file()), None)


def has_model(root: Path, name: str) -> bool:
    """Whether a root has a model of a name."""
    return (root / "inputs" / name / "model.toml").is_file()


def homes(name: str, *roots: Path) -> list[Path]:
    """The roots whose ``scenarios/`` may hold scenarios of a model: up to the first that has it.

    A model hides one of its name in later roots with all that belongs to it.
    """
    first = next((i for i, root in enumerate(roots) if has_model(root, name)), len(roots))
    return list(dict.fromkeys(root.resolve() for root in roots[: first + 1]))


def available(*roots: Path) -> dict[str, Path]:
    """Models and scenarios by the name ``find`` takes: the model's folder, the scenario's file.

    Args:
        roots: where to look; the present folder, then the bundled models, if none is named.
    """
    roots = roots or (Path.cwd(), bundled())
    models = {path.parent.name for root in roots for path in (root / "inputs").glob("*/model.toml")}
    found: dict[str, Path] = {}
    for name in sorted(models):
        places = homes(name, *roots)
        found[name] = places[-1] / "inputs" / name
        paths = [path for root in places for path in (root / "scenarios" / name).glob("*.toml")]
        by_name = {path.stem: path for path in reversed(paths)}
        found |= {f"{name}/{stem}": by_name[stem] for stem in sorted(by_name)}
    return found


def folder_of(text: str | Path | None, name: str) -> Path:
    """The folder of a model that was loaded.

    Args:
        text: what it was loaded from, as for ``find``.
        name: the model's name.

    Raises:
        InputError: as ``find``.
    """
    target = find(text)
    if target.model != Path():
        return target.model
    scenario = target.scenario or Path()
    return model_of(scenario, name, scenario.name)


def evidence_beside(model: Path) -> Path:
    """The folder of the evidence a model may cite: ``evidence/`` beside it, else the bundled one.

    Args:
        model: the model's folder, ``.../inputs/<model>``.
    """
    beside = model.parent / "evidence"
    return beside if (beside / "evidence.csv").is_file() else bundled() / "inputs" / "evidence"


def sibling(folders: Sequence[Path], name: str, where: str, model: str = "") -> Path:
    """The scenario of a name in a folder, or among the local or bundled ones of the same model.

    Args:
        folders: folders of scenarios; the first is the one of the file that asks.
        name: what ``extends = "name"`` says.
        where: place of the key, for messages.
        model: the model, where its name is not that of the first folder.

    Raises:
        InputError: the name is a path, or there is no such file.
    """
    if not _NAME.fullmatch(name):
        what = f"{shown(name)} is not the name of a scenario in this folder"
        hint = "Name a file beside this one, without '.toml' or '/'"
        raise InputError(Problem(where, what, hint))
    own = model or folders[0].name
    roots = homes(own, folders[0].parent.parent, Path.cwd(), bundled())
    places = [*folders, *(root / "scenarios" / own for root in roots)]
    for place in places:
        path = place / f"{name.removesuffix('.toml')}.toml"
        if path.is_file():
            return inside(path, place, where)
    known = [other.stem for place in places for other in place.glob("*.toml")]
    what = f"there is no scenario '{name}' beside this one"
    raise InputError(Problem(where, what, names.did_you_mean(name, dict.fromkeys(known))))


def model_of(scenario: Path, name: str | None, where: str) -> Path:
    """The model folder of a scenario file: ``inputs/<name>`` beside its ``scenarios/``.

    Args:
        scenario: path of the scenario file, ``.../scenarios/<model>/<scenario>.toml``.
        name: the file's ``model`` key, or None for the name of the scenario's folder.
        where: place of the key, for messages.

    Raises:
        InputError: the name is a path, or there is no such model.
    """
    name = scenario.parent.name if name is None else name
    if not _NAME.fullmatch(name):
        what = f"{shown(name)} is not the name of a model"
        raise InputError(Problem(where, what, "Name a folder of inputs/, without '/'"))
    roots = [scenario.parent.parent.parent, Path.cwd(), bundled()]
    for root in roots:
        folder = root / "inputs" / name
        if (folder / "model.toml").is_file():
            return inside(folder, root, where)
    known = [
        entry.parent.name for root in roots for entry in (root / "inputs").glob("*/model.toml")
    ]
    what = f"there is no model '{name}' in inputs/"
    raise InputError(Problem(where, what, names.did_you_mean(name, dict.fromkeys(known))))


def inside(path: Path, folder: Path, where: str = "") -> Path:
    """The real path, which must lie in the folder after links are followed.

    Args:
        path: a path of the folder.
        folder: the folder.
        where: what messages call the path; its name when empty.

    Raises:
        InputError: it lies elsewhere.
    """
    where = where or path.name
    try:
        real = path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        raise InputError(Problem(where, "the link leads nowhere", "Put the file there")) from None
    if not real.is_relative_to(folder.resolve()):
        what = "the file leads out of its folder"
        hint = "Model files must lie in the model's folder: copy the file there instead of linking"
        raise InputError(Problem(where, what, hint))
    return real
