"""Build the site, serve it on localhost, and rebuild on a change: `python -m tools.serve PORT`."""

import sys

from livereload import Server

from tools import notebooks, project
from tools.build import build


def rebuild() -> None:
    """Bring the notebooks up to date, then the site; errors are printed and the server lives on."""
    sys.argv[1:] = []
    if notebooks.main() == 0:
        build()


def main(port: int) -> None:
    """Serve until interrupted."""
    rebuild()
    server = Server()
    for pattern in (
        "book/*.md",
        "book/*.bib",
        "book/*.yml",
        "book/_static/*",
        "src/descent/*.py",
        "_*.yml",
    ):
        server.watch(str(project.ROOT / pattern), rebuild)
    server.serve(root=str(project.BUILD / "html"), port=port, host="localhost")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 8000)
