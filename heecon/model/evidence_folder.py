"""The evidence beside the models: the registry and its networks, read when they are cited."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from heecon.errors import InputError, InvalidValue, Problem, shown
from heecon.evidence.registry import Registry, read_registry
from heecon.evidence.synthesis import Synthesis, read_synthesis
from heecon.files import locate, names
from heecon.files.toml_file import TomlFile, read_toml
from heecon.model.blocks import Joints
from heecon.model.citation import network_covariance
from heecon.model.parameter import Parameter


@lru_cache(maxsize=4)
def _read_once(path: Path, called: str, stamp: tuple[int, int]) -> Registry:
    """The registry, read again only when the file has changed: a family has many scenarios."""
    del stamp
    return read_registry(path, called)


class EvidenceFolder:
    """The evidence a model cites; nothing is read before it is cited.

    Attributes:
        folder: where it lies, see ``locate.evidence_beside``.
        paths: the files that were read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self._registry: Registry | None = None
        self._networks: dict[str, Synthesis] = {}

    def registry(self) -> Registry:
        """The registry of evidence."""
        if self._registry is None:
            path, called = self._file("evidence.csv")
            stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else (0, 0)
            self._registry = _read_once(path, called, stamp)
        return self._registry

    def network(self, name: str, method: str | None = None) -> Synthesis:
        """The network of a name, combined.

        Args:
            name: of its file in networks/.
            method: another one than the file's, for comparison only.

        Raises:
            InvalidValue: there is no such network.
            InputError: its file, or the registry, has a problem.
        """
        known = self.networks()
        if name not in known:
            raise InvalidValue(f"unknown network {shown(name)}", names.did_you_mean(name, known))
        if method is None and name in self._networks:
            return self._networks[name]
        registry = self.registry()
        file = self._file(f"networks/{name}.toml")
        found = read_synthesis(*file, registry, method, self._base)
        if method is None:
            self._networks[name] = found
        return found

    def networks(self) -> list[str]:
        """Names of the networks there are."""
        return [path.stem for path in sorted((self.folder / "networks").glob("*.toml"))]

    def joints(self, parameters: Sequence[Parameter]) -> Joints:
        """Covariances of the effects that are drawn together, by network."""
        cited: dict[str, dict[str, str]] = {}
        for row in parameters:
            name, _, treatment = row.evidence.partition("/")
            if treatment and row.correlation_group == name:
                cited.setdefault(name, {})[row.key] = treatment
        return {name: network_covariance(of, self.network(name)) for name, of in cited.items()}

    def _base(self, name: str) -> TomlFile:
        """The file of a network that another one extends."""
        if name not in self.networks():
            hint = names.did_you_mean(name, self.networks())
            raise InputError(Problem("extends", f"unknown network {shown(name)}", hint))
        return read_toml(*self._file(f"networks/{name}.toml"))

    def _file(self, name: str) -> tuple[Path, str]:
        """The real path of a file, and what messages call it."""
        path = self.folder / name
        called = f"{self.folder.name}/{name}"
        real = locate.inside(path, self.folder, called)
        self.paths.append(path)
        return real, called
