"""The letters of a formula have the meaning that they have there."""

import re

import pytest

from tools.book import lock_formulas, notation

FORMULAS = {formula.id: formula for formula in lock_formulas.book()}


@pytest.mark.parametrize(
    ("formula", "letter", "meaning"),
    [
        ("adam-update", r"\hat m_t", "average of $g$, corrected for starting at zero"),
        ("amsgrad-update", r"\hat v_t", "AMSGrad's largest $v$ so far"),
        ("adamax-update", r"\beta_2", "decay rate of AdaMax's maximum"),
        ("lion-update", r"\beta_2", "decay rate of the average of $g$"),
        ("adamw-update", r"\eta_t", "schedule of step and decay, a pure number"),
        (
            "adadelta-update",
            r"\varepsilon",
            "the small number that keeps a denominator from zero, inside the root",
        ),
        ("rmsprop-update", r"\rho", "decay rate of the averages of RMSprop and Adadelta"),
        ("momentum-best", r"\rho", "factor by which an error shrinks in a step"),
        ("adamw-update", r"\lambda", "weight decay"),
        ("momentum-noise", r"\lambda", "curvature along one direction"),
        ("sgd-averaging", r"\bar x_T", "mean of the first $T$ iterates"),
        ("gd-convex-bound", r"x^\star", "a minimiser of $f$"),
        ("gd-descent-lemma", r"\lVert x \rVert", "Euclidean norm"),
        ("init-he", r"n_\text{in}", "width of a layer's input"),
        ("schedule-step", "k", "steps between two drops"),
        ("batch-linear-scaling", "k", "factor of the size of the minibatch"),
    ],
)
def test_a_letter_has_the_meaning_that_it_has_in_this_formula(formula, letter, meaning):
    found = {one.latex: one.meaning for one in notation.symbols(FORMULAS[formula])}
    assert found.get(letter) == meaning


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=lambda formula: formula.id)
def test_a_letter_means_one_thing_in_a_formula(formula):
    found = [one.latex for one in notation.symbols(formula)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("formula", "letter"),
    [
        ("backprop-cost", "n"),  # a number of inputs, not of examples
        ("adam-nonconvergence-drift", "n"),  # a period
        ("adamax-step-bound", "q"),  # defined there
        ("schedule-one-cycle", "s"),  # the argument of C
    ],
)
def test_a_letter_of_its_own_is_not_explained_by_another(formula, letter):
    assert letter not in {one.latex for one in notation.symbols(FORMULAS[formula])}


def test_every_symbol_of_the_table_is_read_and_confined_to_what_exists():
    table = notation.PAGE.read_text(encoding="utf-8").partition("| symbol |")[2]
    first_cells = re.findall(r"^\| (\$.*?) \|", table, re.MULTILINE)
    symbols = [symbol for cell in first_cells for symbol in re.findall(r"\$([^$]+)\$", cell)]
    assert [symbol.latex for _, symbol in notation.table()] == symbols
    stems = {formula.page.stem for formula in FORMULAS.values()}
    assert all(symbol.pages <= stems | FORMULAS.keys() for _, symbol in notation.table())


def test_sizes_spaces_and_words_are_no_letters():
    text = r"\Bigl( a \, \sqrt{b} \Bigr) \\[1ex] \quad \text{for } \operatorname{sign}(c)"
    assert [key[1] for key in notation.letters(text)] == ["a", "b", "c"]
