"""LaTeX in pieces: what has no meaning taken out, characters for commands, accents apart."""

import re
from dataclasses import dataclass

_IGNORED = re.compile(
    r"\\[,;!:]|&|\\(?:begin|end)\{\w+\*?\}|\\(?:[bB]igg?[lr]?|left|right)(?![a-z])"
    r"|\\(?:label|tag\*?)\{[^{}]*\}|\\text(?:bf|it|rm)?\{[^{}]*:\s*\}"
)
_AND = re.compile(r"\\(?:text|mathrm)\{\s*(?:and|with|where|then)\s*\}|\$\s*\$|\\\]\s*\\\[")
GREEK = {
    *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "kappa", "lambda", "mu"),
    *("xi", "rho", "sigma", "tau", "varphi"),
}
"""Greek letters that mean the same wherever they are read."""

_PLAIN = {
    "∇": r"\nabla",
    "·": r"\cdot",
    "←": r"\leftarrow",
    "θ": r"\theta",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "ϵ": r"\epsilon",
    "η": r"\eta",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ρ": r"\rho",
    "∂": r"\partial",
    "√": r"\sqrt",
    "×": r"\times",
    "⊙": r"\odot",
    "‖": r"\|",
    **{
        "，": ",",
        "、": ",",
        "。": ",",
        "；": ";",
        "：": ":",
        "（": "(",
        "）": ")",
        "−": "-",
        "′": "'",
    },
}
"""Characters that stand for a command."""

_TOKEN = re.compile(r"\s+|.\u0302|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\.\d+|.", re.DOTALL)
_SPACES = {r"\quad", r"\ ", "~", "$", r"\[", r"\]", r"\(", r"\)", r"\displaystyle", r"\nonumber"}


def normalised(latex: str) -> str:
    r"""Return LaTeX without what has no meaning: spacing, alignment, the sizes of brackets.

    >>> normalised(r"x_t &= x_{t-1} - \eta_t \, \bigl( g_t \bigr)")
    'x_t = x_{t-1} - \\eta_t ( g_t )'
    """
    return " ".join(_IGNORED.sub(" ", latex).split())


@dataclass(frozen=True)
class Token:
    """A piece of LaTeX and where it stands."""

    text: str
    place: int


def tokens(latex: str) -> list[Token]:
    """Return the pieces of LaTeX that mean something."""
    found = [
        Token(_PLAIN.get(m[0], m[0]), m.start())
        for m in _TOKEN.finditer(_blanked(latex))
        if not m[0].isspace()
    ]
    found = [part for token in found for part in _accented(token)]
    return [t for t in found if t.text not in _SPACES]


def _accented(token: Token) -> list[Token]:
    """Return a letter with a hat of its own as the hat and the letter."""
    if len(token.text) != 2 or token.text[1] != "\u0302":
        return [token]
    return [Token(r"\hat", token.place), Token(token.text[0], token.place)]


def counted(tokens: list[Token]) -> list[Token]:
    """Return the tokens with t for the k or n that counts the steps of x_{k+1}, if no t does."""
    texts = [token.text for token in tokens]
    counters = [
        text
        for i, text in enumerate(texts)
        if text in ("k", "n") and "".join(texts[i + 1 : i + 4]) in ("+1}", "+1)")
    ]
    if "t" in texts or not counters:
        return tokens
    counter = counters[0]
    return [Token("t" if token.text == counter else token.text, token.place) for token in tokens]


def _blanked(latex: str) -> str:
    """Return LaTeX with spaces for what has no meaning, so that every place stays."""
    latex = re.sub(r"\\(?:tfrac|dfrac)", lambda m: r"\frac" + " " * (len(m[0]) - 5), latex)
    latex = _AND.sub(lambda m: "," + " " * (len(m[0]) - 1), latex)
    return _IGNORED.sub(lambda m: " " * len(m[0]), latex)
