"""Finish the pages that Sphinx wrote, so that a browser fetches little and a reader reaches all.

With every page the theme sends 0.5 MB of icons, 0.3 MB of icon fonts, and a dozen stylesheets most
of whose rules no page uses, before the first line shows. Here each page gets the rules that it or
a script can match, inside the page, and fonts with the icons that those rules draw; scripts wait
until the page is read; figures say their size; and a few elements of the theme, of docutils and
of tables are mended where a screen reader stumbles. Finished pages can be finished again, so that
an incremental build works.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fontTools import subset
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each glyph that it keeps

DROPPED = ("scripts/fontawesome.js",)
"""Icons as a script; `subset_icons` has them as fonts of 2 kB."""

IDLE = ("accordion", "card", "carousel", "list-group", "modal", "offcanvas", "popover", "toast")
"""Bootstrap's components that its script knows and no page has."""

THRASHING = (
    '["pre",".nboutput > .output_area",".cell_output > .output",'
    '".jp-RenderedHTMLCommon",".pst-scrollable-table-container"]'
)
"""The boxes that the theme's script measures one by one, each time laying the page out anew: 3 s
on the formula sheet on a phone. `book.js` watches them instead."""

MENDED = {
    # ARIA has retired this role of docutils' bibliographies; their list wants items.
    'role="doc-biblioentry"': 'role="listitem"',
    # The theme's sidebar holds more than its <nav>: all of it belongs to a landmark.
    '<div id="pst-primary-sidebar" class': '<div id="pst-primary-sidebar" role="complementary"'
    ' aria-label="Contents and search" class',
    # The arrow that opens a part of the contents says nothing by itself.
    '<summary><span class="toctree-toggle"': '<summary aria-label="Pages of this part">'
    '<span class="toctree-toggle"',
    # A signature over several lines is no list of definitions.
    '<dl>\n<dd><em class="sig-param"': '<dl role="none">\n<dd><em class="sig-param"',
    # A page that is not found has no title to print.
    "<h1></h1>": "",
    # Dark at once, not when the theme's script has run; and whether a link leads into the page.
    'dataset.theme = localStorage.getItem("theme") || "auto"': "dataset.theme = "
    '{light: "light", dark: "dark"}[document.documentElement.dataset.mode] ?? '
    '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");'
    ' document.documentElement.classList.toggle("into", location.hash.length > 1)',
}

# --- stylesheets ------------------------------------------------------------------------------

LINK = re.compile(r'\s*<link\b[^>]*\brel="stylesheet"[^>]*>')
GROUP = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
"""Parentheses, nested as deep as selectors nest them."""


def statements(css: str) -> Iterator[tuple[str, str | None]]:
    """Yield what stands before each block at the top of a stylesheet, and the block.

    >>> list(statements('@charset "utf-8";a,b{c:";"}@media print{d{e:f}}'))
    [('@charset "utf-8"', None), ('a,b', 'c:";"'), ('@media print', 'd{e:f}')]
    """
    token = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|[^{};"']+"""
    depth, before, block = 0, "", ""
    for part in re.findall(token, re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)):
        depth += {"{": 1, "}": -1}.get(part, 0)
        if depth == 0 and part in "};":
            yield before.strip(), block[1:] if part == "}" else None
            before, block = "", ""
        elif depth:
            block += part
        else:
            before += part


def can_match(selector: str, words: set[str]) -> bool:
    """Return whether every class and id that a selector asks for is among the words.

    >>> can_match("ul.nav > a:not(.gone)", {"nav"}), can_match(".nav .gone", {"nav"})
    (True, False)
    """
    plain = re.sub(rf"{GROUP}|\[[^]]*\]", "", selector)
    return {name.replace("\\", "") for name in re.findall(r"[.#]((?:\\.|[\w-])+)", plain)} <= words


def purged(css: str, words: set[str]) -> str:
    """Return a stylesheet without the rules that can match nothing.

    >>> purged("a,.gone{b:c} @media print{.gone{d:e}}", set())
    'a{b:c}'
    """
    kept = []
    for before, block in statements(css):
        if block is None:
            continue
        if before.startswith(("@media", "@supports")):
            inner = purged(block, words)
            kept += [f"{before}{{{inner}}}"] if inner else []
        elif before.startswith("@"):
            kept.append(f"{before}{{{block}}}")
        else:
            each = (one.strip() for one in re.findall(rf"(?:[^,(]|{GROUP})+", before))
            selectors = ",".join(one for one in each if can_match(one, words))
            kept += [f"{selectors}{{{' '.join(block.split())}}}"] if selectors else []
    return "".join(kept)


def read_sheet(sheet: Path, static: Path) -> str:
    """Return a stylesheet with its imports, its addresses relative to the folder of statics."""
    css = sheet.read_text(encoding="utf-8")
    folder = sheet.parent.relative_to(static)
    css = re.sub(r"url\((?!['\"]?(?:data:|#))", f"url({folder.as_posix()}/", css)
    return re.sub(r'@import "([^"]+)";', lambda m: read_sheet(sheet.parent / m[1], static), css)


