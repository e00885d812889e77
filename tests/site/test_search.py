"""The search, served and from a disk: what is found first, how it is shown, what it weighs."""

import json
import re
from urllib.parse import quote, unquote, urlsplit

import pytest

from tools.book import errata, project
from tools.check.server import serving
from tools.site import search

HTML = project.BUILD / "html"

FIRST = {
    "bias correction": "book/adam.html#bias-correction",
    "epsilon": "book/adam.html#where-sits",
    "sgd": "book/stochastic-gradients.html",
    "AdamW weight decay": "book/adam-family.html#adamw-weight-decay-beside-the-quotient",
    "Nesterov": "book/momentum.html#nesterov-s-form",
    "adam-update": "book/adam.html#adam-update",
    "S2-01": "book/errata.html#S2-01",
    "β₂": "book/when-adam-fails.html",
    "beta2": "book/when-adam-fails.html",
    "descent.rules.RMSprop": "book/api/rules.html#descent.rules.RMSprop",
    "learning rate": "book/learning-rates.html",
}
"""Queries, and the page or the place that the first result must lead to; see below for others."""

AMONG_THREE = {
    "Keras vs PyTorch Adam": "book/conventions.html",
    "reference implementation of RMSprop": "book/rmsprop.html",
}

LATEX = re.compile(r"\\(?:[dt]?frac|hat|sqrt|beta|eta|varepsilon|text|mathbb|begin)\b")
"""What a formula would leave; an erratum speaks of backslashes, a shell command has one."""

LIGHT = 400_000
"""Bytes of a query, served compressed, nothing cached."""

TRANSFERRED = """() => performance.getEntries()
    .filter((one) => "transferSize" in one)
    .map((one) => [one.transferSize, one.decodedBodySize])
    .reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0])"""


@pytest.fixture(scope="module")
def served():
    """Return the address of a server of the site."""
    with serving(HTML) as address:
        yield address


@pytest.fixture(scope="module", params=["http", "file"])
def root(request, site):
    """Return the address of the site, served, then on the disk."""
    return request.getfixturevalue("served") if request.param == "http" else site.as_uri()


@pytest.fixture
def ask(open_page, root):
    """Return a function that opens the search page for a query and waits for its answer."""

    def asked(query, **options):
        page = open_page(f"{root}/search.html?q={quote(query)}", **options)
        page.wait_for_function(
            "() => /results? for|Nothing/.test(document.querySelector('#search-status').innerText)",
            timeout=60_000,
        )
        return page

    return asked


@pytest.fixture(scope="module")
def searching(open_once, root):
    """Return the search page, for the tests that type one query after another."""
    return open_once(f"{root}/search.html")


def typed(page, query):
    """Type a query on the search page, and return the page when it has answered."""
    page.locator(".bd-search-container input").fill(query)
    page.wait_for_function(
        "(query) => document.querySelector('#search-status').textContent.includes(`“${query}”`)",
        arg=query,
    )
    return page


def leads_to(page, root):
    """Return the addresses of the results, within the site."""
    links = page.locator("#search-results li > a").evaluate_all("(all) => all.map((a) => a.href)")
    return [unquote(link).removeprefix(f"{root}/") for link in links]


def same(found, wanted):
    """Return whether an address is the one that is wanted, or within the page that is wanted."""
    return found.lower() == wanted.lower() or found.partition("#")[0] == wanted


@pytest.mark.parametrize("query", FIRST | AMONG_THREE)
def test_a_query_finds_its_section_first(query, searching, root, report):
    page = typed(searching, query)
    found = leads_to(page, root)
    report(f"{query}: {', '.join(found[:3])}")
    if query in FIRST:
        assert same(found[0], FIRST[query])
    else:
        assert any(same(one, AMONG_THREE[query]) for one in found[:3])
    # Erratum S2-06 speaks of the string "\\nabla" itself.
    results = page.locator("#search-results > li").filter(has_not_text="S2-06")
    shown = "\n".join(results.all_inner_texts())
    assert not re.search(r"\\[a-zA-Z]{2,}[{_^\s]", shown)
    assert not re.search(r"\$[^$\n]+\$", shown)
    assert page.locator("#search-results mark").count() > 0
    hosts = {urlsplit(url).netloc for url in page.kept.requests}
    assert hosts <= {urlsplit(root).netloc}


