"""The formulas as files, as others' programs read them."""

import json
import re

import jsonschema
import pytest
from pybtex.database import parse_string

from tests.typeset import typeset
from tools.book import lock_formulas, verified
from tools.site import downloads

IDS = [formula.id for formula in lock_formulas.book()]


def test_the_json_is_valid_against_its_schema_and_has_every_formula():
    content = json.loads(downloads.formulas_json())
    jsonschema.Draft202012Validator.check_schema(downloads.schema())
    jsonschema.validate(content, downloads.schema())
    assert [one["id"] for one in content["formulas"]] == IDS


def test_the_schema_refuses_a_formula_without_a_test():
    content = json.loads(downloads.formulas_json())
    content["formulas"][0]["tests"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, downloads.schema())


def test_no_formula_is_unverified_and_both_kinds_are_counted():
    kinds = [downloads.how(formula) for formula in lock_formulas.book()]
    assert kinds.count("as printed") == len(verified.as_printed())
    assert len(kinds) == len(IDS)


def test_the_bibliography_has_the_book_and_every_formula_under_its_permanent_link():
    entries = parse_string(downloads.bib(), "bibtex").entries
    assert list(entries) == ["descent", *(f"descent:{name}" for name in IDS)]
    assert all(entries[f"descent:{name}"].fields["url"].endswith(f"#{name}") for name in IDS)


def test_the_macros_are_of_letters_and_each_is_there_once():
    macros = [downloads.macro(name) for name in IDS]
    assert len(set(macros)) == len(IDS)
    assert all(re.fullmatch(r"\\[A-Za-z]+", name) for name in macros)


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_a_document_with_every_formula_compiles(engine, tmp_path, monkeypatch):
    record = {"changes": [], "retired": {"made-up": "adam-update"}}
    monkeypatch.setattr(lock_formulas, "changes", lambda: record)
    (tmp_path / "descent-formulas.sty").write_text(downloads.sty(), encoding="utf-8")
    shown = [rf"\[ \descentformula{{{name}}} \] \[ {downloads.macro(name)} \]" for name in IDS]
    shown.append(r"\[ \descentformula{made-up} \]")
    begin = r"\documentclass{article}\usepackage{descent-formulas}\begin{document}"
    log = typeset("\n".join([begin, *shown, r"\end{document}"]), tmp_path, engine)
    assert "made-up is now adam-update" in log.replace("\n", "")


def test_what_changed_in_a_formula_is_told(monkeypatch):
    change = {"formula": "gd-update", "version": "9.0.0", "hash": "0" * 16, "what": "A sign."}
    monkeypatch.setattr(lock_formulas, "changes", lambda: {"changes": [change], "retired": {}})
    content = json.loads(downloads.formulas_json())
    jsonschema.validate(content, downloads.schema())
    told = {one["id"]: one["changes"] for one in content["formulas"] if one["changes"]}
    assert told == {"gd-update": [{"version": "9.0.0", "what": "A sign."}]}
