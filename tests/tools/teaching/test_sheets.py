"""Exercise sheets: whole, without solutions and with them, in formats that other programs read."""

import json
import re
import zipfile

import nbformat
import pytest
from lxml import etree
from nbclient import NotebookClient

from tests.typeset import typeset
from tools.book import catalogue, project
from tools.teaching import document, exercises, sheets

TWO = sheets.sheet("two", "Two", ["exercise-momentum-nesterov:5", "exercise-adagrad-bound"])
WORD = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
}
ALL = sheets.of_chapters()


def names(found):
    return [sheet.name for sheet in found]


def test_every_exercise_of_the_book_has_a_task_and_a_solution_that_runs_or_says_something():
    written = sum(page.read_text("utf-8").count(":::{exercise}") for page in project.chapters())
    assert len(exercises.book()) == written
    for exercise in exercises.book().values():
        assert exercise.text.strip()
        assert any(cell.source.strip() for cell in exercise.solution)


def test_a_sheet_of_each_chapter_has_all_its_exercises_numbered_with_points():
    for made in ALL:
        text = sheets.markdown(made, solved=False)
        headings = re.findall(r"^## (\d+)\. .*\[(\d+) points?\]\{\.points\}$", text, re.MULTILINE)
        assert [int(number) for number, _ in headings] == list(range(1, len(made.tasks) + 1))
        assert sum(int(points) for _, points in headings) == made.points
    assert sum(len(made.tasks) for made in ALL) == len(exercises.book())


@pytest.mark.parametrize("made", ALL, ids=names(ALL))
def test_what_is_handed_out_holds_nothing_of_the_solutions(made):
    handed_out = sheets.markdown(made, solved=False)
    handed_in = sheets.notebook(made, solved=False)
    solved = sheets.markdown(made, solved=True)
    for exercise, _ in made.tasks:
        for cell in exercise.solution:
            assert cell.source in solved
            assert cell.source not in handed_out
            assert all(cell.source not in other.source for other in handed_in.cells)


@pytest.mark.parametrize("made", ALL, ids=names(ALL))
def test_no_markup_of_the_book_reaches_a_sheet(made):
    text = sheets.markdown(made, solved=True)
    outside = re.sub(r"^``` ?(python|text)\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"\{(eq|cite|glue|ref)[:}]|:::|:label:", outside)


def test_chosen_exercises_stand_in_the_order_and_with_the_points_asked_for():
    assert [points for _, points in TWO.tasks] == [5, 6]
    text = sheets.markdown(TWO, solved=False)
    assert text.index("Two forms of Nesterov") < text.index("When the bound favours")
    assert "11 points." in text


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["exercise-adam-reed"], r"no exercise has the id 'exercise-adam-reed'; .*adam-read"),
        (["exercise-adam-read"] * 2, "once, got 'exercise-adam-read' twice"),
        (["exercise-adam-read:0"], "points must be a whole number of at least 1, got '0'"),
        (["exercise-adam-read:few"], "got 'few'"),
    ],
)
def test_a_sheet_that_cannot_be_made_says_why(ids, says):
    with pytest.raises(ValueError, match=says):
        sheets.sheet("wrong", "Wrong", ids)


def test_a_sheet_shows_the_formulas_of_its_tasks_and_hides_those_that_solve_them():
    made = sheets.sheet("one", "One", ["exercise-momentum-hurts"])
    assert "momentum-noise" not in sheets.markdown(made, solved=False)
    formula = next(one for one in catalogue.book() if one.id == "momentum-noise")
    assert formula.latex in sheets.markdown(made, solved=True)


def test_the_latex_has_each_formula_as_it_is_written():
    text = sheets.markdown(TWO, solved=True)
    latex = "".join(document.latex(text, "Two").split())
    for formula in TWO.formulas(solved=True):
        assert "".join(formula.latex.split()) + rf"\tag{{{formula.id}}}" in latex
    assert r"\begin{document}" in latex


def test_word_gets_equations_and_no_dollar(tmp_path):
    path, text = tmp_path / "two.docx", sheets.markdown(TWO, solved=True)
    document.word(text, "Two", path)
    with zipfile.ZipFile(path) as parts:
        body = etree.fromstring(parts.read("word/document.xml"))
    formulas = json.dumps(document.tree(text)).count('"t": "Math"')
    assert len(body.findall(".//m:oMath", WORD)) == formulas > 5
    assert "$" not in "".join(text.text for text in body.iter(f"{{{WORD['w']}}}t"))


def test_the_html_that_is_printed_has_its_formulas_set():
    html = document.paper(sheets.markdown(TWO, solved=True), "Two")
    assert html.count('class="katex"') > 5
    apart = r"<pre.*?</pre>|<annotation.*?</annotation>"
    assert "$" not in re.sub(apart, "", html, flags=re.DOTALL)


def run(notebook):
    """Run a notebook; a cell that fails raises."""
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()


def test_solutions_run_with_the_cells_that_they_need_and_no_other():
    nbformat.validate(sheets.notebook(TWO, solved=False))
    cells = sheets.notebook(TWO, solved=True).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"][1:]  # without %pip
    exec("\n".join(code), {})


@pytest.mark.nightly
@pytest.mark.parametrize("made", ALL, ids=names(ALL))
def test_the_notebooks_of_all_chapters_run(made):
    run(sheets.notebook(made, solved=False))
    run(sheets.notebook(made, solved=True))


WIDEST = 20
"""Points by which a line of LaTeX may be too wide."""


def compiled(made, solved, folder):
    """Compile a sheet with LuaLaTeX; what is wrong with it fails."""
    log = typeset(document.latex(sheets.markdown(made, solved=solved), made.title), folder)
    wide = [float(wide) for wide in re.findall(r"Overfull \\hbox \((\d+\.\d+)pt", log)]
    assert max(wide, default=0) <= WIDEST


@pytest.mark.parametrize("solved", [False, True], ids=["tasks", "solutions"])
def test_the_latex_of_a_sheet_compiles(solved, tmp_path):
    compiled(TWO, solved, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("solved", [False, True], ids=["tasks", "solutions"])
@pytest.mark.parametrize("made", ALL, ids=names(ALL))
def test_the_latex_of_all_chapters_compiles(made, solved, tmp_path):
    compiled(made, solved, tmp_path)


def test_greek_letters_in_the_prose_are_set_as_formulas():
    latex = document.latex("# The ε\n\nΔ and β₂, but `ε` is code.", "T")
    for part in (r"$\varepsilon$", r"$\Delta$", r"$\beta$", r"$_{2}$", r"\texttt{ε}"):
        assert part in latex
