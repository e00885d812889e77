r"""LaTeX read as plain text, for places that can show no formula.

latex2mathml parses it; here its MathML is written in a line, with brackets where a line needs them.
"""

import re
import unicodedata
from functools import cache
from html import unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

ACCENTS = {"^": "\u0302", "~": "\u0303", "¯": "\u0304", "˙": "\u0307", "→": "\u20d7"}
MEANINGLESS = re.compile(r"\\tag\{[^}]*\}|\\(?:under|over)brace(?![a-z])|(?<=\\\\)\[\w+\]")
LONGEST_SCRIPT = 4
"""Letters of a word up to which its small letters can be read."""


def _scripts(form: str) -> dict[int, str]:
    """Return the characters that Unicode has in the form `<sub>` or `<super>`, by the plain one."""
    found: dict[int, str] = {}
    for code in range(0x2C80):
        kind, _, plain_one = unicodedata.decomposition(chr(code)).partition(" ")
        if kind == form and " " not in plain_one:
            found[int(plain_one, 16)] = chr(code)
    return found


SUBSCRIPTS = _scripts("<sub>")
SUPERSCRIPTS = _scripts("<super>") | dict(zip(map(ord, "⊤⋆*′″‴"), "ᵀ**′″‴", strict=True))

NESTED = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"
SINGLE = re.compile(rf"[^\s/]*|\({NESTED}\)|\[[^][]*\]|‖[^‖]*‖|\|[^|]*\|")
FRACTION = "\0"
"""Stands behind a fraction, so that what follows is not taken into its denominator."""

TIDY = (
    (r"\\|\s+", " "),
    (r",;", ","),
    (r"([‖|])([^‖|]*)\1", lambda pair: f"{pair[1]}{pair[2].strip()}{pair[1]}"),
    (r"(?<=[(\[{⌊⌈∇∂√/]) | (?=[)\]},;.!⌋⌉/])", ""),
    (r"(?<=[\w′″‴]) (?=[(\[])", ""),
    (rf"{FRACTION} ?(?=[\w(\[√∑∏∇∂]|([‖|])[^‖|]*\1)", " · "),
    (FRACTION, ""),
    (r"(^|[=≤≥<>∈→,(\[/]) ?([−±+]) ", r"\1 \2"),  # a sign, not a difference
    (r"(?<=[(\[/]) ", ""),
)


@cache
def plain(latex: str) -> str:
    r"""Return LaTeX as a line of text.

    >>> plain(r"x_t = x_{t-1} - \eta_t \, \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}")
    'xₜ = xₜ₋₁ − ηₜ m̂ₜ/(√v̂ₜ + ε)'
    >>> plain(r"\bigl(1 - \beta_2^t\bigr) \tfrac12 \lVert g \rVert^2 \le -\log x^{1/2}")
    '(1 − β₂ᵗ) 1/2 · ‖g‖² ≤ −log x^(1/2)'
    """
    latex = MEANINGLESS.sub("", latex).replace(r"\operatorname*", r"\operatorname")
    return unicodedata.normalize("NFC", _tidy(_read(convert_to_element(latex))))


def _tidy(text: str) -> str:
    for pattern, put in TIDY:
        text = re.sub(pattern, put, text)
    return text.strip()


def _read(node: Element) -> str:
    """Return what an element of MathML says, with a space at each side of what has a meaning."""
    text = unescape(node.text or "")
    match node.tag.rpartition("}")[2]:
        case "mo" if text in "()[]{}⌊⌋⌈⌉,;!/":
            return text
        case "mi" | "mn" | "mo" | "mtext":
            return f" {text} " if text != "&" else " "
        case "mspace":
            return "; " if node.get("linebreak") else " "
        case "mfrac":
            return f" {_grouped(node[0])}/{_grouped(node[1])}{FRACTION} "
        case "msqrt":
            return f" √{_grouped(node)} "
        case "mover" if (accent := unescape(node[1].text or "")) in ACCENTS:
            return f" {_grouped(node[0])}{ACCENTS[accent]} "
        case "msub" | "munder":
            return f" {_grouped(node[0])}{_script(node[1], SUBSCRIPTS, '_')} "
        case "msup" | "mover":
            return f" {_grouped(node[0])}{_script(node[1], SUPERSCRIPTS, '^')} "
        case "msubsup" | "munderover":
            below, above = _script(node[1], SUBSCRIPTS, "_"), _script(node[2], SUPERSCRIPTS, "^")
            return f" {_grouped(node[0])}{below}{above} "
        case "mtable":
            return "; ".join(map(_read, node))
        case _:
            return "".join(map(_read, node))


def _grouped(node: Element) -> str:
    """Return what an element says, in brackets if it is more than one thing."""
    text = _tidy("".join(map(_read, node)) if node.tag.endswith("msqrt") else _read(node))
    return text if SINGLE.fullmatch(text) else f"({text})"


def _script(node: Element, letters: dict[int, str], mark: str) -> str:
    """Return a sub- or superscript, in Unicode's small letters where it has them all."""
    text = _tidy(_read(node)).replace(" ", "")
    short = len(text) <= LONGEST_SCRIPT or not text.isalpha()
    if short and all(ord(letter) in letters for letter in text):
        return text.translate(letters)
    whole = len(text) == 1 or (text.startswith("(") and SINGLE.fullmatch(text))
    return mark + (text if whole else f"({text})")
