"""`python -m descent.identify FILE.py:NAME`: which optimiser is this, and is it right?"""

import argparse
import sys
from typing import NoReturn

from descent.identify._candidate import FORMS, NotRunnableError
from descent.identify._child import TIME_LIMIT, in_a_process
from descent.identify._report import NOT_RUN, Report, not_run


class Parser(argparse.ArgumentParser):
    """A parser whose complaint has the exit status of what could not be run."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and exit."""
        self.print_usage(sys.stderr)
        self.exit(NOT_RUN, f"{self.prog}: {message}\n")


def hyper(text: str) -> tuple[str, float]:
    """Return a hyper-parameter that is told as NAME=VALUE.

    >>> hyper("lr=0.1")
    ('lr', 0.1)
    """
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it must be NAME=NUMBER, got {text!r}") from None


def parser() -> Parser:
    """Return the parser of the command line."""
    commands = Parser(
        prog="python -m descent.identify",
        description="Say which optimiser a piece of code or a formula is, and whether it is right.",
        epilog=(
            "Exit status: 0 a rule, 1 a misprint, 2 a variant or unknown, 3 it could not be run. "
            "The code runs in a process of its own, which is no sandbox: run what you trust."
        ),
    )
    commands.add_argument("target", nargs="?", help="FILE.py:NAME or package.module:NAME")
    commands.add_argument("--latex", metavar="FORMULA", help="a formula in place of code")
    commands.add_argument("--form", choices=FORMS, help="what the code is; otherwise guessed")
    commands.add_argument("--json", action="store_true", help="print JSON, as schema.json has it")
    commands.add_argument(
        "--hyper",
        metavar="NAME=VALUE",
        type=hyper,
        action="append",
        default=[],
        help="a hyper-parameter to check; may be repeated",
    )
    commands.add_argument(
        "--time-limit",
        metavar="SECONDS",
        type=float,
        default=TIME_LIMIT,
        help="how long no step may end (default: %(default)g)",
    )
    return commands


def main(arguments: list[str] | None = None) -> int:
    """Print the report, and return the exit status."""
    commands = parser()
    given = commands.parse_args(arguments)
    if (given.target is None) == (given.latex is None):
        commands.error("give FILE.py:NAME or --latex FORMULA")
    if not given.time_limit > 0:
        commands.error(f"--time-limit must be above 0, got {given.time_limit:g}")
    told = dict(given.hyper)
    if given.latex is not None:
        report = _of_latex(given.latex, told)
    else:
        report = in_a_process(given.target, given.form, told, given.time_limit)
    print(report.as_json() if given.json else report)
    return report.status


def _of_latex(text: str, told: dict[str, float]) -> Report:
    from descent.identify._formula import candidate_of
    from descent.identify._verdict import judged_candidate

    try:
        return judged_candidate(candidate_of(text), told)
    except NotRunnableError as error:
        return not_run(str(error))


if __name__ == "__main__":
    sys.exit(main())
