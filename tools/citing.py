"""How the book is cited: its metadata from `CITATION.cff`, as BibTeX and in the head of each page.

The date is that of the release, never the clock's, so that a page is the same whenever it is built.
"""

import html
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import project

CITATION = project.ROOT / "CITATION.cff"


@cache
def book() -> dict[str, str]:
    """Return the book's title, author, version, date (of the release) and address."""
    cff: dict[str, Any] = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    return {
        "title": cff["title"],
        "author": " and ".join(author["name"] for author in cff["authors"]),
        "version": str(cff["version"]),
        "date": str(cff["date-released"]),
        "url": project.site(project.address()),
    }


def page_url(page: Path) -> str:
    """Return the address of a page on the site."""
    return f"{book()['url']}{page.relative_to(project.ROOT).with_suffix('.html').as_posix()}"


def title(page: Path) -> str:
    """Return the title of a page: its first heading."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("# ") for line in lines if line.startswith("# "))


def bibtex(key: str, *, title: str, url: str) -> str:
    """Return a BibTeX entry for a part of the book, or for the whole of it."""
    whole = book()
    fields = {
        "author": f"{{{whole['author']}}}",
        "title": title,
        "howpublished": f"\\emph{{{whole['title']}}}, version {whole['version']}",
        "year": whole["date"][:4],
        "url": url,
    }
    if title == whole["title"]:
        fields["howpublished"] = f"Version {whole['version']}"
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{key},\n{lines}}}\n"


def meta_tags(name: str, address: str) -> str:
    """Return the tags by which reference managers and search engines know a page."""
    whole = book()
    date = whole["date"].replace("-", "/")
    tags = {
        "citation_title": name,
        "citation_author": whole["author"],
        "citation_publication_date": date,
        "citation_online_date": date,
        "citation_inbook_title": whole["title"],
        "citation_fulltext_html_url": address,
        "citation_language": "en",
        "DC.title": name,
        "DC.creator": whole["author"],
        "DC.date": whole["date"],
        "DC.identifier": address,
    }
    lines = [f'<meta name="{key}" content="{html.escape(value)}" />' for key, value in tags.items()]
    return "\n".join(lines) + "\n"


def footer() -> str:
    """Return the line below each page."""
    return f"Version {book()['version']}, {book()['date']}"
