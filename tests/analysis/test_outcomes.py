"""Draws from elsewhere: read, checked, put together."""

from pathlib import Path

import numpy as np
import pytest

import heecon as he
from heecon.analysis.draws_file import read_outcomes
from heecon.analysis.outcomes import Outcomes


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ROWS = ("draw,strategy,cost,effect", "1,old,10,1", "1,new,30,1.5", "2,old,12,0.9", "2,new,28,1.25")


def test_rows_in_any_order_give_the_same_draws(tmp_path: Path) -> None:
    straight = read_outcomes(written(tmp_path, "a.csv", *ROWS))
    assert straight.strategies == ("old", "new")
    assert straight.reference == "old"
    np.testing.assert_array_equal(straight.cost, [[10, 30], [12, 28]])
    np.testing.assert_array_equal(straight.effect, [[1, 1.5], [0.9, 1.25]])
    shuffled = (ROWS[0], ROWS[1], ROWS[4], ROWS[3], ROWS[2])
    again = read_outcomes(written(tmp_path, "b.csv", *shuffled))
    np.testing.assert_array_equal(again.cost, straight.cost)


def test_columns_in_any_order_and_more_of_them(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "cost,note,effect,draw,strategy", "5,x,1,1,a", "6,y,2,1,b")
    found = read_outcomes(path, comparator="b")
    assert found.cost.tolist() == [[5, 6]]
    assert found.reference == "b"


def test_parameters_beside_the_draws(tmp_path: Path) -> None:
    draws = written(tmp_path, "a.csv", *ROWS)
    parameters = written(tmp_path, "p.csv", "draw,hr,cost", "1,0.8,5", "2,0.9,6")
    found = read_outcomes(draws, parameters)
    assert {key: list(column) for key, column in found.parameters.items()} == {
        "hr": [0.8, 0.9],
        "cost": [5, 6],
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("draw,strategy,cost", "1,a,2"), "no column effect"),
        (("draw,strategy,cost,effect", "1,a,two,1"), r"a.csv:2.*'two' is not a number"),
        (("draw,strategy,cost,effect", "1,a,nan,1"), "not a finite number"),
        (("draw,strategy,cost,effect", "1,a,2,1", "1,a,2,1"), "a.csv:3: draw 1 of a stands twice"),
        (("draw,strategy,cost,effect", "1,a,2,1", "1,b,2,1", "2,a,2,1"), "draw 2 has no row for b"),
        (("draw,strategy,cost,effect",), "there are no rows"),
        (("draw,strategy,cost,effect", '1,"a', 'b",2,1'), r"a.csv:2: 'a\\nb' is no name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(he.InputError, match=message):
        read_outcomes(written(tmp_path, "a.csv", *lines))


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ROWS[0], "1,a,x,1", "1,b,2,y")
    with pytest.raises(he.InputError) as error:
        read_outcomes(path)
    assert len(error.value.problems) == 2


def test_parameters_that_do_not_fit(tmp_path: Path) -> None:
    draws = written(tmp_path, "a.csv", *ROWS)
    with pytest.raises(he.InputError, match="1 rows of parameters for 2 draws"):
        read_outcomes(draws, written(tmp_path, "p.csv", "hr", "0.8"))
    with pytest.raises(he.InputError, match=r"p.csv:3.*not a number"):
        read_outcomes(draws, written(tmp_path, "p.csv", "hr", "0.8", "high"))


def test_an_unknown_comparator_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(he.InputError, match=r"unknown strategy 'nwe'.*new"):
        read_outcomes(written(tmp_path, "a.csv", *ROWS), comparator="nwe")


def test_means_and_net_benefit_by_hand() -> None:
    outcomes = Outcomes(("a", "b"), np.array([[1.0, 5], [3, 5]]), np.array([[1.0, 2], [1, 4]]))
    assert [(row.cost, row.effect) for row in outcomes.means()] == [(2, 1), (5, 3)]
    np.testing.assert_array_equal(outcomes.nmb(10.0), [[9, 15], [7, 35]])


def test_draws_follow_one_another() -> None:
    first = Outcomes(
        ("a",), np.array([[1.0]]), np.array([[2.0]]), {"x": np.array([3.0])}, thresholds=(5.0,)
    )
    second = Outcomes(("a",), np.array([[4.0]]), np.array([[5.0]]), {"x": np.array([6.0])})
    both = first.followed_by(second)
    assert both.cost.tolist() == [[1], [4]]
    assert both.effect.tolist() == [[2], [5]]
    assert both.parameters["x"].tolist() == [3, 6]
    assert both.thresholds == (5.0,)
