"""Finish each page as Sphinx writes it: a browser fetches little, and a reader reaches all.

With every page the theme sends 0.5 MB of icons, 0.3 MB of icon fonts, and a dozen stylesheets most
of whose rules no page uses, before the first line shows. Here each page gets the rules that it or a
script can match, inside the page, and fonts with the icons that those rules draw; scripts wait
until the page is read; figures say their size; and a few elements of the theme, of docutils and of
tables are mended where a screen reader stumbles. Each page is finished where Sphinx sets it: by the
template `tools/site/templates/layout.html`, by the translator and by the template bridge below. So
pages that are not written anew cost nothing.
"""

import logging
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.jinja2glue import BuiltinTemplateLoader
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator

from tools.book import project
from tools.site import heights, purge, search

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each glyph that it keeps

TEMPLATES = Path(__file__).parent / "templates"
OWN = project.BOOK / "_static"
VENDORED = OWN / "katex"
FIRST = ("_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css")
"""The sheets that the theme's template loads ahead of those that Sphinx knows of."""

ENGLISH = "english"
"""The class of a link from the Chinese edition to an English page."""

LATE = ("myst_nb", "pydata_sphinx_theme", "sphinx_exercise", "sphinx_proof")
"""The extensions that lay down their sheets when the pages are written already."""

PLACE = '<style id="rules"></style>'
"""Where the template wants the rules of the page."""

WAIT = """<script>{
  const { classList } = document.documentElement;
  const faces = ["1em KaTeX_Main", "italic 1em KaTeX_Math"];
  const letters = Promise.allSettled(faces.map((face) => document.fonts.load(face)));
  const late = new Promise((go) => setTimeout(go, 1500));
  classList.add("without-letters");
  Promise.race([letters, late]).then(() => classList.remove("without-letters"));
}</script>"""
"""A page with formulas shows its text when their letters are there. On a slow line they come after
it, and lines that hold formulas would break anew before the reader's eyes."""

PATCHED = {
    # The sidebar holds more than its <nav>: all of it belongs to a landmark.
    "pydata_sphinx_theme/layout.html": (
        '<div id="pst-primary-sidebar"',
        '<div id="pst-primary-sidebar" role="complementary" '
        "aria-label=\"{{ said('Contents and search') }}\"",
    ),
    # The logos lie in a menu that few open.
    "sphinx_book_theme/macros/buttons.html": ("<img alt", '<img loading="lazy" alt'),
}
"""What is put in place of what in the theme's templates, where no block can be overridden."""

ARROW = '<summary><span class="toctree-toggle"'
"""The arrow that opens a part of the contents: it says nothing by itself."""

IDLE = ("accordion", "card", "carousel", "list-group", "modal", "offcanvas", "popover", "toast")
"""Bootstrap's components that its script knows and no page has."""

NO_CLASSES = ("fontawesome.js", Path(search.SECTIONS).name)
"""Scripts of other words than classes; the words of the book, of an earlier build, among them."""

SOUGHT = {
    # Boxes that it measures one by one, each time laying the page out anew; `book.js` watches them.
    "pydata-sphinx-theme.js": '["pre",".nboutput > .output_area",".cell_output > .output",'
    '".jp-RenderedHTMLCommon",".pst-scrollable-table-container"]',
    # Notes in the margin, of which the book has none: it looks at each element of a page for them.
    "sphinx-book-theme.js": '["marginnote","sidenote","margin","margin-caption","full-width",'
    '"sidebar","popout"]',
}
"""What the theme's scripts look for as soon as a page is there: on a phone 3 s and 0.2 s of the
formula sheet."""


def replaced(text: str, old: str, new: str, where: str) -> str:
    """Return the text with the one in the place of the other; that there is none is an error."""
    if old not in text:
        raise ExtensionError(f"{where} no longer holds {old!r}: see tools/site/finish.py")
    return text.replace(old, new)


# --- templates --------------------------------------------------------------------------------


