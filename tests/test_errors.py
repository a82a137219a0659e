"""The collector of what is wrong, and how errors tell it."""

from __future__ import annotations

import pytest

from heecon.errors import (
    KEPT_PROBLEMS,
    SHOWN_PROBLEMS,
    Diagnostics,
    InputError,
    InvalidValue,
    Problem,
    SimulationError,
)


def test_everything_is_told_once_in_the_order_found() -> None:
    found = Diagnostics()
    found.error("b:1", "first", "Mend it")
    found.warn("c:1", "only said")
    with found.collecting("a:1"):
        raise InvalidValue("second", "Mend it, too")
    found.error("b:1", "first", "Mend it")
    assert [str(one) for one in found.warnings] == ["c:1: only said."]
    with pytest.raises(InputError) as caught:
        found.raise_if_any()
    assert str(caught.value) == "b:1: first. Mend it\na:1: second. Mend it, too"
    assert caught.value.problems == found.errors
    assert caught.value.count == 2


def test_warnings_and_sound_parts_stop_nothing() -> None:
    found = Diagnostics()
    found.warn("", "said")
    with found.collecting("a:1"):
        pass
    found.raise_if_any()
    assert found.found == 0


def test_a_message_is_one_line_that_no_terminal_obeys() -> None:
    problem = Problem("a\nheecon found 0 problems", "\x1b[2Jx\ud800", "caf\u00e9\u202e")
    assert str(problem) == ("a\\nheecon found 0 problems: \\x1b[2Jx\\ud800. caf\u00e9\\u202e")


def test_a_message_is_cut() -> None:
    assert str(Problem("a", "x" * 3_000_000)).endswith("xxx... (3,000,004 characters)")
    assert len(str(Problem("a", "x" * 3_000_000))) < 6_000


def test_other_errors_are_not_collected() -> None:
    found = Diagnostics()
    with pytest.raises(ValueError, match="another"), found.collecting("a:1"):
        raise ValueError("another")


def test_hostile_files_cannot_fill_the_memory_or_the_screen() -> None:
    found = Diagnostics()
    for row in range(KEPT_PROBLEMS + 500):
        found.error(f"a.csv:{row}", "wrong")
    found.error("a.csv:0", "wrong")
    assert len(found.errors) == KEPT_PROBLEMS
    with pytest.raises(InputError) as caught:
        found.raise_if_any()
    assert caught.value.count == KEPT_PROBLEMS + 500
    *told, rest = str(caught.value).splitlines()
    assert len(told) == SHOWN_PROBLEMS
    assert rest == "... and 1,450 more."
    merged = Diagnostics()
    merged.add(caught.value.problems, caught.value.more)
    assert merged.found == caught.value.count


def test_plain_errors_take_one_problem_or_several() -> None:
    one = Problem("draw 1", "the share is 2")
    assert str(SimulationError(one)) == "draw 1: the share is 2."
    assert SimulationError([one, one]).messages() == [str(one)] * 2
