"""Mathematics is set by one Node a process, each formula once, and a wrong one is an error."""

import pytest
from sphinxcontrib.katex import KaTeXError

from tools.site import mathematics


def test_a_display_and_an_inline_formula_are_set_apart():
    assert "katex-display" in mathematics.render("x^2", {"displayMode": True})
    assert "katex-display" not in mathematics.render("x^2")


def test_a_reader_who_cannot_see_has_the_formula_as_mathml():
    assert "<mfrac>" in mathematics.render(r"\frac{a}{b}")


@pytest.mark.parametrize("wrong", [r"\frac{", r"\nosuchmacro", "ж"])
def test_a_wrong_formula_is_an_error_that_quotes_it(wrong):
    with pytest.raises(KaTeXError) as error:
        mathematics.render(wrong)
    assert wrong in str(error.value)


def test_after_a_wrong_formula_the_next_is_set():
    with pytest.raises(KaTeXError):
        mathematics.render("{")
    assert mathematics.render("a\nb").count("katex") > 1
