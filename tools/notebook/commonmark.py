"""Turn the MyST prose of a chapter into plain CommonMark, for Colab and GitHub.

What a notebook cannot show becomes something that it can: an admonition a block quote, a formula
tagged LaTeX, a citation a link, a cross-reference a link to the site. A directive, role or piece of
syntax that is not known here stops the generator with file and line, so that no raw markup reaches
a reader.

To teach it a directive or a role, add a function to `DIRECTIVES` or `ROLES`.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it.token import Token

from descent.certificates import Certificate, certificates
from tools.book import errata, marks, myst, project
from tools.book.catalogue import formula_pages
from tools.book.myst import ChapterError, Directive
from tools.book.project import said
from tools.book.references import reference, source


@dataclass
class Prose:
    """The prose of one chapter on its way to CommonMark.

    Attributes:
        path: the chapter.
        site: the address of the site, ending in a slash.
        values: what the chapter's cells glued, by name.
        cited: bibliography keys in the order in which they were met.
        solution: whether the text stands between `solution-start` and `solution-end`.
        exercises: how many were met.
    """

    path: Path
    site: str
    values: dict[str, str]
    cited: list[str] = field(default_factory=list)
    solution: bool = False
    exercises: int = 0

    def cell(self, text: str, line: int) -> str:
        """Return a cell's text as CommonMark; a solution that runs on is folded in each cell."""
        before = opened(said("Solution, continued")) if self.solution else ""
        converted = self.convert(text, line)
        after = CLOSE_SOLUTION if self.solution else ""
        folded = "\n".join(part for part in (before, converted, after) if part)
        return EMPTY_SOLUTION.sub("", folded).strip()

    def convert(self, text: str, line: int) -> str:
        """Return `text`, which starts on `line` of the chapter, as CommonMark.

        Raises:
            ChapterError: it holds something unknown; the message names file and line.
        """
        lines = text.splitlines()
        out: list[str] = []
        done = 0
        for token in myst.parser().parse(text):
            if token.level or not token.map or token.map[0] < done:
                continue
            first, last = token.map
            out += lines[done:first]
            out.append(self._block(token, lines[first:last], line + first))
            done = last
        return "\n".join([*out, *lines[done:]]).strip("\n")

    def _block(self, token: Token, lines: list[str], line: int) -> str:
        if directive := Directive.of(token):
            return self._directive(directive, line)
        if token.type in DROPPED:
            return ""
        if token.type not in BLOCKS:
            raise ChapterError(self.path, line, f"no CommonMark for {token.type}: {lines[0]!r}")
        return self._inline("\n".join(lines), line) if token.type in PROSE else "\n".join(lines)

    def _directive(self, directive: Directive, line: int) -> str:
        if directive.name not in DIRECTIVES:
            raise ChapterError(self.path, line, f"unknown directive {{{directive.name}}}")
        try:
            return DIRECTIVES[directive.name](self, directive, line)
        except ChapterError:
            raise
        except ValueError as error:
            raise ChapterError(self.path, line, str(error)) from error

    def _inline(self, text: str, line: int) -> str:
        """Replace the roles and links of a paragraph, list, quotation or table."""
        position = 0
        for token in self._inline_tokens(text, line):
            at = line + text.count("\n", 0, position)
            if token.type == "myst_role":
                old = _role_as_written(token, text, position)
                new = self._role(token, at)
            else:
                old = f"]({token.attrs['href']}"
                new = f"]({self._link(str(token.attrs['href']), at)}"
            start = text.find(old, position)
            if start < 0:
                raise ChapterError(self.path, at, f"cannot find {old!r} as it is written")
            text = text[:start] + new + text[start + len(old) :]
            position = start + len(new)
        return text

    def _inline_tokens(self, text: str, line: int) -> list[Token]:
        """Return the roles and relative links in a block, in order; fail on what is not known."""
        found = []
        for block in myst.parser().parse(text):
            if block.type not in BLOCKS and block.type not in NESTED:
                raise ChapterError(
                    self.path, line, f"no CommonMark for {block.type} inside a block"
                )
            if Directive.of(block):
                raise ChapterError(self.path, line, f"a directive inside a block: {block.info}")
            for token in block.children or []:
                if token.type not in INLINE:
                    raise ChapterError(self.path, line, f"no CommonMark for {token.type}")
                href = str(token.attrs.get("href", ""))
                if token.type == "myst_role" or (token.type == "link_open" and "://" not in href):
                    found.append(token)
        return found

    def _role(self, token: Token, line: int) -> str:
        name, content = token.meta["name"], token.content
        if name not in ROLES:
            raise ChapterError(self.path, line, f"unknown role {{{name}}}")
        try:
            return ROLES[name](self, content)
        except ValueError as error:
            raise ChapterError(self.path, line, str(error)) from error

    def _link(self, href: str, line: int) -> str:
        """Return the address on the site of a link to another page, or to a place on this one."""
        page, _, anchor = href.partition("#")
        target = (self.path.parent / page).resolve() if page else self.path
        if not target.exists():
            raise ChapterError(self.path, line, f"link to a missing page: {href}")
        if target.suffix not in (".md", ".ipynb"):  # a file that the site offers as a download
            branch = project.config()["repository"]["branch"]
            place = target.relative_to(project.ROOT).as_posix()
            return f"{project.written_address()}/blob/{branch}/{place}"
        return self.page(target) + (f"#{anchor}" if anchor else "")

    def page(self, path: Path) -> str:
        """Return the address on the site of the page made from `path`."""
        try:
            path = path.relative_to(project.ROOT)
        except ValueError:  # a chapter outside the book, as in the tests
            path = Path(path.name)
        return self.site + project.on_site(path.with_suffix("").as_posix())

    def cite(self, key: str) -> tuple[str, str, str]:
        """Note that `key` is cited; return its authors, year and link."""
        entry = reference(key)
        if key not in self.cited:
            self.cited.append(key)
        return entry.authors, entry.year, entry.url


