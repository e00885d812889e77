r"""Read a formula as it is printed, and compute with it.

The LaTeX that is understood:

- Statements `a = b` or `a \leftarrow b`, divided by commas, `\qquad`, `\\` or `$$ $$`. A chain
  `m_0 = v_0 = 0` is two. What is no equation says where a formula holds, and is left out.
- Names: a letter, Latin or Greek, with or without `\hat`, or a word in `\text`; `E[g^2]`,
  `\Delta\theta` and `dW` are one. An index `t`, `t-1`, `t+1` or `s` is a step, an index 0 the
  start; any other is a part of the name, as in `V_{dW}`, and so is a word above it, as in
  `V^{corrected}`. Steps are also read from `x^{(t)}`, `\theta^{t+1}`, `x_{new}`, from the
  index of a sum, and with k or n for t. The coordinate in `g_{t,i}`, `w_j` means nothing: all
  rules are by coordinate. After `\leftarrow` a name without an index is what it was last set to.
- `+`, `-`, `/`, `\cdot`, `\odot`, `^`, `\frac`, `\sqrt`, `\sum`, `\prod`, `\lfloor`, `\lVert`,
  `\|`, `\pi`, bars, `\max`, `\min`, `\cos`, `\operatorname`. A letter before a bracket is a factor.
- The gradient: `\nabla f(x)`, `\nabla_\theta L(\theta; \text{data})`, `\partial_w \ell`,
  `\frac{\partial f}{\partial x}`; where it is not said at which point, at the last one.
- Two values of one name: `\text{if}` and a condition after the first, `\text{otherwise}` after the
  second.
- Spaces, sizes of brackets and alignment mean nothing.

Two conventions of the book that LaTeX does not show: operations are element by element, and 0/0
is 0.
"""

from descent.identify.latex._pieces import GREEK, Token, normalised
from descent.identify.latex._reading import Equation, Node, Step, UnreadableError, statements
from descent.identify.latex._running import Evaluation, ordered

__all__ = [
    "GREEK",
    "UnreadableError",
    "normalised",
    "Step",
    "Node",
    "Equation",
    "Token",
    "statements",
    "Evaluation",
    "ordered",
]
