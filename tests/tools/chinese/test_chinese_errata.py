"""The entries of the errata in Chinese: places with the titles of their sections, no English."""

import pytest

from tools.book import errata, project
from tools.chinese import pages


@pytest.fixture
def in_chinese(monkeypatch):
    """Read the errata in Chinese for as long as the test runs."""
    monkeypatch.setattr(project.Edition, "language", pages.LANGUAGE)
    monkeypatch.setattr(project.Edition, "say", pages.said)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"002": "section 2.2.3"}, "来源 002，第 2.2.3 节{zh}`《学习率（Learning Rate）》`"),
        (
            {"000": "sections 3.1 and 3.2"},
            "来源 000，第 3.1 {zh}`《基本思路》` 和 3.2 {zh}`《具体操作步骤》` 节",
        ),
        ({"002": "[24] and [40]"}, "来源 002，[24] 和 [40]"),
    ],
)
def test_a_place_has_the_titles_of_its_sections_in_both_languages(where, told, in_chinese):
    assert errata.places(where) == told


def test_a_place_in_a_file_leads_there(in_chinese):
    place = errata.places({"d2l": "chapter_optimization/adam.md, TensorFlow tab of `adam`"})
    assert place.startswith("Dive into Deep Learning，[chapter_optimization/adam.md](https://")
    assert place.endswith("，`adam` 的 TensorFlow 标签页")


def test_no_entry_waits_for_its_translation(in_chinese):
    known = errata.data()
    raw = (*known["errata"], *known["not_errors"], *known["right_things"])
    waiting = [
        text
        for entry in map(errata.told, raw)
        for text in map(str, entry.values())
        if pages.MARK in text
    ]
    assert waiting == []


def test_a_proof_has_its_numbers_in_chinese_too(in_chinese):
    entry = errata.Erratum(**errata.told(errata.data()["errata"][0]))
    assert "从 25 变到 36" in entry.shown()
    assert "{" not in entry.shown()
