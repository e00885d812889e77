"""Where things are: the repository's folders, its address, its chapters."""

import os
import posixpath
import re
import tomllib
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
BUILD = ROOT / "_build"
PDF = BUILD / "pdf" / "from-gradient-descent-to-adam.pdf"
EPUB = PDF.with_suffix(".epub")
CONFIG = ROOT / "_config.yml"
TOC = ROOT / "_toc.yml"


class Edition:
    """In which language this process reads the book: English, unless `tools.chinese` says so.

    Attributes:
        language: en or zh.
        pages: the stems of the pages that it has; empty for all.
        translate: returns the text of a page in that language, from its stem and its English.
        say: returns a text of the site, such as a button's, in that language.
    """

    language = "en"
    pages: Collection[str] = ()
    translate: Callable[[str, str], str] | None = None
    say: Callable[[str], str] | None = None


def text(page: Path) -> str:
    """Return the source of a page, in the language of the edition."""
    english = page.read_text(encoding="utf-8")
    return Edition.translate(page.stem, english) if Edition.translate else english


def is_english() -> bool:
    """Return whether this process reads the book in English, as it was written."""
    return Edition.language == "en"


def said(english: str) -> str:
    """Return a text of the site in the language of the edition."""
    return Edition.say(english) if Edition.say else english


def on_site(docname: str) -> str:
    """Return the way from the root of the site to a page of this edition, or to the English one."""
    own = not is_english() and Path(docname).name in Edition.pages
    return f"{Edition.language}/{docname}.html" if own else f"{docname}.html"


def to_page(docname: str, page: str) -> str:
    """Return the way from a page of this edition to a page, to the English one if it has none."""
    if not Edition.pages or Path(page).name in Edition.pages:
        return posixpath.relpath(page, posixpath.dirname(docname)) + ".html"
    return f"{to_root(docname)}{page}.html"


def tongue(page: str) -> str:
    """Return the attribute of a link to a page that this edition has in English alone, or nothing.

    >>> tongue("book/adam")
    ''
    """
    return ' hreflang="en"' if Edition.pages and Path(page).name not in Edition.pages else ""


def to_root(docname: str) -> str:
    """Return the way from a page of this edition to the root of the site, where downloads lie."""
    return "../" * (docname.count("/") + (not is_english()))


def built() -> Path:
    """Return the folder of what is built for this edition alone."""
    return BUILD if is_english() else BUILD / Edition.language


def read_yaml(path: Path) -> Any:
    """Return what a file in YAML says, parsed once as long as it says the same."""
    return parse_yaml(path.read_text(encoding="utf-8"))


@cache
def parse_yaml(text: str) -> Any:
    """Return what YAML says, read by libyaml where PyYAML has it: ten times as fast."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def config() -> dict[str, Any]:
    """Return `_config.yml`, the one place that holds the book's title, address and settings."""
    settings: dict[str, Any] = read_yaml(CONFIG)
    return settings


def written_address() -> str:
    """Return the repository's address as `_config.yml` has it: what committed notebooks use."""
    return str(config()["repository"]["url"]).rstrip("/")


def address() -> str:
    """Return the address of the repository that builds the site: a fork's own, in its Actions."""
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    return written_address()


def package() -> str:
    """Return what the notebooks install, as pip takes it after the package's name.

    `pyproject.toml` says which: a released version, or a commit of the repository until there is
    one that has what the chapters need. It is never a branch, which moves.

    Raises:
        ValueError: it is neither.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pin = settings["tool"]["descent"]["notebooks-install"]
    if re.fullmatch(r"[0-9a-f]{40}", pin):
        return f" @ git+{written_address()}@{pin}"
    if re.fullmatch(r"\d+\.\d+\.\d+", pin):
        return f"=={pin}"
    raise ValueError(f"notebooks-install must be a version or a whole commit, got {pin!r}")


def site(repository: str) -> str:
    """Return the address of the site that GitHub Pages serves for a repository."""
    owner, name = repository.split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def parts() -> dict[str, list[Path]]:
    """Return the Markdown sources of all pages by the part of the book, as in `_toc.yml`."""
    toc = read_yaml(TOC)
    listed = {"": [{"file": toc["root"]}]}
    listed |= {part["caption"]: part["chapters"] for part in toc["parts"]}
    return {
        caption: [ROOT / f"{file}.md" for entry in entries for file in _files(entry)]
        for caption, entries in listed.items()
    }


def edition() -> dict[str, list[Path]]:
    """Return the pages of this edition by the part of the book, parts without any left out."""
    own = {
        caption: [page for page in pages if not Edition.pages or page.stem in Edition.pages]
        for caption, pages in parts().items()
    }
    return {said(caption): pages for caption, pages in own.items() if pages}


def html() -> Path:
    """Return the folder of the site that holds this edition."""
    return BUILD / "html" if is_english() else BUILD / "html" / Edition.language


def pdf() -> Path:
    """Return where this edition lies as a PDF."""
    return PDF if is_english() else PDF.with_suffix(f".{Edition.language}.pdf")


def _files(entry: dict[str, Any]) -> list[str]:
    """Return the page of an entry of `_toc.yml`, and those below it."""
    below = [file for section in entry.get("sections", []) for file in _files(section)]
    return [entry["file"], *below]


def pages() -> list[Path]:
    """Return the Markdown sources of all pages, in the order of `_toc.yml`."""
    return [page for part in parts().values() for page in part]


def is_chapter(page: Path) -> bool:
    """Return whether a page runs code, and so has a notebook beside it."""
    return "\nkernelspec:" in page.read_text(encoding="utf-8").split("\n---\n", 1)[0]


def chapters() -> list[Path]:
    """Return the Markdown sources of the pages that run code, in the order of the book."""
    return [page for page in pages() if is_chapter(page)]


def title(page: Path) -> str:
    """Return the title of a page: its first heading."""
    lines = text(page).splitlines()
    return next(line.removeprefix("# ") for line in lines if line.startswith("# "))
