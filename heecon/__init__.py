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
    from heecon.analysis.acceptability import acceptability
    from heecon.analysis.change_log import change_log
    from heecon.analysis.engines import with_engine
    from heecon.analysis.evaluation import Evaluation, run
    from heecon.analysis.evppi import evppi
    from heecon.analysis.evsi import evsi
    from heecon.analysis.incremental import Totals, fully_incremental, net_benefit, pairwise
    from heecon.analysis.morris import run_morris
    from heecon.analysis.one_way import one_way
    from heecon.analysis.outcomes import Outcomes, read_outcomes
    from heecon.analysis.price import discount_grid, value_based_price
    from heecon.analysis.psa import run_psa
    from heecon.analysis.scenarios import run_scenarios
    from heecon.analysis.sobol import run_sobol
    from heecon.analysis.threshold import threshold_analysis
    from heecon.analysis.two_way import two_way
    from heecon.errors import HeeconError, InputError, Problem, SimulationError
    from heecon.model.definition import Model
    from heecon.model.load import build_model, load
    from heecon.model.parameter import Parameter
    from heecon.workbook.export import export_workbook
    from heecon.workbook.importer import import_workbook

_HOMES = {
    "Evaluation": "heecon.analysis.evaluation",
    "HeeconError": "heecon.errors",
    "InputError": "heecon.errors",
    "Model": "heecon.model.definition",
    "Outcomes": "heecon.analysis.outcomes",
    "Parameter": "heecon.model.parameter",
    "Problem": "heecon.errors",
    "SimulationError": "heecon.errors",
    "Totals": "heecon.analysis.incremental",
    "acceptability": "heecon.analysis.acceptability",
    "build_model": "heecon.model.load",
    "change_log": "heecon.analysis.change_log",
    "discount_grid": "heecon.analysis.price",
    "evppi": "heecon.analysis.evppi",
    "evsi": "heecon.analysis.evsi",
    "export_workbook": "heecon.workbook.export",
    "fully_incremental": "heecon.analysis.incremental",
    "import_workbook": "heecon.workbook.importer",
    "load": "heecon.model.load",
    "net_benefit": "heecon.analysis.incremental",
    "one_way": "heecon.analysis.one_way",
    "pairwise": "heecon.analysis.incremental",
    "read_outcomes": "heecon.analysis.outcomes",
    "run": "heecon.analysis.evaluation",
    "run_morris": "heecon.analysis.morris",
    "run_psa": "heecon.analysis.psa",
    "run_scenarios": "heecon.analysis.scenarios",
    "run_sobol": "heecon.analysis.sobol",
    "threshold_analysis": "heecon.analysis.threshold",
    "two_way": "heecon.analysis.two_way",
    "value_based_price": "heecon.analysis.price",
    "with_engine": "heecon.analysis.engines",
}

__all__ = [
    "Evaluation",
    "HeeconError",
    "InputError",
    "Model",
    "Outcomes",
    "Parameter",
    "Problem",
    "SimulationError",
    "Totals",
    "__version__",
    "acceptability",
    "build_model",
    "change_log",
    "discount_grid",
    "evppi",
    "evsi",
    "export_workbook",
    "fully_incremental",
    "import_workbook",
    "load",
    "net_benefit",
    "one_way",
    "pairwise",
    "read_outcomes",
    "run",
    "run_morris",
    "run_psa",
    "run_scenarios",
    "run_sobol",
    "threshold_analysis",
    "two_way",
    "value_based_price",
    "with_engine",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'heecon' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
