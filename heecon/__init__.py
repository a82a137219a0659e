"""heecon: cost-effectiveness models an assessor can check.

    import heecon as he

    model = he.load("inputs/bone_metastases")
    result = he.run(model)
    for row in result.incremental():
        print(row.strategy, row.icer, row.explanation)

The names below are the public interface; each is imported when it is first used, so that
``import heecon`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from heecon.analysis.evaluation import Evaluation, run
    from heecon.analysis.incremental import Totals, fully_incremental, net_benefit, pairwise
    from heecon.errors import HeeconError, InputError, Problem, SimulationError
    from heecon.model.definition import Model
    from heecon.model.load import build_model, load
    from heecon.model.parameter import Parameter

_HOMES = {
    "Evaluation": "heecon.analysis.evaluation",
    "HeeconError": "heecon.errors",
    "InputError": "heecon.errors",
    "Model": "heecon.model.definition",
    "Parameter": "heecon.model.parameter",
    "Problem": "heecon.errors",
    "SimulationError": "heecon.errors",
    "Totals": "heecon.analysis.incremental",
    "build_model": "heecon.model.load",
    "fully_incremental": "heecon.analysis.incremental",
    "load": "heecon.model.load",
    "net_benefit": "heecon.analysis.incremental",
    "pairwise": "heecon.analysis.incremental",
    "run": "heecon.analysis.evaluation",
}

__all__ = [
    "Evaluation",
    "HeeconError",
    "InputError",
    "Model",
    "Parameter",
    "Problem",
    "SimulationError",
    "Totals",
    "__version__",
    "build_model",
    "fully_incremental",
    "load",
    "net_benefit",
    "pairwise",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'heecon' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
