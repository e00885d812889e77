"""Skeletons go where a new rule, formula, chapter or erratum goes, and are refused by name."""

import ast

import pytest
import yaml

from tools.book import errata, myst, new, project


def test_a_rule_is_a_class_an_oracle_and_a_section():
    edits, left = new.rule("fast-rule", "adam-family")
    names = {path.name for path in edits}
    assert names == {"rules.py", "oracles.py", "adam-family.md"}
    for path, text in edits.items():
        assert len(text) > len(path.read_text(encoding="utf-8"))
        if path.suffix == ".py":
            ast.parse(text)
    assert 'class FastRule(Rule, name="fast-rule"):' in edits[new.RULES]
    page = edits[project.BOOK / "adam-family.md"]
    assert page.index("{formula} fast-rule-update") < page.index("## By hand")
    assert "make" in left


def test_a_formula_is_a_box_and_a_test_that_fails():
    edits, _ = new.formula("foo-bar", "adam")
    page, tests = edits
    assert "foo-bar" in [one.argument for one in myst.directives(edits[page])]
    ast.parse(edits[tests])
    assert 'formula("foo-bar")' in edits[tests]


@pytest.mark.parametrize("part", [caption for caption in project.parts() if caption])
def test_a_chapter_is_the_last_of_its_part(part):
    edits, _ = new.chapter("new-one", part)
    before, after = (
        yaml.safe_load(text)
        for text in (project.TOC.read_text(encoding="utf-8"), edits[project.TOC])
    )
    found = {one["caption"]: one["chapters"] for one in after["parts"]}
    listed = {one["caption"]: one["chapters"] for one in before["parts"]}
    assert found[part] == [*listed.pop(part), {"file": "book/new-one"}]
    assert {caption: found[caption] for caption in listed} == listed


def test_an_erratum_is_an_entry_and_a_locked_id():
    edits, _ = new.erratum("S5-01", "adam")
    entries = yaml.safe_load(edits[errata.ERRATA])["errata"]
    assert entries[-1]["id"] == "S5-01"
    assert "original" not in entries[-1]
    assert edits[new.LOCKED_ERRATA].split()[-1] == "S5-01"


def test_an_erratum_of_a_tutorial_asks_for_its_own_words():
    edits, _ = new.erratum("S5-01", "003")
    assert list(yaml.safe_load(edits[errata.ERRATA])["errata"][-1]["original"]) == ["003"]


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (new.rule, ("adam", "adam"), "must be new, got 'adam'"),
        (new.rule, ("Foo Bar", "adam"), "words with hyphens, got 'Foo Bar'"),
        (new.rule, ("", "adam"), "words with hyphens, got ''"),
        (new.rule, ("foo", "nowhere"), "must be one of .* got 'nowhere'"),
        (new.formula, ("adam-update", "adam"), "must be new"),
        (new.chapter, ("adam", "Networks"), "must be new"),
        (new.chapter, ("foo", "No part"), "must be one of .* got 'No part'"),
        (new.erratum, ("S2-12", "adam"), "new word"),
        (new.erratum, ("S5-01", "nobody"), "must be one of .* got 'nobody'"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_written(make, arguments, said):
    with pytest.raises(ValueError, match=said):
        make(*arguments)


def test_the_command_says_what_is_wrong_with_a_status(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["new", "rule", "adam"])
    assert new.main() == 2
    assert "got 'adam'" in capsys.readouterr().err
