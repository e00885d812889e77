"""Markdown as HTML, PDF, LaTeX and Word: pandoc converts, KaTeX sets, Chromium prints.

The mathematics of HTML and PDF is set by the KaTeX that sets it on the site, so that a formula
which is wrong stops the build; LaTeX keeps it as it is written, Word gets it as its own equations.
"""

import base64
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pypandoc

from tools.book import citation, project
from tools.site import browser, mathematics, rows

KATEX = project.BOOK / "_static" / "katex"
PAPER = Path(__file__).with_name("paper.css")
READ = "markdown-implicit_figures-auto_identifiers"
"""The Markdown that is read: pandoc's, where a picture is no figure unless it says so."""
PREAMBLE = r"""\usepackage{amsmath,amssymb,needspace}
\usepackage{fontspec}
\IfFontExistsTF{DejaVu Sans Mono}{\setmonofont[Scale=0.82]{DejaVu Sans Mono}}{}"""
"""What the LaTeX needs: formulas, and a fixed-width face that has the Greek letters of the code."""

Tree = Any
"""A document as pandoc's JSON."""


def pandoc(text: str, *options: str) -> str:
    """Return what pandoc makes of a text; pypandoc brings it, and asks it for more than we do."""
    command = [_path(), *options]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout


@cache
def _path() -> str:
    return str(pypandoc.get_pandoc_path())


@cache
def _tree(markdown: str) -> str:
    return pandoc(markdown, f"--from={READ}", "--to=json")


def tree(markdown: str) -> Tree:
    """Return Markdown as pandoc's tree."""
    return json.loads(_tree(markdown))


def written(document: Tree, to: str, *options: str) -> str:
    """Return a tree in another format."""
    return pandoc(json.dumps(document), "--from=json", f"--to={to}", *options)


def changed(node: Any, change: Callable[[dict[str, Any]], Any]) -> Any:
    """Return a tree in which `change` was asked of each element; None keeps it."""
    if isinstance(node, list):
        return [changed(child, change) for child in node]
    if not isinstance(node, dict):
        return node
    new = change(node) if "t" in node else None
    return new or {name: changed(child, change) for name, child in node.items()}


def set_formula(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return a formula as HTML, set by KaTeX; None for anything else."""
    if node["t"] != "Math":
        return None
    kind, latex = node["c"]
    html = mathematics.render(latex, {"displayMode": kind["t"] == "DisplayMath"})
    return {"t": "RawInline", "c": ["html", html]}


def set_in_rows(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return a formula as `set_formula` does, a displayed one in rows, for a narrow screen."""
    if node["t"] != "Math" or node["c"][0]["t"] != "DisplayMath":
        return set_formula(node)
    return {"t": "RawInline", "c": ["html", rows.rendered(node["c"][1])]}


def untagged(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return a formula without its tag, which Word's equations have not; None for the rest."""
    if node["t"] != "Math":
        return None
    return {"t": "Math", "c": [node["c"][0], re.sub(r"\s*\\tag\{[^}]*\}", "", node["c"][1])]}


def body(markdown: str) -> str:
    """Return Markdown as HTML, its formulas set."""
    return written(changed(tree(markdown), set_formula), "html5", "--wrap=none")


def head(title: str, *styles: Path) -> str:
    """Return the head of a page of HTML."""
    links = "".join(f'<link rel="stylesheet" href="{style.as_uri()}">' for style in styles)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>{links}'


def paper(markdown: str, title: str) -> str:
    """Return Markdown as a page of HTML that is to be printed."""
    return f"{head(title, KATEX / 'katex.min.css', PAPER)}<body>{body(markdown)}</body></html>"


SHELF = Path(__file__).with_name("shelf.css")


def page(title: str, content: str) -> str:
    """Return a page of the shelf that is read on a screen, and needs no other file."""
    style = SHELF.read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style>"
        f"<body><main><h1>{title}</h1>{content}</main></body></html>"
    )


def printed(pages: Iterable[tuple[str, Path]]) -> None:
    """Print pages of HTML, each as the PDF of its path."""
    with browser.launched() as chromium:
        page = chromium.new_page()
        for html, path in pages:
            source = path.with_suffix(".print.html")
            source.write_text(html, encoding="utf-8")
            page.goto(source.as_uri())
            page.evaluate("() => document.fonts.ready.then(() => undefined)")
            page.pdf(path=path, prefer_css_page_size=True, tagged=True, print_background=True)
            source.unlink()


def latex(markdown: str, title: str) -> str:
    """Return Markdown as a LaTeX document, for LuaLaTeX and XeLaTeX."""
    options = ["--standalone", f"--metadata=title:{title}", "--variable=papersize:a4"]
    options += ["--variable=geometry:margin=25mm", f"--variable=header-includes:{PREAMBLE}"]
    made = changed(changed(tree(markdown), without_data), in_mathematics)
    return written(made, "latex", *options)


LETTERS = re.compile("[\u0370-\u03ff\u2080-\u2089]")
"""Greek letters and lowered digits, which the faces of LaTeX's text have not."""


def in_mathematics(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return a word that has Greek letters or lowered digits with those as formulas."""
    if node["t"] != "Str" or not LETTERS.search(node["c"]):
        return None
    parts = re.split(f"({LETTERS.pattern})", node["c"])
    inlines = [
        {"t": "RawInline", "c": ["latex", command(part)]} if number % 2 else {"t": "Str", "c": part}
        for number, part in enumerate(parts)
    ]
    return {"t": "Span", "c": [["", [], []], inlines]}


def command(letter: str) -> str:
    r"""Return a Greek letter or a lowered digit as LaTeX, and as itself in bookmarks.

    >>> print(command("β"), command("₂"))
    \texorpdfstring{$\beta$}{β} \texorpdfstring{$_{2}$}{₂}
    """
    name = unicodedata.name(letter)
    if name.startswith("SUBSCRIPT"):
        latex = f"_{{{unicodedata.digit(letter)}}}"
    else:
        word = name.split()[-1].lower()
        word = word.capitalize() if "CAPITAL" in name else word
        latex = "\\" + ("varepsilon" if word == "epsilon" else word)
    return rf"\texorpdfstring{{${latex}$}}{{{letter}}}"


def without_data(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return a picture that lies in the text as its description alone: LaTeX wants a file."""
    if node["t"] == "Image" and node["c"][2][0].startswith("data:"):
        return {"t": "Emph", "c": node["c"][1]}
    return None


def word(markdown: str, title: str, path: Path) -> None:
    """Write Markdown as a Word document, or what else the ending of the path names."""
    to = path.suffix[1:]
    written(changed(tree(markdown), untagged), to, f"--metadata=title:{title}", f"--output={path}")


def data_uri(content: bytes, kind: str) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def foot() -> str:
    """Return the line that says where a document is from, in Markdown."""
    site = project.site(project.address())
    return (
        f"*{citation.cff()['title']}*, version {citation.version()}, {citation.date()}, "
        f"<{site}>, {citation.TEXT_LICENCE}."
    )


def emptied(folder: Path) -> Path:
    """Return a folder, made anew and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
