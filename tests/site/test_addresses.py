"""Permanent addresses: every id leads to its place, written as the page shows it."""

from urllib.parse import quote

import pytest
from PIL import Image
from visiting import HTML, tree

from tools.book import errata, lock_formulas

ERRATA = "book/errata.html"
SHOWN = [one for entry in errata.errata().values() for one in entry.ids]
SHOWN += [i for e in errata.data()["not_errors"] for i in (e["id"], *e.get("also", []))]


def anchors(address):
    return set(tree(address).xpath("//article//@id"))


def test_every_erratum_has_its_id_and_its_lower_case_as_anchors(report):
    found = anchors(ERRATA)
    assert set(SHOWN) - found == set()
    assert {errata.anchor(one) for one in SHOWN} - found == set()
    titles = tree(ERRATA).xpath("//*[contains(@class, 'erratum-title')]/a[1]")
    links = {link.text_content(): link.get("href") for link in titles}
    assert links
    assert all(href == f"#{quote(shown)}" for shown, href in links.items())
    assert set(links) <= set(SHOWN)
    report(f"{len(SHOWN)} ids of errata")


def test_every_id_is_followed_to_its_entry(open_page):
    page = open_page(ERRATA, viewport={"width": 1440, "height": 900})
    page.evaluate(  # what has no address is gone: the page is styled anew for each :target
        """() => document.querySelectorAll("article :is(.katex, pre, p, dl, img, table), nav")
            .forEach((one) => one.querySelector("[id]") ?? one.remove())"""
    )
    missed = page.evaluate(
        """(ids) => {
            const missed = [];
            for (const [written, id] of ids) {
                location.hash = written;
                const target = document.querySelector(":target");
                const box = target?.closest(".erratum, .not-error");
                if (target?.id !== id || !box) missed.push(written);
            }
            return missed;
        }""",
        [[quote(one), one] for one in SHOWN] + [[errata.anchor(one)] * 2 for one in SHOWN],
    )
    assert missed == []


@pytest.mark.parametrize("shown", ["S2-01", "PyTorch #72395", SHOWN[-1]])
def test_an_address_from_outside_shows_its_entry(shown, open_page):
    page = open_page(f"{ERRATA}#{quote(shown)}", viewport={"width": 1440, "height": 900})
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    top = page.evaluate("() => document.querySelector(':target').getBoundingClientRect().top")
    assert 0 <= top < 900


def test_every_formula_has_its_id_on_the_sheet_and_on_its_page():
    for one in lock_formulas.book():
        assert one.id in anchors("book/formulas.html")
        assert one.id in anchors(f"book/{one.page.stem}.html")


def test_a_link_to_a_page_shows_the_card():
    for address in (ERRATA, "book/adam.html", "book/index.html"):
        meta = {one.get("property"): one.get("content") for one in tree(address).iter("meta")}
        card = meta["og:image"]
        root = meta["og:url"].removesuffix(address)
        assert card.startswith("https://")
        with Image.open(HTML / card.removeprefix(root)) as image:
            width, height = image.size
        assert (meta["og:image:width"], meta["og:image:height"]) == (str(width), str(height))


# --- the filter of the errata -----------------------------------------------------------------


def shown_entries(page):
    """Return how many entries are shown, and how many sections of errata and lines of contents."""
    return page.evaluate(
        """() => [
            document.querySelectorAll("div.erratum:not([hidden])").length,
            document.querySelectorAll("article section > div.erratum:first-of-type").length,
            [...document.querySelectorAll("article section:has(> div.erratum)")]
                .filter((one) => !one.hidden).length,
            document.querySelectorAll(".page-toc li:not([hidden])").length,
        ]"""
    )


def test_the_filter_stands_in_the_address_and_the_way_back_takes_it_out(open_page):
    page = open_page(ERRATA, viewport={"width": 1440, "height": 900})
    whole = shown_entries(page)
    page.select_option("#list-filter select[name=topic]", "topic-adam-step")
    some = shown_entries(page)
    assert "topic=topic-adam-step" in page.url
    assert 0 < some[0] < whole[0]
    assert some[2] == 1
    assert whole[3] - some[3] == whole[2] - 1
    page.reload()
    assert shown_entries(page) == some
    page.go_back()
    page.wait_for_function("() => !location.search")
    assert shown_entries(page) == whole


def test_the_filter_finds_in_chinese(open_page):
    page = open_page(f"{ERRATA}?search=偏差修正", viewport={"width": 1440, "height": 900})
    shown = page.locator("div.erratum:not([hidden])").evaluate_all(
        "(all) => all.map((one) => one.className)"
    )
    topic = [one for one in errata.errata().values() if one.topic == "adam-correction"]
    assert len(shown) == len(topic)
    assert all("topic-adam-correction" in classes for classes in shown)
    search = page.locator("#list-filter input")
    search.fill("函数一直迭代至收敛")  # the words of a tutorial
    assert page.locator("div.erratum:not([hidden])").evaluate_all("(all) => all[0].id") == "S0-16"
    search.fill("揭开Adam优化算法的新篇章")  # the title of one
    shown = page.locator("div.erratum:not([hidden])").evaluate_all(
        "(all) => all.every((one) => one.classList.contains('source-004')) && all.length"
    )
    assert shown == sum("004" in one.where for one in errata.errata().values())


def test_a_search_that_finds_nothing_leaves_no_heading(open_page):
    page = open_page(f"{ERRATA}?search=no-such-word", viewport={"width": 1440, "height": 900})
    assert page.locator("#list-filter input").input_value() == "no-such-word"
    assert shown_entries(page)[0] == 0
    assert shown_entries(page)[2] == 0
    page.evaluate("() => { location.hash = 'S2-01'; }")
    page.wait_for_function("() => !document.querySelector('.erratum[hidden]')")
