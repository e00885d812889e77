"""The first page: the family of rules, its doors and its figures."""

import re

import pytest

from descent import rules
from tools.book import catalogue, project
from tools.site import family, front, offered


def test_every_rule_of_the_family_is_one_of_the_package_with_a_formula():
    assert set(family.family()) <= set(rules.names())
    assert {parent for found in family.family().values() for parent in found} <= set(
        family.family()
    )
    assert [rule for rule, found in family.family().items() if not found] == ["gradient-descent"]
    for rule in family.family():
        assert family.FORMULAS[rule] in catalogue.formula_pages()


def test_every_rule_of_a_chapter_with_a_formula_of_its_own_is_in_the_family():
    """The forms that share a formula with another stand in its box."""
    own = {rule for rule, formula in family.FORMULAS.items() if formula.endswith("-update")}
    assert own - set(family.family()) == {"momentum-rmsprop"}


def test_a_rule_stands_below_what_it_comes_from_and_boxes_do_not_touch():
    for rule, found in family.family().items():
        assert all(family.row(parent) < family.row(rule) for parent in found)
    placed = list(family.places().values())
    for i, (x, y) in enumerate(placed):
        assert family.BOX / 2 <= x <= family.WIDTH - family.BOX / 2
        assert all(y != b or abs(x - a) > family.BOX for a, b in placed[:i])


def test_a_line_that_passes_a_row_passes_between_its_boxes():
    for rule, found in family.family().items():
        for parent in found:
            x = family.places()[parent][0]
            passed = range(family.row(parent) + 1, family.row(rule))
            boxes = [
                family.places()[one][0] for one in family.family() if family.row(one) in passed
            ]
            assert all(abs(x - middle) > family.BOX / 2 for middle in boxes), (parent, rule)


@pytest.mark.parametrize("rule", family.family())
def test_what_a_rule_changes_fits_its_box(rule):
    said = [line for what in family.family()[rule].values() for line in family.lines(what)]
    assert len(said) <= 2
    assert all(len(line) <= family.LETTERS for line in said)


@pytest.mark.parametrize("docname", ["book/index", "book/adam"])
def test_the_list_says_what_the_picture_says(docname):
    made = family.picture(docname)
    svg, _, rest = made.partition("</svg>")
    assert re.findall(r'aria-label="([^"]*)"', svg)[1:] == [
        family.told(rule) for rule in family.family()
    ]
    assert set(re.findall(r"<li><a [^>]*>([^<]*)</a>", rest)) == set(
        map(family.told, family.family())
    )
    marked = re.findall(r'class="here"', svg)
    assert len(marked) == sum(family.page_of(rule) == docname for rule in family.family())


def test_the_doors_lead_to_pages_that_are_there():
    found = re.findall(r'<a href="([\w-]+)\.html"', front.doors("book/index"))
    assert [*dict.fromkeys(found)] == ["gradient-descent", "teach", "conventions"]
    assert all((project.BOOK / f"{name}.md").exists() for name in found)


def test_the_figures_are_counted():
    found = front.counts()
    assert found["formulas"] == len(catalogue.book())
    assert found["tests"] > found["formulas"]
    assert min(found.values()) > 100


def test_colab_opens_the_first_chapter():
    assert front.colab().endswith(f"{front.FIRST}.ipynb")
    assert (project.ROOT / f"{front.FIRST}.ipynb").exists()
    assert offered.title("adam") == "Adam"
