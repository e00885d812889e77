"""Build the site, serve it, and rebuild on a change: `python -m tools.site.serve PORT`."""

import subprocess
import sys

from livereload import Server

from tools.book import project


def rebuild() -> None:
    """Bring the notebooks up to date, then the site; errors are printed and the server lives on.

    Each is a process of its own: what was read of the book before the change is not kept.
    """
    for module in ("tools.notebook.generate", "tools.site.build"):
        command = [sys.executable, "-m", module]
        if subprocess.run(command, cwd=project.ROOT, check=False).returncode:
            return


def main(port: int) -> None:
    """Serve until interrupted."""
    rebuild()
    server = Server()
    for pattern in (
        "book/*.md",
        "book/*.bib",
        "book/*.yml",
        "book/_static/*",
        "locale/zh/LC_MESSAGES/book/*.po",
        "src/descent/*.py",
        "_*.yml",
    ):
        server.watch(str(project.ROOT / pattern), rebuild)
    server.serve(root=str(project.BUILD / "html"), port=port, host="localhost")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 8000)
