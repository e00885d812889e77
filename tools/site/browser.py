"""Chromium, which prints the book and shows the site to its tests: where it is, how it starts.

The headless shell comes first: it lays out, paints and prints as Chromium does, for less than half
of the processor's time.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
)
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # as root, and in a small container
MISSING = "Chromium is missing: apt-get install chromium-headless-shell (or chromium)"


def path() -> str:
    """Return where the system's Chromium is; end the program with a sentence if there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise SystemExit(MISSING)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """Start Chromium, and end it when the block is left."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
