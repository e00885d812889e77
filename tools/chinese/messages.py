"""A page as messages: what a translator translates, paragraph by paragraph, and nothing else.

A message is the MyST of one paragraph, heading, list item, table cell, caption or alternative text,
its line breaks made spaces. Display formulas, code, options and ids are no part of any. The parser
is the site's own.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from tools.book import myst
from tools.book.myst import Directive

PROSE = {"admonition", "check-your-adam", "exercise", "prf:theorem", "prf:lemma"}
PROSE |= {"prf:corollary", "prf:definition", "note", "tip", "warning", "important", "seealso"}
"""Directives whose body is Markdown; their argument is a title."""

TITLED = {"playground", "race"}
"""Directives whose argument is a title, and whose body is none of ours."""

CELL = "code-cell"
HEADER = re.compile(
    r"^(?P<head>(?P<indent> *)(?P<kind>caption|alt): \|\n)(?P<text>(?:(?P=indent) +\S.*\n)+)",
    re.MULTILINE,
)
KINDS = {"caption": "caption", "alt": "alternative text"}
FIXED = re.compile(r"\$[^$]+\$|\{[\w:-]+\}(`+).+?\1|(`+).+?\2|https?://\S+", re.DOTALL)
"""Formulas, roles, code and addresses in a message."""

LEAD = re.compile(r"\{zh\}`(?P<term>[^`]+)`[.;] ")
"""The Chinese word, with which a definition of the glossary begins."""


@dataclass(frozen=True)
class Message:
    """What is translated in one piece.

    Attributes:
        text: MyST, in one line.
        kind: heading, paragraph, table, caption, alternative text, title or formula.
        context: the id of the formula of which the text is the title, else "".
    """

    text: str
    kind: str
    context: str = ""


Put = Callable[[Message], str]


def messages(text: str) -> list[Message]:
    """Return the messages of a page, in its order."""
    found: list[Message] = []

    def keep(message: Message) -> str:
        found.append(message)
        return message.text

    rewritten(text, keep)
    return found


def rewritten(text: str, put: Put) -> str:
    """Return a page with what `put` returns in the place of each message."""
    page = _Page(text, put)
    parents: list[Token] = []
    for token in myst.parser().parse(text):
        if token.type == "inline":
            page.inline(token, parents[-1].type.removesuffix("_open"))
        elif directive := Directive.of(token):
            page.directive(directive)
        parents += [token] if token.nesting == 1 else []
        del parents[len(parents) - (token.nesting == -1) :]
    return page.text()


class _Page:
    """The lines of a page; a line that was joined to the one before it is None."""

    def __init__(self, text: str, put: Put) -> None:
        self.lines: list[str | None] = [*text.split("\n")]
        self.put = put
        self.row, self.column = -1, 0

    def text(self) -> str:
        return "\n".join(line for line in self.lines if line is not None)

    def replace(self, first: int, last: int, *new: str) -> None:
        """Put `new`, at most as many, in the place of lines; the others keep their numbers."""
        self.lines[first:last] = ["\n".join(new), *[None] * (last - first - 1)]

    def inline(self, token: Token, kind: str) -> None:
        """Replace the text of a paragraph, a heading or a cell."""
        assert token.map
        if kind in ("th", "td"):
            self._cell(token.map[0], token.content)
        elif says(token.content):
            first, last = token.map
            head, _, _ = str(self.lines[first]).partition(token.content.partition("\n")[0])
            kind = "heading" if kind == "heading" else "paragraph"
            self.replace(first, last, head + self._put(token.content, kind))

    def _cell(self, row: int, content: str) -> None:
        """Replace the text of a cell, beginning behind the cell before it."""
        line = str(self.lines[row])
        content = content.replace("|", r"\|")  # which the parser has taken away
        start = line.index(content, self.column if row == self.row else 0)
        new = self._put(content, "table") if says(content) else content
        self.lines[row] = line[:start] + new + line[start + len(content) :]
        self.row, self.column = row, start + len(new)

    def _put(self, text: str, kind: str, context: str = "") -> str:
        return self.put(Message(" ".join(text.split()), kind, context))

    def directive(self, directive: Directive) -> None:
        """Replace what a directive says, in its title, its options and its body."""
        if directive.name == CELL:
            self._header(directive)
        if directive.name == "formula":
            self._option(directive, "title", "formula", directive.argument)
        if directive.name in PROSE | TITLED:
            self._title(directive)
            self._option(directive, "alt", KINDS["alt"])
        if directive.name in PROSE:
            self._body(directive, rewritten)
        if directive.name == "glossary":
            self._body(directive, _glossary)

    def _header(self, directive: Directive) -> None:
        """Replace caption and alternative text of a figure, in the YAML above its code."""
        first, last = directive.first + 1, directive.body_first
        text = "".join(f"{line}\n" for line in self.lines[first:last])

        def one(match: re.Match[str]) -> str:
            new = self._put(match["text"], KINDS[match["kind"]])
            return f"{match['head']}{match['indent']}  {new}\n"

        if last > first and text.startswith("---"):
            self.replace(first, last, HEADER.sub(one, text).removesuffix("\n"))

    def _option(self, directive: Directive, name: str, kind: str, context: str = "") -> None:
        head = f":{name}: "
        for number in range(directive.first + 1, directive.body_first):
            line = str(self.lines[number])
            if line.startswith(head):
                self.lines[number] = head + self._put(line.removeprefix(head), kind, context)

    def _title(self, directive: Directive) -> None:
        if directive.argument:
            head = str(self.lines[directive.first]).removesuffix(directive.argument)
            self.lines[directive.first] = head + self._put(directive.argument, "title")

    def _body(self, directive: Directive, rewrite: Callable[[str, Put], str]) -> None:
        first, last = directive.body_first, directive.last - 1
        text = "\n".join(str(line) for line in self.lines[first:last])
        self.replace(first, last, rewrite(text, self.put))


def says(text: str) -> bool:
    """Return whether there is a word in a text, beside formulas, roles and code.

    >>> says("$x$, {eq}`adam-update`"), says("the step, $x$")
    (False, True)
    """
    return bool(re.search(r"[^\W\d_]", FIXED.sub("", text)))


def _glossary(text: str, put: Put) -> str:
    """Return a glossary with its definitions replaced, each under its Chinese word too."""
    return "\n\n".join(_entry(entry, put) for entry in re.split(r"\n\n+(?=\S)", text.strip("\n")))


def _entry(entry: str, put: Put) -> str:
    terms, _, rest = entry.partition("\n ")
    lead = LEAD.match(rest.strip())
    definition = " ".join(rest.split())[lead.end() if lead else 0 :]
    own = [lead["term"]] if lead else []
    return "\n".join([*own, terms, f"  {put(Message(definition, 'definition'))}"])


def terms(text: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a glossary and the Chinese one of each."""
    for found in re.finditer(r"^(?P<terms>(?:[^\s`].*\n)+)  " + LEAD.pattern, text, re.MULTILINE):
        yield from ((term, found["term"]) for term in found["terms"].splitlines())
