r"""Set a displayed formula so that a phone shows all of it.

KaTeX sets a displayed formula in one line, which on a phone ends in the middle of the second
equation. Here each equation of it, from one `\qquad` or `\quad` to the next, is a row of its own:
the rows stand in one line where there is room and below each other where there is not, without a
script. One that is still too wide goes on below, after a relation if it can. The MathML, and with
it what is spoken and copied as LaTeX, stays that of the whole formula.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator
from sphinxcontrib import katex

from tools.site import mathematics

SIZE = r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*"
TOKEN = re.compile(rf"(?:{SIZE})?(?:\\(?:[A-Za-z]+|.)|.)", re.DOTALL)
STEPS = {"{": 1, "}": -1, r"\begin": 1, r"\end": -1, r"\left": 1, r"\right": -1}
"""How much deeper in groups what follows a token stands."""

GAPS = {r"\quad": 1, r"\qquad": 2}
"""The spaces between equations, in em."""

TABLE = re.compile(r"\s*\\begin\{(aligned|gathered)\}(.*)\\end\{\1\}\s*", re.DOTALL)
BRACKETS = {"(": ")", "[": "]", "|": "|", r"\|": r"\|"}
SET = '<span class="katex-html" aria-hidden="true">'
BASE, TAG = '<span class="base">', '<span class="tag">'
RELATION = '<span class="mspace" style="margin-right:0.2778em;"></span></span>'
"""How a base ends that KaTeX ended after a relation: with a thick space."""

END = "</span></span></span>"


def outer(latex: str) -> Iterator[tuple[str, bool]]:
    r"""Yield the tokens of LaTeX, and whether each stands outside of all groups.

    >>> [token for token, is_outer in outer(r"a_{b} \\ c") if is_outer]
    ['a', '_', ' ', '\\\\', ' ', 'c']
    """
    depth = 0
    for token in TOKEN.findall(latex):
        step = STEPS.get(re.sub(r"^(\\(?:left|right)\b).*", r"\1", token), 0)
        yield token, depth == 0 and step == 0
        depth += step


def lines(latex: str) -> list[str]:
    r"""Return the lines of a formula that is a table, without its columns; else the formula.

    >>> lines(r"\begin{aligned} a &= b, \\[1ex] c &= d \end{aligned}")
    ['a = b,', 'c = d']
    """
    table = TABLE.fullmatch(latex)
    if not table:
        return [latex.strip()]
    parts = "".join(
        {"&": "", r"\\": "\0"}.get(token, token) if is_outer else token
        for token, is_outer in outer(table[2])
    ).split("\0")
    return [re.sub(r"^\[\w+\]", "", part).strip() for part in parts]


def equations(line: str) -> list[tuple[int, str]]:
    r"""Return the equations of a line, each with the space before it in em.

    >>> equations(r"a = 0, \quad b_{\quad} = 1 \qquad\qquad c")
    [(0, 'a = 0,'), (1, 'b_{\\quad} = 1'), (4, 'c')]
    """
    parts: list[tuple[int, str]] = []
    gap, part = 0, ""
    for token, is_outer in [*outer(line), (r"\quad", True)]:
        if is_outer and token in GAPS:
            parts += [(gap if parts else 0, part.strip())] if part.strip() else []
            gap, part = GAPS[token] + (0 if part.strip() else gap), ""
        else:
            part += token
    return parts


def breakable(latex: str) -> str:
    r"""Return LaTeX that may go on below before a text, but not within parentheses or bars.

    Those that are drawn large hold long terms, which may.

    >>> breakable(r"(1 - \beta_1) \text{ if } |a - b| \le \bigl(c - d\bigr)")
    '({1 - \\beta_1}) \\allowbreak\\text{ if } |{a - b}| \\le \\bigl(c - d\\bigr)'
    """
    result = ""
    closing: list[str] = []
    for token, is_outer in outer(latex):
        if is_outer and closing and token == closing[-1]:
            result += "}" + closing.pop()
        elif is_outer and token in BRACKETS:
            closing.append(BRACKETS[token])
            result += token + "{"
        else:
            result += r"\allowbreak" * (is_outer and token == r"\text" and not closing) + token
    return latex if closing else result


def sides(drawn: str) -> str:
    """Return what KaTeX drew as its sides, each up to the relation sign that ends it."""
    first, *bases = drawn.split(BASE)
    ends = [0, *(n for n, base in enumerate(bases, 1) if base.endswith(RELATION)), len(bases)]
    parts = [bases[start:end] for start, end in pairwise(ends) if start < end]
    return first + "".join(f'<span class="side">{BASE}{BASE.join(part)}</span>' for part in parts)


def equation(latex: str) -> str:
    """Return an equation as KaTeX draws it, without its MathML."""
    drawn = mathematics.render(breakable(latex), {"displayMode": True, "output": "html"})
    inner = sides(drawn.partition(SET)[2].removesuffix(END))
    return f'<span class="equation">{inner}</span>'


def line(latex: str) -> str:
    """Return the equations of a line, with spaces between them that a browser may break."""
    parts = [
        f'<span style="word-spacing:{gap - 0.25}em"> </span>' * bool(gap) + equation(one)
        for gap, one in equations(latex)
    ]
    return f'<span class="formula-line">{"".join(parts)}</span>'


def rendered(latex: str) -> str:
    """Return a displayed formula as HTML."""
    whole = mathematics.render(latex, {"displayMode": True})
    spoken, _, drawn = whole.removesuffix(END).partition(SET)
    table, tag, name = drawn.partition(TAG)
    untagged = re.sub(r"\n?\\tag\{.*\}$", "", latex)
    rows = f'<span class="equations">{"".join(map(line, lines(untagged)))}</span>'
    if TABLE.fullmatch(untagged):
        rows = f'<span class="wide">{table}</span><span class="narrow">{rows}</span>'
    return f"{spoken}{SET}{rows}{tag}{name}{END}"


def visit(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula; one with a number, which no page has, as KaTeX sets it."""
    if node["number"]:
        katex.html_visit_displaymath(self, node)
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    self.body.append(f"{rendered(node.astext())}</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension: a renderer of mathematics, after that of sphinxcontrib.katex."""
    app.setup_extension("sphinxcontrib.katex")
    app.add_html_math_renderer("rows", (katex.html_visit_math, None), (visit, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
