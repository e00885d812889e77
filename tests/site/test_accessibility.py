"""Every page for every reader: by axe-core, by keyboard, with less motion, by ear, on a slow line."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from PIL import Image

from tools import project
from tools.compressing import serving

HTML = project.BUILD / "html"
ADDRESSES = sorted(
    str(page.relative_to(HTML))
    for page in HTML.rglob("*.html")
    if page.parent != HTML / "_static" and page != HTML / "index.html"
)
CHAPTERS = [chapter.stem for chapter in project.chapters()]

LAID_OUT = """() => [...document.querySelectorAll("article section section, .sheet, .erratum")]
    .every((part) => getComputedStyle(part).contentVisibility !== "auto")"""


@pytest.fixture
def settled(open_page):
    """Return a function that opens a page and waits until all of it is laid out."""

    def opened(address, **options):
        page = open_page(address, **options)
        page.wait_for_load_state("load")
        page.wait_for_function(LAID_OUT, timeout=60_000)
        page.wait_for_timeout(300)  # colours change, and boxes that scroll are noticed
        return page

    return opened


# --- axe-core ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing(address, scheme, width, settled, report):
    page = settled(
        address, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    found = Axe().run(page, options={"resultTypes": ["violations", "passes"]})
    report(f"axe {len(found.response['passes'])}")
    assert found.violations_count == 0, found.generate_report()
