"""Slides: a deck of each chapter, made of the chapter itself.

A deck is a Markdown file for a lecturer to change; `pandoc` makes reveal.js of it, and Chromium
prints that. Formulas, figures, errata and an exercise are the chapter's own. The prose of a section
goes into the speaker's notes, and what of it leads to a formula stands beneath the formula.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from importlib.resources import files as of_package
from pathlib import Path

from tools.book import catalogue, citation, errata, myst, project, references
from tools.book.myst import Formula
from tools.site import browser
from tools.site.downloads import link
from tools.teaching import document, exercises
from tools.teaching.chapter import Erratum, Figure, Heading, Text, read

REVEAL = Path(str(of_package("sphinx_revealjs"))) / "_static" / "revealjs"
"""reveal.js as sphinx-revealjs brings it."""
STYLES = (project.BOOK / "_static" / "rows.css", Path(__file__).with_name("slides.css"))
UPRIGHT = "innerWidth < 600"
"""Where a slide is higher than wide: on a phone. A condition in JavaScript."""
LINES = 3
"""How many lines of a derivation stand beneath its formula."""
LONGEST = 260
"""Characters of such a line at most: a longer one stays in the notes."""
SENTENCE = re.compile(r"(?<=[.:?])\s+(?=[A-Z$])")


def address(page: Path) -> str:
    """Return the address of a chapter on the site."""
    return f"{project.site(project.address())}book/{page.stem}.html"


def opening(page: Path, first: str) -> str:
    """Return the first slide: title, the chapter's question, where it is from."""
    cff = citation.cff()
    return (
        f"## {project.title(page)} {{.opening}}\n\n{first}\n\n"
        f"[*{cff['title']}*]({address(page)}), version {citation.version()}, "
        f"{citation.TEXT_LICENCE}"
    )


def lines(around: Iterable[Text]) -> list[str]:
    """Return the lines of prose that carry mathematics: those of a proof first, three at most."""
    texts = sorted(around, key=lambda text: not text.is_proof)
    found = [
        " ".join(sentence.split())
        for text in texts
        for sentence in SENTENCE.split(text.text)
        if "$" in sentence and "$$" not in sentence and re.match(r"[A-Z$]", sentence)
    ]
    return [line for line in found if len(line) <= LONGEST and line.count("$") % 2 == 0][:LINES]


def notes(texts: Sequence[Text]) -> str:
    """Return prose as the speaker's notes."""
    said = "\n\n".join(text.text for text in texts if not text.text.startswith("<"))
    return f"::: notes\n{said}\n:::" if said else ""


def of_formula(formula: Formula, around: Sequence[Text]) -> str:
    """Return the slide of a formula: itself with its id, its source, and what leads to it."""
    entry, place = references.source(formula.source)
    where = f"{entry.authors} ({entry.year})" + (f", {place}" if place else "")
    code = f" · `{formula.code}`" if formula.code else ""
    parts = [
        f"## {formula.title}",
        f"::: box\n$$\n{myst.tagged(formula.latex, formula.id)}\n$$\n:::",
        f"[{where} · [{formula.id}]({link(formula.id)}){code}]{{.source}}",
        "\n".join(f"- {line}" for line in lines(around)),
        notes(around),
    ]
    return "\n\n".join(part for part in parts if part)


def of_figure(figure: Figure, around: Sequence[Text]) -> str:
    """Return the slide of a figure, with its caption."""
    alt = re.sub(r"[\[\]]", "", figure.alt)
    picture = f"![{alt}](figures/{figure.name}.png)"
    caption = f"[{figure.caption}]{{.caption}}"
    return "\n\n".join([f"## {figure.section or ' '}", picture, caption, notes(around)])


def of_errata(ids: Sequence[str]) -> str:
    """Return the slide of what is printed wrong."""
    site = project.site(project.address())
    entries = [errata.erratum(name) for name in ids]
    listed = [
        f"- [{entry.id}]({site}book/errata.html#{errata.anchor(entry.id)}) {entry.title}"
        for entry in entries
    ]
    return "\n\n".join(["## In print", "\n".join(listed)])


