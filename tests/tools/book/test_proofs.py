"""The numbers that the site prints of the errata are those that their proofs compute."""

import json
import math

import pytest

from tools.book import errata, proofs

STORED = "book/errata-numbers.json holds another number: make errata-numbers"


@pytest.mark.parametrize("name", sorted(proofs.PROOFS))
def test_what_is_stored_of_a_proof_is_what_it_computes(name):
    found, stored = proofs.PROOFS[name](), errata.stored()[name]
    assert stored.keys() == found.keys(), STORED
    apart = {k: (stored[k], v) for k, v in found.items() if not proofs.agree(stored[k], v)}
    assert not apart, STORED


def test_nothing_is_stored_that_no_proof_computes():
    assert set(errata.stored()) == set(proofs.PROOFS), STORED


@pytest.mark.parametrize(
    ("stored", "found"),
    [(0.5, 0.5001), (0.5, -0.5), (1, 2), (0.5, "no number"), ("one", "two"), (0.0, 1e-30)],
)
def test_another_number_does_not_agree(stored, found):
    assert not proofs.agree(stored, found)


def test_rounding_agrees_even_where_it_turns_the_last_digit_printed():
    below, above = 0.12345, math.nextafter(0.12345, 1) * (1 + 1e-12)
    assert proofs.agree(below, above)


def test_storing_again_keeps_what_agrees_and_replaces_what_does_not():
    stored = {"a": {"x": 1.0, "y": 1.0}, "gone": {"x": 1.0}}
    found = {"a": {"x": 1.0 + 1e-12, "y": 2.0}, "new": {"x": 3.0}}
    assert proofs.updated(stored, found) == {"a": {"x": 1.0, "y": 2.0}, "new": {"x": 3.0}}


def test_a_proof_without_stored_numbers_is_named(monkeypatch, tmp_path):
    empty = tmp_path / "numbers.json"
    empty.write_text(json.dumps({}), encoding="utf-8")
    monkeypatch.setattr(errata, "NUMBERS", empty)
    entry = next(one for one in errata.errata().values() if one.proof != errata.DOCUMENTARY)
    with pytest.raises(ValueError, match=entry.proof):
        entry.numbers()
