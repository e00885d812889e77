"""A page takes the rules that it can use, the book's own sheets whole; a lost patch stops all."""

import os
from types import SimpleNamespace

import pytest
from sphinx.errors import ExtensionError

from tools.book import project
from tools.site import finish, purge, search


def taken(css, words=(), *, folder="", whole=False):
    return purge.purged(purge.parsed(css, folder, whole=whole), set(words))


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".there{a:b}.gone{a:b}", ".there{a:b}"),
        (".gone, p > .there{a:b}", "p > .there{a:b}"),
        (".there.gone{a:b}", ""),
        ("#gone p{a:b}#there p{a:b}", "#there p{a:b}"),
        ("p:not(.gone, #gone):has(> .gone){a:b}", "p:not(.gone, #gone):has(> .gone){a:b}"),
        ('[class~="gone"]{a:"}.gone{"}', '[class~="gone"]{a:"}.gone{"}'),
        ("/* .gone{ */ p{a:b /* } */}", "p{a:b}"),
        ("@media print{.gone{a:b}@supports (a:b){.gone{a:b}}}", ""),
        (
            "@media print{@supports (a:b){.there{a:b}}}",
            "@media print{@supports (a:b){.there{a:b}}}",
        ),
        ("@keyframes x{from{a:b}}", "@keyframes x{from{a:b}}"),
        ('@charset "utf-8";p{a:b}', "p{a:b}"),
        (r".there\:is{a:b}", ""),
        (".gone::before{a:b}::selection{a:b}", "::selection{a:b}"),
    ],
)
def test_a_rule_is_taken_if_all_its_words_are_there(css, left):
    assert taken(css, {"there"}) == left


def test_a_sheet_that_is_kept_whole_keeps_what_no_word_asks_for():
    css = "@media print{.run-0{a:b}}.run-1, .run-2{c:d}"
    assert taken(css, whole=True) == css


def test_an_address_is_made_one_from_the_folder_of_statics():
    css = "a{b:url(x.png) url('../y.svg?z') url(data:,x) url(#f) url(https://h.org/q)}"
    x, y = (f'url("{purge.STATIC}{name}")' for name in ("styles/x.png", "y.svg?z"))
    expected = f"a{{b:{x} {y} url(data:,x) url(#f) url(https://h.org/q)}}"
    assert taken(css, folder="styles").replace("'", '"') == expected


def test_a_broken_sheet_is_refused_with_its_line():
    with pytest.raises(ValueError, match="line 2 of a stylesheet"):
        taken("p{a:b}\n}")


@pytest.fixture
def static(tmp_path, monkeypatch):
    """Return a folder of statics, with what is kept of its sheets beside it."""
    monkeypatch.setattr(purge, "CACHE", tmp_path / "sheets")
    (tmp_path / "_static" / "styles").mkdir(parents=True)
    return tmp_path / "_static"


def test_a_sheet_is_parsed_once_and_again_when_it_changed(static):
    sheet = static / "styles" / "theme.css"
    (static / "basic.css").write_text("i{a:b}")
    sheet.write_text('@import "../basic.css";u{a:b}')
    for _ in range(2):
        assert purge.purged(purge.read(sheet, static, whole=False), set()) == "i{a:b}u{a:b}"
    assert len(list(purge.CACHE.iterdir())) == 2
    (static / "basic.css").write_text("b{a:b}")
    assert purge.purged(purge.read(sheet, static, whole=False), set()) == "b{a:b}u{a:b}"


def templates(static):
    """Return the template bridge of a site whose statics lie there."""
    bridge = finish.Templates.__new__(finish.Templates)
    bridge.static, bridge.sheets = static, {}
    return bridge


def test_every_sheet_of_the_books_own_is_kept_whole(static):
    for own in finish.OWN.rglob("*.css"):
        name = own.relative_to(finish.OWN)
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_bytes(own.read_bytes())
        css = purge.purged(templates(static).rules(f"_static/{name}"), set())
        if finish.VENDORED in own.parents:
            assert ".katex" not in css
        else:
            assert css == taken(own.read_text(encoding="utf-8"), folder=name.parent, whole=True)
            assert css.count("{") == own.read_text(encoding="utf-8").count("{")


def test_the_rules_of_the_playgrounds_runs_are_kept(static):
    own = project.BOOK / "_static" / "playground" / "playground.css"
    (static / "playground").mkdir()
    (static / "playground" / own.name).write_bytes(own.read_bytes())
    css = purge.purged(templates(static).rules(f"_static/playground/{own.name}"), set())
    assert all(f".playground .run-{number}{{--run: var(--run-{number});}}" in css
               for number in range(6))  # fmt: skip


def test_a_template_that_no_longer_holds_what_is_patched_stops_the_build(tmp_path):
    (tmp_path / "macros").mkdir()
    for name in finish.PATCHED:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<p>another theme</p>")
    config = SimpleNamespace(templates_path=[])
    app = SimpleNamespace(translator=None)
    builder = SimpleNamespace(config=config, app=app, confdir=tmp_path, outdir=tmp_path)
    with pytest.raises(ExtensionError, match=r"layout.html no longer holds '<div id="):
        finish.Templates().init(builder, dirs=[str(tmp_path)])


@pytest.mark.parametrize("name", ["book.css", "playground/app.js"])
def test_a_changed_sheet_or_script_makes_every_page_old(tmp_path, monkeypatch, name):
    monkeypatch.setattr(finish, "OWN", tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (4e9, 4e9))
    bridge = finish.Templates.__new__(finish.Templates)
    bridge.pathchain = [str(finish.TEMPLATES)]
    assert bridge.newest_template_mtime() == 4e9


def test_the_words_that_an_earlier_build_searches_keep_no_rule(tmp_path):
    for name, code in {
        "toggle.js": 'classList.add("open")',
        search.SECTIONS: '["a lemma"]',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    bridge = finish.Templates.__new__(finish.Templates)
    bridge.static = tmp_path
    assert bridge.scripted == {"classList", "add", "open"}
