"""What a chapter says of itself, and of the next one."""

import pytest
from docutils import nodes

from tools.book import project
from tools.site import reading

CHAPTERS = [page for part in list(project.parts().values())[1:4] for page in part]


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_every_chapter_opens_with_a_question_that_is_whole(page):
    asked = reading.question(page)
    assert 10 < len(asked) < 130
    assert asked[0].isupper()
    assert asked.endswith("?")
    assert not set(asked) & set("*`$[]{}")


def test_a_page_of_reference_need_not_ask():
    assert reading.question(project.BOOK / "formulas.md") == ""


def test_what_is_folded_and_what_stands_in_a_table_is_not_counted():
    shown = nodes.paragraph("", "three words here")
    folded = nodes.container("", nodes.paragraph("", "a proof"), classes=["dropdown"])
    table = nodes.table("", nodes.entry("", nodes.paragraph("", "5 4.999")))
    document = nodes.section("", shown, folded, table)
    assert reading.words(document) == 3
