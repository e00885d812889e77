"""Notebooks in which a rule is written and graded: for nbgrader and for otter-grader.

A task is its text, a signature, and a solution; points come from `descent.identify.grade`, part by
part. The student's notebook says what to look at, the instructor's also what an answer is: a
misprint is named with its erratum.
"""

import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from descent import rules
from descent.identify import grade
from tools.book import catalogue, myst, project
from tools.notebook import files
from tools.notebook.generate import INSTALL, KERNEL
from tools.site.downloads import link
from tools.teaching import document
from tools.teaching.exercises import Cell

BLANK = "# YOUR CODE HERE\nraise NotImplementedError()"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
IMPORT = "import numpy as np"


@dataclass(frozen=True)
class Task:
    """Something to write, and how it is graded.

    Attributes:
        name: of its files.
        title: what is to be written.
        text: the task in Markdown.
        formulas: the ids of the formulas that say it.
        signature: the first line of the function.
        solution: the lines of its body.
        check: code that grades what `answers` has by name: `points` has 0 or 1 for each part,
            `hint` one sentence on what to look at.
        verdict: code that prints what the answer is, for the instructor.
        parts: the names of the parts.
    """

    name: str
    title: str
    text: str
    formulas: tuple[str, ...]
    signature: str
    solution: str
    check: str
    verdict: str
    parts: tuple[str, ...]

    @property
    def function(self) -> str:
        """Return the name of the function."""
        return self.signature.removeprefix("def ").partition("(")[0]

    def answer(self, body: str) -> str:
        """Return the function with a body."""
        return f"{self.signature}\n{textwrap.indent(body, '    ')}"


OF_A_RULE = """\
Write {title} as a function of the point $x$, the gradient $g$ and what it keeps from one step to
the next. It returns the new point and what it keeps; at the first step `state` is `None`. It is
called with numbers and with arrays, hundreds of times, and leaves $x$ and $g$ as they are."""


CHECK_RULE = """\
from descent.identify import handed_in

graded = handed_in(answers, "{name}")
points, hint = graded.points, graded.hint"""
VERDICT_RULE = """\
import contextlib
import io

from descent import rules
from descent.identify import identify
from descent.misprints import MISPRINTS

draw = np.random.default_rng(0)
gradients = draw.choice([-1, 1], 120) * 10.0 ** draw.uniform(-9, 1, 120)


def path(step):
    x, state, points = np.array([-1.0]), None, []
    with np.errstate(all="ignore"):
        for g in gradients:
            x, state = step(x.copy(), np.array([g]), state)
            points.append(x)
    return np.array(points)


def is_like(misprint):
    def step(x, g, state):
        return misprint.update(x, g, misprint.init(x) if state is None else state)

    found, known = path(globals()["step"]), path(step)
    return np.allclose(found, known, rtol=1e-9, atol=0, equal_nan=True)


def verdict():
    known = [
        name
        for name, misprint in MISPRINTS.items()
        if misprint.of is type(rules.get("{name}")) and is_like(misprint())
    ]
    named = [f"{{name}} {{MISPRINTS[name].erratum}} {{MISPRINTS[name].__doc__}}" for name in known]
    return "\\n".join(one.splitlines()[0] for one in named) or identify(step)


try:
    with contextlib.redirect_stdout(io.StringIO()):  # what the answer prints
        is_run = any(points.values()) or hint.startswith("It does not run")
        said = verdict() if is_run else hint
    print(said)
except Exception as error:
    print(f"It does not run: {{error!r}}")"""


def of_rule(
    name: str, title: str, formulas: tuple[str, ...], arguments: str, solution: str
) -> Task:
    """Return the task of writing a rule of `descent.rules`, graded at its defaults."""
    return Task(
        name=name,
        title=title,
        text=OF_A_RULE.format(title=title),
        formulas=formulas,
        signature=f"def step(x, g, state, {arguments}):",
        solution=textwrap.dedent(solution).strip(),
        check=CHECK_RULE.format(name=name),
        verdict=VERDICT_RULE.format(name=name),
        parts=tuple(grade(rules.get(name), name).points),
    )


