"""The generator turns what it knows into CommonMark and stops at what it does not."""

from pathlib import Path

import pytest

from tools.book.myst import ChapterError
from tools.notebook.commonmark import Prose

SITE = "https://example.github.io/book/"


@pytest.fixture
def convert(tmp_path):
    """Return a function that converts the text of a chapter, and keeps the chapter's file."""

    def run(text, **values):
        path = tmp_path / "chapter.md"
        path.write_text(text, encoding="utf-8")
        (tmp_path / "other.md").write_text("# Other\n", encoding="utf-8")
        return Prose(path, SITE, values).cell(text, 1)

    return run


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nA *word*, a **word**, `code`, $x^2$.",
        "- one\n- two\n  - three",
        "1. one\n2. two",
        "> quoted",
        "$$\nx = \\frac{1}{2}\n$$",
        "| a | b |\n|---|---|\n| 1 | $x$ |",
        "```python\nprint(1)\n```",
        "[a link](https://example.org) and ![a picture](https://example.org/a.png)",
        "\\begin{align}\na &= b\n\\end{align}",
        "---",
    ],
)
def test_plain_text_stays_as_it_is(convert, text):
    assert convert(text) == text


def test_an_admonition_becomes_a_block_quote(convert):
    assert convert(":::{note}\nTake care.\n:::") == "> **Note**\n>\n> Take care."


def test_a_titled_admonition_keeps_its_title(convert):
    assert convert(":::{admonition} On *roots*\nText.\n:::").startswith("> **On *roots***")


def test_a_folded_admonition_becomes_details(convert):
    text = convert(":::{admonition} Proof\n:class: dropdown\n\nBecause.\n:::")
    assert text == "<details>\n<summary>Proof</summary>\n\nBecause.\n\n</details>"


def test_a_theorem_becomes_a_block_quote_with_its_title(convert):
    text = convert(":::{prf:theorem} Convergence\n:label: t\n:nonumber:\n\nIt converges.\n:::")
    assert text == "> **Theorem (Convergence).**\n>\n> It converges.\n>\n> *Proved here.*"


def test_what_stands_in_a_directive_is_converted_too(convert):
    text = convert(":::{note}\nSee {cite:t}`kingma2015adam`.\n:::")
    assert "[Kingma & Ba (2015)](https://arxiv.org/abs/1412.6980)" in text


def test_a_formula_carries_its_id_as_tag_and_links_to_its_anchor(convert):
    text = convert(
        "```{formula} my-formula\n:title: Mine\n:source: kingma2015adam, Algorithm 1\n"
        ":code: descent.rules.Adam.update\na = b\n```"
    )
    assert "$$\na = b\n\\tag{my-formula}\n$$" in text
    assert f"[Mine]({SITE}chapter.html#my-formula)" in text
    assert "[Kingma & Ba, 2015](https://arxiv.org/abs/1412.6980), Algorithm 1" in text
    assert "`descent.rules.Adam.update`" in text


def test_chinese_is_text_and_its_code_stays_code(convert):
    assert (
        convert("Before {zh}`《偏差校正》`, {zh}`` `# 动量` ``.")
        == "Before 《偏差校正》, `# 动量`."
    )


def test_an_erratum_has_the_words_of_the_original(convert):
    text = convert("```{erratum} S0-16\n```")
    assert "section 3.2 《具体操作步骤》" in text
    assert "> **In the original:** `while True:` … “函数一直迭代至收敛。”" in text


def test_an_erratum_becomes_a_block_quote_with_its_numbers_and_its_address(convert):
    text = convert("```{erratum} S0-01\n```")
    assert text.startswith(f"> [S0-01]({SITE}book/errata.html#s0-01) **")
    assert "9.9997" not in text  # four digits
    assert "the first step is 10 as printed" in " ".join(text.replace(">", "").split())
    assert "{eq}" not in text


def test_a_reference_to_a_formula_reads_as_its_tag(convert):
    text = convert(
        "```{formula} my-formula\n:title: Mine\n:source: kingma2015adam\na = b\n```\n\n"
        "By {eq}`my-formula`."
    )
    assert f"By [(my-formula)]({SITE}chapter.html#my-formula)." in text


