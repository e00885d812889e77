"""A formula that is cited does not change unseen."""

from dataclasses import replace

import pytest

from tools.book import lock_formulas
from tools.book.lock_formulas import book, changes, hash_of, read_lock, updated

NOTHING = {"changes": [], "retired": {}}


def test_the_lock_is_that_of_the_book():
    assert updated(read_lock(), book(), changes()) == read_lock(), "run: make lock-formulas"


@pytest.fixture
def formula():
    return replace(book()[0], id="made-up", latex="a = b")


@pytest.fixture
def lock(formula):
    return updated({}, [formula], NOTHING)


def test_a_new_formula_is_entered_with_the_version_of_the_book(lock):
    assert lock == {
        "made-up": {"since": lock_formulas.citation.version(), "hash": hash_of("a = b")}
    }


@pytest.mark.parametrize("text", ["a = b + c", "a = -b", r"a = \hat b"])
def test_a_formula_does_not_change_without_a_line_that_names_the_change(formula, lock, text):
    changed = replace(formula, latex=text)
    other = {"formula": "made-up", "hash": hash_of("a = c"), "version": "9", "what": "."}
    for record in (NOTHING, NOTHING | {"changes": [other]}):
        with pytest.raises(ValueError, match="made-up changed"):
            updated(lock, [changed], record)
    line = {"formula": "made-up", "hash": hash_of(text), "version": "9.0", "what": "A sign."}
    entry = updated(lock, [changed], NOTHING | {"changes": [line]})["made-up"]
    assert entry == lock["made-up"] | {"hash": hash_of(text), "changed": "9.0"}


def test_spacing_is_no_change(formula, lock):
    assert updated(lock, [replace(formula, latex=r"a \, &= \; b")], NOTHING) == lock


def test_an_id_goes_only_into_retirement_and_does_not_come_back(formula, lock):
    with pytest.raises(ValueError, match="made-up"):
        updated(lock, [], NOTHING)
    retired = NOTHING | {"retired": {"made-up": "gd-update"}}
    assert updated(lock, [], retired) == lock
    with pytest.raises(ValueError, match="used once"):
        updated(lock, [formula], retired)


def test_every_retired_id_points_to_a_formula_of_the_book():
    ids = {formula.id for formula in book()}
    assert set(changes()["retired"].values()) <= ids
