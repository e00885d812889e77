"""The shelf as a whole, the page that links it, and the cheat sheet."""

import json
import re

import pytest

from descent import rules
from descent.misprints import MISPRINTS
from tools.book import catalogue, errata, project
from tools.site import build
from tools.site import shelf as linked
from tools.teaching import cheat_sheet, exercises, shelf
from tools.teaching.questions import TEMPLATES

PAGE = project.BOOK / "teach.md"
TEXT = PAGE.read_text(encoding="utf-8")
BELIEFS = re.findall(
    r"^\| ([^|]+) \| \[([^]]+)\][^|]*\| \{ref\}`[^|<]+<([\w-]+)>` \| `([\w-]+)` \|$",
    TEXT,
    re.MULTILINE,
)


def test_each_thing_that_students_get_wrong_has_an_exercise_and_a_question_that_names_it():
    assert len(BELIEFS) >= 12
    for belief, erratum, exercise, question in BELIEFS:
        errata.erratum(erratum)
        assert exercise in exercises.book(), belief
        mistakes = [text for text, _ in TEMPLATES[question].question(7).mistakes]
        names = [name for name, one in MISPRINTS.items() if one.erratum == erratum]
        assert any(f"misprint {name} gives" in text for name in names for text in mistakes), belief


def test_each_exercise_that_is_linked_is_called_as_it_is_in_its_chapter():
    links = re.findall(r"\{ref\}`([^`<]+) <(exercise-[\w-]+)>`", TEXT)
    assert len(links) > 15
    for title, exercise in links:
        assert exercises.book()[exercise].title == title


def test_the_page_shows_each_part_of_the_shelf_once():
    assert re.findall(r"```\{shelf\} (\S+)", TEXT) == list(linked.TITLES)


def fill(folder):
    """Put some files on a shelf."""
    for name in (
        "sheets/adam.pdf",
        "sheets/adam-solutions.pdf",
        "questions/adam.moodle.xml",
        "slides/adam.html",
        "slides/slides.css",
        "slides/figures/adam-1.png",
        "figures/index.html",
        "figures/adam-1.svg",
        "figures/drawn.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_what_lies_on_the_shelf_is_listed_and_each_link_leads_to_a_file(tmp_path):
    fill(tmp_path)
    shelf.list_files(tmp_path)
    found = json.loads((tmp_path / "shelf.json").read_text())
    addresses = [at for part in found.values() for ends in part.values() for at in ends.values()]
    assert set(addresses) == {
        "sheets/adam.pdf",
        "sheets/adam-solutions.pdf",
        "questions/adam.moodle.xml",
        "slides/adam.html",
        "figures/index.html",
    }
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = [at for at in re.findall(r'href="([^"]+)"', index) if "//" not in at]
    assert sorted(links) == sorted(addresses)
    assert all((tmp_path / at).exists() for at in links)


def test_an_empty_shelf_is_read_as_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(linked, "LIST", tmp_path / "shelf.json")
    assert linked.on_shelf() == {}


def test_the_cheat_sheet_has_each_update_rule_of_the_book_with_what_it_keeps():
    html = cheat_sheet.html()
    for formula in catalogue.book():
        if formula.id.endswith("-update"):
            assert f"<code>{formula.id}</code>" in html
    assert cheat_sheet.kept(rules.GradientDescent()) == "keeps no numbers a parameter"
    assert cheat_sheet.kept(rules.Momentum()) == "keeps 1 number a parameter"
    assert cheat_sheet.kept(rules.Adam()) == "keeps 2 numbers a parameter"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("torch.optim.Adadelta", "lr=1.0, rho=0.9, eps=1e-06"),
        ("optax.adam", "b1=0.9, b2=0.999, eps=1e-08"),
        ("optax.sgd", ""),
    ],
)
def test_defaults_are_the_frameworks(path, shown):
    assert cheat_sheet.settings(path) == shown


def test_a_file_that_is_made_anew_has_the_site_built_anew(tmp_path):
    fill(tmp_path)
    shelf.list_files(tmp_path)
    before = (tmp_path / linked.MADE.name).read_text()
    shelf.list_files(tmp_path)
    assert (tmp_path / linked.MADE.name).read_text() == before
    (tmp_path / "sheets" / "adam.pdf").write_text("another")
    shelf.list_files(tmp_path)
    assert (tmp_path / linked.MADE.name).read_text() != before
    assert str(linked.MADE.relative_to(project.ROOT)) in build.SOURCES


def test_the_minutes_of_the_lecture_add_up():
    plan = TEXT[TEXT.index("**One lecture** of ninety minutes") : TEXT.index("**Three lectures**")]
    minutes = [int(number) for number in re.findall(r"^\| (\d+) \|", plan, re.MULTILINE)]
    assert sum(minutes) == 90
    assert "of 75 minutes leaves out the scale" in plan
    assert re.search(r"^\| 15 \| Scale \|", plan, re.MULTILINE)


def test_each_chapter_of_the_short_courses_has_its_week_in_the_term():
    short, term = TEXT[: TEXT.index("**A term**")], TEXT[TEXT.index("**A term**") :]
    for page in re.findall(r"\]\(([\w-]+\.md)\)", short):
        assert f"({page})" in term
