"""A rule is a class and a section; what else it needs is named here where it is missing.

`python -m tools.book.new rule NAME` writes the skeletons of a new one.
"""

import inspect
from dataclasses import dataclass, fields

import pytest
from oracles import ORACLES

from descent import conventions, rules
from descent.conventions import framework_rule
from descent.conventions._around import Around
from tools.book import catalogue, printed
from tools.check.parity import CASES, PAPERS

NO_FRAMEWORK = {
    "averaged-momentum": "PyTorch's SGD has it, where `dampening` is `momentum`",
    "shampoo": "none of PyTorch, Keras and Optax has it",
    "soap": "none of PyTorch, Keras and Optax has it",
    "schedule-free-adamw": "each corrects v under the root: conventions.ScheduleFree has them all",
    "muon": "each has another scale or order: descent.relatives.FrameworkMuon has them all",
}
"""The rules that no framework has as they are, and what comes near."""

IN_PIECES = {
    "averaged-momentum": "it is momentum at a rate of η (1 − μ), and boxed as that equality",
    "momentum-rmsprop": "its two lines are those of momentum and of RMSprop",
    "shampoo": "its products are of matrices: tests/book/test_matrices.py computes `shampoo-step`",
    "soap": "as Shampoo",
    "schedule-free-adamw": "three sequences: the chapter's test computes `schedule-free-step`",
    "adafactor": "its formulas are those of its docstring; the factorisation alone is boxed",
}
"""The rules without a formula that ends in `-update` and is run as it is printed, and why."""


def of_frameworks():
    """Return the classes of all that the conventions list, and of what those are made of."""
    for name in conventions.names():
        needed = {} if "learning_rate" not in required(name) else {"learning_rate": 0.1}
        rule = framework_rule(name, **needed)
        while isinstance(rule, Around):
            rule = rule.rule
        yield type(rule)


def required(name):
    return set(conventions._lookup.arguments_of(name)) - set(conventions.defaults(name))


FRAMEWORKS = set(of_frameworks())


def missing(name):
    """Yield a sentence for each thing that a rule has not: what it is, and where it goes."""
    kind = type(rules.get(name))
    text = inspect.getdoc(kind) or ""
    for part in ("State:", "Args:", "Raises:", "Source:", ">>>"):
        if part not in text:
            yield f"its docstring in src/descent/rules.py has no {part}"
    for field in fields(kind):
        if f"    {field.name}: " not in text:
            yield f"its docstring in src/descent/rules.py says nothing of {field.name}"
    if kind not in {type(rule) for rule, _ in ORACLES}:
        yield "tests/oracles.py does not write its step as a sum"
    code = f"descent.rules.{kind.__name__}.update"
    boxed = [formula.id for formula in catalogue.book() if formula.code == code]
    run = {one for one in printed.UPDATES if type(printed.UPDATES[one].rule) is kind}
    if not boxed and name not in IN_PIECES:
        yield f"no chapter boxes its formula: a {{formula}} with `:code: {code}`"
    if not run and name not in IN_PIECES:
        yield "its formula is not run as printed: its id ends in `-update`, or printed.py lists it"
    known = any(issubclass(one, kind) for one in FRAMEWORKS) or name in PAPERS
    if not known and name not in NO_FRAMEWORK:
        yield "descent.conventions has no optimiser that is it, and NO_FRAMEWORK here no reason"


@pytest.mark.parametrize("name", rules.names())
def test_a_rule_has_all_that_the_book_asks_of_it(name):
    assert list(missing(name)) == []


def test_every_exception_is_of_a_rule_that_needs_it():
    assert set(IN_PIECES) | set(NO_FRAMEWORK) <= set(rules.names())


@pytest.mark.parametrize("name", conventions.names())
def test_every_optimiser_of_the_conventions_is_compared_with_its_framework(name):
    assert name in {case.name for case in CASES}, (
        "add its hyper-parameters to tools/check/parity.py"
    )


def test_a_rule_with_nothing_but_a_class_is_told_all_that_it_lacks(monkeypatch):
    @dataclass(frozen=True)
    class Bare(rules.Rule):
        """Nothing."""

    monkeypatch.setitem(rules._RULES, "bare", Bare)
    monkeypatch.setattr(rules, "get", lambda name: Bare(0.1))
    said = "\n".join(missing("bare"))
    for place in ("State:", "of lr", "oracles.py", "chapter", "printed.py", "conventions"):
        assert place in said
