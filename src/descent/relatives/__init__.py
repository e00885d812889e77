"""Optimisers that frameworks have and the book does not derive, each as its framework computes it.

`descent.conventions` lists them by their paths and gives them their frameworks' arguments. A rule
that takes a norm or a mean takes it over one array, as the frameworks do for each parameter.

>>> rule = Rprop(lr=0.1)
>>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
>>> x, state = rule.update(x, 10.0, state)
>>> round(x, 12), round(state.delta, 12)
(4.78, 0.12)
"""

from descent.relatives import _averages, _common, _matrices, _norms, _signs
from descent.relatives._averages import *
from descent.relatives._common import *
from descent.relatives._matrices import *
from descent.relatives._norms import *
from descent.relatives._signs import *

__all__ = [
    *_common.__all__,
    *_signs.__all__,
    *_averages.__all__,
    *_norms.__all__,
    *_matrices.__all__,
]
