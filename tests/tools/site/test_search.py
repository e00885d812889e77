"""What the search knows of a page, and that a build brings it up to date and no more than that."""

import json

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.application import Sphinx

from tools.book import catalogue
from tools.site import search
from tools.site.plain import plain

FIRST = r"""
Descent
=======

We follow :math:`-\nabla f(x)` with a rate :math:`\beta_2`.

.. code-block:: python

   hidden = "in code"

.. raw:: html

   <p>raw words</p>

.. math:: \frac{1}{1 - \beta}

.. _far:

Far away
--------

Before the box,

.. container:: formula
   :name: gd-update

   .. math:: x_t = x_{t-1} - \eta_t g_t

   Gradient descent · Cauchy (1847)

behind it.

Boxes alone
-----------

.. container:: erratum
   :name: s2-01

   `S2-01 <#s2-01>`_ **A wrong sign**

   Printed: :math:`+\eta`.
"""

SECOND = """
Names
=====

.. glossary::

   epoch
      Once through the data.

.. py:module:: rules

.. py:class:: Adam

   The rule of 2014.

   .. py:method:: update(x)

      One step.
"""


@pytest.fixture
def book(tmp_path):
    """Return a function that builds a book of two pages, and the entries that it then has."""
    source = tmp_path / "source"
    source.mkdir()
    field = tmp_path / "templates" / "components" / "search-field.html"  # the site's theme has it
    field.parent.mkdir(parents=True)
    field.write_text("<form></form>", encoding="utf-8")
    toctree = "\n.. toctree::\n   :glob:\n\n   *\n"
    (source / "index.rst").write_text(f"Book\n====\n{toctree}", encoding="utf-8")
    (source / "first.rst").write_text(FIRST, encoding="utf-8")
    (source / "second.rst").write_text(SECOND, encoding="utf-8")

    def build(parallel=1, out="out"):
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=tmp_path / out,
            doctreedir=tmp_path / f"{out}-doctrees",
            buildername="html",
            confoverrides={
                "extensions": ["tools.site.search"],
                "html_theme": "basic",
                "templates_path": [str(tmp_path / "templates")],
            },
            status=None,
            warning=None,
            parallel=parallel,
        )
        app.build()
        script = (tmp_path / out / "_static" / search.SECTIONS).read_text(encoding="utf-8")
        return json.loads(script.removeprefix("const searchSections = ").removesuffix(";\n"))

    build.source, build.stores = source, tmp_path / "out-doctrees"
    return build


@pytest.fixture
def found(book):
    """Return the entries of the book, page by page, as (kind, anchor, title, text, names)."""
    script = book()
    pages = [address for address, _ in script["pages"]]
    return {
        address: [tuple(row[1:]) for row in script["entries"] if pages[row[0]] == address]
        for address in pages
    }


def test_a_page_and_its_sections_are_found_by_what_they_say(found):
    page, section, *_ = found["first.html"]
    assert page == (
        *("page", "", "Descent", "We follow −∇f(x) with a rate β₂. 1/(1 − β)"),
        [],
    )
    assert section == ("section", "far-away", "Far away", "Before the box, … behind it.", [])


def test_a_section_of_boxes_alone_is_found_by_the_boxes(found):
    titles = [title for _, _, title, _, _ in found["first.html"]]
    assert "Boxes alone" not in titles
    assert "S2-01 A wrong sign" in titles


def test_boxes_are_found_by_their_ids_and_read_as_text(found):
    boxes = {kind: rest for kind, *rest in found["first.html"]}
    text = "xₜ = xₜ₋₁ − ηₜ gₜ · Cauchy (1847)"
    assert boxes["formula"] == ["gd-update", "Gradient descent", text, ["gd-update"]]
    names = ["S2-01", "s2-01"]
    assert boxes["erratum"] == ["s2-01", "S2-01 A wrong sign", "Printed: +η.", names]


def test_terms_and_objects_are_found(found):
    named = {title: (kind, anchor, text) for kind, anchor, title, text, _ in found["second.html"]}
    assert named["epoch"] == ("term", "term-epoch", "Once through the data.")
    assert named["rules.Adam"] == ("object", "rules.Adam", "The rule of 2014.")
    assert named["rules.Adam.update"] == ("object", "rules.Adam.update", "One step.")