# Blocks and inline syntax that CommonMark, with tables and dollar mathematics, has as well.
PROSE = {"paragraph_open", "bullet_list_open", "ordered_list_open", "blockquote_open"}
PROSE |= {"heading_open", "table_open"}
BLOCKS = PROSE | {"fence", "code_block", "hr", "math_block", "amsmath"}
NESTED = {"inline", "list_item_open", "list_item_close", "paragraph_close", "bullet_list_close"}
NESTED |= {"ordered_list_close", "blockquote_close", "heading_close", "table_close"}
NESTED |= {
    f"{part}_{end}" for part in ("thead", "tbody", "tr", "th", "td") for end in ("open", "close")
}
INLINE = {
    "text",
    "code_inline",
    "softbreak",
    "hardbreak",
    "math_inline",
    "myst_role",
    "text_special",
}
INLINE |= {"math_inline_double", "image"}
INLINE |= {f"{mark}_{end}" for mark in ("em", "strong", "link") for end in ("open", "close")}
DROPPED = {"front_matter", "myst_target", "myst_line_comment", "myst_block_break"}


def _role_as_written(token: Token, text: str, position: int) -> str:
    """Return the role's source: the parser gives its content with line breaks made spaces."""
    name = re.escape(token.meta["name"])
    for match in re.finditer(rf"\{{{name}\}}(`+)(.+?)\1", text[position:], re.DOTALL):
        if match[2].split() == token.content.split():
            return match[0]
    return f"{{{token.meta['name']}}}`{token.content}`"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


# --- directives -------------------------------------------------------------------------------


def opened(title: str) -> str:
    """Return the beginning of what is folded."""
    return f"<details>\n<summary>{title}</summary>\n"


def _box(prose: Prose, directive: Directive, line: int, title: str) -> str:
    body = prose.convert(directive.body, line + directive.body_first - directive.first)
    if "dropdown" in str(directive.options.get("class", "")):
        return _folded(title, body)
    return _quoted(f"**{title}**\n\n{body}")


def _admonition(prose: Prose, directive: Directive, line: int) -> str:
    title = directive.argument or said(directive.name.capitalize())
    return _box(prose, directive, line, prose._inline(title, line))


def _statement(prose: Prose, directive: Directive, line: int) -> str:
    """Render a theorem, lemma, ...: its kind, then its title in brackets."""
    kind = said(directive.name.removeprefix("prf:").capitalize())
    title = f" ({prose._inline(directive.argument, line)})" if directive.argument else ""
    label, classes = (str(directive.options.get(name, "")) for name in ("label", "class"))
    links = ", ".join(_certificate(prose, certificate) for certificate in marks.of_theorem(label))
    mark = marks.words(label, classes.split()) + (f": {links}." if links else ".")
    return _box(prose, directive, line, f"{kind}{title}.") + f"\n>\n> *{mark}*"


def _certificate(prose: Prose, one: Certificate) -> str:
    """Return a link to a certificate."""
    return f"[{one.id}]({prose.page(marks.PAGE)}#{one.id})"


def _certificates(prose: Prose, directive: Directive, line: int) -> str:
    """Render the table of all certificates as a list."""
    return "\n".join(
        f"- {_certificate(prose, found)} ({found.verdict}): {html.escape(found.says)}"
        for found in certificates().values()
    )


def _exercise(prose: Prose, directive: Directive, line: int) -> str:
    prose.exercises += 1
    title = f". {prose._inline(directive.argument, line)}" if directive.argument else ""
    return _box(prose, directive, line, said("Exercise {}").format(prose.exercises) + title)


