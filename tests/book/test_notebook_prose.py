"""The prose of each notebook, rendered as notebooks are, holds no raw markup.

JupyterLab, Colab and GitHub render CommonMark with tables, take mathematics between dollars, and
know nothing of MyST.
"""

import re

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.book import project
from tools.notebook import files

MYST = re.compile(
    r"""\{[a-z]+(:[a-z]+)*\}              # a role or a directive
    | :::|```|~~~                         # fences
    | \$                                  # mathematics that was not taken as such
    | \\(frac|sqrt|hat|beta|eta|begin)\b  # nor this
    | ^\([a-z-]+\)=$                      # a target
    | \]\(|\*\*|<[/a-z]                   # links, bold, tags
    | ^%""",
    re.VERBOSE | re.MULTILINE,
)


def rendered(text):
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin)
    return BeautifulSoup(markdown.render(text), "html.parser")


def left_over(text):
    """Return what is left as raw markup in a cell, outside of code and mathematics."""
    page = rendered(text)
    for element in page.select("pre, code, .math"):
        element.decompose()
    return [match[0] for match in MYST.finditer(page.get_text())]


def faults(text):
    page = rendered(text)
    found = left_over(text)
    found += [link["href"] for link in page.select("a") if "://" not in link.get("href", "")]
    found += [str(math) for math in page.select(".math") if "\\label" in math.text]
    if text.count("<details>") != text.count("</details>"):
        found.append("details")
    for table in page.select("table"):
        widths = {len(row.find_all(["th", "td"])) for row in table.select("tr")}
        found += ["a table of uneven rows"] if len(widths) > 1 else []
        found += ["an empty cell at the end"] if table.select("td:last-child:empty") else []
    return found


@pytest.mark.parametrize("chapter", project.chapters(), ids=lambda page: page.stem)
def test_the_prose_of_a_notebook_is_rendered_without_remains(chapter):
    cells = files.read_notebook(chapter).cells
    prose = {cell.id: cell.source for cell in cells if cell.cell_type == "markdown"}
    assert {name: faults(text) for name, text in prose.items() if faults(text)} == {}


@pytest.mark.parametrize(
    "raw",
    [
        "See {eq}`adam-update`.",
        "As {cite:t}`kingma2015adam` say.",
        "The sum is {glue:text}`sum`.",
        ":::{note}\nText.\n:::",
        "(a-target)=",
        "% a comment",
        "Half of $x",
        r"The root \sqrt{v} of",
        "[a page](adam.md)",
        "<details>\n<summary>Solution</summary>\n\nText.",
        "| a | b |\n|---|---|\n| $|x|$ | 1 |",
    ],
)
def test_raw_markup_is_seen(raw):
    assert faults(raw)


def test_what_notebooks_can_show_is_left_alone():
    prose = "**A** `{eq}` $x_t$ and [a link](https://x.org/)."
    text = f"{prose}\n\n$$\na\n\\tag{{b}}\n$$\n\n| a |\n|---|\n| 1 |"
    assert faults(text) == []
