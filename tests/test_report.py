"""Numbers, tables and glued values read the same everywhere."""

from fractions import Fraction

import numpy as np
import pytest

from descent.report import Table, number, source


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.333333"),
        (np.float64(2.5), "2.5"),
        (np.float32(0.1), "0.1"),
        (-0.0, "0"),
        (1e-300, "1e-300"),
        (float("inf"), "inf"),
        (12345678, "12345678"),
        (Fraction(9, 11), "9/11"),
        ("words", "words"),
        (True, "True"),
    ],
)
def test_a_number_is_printed_with_the_digits_that_hold(value, text):
    assert number(value) == text


def test_a_last_bit_does_not_show():
    assert number(0.1 + 0.2) == number(0.3)


def test_a_table_is_html_with_headed_columns_and_escapes_its_cells():
    page = Table(["a<b"], [["x&y"]])._repr_html_()
    assert '<th scope="col">a&lt;b</th>' in page
    assert "<td>x&amp;y</td>" in page


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="rows must have 2 cells"):
        Table(["a", "b"], [[1]])


class Documented:
    """A class."""

    def method(self):
        """Return one."""
        return 1


def test_the_source_of_a_class_comes_without_any_docstring():
    assert source(Documented) == "class Documented:\n\n    def method(self):\n        return 1"
