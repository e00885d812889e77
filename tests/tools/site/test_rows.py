"""A displayed formula in rows: the book's formulas, each equation whole and none lost."""

import re

import pytest

from tools.book import lock_formulas
from tools.site import rows

FORMULAS = {one.id: one.latex for one in lock_formulas.book()}


def squeezed(latex):
    """Return LaTeX without what only places it: spaces, columns, lines, environments."""
    table = rows.TABLE.fullmatch(latex)
    inner = re.sub(r"\\\\\[\w+\]|\\\\|&", "", table[2]) if table else latex
    return re.sub(r"\\quad|\\qquad|\s", "", inner)


@pytest.mark.parametrize("formula_id", FORMULAS)
def test_the_equations_are_the_formula(formula_id):
    latex = FORMULAS[formula_id]
    parts = [one for line in rows.lines(latex) for _, one in rows.equations(line)]
    if "cases" not in latex:
        assert squeezed("".join(parts)) == squeezed(latex)
    for part in parts:
        assert part.count("{") == part.count("}")
        assert part.count(r"\left") - part.count(r"\leftarrow") == len(
            re.findall(r"\\right(?!arrow)", part)
        )
        assert part.count(r"\begin") == part.count(r"\end")


@pytest.mark.parametrize("formula_id", FORMULAS)
def test_braces_that_hold_a_line_together_are_all_that_is_added(formula_id):
    for line in rows.lines(FORMULAS[formula_id]):
        changed = rows.breakable(line).replace(r"\allowbreak", "")
        assert re.sub(r"[{}]", "", changed) == re.sub(r"[{}]", "", line)
        assert changed.count("{") == changed.count("}")


def test_adams_moments_are_three_equations():
    (line,) = rows.lines(FORMULAS["adam-moments"])
    assert [gap for gap, _ in rows.equations(line)] == [0, 2, 2]
    assert rows.equations(line)[2][1] == "m_0 = v_0 = 0"


def test_a_space_within_a_group_parts_nothing():
    line = r"f = \begin{cases} a & b, \quad c \end{cases}, \quad \left( d \quad e \right)"
    assert len(rows.equations(line)) == 2


def test_an_interval_that_is_half_open_stays_as_it_is():
    assert rows.breakable(r"x \in [0, 1)") == r"x \in [0, 1)"


def test_brackets_of_a_size_and_arrows_are_no_groups():
    latex = r"a \leftarrow b \quad c \rightarrow \left[ d \right. \quad e"
    assert [one for _, one in rows.equations(latex)] == [
        r"a \leftarrow b",
        r"c \rightarrow \left[ d \right.",
        "e",
    ]
