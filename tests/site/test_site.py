"""Every page of the site as a reader meets it: light and dark, on a phone and on a desktop."""

import functools
import http.server
import threading
from collections import Counter
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from tools import project

HTML = project.BUILD / "html"
PAGES = sorted(str(page.relative_to(HTML)) for page in (HTML / "book").rglob("*.html"))
OTHERS = ["search.html", "genindex.html"]

LEFT_OVER = """() => {
    const article = document.querySelector("article") ?? document.body;
    const shown = article.cloneNode(true);
    const others = shown.querySelectorAll("pre, code, script, style, .katex, .headerlink");
    others.forEach((e) => e.remove());
    const raw = /\\$[^$\\n]+\\$|\\\\(frac|sqrt|begin|hat)\\b|\\{(eq|cite|glue|ref|doc)[:}]|:::|```/;
    return shown.textContent.split("\\n").filter((line) => raw.test(line));
}"""

UNSET = "() => document.querySelectorAll('.katex-error, .math:not(:has(.katex))').length"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES + OTHERS)
def test_a_page_is_whole(address, scheme, open_page, report):
    page = open_page(address, viewport={"width": 360, "height": 900}, color_scheme=scheme)
    page.wait_for_load_state("load")
    page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    outside = [
        url for url in page.kept.requests if urlsplit(url).scheme not in ("file", "data", "blob")
    ]
    assert outside == []
    assert page.evaluate(LEFT_OVER) == []
    assert page.evaluate(UNSET) == 0
    report(f"requests {len(page.kept.requests)}")


def soup(address):
    return BeautifulSoup((HTML / address).read_text(encoding="utf-8"), "html.parser")


def test_no_link_and_no_anchor_is_broken(report):
    soups = {address: soup(address) for address in PAGES + OTHERS}
    anchors = {a: {e["id"] for e in s.find_all(id=True)} for a, s in soups.items()}
    broken, counts = [], Counter(pages=len(soups))
    for address, page in soups.items():
        counts["formulas"] += len(page.select(".formula"))
        counts["figures"] += len(page.select("article img"))
        for link in page.find_all(["a", "link", "script", "img"]):
            target = urlsplit(link.get("href") or link.get("src") or "")
            if target.scheme or target.netloc:
                continue
            counts["links"] += 1
            path = (HTML / address).parent / unquote(target.path) if target.path else HTML / address
            known = anchors.get(str(path.resolve().relative_to(HTML.resolve())))
            gone = known is not None and target.fragment and unquote(target.fragment) not in known
            if gone or not path.exists():
                broken.append((address, target.geturl()))
    report(", ".join(f"{count} {name}" for name, count in counts.items()))
    assert broken == []


@pytest.mark.parametrize("address", PAGES)
def test_every_figure_has_a_text(address):
    without = [i.get("src") for i in soup(address).select("article img") if not i.get("alt")]
    assert without == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve the site without a line for each request."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def served():
    """Return the address of a server of the site: excerpts of what was found are fetched."""
    handler = functools.partial(Quiet, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_sitemap_has_every_page_and_each_says_what_it_is():
    places = ElementTree.parse(HTML / "sitemap.xml").findall(".//{*}loc")
    ends = {urlsplit(place.text).path.rpartition("/book/")[2] for place in places}
    assert {address.removeprefix("book/") for address in PAGES} <= ends
    for address in PAGES:
        head = soup(address).head
        assert head.find("meta", property="og:title")["content"]
        assert head.find("meta", attrs={"name": "citation_title"})["content"]


def test_a_missing_page_says_so_in_the_books_look():
    page = soup("404.html")
    assert "not found" in page.find("h1", string=True).text
    assert page.find("script", src=True)["src"].startswith("/")  # from any depth


def test_the_search_finds_bias_correction(open_page, served):
    page = open_page(f"{served}/search.html?q=bias+correction")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    assert "Adam" in page.locator("#search-results li a").all_inner_texts()


def test_a_link_to_a_formula_leads_to_it(open_page):
    page = open_page("book/adam.html#adam-update", viewport={"width": 360, "height": 900})
    page.wait_for_load_state("load")
    top = page.evaluate("() => document.getElementById('adam-update').getBoundingClientRect().top")
    assert 0 <= top < 900
