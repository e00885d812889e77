"""The feed of changes is valid Atom, and its ids are permanent."""

import re
from xml.etree import ElementTree

import pytest

from tools.book import citation, lock_formulas
from tools.site import changes

NS = {"a": changes.ATOM}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TAG = re.compile(r"tag:[a-z0-9.-]+,\d{4}:\S+")
CHANGE = {"formula": "adam-update", "version": citation.version(), "what": "ε < *root*."}


@pytest.fixture
def changed(monkeypatch):
    """Pretend that a formula has changed."""
    record = {"changes": [CHANGE], "retired": {}}
    monkeypatch.setattr(lock_formulas, "changes", lambda: record)


def parsed():
    return ElementTree.fromstring(changes.atom().encode())


def test_feed_and_entries_have_what_the_standard_requires(changed):
    root = parsed()
    assert root.tag == f"{{{changes.ATOM}}}feed"
    assert root.findtext("a:author/a:name", namespaces=NS)
    links = {link.get("rel"): link.get("href") for link in root.findall("a:link", NS)}
    assert links["self"].endswith("/changes.xml")
    for element in (root, *root.findall("a:entry", NS)):
        assert TAG.fullmatch(element.findtext("a:id", namespaces=NS))
        assert element.findtext("a:title", namespaces=NS)
        assert RFC3339.fullmatch(element.findtext("a:updated", namespaces=NS))


def test_each_version_and_each_change_of_a_formula_is_an_entry_of_its_own(changed):
    ids = [entry.findtext("a:id", namespaces=NS) for entry in parsed().findall("a:entry", NS)]
    assert len(ids) == len(set(ids)) == len(changes.versions()) + 1
    assert ids[0].endswith(f":version/{citation.version()}")
    assert ids[-1].endswith(f":formula/adam-update/{citation.version()}")


def test_the_text_of_an_entry_is_html_and_escaped_once(changed):
    content = parsed().findall("a:entry", NS)[-1].find("a:content", NS)
    assert content.get("type") == "html"
    assert content.text == "<p>ε &lt; <em>root</em>.</p>\n"


def test_the_feed_is_as_old_as_its_newest_version():
    newest = changes.versions()[0]
    assert (newest.number, newest.date) == (citation.version(), citation.date())
    assert parsed().findtext("a:updated", namespaces=NS) == f"{newest.date}T00:00:00Z"


def test_no_version_of_the_changelog_is_left_out():
    text = changes.CHANGELOG.read_text(encoding="utf-8")
    assert len(re.findall(r"^## (?!Unreleased$)", text, re.MULTILINE)) == len(changes.versions())


def test_a_version_has_a_permanent_anchor_on_the_page_of_changes():
    page = changes.page("# Changes")
    assert "(version-0-1-0)=\n## 0.1.0 (2026-11-21)\n" in page
