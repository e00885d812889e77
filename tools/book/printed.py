r"""The formulas whose printed LaTeX is evaluated, and what it is compared with.

A formula whose id ends in `-update` is run beside its own code; another is added by one line: its
id, the rule that computes it, and the formulas that it needs. The letters of the formula are the
package's names, by `LETTERS`; a rule whose state or hyper-parameters have another name says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import numpy as np

from descent import rules, schedules
from descent.conventions import framework_rule
from descent.identify import latex
from descent.rules import Rule
from descent.schedules import Schedule
from tools.book import catalogue, myst

LETTERS = {
    "mu": "momentum",
    "rho": "rho",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "varepsilon": "eps",
    "lambda": "weight_decay",
}
"""The hyper-parameter of a rule that a letter stands for."""


@dataclass(frozen=True)
class Update:
    """An update rule as printed.

    Attributes:
        rule: what computes it.
        needs: ids of the formulas that define the letters it takes over.
        letters: the rule's own attributes of other letters.
        eta: the attribute that holds η_t.
    """

    rule: Rule
    needs: tuple[str, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    eta: str = "lr"


def lr(t: int) -> float:
    """Return a rate that is another one at each step, so that no index of η can slip."""
    return 0.1 / (1 + 0.3 * t)


MOMENTS = ("adam-moments", "adam-bias-correction")
BETAS = {"beta1": 0.8, "beta2": 0.95}
GENERIC = {"momentum": 0.8, "rho": 0.95, **BETAS, "eps": 0.01, "weight_decay": 0.2}
TORCH_SGD = framework_rule("torch.optim.SGD", lr=lr, momentum=0.8)

LISTED = {
    "momentum-outside": Update(TORCH_SGD),
    "rmsprop-centered": Update(rules.CenteredRMSprop(lr, 0.95, 0.8, eps=0.01)),
    "adadelta-update": Update(rules.Adadelta(1.0, 0.95, eps=0.01)),
    "adam-unrolled": Update(rules.Adam(lr, **BETAS), (MOMENTS[1], "adam-update")),
    "adam-epsilon-hat": Update(rules.Adam(lr, **BETAS, eps=0.01), MOMENTS[:1]),
    "adamw-update": Update(
        rules.AdamW(0.3, **BETAS, eps=0.01, weight_decay=0.2, multiplier=lr),
        MOMENTS,
        letters={"alpha": "lr"},
        eta="multiplier",
    ),
}
"""The formulas that are run otherwise than by their own code at `GENERIC` hyper-parameters."""


def of_code(formula: myst.Formula) -> Update:
    """Return a formula as its own rule, with the moments that it names and does not define."""
    kind = getattr(rules, formula.code.split(".")[2])
    known = {field.name for field in fields(kind)}
    rule = kind(lr, **{name: value for name, value in GENERIC.items() if name in known})
    borrows = r"\hat m_t" in formula.latex and r"\hat m_t &=" not in formula.latex
    return Update(rule, MOMENTS if borrows else ())


UPDATES = LISTED | {
    formula.id: of_code(formula)
    for formula in catalogue.book()
    if formula.id.endswith("-update") and formula.id not in LISTED
}
"""Every formula whose id ends in `-update`, and a few more."""

SCHEDULES: dict[str, tuple[Schedule, dict[str, str]]] = {
    "schedule-step": (schedules.Step(0.3, 7, 0.5), {"gamma": "gamma", "k": "every"}),
    "schedule-exponential": (schedules.Exponential(0.3, 0.9), {"gamma": "gamma"}),
    "schedule-cosine": (schedules.Cosine(0.3, 60, 0.01), {"T": "steps", "eta_min": "lr_min"}),
    "schedule-warmup": (
        schedules.LinearWarmup(0.3, 60, 0.2),
        {"w": "steps", "s": "start_factor"},
    ),
    "schedule-inverse-sqrt": (schedules.InverseSquareRoot(0.3, 20), {"w": "warmup"}),
}


def ids() -> set[str]:
    """Return the ids of all formulas that are evaluated as they are printed."""
    return {
        *UPDATES,
        *SCHEDULES,
        *(formula_id for update in UPDATES.values() for formula_id in update.needs),
    }


@cache
def in_the_book() -> dict[str, str]:
    """Return the LaTeX of each formula of the book."""
    return {formula.id: formula.latex for formula in catalogue.book()}


def printed_run(
    update: Update, texts: Sequence[str], x: Any, gradients: Sequence[Any]
) -> latex.Evaluation:
    """Return the run that formulas as printed make from x along these gradients.

    What they do not print of the start is that of the rule.
    """
    rule = update.rule
    names = {**LETTERS, **update.letters}
    constants = {k: getattr(rule, v) for k, v in names.items() if hasattr(rule, v)}
    shape = dict(zip(("rows", "columns"), np.shape(x), strict=False))
    return latex.Evaluation(
        statements=[statement for text in texts for statement in latex.statements(text)],
        constants=constants | shape,
        given={
            "g": lambda t: gradients[t - 1],
            "eta": lambda t: rules.at(getattr(rule, update.eta), t),
        },
        starts={**rule.init(x)._asdict(), "x": x},
        functions={"NewtonSchulz": rules.newton_schulz},
    )


def disagreement(update: Update, texts: Sequence[str], x: Any, gradients: Sequence[Any]) -> float:
    """Return how far formulas as printed part from their rule, in x and in the state.

    It is the largest difference at any step, relative by coordinate to the distance travelled.

    Raises:
        ValueError: the formulas leave the LaTeX that is understood, or do not define x.
    """
    printed = printed_run(update, texts, x, gradients)
    defined = {
        statement.name
        for statement in printed.statements
        if statement.step is None or statement.step.base
    }
    state = update.rule.init(x)
    compared = ["x", *(name for name in state._fields if name in defined)]
    ours, theirs = [], []
    for t, g in enumerate([None, *gradients]):
        if g is not None:
            x, state = update.rule.update(x, g, state)
        values = {**state._asdict(), "x": x}
        ours.append([values[name] for name in compared])
        theirs.append([printed.at(name, t) + 0 * x for name in compared])
    return _apart(np.array(ours), np.array(theirs))


def _apart(ours: Any, theirs: Any) -> float:
    """Return the largest difference by coordinate, relative to the distance travelled."""
    travelled = np.abs(np.diff(ours, axis=0)).sum(axis=0)
    difference = np.abs(ours - theirs).max(axis=0)
    return float(rules.quotient(difference, travelled).max())


def rates_apart(name: str, text: str, steps: int) -> float:
    """Return how far a schedule as printed parts from its function, relative to its rate η."""
    schedule, letters = SCHEDULES[name]
    constants = {letter: getattr(schedule, attribute) for letter, attribute in letters.items()}
    run = latex.Evaluation(latex.statements(text), {"eta": schedule.lr, **constants})
    apart = max(abs(run.at("eta", t) - schedule(t)) for t in range(1, steps + 1))
    return float(apart) / schedule.lr