def test_code_and_raw_html_are_no_prose(found):
    text = json.dumps(found, ensure_ascii=False)
    assert "hidden" not in text
    assert "raw words" not in text
    assert "\\\\" not in text


def test_a_build_collects_the_pages_that_changed_and_no_others(book):
    book()
    times = {file.name: file.stat().st_mtime_ns for file in book.stores.glob("*.search.json")}
    assert set(times) == {f"{name}.search.json" for name in ("index", "first", "second")}
    (book.source / "second.rst").write_text(SECOND + "\nA new sentence.\n", encoding="utf-8")
    assert "A new sentence." in str(book())
    again = {file.name: file.stat().st_mtime_ns for file in book.stores.glob("*.search.json")}
    assert times["second.search.json"] != again["second.search.json"]
    assert times["first.search.json"] == again["first.search.json"]


def test_an_unchanged_build_writes_nothing(book):
    book()
    script = book.stores.parent / "out" / "_static" / search.SECTIONS
    before = script.stat().st_mtime_ns
    book()
    assert script.stat().st_mtime_ns == before


def test_a_page_that_is_gone_is_not_found(book):
    book()
    (book.source / "second.rst").unlink()
    assert [address for address, _ in book()["pages"]] == ["first.html", "index.html"]


@pytest.mark.parametrize("spoil", ["lost", "of other code"])
def test_what_was_not_collected_or_by_other_code_is_collected_again(spoil, book):
    before = book()
    store = book.stores / "second.search.json"
    store.unlink() if spoil == "lost" else store.write_text('{"state": "", "entries": []}')
    (book.source / "index.rst").touch()
    (book.source / "first.rst").write_text(FIRST + "\n", encoding="utf-8")
    assert book() == before


def test_pages_written_by_several_processes_are_all_found(book):
    for number in range(8):
        text = f"Page {number}\n======\n\nWord{number}.\n"
        (book.source / f"more{number}.rst").write_text(text, encoding="utf-8")
    assert book(parallel=2, out="parallel") == book(out="serial")


def test_sphinx_makes_no_index_of_its_own(book):
    book()
    site = book.stores.parent / "out"
    assert (site / "search.html").exists()
    assert not (site / "searchindex.js").exists()
    assert not (site / "_static" / "searchtools.js").exists()
    page = (site / "first.html").read_text(encoding="utf-8")
    assert not any(name in page for name in ("searchtools", "searchindex", search.SECTIONS))


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}", "m̂ₜ/(√v̂ₜ + ε)"),
        (r"\frac{\hat m_t}{\sqrt{\hat v_t + \varepsilon}}", "m̂ₜ/(√(v̂ₜ + ε))"),
        (r"\frac{\eta}{2} \lVert g \rVert^2", "η/2 · ‖g‖²"),
        (r"\frac{1}{2\eta}", "1/(2 η)"),
        (r"\beta_2^{(t-s)/2}", "β₂^((t−s)/2)"),
        (r"10^{-8}", "10⁻⁸"),
        (r"f'(x), \qquad \dot z_i", "f′(x), żᵢ"),
        (r"|a| = -|b|", "|a| = −|b|"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b; c = d"),
        (r"n_{\text{replacement}}", "n_(replacement)"),
        (r"x^\star \tag{name}", "x*"),
    ],
)
def test_latex_is_read_as_a_line_that_means_the_same(latex, text):
    assert plain(latex) == text


def test_each_formula_of_the_book_can_be_read():
    wrong = [one.id for one in catalogue.book() if "\\" in plain(one.latex) or not plain(one.latex)]
    assert wrong == []


def test_an_erratum_has_the_terms_of_its_topic_for_names():
    head = nodes.paragraph("", "", nodes.reference("", "S0-02"), nodes.strong("", " No correction"))
    box = nodes.container(
        "", head, nodes.paragraph("", "Printed."), ids=["S0-02"], terms=["偏差修正"]
    )
    box["classes"] = ["erratum"]
    document = new_document("errata")
    document += box
    (found,) = search.entries(document)
    assert found.names == ("S0-02", "偏差修正")
