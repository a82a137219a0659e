"""Scenarios: order of overrides, evidence, subsets; models built in code; what is shipped."""

import tomllib
from pathlib import Path

import numpy as np
import openpyxl
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.errors import InputError
from heecon.files import locate
from heecon.model.check_model import all_formulas
from heecon.model.load import load
from tests.model.small import MODEL_FILE, PARAMETER_FILE, SCENARIO_FILE, edit, write

ROOT = Path(__file__).parent.parent.parent


def scenario(root: Path, name: str, text: str) -> Path:
    path = root / "scenarios" / "small" / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_it_extends_goes_first(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(
        tmp_path,
        "a",
        'title = "A"\nextends = "base_case"\n[parameters]\nc_care = 1\nh_base = 0.5\n',
    )
    path = scenario(tmp_path, "b", 'title = "B"\nextends = "a"\n[parameters]\nc_care = 2\n')
    values = load(path).values("usual")
    assert (values["c_care"], values["h_base"]) == (2, 0.5)


def test_a_bare_number_is_an_assumption_of_the_scenario(tmp_path: Path) -> None:
    write(tmp_path)
    model = load(scenario(tmp_path, "a", 'title = "Mine"\n[parameters]\nc_care = 750\n'))
    row = model.rows(None)["c_care"]
    assert row.status == "assumption"
    assert "Mine" in row.source
    assert row.distribution is not None
    assert row.distribution.family == "fixed"
    assert row.tags == ("unit_cost",)
    assert row in model.assumptions


def test_a_table_brings_its_own_evidence(tmp_path: Path) -> None:
    write(tmp_path)
    text = (
        'c_care = { value = 750, se = 75, distribution = "gamma", status = "trial", source = "x" }'
    )
    model = load(scenario(tmp_path, "a", f'title = "A"\n[parameters]\n{text}\n'))
    row = model.rows(None)["c_care"]
    assert (row.status, row.source) == ("trial", "x")
    assert row.distribution is not None
    assert row.distribution.describe() == "gamma(shape=100, scale=7.5)"


def test_a_value_for_one_strategy(tmp_path: Path) -> None:
    write(tmp_path)
    model = load(scenario(tmp_path, "a", 'title = "A"\n[parameters]\nc_care = { new = 9 }\n'))
    assert model.values("new")["c_care"] == 9
    assert model.values("usual")["c_care"] == 500


def test_settings_and_strategies(tmp_path: Path) -> None:
    write(tmp_path)
    text = 'title = "A"\nstrategies = ["new", "usual"]\n'
    text += '[settings]\nhorizon = "2 years"\ncorrection = "end"\n'
    model = load(scenario(tmp_path, "a", text))
    assert list(model.strategies) == ["new", "usual"]
    assert model.settings.cycles == 2
    assert model.settings.correction.method == "end"
    assert model.settings.title == "Small"


def test_rows_of_dropped_strategies_are_dropped(tmp_path: Path) -> None:
    write(tmp_path)
    model = load(scenario(tmp_path, "a", 'title = "A"\nstrategies = ["usual"]\n'))
    assert "hr[new]" not in [row.key for row in model.parameters]


def problem(path: Path) -> he.Problem:
    with pytest.raises(he.InputError) as refused:
        load(path)
    (found,) = refused.value.problems
    return found


def test_a_value_that_would_change_nothing_is_refused(tmp_path: Path) -> None:
    """Every strategy has its own row, which goes before a value for all."""
    write(tmp_path)
    edit(tmp_path, PARAMETER_FILE, "hr,,1,,,,,,,", "hr,usual,1,,,,,,,")
    found = problem(scenario(tmp_path, "a", 'title = "A"\n[parameters]\nhr = 0.5\n'))
    assert found.where == "small/a.toml:3:6 (parameters.hr)"
    assert "has a row for each strategy" in found.what
    assert found.hint == "Say which: hr = { usual = ..., new = ... }"


def test_settings_are_placed_in_the_file_they_come_from(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(tmp_path, "a", 'title = "A"\nstrategies = ["nwe", "usual"]\n[settings]\nmax_age = 0\n')
    path = scenario(tmp_path, "b", 'title = "B"\nextends = "a"\n[settings]\ncycle = "1 yaer"\n')
    with pytest.raises(he.InputError) as refused:
        load(path)
    assert [one.where for one in refused.value.problems] == [
        "small/a.toml:4:11 (model.max_age)",
        "small/a.toml:2:15 (strategies)",
        "small/b.toml:4:9 (model.cycle)",
    ]


def test_the_last_file_that_names_strategies_decides(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(tmp_path, "a", 'title = "A"\nstrategies = ["new", "usual"]\n')
    scenario(tmp_path, "b", 'title = "B"\nextends = "a"\n')
    path = scenario(tmp_path, "c", 'title = "C"\nextends = "b"\nstrategies = ["usual"]\n')
    assert list(load(tmp_path / "inputs/small", "b").strategies) == ["new", "usual"]
    assert list(load(path).strategies) == ["usual"]
    assert load(path).scenario.title == "C"
    assert [file.name for file in load(path).files][-3:] == [
        f"scenarios/small/{name}.toml" for name in "abc"
    ]


def test_a_circle_of_scenarios(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(tmp_path, "a", 'title = "A"\nextends = "b"\n')
    found = problem(scenario(tmp_path, "b", 'title = "B"\nextends = "a"\n'))
    assert found.where == "small/a.toml:2:11 (extends)"
    assert "'b' leads back" in found.what


def test_a_long_chain_of_scenarios(tmp_path: Path) -> None:
    write(tmp_path)
    for i in range(30):
        path = scenario(tmp_path, f"s{i}", f'title = "{i}"\nextends = "s{i + 1}"\n')
    found = problem(path.with_name("s0.toml"))
    assert found.what == "more than 20 scenarios extend each other"


MIX = """\
m1,,0.5,,,,dirichlet,5,,mix,,trial,a trial
m2,,0.3,,,,dirichlet,3,,mix,,trial,a trial
m3,,0.2,,,,dirichlet,2,,mix,,trial,a trial
"""


def with_mix(root: Path) -> None:
    write(root)
    with (root / PARAMETER_FILE).open("a") as file:
        file.write(MIX)
    edit(root, MODEL_FILE, '"h_base * hr"', '"h_base * hr * (m1 + m2 + m3)"')


def test_shares_of_a_whole_are_changed_together(tmp_path: Path) -> None:
    """With one share fixed, the others would sum to one in every draw."""
    with_mix(tmp_path)
    assert load(tmp_path / "inputs/small").blocks["mix"].names == ("m1", "m2", "m3")
    found = problem(scenario(tmp_path, "a", 'title = "A"\n[parameters]\nm1 = 0.4\n'))
    assert "group 'mix': the base values sum to 0.5, not 1" in found.what
    model = load(scenario(tmp_path, "a", 'title = "A"\n[parameters]\nm1 = 1\nm2 = 0\nm3 = 0\n'))
    assert model.blocks == {}
    counts = "".join(
        f'm{i} = {{ value = {v}, distribution = "dirichlet", arg1 = {10 * v} }}\n'
        for i, v in ((1, 0.2), (2, 0.2), (3, 0.6))
    )
    model = load(scenario(tmp_path, "a", f'title = "A"\n[parameters]\n{counts}'))
    assert model.blocks["mix"].counts.tolist() == [2, 2, 6]
    assert model.warnings == ()


def test_a_share_off_its_counts_is_a_warning(tmp_path: Path) -> None:
    with_mix(tmp_path)
    edit(tmp_path, PARAMETER_FILE, "dirichlet,3,", "dirichlet,4,")
    warnings = load(tmp_path / "inputs/small").warnings
    assert len(warnings) == 3
    assert "parameters.csv:9:3 (value): m2: the base value 0.3" in warnings[1]
    assert "which is 0.363636" in warnings[1]


def test_a_bad_row_of_a_group_is_one_problem(tmp_path: Path) -> None:
    with_mix(tmp_path)
    edit(tmp_path, PARAMETER_FILE, "dirichlet,3,", "dirichlet,many,")
    assert problem(tmp_path / "inputs/small").where == "parameters.csv:9:8 (arg1)"


def test_a_fixed_member_leaves_its_group(tmp_path: Path) -> None:
    """What is left of a normal distribution, or of joint draws, is that of the other members."""
    write(tmp_path)
    rows = "h_base,,0.2,0.1,0.4,,lognormal,,,,", "c_care,,500,,,50,gamma,,,,"
    for old, value in zip(rows, ("h_base,,0.2", "c_care,,500"), strict=True):
        edit(tmp_path, PARAMETER_FILE, old, f"{value},,,,empirical,,,pair,")
    joint = tmp_path / "inputs/small/joint/pair.csv"
    joint.parent.mkdir()
    joint.write_text("c_care,h_base\n400,0.1\n600,0.3\n")
    path = scenario(tmp_path, "a", 'title = "A"\n[parameters]\nc_care = 450\n')
    model = load(path)
    assert model.blocks["pair"].names == ("h_base",)
    assert model.blocks["pair"].matrix.tolist() == [[0.1], [0.3]]
    assert model.warnings == (
        "joint/pair.csv: c_care is not uncertain in this group: its column is not used.",
    )
    joint.rename(joint.with_name("pear.csv"))
    assert problem(path).hint == "Did you mean 'pear'?"
    joint.with_name("pear.csv").rename(joint)
    joint.with_name("spare.csv").write_text("a,b\n1,2\n")
    assert "joint/spare.csv is used by no parameter." in load(path).warnings
    joint.write_text("c_care,h_base,x\n400,0.1,1\n600,0.3,1\n")
    assert "has the column 'x', which is no parameter" in problem(path).what


def test_a_covariance_is_square(tmp_path: Path) -> None:
    write(tmp_path)
    edit(tmp_path, PARAMETER_FILE, "500,,,50,gamma,,,", "500,,,,multivariate_normal,,,g")
    joint = tmp_path / "inputs/small/joint/g.csv"
    joint.parent.mkdir()
    joint.write_text("c_care\n1\n2\n")
    assert "has 2 rows for 1 parameters" in problem(tmp_path / "inputs/small").what
    edit(tmp_path, PARAMETER_FILE, "0.1,0.4,,lognormal,,,", ",,,empirical,,,g")
    assert "the group 'g' mixes distributions" in problem(tmp_path / "inputs/small").what


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_state_named_itself_goes_before_alive(order: tuple[int, ...], tmp_path: Path) -> None:
    write(tmp_path)
    moves = ['"alive -> dead" = 1', '"ill -> dead" = 5', '"alive->alive" = 7']
    edit(tmp_path, MODEL_FILE, '"alive -> dead" = 1', ", ".join(moves[i] for i in order))
    edit(tmp_path, MODEL_FILE, '{ alive = "c_care" }', '{ ill = 3, alive = "c_care" }')
    outcomes = load(tmp_path / "inputs/small").outcomes
    assert {edge: f.text for edge, f in outcomes["deaths"].transition.items()} == {
        ("well", "dead"): "1",
        ("ill", "dead"): "5",
        ("well", "ill"): "7",
        ("ill", "well"): "7",
    }
    assert {state: f.text for state, f in outcomes["cost"].state.items()} == {
        "well": "c_care",
        "ill": "3",
    }


def test_warnings_of_what_is_probably_not_meant(tmp_path: Path) -> None:
    write(tmp_path)
    edit(tmp_path, PARAMETER_FILE, "500,,,50,gamma", "500,,,50,")
    edit(
        tmp_path, MODEL_FILE, '{ alive = "c_care" }', '{ alive = "c_care" }\nperspective = ["payr"]'
    )
    assert load(tmp_path / "inputs/small").warnings == (
        "parameters.csv:7:3 (value): c_care has a standard error but no distribution: it is fixed.",
        "no outcome is of the perspective 'payer': all that name one are left out. "
        "Did you mean 'payr'?",
    )


def test_analyses_are_merged_by_key(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(tmp_path, "a", 'title = "A"\n[analyses.psa]\ndraws = 100\nseed = 3\n')
    path = scenario(tmp_path, "b", 'title = "B"\nextends = "a"\n[analyses.psa]\ndraws = 200\n')
    assert load(path).scenario.analyses == {"psa": {"draws": 200, "seed": 3}}


def test_scenario_by_name(tmp_path: Path) -> None:
    write(tmp_path)
    scenario(tmp_path, "a", 'title = "A"\n[parameters]\nc_care = 1\n')
    model = load(tmp_path / "inputs" / "small", scenario="a")
    assert model.values(None)["c_care"] == 1
    with pytest.raises(he.InputError, match="Did you mean 'a'"):
        load(tmp_path / "inputs" / "small", scenario="aa")
    with pytest.raises(he.InputError, match="not the name of a scenario"):
        load(tmp_path / "inputs" / "small", scenario="../small/a")


def test_a_local_scenario_of_a_bundled_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What README shows works for somebody who has only installed heecon."""
    folder = tmp_path / "scenarios" / "bone_metastases"
    folder.mkdir(parents=True)
    text = 'title = "Ours"\nextends = "base_case"\n[parameters]\nstart_age = 60\n'
    (folder / "ours.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("bone_metastases/ours", "scenarios/bone_metastases/ours.toml"):
        model = load(name)
        assert model.scenario.title == "Ours"
        assert model.values(None)["start_age"] == 60


def test_a_workbook_of_parameters_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path)
    from_csv = load(path)
    table = tmp_path / PARAMETER_FILE
    book = openpyxl.Workbook()
    for number, line in enumerate(table.read_text().splitlines()):
        cells = line.split(",")
        book.active.append([float(c) if number and _is_number(c) else c or None for c in cells])
    table.unlink()
    book.save(table.with_suffix(".xlsx"))
    from_xlsx = load(path)
    for one, other in zip(from_csv.parameters, from_xlsx.parameters, strict=True):
        assert (one.key, one.value, one.distribution, one.status, one.source) == (
            other.key, other.value, other.distribution, other.status, other.source,
        )  # fmt: skip


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_joint_parameters_from_files(tmp_path: Path) -> None:
    path = write(tmp_path)
    table = tmp_path / PARAMETER_FILE
    lines = table.read_text().splitlines()
    lines[3] = "h_base,,0.2,,,,multivariate_lognormal,,,eff,baseline_risk,trial,a trial"
    lines[5] = "hr,new,0.8,,,,multivariate_lognormal,,,eff,relative_effect,trial,a trial"
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(he.InputError, match=r"needs the file joint/eff.csv"):
        load(path)
    joint = tmp_path / "inputs/small/joint/eff.csv"
    joint.parent.mkdir()
    joint.write_text("hr[new],h_base\n0.01,0.002\n0.002,0.04\n")
    block = load(path).blocks["eff"]
    assert block.names == ("h_base", "hr[new]")
    assert block.matrix.tolist() == [[0.04, 0.002], [0.002, 0.01]]
    joint.write_text("hr[new],h_bsae\n0.01,0.002\n0.002,0.04\n")
    with pytest.raises(he.InputError, match=r"has no column 'h_base'.*Did you mean 'h_bsae'"):
        load(path)
    joint.write_text("hr[new],h_base\n0.01,0.02008\n0.02008,0.04\n")
    model = load(path)
    assert model.blocks["eff"].matrix == pytest.approx(np.array([[0.04, 0.02], [0.02, 0.01]]))
    (warning,) = model.warnings
    assert "joint/eff.csv: these covariances are impossible together, by rounding" in str(warning)
    assert "The largest change of a correlation is 0.004" in str(warning)
    joint.write_text("hr[new],h_base\n0.01,0.9\n0.9,0.04\n")
    with pytest.raises(he.InputError, match="not positive definite"):
        load(path)


def test_a_value_off_its_distribution_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path)
    table = tmp_path / PARAMETER_FILE
    table.write_text(
        table.read_text().replace("c_care,,500,,,50,gamma,,", "c_care,,500,,,,gamma,4,150")
    )
    (warning,) = load(path).warnings
    assert "parameters.csv:7:3" in warning
    assert "c_care: the base value 500 is not the mean of gamma(shape=4, scale=150)" in warning
    assert "mean 600" in warning


def test_an_unused_parameter_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path)
    with (tmp_path / PARAMETER_FILE).open("a") as file:
        file.write("spare,,1,,,,,,,,,published,a list\n")
    (warning,) = load(path).warnings
    assert "'spare' is used by no expression" in warning


def test_a_claim_without_a_source_counts_as_an_assumption(tmp_path: Path) -> None:
    path = write(tmp_path)
    table = tmp_path / PARAMETER_FILE
    table.write_text(table.read_text().replace("published,a list", "published,"))
    model = load(path)
    assert [row.name for row in model.assumptions] == ["c_care"]
    assert "names no source" in model.warnings[0]


def test_built_in_code_equals_loaded_from_files() -> None:
    folder = ROOT / "inputs" / "sick_sicker"
    loaded = load(folder)
    definition = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
    tables = {
        name: {"key": table.keys.tolist(), **{c: v.tolist() for c, v in table.columns.items()}}
        for name, table in loaded.tables.items()
    }
    built = he.Model.from_dict(definition, loaded.parameters, tables)
    assert [f.text for f in all_formulas(built)] == [f.text for f in all_formulas(loaded)]
    assert [f.tree for f in all_formulas(built)] == [f.tree for f in all_formulas(loaded)]
    assert list(built.variables) == list(loaded.variables)
    assert built.parameters == loaded.parameters
    assert run(built).cost() == run(loaded).cost()
    assert run(built).qalys() == run(loaded).qalys()


def test_everything_wrong_in_code_is_said_at_once() -> None:
    definition = {
        "model": {"title": 5, "cycle": "1 yaer", "discounting": {"cost": 0, "effect": "dr"}},
        "states": {"a": {}, "d": {"absorbing": True}},
        "start": {"a": 1},
        "strategies": {"s": {}},
        "transitions": {"a": {"rates": {"d": "lookup(t, r, age)"}}},
        "outcomes": {"y": {"kind": "life_year", "state": {"alive": 1}}},
    }
    parameters = [
        he.Parameter("p", float("nan")),
        he.Parameter("q", "5"),  # type: ignore[arg-type]
        he.Parameter("r s", 1),
        he.Parameter("t", 1, tags=("prise",), status="guess"),
        he.Parameter("u", 1),
        he.Parameter("u", 2),
        he.Parameter("v", np.float64(1), strategy="z"),
    ]
    tables = {"t": {"age": [0, 1], "r": [0.1, None]}, "u": {"x": [1], "y": [1, 2]}}
    with pytest.raises(he.InputError) as refused:
        he.Model.from_dict(
            definition, parameters, {"t": {"age": [0, 1], "r": [np.float64(0.1), 2]}}
        )
    found = {(one.where, one.what.split("\n")[0]) for one in refused.value.problems}
    assert found == {
        ("parameter 'p'", "the value nan is not a finite number"),
        ("parameter 'q'", "the value '5' is not a finite number"),
        ("parameter 'r s'", "'r s' is not a name: use letters a-z, digits and '_', a letter first"),
        ("parameter 't'", "unknown tag 'prise'"),
        ("parameter 't'", "unknown status 'guess'"),
        ("parameter 'u'", "parameter 'u' stands twice (first at parameter 'u')"),
        ("parameter 'v[z]'", "parameter 'v' is for the unknown strategy 'z'"),
        ("tables/t", "table 't' has the name of the parameter 't'"),
        ("definition (model.title)", "this should be text in quotes, not 5"),
        ("definition (model.cycle)", "'1 yaer' has no known unit of time"),
        ("definition (model.discounting.effect)", "unknown name 'dr'"),
    }
    with pytest.raises(he.InputError) as refused:
        he.Model.from_dict(definition, {"p": 1}, tables)  # type: ignore[arg-type]
    assert [str(one) for one in refused.value.problems][:2] == [
        "table 't':2:2 (r): 'None' is not a number. Write a plain decimal number: 1234.5",
        "table 'u': its columns have the lengths [1, 2]. Give every column one value a row",
    ]


def test_parameters_as_plain_numbers() -> None:
    definition = {
        "model": {
            "title": "x", "cycle": "1 year", "horizon": "3 cycles",
            "discounting": {"cost": 0, "effect": 0},
        },
        "states": {"a": {}, "d": {"absorbing": True}},
        "start": {"a": 1},
        "strategies": {"s": {}},
        "transitions": {"a": {"probabilities": {"a": "rest", "d": "p"}}},
        "outcomes": {"y": {"kind": "life_year", "state": {"alive": 1}}},
    }  # fmt: skip
    model = he.Model.from_dict(definition, {"p": 0.5})
    assert run(model).life_years()["s"] == pytest.approx(0.75 + 0.375 + 0.1875)
    with pytest.raises(he.InputError, match="not a finite number"):
        he.Model.from_dict(definition, {"p": float("nan")})
    with pytest.raises(he.InputError, match="reserved"):
        he.Model.from_dict(definition, {"p": 0.5, "time": 1.0})


def test_the_flagships_life_table_is_one() -> None:
    table = load("bone_metastases").tables["uk_female"]
    rates = np.asarray(table.column(None))
    assert np.array_equal(table.keys, np.arange(101))
    assert ((rates > 0) & (rates < 1)).all()
    assert (np.diff(rates[30:]) > 0).all()  # mortality doubles about every eight years


def test_the_default_is_shipped() -> None:
    assert locate.DEFAULT in locate.available(ROOT)
    assert load().scenario.name == Path(SCENARIO_FILE).stem


def test_the_life_table_gives_the_life_expectancies_ons_prints() -> None:
    """ONS national life tables, United Kingdom, 2018-2020: females 82.9 at birth, 21.0 at 65.

    Bulletin of 23 September 2021. Central death rates m: survival over a year is exp(-m), years
    lived (1 - exp(-m)) / m; the rate at 100 holds for ever.
    """
    rates = np.asarray(load("bone_metastases").tables["uk_female"].column(None))
    assert len(rates) == 101

    def expectancy(age: int) -> float:
        m = rates[age:]
        alive = np.exp(-np.concatenate(([0.0], np.cumsum(m[:-1]))))
        lived = (1 - np.exp(-m)) / m
        lived[-1] = 1 / m[-1]
        return float(alive @ lived)

    assert expectancy(0) == pytest.approx(82.9, abs=0.1)
    assert expectancy(65) == pytest.approx(21.0, abs=0.1)


@pytest.mark.parametrize(
    ("source", "scenario"), [("starter/base_case", None), ("starter", "base_case"), (None, None)]
)
def test_no_scenario_beside_a_named_one(source: str | None, scenario: str | None) -> None:
    with pytest.raises(InputError, match="--no-scenario: a scenario is named"):
        load(source, scenario, no_scenario=True)