CHECK_BACKWARD = """\
from descent.backprop.check import differences
from descent.identify import slip

draw = np.random.default_rng(0)
X, W, b, G = (draw.normal(size=size) for size in ((4, 3), (3, 2), 2, (4, 2)))
expected = {
    "X": differences(lambda X: np.sum(G * (X @ W + b)), X),
    "W": differences(lambda W: np.sum(G * (X @ W + b)), W),
    "b": differences(lambda b: np.sum(G * (X @ W + b)), b),
}
said, found, hint = slip(answers, "backward", (X, W, b, G), (X, W, b), 3), {}, ""
try:
    if not said.is_fatal:
        given = (one.copy() for one in (X, W, b, G))
        found = dict(zip(expected, map(np.asarray, answers["backward"](*given))))
except Exception as error:
    hint = f"It does not run: {error!r}."
points = {"runs": int(bool(found) and not said.breaks)}
for name, g in expected.items():
    has_shape = name in found and found[name].shape == g.shape
    points[name] = int(has_shape and np.allclose(found[name], g, atol=1e-6))
wrong = [name for name in expected if not points[name]]
if wrong and not hint:
    hint = f"Compare ∂f/∂{wrong[0]} with differences of f, entry by entry."
hint = said.hint(hint)"""
BACKWARD_SLIPS = {
    "the derivative in b is averaged over the batch": "G @ W.T, X.T @ G, G.mean(axis=0)",
    "the derivative in b is not summed over the batch": "G @ W.T, X.T @ G, G",
    "the derivative in W is averaged over the batch": "G @ W.T, X.T @ G / len(X), G.sum(axis=0)",
    "the derivative in W has the wrong sign": "G @ W.T, -(X.T @ G), G.sum(axis=0)",
}
"""What students write, and what it is called."""
VERDICT_BACKWARD = f"""\
slips = {{
{chr(10).join(f'    "{name}": lambda: ({code}),' for name, code in BACKWARD_SLIPS.items())}
}}
for name, wrote in slips.items():
    if found and all(np.array_equal(a, b) for a, b in zip(found.values(), wrote())):
        print(name)
if not any(points.values()):
    print(hint)"""


TASKS = (
    of_rule(
        "gradient-descent",
        "gradient descent",
        ("gd-update",),
        "lr=0.1",
        "return x - lr * g, state",
    ),
    of_rule(
        "momentum",
        "heavy-ball momentum",
        ("momentum-update",),
        "lr=0.01, momentum=0.9",
        """
        d = 0 if state is None else state
        d = momentum * d - lr * g
        return x + d, d
        """,
    ),
    of_rule(
        "nesterov",
        "Nesterov's momentum at the look-ahead point",
        ("nesterov-update",),
        "lr=0.01, momentum=0.9",
        """
        d = 0 if state is None else state
        d = momentum * d - lr * g
        return x + momentum * d - lr * g, d
        """,
    ),
    of_rule(
        "adagrad",
        "AdaGrad",
        ("adagrad-update",),
        "lr=0.01, eps=1e-10",
        """
        s = 0 if state is None else state
        s = s + g**2
        return x - lr * g / (s**0.5 + eps), s
        """,
    ),
    of_rule(
        "rmsprop",
        "RMSprop",
        ("rmsprop-update",),
        "lr=0.001, rho=0.9",
        """
        v = 0 if state is None else state
        v = rho * v + (1 - rho) * g**2
        root = np.where(v == 0, 1, v) ** 0.5  # without a gradient there is no step
        return x - lr * g / root, v
        """,
    ),
    of_rule(
        "adadelta",
        "Adadelta",
        ("adadelta-update",),
        "lr=1.0, rho=0.95, eps=1e-6",
        """
        v, u = (0, 0) if state is None else state
        v = rho * v + (1 - rho) * g**2
        d = -((u + eps) ** 0.5) / (v + eps) ** 0.5 * g
        u = rho * u + (1 - rho) * d**2
        return x + lr * d, (v, u)
        """,
    ),
    of_rule(
        "adam",
        "Adam",
        ("adam-moments", "adam-bias-correction", "adam-update"),
        "lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8",
        """
        t, m, v = (0, 0, 0) if state is None else state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        return x - lr * m_hat / (v_hat**0.5 + eps), (t, m, v)
        """,
    ),
    of_rule(
        "adamw",
        "AdamW as in its paper, with the multiplier 1",
        ("adam-moments", "adam-bias-correction", "adamw-update"),
        "lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-5",
        """
        t, m, v = (0, 0, 0) if state is None else state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        x = x - (lr * m_hat / (v_hat**0.5 + eps) + weight_decay * x)
        return x, (t, m, v)
        """,
    ),
    of_rule(
        "radam",
        "RAdam",
        ("radam-update",),
        "lr=0.001, beta1=0.9, beta2=0.999",
        """
        t, m, v = (0, 0, 0) if state is None else state
        t = t + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho <= 4:
            return x - lr * m_hat, (t, m, v)
        over, under = (rho - 4) * (rho - 2) * rho_inf, (rho_inf - 4) * (rho_inf - 2) * rho
        root = np.where(v_hat == 0, 1, v_hat) ** 0.5
        return x - lr * (over / under) ** 0.5 * m_hat / root, (t, m, v)
        """,
    ),
    Task(
        name="backprop",
        title="the way back through a layer",
        text="A layer computes $Y = XW + \\mathbf 1 b^\\top$, a row for each sample. Write the "
        "function that takes the derivatives $G = \\partial f/\\partial Y$ and returns those with "
        "respect to $X$, $W$ and $b$.",
        formulas=("backprop-linear",),
        signature="def backward(X, W, b, G):",
        solution="return G @ W.T, X.T @ G, G.sum(axis=0)",
        check=CHECK_BACKWARD,
        verdict=VERDICT_BACKWARD,
        parts=("runs", "X", "W", "b"),
    ),
)
"""The tasks, in the order of the book's rules."""


