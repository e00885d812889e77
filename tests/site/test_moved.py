"""Addresses that were given out once: pages that were split lead to where each part is now."""

import json
from pathlib import Path

import pytest
from visiting import HTML, tree

from tools.check.server import serving

GIVEN_OUT = json.loads(Path(__file__).with_name("given_out.json").read_text(encoding="utf-8"))
"""The ids within the article of each page that was split, as the site had them before; not those
that Sphinx numbers (`id7`): an edit of another page changed them, so they were no address."""

OLD = "book/backpropagation.html#what-helps-and-what-does-not"
NEW = "book/deep-networks.html#what-helps-and-what-does-not"


def anchors(page):
    return set(tree(f"book/{page}.html").xpath("//article//@id"))


def listed(page):
    """Return where a page leads the anchors that it has no longer."""
    found = tree(f"book/{page}.html").xpath("//noscript[@id='moved']//li")
    return {one.get("id"): one.find("a").get("href") for one in found}


@pytest.mark.parametrize("page", GIVEN_OUT)
def test_every_anchor_that_was_given_out_is_on_its_page_or_leads_on(page):
    assert set(GIVEN_OUT[page]) - anchors(page) - set(listed(page)) == set()


@pytest.mark.parametrize("page", GIVEN_OUT)
def test_what_leads_on_leads_to_a_place_that_is_there(page):
    assert listed(page)
    for address in listed(page).values():
        name, _, anchor = address.partition(".html#")
        assert anchor in anchors(name)


@pytest.fixture(params=["http", "file"])
def root(request, site):
    """Return the address of the site, served, then on the disk."""
    if request.param == "file":
        yield site.as_uri()
    else:
        with serving(HTML) as address:
            yield address


def test_an_old_address_is_followed_to_the_place_itself(root, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{root}/{OLD}")
    page.wait_for_url(f"{root}/{NEW}")
    page.wait_for_timeout(300)
    top = page.evaluate("() => document.querySelector(':target').getBoundingClientRect().top")
    page.close()
    assert 0 <= top < 900


def test_a_link_within_the_page_that_was_split_is_followed_too(root, browser):
    page = browser.new_page()
    page.goto(f"{root}/{OLD.partition('#')[0]}")
    page.evaluate("(anchor) => { location.hash = anchor; }", OLD.partition("#")[2])
    page.wait_for_url(f"{root}/{NEW}")
    page.close()


def test_an_anchor_that_never_was_leaves_the_reader_on_the_page(root, browser):
    page = browser.new_page()
    page.goto(f"{root}/{OLD.partition('#')[0]}#no-such-part")
    page.wait_for_timeout(300)
    assert page.url.endswith("backpropagation.html#no-such-part")
    page.close()


def test_without_scripts_an_old_address_shows_a_link_to_the_place(root, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{root}/{OLD}")
    page.locator("li:target a").click()
    assert page.url == f"{root}/{NEW}"
    context.close()