class Templates(BuiltinTemplateLoader):
    """Sphinx's templates, some patched, that put the rules of a page into it."""

    def init(self, builder: Any, *args: Any, **options: Any) -> None:
        """Begin, and see at once that each patch still fits."""
        super().init(builder, *args, **options)
        self.static = Path(builder.outdir) / "_static"
        self.sheets: dict[str, list[purge.Rule]] = {}
        for template in PATCHED:
            self.get_source(self.environment, template)

    def newest_template_mtime(self) -> float:
        """Return when what every page is made with changed: templates, sheets, scripts, this."""
        made_with = [*TEMPLATES.iterdir(), *OWN.rglob("*.css"), *OWN.rglob("*.js")]
        made_with += [Path(__file__), Path(purge.__file__), heights.FILE]
        newest = max(path.stat().st_mtime for path in made_with)
        return max(newest, super().newest_template_mtime())

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Any]:
        """Return a template's text, patched."""
        text, file, fresh = super().get_source(environment, template)
        for name, (old, new) in PATCHED.items():
            if os.path.normpath(file).endswith(os.path.normpath(name)):
                text = replaced(text, old, new, name)
        return text, file, fresh

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        """Return a page that is shown before its scripts have come, with the rules it can use."""
        page: str = super().render(template, context)
        if PLACE not in page:
            return page
        name = context["pagename"]
        if ARROW in page or project.is_english():  # the Chinese contents have no parts of parts
            told = f' aria-label="{project.said("Pages of this part")}">'
            page = replaced(page, ARROW, ARROW.replace(">", told, 1), name)
        page = re.sub(r"<script (?=[^>]*\bsrc=)(?![^>]*\bdefer\b)", "<script defer ", page)
        names = [*FIRST, *(str(css.filename) for css in context["css_files"])]
        words = words_of(page) | self.scripted
        css = "".join(purge.purged(self.rules(sheet), words) for sheet in dict.fromkeys(names))
        css = css.replace(purge.STATIC, context["pathto"]("_static/", True))
        wait = WAIT if 'class="katex"' in page else ""
        return heights.told(name, page.replace(PLACE, f"<style>{css}</style>{wait}"))

    def rules(self, name: str) -> list[purge.Rule]:
        """Return the rules of a sheet; the book's own keeps them all."""
        if name not in self.sheets:
            sheet = self.static.parent / name
            own = OWN / sheet.relative_to(self.static)
            whole = own.exists() and VENDORED not in own.parents
            rules = purge.read(sheet, self.static, whole=whole)
            self.sheets[name] = [with_small_font(rule) for rule in rules]
        return self.sheets[name]

    @cached_property
    def scripted(self) -> set[str]:
        """Return whatever the scripts could make a class or an id."""
        scripts = (path for path in self.static.rglob("*.js") if path.name not in NO_CLASSES)
        code = " ".join(script.read_text(encoding="utf-8") for script in scripts)
        return {word for word in set(re.findall(r"[\w-]+", code)) if not word.startswith(IDLE)}


def words_of(page: str) -> set[str]:
    """Return the classes and ids of a page.

    >>> sorted(words_of('<p class="a b" id="c">'))
    ['a', 'b', 'c']
    """
    values = {*re.findall(' class="([^"]*)"', page), *re.findall(' id="([^"]*)"', page)}
    return {word for value in values for word in value.split()}


