"""What changes on a page shows on each page that shows it, and no other page is read in vain."""

from types import SimpleNamespace

import pytest

from tools.book import catalogue, citation, project, references
from tools.site import depend


def environment(**domains):
    """Return an environment whose pages are found, with the objects of each domain."""
    made = {
        name: SimpleNamespace(name=name, get_objects=lambda found=found: found)
        for name, found in domains.items()
    }
    return SimpleNamespace(
        domains=made, toctree_includes={"index": ["a", "b"]}, metadata={}, found_docs={"a", "b"}
    )


def place(name="adam-update", page="a", anchor="adam-update"):
    return (name, name, "formula", page, anchor, 1)


def moved(before, after):
    depend.linked(None, before)
    after.shown = before.shown
    return depend.linked(None, after)


def test_no_page_is_written_anew_where_nothing_moved():
    assert moved(environment(formula=[place()]), environment(formula=[place()])) == []


def test_a_new_place_makes_no_other_page_anew():
    more = environment(formula=[place(), place("new")])
    assert moved(environment(formula=[place()]), more) == []


@pytest.mark.parametrize("after", [[place(page="b")], [place(anchor="b")], []])
def test_all_pages_are_written_anew_when_a_place_moves_or_goes(after):
    assert moved(environment(formula=[place()]), environment(formula=after)) == ["a", "b"]


def test_all_pages_are_written_anew_when_a_heading_that_is_linked_to_changes():
    before, after = environment(), environment()
    before.metadata = {"a": {"myst_slugs": {"why": (3, "why", "Why")}}}
    after.metadata = {"a": {"myst_slugs": {"why": (4, "why", "Why")}}}
    assert moved(before, after) == [], "its line says nothing"
    after.metadata = {"a": {"myst_slugs": {"why": (4, "why", "Why?")}}}
    assert moved(before, after) == ["a", "b"]


def test_all_pages_are_written_anew_when_the_order_changes():
    after = environment()
    after.toctree_includes = {"index": ["b", "a"]}
    assert moved(environment(), after) == ["a", "b"]


def outdated(env):
    return depend.outdated(None, env, set(), set(), set())


def test_pages_that_show_formulas_are_read_again_when_one_changes(monkeypatch):
    env = SimpleNamespace()
    assert outdated(env) == [], "a new environment reads all anyway"
    assert outdated(env) == []
    first, *rest = catalogue.book()
    changed = type(first)(**{**vars(first), "latex": first.latex + " + 1"})
    monkeypatch.setattr(catalogue, "book", lambda: [changed, *rest])
    again = outdated(env)
    assert {"book/formulas", "book/citing", "book/api/rules"} <= set(again)
    assert all((project.ROOT / f"{name}.md").exists() for name in again)


def settings():
    config = SimpleNamespace()
    depend.configure(None, config)
    return config


def test_settings_are_the_same_as_long_as_the_files_are():
    assert vars(settings()) == vars(settings())


@pytest.mark.parametrize(
    ("module", "name", "setting"),
    [(references, "BIBLIOGRAPHY", "read_with"), (citation, "CITATION", "written_with")],
)
def test_a_new_reference_reads_and_a_new_version_writes_all_pages(
    monkeypatch, tmp_path, module, name, setting
):
    before = settings()
    copy = tmp_path / getattr(module, name).name
    copy.write_bytes(getattr(module, name).read_bytes() + b"\n")
    monkeypatch.setattr(module, name, copy)
    after = settings()
    assert {key for key in vars(after) if getattr(after, key) != getattr(before, key)} == {setting}