def test_citations_become_author_and_year_with_a_link(convert):
    text = convert("Known {cite:p}`polyak1964some,kingma2015adam`.")
    assert "([Polyak, 1964](https://doi.org/10.1016/0041-5553(64)90137-5); [Kingma & Ba, " in text


def test_a_role_broken_over_two_lines_is_found(convert):
    assert convert("By {cite:t}`kingma2015adam` and\n{cite:t}`polyak1964some`.").count("](") == 2


def test_the_same_role_twice_is_replaced_twice(convert):
    assert convert("{glue:text}`a` and {glue:text}`a`", a="7") == "7 and 7"


def test_a_role_in_code_is_left_alone(convert):
    assert convert("Write `{eq}` and {glue:text}`a`.", a="7") == "Write `{eq}` and 7."


def test_links_to_pages_lead_to_the_site(convert):
    assert convert("[x](other.md#part)") == f"[x]({SITE}other.html#part)"
    assert convert("[x](#part)") == f"[x]({SITE}chapter.html#part)"


def test_a_playground_becomes_a_link_to_its_picture(convert):
    query = "landscape=saddle&start=2,0.1&run=adam,lr:0.1"
    text = convert(f"```{{playground}} A race\n:query: {query}\n:alt: Two paths.\n```")
    assert text == f"[A race: in the playground]({SITE}book/playground.html#{query})"


def test_the_bibliography_lists_what_was_cited(convert):
    text = convert(
        "{cite:t}`kingma2015adam`\n\n```{bibliography}\n:filter: docname in docnames\n```"
    )
    assert (
        "- Kingma & Ba (2015). [Adam: A Method for Stochastic Optimization](https://arxiv" in text
    )
    assert "Polyak" not in text


def test_a_solution_that_runs_over_several_cells_is_folded_in_each(tmp_path):
    path = tmp_path / "chapter.md"
    path.write_text("", encoding="utf-8")
    prose = Prose(path, SITE, {})
    first = prose.cell(":::{solution-start} e\n:::\n\nFirst.", 1)
    second = prose.cell("Second.", 5)
    last = prose.cell(":::{solution-end}\n:::\n\nAfter.", 9)
    assert [text.count("<details>") for text in (first, second, last)] == [1, 1, 0]
    assert "<summary>Solution</summary>" in first
    assert "<summary>Solution, continued</summary>" in second
    assert last == "After."


@pytest.mark.parametrize(
    ("text", "line", "named"),
    [
        ("Fine.\n\n```{mystery}\nx\n```", 3, "unknown directive {mystery}"),
        ("Fine.\n\nAn {unknown}`role`.", 3, "unknown role {unknown}"),
        ("Fine.\n\nSee {eq}`no-such-formula`.", 3, "no formula has the id 'no-such-formula'"),
        ("{cite:t}`nobody1900`", 1, "no entry 'nobody1900'"),
        ("{glue:text}`missing`", 1, "no cell of this chapter glues a value named 'missing'"),
        ("[x](gone.md)", 1, "link to a missing page: gone.md"),
        ("<div>raw</div>", 1, "no CommonMark for html_block"),
        ("a <b>raw</b> word", 1, "no CommonMark for html_inline"),
        ("- item\n\n  ```{note}\n  x\n  ```", 1, "a directive inside a block"),
        (":::{note}\none\n\n{unknown}`two`\n:::", 4, "unknown role {unknown}"),
        (":::{solution-end}\n:::", 1, "a solution ends that never began"),
        ("```{formula} Bad_Id\n:title: x\n:source: kingma2015adam\na\n```", 1, "lower-case words"),
        ("```{formula} an-id\n:source: kingma2015adam\na\n```", 1, ":title: is missing"),
        ("```{formula} an-id\n:title: x\n:source: kingma2015adam\n```", 1, "it has no LaTeX"),
        ("```{playground} A race\n:alt: Two paths.\n```", 1, ":query: is missing"),
        ("```{formula} an-id\n:titel: x\n:source: y\na\n```", 1, "unknown options ['titel']"),
    ],
)
def test_what_is_unknown_stops_the_generator_with_file_and_line(convert, text, line, named):
    with pytest.raises(ChapterError) as error:
        convert(text)
    message = str(error.value)
    assert f"{Path('chapter.md')}:{line}: " in message
    assert named in message
