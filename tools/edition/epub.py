"""The book as an EPUB: `python -m tools.edition.epub`, after the site is built.

The pages of the built site, as in the PDF, but one file each, and the mathematics as MathML, which
readers of EPUB 3 set themselves.
"""

import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import urljoin

from lxml import etree
from lxml.html import HtmlElement, builder

from tools.book import citation, project
from tools.edition.pages import HTML, address, article, key, say

STYLES = {
    "pygments.css": HTML / "_static" / "pygments.css",
    "epub.css": Path(__file__).with_name("epub.css"),
}
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""


def chapter(page: Path) -> tuple[HtmlElement, dict[str, Path]]:
    """Return the article of a page for an EPUB, and its pictures by their names there."""
    shown = article(page)
    for formula in shown.cssselect(".katex"):
        math = _plain(formula.find(".//math"))
        math.tail = formula.tail
        formula.getparent().replace(formula, math)
        _tag_below(math)
    for link in shown.cssselect('a[href^="#"]'):
        target = link.get("href")[1:]
        anchor = f"#{target}" if "--" in target else ""
        link.set("href", f"{target.partition('--')[0]}.xhtml{anchor}")
    for part in shown.cssselect("[lang]"):
        part.set(LANGUAGE, part.get("lang"))
    pictures = {}
    for image in shown.iter("img"):
        path = urljoin(address(page), image.get("src"))
        image.set("src", path.removeprefix("_images/").replace("/", "-"))
        pictures[image.get("src")] = HTML / path
    return shown, pictures


def _plain(math: HtmlElement) -> HtmlElement:
    """Return MathML without the LaTeX inside, which some readers would show beside it.

    What KaTeX writes and the schema of MathML forbids is mended: the invisible sign of applying a
    function as a third child where two are due, operators with rows inside.
    """
    for applied in math.cssselect(":is(msub, msup, munder, mover) > mo:nth-child(3)"):
        applied.drop_tree()
    for rows in math.xpath(".//*[self::mo or self::mi][mrow]"):
        say(rows, rows.text_content())
    for other in math.cssselect(":is(mi, mn)[mathvariant]:not([mathvariant=normal])"):
        if len(other.text_content()) == 1:
            say(other, letter(other.text_content(), other.attrib.pop("mathvariant")))
    latex = math.find(".//annotation")
    math.set("alttext", latex.text_content())
    latex.drop_tree()
    math.find(".//semantics").drop_tag()
    return math


def _tag_below(math: HtmlElement) -> None:
    """Move the tag of a formula below it: in MathML a tag makes the formula the cell of a table."""
    for table in math.cssselect('mtable[width="100%"]'):
        _, shown, _, tag = table.xpath("./mtr/mtd")
        below = builder.SPAN(tag.text_content(), builder.CLASS("tag"))
        below.tail, math.tail = math.tail, None
        math.getparent().insert(math.getparent().index(math) + 1, below)
        shown.tag, shown.tail = "mrow", table.tail
        table.getparent().replace(table, shown)


def letter(character: str, variant: str) -> str:
    """Return a letter or digit in another alphabet: browsers ignore `mathvariant` by now.

    >>> letter("E", "double-struck"), letter("R", "double-struck"), letter("1", "bold")
    ('𝔼', 'ℝ', '𝟏')
    """
    name = f"{variant} {unicodedata.name(character)}".upper().replace("LATIN ", "")
    name = name.replace("LETTER ", "")
    try:
        return unicodedata.lookup(f"MATHEMATICAL {name}")
    except KeyError:  # it was there before the others
        return unicodedata.lookup(name)


def xhtml(title: str, body: str) -> str:
    """Return a file of XHTML."""
    sheets = "".join(f'<link rel="stylesheet" href="{name}"/>' for name in STYLES)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"'
        f' lang="en" xml:lang="en" data-theme="light"><head><title>{escape(title)}</title>{sheets}'
        f"</head><body>{body}</body></html>\n"
    )


def contents(titles: dict[Path, str]) -> str:
    """Return the table of contents: parts and chapters."""
    lines = []
    for caption, pages in project.parts().items():
        links = [
            f'<li><a href="{key(page)}.xhtml">{escape(titles[page])}</a></li>' for page in pages
        ]
        inner = "".join(links)
        lines.append(
            f"<li><span>{escape(caption)}</span><ol>{inner}</ol></li>" if caption else inner
        )
    return xhtml(
        "Contents", f'<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>'
    )


def package(files: dict[str, str | Path]) -> str:
    """Return the package document: what the book is, its files, their order."""
    about, site = citation.cff(), project.site(project.address())
    items = [
        f'<item id="f{number}" href="{name}" media-type="{_kind(name)}"{_properties(name, file)}/>'
        for number, (name, file) in enumerate(files.items())
    ]
    order = [f'<itemref idref="f{n}"/>' for n, name in enumerate(files) if name.endswith(".xhtml")]
    authors = "".join(f"<dc:creator>{escape(name)}</dc:creator>" for name in citation.authors())
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{site}#{about["version"]}</dc:identifier>
<dc:title>{escape(about["title"])}</dc:title><dc:language>en</dc:language>{authors}
<dc:rights>{citation.TEXT_LICENCE}</dc:rights>
<meta property="dcterms:modified">{citation.date()}T00:00:00Z</meta>
</metadata>
<manifest>{"".join(items)}</manifest>
<spine>{"".join(order)}</spine>
</package>
"""


def _kind(name: str) -> str:
    return {
        ".xhtml": "application/xhtml+xml",
        ".css": "text/css",
        ".png": "image/png",
        ".svg": "image/svg+xml",
    }[Path(name).suffix]


def _properties(name: str, file: str | Path) -> str:
    if name == "contents.xhtml":
        return ' properties="nav"'
    return ' properties="mathml"' if isinstance(file, str) and "<math" in file else ""


def book() -> Iterator[tuple[str, str | Path]]:
    """Yield the files of the book: a name, and the text or where it lies."""
    chapters: dict[str, str | Path] = {}
    pictures: dict[str, str | Path] = {}
    titles: dict[Path, str] = {}
    for page in project.pages():
        shown, its = chapter(page)
        titles[page] = shown.find(".//h1").text_content()
        text = etree.tostring(shown, encoding="unicode")
        chapters[f"{key(page)}.xhtml"] = xhtml(titles[page], text)
        pictures |= its
    yield "contents.xhtml", contents(titles)
    yield from chapters.items()
    yield from STYLES.items()
    yield from pictures.items()


def main() -> int:
    """Write the EPUB, and say where it lies."""
    project.EPUB.parent.mkdir(parents=True, exist_ok=True)
    files = dict(book())
    with zipfile.ZipFile(project.EPUB, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        packed.writestr("META-INF/container.xml", CONTAINER)
        packed.writestr("package.opf", package(files))
        for name, file in files.items():
            packed.writestr(name, file if isinstance(file, str) else file.read_bytes())
    print(f"The book is packed: {project.EPUB}, {project.EPUB.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