# --- notebooks ------------------------------------------------------------------------------------


def _graded(task: Task, number: str, **about: Any) -> dict[str, Any]:
    """Return what nbgrader is told of a cell."""
    known = {"grade": False, "locked": False, "solution": False, "task": False}
    return {
        "nbgrader": {**known, **about, "grade_id": f"{task.name}-{number}", "schema_version": 3}
    }


def opening(task: Task) -> list[Cell]:
    """Return the cells before the answer: the task, its formulas, what it needs."""
    texts = {formula.id: formula for formula in catalogue.book()}
    shown = [
        f"[{texts[name].title}]({link(name)})\n\n$$\n{myst.tagged(texts[name].latex, name)}\n$$"
        for name in task.formulas
    ]
    title = f"# Write it yourself: {task.title}"
    text = "\n\n".join([title, task.text, *shown, document.foot()])
    install = INSTALL.format(which=project.package()).strip()
    return [
        nbformat.v4.new_markdown_cell(text),
        nbformat.v4.new_code_cell(install),
        nbformat.v4.new_code_cell(IMPORT),
    ]


def notebook(cells: list[Cell]) -> nbformat.NotebookNode:
    """Return a notebook of cells."""
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03d}"
    made: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells)
    made.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nbformat.validate(made)
    return made


def for_nbgrader(task: Task, answer: str, *, instructor: bool) -> nbformat.NotebookNode:
    """Return a notebook of nbgrader with this answer: the student's, or the instructor's."""
    points = len(task.parts)
    score = f"answers = globals()\n{task.check}\nprint(points)\nprint(hint)\nsum(points.values())"
    cells = [
        *opening(task),
        nbformat.v4.new_code_cell(answer, metadata=_graded(task, "answer", solution=True)),
        nbformat.v4.new_code_cell(
            score, metadata=_graded(task, "points", grade=True, locked=True, points=points)
        ),
    ]
    verdict = [nbformat.v4.new_code_cell(task.verdict)] if instructor else []
    return notebook([*cells, *verdict])


def student(task: Task) -> nbformat.NotebookNode:
    """Return what a student gets from nbgrader."""
    return for_nbgrader(task, task.answer(BLANK), instructor=False)


def instructor(task: Task) -> nbformat.NotebookNode:
    """Return the source of the assignment, with its solution marked for nbgrader to take out."""
    body = f"{BEGIN}\n{task.solution}\n{END}"
    return for_nbgrader(task, task.answer(body), instructor=True)


# --- otter-grader ---------------------------------------------------------------------------------

OTTER_TEST = """\
from functools import cache

from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {points}


@cache
def checked(answer):
    import numpy as np

    answers = {{"{function}": answer}}
{check}
    if hint and all(points.values()):
        print(hint)
    return points, hint

{cases}"""
OTTER_CASE = """
@test_case(points=1, hidden=False)
def test_{slug}({function}):
    points, hint = checked({function} if callable({function}) else None)
    assert points["{part}"], hint
"""


def otter_test(task: Task) -> str:
    """Return the test file of otter-grader: a case for each part."""
    cases = [
        OTTER_CASE.format(slug=part.replace(" ", "_"), part=part, function=task.function)
        for part in task.parts
    ]
    return OTTER_TEST.format(
        name=task.name,
        points=len(task.parts),
        function=task.function,
        check=textwrap.indent(task.check, "    "),
        cases="\n".join(cases),
    )


def for_otter(task: Task, answer: str) -> nbformat.NotebookNode:
    """Return a notebook that asks otter-grader for its points."""
    start = f'import otter\n\ngrader = otter.Notebook("{task.name}.ipynb", tests_dir="tests")'
    cells = [*opening(task), nbformat.v4.new_code_cell(start)]
    cells += [nbformat.v4.new_code_cell(text) for text in (answer, f'grader.check("{task.name}")')]
    return notebook(cells)


# --- files ----------------------------------------------------------------------------------------


def write(folder: Path) -> None:
    """Write each task: two notebooks for nbgrader, and a package for otter-grader."""
    folder.mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        files.write(student(task), folder / f"{task.name}.ipynb")
        files.write(instructor(task), folder / f"{task.name}-instructor.ipynb")
        with zipfile.ZipFile(folder / f"{task.name}.otter.zip", "w", zipfile.ZIP_DEFLATED) as pack:
            for name, text in otter_files(task).items():
                pack.writestr(name, text)


def otter_files(task: Task) -> dict[str, str]:
    """Return the files of an assignment of otter-grader by name."""
    handed_out = nbformat.writes(for_otter(task, task.answer(BLANK)))
    solved = nbformat.writes(for_otter(task, task.answer(task.solution)))
    return {
        f"{task.name}.ipynb": handed_out,
        f"{task.name}-instructor.ipynb": solved,
        f"tests/{task.name}.py": otter_test(task),
    }
