"""The derivatives of single numbers agree with torch, with differences and with dual numbers."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tolerance import near

from descent.backprop.scalar import Value

numbers = st.floats(-2, 2)
fractions = st.fractions(-4, 4, max_denominator=6)

RATIONAL = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / (2 + b**2),
    "-a": lambda a, b: -a,
    "a ** 3": lambda a, b: a**3,
    "a ** 0": lambda a, b: a**0,
    "3 + a": lambda a, b: 3 + a,
    "3 - a": lambda a, b: 3 - a,
    "3 * a": lambda a, b: 3 * a,
    "3 / a": lambda a, b: 3 / (2 + a * a),
    "relu": lambda a, b: a.relu(),
}
TRANSCENDENTAL = {
    "exp": lambda a, b: a.exp(),
    "log": lambda a, b: (1 + a**2).log(),
    "tanh": lambda a, b: a.tanh(),
    "a ** 2.5": lambda a, b: (1 + a**2) ** 2.5,
    "2 ** a": lambda a, b: 2**a,
}
OPERATIONS = RATIONAL | TRANSCENDENTAL


def programs(operations):
    """Return programs: each line names an operation and the places of its operands.

    The places count from the last value back, so a value is often used more than once.
    """
    place = st.integers(0, 3)
    line = st.tuples(st.sampled_from(sorted(operations)), place, place)
    return st.lists(line, min_size=1, max_size=6)


def run(program, inputs):
    """Return all values of a program, the inputs first."""
    values = list(inputs)
    for name, i, j in program:
        operands = (values[-1 - place % len(values)] for place in (i, j))
        values.append(OPERATIONS[name](*operands))
    return values


def gradient(program, numbers):
    """Return the derivatives of a program's last value with respect to the inputs."""
    inputs = [Value(x) for x in numbers]
    run(program, inputs)[-1].backward()
    return [x.grad for x in inputs]


@given(program=programs(OPERATIONS), x=numbers, y=numbers)
def test_random_programs_have_the_values_and_derivatives_that_torch_finds(program, x, y):
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in (x, y)]
    values = run(program, leaves)
    assume(all(abs(value.item()) < 100 for value in values))
    ours = run(program, [Value(x), Value(y)])
    assert [value.data for value in ours] == near([value.item() for value in values], rel=1e-11)
    ours[-1].backward()
    values[-1].backward()
    theirs = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]
    slopes = [value.grad for value in ours]
    assert slopes[:2] == near(theirs, slopes, rel=1e-9)


@dataclass
class Dual:
    """A fraction with its derivative: forward mode, to check reverse mode exactly."""

    data: Fraction
    slope: Fraction = Fraction(0)

    def __add__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.data + other.data, self.slope + other.slope)

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.data * other.data, self.slope * other.data + self.data * other.slope)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __pow__(self, power):
        return math.prod([self] * power, start=Dual(Fraction(1)))

    def __truediv__(self, other):
        return self * Dual(1 / other.data, -other.slope / other.data**2)

    def __rtruediv__(self, other):
        return Dual(Fraction(other)) / self

    def relu(self):
        return self if self.data > 0 else Dual(Fraction(0))


@given(program=programs(RATIONAL), x=fractions, y=fractions)
def test_on_fractions_reverse_mode_is_forward_mode_exactly(program, x, y):
    along = [(Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))]
    forward = [run(program, [Dual(x, i), Dual(y, j)])[-1].slope for i, j in along]
    assert gradient(program, (x, y)) == forward
    assert all(isinstance(part, Fraction | int) for part in gradient(program, (x, y)))


@pytest.mark.parametrize("name", OPERATIONS)
@given(x=numbers.filter(lambda x: abs(x) > 1e-3), y=numbers)
def test_each_operation_agrees_with_central_differences(name, x, y):
    def f(x, y):
        return OPERATIONS[name](Value(x), Value(y)).data

    h = 1e-5
    slopes = [(f(x + h, y) - f(x - h, y)) / (2 * h), (f(x, y + h) - f(x, y - h)) / (2 * h)]
    assert gradient([(name, 1, 0)], (x, y)) == near(slopes, 1.0, rel=1e-7)


def test_a_value_that_is_used_twice_gets_both_parts():
    x = Value(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0
    a = x + 1
    (a * a).backward()
    assert (a.grad, x.grad) == (8.0, 8.0)


def test_a_second_call_of_backward_starts_from_zero():
    x = Value(3.0)
    f = (x * x).exp()
    f.backward()
    first = x.grad
    f.backward()
    assert x.grad == first
    x.backward()
    assert x.grad == 1


def test_a_deep_graph_meets_no_limit_of_recursion():
    x, depth = Value(1.0), 100_000
    f = x
    for _ in range(depth):
        f = f + x
    f.backward()
    assert x.grad == depth + 1


def test_a_ladder_of_shared_values_is_walked_in_linear_time():
    x = f = Value(Fraction(1))
    for _ in range(1000):
        f = f + f
    f.backward()
    assert x.grad == 2**1000


def test_relu_has_slope_0_at_0_and_powers_of_0_have_the_right_one():
    for power, slope in ((0, 0), (1, 1), (2, 0)):
        assert gradient_at_0(lambda x, power=power: x**power) == slope
    assert gradient_at_0(lambda x: x.relu()) == 0


def gradient_at_0(f):
    x = Value(0.0)
    f(x).backward()
    return x.grad


def test_numpy_numbers_and_sums_work():
    x = Value(np.float64(2.0))
    f = sum([x, np.float64(3.0) * x, 1])
    f.backward()
    assert (f.data, x.grad) == (9.0, 4.0)


@pytest.mark.parametrize("data", ["1", None, 1j, np.ones(2)])
def test_what_is_no_real_number_is_refused(data):
    with pytest.raises(ValueError, match="data must be a real number, got"):
        Value(data)
    with pytest.raises(ValueError, match="data must be a real number, got"):
        Value(1.0) * data


def test_a_power_of_a_value_and_a_root_of_a_negative_number_are_refused():
    with pytest.raises(ValueError, match="power must be a real number, got"):
        Value(1.0) ** Value(2.0)
    with pytest.raises(ValueError, match="data must be a real number, got"):
        Value(-1.0) ** 0.5


def test_it_prints_its_number():
    assert repr(Value(0.5)) == "Value(0.5)"
