"""Each chapter is up to date with its notebook and keeps the book's standard."""

import re
import tomllib
from base64 import b64decode

import nbformat
import pytest
import yaml

import descent
from tools.book import errata, myst, project, references
from tools.book.pictures import lighter
from tools.notebook import commonmark, files, generate

CHAPTERS = project.chapters()
REFERENCE = project.parts()["Reference"]
by_stem = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
of_the_text = pytest.mark.parametrize(
    "chapter",
    [chapter for chapter in CHAPTERS if chapter not in REFERENCE],
    ids=lambda path: path.stem,
)
DIRECTIVES = {
    chapter: [
        directive
        for cell in myst.read_cells(chapter)[0].cells
        if cell.cell_type == "markdown"
        for directive in myst.directives(cell.source)
    ]
    for chapter in CHAPTERS
}


def count(chapter, name):
    return sum(directive.name == name for directive in DIRECTIVES[chapter])


@by_stem
def test_the_committed_notebook_is_what_the_chapter_generates(chapter):
    committed = files.read_notebook(chapter)
    assert committed is not None, "run: make notebooks"
    generated = generate.generate(chapter, committed)
    for ours, theirs in zip(generated.cells, committed.cells, strict=True):
        assert (ours.cell_type, ours.source) == (theirs.cell_type, theirs.source)
        assert ours.metadata == theirs.metadata
    assert generated.metadata == committed.metadata


@by_stem
def test_the_notebook_holds_no_timestamp_no_error_and_no_warning(chapter):
    notebook = files.read_notebook(chapter)
    nbformat.validate(notebook)
    for cell in files.code_cells(notebook):
        assert "execution" not in cell.metadata
        assert all(output.output_type != "error" for output in cell.outputs)
        assert all(output.get("name") != "stderr" for output in cell.outputs)


@by_stem
def test_the_notebook_is_plain_commonmark(chapter):
    for cell in files.read_notebook(chapter).cells:
        if cell.cell_type == "markdown":
            assert not list(myst.directives(cell.source))
            assert not re.search(r"\{[a-z:-]+\}`|^:::|^\(.*\)=$", cell.source, re.MULTILINE)


@by_stem
def test_the_first_code_cell_installs_the_package(chapter):
    first = files.code_cells(files.read_notebook(chapter))[0]
    assert "import descent" in first.source
    assert f"git+{project.written_address()}" in first.source


@of_the_text
def test_a_chapter_has_formulas_exercises_with_solutions_and_a_table_by_hand(chapter):
    assert len(myst.formulas(chapter)) >= 3
    assert 3 <= count(chapter, "exercise") <= 5
    assert count(chapter, "exercise") == count(chapter, "solution-start")
    assert count(chapter, "exercise") == count(chapter, "solution-end")
    headings = re.findall(r"^## (.*)$", chapter.read_text(encoding="utf-8"), re.MULTILINE)
    for heading in ("By hand", "In print", "In the frameworks", "What it does not do", "Exercises"):
        assert heading in headings
    by_hand = chapter.read_text(encoding="utf-8").split("\n## By hand\n")[1].split("\n## ")[0]
    assert "Fraction(" in by_hand
    assert "assert " in by_hand
    assert "Table(" in by_hand


FOLDED = re.compile(
    r":::\{solution-start\}.*?:::\{solution-end\}\n:::\n"
    r"|:::\{admonition\}[^\n]*\n:class: dropdown\n.*?\n:::\n"
    r"|```\{code-cell\} ipython3\n---\ntags: \[[^\]]*hide-input.*?\n```\n",
    re.DOTALL,
)
"""What a page shows folded: solutions, proofs, code that is not part of the argument."""

ONE_SITTING = 4500  # words


@by_stem
def test_a_chapter_is_read_in_one_sitting(chapter):
    """Prose, and code that is not folded; a longer one becomes two (see `book/moved.yml`)."""
    shown = FOLDED.sub("", chapter.read_text(encoding="utf-8").split("\n---\n", 1)[1])
    assert len(shown.split()) <= ONE_SITTING