def context(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Give a page what its template and scripts rely on."""
    context["said"] = project.said
    context.setdefault("pagetitle", context.get("title") or context["docstitle"])  # to print
    options = Path(app.outdir, "_static", "documentation_options.js").read_text(encoding="utf-8")
    context["script_files"] = [
        _JavaScript("", priority=script.priority, body=options)  # scripts in the page use it
        if str(script.filename).endswith("documentation_options.js")
        else script
        for script in context["script_files"]
    ]


# --- the translator ---------------------------------------------------------------------------


class Translator(HTML5Translator):
    """Sphinx's translator, mended where a screen reader stumbles, and with figures' sizes."""

    def mend(self, old: str, new: str) -> None:
        """Put the one in the place of the other in the tag that was written last."""
        self.body[-1] = replaced(self.body[-1], old, new, "a tag of docutils'")

    def visit_image(self, node: nodes.image) -> None:
        """Write an image; a figure says its size, two of its pixels to one of the page's."""
        file = os.path.join(self.builder.srcdir, node["uri"])
        size = get_image_size(file) if file.endswith(".png") else None
        how = 'fetchpriority="high"' if node.get("loading") == "eager" else 'loading="lazy"'
        for told in ("width", "height", "scale", "loading"):
            node.attributes.pop(told, None)
        super().visit_image(node)
        if size:
            told = f'width="{size[0] // 2}" height="{size[1] // 2}"'
            self.mend("<img", f'<img {told} {how} decoding="async"')

    def visit_reference(self, node: nodes.reference) -> None:
        """Write a link; one that leads out of the Chinese edition says in which language."""
        super().visit_reference(node)
        if ENGLISH in node["classes"]:
            self.mend("<a ", '<a hreflang="en" ')

    def visit_citation(self, node: nodes.citation) -> None:
        """Write an entry of a list of sources; ARIA has retired the role of docutils'."""
        super().visit_citation(node)
        self.mend('role="doc-biblioentry"', 'role="listitem"')

    def visit_desc_parameterlist(self, node: Any) -> None:
        """Write a signature, which is no list of definitions."""
        super().visit_desc_parameterlist(node)
        if node.get("multi_line_parameter_list"):
            self.mend("<dl", '<dl role="none"')

    def visit_entry(self, node: nodes.entry) -> None:
        """Write the cell of a table; an empty one heads nothing."""
        super().visit_entry(node)
        if self.body[-1].startswith("<th") and not node.astext().strip():
            self.body[-1], self.context[-1] = "<td>", "</td>\n"

    def visit_raw(self, node: nodes.raw) -> None:
        """Write HTML as it is; but an empty cell heads nothing."""
        node.children = [nodes.Text(node.astext().replace('<th scope="col"></th>', "<td></td>"))]
        super().visit_raw(node)


# --- icons, and the theme's script ------------------------------------------------------------


def with_small_font(rule: purge.Rule) -> purge.Rule:
    """Return a rule that, where it asks for a font of icons, asks for the small one."""
    pattern = rf'src:url\("{purge.STATIC}[^"]*fontawesome[^"]*/([\w-]+)\.woff2"\)[^;}}]*'
    rule.block = re.sub(pattern, rf'src:url("{purge.STATIC}\1.woff") format("woff")', rule.block)
    return rule


def draw_icons(out: Path) -> None:
    """Make fonts of the icons that the pages draw."""
    static = out / "_static"
    pages = [page for page in out.rglob("*.html") if static not in page.parents]
    fonts = {font: static / f"{font.stem}.woff" for font in static.rglob("fontawesome/**/*.ttf")}
    if not fonts:
        raise ExtensionError("the theme has no fonts of icons any more: see tools/site/finish.py")
    newest = max(page.stat().st_mtime for page in pages)
    if all(made.exists() and made.stat().st_mtime >= newest for made in fonts.values()):
        return
    texts = (page.read_text(encoding="utf-8") for page in pages)
    drawn = {ord(icon) for text in texts for icon in re.findall('"([\ue000-\uf8ff])"', text)}
    for font, made in fonts.items():
        subset_font(font, drawn, made)


def subset_font(font: Path, codes: set[int], made: Path) -> None:
    """Write a font with these characters alone."""
    options = subset.Options(flavor="woff", ignore_missing_unicodes=True, layout_features=[])
    whole = subset.load_font(str(font), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(whole)
    subset.save_font(whole, made, options)


def mend_scripts(folder: Path) -> None:
    """Let the theme's scripts look for nothing where they looked for what the book has not."""
    for name, sought in SOUGHT.items():
        code = (folder / name).read_text(encoding="utf-8")
        if '["no-box"]' not in code:
            mended = replaced(code, sought, '["no-box"]', name)
            (folder / name).write_text(mended, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Finish what all pages share, of a site without errors."""
    if not exception and app.builder.name == "html":
        draw_icons(Path(app.outdir))
        mend_scripts(Path(app.outdir, "_static", "scripts"))


def fetch_sheets(app: Sphinx, builder: Any) -> None:
    """Let every extension lay down its sheets before the pages are written, after Sphinx has."""
    if builder.name != "html":
        return
    copy_assets = builder.copy_assets

    def copy_all() -> None:
        copy_assets()
        for listener in app.events.listeners["build-finished"]:
            if listener.handler.__module__.partition(".")[0] in LATE:
                listener.handler(app, None)

    builder.copy_assets = copy_all


def configure(app: Sphinx, config: Config) -> None:
    """Set the templates, and what renders them."""
    config.templates_path = [str(TEMPLATES), *config.templates_path]
    config.template_bridge = f"{Templates.__module__}.{Templates.__qualname__}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.set_translator("html", Translator)
    app.connect("config-inited", configure)
    app.connect("write-started", fetch_sheets)
    app.connect("html-page-context", context, priority=950)
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
