"""What the tests in a real browser share. `make test-site` runs them, `make test` does not.

A page is opened from the disk, as a reader with a USB stick opens it; nothing is served.
"""

from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

from tools.book import project
from tools.site import browser as chromium

HTML = project.BUILD / "html"
CHINESE = [f"zh/{name}.html" for name in ("book/adam", "book/glossary", "book/index", "search")]
"""Pages of the Chinese edition that stand for all of it, where each page is looked at."""
PAGES = sorted(
    (
        page.relative_to(HTML).as_posix()
        for page in [
            *HTML.glob("*.html"),
            *HTML.glob("book/**/*.html"),
            *map(HTML.joinpath, CHINESE),
        ]
        if page != HTML / "index.html"
    ),
    key=lambda address: -(HTML / address).stat().st_size,  # a long page is not begun last
)
ONLINE = project.site(project.address())
WIDTHS = {"phone": 360, "desktop": 1440}

AT_REST = """() => {
    const style = document.createElement("style");
    style.textContent = "*, ::before, ::after { transition: none !important;"
        + " animation: none !important; content-visibility: visible !important; }";
    document.head.append(style);
}"""
"""What moves has arrived, and what is laid out when a reader comes near is laid out."""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Boxes that scroll are noticed within a frame."""


def pytest_configure(config):
    """Know the mark that keeps the tests of a page in one process, also where there is but one."""
    config.addinivalue_line("markers", "xdist_group(name): tests that one process runs")


def pytest_terminal_summary(terminalreporter):
    """Print what the tests measured."""
    for result in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, line in result.user_properties:
            if name == "measured" and result.when == "call":
                terminalreporter.write_line(line)


@pytest.fixture
def report(record_property):
    """Return a function that takes a line to print below the results."""
    return lambda line: record_property("measured", line)


@pytest.fixture(scope="session")
def site():
    """Return the folder of the built site."""
    assert (HTML / "index.html").exists(), "the site is not built: make book"
    return HTML


@pytest.fixture(scope="session")
def browser():
    """Return the Chromium of the system."""
    try:
        with chromium.launched() as started:
            yield started
    except SystemExit as missing:
        pytest.exit(str(missing), returncode=1)


def listen(page, scripts=True):
    """Keep in `page.kept` what a page asks for, and what the browser complains of."""
    page.kept = kept = SimpleNamespace(complaints=[], requests=[])

    def note_missing(request):
        if request.failure != "net::ERR_ABORTED":  # the page was left while it was on its way
            kept.complaints.append(f"no {request.url}: {request.failure}")

    page.on("pageerror", lambda error: kept.complaints.append(str(error)))
    if scripts:  # else no script arrives, as it should be
        page.on("requestfailed", note_missing)
    page.on("request", lambda request: kept.requests.append(request.url))
    page.on(
        "console",
        lambda message: (
            kept.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )


def serve_missing(page):
    """Let a page at the site's own address load, as `404.html` does, from any depth."""

    def answer(route):
        path = unquote(urlsplit(route.request.url).path).removeprefix(urlsplit(ONLINE).path)
        route.fulfill(path=HTML / path) if (HTML / path).is_file() else route.abort()

    page.route(f"{ONLINE}**", answer)
    return f"{ONLINE}404.html"


class Visit:
    """A page that several tests look at; what one changes it restores."""

    def __init__(self, browser, address):
        self.address = address
        self.page = browser.new_page(viewport={"width": 360, "height": 900})
        listen(self.page)
        where = serve_missing(self.page) if address == "404.html" else (HTML / address).as_uri()
        self.page.emulate_media(color_scheme="light")
        self.page.goto(where)
        self.page.evaluate(AT_REST)

    def show(self, scheme, width):
        """Show the page in a colour scheme, on a screen of a width in CSS pixels."""
        page = self.page
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
        page.evaluate(FRAMES)
        return page


@pytest.fixture(scope="session")
def settle():
    """Return a function that lets a page come to rest, all of it laid out."""

    def rest(page):
        page.evaluate(AT_REST)
        page.evaluate(FRAMES)
        return page

    return rest


@pytest.fixture(
    scope="session",
    params=[pytest.param(address, marks=pytest.mark.xdist_group(address)) for address in PAGES],
)
def visit(request, browser, site):
    """Return an open page of the site: each of them once, for all tests that look at it."""
    visited = Visit(browser, request.param)
    yield visited
    visited.page.close()


@pytest.fixture
def open_page(browser, site):
    """Return a function that opens a page of the site and keeps what the browser complains of.

    It takes an address, within the site or whole, and what a browser context takes. The page it
    returns has `kept.requests`, and `kept.complaints`, which must be empty when the test ends.
    """
    contexts = []
    pages = []

    def open_one(address, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        listen(page, options.get("java_script_enabled", True))
        page.goto(address if ":" in address.partition("#")[0] else f"{site.as_uri()}/{address}")
        pages.append(page)
        return page

    yield open_one
    complaints = [complaint for page in pages for complaint in page.kept.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(params=WIDTHS)
def width(request):
    """Return the width of a phone, then of a desktop, in CSS pixels."""
    return WIDTHS[request.param]
