"""The sources of the Chinese edition: pages with their messages translated.

What has no translation, or one of an English that changed, stays English behind a mark. A page that
is no part of the edition stays English, with the titles of its formulas in Chinese.
"""

import re
from functools import cache

from tools.book import project
from tools.chinese import catalogues, interface
from tools.chinese.messages import Message, rewritten

LANGUAGE = "zh"
MARK = "〔待译〕"
"""Stands before an English text that waits for its translation."""

TITLE = re.compile(r"^(```\{formula\} (\S+)\n:title: )(.*)$", re.MULTILINE)


@cache
def translated(name: str, english: str) -> str:
    """Return the source of a page in Chinese, from its stem and its English source."""
    if name in catalogues.PAGES:
        text = rewritten(english, lambda message: translation(name, message))
        return text.replace(' href="../', ' href="../../')  # a file in the root of the site

    def title(match: re.Match[str]) -> str:
        return match[1] + translation(name, Message(match[3], "formula", match[2]))

    return TITLE.sub(title, english)


def translation(name: str, message: Message) -> str:
    """Return a message of a page in Chinese, or marked in English."""
    entry = catalogues.entry(name, message)
    if entry is None or entry.fuzzy or not entry.string:
        return f"{MARK}{message.text}"
    return str(entry.string)


def said(english: str) -> str:
    """Return a text of the interface in Chinese, or in English where there is no Chinese.

    The book's title is a heading of its first page, the topics of the errata are some of theirs.
    """
    for name in (catalogues.INTERFACE, "index", "errata", catalogues.ENTRIES):
        entry = catalogues.entry(name, Message(english, interface.KIND))
        if entry and entry.string and not entry.fuzzy:
            return str(entry.string)
    return f"{MARK}{english}" if english in catalogues.read(catalogues.ENTRIES) else english


def script(text: str) -> str:
    """Return a script with the texts that readers see in Chinese."""
    known = catalogues.read(catalogues.INTERFACE)
    literals = {
        *interface.literals(text),
        *(word for words in interface.WORDS.values() for word in words),
    }

    def one(literal: str) -> str | None:
        entry = known.get(literal) if literal in literals else None
        return str(entry.string) if entry and entry.string and not entry.fuzzy else None

    return interface.in_chinese(text, one)


def read_in_chinese() -> None:
    """Let this process read the book in Chinese, before it has read any of it."""
    project.Edition.language, project.Edition.pages = LANGUAGE, catalogues.PAGES
    project.Edition.translate, project.Edition.say = translated, said
