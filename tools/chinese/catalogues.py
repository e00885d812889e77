"""The translations: one gettext catalogue a page, `locale/zh/LC_MESSAGES/book/NAME.po`.

`python -m tools.chinese.catalogues` enters new and changed messages, as `msgmerge` does: a
translation stays as long as its English does; where that changed a little, it stays as well, marked
as fuzzy, beside the English that it was made of.
"""

import io
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import denormalize, read_po, write_po

from tools.book import catalogue, project
from tools.chinese import errata_texts, figures, interface
from tools.chinese.messages import Message, messages

LOCALE = project.ROOT / "locale" / "zh" / "LC_MESSAGES" / "book"

PAGES = (
    *("index", "choosing", "gradient-descent", "backpropagation", "momentum", "adagrad"),
    *("rmsprop", "adam", "formulas", "notation", "glossary", "errata", "sources", "citing"),
    *("playground", "check-your-adam"),
)
"""The pages of the Chinese edition."""

INTERFACE = "interface"
"""The catalogue of what stands on no page."""

ENTRIES = "errata-entries"
"""The catalogue of what `book/errata.yml` says."""

FIGURES = "figures"
"""The catalogue of the texts in the figures."""

CATALOGUES = (*PAGES, FIGURES, INTERFACE, ENTRIES)

FORMULAS = "formulas"
"""The page whose catalogue holds the titles of all formulas of the book."""


def path(name: str) -> Path:
    """Return the catalogue of a page."""
    return LOCALE / f"{name}.po"


def source(name: str) -> Path:
    """Return the English source of a page."""
    return project.BOOK / f"{name}.md"


def found(name: str) -> Iterator[Message]:
    """Yield the messages of a catalogue; titles of formulas stand with the formula sheet alone."""
    sources = {FIGURES: figures, INTERFACE: interface, ENTRIES: errata_texts}
    if name in sources:
        yield from sources[name].found()
        return
    for message in messages(source(name).read_text(encoding="utf-8")):
        if not message.context:
            yield message
    if name == FORMULAS:
        for formula in catalogue.book():
            yield Message(formula.title, "formula", formula.id)


def template(name: str) -> Catalog:
    """Return the messages of a page, untranslated."""
    made = _blank()
    for message in found(name):
        made.add(message.text, context=message.context or None, auto_comments=[message.kind])
    return made


def _blank() -> Catalog:
    return Catalog(locale="zh_CN", project="From Gradient Descent to Adam", fuzzy=False)


@cache
def read(name: str) -> Catalog:
    """Return the catalogue of a page; an empty one where there is none."""
    if not path(name).exists():
        return _blank()
    with path(name).open(encoding="utf-8") as file:
        known = read_po(file, locale="zh_CN")
    for one in known:
        _note_previous(one)
    return known


def _note_previous(one: Entry) -> None:
    """Keep the English that a fuzzy translation was made of, which Babel reads as a comment."""
    previous = [line[8:] for line in one.user_comments if line.startswith("| msgid ")]
    one.user_comments = [line for line in one.user_comments if not line.startswith("|")]
    one.previous_id = [denormalize(text) for text in previous if one.fuzzy]


def entry(name: str, message: Message) -> Entry | None:
    """Return the translation of a message of a page, None where its catalogue has none."""
    place = FORMULAS if message.context else name
    return read(place).get(message.text, message.context or None)


def merged(name: str) -> str:
    """Return the catalogue of a page, brought up to date with its English."""
    known = read(name)
    for gone in [*known.obsolete.values()]:  # it may have come back
        known[gone.id] = gone
    known.obsolete.clear()
    previous = {(one.id, one.context): one.previous_id for one in known}
    known.update(template(name), update_header_comment=False, update_creation_date=False)
    for one in known:
        one.previous_id = one.previous_id or previous.get((one.id, one.context), [])
    return written(known)


def written(known: Catalog) -> str:
    """Return a catalogue as its file holds it: no line numbers, no dates, one line a message."""
    for one in known:
        one.flags -= {"python-format", "python-brace-format"}  # braces are roles here
    out = io.BytesIO()
    write_po(out, known, width=0, omit_header=True, include_previous=True)
    return HEADER + out.getvalue().decode("utf-8")


HEADER = """\
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def entries(known: Catalog) -> list[Entry]:
    """Return the messages of a catalogue, without its header."""
    return [entry for entry in known if entry.id]


def main() -> int:
    """Bring all catalogues up to date; say how much of each is translated."""
    for name in CATALOGUES:
        path(name).parent.mkdir(parents=True, exist_ok=True)
        path(name).write_text(merged(name), encoding="utf-8")
        told = entries(read(name))
        ready = sum(bool(entry.string) and not entry.fuzzy for entry in told)
        print(f"{name:20} {ready:4} of {len(told)} messages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
