"""Slides: a deck of each chapter, with its own formulas, figures and an exercise."""

import hashlib
import re
import zipfile

import pytest
from lxml import html

from tests.typeset import typeset
from tools.book import catalogue, myst, project
from tools.notebook import files
from tools.site import downloads
from tools.teaching import slides
from tools.teaching.chapter import Figure, Text, figures, read

PAGES = slides.pages()
NAMES = [page.stem for page in PAGES]


def test_each_chapter_with_a_formula_has_a_deck():
    assert set(catalogue.formula_pages().values()) <= set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_deck_has_each_formula_as_it_is_boxed_and_each_figure_of_its_chapter(page):
    deck = slides.deck(page)
    for formula in catalogue.book():
        boxed = f"$$\n{myst.tagged(formula.latex, formula.id)}\n$$"
        assert deck.count(boxed) == (formula.page == page)
    shown = re.findall(r"^!\[(.*)\]\(figures/(.*)\.png\)$", deck, re.MULTILINE)
    assert [name for _, name in shown] == [figure.name for figure in figures(page)]
    assert all(alt for alt, _ in shown)
    outside = re.sub(r"::: notes.*?\n:::", "", deck, flags=re.DOTALL)
    assert not re.search(r"\{(eq|cite|glue|formula)[:}]|:::\{", outside)


def test_figures_are_those_that_the_notebook_drew():
    page = project.BOOK / "adam.md"
    notebook = files.read_notebook(page)
    drawn = [
        output.data["image/png"].strip()
        for cell in files.code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    made = [piece for piece in read(page) if isinstance(piece, Figure)]
    assert made
    sizes = {hashlib.sha256(one.png).hexdigest() for one in made}
    assert len(sizes) == len(made) <= len(drawn)


def test_lines_of_a_derivation_are_sentences_with_mathematics_and_a_proof_comes_first():
    prose = Text("Nothing here. Let $x = 1$. Then $x + 1 = 2$.")
    proof = Text("Take $y = 2$.", is_proof=True)
    assert slides.lines([prose, proof]) == ["Take $y = 2$.", "Let $x = 1$.", "Then $x + 1 = 2$."]


def test_a_deck_becomes_slides_that_ask_no_other_host():
    page = project.BOOK / "gradient-descent.md"
    deck = slides.deck(page)
    shown = html.fromstring(slides.html(deck, "Gradient descent"))
    headings = len(re.findall(r"^## ", deck, re.MULTILINE))
    assert len(shown.cssselect(".slides > section")) == headings
    assert len(shown.cssselect(".katex-html")) > 10
    loaded = shown.xpath("//script/@src | //link/@href | //img/@src")
    assert loaded
    assert not [address for address in loaded if "//" in address]


def test_powerpoint_gets_each_formula_as_an_equation(tmp_path):
    (tmp_path / "figures").mkdir()
    page = project.BOOK / "gradient-descent.md"
    for figure in figures(page):
        (tmp_path / "figures" / f"{figure.name}.png").write_bytes(figure.png)
    slides.powerpoint(slides.deck(page), tmp_path, tmp_path / "deck.pptx")
    with zipfile.ZipFile(tmp_path / "deck.pptx") as parts:
        names = [name for name in parts.namelist() if name.startswith("ppt/slides/slide")]
        equations = sum(parts.read(name).count(b"<m:oMath>") for name in names)
    assert equations >= sum(formula.page == page for formula in catalogue.book())


@pytest.mark.nightly
def test_beamer_sets_every_formula_by_its_id_and_none_is_wider_than_the_slide(tmp_path):
    (tmp_path / "descent-formulas.sty").write_text(downloads.sty(), encoding="utf-8")
    frames = [
        rf"\begin{{frame}}{{{one.id}}}\[\descentformula{{{one.id}}}\]\end{{frame}}"
        for one in catalogue.book()
    ]
    begin = r"\documentclass[aspectratio=169]{beamer}\usepackage{descent-formulas}\begin{document}"
    log = typeset("\n".join([begin, *frames, r"\end{document}"]), tmp_path)
    assert r"Overfull \hbox" not in log