@by_stem
def test_every_solution_runs_code_that_asserts(chapter):
    text = chapter.read_text(encoding="utf-8")
    solutions = re.findall(r"\{solution-start\}(.*?)\{solution-end\}", text, re.DOTALL)
    assert all("{code-cell}" in solution and "assert " in solution for solution in solutions)


@by_stem
def test_every_figure_has_a_caption_and_alternative_text(chapter):
    source, _ = myst.read_cells(chapter)
    cells = files.code_cells(source)
    ran = files.code_cells(files.read_notebook(chapter))[1:]
    for cell, done in zip(cells, ran, strict=True):
        figures = [out for out in done.outputs if "image/png" in out.get("data", {})]
        settings = cell.metadata.get("mystnb", {})
        if figures:
            assert len(figures) == 1
            assert settings["figure"]["caption"].strip()
            assert figures[0].metadata["image/png"]["alt"].strip()
            png = b64decode(figures[0].data["image/png"])
            assert lighter(png) == png, "python -m tools.notebook.generate --all"
        else:
            assert not settings


@by_stem
def test_code_cells_fit_the_page(chapter):
    source, _ = myst.read_cells(chapter)
    lines = [line for cell in files.code_cells(source) for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 79] == []


@by_stem
def test_printed_outputs_fit_the_page(chapter):
    """A wider one runs off the right edge; a table has its cells wrapped by the browser."""
    cells = files.code_cells(files.read_notebook(chapter))
    outputs = [output for cell in cells for output in cell.outputs]
    texts = [
        output.get("text") or output.data.get("text/plain", "")
        for output in outputs
        if "text/html" not in output.get("data", {})
    ]
    assert [line for text in texts for line in text.splitlines() if len(line) > 79] == []


@by_stem
def test_prose_has_no_measured_number_typed_by_hand(chapter):
    """A decimal with three or more significant digits comes from a cell: {glue:text}."""
    allowed = {"0.999", "0.001", "4.999", "4.995"}  # settings, and what is worked or quoted exactly
    source, _ = myst.read_cells(chapter)
    for cell in source.cells:
        if cell.cell_type == "markdown":
            typed = re.findall(r"(?<![\w.#])\d+\.\d+(?![.\d])", re.sub(r"`[^`]*`", "", cell.source))
            long = {number for number in typed if len(number.lstrip("0.").replace(".", "")) > 2}
            assert long <= allowed, f"use glue: {long - allowed}"


def test_every_entry_of_the_bibliography_is_cited_and_has_a_permanent_link():
    cites = [*project.pages(), errata.ERRATA]
    text = "".join(page.read_text(encoding="utf-8") for page in cites)
    for key, entry in references.references().items():
        assert key in text, f"{key} is cited nowhere"
        assert entry.url.startswith("https://")
        assert {"doi", "eprint", "url"} & set(entry.entry.fields)


def test_the_address_of_the_repository_is_written_in_one_place():
    address = project.written_address().removeprefix("https://")
    hits = {
        path.relative_to(project.ROOT).as_posix()
        for pattern in ("*", "book/*.md", "book/_static/*", "src/**/*", "tools/*", ".github/**/*")
        for path in project.ROOT.glob(pattern)
        if path.is_file() and address in path.read_text(encoding="utf-8", errors="ignore")
    }
    assert hits == {"_config.yml"}


def test_the_version_is_the_same_everywhere():
    project_file = tomllib.loads((project.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((project.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (project.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = project_file["project"]["version"]
    assert descent.__version__ == citation["version"] == version
    assert f"## {version}" in changelog


def test_every_page_of_the_contents_exists_and_every_chapter_is_in_the_contents():
    assert all(page.exists() for page in project.pages())
    assert set(project.BOOK.rglob("*.md")) == set(project.pages())
    assert {path.with_suffix(".md") for path in project.BOOK.glob("*.ipynb")} == set(CHAPTERS)


def test_the_notation_page_names_every_hyper_parameter():
    text = (project.BOOK / "notation.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in ("lr", "momentum", "beta1", "beta2", "eps"))
    assert commonmark.formula_pages()
