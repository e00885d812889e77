"""Every page of the site as a reader meets it: light and dark, on a phone and on a desktop."""

import os
from collections import Counter
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from visiting import FRAMES, HTML, tree

from tools.book import project

PAGES = sorted(str(page.relative_to(HTML)) for page in (HTML / "book").rglob("*.html"))
ONLINE = project.site(project.address())
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


# sphinx-proof and sphinx-exercise give what is in a box the id of the box, or of all other boxes.
TWICE = """() => {
    const named = [...document.querySelectorAll("[id]:not(.admonition > *)")];
    const ids = named.map((one) => one.id);
    const seen = new Set();
    return ids.filter((id) => seen.has(id) || !seen.add(id));
}"""


@pytest.mark.parametrize("view", ["phone", "desktop"])
def test_a_page_is_whole(visit, view, report):
    page = visit.show(view)
    width = page.viewport_size["width"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    outside = [
        url for url in page.kept.requests if urlsplit(url).scheme not in ("file", "data", "blob")
    ]
    assert [
        url for url in outside if visit.address != "404.html" or not url.startswith(ONLINE)
    ] == []
    assert page.kept.complaints == []
    report(f"requests {len(page.kept.requests)}")


def test_a_text_is_set_and_each_id_is_there_once(visit):
    assert visit.page.evaluate(LEFT_OVER) == []
    assert visit.page.evaluate(UNSET) == 0
    assert visit.page.evaluate(TWICE) == []


DRAW_LETTERS = """() => {
    const box = document.createElement("div");
    box.id = "letters";
    const faces = new Set();
    for (const set of document.querySelectorAll(".katex-html")) {
        const texts = document.createTreeWalker(set, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const style = getComputedStyle(texts.currentNode.parentElement);
            const { fontFamily, fontStyle, fontWeight } = style;
            for (const letter of texts.currentNode.data.replace(/[\\s\\u200b]/g, "")) {
                const face = [fontFamily, fontStyle, fontWeight, letter].join();
                if (faces.has(face)) continue;
                faces.add(face);
                const one = document.createElement("span");
                one.textContent = letter;
                Object.assign(one.style, { fontFamily, fontStyle, fontWeight });
                box.append(one);
            }
        }
    }
    document.body.append(box);
    return document.fonts.ready.then(() => [...box.children].map((one) => one.textContent));
}"""
"""Put each letter of the formulas, once in each face, at the end of the page."""


def test_each_letter_of_a_formula_is_drawn_in_its_face(visit):
    letters = visit.page.evaluate(DRAW_LETTERS)
    visit.page.evaluate(FRAMES)
    visit.page.evaluate("() => document.fonts.ready.then(() => undefined)")
    tools = visit.page.context.new_cdp_session(visit.page)
    for domain in ("DOM", "CSS"):
        tools.send(f"{domain}.enable")
    page = tools.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    query = {"nodeId": page, "selector": "#letters > span"}
    nodes = tools.send("DOM.querySelectorAll", query)["nodeIds"]
    lent = []
    for letter, node in zip(letters, nodes, strict=True):
        fonts = tools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        lent += [(letter, font) for font in fonts if not font["familyName"].startswith("KaTeX")]
    tools.detach()
    visit.page.evaluate("() => document.getElementById('letters').remove()")
    assert lent == [], "book/_static/katex/fonts has them not: of the AMS letters it has a part"


def test_no_link_and_no_anchor_is_broken(report):
    trees = {address: tree(address) for address in PAGES + OTHERS}
    anchors = {address: set(page.xpath("//@id")) for address, page in trees.items()}
    broken, counts = [], Counter(pages=len(trees))
    for address, page in trees.items():
        counts["formulas"] += len(page.find_class("formula"))
        counts["figures"] += len(page.xpath("//article//img"))
        for link in page.iter("a", "link", "script", "img"):
            target = urlsplit(link.get("href") or link.get("src") or "")
            if target.scheme or target.netloc:
                continue
            counts["links"] += 1
            path = (HTML / address).parent / unquote(target.path) if target.path else HTML / address
            known = anchors.get(os.path.relpath(path, HTML))
            gone = known is not None and target.fragment and unquote(target.fragment) not in known
            if gone or not path.exists():
                broken.append((address, target.geturl()))
    report(", ".join(f"{count} {name}" for name, count in counts.items()))
    assert broken == []


def test_every_figure_has_a_text():
    without = {
        page: tree(page).xpath("//article//img[not(@alt) or @alt='']/@src") for page in PAGES
    }
    assert {page: sources for page, sources in without.items() if sources} == {}


def test_exercises_are_numbered_in_each_chapter_and_a_solution_leads_to_its_own():
    for page in project.chapters():
        boxes = tree(f"book/{page.stem}.html").find_class("exercise")
        titles = [box.find_class("admonition-title")[0].text_content() for box in boxes]
        assert [title.partition(". ")[0] for title in titles] == [
            f"Exercise {number + 1}" for number in range(len(boxes))
        ]
        solutions = tree(f"book/{page.stem}.html").find_class("solution")
        assert [box.find_class("admonition-title")[0].text_content() for box in solutions] == [
            f"Solution to {title}" for title in titles
        ]


def test_the_sitemap_has_every_page_and_each_says_what_it_is():
    places = ElementTree.parse(HTML / "sitemap.xml").findall(".//{*}loc")
    ends = {urlsplit(place.text).path.rpartition("/book/")[2] for place in places}
    assert {address.removeprefix("book/") for address in PAGES} <= ends
    for address in PAGES:
        assert tree(address).xpath("//head/meta[@property='og:title'][@content!='']")
        assert tree(address).xpath("//head/meta[@name='citation_title'][@content!='']")


def test_a_missing_page_says_so_in_the_books_look():
    page = tree("404.html")
    assert any("not found" in heading.text_content() for heading in page.iter("h1"))
    assert all(src.startswith("/") for src in page.xpath("//script/@src"))  # from any depth


def test_a_link_to_a_formula_leads_to_it(open_page):
    page = open_page("book/adam.html#adam-update", viewport={"width": 360, "height": 900})
    page.wait_for_load_state("load")
    top = page.evaluate("() => document.getElementById('adam-update').getBoundingClientRect().top")
    assert 0 <= top < 900
