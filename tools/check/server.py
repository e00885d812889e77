"""Serve the built site as GitHub Pages does: text compressed, connections kept."""

import contextlib
import functools
import gzip
import http.server
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TEXT = (".html", ".css", ".js", ".svg", ".json", ".xml")


@functools.cache
def compressed(path: Path) -> bytes:
    """Return a file as it is sent."""
    return gzip.compress(path.read_bytes(), compresslevel=6)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Compresses text, and says nothing of each request."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, late: Mapping[str, float], **options: Any) -> None:
        """Handle a connection: files with these endings come so many seconds late."""
        self.late = late
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Answer a request."""
        path = Path(self.translate_path(self.path))
        time.sleep(self.late.get(path.suffix, 0))
        if path.suffix not in TEXT or not path.is_file():
            super().do_GET()
            return
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", f"{self.guess_type(path)}; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path, late: Mapping[str, float] | None = None) -> Iterator[str]:
    """Serve a folder while the block runs, and give its address.

    Args:
        folder: what is served.
        late: how many seconds late files with an ending come, as on a slow line.
    """
    handler = functools.partial(Handler, directory=str(folder), late=late or {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
