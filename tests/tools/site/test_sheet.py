"""The formula sheet, and what a page says of its version."""

import datetime
import re
from types import SimpleNamespace

import jsonschema
import pytest
import yaml
from docutils import nodes
from pybtex.database import parse_string
from sphinx import addnodes

from tools.book import citation, lock_formulas, project, verified
from tools.site import downloads, sheet

TEXT = {"type": "string", "minLength": 1}
AUTHOR = {
    "type": "object",
    "properties": dict.fromkeys(("name", "given-names", "family-names", "orcid"), TEXT),
    "additionalProperties": False,
    "anyOf": [{"required": ["name"]}, {"required": ["given-names", "family-names"]}],
}
BOOK = {
    "type": "object",
    "properties": {
        "type": {"const": "book"},
        "title": TEXT,
        "authors": {"type": "array", "minItems": 1, "items": AUTHOR},
        "year": TEXT,
        "version": TEXT,
        "license": TEXT,
    },
    "required": ["type", "title", "authors"],
    "additionalProperties": False,
}
CFF = {  # what the Citation File Format 1.2.0 says of the keys that we use
    "type": "object",
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "message": TEXT,
        "title": TEXT,
        "type": {"enum": ["software", "dataset"]},
        "authors": {"type": "array", "minItems": 1, "uniqueItems": True, "items": AUTHOR},
        "version": TEXT,
        "date-released": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "license": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT},
        "keywords": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT},
        "preferred-citation": BOOK,
    },
    "required": ["cff-version", "message", "title", "authors"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("wrong", [{"date-released": "21.11.2026"}, {"authors": []}, {"titel": ""}])
def test_the_citation_file_is_valid_and_a_wrong_one_is_not(wrong):
    strings = yaml.load(citation.CITATION.read_text(encoding="utf-8"), yaml.BaseLoader)
    jsonschema.validate(strings, CFF)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(strings | wrong, CFF)


def test_the_version_is_that_of_the_package():
    text = (project.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.*)"$', text, re.MULTILINE)[1] == citation.version()
    assert datetime.date.fromisoformat(citation.date())
    book = citation.cff()["preferred-citation"]
    assert book["version"] == citation.version()
    assert str(book["year"]) == citation.date()[:4]


def test_a_page_carries_what_zotero_and_google_scholar_read():
    address = "https://example.org/book/adam.html"
    tags = sheet.metadata("Adam", address)
    assert tags["citation_title"] == tags["DC.title"] == ["Adam"]
    assert tags["citation_author"] == tags["DC.creator"] == citation.authors()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d", *tags["citation_publication_date"])
    assert tags["citation_inbook_title"] == [citation.cff()["title"]]
    assert tags["citation_public_url"] == tags["citation_fulltext_html_url"] == [address]


def test_the_page_of_the_book_itself_is_in_no_other_book():
    assert "citation_inbook_title" not in sheet.metadata(citation.cff()["title"], "https://x.org/")


def test_the_licence_of_the_text_is_one_of_the_citation_file():
    assert citation.TEXT_LICENCE in citation.cff()["license"]


def test_the_date_is_that_of_the_changelog_and_no_clocks():
    changelog = (project.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    head = re.search(r"^## (\S+) \((\S+)\)$", changelog, re.MULTILINE)
    assert head.groups() == (citation.version(), citation.date())


def test_a_retired_id_is_an_anchor_that_points_on():
    (box,) = sheet.retired({"old-name": "adam-update"})
    assert box["ids"] == ["old-name"]
    assert [link["refuri"] for link in box.findall(nodes.reference)] == ["#adam-update"]
    assert box.astext() == "old-name is now adam-update"


def test_without_a_script_the_texts_to_copy_are_there_and_escaped():
    html = sheet.copies({"LaTeX": "a < b & c", "link": "https://example.org/#a"}, "A & B").astext()
    assert re.search(r"<details>.*a &lt; b &amp; c.*https://example.org/#a.*</details>", html)
    assert html.count("<button") == 2
    assert "<p hidden><button" in html


def test_the_formulas_are_listed_below_their_chapters_in_the_contents():
    title = nodes.paragraph("", "", nodes.strong("", "Adam"))
    box = nodes.container("", title, ids=["adam-update"], classes=["sheet"])
    section = nodes.section("", nodes.title("", "Adam"), box, ids=["sheet-adam"])
    head = nodes.reference("", "Adam", anchorname="#sheet-adam", refuri=sheet.SHEET)
    line = nodes.list_item("", addnodes.compact_paragraph("", "", head))
    env = SimpleNamespace(docname=sheet.SHEET, tocs={}, metadata={sheet.SHEET: {}})
    env.tocs[sheet.SHEET] = nodes.bullet_list("", line)
    doctree = nodes.section("", section, ids=["formula-sheet"])
    sheet.list_in_contents(SimpleNamespace(env=env), doctree)
    anchors = [one["anchorname"] for one in line.findall(nodes.reference)]
    assert anchors == ["#sheet-adam", "#adam-update"]
    assert env.metadata[sheet.SHEET]["myst_slugs"]["adam-update"][1] == "adam-update"


def test_bibtex_keeps_an_author_of_several_words_whole_and_a_person_in_two_names(monkeypatch):
    (whole,) = parse_string(downloads.book_bibtex(), "bibtex").entries.values()
    (author,) = whole.persons["author"]
    assert (author.first_names, author.last_names) == ([], [f"{{{citation.authors()[0]}}}"])
    people = [{"given-names": "Augustin-Louis", "family-names": "Cauchy"}, {"name": "A and B"}]
    monkeypatch.setattr(citation, "cff", lambda: {"authors": people})
    assert citation.bibtex_authors() == "Cauchy, Augustin-Louis and {A and B}"


def test_a_chapters_entry_names_the_chapter_and_its_address():
    page = project.BOOK / "adam.md"
    assert "title  = {Adam, chapter of" in sheet.place_in_book(page)
    assert downloads.chapter_link(page).endswith("/book/adam.html")


def test_the_tests_of_a_formula_are_found_where_they_stand():
    for formula in lock_formulas.book():
        for test in verified.by_formula()[formula.id]:
            line = test.path.read_text(encoding="utf-8").splitlines()[test.line - 1]
            assert line.startswith(f"def {test.name}(")
