"""What the tests in a real browser share. `make test-site` runs them, `make test` does not.

A page is opened from the disk, as a reader with a USB stick opens it; nothing is served.
"""

import re
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from visiting import FRAMES, HTML, LETTERS, PAGES, VIEWS, VISITED, WIDTHS, params
from xdist.scheduler import LoadScopeScheduling

from tools.book import project
from tools.site import browser as chromium

ONLINE = project.site(project.address())
PATIENCE = 180_000
"""In ms: a busy machine takes a minute for the longest page."""

AT_REST = """() => {
    const style = document.createElement("style");
    style.textContent = "* { transition: none !important; animation: none !important;"
        + " content-visibility: visible !important; }";
    document.head.append(style);
}"""
"""What moves has arrived, and what is laid out when a reader comes near is laid out."""


class ByPage(LoadScopeScheduling):
    """One process has the tests of a page that `visit` opens, and those of a file that do not ask.

    xdist's own groups (3.8) are lost under pytest 9: they stand in the id of a test no longer.
    """

    def _split_scope(self, nodeid):
        page = re.search(f"{VISITED}(.+?[.]html)", nodeid)
        return page[1] if page else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Divide the tests by page."""
    return ByPage(config, log)


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers():
    """Return one process more than processors: some wait while a page comes to rest."""
    return (yield) + 1


def pytest_collection_modifyitems(items):
    """Put the tests of a page side by side, and those of a view of it: each is shown once."""

    def place(item):
        of = item.callspec.params if hasattr(item, "callspec") else {}
        page = PAGES.index(of["visit"]) if "visit" in of else -1  # what takes longest comes first
        return page, list(VIEWS).index(of["view"]) if "visit" in of and "view" in of else -1

    items.sort(key=place)


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
    page.set_default_timeout(PATIENCE)
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


HIDE = "() => { document.body.style.display = 'none'; }"
UNHIDE = "() => { document.body.style.display = ''; }"
"""What is hidden is not laid out anew for the theme, then for the width, then for the paper."""


class Visit:
    """A page that several tests look at; what one changes it restores."""

    def __init__(self, browser, address):
        self.address = address
        self.view = next(iter(VIEWS))
        view = VIEWS[self.view]
        size = {"width": view.width, "height": 900}
        self.page = browser.new_page(viewport=size, color_scheme=view.scheme)
        listen(self.page)
        where = serve_missing(self.page) if address == "404.html" else (HTML / address).as_uri()
        self.page.goto(where)
        self.page.wait_for_function(LETTERS)
        self.page.evaluate(AT_REST)
        self.page.evaluate(FRAMES)

    def show(self, name):
        """Show the page in one of the views."""
        page, view = self.page, VIEWS[name]
        if name == self.view:
            return page
        page.evaluate(HIDE)
        if VIEWS[self.view].media == "print":
            page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
        self.view = name
        page.emulate_media(media=view.media, color_scheme=view.scheme)
        page.set_viewport_size({"width": view.width, "height": 900})
        page.wait_for_function(f"() => document.documentElement.dataset.theme === '{view.scheme}'")
        if view.media == "print":
            page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        page.evaluate(UNHIDE)
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


@pytest.fixture(scope="session", params=params(PAGES))
def visit(request, browser, site):
    """Return an open page of the site: each of them once, for all tests that look at it."""
    visited = Visit(browser, request.param)
    yield visited
    visited.page.close()


@contextmanager
def opening(browser, site):
    """Give a function that opens a page of the site and keeps what the browser complains of.

    It takes an address, within the site or whole, and what a browser context takes. The page it
    returns has `kept.requests`, and `kept.complaints`, which must be empty when the block ends.
    """
    pages = []

    def open_one(address, **options):
        page = browser.new_context(**options).new_page()
        listen(page, options.get("java_script_enabled", True))
        page.goto(address if ":" in address.partition("#")[0] else f"{site.as_uri()}/{address}")
        if options.get("java_script_enabled", True):
            page.wait_for_function(LETTERS)
        pages.append(page)
        return page

    try:
        yield open_one
        complaints = [complaint for page in pages for complaint in page.kept.complaints]
    finally:
        for page in pages:
            page.context.close()
    assert complaints == []


@pytest.fixture
def open_page(browser, site):
    """Return a function that opens a page for a test, as `opening` says."""
    with opening(browser, site) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def open_once(browser, site):
    """Return a function that opens a page for all tests of a module, as `opening` says."""
    with opening(browser, site) as open_one:
        yield open_one


@pytest.fixture(params=WIDTHS)
def width(request):
    """Return the width of a phone, then of a desktop, in CSS pixels."""
    return WIDTHS[request.param]
