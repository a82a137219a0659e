"""Find models and scenarios by name or path, never outside the folder they belong to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heecon.errors import InputError, Problem, shown
from heecon.files import names

DEFAULT = "bone_metastases/base_case"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Target:
    """A model folder and, unless the bare model is meant, a scenario file."""

    model: Path
    scenario: Path | None = None

    @property
    def scenario_folder(self) -> Path:
        """Where the scenarios of the model live."""
        if self.scenario is not None:
            return self.scenario.parent
        return self.model.parent.parent / "scenarios" / self.model.name


def bundled() -> Path:
    """The folder with the ``inputs/`` and ``scenarios/`` that come with heecon."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "bundled"
    return inside if inside.is_dir() else package.parent


def find(text: str | Path | None = None) -> Target:
    """Find what a user means.

    Args:
        text: the path of a model folder or a scenario file, or a name such as
            ``bone_metastases`` or ``bone_metastases/base_case``, looked up in the present
            folder's ``inputs/`` and ``scenarios/`` first and among the bundled ones then. None
            means the bundled base case.

    Raises:
        InputError: nothing of that name, with the closest names there are.
    """
    text = str(text) if text is not None else DEFAULT
    try:
        return _find(text)
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
        return Target(path.resolve())
    parts = text.split("/")
    if path.suffix == ".toml" and len(parts) > 2:
        beside = [str(other) for other in path.parent.glob("*.toml")]
        hint = names.did_you_mean(text, beside) or "Check the path"
        raise InputError(Problem(text, "there is no such scenario file", hint))
    if len(parts) <= 2 and all(_NAME.fullmatch(part) for part in parts):
        for root in (Path.cwd(), bundled()):
            target = _in(root, parts)
            if target is not None:
                return target
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
    known = [name for root in (Path.cwd(), bundled()) for name in available(root)]
    hint = names.did_you_mean(text, dict.fromkeys(known))
    raise InputError(Problem(text, "there is no such model or scenario", hint))


def available(root: Path) -> list[str]:
    """Names of the models below a root and of their scenarios, as ``find`` takes them."""
    found: list[str] = []
    for folder in sorted((root / "inputs").glob("*/model.toml")):
        model = folder.parent.name
        found.append(model)
        scenarios = sorted((root / "scenarios" / model).glob("*.toml"))
        found += [f"{model}/{path.stem}" for path in scenarios]
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
    places = [*folders, *(root / "scenarios" / own for root in (Path.cwd(), bundled()))]
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


def _in(root: Path, parts: list[str]) -> Target | None:
    """A model below a root, or a scenario there of a model there or of one that is bundled."""
    models = [place / "inputs" / parts[0] for place in (root, bundled())]
    folder = next((model for model in models if (model / "model.toml").is_file()), None)
    if folder is None:
        return None
    if len(parts) == 1:
        return Target(folder.resolve())
    scenario = root / "scenarios" / parts[0] / f"{parts[1].removesuffix('.toml')}.toml"
    return Target(folder.resolve(), scenario.resolve()) if scenario.is_file() else None
