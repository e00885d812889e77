"""Nothing but words may change in a translation, and each kind of change is seen."""

import pytest

from tools.chinese import catalogues, check, interface, pages
from tools.chinese.messages import Message

ENGLISH = (
    "**Why?** With $\\beta_1 = 0.9$ a step of −0.5 is `lr` times β₂ too long, {eq}`adam-update`,"
    " see [Adam](adam.md#the-rule), {term}`momentum` and {zh}`动量法`; <b>x</b>"
    " {cite:t}`kingma2015adam`. It ends at {end}."
)
CHINESE = (
    "**为什么？** 取 $\\beta_1 = 0.9$ 时，−0.5 的一步是 `lr` 的 β₂ 倍，太长了，{eq}`adam-update`，"
    "见 [Adam](adam.md#the-rule)、{term}`动量 <momentum>`与“动量法”；<b>x</b>"
    " {cite:t}`kingma2015adam`。终点为 {end}。"
)

CHANGES = {
    "number": ("−0.5", "−0.6"),
    "sign of a number": ("−0.5", "0.5"),
    "digit in a formula": ("= 0.9$", "= 0.99$"),
    "sign in a formula": ("beta_1 =", "beta_1 = -"),
    "formula left out": ("$\\beta_1 = 0.9$", "某值"),
    "letter": ("β₂", "β₁"),
    "code": ("`lr`", "`rate`"),
    "id": ("adam-update", "adam-moments"),
    "address": ("adam.md", "momentum.md"),
    "anchor": ("#the-rule", "#the-step"),
    "term": ("<momentum>", "<displacement>"),
    "citation": ("kingma2015adam", "polyak1964some"),
    "role": ("{eq}", "{ref}"),
    "place of a number": ("{end}", "{ends}"),
    "tag": ("<b>", "<i>"),
    "emphasis": ("**为什么？**", "为什么？"),
    "quotation of a tutorial": ("动量法”", "动量方法”"),
    "kind of block": ("**为什么？**", "1. **为什么？**"),
}

SET_WRONGLY = {
    "no space beside a formula": ("取 $", "取$"),
    "no space beside Latin": ("见 [Adam", "见[Adam"),
    "space between characters": ("太长了", "太 长了"),
    "space beside punctuation": ("倍，太", "倍， 太"),
    "half-width comma": ("倍，太", "倍,太"),
    "half-width brackets": ("太长了", "太(长)了"),
    "straight quotes": ("“动量法”", '"动量法"'),
    "half a pair": ("“动量法”", "“动量法"),
    "three dots": ("太长了", "太长了..."),
}


def test_a_translation_that_keeps_everything_passes():
    assert [*check.complaints(ENGLISH, CHINESE)] == []


@pytest.mark.parametrize("kind", CHANGES | SET_WRONGLY)
def test_a_change_of_each_kind_is_seen(kind):
    old, new = (CHANGES | SET_WRONGLY)[kind]
    assert old in CHINESE
    assert [*check.complaints(ENGLISH, CHINESE.replace(old, new, 1))] != []


@pytest.mark.parametrize("name", catalogues.CATALOGUES)
def test_every_message_of_the_edition_is_translated_and_passes(name):
    wrong = {message.text: check.faults(name, message) for message in catalogues.found(name)}
    assert {text: found for text, found in wrong.items() if found} == {}


@pytest.mark.parametrize("name", catalogues.CATALOGUES)
def test_a_catalogue_holds_what_its_page_says(name):
    held = catalogues.path(name).read_text(encoding="utf-8")
    catalogues.read.cache_clear()
    assert catalogues.merged(name) == held
    catalogues.read.cache_clear()


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a function that writes a page of the edition, and translates it."""
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    monkeypatch.setattr(catalogues, "source", lambda name: tmp_path / f"{name}.md")
    catalogues.read.cache_clear()

    def write(text, **translations):
        catalogues.source("adam").write_text(text, encoding="utf-8")
        held = catalogues.merged("adam")
        for old, new in translations.items():
            held = held.replace(f'msgid "{old}"\nmsgstr ""', f'msgid "{old}"\nmsgstr "{new}"')
        catalogues.path("adam").write_text(held, encoding="utf-8")
        catalogues.read.cache_clear()
        pages.translated.cache_clear()
        return text

    yield write
    catalogues.read.cache_clear()
    pages.translated.cache_clear()


def test_a_message_whose_english_changed_is_english_again_and_fails_until_it_is_renewed(page):
    text = page("A step of one.\n\nWord\n", Word="词", **{"A step of one.": "一步。"})
    assert pages.translated("adam", text) == "一步。\n\n词\n"
    changed = "A step of two.\n\nWord\n"
    shown = f"{pages.MARK}A step of two.\n\n词\n"
    catalogues.source("adam").write_text(changed, encoding="utf-8")
    assert pages.translated("adam", changed) == shown
    message = Message("A step of two.", "paragraph")
    assert "its English changed" in check.faults("adam", message)[0]
    page(changed)  # the old translation stays beside the new English
    held = catalogues.path("adam").read_text(encoding="utf-8")
    assert all(part in held for part in ("#, fuzzy", '#| msgid "A step of one."', '"一步。"'))
    assert catalogues.merged("adam") == held
    assert pages.translated("adam", changed) == shown
    assert "renew" in check.faults("adam", message)[0]


def test_a_message_that_is_gone_is_kept_for_the_day_that_it_comes_back(page):
    page("Word\n\nOther things are said here.\n", Word="词")
    page("Other things are said here.\n")
    assert '#~ msgid "Word"\n#~ msgstr "词"' in catalogues.path("adam").read_text(encoding="utf-8")
    text = page("Word\n\nOther things are said here.\n")
    assert pages.translated("adam", text).startswith("词\n")


@pytest.mark.parametrize("name", interface.SCRIPTS)
def test_a_script_in_chinese_differs_in_its_texts_alone(name):
    english = (interface.STATIC / name).read_text(encoding="utf-8")
    chinese = pages.script(english)
    assert chinese != english
    old, new = (interface.LITERAL.split(text) for text in (english, chinese))
    assert old[::3] == new[::3]  # what stands between the literals