def _solution_start(prose: Prose, directive: Directive, line: int) -> str:
    if prose.solution:
        raise ValueError("a solution begins inside a solution")
    prose.solution = True
    return opened(said("Solution"))


def _solution_end(prose: Prose, directive: Directive, line: int) -> str:
    if not prose.solution:
        raise ValueError("a solution ends that never began")
    prose.solution = False
    return CLOSE_SOLUTION


def _formula(prose: Prose, directive: Directive, line: int) -> str:
    formula = myst.formula(directive, prose.path)
    entry, place = source(formula.source)
    authors, year, url = prose.cite(entry.key)
    link = f"{prose.page(prose.path)}#{formula.id}"
    parts = [
        f"[{formula.title}]({link})",
        f"[{authors}, {year}]({url})" + (f", {place}" if place else ""),
    ]
    parts += [f"`{formula.code}`"] if formula.code else []
    if found := marks.of_formula(formula.id):
        parts.append(
            f"{said('certified')}: "
            + ", ".join(_certificate(prose, certificate) for certificate in found)
        )
    return f"$$\n{myst.tagged(formula.latex, formula.id)}\n$$\n\n<sub>{' · '.join(parts)}</sub>"


def _erratum(prose: Prose, directive: Directive, line: int) -> str:
    entry = errata.erratum(directive.argument)
    link = f"{prose.page(errata.PAGE)}#{errata.anchor(entry.id)}"
    head = f"[{entry.id}]({link}) **{entry.title}**"
    return _quoted(f"{head}\n\n{prose.convert(errata.body(entry), line)}")


def _bibliography(prose: Prose, directive: Directive, line: int) -> str:
    return "\n".join(f"- {reference(key).line}" for key in sorted(prose.cited))


def _playground(prose: Prose, directive: Directive, line: int) -> str:
    """Render a playground: a link to its picture, which a notebook cannot hold."""
    if not directive.options.get("query"):
        raise ValueError("playground: option :query: is missing")
    page = prose.page(project.BOOK / "playground.md")
    told = said("{}: in the playground").format(directive.argument)
    return f"[{told}]({page}#{directive.options['query']})"


def _oscillator(prose: Prose, directive: Directive, line: int) -> str:
    """Render the map of momentum: a link to the page, which has it."""
    address = f"{prose.page(prose.path)}#a-damped-oscillator"
    return f"[{said('The map, to be dragged on')}]({address})"


def _converter(prose: Prose, directive: Directive, line: int) -> str:
    """Render the converter: a link to the page, which has it."""
    return f"[The converter]({prose.page(prose.path)}#converter)"


CLOSE_SOLUTION = "\n</details>"
EMPTY_SOLUTION = re.compile(r"<details>\n<summary>[^<]*</summary>\s*</details>")

DIRECTIVES: dict[str, Callable[[Prose, Directive, int], str]] = {
    "formula": _formula,
    "erratum": _erratum,
    "certificates": _certificates,
    "bibliography": _bibliography,
    "exercise": _exercise,
    "solution-start": _solution_start,
    "solution-end": _solution_end,
    "playground": _playground,
    "oscillator": _oscillator,
    "converter": _converter,
    **dict.fromkeys(("admonition", "note", "tip", "warning", "important", "seealso"), _admonition),
    **dict.fromkeys(("prf:theorem", "prf:lemma", "prf:corollary", "prf:definition"), _statement),
}

# --- roles ------------------------------------------------------------------------------------


def _citation(prose: Prose, content: str) -> str:
    """Render a citation in brackets: (Kingma & Ba, 2015)."""
    cited = [prose.cite(key.strip()) for key in content.split(",")]
    return "(" + "; ".join(f"[{authors}, {year}]({url})" for authors, year, url in cited) + ")"


def _citation_in_text(prose: Prose, content: str) -> str:
    """Render a citation in the sentence: Kingma & Ba (2015)."""
    authors, year, url = prose.cite(content.strip())
    return f"[{authors} ({year})]({url})"


def _equation(prose: Prose, content: str) -> str:
    here = {formula.id: prose.path for formula in myst.formulas(prose.path)}
    page = here.get(content) or formula_pages().get(content)
    if page is None:
        raise ValueError(f"no formula has the id {content!r}")
    return f"[({content})]({prose.page(page)}#{content})"


def _value(prose: Prose, content: str) -> str:
    if content not in prose.values:
        raise ValueError(f"no cell of this chapter glues a value named {content!r}")
    return prose.values[content]


def _chinese(prose: Prose, content: str) -> str:
    return content.strip()


ROLES: dict[str, Callable[[Prose, str], str]] = {
    "cite:p": _citation,
    "cite:t": _citation_in_text,
    "eq": _equation,
    "glue:text": _value,
    "zh": _chinese,
}
