"""A small valid model on disk that tests break in one place at a time."""

from pathlib import Path

MODEL = """\
[model]
title       = "Small"
cycle       = "1 year"
horizon     = "10 years"
start_age   = 60
correction  = "life_table"
discounting = { cost = "dr", effect = 0.03 }
comparator  = "usual"

[states]
well = { label = "Well" }
ill  = { label = "Ill", tunnel = 2 }
dead = { absorbing = true }

[start]
well = "rest"
ill  = "share_ill"

[strategies]
usual = { label = "Usual" }
new   = { label = "New" }

[variables]
h_ill  = "h_base * hr"
h_dead = "lookup(mortality, age)"

[transitions.well]
rates = { ill = "h_ill", dead = "h_dead" }
[transitions.ill]
rates = { dead = "h_dead * 2", well = "rest" }

[outcomes.cost]
kind  = "cost"
state = { alive = "c_care" }
[outcomes.qaly]
kind  = "qaly"
state = { well = 0.8, ill = 0.5 }
[outcomes.deaths]
kind       = "count"
transition = { "alive -> dead" = 1 }
"""

PARAMETERS = """\
name,strategy,value,low,high,se,distribution,arg1,arg2,correlation_group,tags,status,source
dr,,0.035,,,,,,,,methodological,published,manual
share_ill,,0.1,,,0.02,beta,,,,,trial,a trial
h_base,,0.2,0.1,0.4,,lognormal,,,,baseline_risk,trial,a trial
hr,,1,,,,,,,,,derived,definition
hr,new,0.8,0.7,0.95,,lognormal,,,,relative_effect,trial,a trial
c_care,,500,,,50,gamma,,,,unit_cost,published,a list
"""

MORTALITY = "age,rate\n60,0.01\n65,0.02\n70,0.03\n"

SCENARIO = """\
title   = "Base case"
purpose = "The files as they stand."
"""

FILES = {
    "inputs/small/model.toml": MODEL,
    "inputs/small/parameters.csv": PARAMETERS,
    "inputs/small/tables/mortality.csv": MORTALITY,
    "scenarios/small/base_case.toml": SCENARIO,
}

MODEL_FILE, PARAMETER_FILE, TABLE_FILE, SCENARIO_FILE = FILES


def write(root: Path) -> Path:
    """Write the model below a root; return the scenario's path."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / SCENARIO_FILE


def edit(root: Path, name: str, old: str, new: str) -> None:
    """Replace the one place where a text stands in a file."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