def test_every_result_leads_to_a_place_that_is_there(site):
    known = {}
    script = (site / "_static" / search.SECTIONS).read_text(encoding="utf-8")
    data = json.loads(script.removeprefix("const searchSections = ").removesuffix(";\n"))
    broken = []
    for number, kind, anchor, title, text, _ in data["entries"]:
        path = site / data["pages"][number][0]
        if path not in known:
            html = path.read_text(encoding="utf-8")
            known[path] = set(re.findall(r'\bid="([^"]+)"', html))
        if anchor and anchor not in known[path]:
            broken.append((path.name, anchor))
        if not title.startswith("descent.identify.latex"):  # it says which LaTeX it reads
            assert not LATEX.search(title + text), (kind, title)
    assert broken == []


def test_a_heading_that_matches_comes_before_objects_of_the_package(searching, root):
    found = leads_to(typed(searching, "momentum"), root)
    assert "api/" not in "".join(found[:10])


@pytest.mark.parametrize(
    ("query", "meant"),
    [("adamm", "adam"), ("bais correction", "bias correction"), ("nestrov", "nesterov")],
)
def test_a_query_without_a_hit_suggests_the_nearest_word(query, meant, ask):
    page = ask(query)
    suggestion = page.locator("#search-status a")
    assert suggestion.inner_text() == meant
    assert page.locator("#search-results li").count() > 0
    suggestion.click()
    page.wait_for_function(
        "(word) => document.querySelector('#search-status').textContent.includes(`“${word}”`)",
        arg=meant,
    )
    assert page.locator("#search-status a").count() == 0


def test_what_is_nowhere_is_said_to_be_nowhere(searching):
    page = typed(searching, "qqqqqqqqqq")
    assert page.locator("#search-status").inner_text() == "Nothing in the book has “qqqqqqqqqq”."
    assert page.locator("#search-results li").count() == 0


def test_an_address_with_a_query_shows_its_results(ask, root):
    assert same(leads_to(ask("Nesterov"), root)[0], FIRST["Nesterov"])


def test_a_query_is_text_and_nothing_else(ask):
    page = ask("<img src=x onerror=alert(1)> adam")
    assert page.locator("#search-status img, #search-results img").count() == 0


def test_a_query_is_light(browser, served, report):
    page = browser.new_page()
    page.goto(f"{served}/search.html?q=bias+correction", wait_until="networkidle")
    page.wait_for_selector("#search-results li")
    packed, plain = page.evaluate(TRANSFERRED)
    page.close()
    report(f"a query weighs {packed / 1000:.0f} kB, {plain / 1000:.0f} kB unpacked")
    assert packed <= LIGHT


def test_no_other_page_loads_the_index(open_page):
    page = open_page("book/adam.html")
    page.wait_for_load_state("load")
    assert not any("/search/" in url for url in page.kept.requests)


# --- Chinese ----------------------------------------------------------------------------------

CHINESE = {
    "pages": [["book/adam.html", "Adam 算法"], ["book/momentum.html", "动量"]],
    "entries": [
        [0, "page", "", "Adam 算法", "一阶矩和二阶矩的估计需要除以权重之和。", []],
        [
            0,
            "section",
            "two",
            "偏差修正",
            "没有修正时偏差最大，Adam 的偏差修正除以权重。",
            [],
        ],
        [1, "page", "", "动量", "动量没有这种偏差，也没有修正。", []],
    ],
}


@pytest.fixture
def chinese(open_page, served):
    """Return a function that asks a book in Chinese."""

    def asked(query):
        page = open_page("about:blank")
        body = f"const searchSections = {json.dumps(CHINESE)};"
        page.route("**/sections.js*", lambda route: route.fulfill(body=body))
        page.goto(f"{served}/search.html?q={quote(query)}")
        page.wait_for_selector("#search-results li")
        return page

    return asked


