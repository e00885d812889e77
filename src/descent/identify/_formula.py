"""A formula as a candidate: its letters get values, and it is run as it is printed."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from descent.identify import latex
from descent.identify._candidate import Candidate, NotRunnableError, Stepper
from descent.identify.latex import Equation, Evaluation, Node

POINTS = ("theta", "x", "w", "W", "p", "omega")
"""What the parameters are called."""

GRADIENT = ("g", "dw", "dW", "dx", "dtheta", "nabla")

VALUES = {
    "eta": ("lr", 0.001),
    "alpha": ("lr", 0.001),
    "gamma": ("lr", 0.001),
    "lr": ("lr", 0.001),
    "beta_1": ("beta1", 0.9),
    "beta_2": ("beta2", 0.999),
    "beta1": ("beta1", 0.9),
    "beta2": ("beta2", 0.999),
    "varepsilon": ("eps", 1e-8),
    "epsilon": ("eps", 1e-8),
    "delta": ("eps", 1e-8),
    "eps": ("eps", 1e-8),
    "lambda": ("weight_decay", 0.01),
    "wd": ("weight_decay", 0.01),
}
"""What a letter is, and the value that it is given."""

RATE = ("rate", 0.9)
"""What a letter is that weighs the past."""

RATES = ("mu", "rho", "beta")
"""Letters that weigh the past wherever they stand."""


def candidate_of(text: str) -> Candidate:
    """Return the candidate that a formula in LaTeX is.

    Raises:
        NotRunnableError: it is not in the LaTeX that is understood, or leaves something open.
    """
    try:
        found = latex.ordered(latex.statements(text))
        formula = Formula(found)
    except latex.UnreadableError as error:
        raise NotRunnableError(str(error)) from error
    letters = ", ".join(f"{name} = {value:g}" for name, value in formula.constants.items())
    candidate = Candidate(
        "formula",
        formula.fresh,
        {},
        dict(formula.constants),
        owns_x=True,
        guess=f"a formula for {formula.point}" + (f" with {letters}" if letters else ""),
    )
    try:
        candidate.visit(np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.25, -2.0]]))
    except (ValueError, TypeError) as error:
        raise NotRunnableError(str(error)) from error
    return candidate


class Formula:
    """Statements with values for their letters.

    Attributes:
        point: the name of the parameters.
        constants: the values of the letters.
    """

    def __init__(self, found: Sequence[Equation]) -> None:
        self.statements = list(found)
        defined = {statement.name for statement in found}
        self.point = next((name for name in POINTS if name in defined), "")
        if not self.point:
            raise latex.UnreadableError("no equation gives θ, x or w: nothing is updated")
        self.used = [node for statement in found for node in _nodes(statement)]
        self.gradient = next(
            (n for n in GRADIENT if n not in defined and n in {u.name for u in self.used}), ""
        )
        calls = [node for node in self.used if node.kind == "call" and node.name == "gradient"]
        self.where = self._place(calls[0].parts) if calls else None
        self.first = 0 if self._counts_from_zero() else 1
        self.constants = self._constants(defined)
        if not self.gradient and not calls:
            raise latex.UnreadableError("no gradient, g or ∇f, is in the formula")

    def _place(self, where: Sequence[Node]) -> Node | None:
        """Return where the gradient is taken; None where that is the last point.

        A point without a step, in equations that have steps, is that before the step.
        """
        steps = [s.step for s in self.statements if s.name == self.point and s.step is not None]
        has_steps = any(step.base for step in steps)
        if not where or (where[0].name == self.point and where[0].step is None and has_steps):
            return None
        return where[0]

    def _counts_from_zero(self) -> bool:
        """Whether all is set at t + 1, and the step count is t + 1 where it is a number."""
        steps = [
            statement.step
            for statement in self.statements
            if statement.step and statement.step.base
        ]
        if not steps or any(step.offset != 1 for step in steps):
            return False
        powers = [node for node in self.used if node.kind == "pow"]
        counts = [node.parts[1] for node in powers if any(n.kind == "t" for n in node.parts[1])]
        return bool(counts) and all(node.kind == "add" for node in counts)

    def _constants(self, defined: set[str]) -> dict[str, float]:
        """Return the value of each letter that no equation gives.

        Raises:
            UnreadableError: a letter is not known.
        """
        past = {name for statement in self.statements for name in _weights_of_the_past(statement)}
        found: dict[str, float] = {}
        for node in self.used:
            name = node.name
            is_name = node.kind == "name" and name not in (*defined, self.gradient, "s")
            if not is_name or name in found:
                continue
            known = self.meaning(name)
            if name in past and (known is None or known[0] == "lr"):
                known = RATE
            if known is None:
                raise latex.UnreadableError(
                    f"no equation gives {name}, and no rule has such a letter"
                )
            found[name] = known[1]
        return found

    def meaning(self, letter: str) -> tuple[str, float] | None:
        """Return what a letter is, and its value; beside a δ, ε is the learning rate."""
        name = letter.removesuffix("_t")
        names = {node.name for node in self.used}
        if name in ("epsilon", "varepsilon") and "delta" in names and not names & {"eta", "alpha"}:
            return VALUES["eta"]
        return RATE if name in RATES else VALUES.get(name)

    def fresh(self, x: Any) -> Stepper:
        """Return the formula begun at x."""
        gradients: list[Any] = []
        run = self._run(x, gradients)
        offset = next(o.step.offset for o in self.statements if o.name == self.point and o.step)
        t = self.first - 1

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            gradients.append(g)
            here = run.at(self.point, t + offset)
            if self.where is None:
                return here
            gradients.append(None)  # where the next is taken needs no gradient
            try:
                return run.value(self.where, {"t": t + 1})
            finally:
                gradients.pop()

        return step

    def _run(self, x: Any, gradients: list[Any]) -> Evaluation:
        names = {statement.name for statement in self.statements} - {self.point}
        offset = self._gradient_offset()

        def gradient(t: int) -> Any:
            k = t - offset - self.first
            if not 0 <= k < len(gradients) or gradients[k] is None:
                return 0 * x if k < 0 else _missing(t)
            return gradients[k]

        given = {self.gradient: gradient} if self.gradient else {}
        given |= {n: _constant(v) for n, v in self.constants.items()}
        starts = dict.fromkeys(names, 0 * x) | {self.point: x}
        return _Given(
            self.statements,
            dict(self.constants),
            given,
            starts,
            {},
            self.first,
            gradients=gradients,
        )

    def _gradient_offset(self) -> int:
        offsets = [
            n.step.offset
            for n in self.used
            if n.name == self.gradient and n.step and n.step.base == "t"
        ]
        return max(offsets, default=0)


class _Given(Evaluation):
    """A run whose gradients are handed in, wherever they are said to be taken."""

    def __init__(self, *arguments: Any, gradients: list[Any]) -> None:
        super().__init__(*arguments)
        self.gradients = gradients

    def _called(self, e: Node, values: list[Any]) -> Any:
        if e.name != "gradient":
            return super()._called(e, values)
        return self.gradients[-1]


def _constant(value: float) -> Any:
    return lambda step: value


def _missing(t: int) -> Any:
    raise latex.UnreadableError(f"the gradient of step {t} is asked for before it is there")


def _nodes(statement: Equation) -> Iterator[Node]:
    yield from statement.value
    if statement.condition is not None:
        yield from statement.condition


def _weights_of_the_past(statement: Equation) -> Iterator[str]:
    """Yield the letters L of 1 − L, and of L m for the last m of the statement itself."""
    for node in statement.value:
        if node.kind == "sub" and node.parts[0].value == 1 and node.parts[1].kind == "name":
            yield node.parts[1].name
        if node.kind == "mul":
            names = [part for part in node.parts if part.kind == "name"]
            if len(names) == 2 and any(n.name == statement.name for n in names):
                yield from (n.name for n in names if n.name != statement.name)
