"""What a translation may not change, and how Chinese is set: `python -m tools.chinese.check NAME`.

Formulas, code, roles, links, tags, numbers and the letters of mathematics are the same as in the
English, in any order. What stands between them obeys those rules of Chinese typography that a
program can see.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from markdown_it.token import Token

from tools.book import myst
from tools.chinese import catalogues, interface
from tools.chinese.messages import Message

Thing = tuple[str, str]
"""What stays in a translation: its kind, and how it is written."""

WITH_TEXT = {"term", "ref", "published", "doc", "prf:ref"}
"""Roles whose text is translated and whose target is not."""

HOLE = re.compile(r"\{\w*\}")
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])(?P<digits>[−-]?\d+(?:[.,]\d+)*(?:e[−-]?\d+)?)"
    r"(?: (?P<unit>thousand|million|万|百万)(?![A-Za-z]))?"
)
UNITS = {"thousand": 3, "million": 6, "万": 4, "百万": 6}
"""Powers of ten that are written as words."""
SIGNS = re.compile(r"[α-ωΑ-Ωϕϵϑϱ∇∂][\u0302-\u0304]?[₀-₉ₜ]*|[√∞∑∏=≤≥<>×÷±²³⁻⁴-⁹]")

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
WIDE = "，。：；？！（）“”《》、…—"
THING = "\ufffc"
"""Stands for a formula, code or a role in the text around it."""
QUOTED = "引"
"""Stands for what is quoted."""
CLOSED = "\u200b"
"""Stands for the end of an emphasis, behind which CommonMark may need a space."""

TYPOGRAPHY = {
    rf"[{HAN}][\w{THING}](?<![{HAN}])|[A-Za-z0-9{THING}][{HAN}]": "no space beside Latin",
    rf"[{HAN}] +[{HAN}]": "a space between Chinese characters",
    rf" [{WIDE}]|[{WIDE}] +(?=\S)": "a space beside full-width punctuation",
    rf"[{HAN}{WIDE}][,;:?!.]|[,;:?!][{HAN}]": "half-width punctuation beside Chinese",
    rf"[{HAN}{THING}][,;] |[,;] [{HAN}{THING}]": "a half-width comma or semicolon",
    rf"[{HAN}]\(|\)[{HAN}]|\([{HAN}]|[{HAN}]\)": "half-width brackets beside Chinese",
    r"[\"']": "a straight quotation mark",
    r"\.\.\.": "three dots, which are …… in Chinese",
}


def tokens(text: str) -> list[Token]:
    """Return what a message consists of.

    Raises:
        ValueError: it is more than a paragraph, or another kind of block.
    """
    blocks = myst.parser().parse(text)
    if [block.type for block in blocks] != ["paragraph_open", "inline", "paragraph_close"]:
        raise ValueError("it is not one paragraph")
    return blocks[1].children or []


def things(text: str) -> Counter[Thing]:
    """Return what a translation of a message has to hold, and how often.

    >>> sorted(things("**Five** steps of $x$ at 0.9, {eq}`adam-update`"))
    [('formula', 'x'), ('mark', 'strong'), ('number', '0.9'), ('role', 'eq adam-update')]
    """
    return Counter(thing for token in tokens(text) for thing in _things(token))


def _things(token: Token) -> Iterator[Thing]:
    match token.type:
        case "math_inline" | "math_inline_double":
            yield "formula", " ".join(token.content.split())
        case "code_inline":
            yield "code", token.content
        case "myst_role" if token.meta["name"] != "zh":
            yield "role", f"{token.meta['name']} {_target(token)}"
        case "link_open":
            yield "link", str(token.attrs["href"])
        case "image":
            yield "image", str(token.attrs["src"])
        case "html_inline":
            yield "tag", token.content
        case "strong_open" | "em_open":
            yield "mark", token.tag
        case "text" | "text_special":
            yield from (("hole", hole) for hole in HOLE.findall(token.content))
            yield from (("number", _value(n)) for n in NUMBER.finditer(token.content))
            yield from (("letter", sign) for sign in SIGNS.findall(token.content))


def _value(number: re.Match[str]) -> str:
    """Return a number by which two are compared: of one with a unit, its value.

    >>> [_value(found) for found in NUMBER.finditer("1,000, 120 thousand, 12 万, 1.2 million")]
    ['1000', '120000', '120000', '1200000']
    """
    digits = number["digits"].replace(",", "").replace("−", "-")
    return f"{Decimal(digits).scaleb(UNITS[number['unit']]):f}" if number["unit"] else digits


def _target(token: Token) -> str:
    """Return what a role refers to: what stands in angle brackets, if its text is translated."""
    if token.meta["name"] not in WITH_TEXT:
        return token.content
    explicit = re.search(r"<([^<>]+)>$", token.content)
    return (explicit[1] if explicit else token.content).lower()


def chinese(text: str) -> set[str]:
    """Return the Chinese texts that a message quotes."""
    roles = [token for token in tokens(text) if token.type == "myst_role"]
    return {token.content for token in roles if token.meta["name"] == "zh"}


def plain(text: str) -> str:
    """Return a message as it reads, each formula, code and role as one sign.

    >>> plain("**Adam** 的 [步长](adam.md) 是 $x$。").replace(THING, "◇")
    'Adam 的 步长 是 ◇。'
    """
    read = "".join(map(_plain, tokens(text)))
    return re.sub(rf"(?<![{WIDE}]){CLOSED}", "", read)


def _plain(token: Token) -> str:
    if token.type == "myst_role" and token.meta["name"] in WITH_TEXT:
        return re.sub(r" *<[^<>]+>$", "", token.content)
    if token.type in ("math_inline", "code_inline", "myst_role"):
        return THING
    if token.type in ("strong_close", "em_close"):
        return CLOSED
    return token.content if token.type in ("text", "text_special") else ""


def complaints(english: str, translation: str) -> Iterator[str]:
    """Yield what is wrong with a translation."""
    try:
        old, new = things(english), things(translation)
    except ValueError as error:
        yield str(error)
        return
    yield from (f"{kind} is missing: {what}" for kind, what in (old - new).elements())
    yield from (f"{kind} is not in the English: {what}" for kind, what in (new - old).elements())
    for quoted in sorted(chinese(english), key=len, reverse=True):
        if quoted not in translation:
            yield f"quoted Chinese is missing: {quoted}"
        translation = translation.replace(quoted, QUOTED)  # it stays as it is printed
    yield from typography(translation)


def typography(translation: str) -> Iterator[str]:
    """Yield what is not set as Chinese is; a text without a Chinese character is a name."""
    text = plain(translation)
    for pattern, fault in TYPOGRAPHY.items() if re.search(f"[{HAN}]", text) else ():
        for found in re.finditer(pattern, text):
            around = text[max(0, found.start() - 8) : found.end() + 8]
            yield f"{fault}: {around.replace(THING, '◇').replace(CLOSED, '')}"
    for pair in ("“”", "（）", "《》"):
        if text.count(pair[0]) != text.count(pair[1]):
            yield f"{pair} do not come in pairs"


def faults(name: str, message: Message) -> list[str]:
    """Return what is wrong with the translation of a message of a page, or that there is none."""
    entry = catalogues.entry(name, message)
    if entry is None:
        return ["new, or its English changed: python -m tools.chinese.catalogues"]
    if entry.fuzzy:
        return ["its English changed; renew it and take the mark `fuzzy` away"]
    if not entry.string:
        return ["not translated"]
    judge = of_script if message.kind == interface.SCRIPT else complaints
    return [*judge(message.text, str(entry.string))]


def of_script(english: str, translation: str) -> Iterator[str]:
    """Yield what is wrong with the translation of a script's literal: it may fill no other hole."""
    old, new = (
        {re.sub('"[^"]*"', '""', hole) for hole in interface.HOLE.findall(text)}
        for text in (english, translation)
    )
    yield from (f"not in the English: {hole}" for hole in sorted(new - old))
    yield from typography(interface.HOLE.sub("◇", translation))


def main(names: list[str]) -> int:
    """Say what is wrong in the catalogues of pages, of all if none is named; return 1 if any is."""
    wrong = 0
    for name in names or catalogues.CATALOGUES:
        for message in catalogues.found(name):
            for fault in faults(name, message):
                wrong += 1
                print(f"{name}.po: {message.text[:60]!r}\n    {fault}")
    print(f"{wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