@pytest.mark.parametrize(
    ("query", "title", "marks"),
    [
        ("偏差修正", "偏差修正", ["偏差修正"]),
        ("动量", "动量", ["动量"]),
        ("adam的偏差", "偏差修正", ["Adam", "偏差"]),
        ("矩", "Adam 算法", []),
    ],
)
def test_chinese_is_found_by_pairs_of_characters(query, title, marks, chinese):
    first = chinese(query).locator("#search-results li").first
    assert first.locator("a").inner_text() == title
    assert set(marks) <= set(first.locator("mark").all_inner_texts())


def test_the_words_of_the_field_find_the_errata_of_the_topic_first(searching, root):
    topic = [one.id for one in errata.errata().values() if one.topic == "adam-correction"]
    for query in errata.data()["terms"]["adam-correction"]:
        found = leads_to(typed(searching, query), root)
        places = [address.partition("#")[2] for address in found[: len(topic)]]
        assert sorted(places) == sorted(topic), query


@pytest.mark.parametrize(
    ("words", "entry"), [("矩阵乘法", "S0-06"), ("函数一直迭代至收敛", "S0-16")]
)
def test_the_words_of_a_tutorial_find_their_erratum(words, entry, searching, root):
    assert same(leads_to(typed(searching, words), root)[0], f"book/errata.html#{entry}")


# --- the box ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["search.html?q=adam", "book/identify.html"])
def test_the_magnifier_stands_before_the_text(address, scheme, width, open_page):
    page = open_page(address, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.wait_for_load_state("load")
    if "search" not in address:
        page.keyboard.press("Control+k")
    box = page.locator("form.bd-search:visible").first
    icon = box.locator("i").bounding_box()
    field = box.locator("input")
    padding = field.evaluate("(one) => parseFloat(getComputedStyle(one).paddingLeft)")
    assert icon["width"] > 0
    assert icon["x"] + icon["width"] <= field.bounding_box()["x"] + padding


def test_the_dialog_leads_to_the_search(open_page, root):
    page = open_page(f"{root}/book/adam.html", viewport={"width": 1440, "height": 900})
    page.wait_for_load_state("load")
    page.keyboard.press("Control+k")
    page.keyboard.type("Nesterov")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li", timeout=60_000)
    assert urlsplit(page.url).path.endswith("/search.html")
    assert urlsplit(page.url).query == "q=Nesterov"


def test_results_are_found_while_typing_and_reached_by_keyboard(ask):
    page = ask("adam")
    field = page.locator(".bd-search-container input")
    field.fill("Nesterov")
    page.wait_for_function(
        "() => document.querySelector('#search-status').textContent.includes('Nesterov')"
    )
    status = page.locator("#search-status")
    assert status.get_attribute("role") == "status"  # read aloud when it changes
    field.focus()
    page.keyboard.press("Tab")
    focused = "document.activeElement"
    assert page.evaluate(f"() => {focused}.matches('#search-results li:first-child a')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/momentum.html#*")


def test_more_results_are_shown_on_demand(ask):
    page = ask("adam")
    assert page.locator("#search-results li").count() == 20
    page.locator("#search-more").click()
    count = int(re.search(r"\d+", page.locator("#search-status").inner_text())[0])
    assert page.locator("#search-results li").count() == count
    assert page.evaluate("() => document.activeElement.matches('li:nth-child(21) a')")


# --- a missing page ---------------------------------------------------------------------------


def test_a_missing_page_leads_on_from_any_depth(browser, site, report):
    origin = "https://descent.example"
    prefix = urlsplit(project.site(project.address())).path

    def answer(route):
        path = unquote(urlsplit(route.request.url).path)
        file = site / path.removeprefix(prefix)
        found = path.startswith(prefix) and file.is_file()
        route.fulfill(path=file if found else site / "404.html", status=200 if found else 404)

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto(f"{origin}{prefix}a/b/c.html")
    links = page.locator("article ul a").evaluate_all("(all) => all.map((one) => one.href)")
    assert len(links) >= 4
    for link in links:
        target = site / urlsplit(link).path.removeprefix(prefix)
        assert target.is_file(), link
        anchor = urlsplit(link).fragment
        assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8")
    page.locator("article form.bd-search input").fill("Nesterov")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li", timeout=60_000)
    assert page.url == f"{origin}{prefix}search.html?q=Nesterov"
    page.close()