def of_exercise(page: Path) -> str:
    """Return the slide of the first exercise of a chapter; nothing where there is none."""
    found = exercises.of(page)
    if not found:
        return ""
    source = f"[[{found[0].id}]({address(page)}#{found[0].id})]{{.source}}"
    return f"## Exercise: {found[0].title}\n\n{found[0].text}\n\n{source}"


def deck(page: Path) -> str:
    """Return the deck of a chapter in Markdown."""
    slides: list[str] = []
    around: list[Text] = []
    printed: list[str] = []
    waiting: list[Formula] = []
    first = ""

    def flush() -> None:
        slides.extend(of_formula(formula, around) for formula in waiting)
        waiting.clear()
        around.clear()

    for piece in read(page):
        match piece:
            case Heading():
                flush()
            case Text():
                first = first or piece.text
                around.append(piece)
            case Formula():
                if waiting:
                    flush()
                waiting.append(piece)
            case Figure():
                slides.append(of_figure(piece, [] if waiting else around))
            case Erratum():
                printed.append(piece.id)
    flush()
    last = [of_errata(printed)] if printed else []
    shown = [opening(page, first), *slides, *last, of_exercise(page)]
    return "\n\n".join(slide for slide in shown if slide) + "\n"


def equip(folder: Path) -> None:
    """Put what all decks need beside them: reveal.js, KaTeX's faces, the look."""
    for part in ("LICENSE", "dist", "plugin/notes", "plugin/search", "plugin/zoom"):
        source, target = REVEAL / part, folder / "reveal" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    shutil.copytree(document.KATEX, folder / "katex")
    for style in STYLES:
        shutil.copy(style, folder)


def html(markdown: str, title: str) -> str:
    """Return a deck as reveal.js, which needs what `equip` puts beside it and nothing else."""
    options = [
        "--standalone",
        "--slide-level=2",
        "--variable=revealjs-url:reveal",
        "--variable=theme:white",
        "--variable=hash:true",
        f"--variable=width:{UPRIGHT} ? 520 : 1100",
        f"--variable=height:{UPRIGHT} ? 900 : 720",
        "--variable=center:false",
        "--variable=transition:none",
        f"--metadata=pagetitle:{title}",
        "--metadata=lang:en",
        "--css=katex/katex.min.css",
        *(f"--css={style.name}" for style in STYLES),
    ]
    tree = document.changed(document.tree(markdown), document.set_in_rows)
    return document.written(tree, "revealjs", *options)


def powerpoint(markdown: str, folder: Path, path: Path) -> None:
    """Write a deck for PowerPoint, its formulas as equations; `folder` has its figures."""
    options = [f"--resource-path={folder}", "--slide-level=2", f"--output={path}"]
    tree = document.changed(document.tree(markdown), document.untagged)
    document.written(tree, "pptx", *options)


def write(pages: Iterable[Path], folder: Path) -> None:
    """Write a deck of each chapter into a new folder: Markdown, reveal.js, PDF, PowerPoint."""
    pictures = document.emptied(folder) / "figures"
    equip(folder)
    pictures.mkdir()
    made = []
    for page in pages:
        text, path = deck(page), folder / f"{page.stem}.html"
        for piece in read(page):
            if isinstance(piece, Figure):
                (pictures / f"{piece.name}.png").write_bytes(piece.png)
        path.with_suffix(".md").write_text(text, encoding="utf-8")
        path.write_text(html(text, project.title(page)), encoding="utf-8")
        powerpoint(text, folder, path.with_suffix(".pptx"))
        made.append(path)
    with browser.launched() as chromium:
        screen = chromium.new_page()
        for path in made:
            screen.goto(f"{path.as_uri()}?print-pdf")
            screen.wait_for_selector("html.print-pdf .pdf-page")
            screen.pdf(
                path=path.with_suffix(".pdf"), prefer_css_page_size=True, print_background=True
            )


def pages() -> list[Path]:
    """Return the chapters that have formulas or exercises, and so a deck."""
    having = set(catalogue.formula_pages().values())
    return [page for page in project.chapters() if page in having or exercises.of(page)]
