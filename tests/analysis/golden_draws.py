"""The thousand Sick-Sicker draws of the DARTH tutorial, as outcomes."""

from functools import cache

import numpy as np

from heecon.analysis.outcomes import Outcomes
from tests.golden.published import golden_columns

STRATEGIES = ("SoC", "A", "B", "AB")


@cache
def sick_sicker() -> Outcomes:
    found = golden_columns("darth_indep_psa_out_1000")
    return Outcomes(
        STRATEGIES,
        np.column_stack([found[f"cost_{name}"] for name in STRATEGIES]),
        np.column_stack([found[f"qaly_{name}"] for name in STRATEGIES]),
        parameters=golden_columns("darth_indep_psa_draws_1000"),
    )
