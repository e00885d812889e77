"""The Sphinx extension that says what a page depends on, beyond what its directives note.

Sphinx reads a page again when its text changed, or a file that a directive noted. Here is the rest:
what is read or written anew when the tools, a setting, the formulas, a title or an address changed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from tools.book import catalogue, citation, project, references
from tools.site import api, moved
from tools.site.build import installed

SHOW_FORMULAS = ("book/formulas", "book/citing")
"""The pages that name all formulas or all chapters."""


def files(folder: Path) -> list[Path]:
    """Return the files below a folder, without what Python keeps of them."""
    found = (path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts)
    return [path for path in found if path.is_file()]


def digest(paths: Iterable[Path], *more: str) -> str:
    """Return a hash of files, their names and further texts."""
    found = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        found.update(f"{path}\0".encode() + path.read_bytes())
    return found.hexdigest()


def configure(app: Sphinx, config: Config) -> None:
    """Set what all pages are read with, and what they are written with."""
    tools = files(project.ROOT / "tools")
    config.read_with = digest([*tools, references.BIBLIOGRAPHY], installed())
    config.written_with = digest([*files(project.BOOK / "_static"), citation.CITATION, moved.TABLE])


def formulas() -> str:
    """Return a hash of the formulas of the book and of the titles of its pages."""
    titles = [project.title(page) for page in project.pages()]
    return digest([], repr((titles, catalogue.book())))


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Return the pages that show formulas of other pages, where a formula or a title changed."""
    before, env.formulas = getattr(env, "formulas", None), formulas()  # type: ignore[attr-defined]
    if before in (None, env.formulas):  # type: ignore[attr-defined]
        return []
    shown = [page.relative_to(project.ROOT) for page in api.pages().values()]
    return [*SHOW_FORMULAS, *(page.with_suffix("").as_posix() for page in shown)]


def shown(env: BuildEnvironment) -> dict[Any, Any]:
    """Return what the other pages show of each: its title, its place, the places on it."""
    found: dict[Any, Any] = {"order": env.toctree_includes}
    for domain in env.domains.values():
        for name, text, kind, page, anchor, _ in domain.get_objects():
            found[domain.name, kind, name] = page, anchor, text
    for page, known in env.metadata.items():
        for slug, (_, anchor, text) in known.get("myst_slugs", {}).items():
            found[page, slug] = anchor, text
    return found


def linked(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Return all pages, to be written anew, if something moved that any of them may link to."""
    before, env.shown = getattr(env, "shown", {}), shown(env)  # type: ignore[attr-defined]
    moved = any(env.shown.get(key) != place for key, place in before.items())  # type: ignore[attr-defined]
    return sorted(env.found_docs) if moved else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("read_with", "", "env")
    app.add_config_value("written_with", "", "html")
    app.connect("config-inited", configure)
    app.connect("env-get-outdated", outdated)
    app.connect("env-updated", linked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
