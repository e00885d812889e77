"""What the tests in a real browser share. `make test-site` runs them, `make test` does not.

A page is opened from the disk, as a reader with a USB stick opens it; nothing is served.
"""

import shutil
from types import SimpleNamespace

import pytest
from playwright.sync_api import sync_playwright

from tools import project

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = {"phone": 360, "desktop": 1440}


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
    built = project.BUILD / "html"
    assert (built / "index.html").exists(), "the site is not built: make book"
    return built


@pytest.fixture(scope="session")
def browser():
    """Return the Chromium of the system."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not chromium:
        pytest.exit("chromium is missing: apt-get install chromium", returncode=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


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
        page.kept = SimpleNamespace(complaints=[], requests=[])
        kept = page.kept
        page.on("pageerror", lambda error: kept.complaints.append(str(error)))
        if options.get("java_script_enabled", True):  # else no script arrives, as it should be
            page.on("requestfailed", lambda request: kept.complaints.append(f"no {request.url}"))
        page.on("request", lambda request: kept.requests.append(request.url))
        page.on(
            "console",
            lambda message: (
                kept.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.goto(address if "://" in address else f"{site.as_uri()}/{address}")
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
