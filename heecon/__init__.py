"""heecon: cost-effectiveness models an assessor can check.

    import heecon as he

    model = he.load("bone_metastases")
    model.run().incremental
    model.psa(1000).plot.ce_plane()

The public names are those of ``heecon.api``, which is imported when one of them is first used, so
that ``import heecon`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from heecon.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    # A module of the package is asked for here before it is imported, and must not bring all else.
    if not name.startswith("_") and find_spec(f"heecon.{name}") is None:
        api = import_module("heecon.api")
        if name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module 'heecon' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(["__version__", *import_module("heecon.api").__all__])
