"""What students do to a right answer beside its formula, and what they are told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Slipped:
    """A slip: what wraps the right answer, and what the sentence has.

    Attributes:
        body: the lines of the function that is handed in; `right` is the right one.
        said: what the sentence has.
        is_fatal: whether no point is left.
        is_habit: whether all points are left.
    """

    body: str
    said: str
    is_fatal: bool = False
    is_habit: bool = False


SLIPS = {
    "wrong shape": Slipped(
        "first, *rest = right({all})\nreturn (np.stack([first, first]), *rest)", "shape"
    ),
    "changes an argument": Slipped("out = right({all})\n{first} += 1\nreturn out", "in place"),
    "returns nothing": Slipped("right({all})", "returns None", is_fatal=True),
    "does not end": Slipped("while True:\n    pass", "each loop", is_fatal=True),
    "prints": Slipped("print({first})\nreturn right({all})", "take print out", is_habit=True),
    "a library that is missing": Slipped(
        "import torch_of_another_course\nreturn right({all})", "No module named", is_fatal=True
    ),
    "remembers": Slipped(
        "calls.append(1)\nfirst, *rest = right({all})\nreturn (first + len(calls), *rest)",
        "global",
        is_fatal=True,
    ),
    "half the digits": Slipped(
        "first, *rest = right({all})\nreturn (np.float32(first + 1e-9), *rest)", "float32"
    ),
    "whole numbers": Slipped("first, *rest = right({all})\nreturn (first // 1, *rest)", "//"),
    "another name": Slipped("return right({all})", "no function", is_fatal=True),
    "stops Python": Slipped("raise SystemExit", "stops Python", is_fatal=True),
    "one value": Slipped("return right({all})[0]", "must return"),
}
"""The slips by name."""


def of(name, task):
    """Return an answer of a task with a slip."""
    return answer(name, task.signature, task.answer(task.solution))


def answer(name: str, signature: str, right: str) -> str:
    """Return an answer with a slip, of the signature and the code of the right one."""
    function, _, arguments = signature.removeprefix("def ").removesuffix(":").partition("(")
    needed = [one.strip() for one in arguments.rstrip(")").split(",") if "=" not in one]
    body = SLIPS[name].body.format(first=needed[0], all=", ".join(needed))
    called = "another" if name == "another name" else function
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    hidden = f"right = {function}\ndel {function}\ncalls = []\n"
    return f"{right}\n\n{hidden}\n\ndef {called}({', '.join(needed)}):\n{lines}"