def icon_fonts(css: str, static: Path) -> str:
    """Return a stylesheet that asks for fonts of the few icons that its rules draw; make them."""
    icons = {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', css)}

    def small(face: re.Match[str]) -> str:
        options = subset.Options(flavor="woff", ignore_missing_unicodes=True, layout_features=[])
        font = subset.load_font(str(static / face[1]), options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=icons)
        subsetter.subset(font)
        made = Path(face[1]).with_suffix(".woff").name
        subset.save_font(font, static / made, options)
        return f'src:url({made}) format("woff")'

    pattern = r'src:url\([^)]*\) format\("woff2"\),url\(([^)]*fontawesome[^)]*\.ttf)\)[^;}]*'
    return re.sub(pattern, small, css)


def words_of(pages: Iterable[str]) -> set[str]:
    """Return the classes and ids of the pages."""
    values = {value for page in pages for value in re.findall(r'\b(?:class|id)="([^"]*)"', page)}
    return {word for value in values for word in value.split()}


def words_in(scripts: Iterable[Path]) -> set[str]:
    """Return whatever the scripts could make a class or an id."""
    code = " ".join(script.read_text(encoding="utf-8") for script in scripts)
    return {word for word in re.findall(r"[\w-]+", code) if not word.startswith(IDLE)}


def sheets_of(page: str) -> list[str]:
    """Return the stylesheets that a page asks for, by their names within the folder of statics."""
    if made := re.search(r'<style data-of="([^"]*)"', page):
        return made[1].split()
    return [m[1] for link in LINK.findall(page) if (m := re.search(r'_static/([^"?]+)', link))]


def styled(page: str, css: str) -> str:
    """Return a page with its stylesheet inside: a file of its own would cost a phone 0.3 s."""
    sheets = sheets_of(page)
    if first := LINK.search(page):
        rest = LINK.sub("", page[first.start() :])
        page = page[: first.start()] + '\n<style data-of=""></style>' + rest
    root = re.search(r'<script[^>]*\bsrc="([^"]*)_static/', page)  # of a missing page, absolute
    if root is None or not sheets:
        return page
    css = re.sub(r"url\((?!['\"]?(?:data:|#))", f"url({root[1]}_static/", css)
    style = f'<style data-of="{" ".join(sheets)}">{css}</style>'
    return re.sub(r'<style data-of="[^"]*">[^<]*</style>', lambda _: style, page, count=1)


# --- the rest ---------------------------------------------------------------------------------


def deferred(page: str, options: str) -> str:
    """Return a page that is shown before its scripts have come, with only those that it uses."""

    def defer(script: re.Match[str]) -> str:
        if any(re.search(rf'["/]{name}\b', script[0]) for name in DROPPED):
            return ""
        if "documentation_options.js" in script[0]:  # scripts in the page itself rely on it
            return f"<script>{options}</script>"
        return script[0] if " defer" in script[0] else script[0].replace("<script", "<script defer")

    page = re.sub(r'<link rel="preload" as="script"[^>]*>\s*', "", page)
    return re.sub(r'<script\b[^>]*\bsrc="[^"]*"[^>]*></script>', defer, page)


def sized(page: str, folder: Path) -> str:
    """Return a page whose figures say their size, two of their pixels to one of the page's."""

    def size(tag: re.Match[str]) -> str:
        path = folder / tag[1]
        if "decoding=" in tag[0] or path.suffix != ".png" or not path.exists():
            return tag[0]
        with Image.open(path) as image:
            width, height = (side // 2 for side in image.size)
        plain = re.sub(r'\s(?:loading|style|width|height)="[^"]*"', "", tag[0])
        return plain.replace(
            "<img", f'<img width="{width}" height="{height}" loading="lazy" decoding="async"'
        )

    return re.sub(r'<img\b[^>]*\bsrc="((?:\.\./)*_images/[^"]+)"[^>]*>', size, page)


def mended(page: str) -> str:
    """Return a page without what a screen reader stumbles over, or a browser fetches in vain."""
    page = re.sub(
        r'<img (?=[^>]*src="[^"]*_static/images/)(?!loading)', '<img loading="lazy" ', page
    )
    for old, new in MENDED.items():
        page = page.replace(old, new)
    return re.sub(r"<th\b[^>]*>\s*(?:<p>\s*</p>)?\s*</th>", "<td></td>", page)


def mend_script(script: Path) -> None:
    """Take the measuring of boxes out of the theme's script."""
    code = script.read_text(encoding="utf-8")
    if THRASHING not in code and '["no-box"]' not in code:
        raise ExtensionError(f"{script.name} has changed: see THRASHING in tools/finish.py")
    script.write_text(code.replace(THRASHING, '["no-box"]'), encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Finish every page of a site without errors."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))
             if static not in path.parents}  # fmt: skip
    options = (static / "documentation_options.js").read_text(encoding="utf-8")
    sheets = dict.fromkeys(
        name for page in sorted(pages.values(), key=lambda page: -len(sheets_of(page)))
        for name in sheets_of(page)
    )  # fmt: skip
    css = "".join(read_sheet(static / name, static) for name in sheets)
    scripted = words_in(s for s in static.rglob("*.js") if not s.match(DROPPED[0]))
    css = icon_fonts(purged(css, words_of(pages.values()) | scripted), static)
    mend_script(static / "scripts" / "pydata-sphinx-theme.js")
    for path, page in pages.items():
        page = styled(page, purged(css, words_of([page]) | scripted))
        path.write_text(deferred(sized(mended(page), path.parent), options), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
