"""A translated page has the code, the formulas and the ids of the English one: they exist once."""

import re

import pytest

from tools.book import myst, project
from tools.book.myst import Directive
from tools.chinese import catalogues, messages, pages

TRANSLATED = {"exercise": "argument", "admonition": "argument", "playground": "argument"}
TRANSLATED |= {"prf:theorem": "argument", "race": "argument"}


def kept(text):
    """What of a page no translation touches: its directives without their texts, its formulas."""
    found = []
    for token in myst.parser().parse(text):
        if directive := Directive.of(token):
            argument = "" if directive.name in TRANSLATED else directive.argument
            options = {
                key: value
                for key, value in directive.options.items()
                if key not in ("title", "alt", "mystnb")
            }
            code = directive.body if directive.name not in messages.PROSE | {"glossary"} else ""
            found.append((directive.name, argument, options, code))
            found += kept(directive.body) if directive.name in messages.PROSE else []
        elif token.type in ("math_block", "amsmath", "front_matter", "heading_open"):
            found.append((token.type, token.tag, token.content))
    return found


@pytest.mark.parametrize("name", catalogues.PAGES)
def test_a_translation_leaves_code_formulas_and_ids_as_they_are(name):
    english = catalogues.source(name).read_text(encoding="utf-8")
    assert kept(pages.translated(name, english)) == kept(english)


@pytest.mark.parametrize("name", [name for name in catalogues.PAGES if name != "glossary"])
def test_a_page_whose_messages_stay_is_the_same_page(name):
    english = catalogues.source(name).read_text(encoding="utf-8")
    same = messages.rewritten(english, lambda message: message.text)
    assert same.split() == english.split()


def test_every_term_stands_under_its_chinese_word_first():
    english = catalogues.source("glossary").read_text(encoding="utf-8")
    terms = dict(messages.terms(english))
    assert terms["bias correction"] == "偏差修正"
    chinese = pages.translated("glossary", english)
    for term, word in terms.items():
        assert re.search(rf"^{word}\n(\S.*\n)*{re.escape(term)}\n", chinese, re.MULTILINE)


def test_what_is_said_is_in_a_message_and_nothing_else():
    page = """\
# A title

A *step* of
$x$.

| a | b \\| c |
|---|---|
| $x$ | word |

- one
  - two

:::{exercise} Name
:label: the-id

Body.
:::

```{code-cell} ipython3
---
mystnb:
  figure:
    caption: |
      Two
      lines.
  image:
    alt: |
      Seen.
---
x = "no message"
```

```{formula} an-id
:title: Formula
:source: kingma2015adam
x = 1
```

$$
y
$$
"""
    found = messages.messages(page)
    assert [message.text for message in found] == [
        *("A title", "A *step* of $x$.", "a", r"b \| c", "word", "one", "two", "Name", "Body."),
        *("Two lines.", "Seen.", "Formula"),
    ]
    assert found[-1].context == "an-id"
    upper = messages.rewritten(page, lambda message: message.text.upper())
    assert '      TWO LINES.\n  image:\n    alt: |\n      SEEN.\n---\nx = "no message"' in upper
    assert "| $x$ | WORD |" in upper


def test_the_titles_of_formulas_are_translated_on_every_page():
    page = project.BOOK / "adam-family.md"
    english = page.read_text(encoding="utf-8")
    chinese = pages.translated(page.stem, english)
    assert kept(chinese) == kept(english)
    assert chinese != english
    assert pages.MARK not in chinese
